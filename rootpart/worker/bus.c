/* SPDX-License-Identifier: MIT */
/*
 * From GPAs to devices: there is one, with 32-bit registers that take
 * narrower accesses at their first byte.
 */
#include "rootpart/worker/bus.h"

#include "lib/string.h"
#include "rootpart/worker/ioapic.h"
#include "rootpart/worker/machine.h"
#include "rootpart/worker/memory.h"

static bool is_ioapic(u64 gpa)
{
	return ALIGN_DOWN(gpa, PAGE_SIZE) == IOAPIC_BASE;
}

static bool is_register(u64 gpa, size_t len)
{
	return IS_ALIGNED(gpa, sizeof(u32)) && len <= sizeof(u32);
}

void bus_read(u64 gpa, void *to, size_t len)
{
	u32 v;

	if (!is_ioapic(gpa)) {
		memory_read(gpa, to, len);
		return;
	}
	memset(to, 0xff, len);
	if (!is_register(gpa, len))
		return;
	v = ioapic_read(&machine.ioapic, (u32)(gpa - IOAPIC_BASE));
	memcpy(to, &v, len);
}

void bus_write(u64 gpa, const void *from, size_t len)
{
	u32 v = 0;

	if (!is_ioapic(gpa)) {
		memory_write(gpa, from, len);
		return;
	}
	if (!is_register(gpa, len))
		return;
	memcpy(&v, from, len);
	ioapic_write(&machine.ioapic, (u32)(gpa - IOAPIC_BASE), v);
}

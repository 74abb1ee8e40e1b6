/* SPDX-License-Identifier: MIT */
/*
 * The probe's code, handlers and stack.
 */
#include "tests/guest/lib/probe.h"

#include "base/assert.h"
#include "lib/string.h"
#include "tests/guest/lib/child_code.h"
#include "tests/guest/lib/message.h"

#define HANDLERS     (CHILD_CODE + 0x8000u)
#define HANDLER_SIZE 16u
#define OUT_IMM8     0xe6u

struct probe probe;
static bool released;

void probe_begin(void)
{
	static const u8 nothing[1];

	released = false;
	probe.id = child_machine(nothing, sizeof(nothing), PROBE_RAM, &probe.ram);
}

void probe_start(const u8 *code, const u8 *end)
{
	probe_begin();
	memcpy(probe.ram + CHILD_CODE, code, (size_t)(end - code));
	assert(child_affinity(probe.id, 0, guest_bootinfo->processors > 1 ? 2 : 1) == 0);
	probe_set(PROBE_RDI, CHILD_DATA);
	child_gate(probe.ram, CODE_TIMER_VECTOR, CHILD_CODE + CODE_TIMER_HANDLER);
}

void probe_end(void)
{
	child_suspend(probe.id, 0);
	child_end(probe.id);
}

void probe_resume(void)
{
	if (released)
		child_resume(probe.id, 0);
	else
		child_release(probe.id, 0);
	released = true;
	guest_message_wait(&probe.m);
}

void probe_at(u64 rip)
{
	probe_set(HV_X64_REGISTER_RIP, rip);
	probe_resume();
}

void probe_code(const void *code, size_t size)
{
	memcpy(probe.ram + CHILD_CODE, code, size);
	probe_at(CHILD_CODE);
}

u64 probe_get(u32 name)
{
	return child_register(probe.id, 0, name);
}

void probe_set(u32 name, u64 v)
{
	child_register_set(probe.id, 0, name, v);
}

void probe_gate(u8 vector)
{
	u64 at = HANDLERS + vector * HANDLER_SIZE;

	probe.ram[at] = OUT_IMM8;
	probe.ram[at + 1] = vector;
	child_gate(probe.ram, vector, at);
}

bool probe_took(u8 vector)
{
	const struct hv_io_intercept *io = (const void *)probe.m.payload;

	return probe.m.header.type == HV_MESSAGE_IO_PORT && io->port == vector &&
	       io->header.rip == HANDLERS + vector * HANDLER_SIZE;
}

u64 probe_pushed(u32 n)
{
	u64 v;

	memcpy(&v, probe.ram + probe_get(PROBE_RSP) + 8 * n, sizeof(v));
	return v;
}

void probe_freeze(bool frozen)
{
	assert(child_set(probe.id, HV_PROPERTY_TIME_FREEZE, frozen) == HV_STATUS_SUCCESS);
}

u64 probe_time(void)
{
	u64 v;

	assert(child_get(probe.id, HV_PROPERTY_REFERENCE_TIME, &v) == HV_STATUS_SUCCESS);
	return v;
}

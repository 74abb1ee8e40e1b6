/* SPDX-License-Identifier: MIT */
/*
 * What VP 0 finds in its registers. Segments are loaded with all their hidden
 * parts; the table in memory says the same, for a kernel that loads one again
 * before it has its own. Intel SDM volume 3, 3.4.5 and 9.9.
 */
#include "base/assert.h"
#include "hv/registers.h"
#include "rootpart/worker/load.h"
#include "rootpart/worker/report.h"
#include "rootpart/worker/sys.h"
#include "x86/cpu.h"
#include "x86/cr.h"

#define SELECTOR_CODE 0x08u
#define SELECTOR_DATA 0x10u
#define SELECTOR_TSS  0x18u

/* clang-format off */
static const u64 descriptors[] = {
	0,
	0x00cf9b000000ffffull, /* 32-bit code */
	0x00cf93000000ffffull, /* data */
	0x00008b0000000067ull, /* a busy 32-bit TSS */
};

#define FLAT_CODE { .segment = { 0, 0xffffffff, SELECTOR_CODE, 0xc09b } }
#define FLAT_DATA { .segment = { 0, 0xffffffff, SELECTOR_DATA, 0xc093 } }

/* In the order of setting; what is not here is as after a reset, and GPRs are 0. */
static const struct hv_register_assoc flat_32[] = {
	{ .name = HV_X64_REGISTER_CR0, .value.u64 = CR0_PE | CR0_ET | CR0_NE },
	{ .name = HV_X64_REGISTER_CR2 },
	{ .name = HV_X64_REGISTER_CR3 },
	{ .name = HV_X64_REGISTER_CR4 },
	{ .name = HV_X64_REGISTER_EFER },
	{ .name = HV_X64_REGISTER_CS, .value = FLAT_CODE },
	{ .name = HV_X64_REGISTER_DS, .value = FLAT_DATA },
	{ .name = HV_X64_REGISTER_ES, .value = FLAT_DATA },
	{ .name = HV_X64_REGISTER_SS, .value = FLAT_DATA },
	{ .name = HV_X64_REGISTER_FS, .value = FLAT_DATA },
	{ .name = HV_X64_REGISTER_GS, .value = FLAT_DATA },
	{ .name = HV_X64_REGISTER_TR, .value.segment = { 0, 0x67, SELECTOR_TSS, 0x8b } },
	{ .name = HV_X64_REGISTER_LDTR, .value.segment = { 0, 0, 0, 0x82 } },
	{ .name = HV_X64_REGISTER_IDTR },
	{ .name = HV_X64_REGISTER_RFLAGS, .value.u64 = RFLAGS_FIXED },
};
/* clang-format on */

#define GPRS 16u
enum { RAX = 0, RBX = 3 };

static_assert(sizeof(descriptors) == LOAD_GDT_SIZE);

void load_entry_32(u32 rip, u32 eax, u32 ebx, u64 gdt)
{
	struct hv_register_assoc set[ARRAY_SIZE(flat_32) + GPRS + 2];
	u32 n = 0;

	load_write(gdt, descriptors, sizeof(descriptors));
	for (; n < ARRAY_SIZE(flat_32); n++)
		set[n] = flat_32[n];
	for (u32 i = 0; i < GPRS; i++)
		set[n++] = (struct hv_register_assoc){ .name = HV_X64_REGISTER_RAX + i };
	set[ARRAY_SIZE(flat_32) + RAX].value.u64 = eax;
	set[ARRAY_SIZE(flat_32) + RBX].value.u64 = ebx;
	set[n++] = (struct hv_register_assoc){ .name = HV_X64_REGISTER_RIP, .value.u64 = rip };
	set[n++] = (struct hv_register_assoc){ .name = HV_X64_REGISTER_GDTR,
		.value.table = { .limit = sizeof(descriptors) - 1, .base = gdt } };
	assert(n == ARRAY_SIZE(set));
	if (sys_set_registers(0, set, n) != 0)
		report_failure("KERNEL: the hypervisor refused the registers that VP 0 starts "
			       "with");
}

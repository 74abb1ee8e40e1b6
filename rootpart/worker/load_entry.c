/* SPDX-License-Identifier: MIT */
/*
 * What VP 0 finds in its registers. Segments are loaded with all their hidden
 * parts; the table in memory says the same, for a kernel that loads one again
 * before it has its own. Intel SDM volume 3, 3.4.5 and 9.9.
 */
#include "base/assert.h"
#include "hv/registers.h"
#include "lib/string.h"
#include "rootpart/worker/load.h"
#include "rootpart/worker/report.h"
#include "rootpart/worker/sys.h"
#include "x86/cpu.h"
#include "x86/cr.h"
#include "x86/msr.h"

#define SELECTOR_CODE 0x08u
#define SELECTOR_DATA 0x10u
#define SELECTOR_TSS  0x18u
/* Linux wants the code there. */
#define SELECTOR_CODE_64 0x10u
#define SELECTOR_DATA_64 0x18u
#define SELECTOR_TSS_64  0x20u

/* clang-format off */
static const u64 descriptors_32[] = {
	0,
	0x00cf9b000000ffffull, /* 32-bit code */
	0x00cf93000000ffffull, /* data */
	0x00008b0000000067ull, /* a busy 32-bit TSS */
};

static const u64 descriptors_64[] = {
	0,
	0,
	0x00af9b000000ffffull, /* 64-bit code */
	0x00cf93000000ffffull, /* data */
	0x00008b0000000067ull, /* a busy 64-bit TSS, of two */
	0,
};

#define FLAT_CODE    { .segment = { 0, 0xffffffff, SELECTOR_CODE, 0xc09b } }
#define FLAT_DATA    { .segment = { 0, 0xffffffff, SELECTOR_DATA, 0xc093 } }
#define FLAT_CODE_64 { .segment = { 0, 0xffffffff, SELECTOR_CODE_64, 0xa09b } }
#define FLAT_DATA_64 { .segment = { 0, 0xffffffff, SELECTOR_DATA_64, 0xc093 } }

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

/* CR3 is that of the kernel at hand. */
static const struct hv_register_assoc flat_64[] = {
	{ .name = HV_X64_REGISTER_CR0, .value.u64 = CR0_PG | CR0_PE | CR0_ET | CR0_NE },
	{ .name = HV_X64_REGISTER_CR2 },
	{ .name = HV_X64_REGISTER_CR4, .value.u64 = CR4_PAE },
	{ .name = HV_X64_REGISTER_EFER, .value.u64 = EFER_LME | EFER_LMA },
	{ .name = HV_X64_REGISTER_CS, .value = FLAT_CODE_64 },
	{ .name = HV_X64_REGISTER_DS, .value = FLAT_DATA_64 },
	{ .name = HV_X64_REGISTER_ES, .value = FLAT_DATA_64 },
	{ .name = HV_X64_REGISTER_SS, .value = FLAT_DATA_64 },
	{ .name = HV_X64_REGISTER_FS, .value = FLAT_DATA_64 },
	{ .name = HV_X64_REGISTER_GS, .value = FLAT_DATA_64 },
	{ .name = HV_X64_REGISTER_TR, .value.segment = { 0, 0x67, SELECTOR_TSS_64, 0x8b } },
	{ .name = HV_X64_REGISTER_LDTR, .value.segment = { 0, 0, 0, 0x82 } },
	{ .name = HV_X64_REGISTER_IDTR },
	{ .name = HV_X64_REGISTER_RFLAGS, .value.u64 = RFLAGS_FIXED },
};
/* clang-format on */

#define GPRS    16u
#define SET_MAX 36u
enum { RAX = 0, RBX = 3, RSI = 6 };

static_assert(sizeof(descriptors_32) <= LOAD_GDT_SIZE);
static_assert(sizeof(descriptors_64) <= LOAD_GDT_SIZE);

/* Registers to set, one after the other. */
struct set {
	u32 count;
	struct hv_register_assoc assoc[SET_MAX];
};

static void add(struct set *s, struct hv_register_assoc assoc)
{
	assert(s->count < SET_MAX);
	s->assoc[s->count++] = assoc;
}

static void add_u64(struct set *s, u32 name, u64 value)
{
	add(s, (struct hv_register_assoc){ .name = name, .value.u64 = value });
}

/* A mode's registers, RIP and general registers, and @size bytes of descriptors at @gdt. */
static void add_entry(struct set *s, const struct hv_register_assoc *mode, u32 count, u64 rip,
	const u64 gprs[GPRS], u16 size, u64 gdt)
{
	for (u32 i = 0; i < count; i++)
		add(s, mode[i]);
	for (u32 i = 0; i < GPRS; i++)
		add_u64(s, HV_X64_REGISTER_RAX + i, gprs[i]);
	add_u64(s, HV_X64_REGISTER_RIP, rip);
	add(s, (struct hv_register_assoc){ .name = HV_X64_REGISTER_GDTR,
		       .value.table = { .limit = (u16)(size - 1), .base = gdt } });
}

static void set_all(const struct set *s)
{
	if (sys_set_registers(0, s->assoc, s->count) != 0)
		report_failure("KERNEL: the hypervisor refused the registers that VP 0 starts "
			       "with");
}

void load_entry_32(u32 rip, u32 eax, u32 ebx, u64 gdt)
{
	const u64 gprs[GPRS] = { [RAX] = eax, [RBX] = ebx };
	struct set s = { .count = 0 };

	load_write(gdt, descriptors_32, sizeof(descriptors_32));
	add_entry(&s, flat_32, ARRAY_SIZE(flat_32), rip, gprs, sizeof(descriptors_32), gdt);
	set_all(&s);
}

void load_entry_64(u64 rip, u64 rsi, u64 tables, u64 gdt)
{
	const u64 gprs[GPRS] = { [RSI] = rsi };
	struct set s = { .count = 0 };

	load_write(gdt, descriptors_64, sizeof(descriptors_64));
	add_u64(&s, HV_X64_REGISTER_CR3, tables);
	add_entry(&s, flat_64, ARRAY_SIZE(flat_64), rip, gprs, sizeof(descriptors_64), gdt);
	set_all(&s);
}

void load_identity_fill(struct load_identity *t, u64 gpa)
{
	memset(t, 0, sizeof(*t));
	t->level4[0] = (gpa + offsetof(struct load_identity, level3)) | PTE_P | PTE_W;
	for (u32 i = 0; i < ARRAY_SIZE(t->level2); i++) {
		u64 table = gpa + offsetof(struct load_identity, level2) + i * PAGE_SIZE;

		t->level3[i] = table | PTE_P | PTE_W;
		for (u64 k = 0; k < PT_ENTRIES; k++)
			t->level2[i][k] =
				(i * PT_SPAN(3) + k * PT_SPAN(2)) | PTE_P | PTE_W | PTE_PS;
	}
}

/* SPDX-License-Identifier: MIT */
/*
 * VPs of children: the calls, and a machine to run machine code in.
 */
#include "tests/guest/lib/child_vp.h"

#include "base/assert.h"
#include "hv/stats.h"
#include "hv/vpset.h"
#include "lib/string.h"
#include "x86/apic.h"
#include "x86/cr.h"
#include "x86/desc.h"
#include "x86/msr.h"

#define APIC_TABLE 0xa000u /* PD of the fourth GiB */
#define LARGE      0x83u
#define UNCACHED   0x10u
#define VP_DEPOSIT 16u

static void *call_page(void)
{
	static void *page;

	if (!page)
		page = guest_pages(2);
	return page;
}

u64 child_create_vp(u64 id, u32 vp)
{
	struct hv_create_vp_input in = { .partition_id = id, .vp_index = vp };

	return guest_hypercall_block(HV_CALL_CREATE_VP, &in, sizeof(in), NULL, 0);
}

u64 child_delete_vp(u64 id, u32 vp)
{
	struct hv_delete_vp_input in = { .partition_id = id, .vp_index = vp };

	return guest_hypercall_block(HV_CALL_DELETE_VP, &in, sizeof(in), NULL, 0);
}

static u64 registers(u64 code, u64 id, u32 vp, const void *list, size_t size, u32 count)
{
	u8 *page = call_page();
	struct hv_vp_registers_input in = { .partition_id = id, .vp_index = vp };

	memcpy(page, &in, sizeof(in));
	memcpy(page + sizeof(in), list, size);
	return guest_hypercall(code | HV_CONTROL_REPS(count, 0), (u64)page, (u64)page + PAGE_SIZE);
}

u64 child_get_registers(
	u64 id, u32 vp, const u32 *names, union hv_register_value *values, u32 count)
{
	u64 result =
		registers(HV_CALL_GET_VP_REGISTERS, id, vp, names, count * sizeof(*names), count);

	memcpy(values, (u8 *)call_page() + PAGE_SIZE, HV_RESULT_REPS(result) * sizeof(*values));
	return result;
}

u64 child_set_registers(u64 id, u32 vp, const struct hv_register_assoc *list, u32 count)
{
	return registers(HV_CALL_SET_VP_REGISTERS, id, vp, list, count * sizeof(*list), count);
}

u64 child_state_page(u64 id, u32 vp, u32 type, u64 *gpfn)
{
	struct hv_map_state_page_input in = {
		.partition_id = id,
		.vp_index = vp,
		.type = (u16)type,
	};

	return guest_hypercall_block(
		HV_CALL_MAP_VP_STATE_PAGE, &in, sizeof(in), gpfn, sizeof(*gpfn));
}

u64 child_install(u64 id, u32 type, u32 access, u64 parameter)
{
	struct hv_install_intercept_input in = {
		.partition_id = id,
		.access = access,
		.type = type,
		.parameter = parameter,
	};

	return guest_hypercall_block(HV_CALL_INSTALL_INTERCEPT, &in, sizeof(in), NULL, 0);
}

u64 child_affinity(u64 id, u32 vp, u64 mask)
{
	struct {
		struct hv_set_property_ex_input in;
		u64 set[3]; /* format, banks, the only bank */
	} in = {
		.in = {
			.partition_id = id,
			.code = HV_PROPERTY_AFFINITY,
			.argument = HV_PROPERTY_ARGUMENT_VP(vp),
		},
		.set = { HV_VPSET_SPARSE_4K, 1, mask },
	};

	return guest_hypercall_block(
		HV_CALL_SET_PARTITION_PROPERTY_EX | HV_CONTROL_VARHEAD_IS(ARRAY_SIZE(in.set)), &in,
		sizeof(in), NULL, 0);
}

const volatile u64 *child_counters(u64 id, u32 vp)
{
	struct hv_stats_page_input in = {
		.type = HV_STATS_OBJECT_VP,
		.partition_id = id,
		.vp_index = vp,
	};
	u64 gpfn, result;

	result =
		guest_hypercall_block(HV_CALL_MAP_STATS_PAGE, &in, sizeof(in), &gpfn, sizeof(gpfn));
	assert(result == HV_STATUS_SUCCESS);
	return (const volatile u64 *)(gpfn << PAGE_SHIFT);
}

u64 child_register(u64 id, u32 vp, u32 name)
{
	union hv_register_value v;
	u64 result = child_get_registers(id, vp, &name, &v, 1);

	assert(result == CHILD_DONE(1));
	return v.u64;
}

void child_register_set(u64 id, u32 vp, u32 name, u64 value)
{
	struct hv_register_assoc one = { .name = name, .value = { .wide = { value } } };
	u64 result = child_set_registers(id, vp, &one, 1);

	assert(result == CHILD_DONE(1));
}

static struct hv_register_assoc wide(u32 name, struct hv_segment s)
{
	return (struct hv_register_assoc){ .name = name, .value = { .segment = s } };
}

void child_machine_vp(u64 id, u32 vp, u64 rip, u64 rsp)
{
	const struct hv_segment code = { 0, ~0u, 8, 0xa09b };
	const struct hv_segment data = { 0, ~0u, 16, 0xc093 };
	const struct hv_segment task = { 0, 0x67, 0, 0x8b };
	const struct hv_register_assoc list[] = {
		child_word(HV_X64_REGISTER_CR3, CHILD_TABLES),
		child_word(HV_X64_REGISTER_CR4, CR4_PAE | CR4_OSFXSR | CR4_OSXMMEXCPT),
		child_word(HV_X64_REGISTER_EFER, EFER_LME),
		child_word(HV_X64_REGISTER_CR0, CR0_PE | CR0_PG | CR0_NE | CR0_ET | CR0_MP),
		wide(HV_X64_REGISTER_CS, code),
		wide(HV_X64_REGISTER_DS, data),
		wide(HV_X64_REGISTER_ES, data),
		wide(HV_X64_REGISTER_SS, data),
		wide(HV_X64_REGISTER_FS, data),
		wide(HV_X64_REGISTER_GS, data),
		wide(HV_X64_REGISTER_TR, task),
		child_table(HV_X64_REGISTER_GDTR, CHILD_GDT, 23),
		child_table(HV_X64_REGISTER_IDTR, CHILD_IDT, PAGE_SIZE - 1),
		child_word(HV_X64_REGISTER_RIP, rip),
		child_word(HV_X64_REGISTER_RAX + 4, rsp),
		child_word(HV_X64_REGISTER_RFLAGS, 2),
	};

	assert(child_set_registers(id, vp, list, ARRAY_SIZE(list)) == CHILD_DONE(ARRAY_SIZE(list)));
}

static void write_tables(u8 *ram)
{
	u64 *pml4 = (u64 *)(void *)(ram + CHILD_TABLES);
	u64 *pdpt = pml4 + 512, *pd = pml4 + 1024;
	u64 *apic = (u64 *)(void *)(ram + APIC_TABLE);
	u64 *gdt = (u64 *)(void *)(ram + CHILD_GDT);

	pml4[0] = (CHILD_TABLES + PAGE_SIZE) | 3;
	pdpt[0] = (CHILD_TABLES + 2 * PAGE_SIZE) | 3;
	pdpt[3] = APIC_TABLE | 3;
	for (u64 i = 0; i < 512; i++)
		pd[i] = i * PAGE_2M | LARGE;
	apic[(APIC_DEFAULT_BASE >> 21) & 511] =
		ALIGN_DOWN(APIC_DEFAULT_BASE, PAGE_2M) | LARGE | UNCACHED;
	gdt[1] = 0x00af9b000000ffff;
	gdt[2] = 0x00cf93000000ffff;
}

u64 child_machine(const void *code, size_t code_size, u64 size, u8 **ram)
{
	u64 id = child_make(VP_DEPOSIT);
	u8 *memory = (u8 *)guest_ram(size, PAGE_2M);

	write_tables(memory);
	memcpy(memory + CHILD_CODE, code, code_size);
	child_map(id, 0, (u64)memory, size, (u32)HV_MAP_ALL);
	child_deposit_pages(id, VP_DEPOSIT);
	assert(child_create_vp(id, 0) == 0);
	child_machine_vp(id, 0, CHILD_CODE, CHILD_STACK);
	*ram = memory;
	return id;
}

void child_add_vp(u64 id, u32 vp, u64 rip, u64 rsp)
{
	child_deposit_pages(id, VP_DEPOSIT);
	assert(child_create_vp(id, vp) == HV_STATUS_SUCCESS);
	child_machine_vp(id, vp, rip, rsp);
	child_register_set(id, vp, HV_REGISTER_INTERNAL_ACTIVITY, 0);
}

void child_gate(u8 *ram, u8 vector, u64 rip)
{
	struct idt_gate *idt = (struct idt_gate *)(void *)(ram + CHILD_IDT);

	idt[vector] = (struct idt_gate){
		.offset_low = (u16)rip,
		.selector = SEL_CODE,
		.type = 0x8e,
		.offset_mid = (u16)(rip >> 16),
		.offset_high = (u32)(rip >> 32),
	};
}

void child_release(u64 id, u32 vp)
{
	child_register_set(id, vp, HV_REGISTER_EXPLICIT_SUSPEND, 0);
}

void child_suspend(u64 id, u32 vp)
{
	child_register_set(id, vp, HV_REGISTER_EXPLICIT_SUSPEND, 1);
}

void child_resume(u64 id, u32 vp)
{
	child_register_set(id, vp, HV_REGISTER_INTERCEPT_SUSPEND, 0);
}

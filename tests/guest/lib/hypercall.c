/* SPDX-License-Identifier: MIT */
/*
 * Hypercalls and further VPs for the guest test kernels.
 */
#include "hv/cpuid.h"
#include "hv/msr.h"
#include "lib/string.h"
#include "tests/guest/lib/guest.h"
#include "x86/atomic.h"
#include "x86/cpu.h"
#include "x86/cr.h"
#include "x86/desc.h"
#include "x86/msr.h"

#define STACK_PAGES 2u

static u64 (*call_page)(u64 control, u64 input, u64 output);
static void *in_page, *out_page;

extern const u8 guest_vp_thunk[];

static void set_up(void)
{
	void *page = guest_pages(1);

	in_page = guest_pages(1);
	out_page = guest_pages(1);
	msr_write(HV_MSR_GUEST_OS_ID, HV_GUEST_OS_ID_ROOT);
	msr_write(HV_MSR_HYPERCALL, (u64)page | HV_MSR_HYPERCALL_ENABLE);
	call_page = (u64(*)(u64, u64, u64))page;
}

u64 guest_hypercall_page(void)
{
	if (!call_page)
		set_up();
	return (u64)call_page;
}

void guest_compat(u32 *r, u64 code, u64 stack_top, u64 entry, u64 back);
extern const u8 guest_compat_entry[], guest_compat_back[];

void guest_call_compat(u32 r[6], u64 code, u64 stack_top)
{
	guest_compat(
		r, code, stack_top, guest_phys(guest_compat_entry), guest_phys(guest_compat_back));
}

u64 guest_hypercall(u64 control, u64 input_gpa, u64 output_gpa)
{
	if (!call_page)
		set_up();
	return guest_call_hypercall((const void *)call_page, control, input_gpa, output_gpa);
}

u64 guest_hypercall_block(u64 control, const void *in, size_t in_size, void *out, size_t out_size)
{
	u64 result;

	if (!call_page)
		set_up();
	memcpy(in_page, in, in_size);
	memset(out_page, 0, PAGE_SIZE);
	result = guest_hypercall(control, (u64)in_page, (u64)out_page);
	if (out_size)
		memcpy(out, out_page, out_size);
	return result;
}

/* What a started VP finds below its stack pointer. */
struct vp_arg {
	void (*fn)(void *arg);
	void *arg;
};

static struct vp_arg vp_args[64];

static void vp_entry(struct vp_arg *a)
{
	guest_load_tables();
	a->fn(a->arg);
	for (;;)
		cpu_halt();
}

void guest_vp_context(u32 index, u64 stack_top, struct hv_start_vp_input *in)
{
	static const struct hv_segment code = { 0, 0xffffffff, SEL_CODE, 0xa09b };
	static const struct hv_segment data = { 0, 0xffffffff, SEL_DATA, 0xc093 };
	struct hv_initial_vp_context *c = &in->context;

	*in = (struct hv_start_vp_input){ .partition_id = HV_PARTITION_SELF, .vp_index = index };
	c->rip = (u64)guest_vp_thunk;
	c->rsp = stack_top;
	c->rflags = 2;
	c->cs = code;
	c->ds = c->es = c->ss = c->fs = c->gs = data;
	c->tr = (struct hv_segment){ 0, 0x67, 0, 0x8b };
	c->ldtr = (struct hv_segment){ 0, 0, 0, 0x82 };
	c->efer = msr_read(MSR_EFER);
	c->cr0 = cr0_read();
	c->cr3 = cr3_read();
	c->cr4 = cr4_read();
	c->pat = msr_read(MSR_PAT);
}

enum hv_status guest_start_vp_by(const struct hv_start_vp_input *in)
{
	return HV_RESULT_STATUS(
		guest_hypercall_block(HV_CALL_START_VIRTUAL_PROCESSOR, in, sizeof(*in), NULL, 0));
}

enum hv_status guest_start_vp(u32 index, void (*fn)(void *arg), void *arg)
{
	u8 *stack = guest_pages(STACK_PAGES);
	u64 *top = (u64 *)(void *)(stack + STACK_PAGES * PAGE_SIZE) - 4;
	struct hv_start_vp_input in;

	vp_args[index] = (struct vp_arg){ fn, arg };
	/* The thunk in entry.S pops the argument and the function. */
	top[0] = (u64)&vp_args[index];
	top[1] = (u64)vp_entry;
	guest_vp_context(index, (u64)top, &in);
	return guest_start_vp_by(&in);
}

/* SPDX-License-Identifier: MIT */
/*
 * The fuzzer of hypercalls and MSRs. Addresses that it offers lead to pages of
 * its own, to places without memory, or to gifts, never into the image: where a
 * call may write is the guest's own risk.
 */
#include "tests/guest/lib/fuzz_impl.h"

#include "hv/msr.h"
#include "lib/string.h"
#include "tests/guest/lib/guest.h"
#include "x86/apic.h"
#include "x86/cpu.h"
#include "x86/desc.h"
#include "x86/mmio.h"
#include "x86/msr.h"

#define INPUT_WORDS 32u
#define RESULT_ZERO 0xfffff000ffff0000ull
#define STATUS_END  0x90u
#define OS_ID       HV_GUEST_OS_ID_ROOT

/* Where the hypercall page goes when it was switched off; never offered. */
static u8 call_page[PAGE_SIZE] __attribute__((section(".bss.page"))) __aligned(PAGE_SIZE);
static u8 call_code[4] = { 0x0f, 0x01, 0xc1, 0xc3 }; /* VMCALL; RET */

/* Not called, and why. */
static const struct {
	u16 code;
	bool root; /* in the root's place only */
	const char *why;
} skipped_codes[] = {
	{ HV_CALL_START_VIRTUAL_PROCESSOR, true, "a VP in a random state may end the machine" },
	{ 0x84, true, "EnterSleepState: power" },
	{ 0x6f, true, "SetSystemProperty: power" },
};

/* Not accessed, and why. */
static const struct {
	u32 msr;
	bool write;
	const char *why;
} skipped_msrs[] = {
	{ HV_MSR_RESET, true, "resets the partition" },
	{ 0x400000f0, false, "guest idle: waits for an interrupt, and there may never be one" },
	{ 0x40000105, true, "crash: ends the guest" },
};

static bool code_skipped(const struct fuzz *f, u16 code)
{
	for (u32 i = 0; i < ARRAY_SIZE(skipped_codes); i++)
		if (skipped_codes[i].code == code && (f->root || !skipped_codes[i].root))
			return true;
	return false;
}

static bool msr_skipped(u32 msr, bool write)
{
	for (u32 i = 0; i < ARRAY_SIZE(skipped_msrs); i++)
		if (skipped_msrs[i].msr == msr && skipped_msrs[i].write == write)
			return true;
	return false;
}

static bool failed(struct fuzz *f, const char *why, u64 what, u64 result)
{
	f->what = what;
	f->result = result;
	f->failure = why;
	return false;
}

/* One access or call, for guest_try(). */
struct attempt {
	u64 what; /* control word, or MSR and in bit 32 whether it is written */
	u64 value[2];
	u64 result;
	u64 xmm_in[12];
	u64 xmm_out[12];
};

static void do_call(void *arg)
{
	struct attempt *a = arg;

	if (a->what & HV_CONTROL_FAST)
		a->result = guest_call_xmm(
			call_code, a->what, a->value[0], a->value[1], a->xmm_in, a->xmm_out);
	else
		a->result = guest_call_hypercall(call_code, a->what, a->value[0], a->value[1]);
}

static void do_access(void *arg)
{
	struct attempt *a = arg;

	if (a->what >> 32)
		msr_write((u32)a->what, a->value[0]);
	else
		a->value[0] = msr_read((u32)a->what);
}

static bool result_possible(const struct attempt *a)
{
	u32 status = HV_RESULT_STATUS(a->result);
	u32 count = HV_CONTROL_REP_COUNT(a->what);

	if (a->result & RESULT_ZERO || status >= STATUS_END || status == 1)
		return false;
	if (status == HV_STATUS_SUCCESS && HV_RESULT_REPS(a->result) != count)
		return false;
	return HV_RESULT_REPS(a->result) <= count;
}

static void page_on(void)
{
	msr_write(HV_MSR_GUEST_OS_ID, OS_ID);
	msr_write(HV_MSR_HYPERCALL, guest_phys(call_page) | HV_MSR_HYPERCALL_ENABLE);
}

/* Without the hypercall page there is no such instruction: then it is switched on again. */
static bool call_failed(struct fuzz *f, const struct attempt *a, u32 vector)
{
	if (vector != VEC_UD || msr_read(HV_MSR_HYPERCALL) & HV_MSR_HYPERCALL_ENABLE)
		return failed(f, "call faults", a->what, vector);
	page_on();
	return true;
}

/* An input from @at to the end of its page, or for as long as anybody looks. */
static void fill(struct fuzz *f, const struct fuzz_shape *shape, u64 at, struct attempt *a)
{
	u64 *words = (u64 *)at;
	u64 left = (PAGE_SIZE - (at & PAGE_MASK)) / sizeof(u64);

	if (a->what & HV_CONTROL_FAST) {
		for (u32 i = 0; i < ARRAY_SIZE(a->value); i++)
			a->value[i] = fuzz_input_word(f, shape, i);
		for (u32 i = 0; i < ARRAY_SIZE(a->xmm_in); i++)
			a->xmm_in[i] = fuzz_input_word(f, shape, i + 2);
		return;
	}
	a->value[0] = fuzz_one_in(f, 16) ? fuzz_gpa(f) : at;
	a->value[1] = fuzz_gpa(f);
	if ((at & ~PAGE_MASK) == fuzz_covered())
		return;
	for (u32 i = 0; i < MIN(left, INPUT_WORDS); i++)
		words[i] = fuzz_input_word(f, shape, i);
}

static bool call(struct fuzz *f)
{
	const struct fuzz_shape *shape = fuzz_shape(f);
	struct attempt a = { .what = fuzz_control(f, shape) };
	struct guest_fault fault;
	u64 at = fuzz_scratch(f);

	if (code_skipped(f, HV_CONTROL_CODE(a.what)))
		return true;
	if (fuzz_one_in(f, 16))
		at += PAGE_SIZE - 8 * fuzz_below(f, 40) - 8;
	fill(f, shape, at, &a);
	f->value[0] = a.value[0];
	f->value[1] = a.value[1];
	f->calls++;
	fault = guest_try(do_call, &a);
	if (fault.vector != GUEST_NO_FAULT)
		return call_failed(f, &a, fault.vector);
	if (!result_possible(&a))
		return failed(f, "result", a.what, a.result);
	if (a.what & HV_CONTROL_FAST && memcmp(a.xmm_in, a.xmm_out, sizeof(a.xmm_in)) != 0)
		return failed(f, "XMM registers", a.what, a.result);
	f->successes += HV_RESULT_STATUS(a.result) == HV_STATUS_SUCCESS;
	f->statuses[HV_RESULT_STATUS(a.result) / 64] |= BIT(HV_RESULT_STATUS(a.result) % 64);
	return true;
}

static bool access_msr(struct fuzz *f)
{
	u32 msr = fuzz_msr(f);
	bool write = fuzz_one_in(f, 2);
	struct attempt a = { .what = msr | (u64)write << 32 };
	struct guest_fault fault;

	if (msr_skipped(msr, write))
		return true;
	f->value[0] = a.value[0] = fuzz_msr_value(f, msr);
	f->accesses++;
	fault = guest_try(do_access, &a);
	if (fault.vector == GUEST_NO_FAULT)
		return true;
	f->faults++;
	return (fault.vector == VEC_GP && fault.error == 0) ||
	       failed(f, "MSR faults", a.what, fault.vector);
}

/* It still knows who it is, time goes on, and the pages between those offered are as they were. */
static bool alive(struct fuzz *f)
{
	u64 before = msr_read(HV_MSR_TIME_REF_COUNT);

	for (u32 i = 0; i < ARRAY_SIZE(fuzz_pages); i += 2)
		for (u32 n = 0; n < PAGE_SIZE; n += 8)
			if (*(u64 *)(void *)&fuzz_pages[i][n] != 0)
				return failed(f, "a page that was not named", i, n);
	if (msr_read(HV_MSR_VP_INDEX) != 0)
		return failed(f, "VP index", 0, msr_read(HV_MSR_VP_INDEX));
	if (msr_read(HV_MSR_TIME_REF_COUNT) < before)
		return failed(f, "time", before, 0);
	return true;
}

static void ignore(u8 vector)
{
	(void)vector;
}

/* As it was before. */
static u64 hypercall_msr;

void fuzz_begin(void)
{
	hypercall_msr = msr_read(HV_MSR_HYPERCALL);
	if (!guest_is_vmx())
		call_code[2] = 0xd9; /* VMMCALL */
	guest_on_exception(VEC_NMI, ignore);
	irq_disable();
	page_on();
}

bool fuzz_run(struct fuzz *f, u64 count)
{
	while (count--) {
		if (!(fuzz_one_in(f, 4) ? access_msr(f) : call(f)))
			return false;
		if (count % 4096 == 0 && !alive(f))
			return false;
	}
	return true;
}

static void apic_set(u32 reg, u32 v)
{
	mmio_write32((volatile void *)(APIC_DEFAULT_BASE + reg), v);
}

void fuzz_end(void)
{
	for (u32 sint = 0; sint < 16; sint++)
		msr_write(HV_MSR_SINT(sint), HV_SINT_RESET);
	msr_write(HV_MSR_SCONTROL, 0);
	msr_write(HV_MSR_SIMP, 0);
	msr_write(HV_MSR_SIEFP, 0);
	page_on();
	msr_write(HV_MSR_HYPERCALL, hypercall_msr);
	/* Off and on again: what was in service and pending is forgotten. */
	msr_write(MSR_APIC_BASE, APIC_DEFAULT_BASE | APIC_BASE_BSP);
	msr_write(MSR_APIC_BASE, APIC_DEFAULT_BASE | APIC_BASE_BSP | APIC_BASE_ENABLE);
	apic_set(APIC_SVR, APIC_SVR_ENABLE | 0xff);
}

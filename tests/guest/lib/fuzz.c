/* SPDX-License-Identifier: MIT */
/*
 * The fuzzer of hypercalls and MSRs. Addresses that it offers lead to pages of
 * its own, to places without memory, or to gifts, never into the image: where a
 * call may write is the guest's own risk.
 */
#include "tests/guest/lib/fuzz.h"

#include "hv/msr.h"
#include "lib/string.h"
#include "tests/guest/lib/guest.h"
#include "x86/apic.h"
#include "x86/cpu.h"
#include "x86/desc.h"
#include "x86/mmio.h"
#include "x86/msr.h"

#define SCRATCH_PAGES 6u
#define INPUT_WORDS   32u
#define X2APIC_ICR    0x830u
#define HV_MSR_SIRBP  0x40000085u
#define RESULT_ZERO   0xfffff000ffff0000ull
#define STATUS_END    0x90u
#define OS_ID         HV_GUEST_OS_ID_ROOT

/* Every other page is offered; those between must not change. */
static u8 pages[2 * SCRATCH_PAGES + 1][PAGE_SIZE] __attribute__((section(".bss.page")))
__aligned(PAGE_SIZE);
/* Where the hypercall page goes when it was switched off; never offered. */
static u8 call_page[PAGE_SIZE] __attribute__((section(".bss.page"))) __aligned(PAGE_SIZE);
static u8 call_code[4] = { 0x0f, 0x01, 0xc1, 0xc3 }; /* VMCALL; RET */

/* What a call looks like. */
#define REP    1u /* it has a list */
#define HEADER 2u /* a set of VPs in the variable header */
#define OF     4u /* it names a partition first */

/* All calls that there are, and some that may be soon. */
static const struct shape {
	u16 code;
	u8 is;
} shapes[] = {
	{ 0x01, 0 },
	{ 0x02, 0 },
	{ 0x03, REP },
	{ 0x08, 0 },
	{ 0x0b, 0 },
	{ 0x13, HEADER },
	{ 0x14, HEADER | REP },
	{ 0x15, HEADER },
	{ 0x40, 0 },
	{ 0x41, OF },
	{ 0x42, OF },
	{ 0x43, OF },
	{ 0x44, OF },
	{ 0x45, OF },
	{ 0x46, 0 },
	{ 0x47, OF },
	{ 0x48, OF | REP },
	{ 0x49, OF | REP },
	{ 0x4a, OF },
	{ 0x4b, OF | REP },
	{ 0x4c, OF | REP },
	{ 0x4d, OF },
	{ 0x4e, OF },
	{ 0x4f, OF },
	{ 0x50, OF | REP },
	{ 0x51, OF | REP },
	{ 0x52, OF },
	{ 0x53, OF },
	{ 0x54, OF },
	{ 0x56, OF },
	{ 0x57, OF },
	{ 0x58, OF },
	{ 0x59, OF },
	{ 0x5a, OF },
	{ 0x5b, OF },
	{ 0x5c, 0 },
	{ 0x5d, 0 },
	{ 0x69, 0 },
	{ 0x6a, 0 },
	{ 0x6c, 0 },
	{ 0x6d, 0 },
	{ 0x6e, OF | REP },
	{ 0x6f, 0 },
	{ 0x7b, 0 },
	{ 0x7c, OF | HEADER },
	{ 0x7d, OF },
	{ 0x7e, OF | HEADER },
	{ 0x94, OF },
	{ 0x95, OF },
	{ 0x96, OF },
	{ 0x99, OF },
	{ 0x9a, OF | REP },
	{ 0xaf, 0 },
	{ 0xc0, OF },
	{ 0xc2, OF },
	{ 0xc9, OF | REP },
	{ 0xe1, OF },
	{ 0xe2, OF },
	{ 0xf4, OF | REP },
	{ 0x101, OF },
	{ 0x103, OF },
	{ 0x10a, OF | HEADER },
	{ 0x131, 0 },
	{ 0x8001, 0 },
};

/* Names of registers, but for those that move a page of the hypervisor over ours. */
static const u32 registers[] = { 0x0, 0x1, 0x4, 0x10002, 0x10003, 0x10007, 0x20000, 0x20004,
	0x2000f, 0x20010, 0x20011, 0x30000, 0x30010, 0x30018, 0x30019, 0x40000, 0x40001, 0x40002,
	0x40003, 0x40004, 0x40005, 0x50000, 0x50005, 0x60000, 0x60001, 0x60002, 0x60006, 0x60007,
	0x70000, 0x80000, 0x80001, 0x80002, 0x80003, 0x80004, 0x80008, 0x8000c, 0x80095, 0x90000,
	0x90002, 0x90003, 0x90013, 0x9001a, 0xa0000, 0xa0010, 0xa0013, 0xa0014 };

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

static const u32 msrs[] = { 0x40000000, 0x40000001, 0x40000002, 0x40000003, 0x40000010, 0x40000020,
	0x40000021, 0x40000022, 0x40000023, 0x40000070, 0x40000071, 0x40000072, 0x40000073,
	0x40000080, 0x40000081, 0x40000082, 0x40000083, 0x40000084, 0x40000085, 0x40000090,
	0x40000092, 0x4000009f, 0x400000b0, 0x400000b1, 0x400000b2, 0x400000b7, 0x40000100,
	0x40000104, 0x40000106, 0x40000118, 0x10, 0x1b, 0x3a, 0x3b, 0x48, 0x49, 0x8b, 0xfe, 0x174,
	0x179, 0x17a, 0x17b, 0x1a0, 0x1d9, 0x200, 0x250, 0x277, 0x2ff, 0x345, 0x480, 0x6e0, 0x802,
	0x808, 0x80b, 0x80f, 0x828, 0x830, 0x832, 0x838, 0x83f, 0xda0, 0xc0000080, 0xc0000081,
	0xc0000082, 0xc0000083, 0xc0000084, 0xc0000100, 0xc0000101, 0xc0000102, 0xc0000103,
	0xc0010010, 0xc0010015, 0xc001001f, 0xc0010055, 0xc0010114, 0xc0010117 };

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

static u64 any(struct fuzz *f)
{
	f->seed ^= f->seed << 13;
	f->seed ^= f->seed >> 7;
	f->seed ^= f->seed << 17;
	return f->seed * 0x2545f4914f6cdd1d;
}

/* A number below @n. */
static u64 below(struct fuzz *f, u64 n)
{
	return (any(f) >> 20) % n;
}

static bool one_in(struct fuzz *f, u64 n)
{
	return below(f, n) == 0;
}

static u64 scratch(struct fuzz *f)
{
	return guest_phys(pages[2 * below(f, SCRATCH_PAGES) + 1]);
}

/* The one that is never written: pages of the hypervisor may lie over it. */
static u64 covered(void)
{
	return guest_phys(pages[2 * SCRATCH_PAGES - 1]);
}

static u64 gift(struct fuzz *f)
{
	return f->gift_count ? (f->gift_gpfn + below(f, f->gift_count)) << PAGE_SHIFT : scratch(f);
}

static u64 gpa(struct fuzz *f)
{
	switch (below(f, 16)) {
	default:
		return scratch(f);
	case 0:
		return scratch(f) + below(f, PAGE_SIZE);
	case 1:
		return scratch(f) + PAGE_SIZE - 8 - 8 * below(f, 40);
	case 2:
		return gift(f);
	case 3:
		return APIC_DEFAULT_BASE + below(f, PAGE_SIZE);
	case 4:
		return 0xfec00000;
	case 5:
		return ~0ull - below(f, 0x2000);
	case 6:
		return BIT(40 + below(f, 24));
	case 7:
		return any(f) | BIT(62);
	}
}

/* What parameters are made of. Page numbers are of gifts, or of nothing, where pages are taken. */
static u64 parameter(struct fuzz *f)
{
	switch (below(f, 12)) {
	default:
		return below(f, 8);
	case 0:
		return HV_PARTITION_SELF;
	case 1:
		return HV_VP_SELF + below(f, 2);
	case 2:
		return any(f);
	case 3:
		return BIT(24 + below(f, 40));
	case 4:
		return gpa(f);
	case 5:
		return (f->root ? gift(f) : gpa(f)) >> PAGE_SHIFT;
	case 6:
		return below(f, 0x100);
	case 7:
		return registers[below(f, ARRAY_SIZE(registers))];
	case 8:
		return below(f, 8) << 32 | below(f, 8);
	}
}

static u64 partition(struct fuzz *f)
{
	switch (below(f, 8)) {
	default:
		return f->partitions[below(f, ARRAY_SIZE(f->partitions))];
	case 0:
		return HV_PARTITION_SELF;
	case 1:
		return below(f, 8);
	case 2:
		return parameter(f);
	}
}

/* A control word as the call wants it. */
static u64 control_of(struct fuzz *f, const struct shape *shape)
{
	u64 c = shape->code;

	if (shape->is & REP)
		c |= HV_CONTROL_REPS(1 + below(f, 8), 0);
	if (shape->is & HEADER)
		c |= HV_CONTROL_VARHEAD_IS(below(f, 4));
	if (one_in(f, 4))
		c |= HV_CONTROL_FAST;
	return c;
}

/* Any control word. */
static u64 control_any(struct fuzz *f, const struct shape *shape)
{
	u64 c = shape->code;

	if (one_in(f, 2))
		c = below(f, one_in(f, 2) ? 0x200 : 0x10000);
	if (one_in(f, 3))
		c |= HV_CONTROL_FAST;
	if (one_in(f, 4))
		c |= HV_CONTROL_VARHEAD_IS(below(f, one_in(f, 4) ? 0x400 : 8));
	if (one_in(f, 2))
		c |= HV_CONTROL_REPS(below(f, one_in(f, 8) ? 0x1000 : 16), 0);
	if (one_in(f, 8))
		c |= HV_CONTROL_REPS(0, below(f, one_in(f, 8) ? 0x1000 : 16));
	if (one_in(f, 30))
		c |= BIT(below(f, 64));
	return c;
}

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

/* Word @i of an input. Most of what is reserved must be zero. */
static u64 input_word(struct fuzz *f, const struct shape *shape, u32 i)
{
	if (i == 0 && shape->is & OF)
		return partition(f);
	return one_in(f, 2) ? 0 : parameter(f);
}

/* An input from @at to the end of its page, or for as long as anybody looks. */
static void fill(struct fuzz *f, const struct shape *shape, u64 at, struct attempt *a)
{
	u64 *words = (u64 *)at;
	u64 left = (PAGE_SIZE - (at & PAGE_MASK)) / sizeof(u64);

	if (a->what & HV_CONTROL_FAST) {
		for (u32 i = 0; i < ARRAY_SIZE(a->value); i++)
			a->value[i] = input_word(f, shape, i);
		for (u32 i = 0; i < ARRAY_SIZE(a->xmm_in); i++)
			a->xmm_in[i] = input_word(f, shape, i + 2);
		return;
	}
	a->value[0] = one_in(f, 16) ? gpa(f) : at;
	a->value[1] = gpa(f);
	if ((at & ~PAGE_MASK) == covered())
		return;
	for (u32 i = 0; i < MIN(left, INPUT_WORDS); i++)
		words[i] = input_word(f, shape, i);
}

static bool call(struct fuzz *f)
{
	const struct shape *shape = &shapes[below(f, ARRAY_SIZE(shapes))];
	struct attempt a = { .what = one_in(f, 4) ? control_any(f, shape) : control_of(f, shape) };
	struct guest_fault fault;
	u64 at = scratch(f);

	if (code_skipped(f, HV_CONTROL_CODE(a.what)))
		return true;
	if (one_in(f, 16))
		at += PAGE_SIZE - 8 * below(f, 40) - 8;
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

static u32 msr_number(struct fuzz *f)
{
	switch (below(f, 16)) {
	default:
		return msrs[below(f, ARRAY_SIZE(msrs))];
	case 0:
		return HV_MSR_FIRST + (u32)below(f, 0x200);
	case 1:
		return (u32)below(f, 0x2000);
	case 2:
		return (one_in(f, 2) ? 0xc0000000 : 0xc0010000) + (u32)below(f, 0x2000);
	case 3:
		return one_in(f, 2) ? 0x800 + (u32)below(f, 0x100) : (u32)any(f);
	}
}

/* A page that is none of ours to write. */
static u64 outside(struct fuzz *f)
{
	u64 at = gpa(f) & ~PAGE_MASK;

	for (u32 i = 0; i < SCRATCH_PAGES; i++)
		if (at == guest_phys(pages[2 * i + 1]))
			return covered();
	return at;
}

/* Where a page goes, and commands that reset or stop the receiver, which is the sender. */
static u64 msr_value(struct fuzz *f, u32 msr)
{
	u64 v = one_in(f, 2) ? parameter(f) : any(f) >> below(f, 64);

	switch (msr) {
	case HV_MSR_HYPERCALL:
	case HV_MSR_REFERENCE_TSC:
		/* Not locked: that is for ever. */
		return (one_in(f, 2) ? covered() : outside(f)) |
		       (v & PAGE_MASK & ~HV_MSR_HYPERCALL_LOCKED);
	case HV_MSR_SIMP:
	case HV_MSR_SIEFP:
	case HV_MSR_SIRBP:
	case HV_MSR_VP_ASSIST_PAGE:
		return (gpa(f) & ~PAGE_MASK) | (v & PAGE_MASK);
	case HV_MSR_ICR:
	case X2APIC_ICR:
		/* Fixed, lowest priority, or NMI. */
		v &= ~0x700ull;
		return v | (u64[]){ 0, 0x100, 0x400 }[below(f, 3)];
	default:
		return v;
	}
}

static bool access_msr(struct fuzz *f)
{
	u32 msr = msr_number(f);
	bool write = one_in(f, 2);
	struct attempt a = { .what = msr | (u64)write << 32 };
	struct guest_fault fault;

	if (msr_skipped(msr, write))
		return true;
	f->value[0] = a.value[0] = msr_value(f, msr);
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

	for (u32 i = 0; i < ARRAY_SIZE(pages); i += 2)
		for (u32 n = 0; n < PAGE_SIZE; n += 8)
			if (*(u64 *)(void *)&pages[i][n] != 0)
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
		if (!(one_in(f, 4) ? access_msr(f) : call(f)))
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

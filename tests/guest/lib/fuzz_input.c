/* SPDX-License-Identifier: MIT */
/*
 * What random calls and accesses are made of: codes, control words, addresses
 * and values, most of them such that something comes of it.
 */
#include "hv/msr.h"
#include "tests/guest/lib/fuzz_impl.h"
#include "tests/guest/lib/guest.h"
#include "x86/apic.h"

#define X2APIC_ICR   0x830u
#define HV_MSR_SIRBP 0x40000085u

/* What a call looks like. */
#define REP    1u /* it has a list */
#define HEADER 2u /* a set of VPs in the variable header */
#define OF     4u /* it names a partition first */

/* All calls that there are, and some that may be soon. */
static const struct fuzz_shape {
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
	{ 0xe3, OF | HEADER },
	{ 0xe4, OF | HEADER },
	{ 0xf4, OF | REP },
	{ 0x101, OF },
	{ 0x103, OF },
	{ 0x10a, OF | HEADER },
	{ 0x131, 0 },
	{ 0x8001, 0 },
};

/* Names of registers, but for those that move a page of the hypervisor over ours. */
static const u32 registers[] = { 0x0, 0x1, 0x4, 0x10002, 0x10003, 0x10004, 0x10007, 0x20000,
	0x20004, 0x2000f, 0x20010, 0x20011, 0x30000, 0x30010, 0x30018, 0x30019, 0x40000, 0x40001,
	0x40002, 0x40003, 0x40004, 0x40005, 0x50000, 0x50005, 0x60000, 0x60001, 0x60002, 0x60006,
	0x60007, 0x70000, 0x80000, 0x80001, 0x80002, 0x80003, 0x80004, 0x80008, 0x8000c, 0x80095,
	0x90000, 0x90002, 0x90003, 0x90013, 0x9001a, 0xa0000, 0xa0010, 0xa0013, 0xa0014 };

static const u32 msrs[] = { 0x40000000, 0x40000001, 0x40000002, 0x40000003, 0x40000010, 0x40000020,
	0x40000021, 0x40000022, 0x40000023, 0x40000070, 0x40000071, 0x40000072, 0x40000073,
	0x40000080, 0x40000081, 0x40000082, 0x40000083, 0x40000084, 0x40000085, 0x40000090,
	0x40000092, 0x4000009f, 0x400000b0, 0x400000b1, 0x400000b2, 0x400000b7, 0x40000100,
	0x40000104, 0x40000106, 0x40000118, 0x10, 0x1b, 0x3a, 0x3b, 0x48, 0x49, 0x8b, 0xfe, 0x174,
	0x179, 0x17a, 0x17b, 0x1a0, 0x1d9, 0x200, 0x250, 0x277, 0x2ff, 0x345, 0x480, 0x6e0, 0x802,
	0x808, 0x80b, 0x80f, 0x828, 0x830, 0x832, 0x838, 0x83f, 0xda0, 0xc0000080, 0xc0000081,
	0xc0000082, 0xc0000083, 0xc0000084, 0xc0000100, 0xc0000101, 0xc0000102, 0xc0000103,
	0xc0010010, 0xc0010015, 0xc001001f, 0xc0010055, 0xc0010114, 0xc0010117 };

u8 fuzz_pages[2 * FUZZ_SCRATCH_PAGES + 1][PAGE_SIZE] __attribute__((section(".bss.page")))
__aligned(PAGE_SIZE);

u64 fuzz_any(struct fuzz *f)
{
	f->seed ^= f->seed << 13;
	f->seed ^= f->seed >> 7;
	f->seed ^= f->seed << 17;
	return f->seed * 0x2545f4914f6cdd1d;
}

u64 fuzz_scratch(struct fuzz *f)
{
	return guest_phys(fuzz_pages[2 * fuzz_below(f, FUZZ_SCRATCH_PAGES) + 1]);
}

u64 fuzz_covered(void)
{
	return guest_phys(fuzz_pages[2 * FUZZ_SCRATCH_PAGES - 1]);
}

static u64 gift(struct fuzz *f)
{
	return f->gift_count ? (f->gift_gpfn + fuzz_below(f, f->gift_count)) << PAGE_SHIFT
			     : fuzz_scratch(f);
}

u64 fuzz_gpa(struct fuzz *f)
{
	switch (fuzz_below(f, 16)) {
	default:
		return fuzz_scratch(f);
	case 0:
		return fuzz_scratch(f) + fuzz_below(f, PAGE_SIZE);
	case 1:
		return fuzz_scratch(f) + PAGE_SIZE - 8 - 8 * fuzz_below(f, 40);
	case 2:
		return gift(f);
	case 3:
		return APIC_DEFAULT_BASE + fuzz_below(f, PAGE_SIZE);
	case 4:
		return 0xfec00000;
	case 5:
		return ~0ull - fuzz_below(f, 0x2000);
	case 6:
		return BIT(40 + fuzz_below(f, 24));
	case 7:
		return fuzz_any(f) | BIT(62);
	}
}

/* What parameters are made of. Page numbers are of gifts, or of nothing, where pages are taken. */
static u64 parameter(struct fuzz *f)
{
	switch (fuzz_below(f, 12)) {
	default:
		return fuzz_below(f, 8);
	case 0:
		return HV_PARTITION_SELF;
	case 1:
		return HV_VP_SELF + fuzz_below(f, 2);
	case 2:
		return fuzz_any(f);
	case 3:
		return BIT(24 + fuzz_below(f, 40));
	case 4:
		return fuzz_gpa(f);
	case 5:
		return (f->root ? gift(f) : fuzz_gpa(f)) >> PAGE_SHIFT;
	case 6:
		return fuzz_below(f, 0x100);
	case 7:
		return registers[fuzz_below(f, ARRAY_SIZE(registers))];
	case 8:
		return fuzz_below(f, 8) << 32 | fuzz_below(f, 8);
	}
}

static u64 partition(struct fuzz *f)
{
	switch (fuzz_below(f, 8)) {
	default:
		return f->partitions[fuzz_below(f, ARRAY_SIZE(f->partitions))];
	case 0:
		return HV_PARTITION_SELF;
	case 1:
		return fuzz_below(f, 8);
	case 2:
		return parameter(f);
	}
}

/* A control word as the call wants it. */
static u64 control_of(struct fuzz *f, const struct fuzz_shape *shape)
{
	u64 c = shape->code;

	if (shape->is & REP)
		c |= HV_CONTROL_REPS(1 + fuzz_below(f, 8), 0);
	if (shape->is & HEADER)
		c |= HV_CONTROL_VARHEAD_IS(fuzz_below(f, 4));
	if (fuzz_one_in(f, 4))
		c |= HV_CONTROL_FAST;
	return c;
}

/* Any control word. */
static u64 control_any(struct fuzz *f, const struct fuzz_shape *shape)
{
	u64 c = shape->code;

	if (fuzz_one_in(f, 2))
		c = fuzz_below(f, fuzz_one_in(f, 2) ? 0x200 : 0x10000);
	if (fuzz_one_in(f, 3))
		c |= HV_CONTROL_FAST;
	if (fuzz_one_in(f, 4))
		c |= HV_CONTROL_VARHEAD_IS(fuzz_below(f, fuzz_one_in(f, 4) ? 0x400 : 8));
	if (fuzz_one_in(f, 2))
		c |= HV_CONTROL_REPS(fuzz_below(f, fuzz_one_in(f, 8) ? 0x1000 : 16), 0);
	if (fuzz_one_in(f, 8))
		c |= HV_CONTROL_REPS(0, fuzz_below(f, fuzz_one_in(f, 8) ? 0x1000 : 16));
	if (fuzz_one_in(f, 30))
		c |= BIT(fuzz_below(f, 64));
	return c;
}

const struct fuzz_shape *fuzz_shape(struct fuzz *f)
{
	return &shapes[fuzz_below(f, ARRAY_SIZE(shapes))];
}

u64 fuzz_control(struct fuzz *f, const struct fuzz_shape *shape)
{
	return fuzz_one_in(f, 4) ? control_any(f, shape) : control_of(f, shape);
}

/* Word @i of an input. Most of what is reserved must be zero. */
u64 fuzz_input_word(struct fuzz *f, const struct fuzz_shape *shape, u32 i)
{
	if (i == 0 && shape->is & OF)
		return partition(f);
	return fuzz_one_in(f, 2) ? 0 : parameter(f);
}

u32 fuzz_msr(struct fuzz *f)
{
	switch (fuzz_below(f, 16)) {
	default:
		return msrs[fuzz_below(f, ARRAY_SIZE(msrs))];
	case 0:
		return HV_MSR_FIRST + (u32)fuzz_below(f, 0x200);
	case 1:
		return (u32)fuzz_below(f, 0x2000);
	case 2:
		return (fuzz_one_in(f, 2) ? 0xc0000000 : 0xc0010000) + (u32)fuzz_below(f, 0x2000);
	case 3:
		return fuzz_one_in(f, 2) ? 0x800 + (u32)fuzz_below(f, 0x100) : (u32)fuzz_any(f);
	}
}

/* A page that is none of ours to write. */
static u64 outside(struct fuzz *f)
{
	u64 at = fuzz_gpa(f) & ~PAGE_MASK;

	for (u32 i = 0; i < FUZZ_SCRATCH_PAGES; i++)
		if (at == guest_phys(fuzz_pages[2 * i + 1]))
			return fuzz_covered();
	return at;
}

/* Where a page goes, and commands that reset or stop the receiver, which is the sender. */
u64 fuzz_msr_value(struct fuzz *f, u32 msr)
{
	u64 v = fuzz_one_in(f, 2) ? parameter(f) : fuzz_any(f) >> fuzz_below(f, 64);

	switch (msr) {
	case HV_MSR_HYPERCALL:
	case HV_MSR_REFERENCE_TSC:
		/* Not locked: that is for ever. */
		return (fuzz_one_in(f, 2) ? fuzz_covered() : outside(f)) |
		       (v & PAGE_MASK & ~HV_MSR_HYPERCALL_LOCKED);
	case HV_MSR_SIMP:
	case HV_MSR_SIEFP:
	case HV_MSR_SIRBP:
	case HV_MSR_VP_ASSIST_PAGE:
		return (fuzz_gpa(f) & ~PAGE_MASK) | (v & PAGE_MASK);
	case HV_MSR_ICR:
	case X2APIC_ICR:
		/* Fixed, lowest priority, or NMI. */
		v &= ~0x700ull;
		return v | (u64[]){ 0, 0x100, 0x400 }[fuzz_below(f, 3)];
	default:
		return v;
	}
}

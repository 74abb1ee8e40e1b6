/* SPDX-License-Identifier: MIT */
/*
 * Reference time on every VP: the page and the counter tell the same, which
 * neither goes back nor stops, and the page is nobody's to write.
 * machines: svm-smp1-bios svm-smp2-bios svm-det-smp1 vmx-smp1 ryzen-smp1
 * child: svm-smp1-bios svm-smp2-bios svm-det-smp1 vmx-smp1
 * child-options: --memory 32M --cpus 2
 */
#include "hv/cpuid.h"
#include "hv/msr.h"
#include "lib/string.h"
#include "tests/guest/lib/guest.h"
#include "tests/guest/lib/time.h"
#include "x86/atomic.h"
#include "x86/cpu.h"
#include "x86/desc.h"
#include "x86/divide.h"
#include "x86/msr.h"

#define ROUNDS 10000u
#define FAR    0x0000800000000000ull /* no processor's addresses reach so far */
/* Where time passes only as instructions do, the two are this close to each other: 1 us. */
#define CLOSE 10u

static volatile u32 up;

struct result {
	u32 wrong;   /* rounds in which the counter was not between */
	u32 invalid; /* in which the page was not valid */
	u32 apart;   /* in which the counter was far from both readings of the page */
	u64 near;    /* least distance of counter and page */
};

static struct result results[2];
static bool by_instructions; /* as on Bochs, and in QEMU's deterministic mode */

static void compare(struct result *r)
{
	r->near = ~0ull;
	for (u32 i = 0; i < ROUNDS; i++) {
		u64 a = guest_time(), m = guest_time_counter(), b = guest_time();
		u64 again = guest_time_counter();

		r->wrong += a > m || m > b || b > again;
		r->invalid += guest_time_page->sequence == HV_TSC_INVALID;
		r->apart += MIN(m - a, b - m) > CLOSE;
		r->near = MIN(r->near, MIN(m - a, b - m));
	}
}

static void other(void *arg)
{
	compare(arg);
	store_release(&up, 2);
}

static void report(u32 vp)
{
	const struct result *r = &results[vp];

	guest_check(!r->wrong, "between", "vp %u: %u of %u", vp, r->wrong, ROUNDS);
	guest_check(!r->invalid, "valid", "vp %u: %u", vp, r->invalid);
	guest_check(!by_instructions || r->near <= CLOSE, "near", "vp %u: %lu", vp, r->near);
	/* Bochs counts no more of them in a microsecond than an exit may take. */
	guest_check(!by_instructions || !guest_is_qemu() || !r->apart, "near-always",
		"vp %u: %u of %u", vp, r->apart, ROUNDS);
}

/* Both at once, so that each reads what is written for both. */
static void test_every_vp(void)
{
	bool second = guest_start_vp(1, other, &results[1]) == HV_STATUS_SUCCESS;

	compare(&results[0]);
	report(0);
	if (!second) {
		guest_check(!guest_is_child(), "second-vp");
		return;
	}
	while (load_acquire(&up) != 2)
		cpu_pause();
	report(1);
}

static void wr(void *v)
{
	msr_write(HV_MSR_REFERENCE_TSC, *(u64 *)v);
}

static void poke(void *p)
{
	*(volatile u32 *)p = 1;
}

static void test_page(void)
{
	u64 page = (u64)guest_time_page;
	struct hv_reference_tsc_page copy;
	u64 v;

	guest_check(msr_read(HV_MSR_REFERENCE_TSC) == (page | 1), "msr");
	guest_check(guest_time_page->scale == divide_wide(HV_TIME_PER_SEC, 0,
						      msr_read(HV_MSR_TSC_FREQUENCY), &v) &&
			    guest_time_page->sequence != HV_TSC_INVALID_V2,
		"scale", "%lx", guest_time_page->scale);
	memcpy(&copy, (const void *)guest_time_page, sizeof(copy));
	guest_check(guest_try(poke, (void *)page).vector == VEC_GP, "read-only");
	guest_check(memcmp(&copy, (const void *)guest_time_page, sizeof(copy)) == 0, "unchanged");
	v = FAR | 1;
	guest_check(guest_try(wr, &v).vector == VEC_GP, "far");
	guest_check(msr_read(HV_MSR_REFERENCE_TSC) == (page | 1) && guest_time_page->sequence,
		"far-unchanged");
}

/* The page below is as it was, and the clock moves with its page. */
static void test_move(void)
{
	u64 *first = (u64 *)(u64)guest_time_page, *second = guest_pages(1);
	u64 t;

	second[0] = 0x1111;
	msr_write(HV_MSR_REFERENCE_TSC, (u64)second | 0xffe | HV_MSR_PAGE_ENABLE);
	guest_check(msr_read(HV_MSR_REFERENCE_TSC) == ((u64)second | 1), "reserved-bits");
	guest_check(first[0] == 0 && first[1] == 0, "moved-from");
	guest_time_page = (void *)second;
	t = guest_time_counter();
	guest_check(guest_time_page->sequence != HV_TSC_INVALID && guest_time() >= t &&
			    guest_time() < t + HV_TIME_PER_SEC,
		"moved-to");
	msr_write(HV_MSR_REFERENCE_TSC, (u64)second);
	guest_check(second[0] == 0x1111 && second[2] == 0, "off");
	second[0] = 0;
	guest_check(guest_try(poke, second).vector == GUEST_NO_FAULT, "off-writable");
	/* As the page that is off reads: whoever uses it asks for the counter. */
	second[0] = 0;
	guest_check(guest_time() >= t, "fallback");
	msr_write(HV_MSR_REFERENCE_TSC, (u64)first | HV_MSR_PAGE_ENABLE);
	guest_time_page = (void *)first;
	guest_check(guest_time() >= t && first[1], "on-again");
}

/* One page only lies over another. */
static void test_twice(void)
{
	u64 page = (u64)guest_time_page, v = guest_hypercall_page() | 1;

	guest_check(guest_try(wr, &v).vector == VEC_GP && guest_time_page->sequence &&
			    msr_read(HV_MSR_REFERENCE_TSC) == (page | 1),
		"over-another");
}

static void test_cpuid(void)
{
	struct cpuid_regs r = cpuid(HV_CPUID_FEATURES, 0);

	guest_check(r.eax & HV_ACCESS_REFERENCE_TSC && r.eax & HV_ACCESS_REFERENCE_COUNT &&
			    r.eax & HV_ACCESS_SYNTHETIC_TIMER && r.eax & HV_ACCESS_GUEST_IDLE,
		"privileges", "%x", r.eax);
	guest_check(r.edx & HV_FEATURE_DIRECT_TIMERS &&
			    !(r.edx & HV_FEATURE_CRASH_MSRS) == !guest_is_child(),
		"features", "%x", r.edx);
}

void guest_main(void)
{
	guest_time_init();
	by_instructions = guest_time_is_by_instructions();
	/* Of QEMU's modes only that one has a TSC of 1 GHz. */
	guest_check(by_instructions == (!guest_is_qemu() || guest_tsc_hz() / 1000000 == 1000),
		"by-instructions", "%u at %lu Hz", by_instructions, guest_tsc_hz());
	test_cpuid();
	test_every_vp();
	test_page();
	test_move();
	test_twice();
}

/* SPDX-License-Identifier: MIT */
/*
 * Hypercalls that make VPs forget translations, and that interrupt sets of
 * VPs: in all their forms, in memory and in registers, XMM's among them. A page
 * is mapped elsewhere without INVLPG, and after the call nobody sees the old
 * one: neither the caller, nor another VP that runs without exits, nor one
 * that slept meanwhile.
 * machines: svm-smp1-bios svm-smp2-bios vmx-smp1 vmx-smp2 ryzen-smp1
 * child: svm-smp1-bios svm-smp2-bios vmx-smp1
 * child-options: --memory 32M --cpus 2
 */
#include "hv/cpuid.h"
#include "hv/msr.h"
#include "hv/vpset.h"
#include "lib/string.h"
#include "tests/guest/lib/guest.h"
#include "x86/atomic.h"
#include "x86/cpu.h"
#include "x86/cr.h"
#include "x86/msr.h"
#include "x86/paging.h"

#define GVA_BASE  0x8000000000ull /* the second entry of the PML4 */
#define PAGES     32u
#define ROUNDS    40u
#define STORM     (guest_is_qemu() ? 100u : 300u)
#define LIVE      (guest_is_qemu() ? 100u : 1000u) /* its processors may be threads of one */
#define VECTOR    0x50u
#define SECOND_US 1000000u
#define FAST      HV_CONTROL_FAST
#define REPS(n)   HV_CONTROL_REPS(n, 0)
#define HEAD(n)   HV_CONTROL_VARHEAD_IS(n)
#define SPACE     ((u64)HV_CALL_FLUSH_VIRTUAL_ADDRESS_SPACE)
#define LIST      ((u64)HV_CALL_FLUSH_VIRTUAL_ADDRESS_LIST)
#define SPACE_EX  ((u64)HV_CALL_FLUSH_VIRTUAL_ADDRESS_SPACE_EX)
#define LIST_EX   ((u64)HV_CALL_FLUSH_VIRTUAL_ADDRESS_LIST_EX)
#define IPI       ((u64)HV_CALL_SEND_CLUSTER_IPI)
#define IPI_EX    ((u64)HV_CALL_SEND_CLUSTER_IPI_EX)
#define CR3       0x1000ull /* some address space: ours is flushed with it */

extern u64 pml4[512];

static volatile u64 *const window = (volatile u64 *)GVA_BASE;
static u64 *pte;
static u64 *pages[PAGES];
static u64 turn; /* page turn % PAGES is the one that the window shows, and holds this number */
static bool two; /* VP 1 is there */

/* What a call's input is, by words; the last ones in XMM registers if it is fast. */
struct form {
	const char *name;
	u64 control;
	u64 words[14];
};

static u64 xmm_in[12], xmm_out[12];

/* The words of @form, in memory or in registers. */
static u64 make(const struct form *form)
{
	if (!(form->control & FAST))
		return guest_hypercall_block(
			form->control, form->words, sizeof(form->words), NULL, 0);
	memcpy(xmm_in, &form->words[2], sizeof(xmm_in));
	return guest_call_xmm((const void *)guest_hypercall_page(), form->control, form->words[0],
		form->words[1], xmm_in, xmm_out);
}

/* All of these reach VPs 0 and 1, and some name others that do not exist. */
static const struct form flushes[] = {
	{ "space", SPACE, { CR3, 0, 3 } },
	{ "space-all-vps", SPACE, { CR3, HV_FLUSH_ALL_PROCESSORS, 0 } },
	{ "space-all-spaces", SPACE, { 0, HV_FLUSH_ALL_SPACES, ~0ull } },
	{ "space-non-global", SPACE, { CR3, HV_FLUSH_NON_GLOBAL, 3 } },
	{ "space-xmm", SPACE | FAST, { CR3, 0, 3 } },
	{ "list", LIST | REPS(1), { CR3, 0, 3, GVA_BASE } },
	{ "list-range", LIST | REPS(2), { CR3, 0, 0xff, 0x1000, GVA_BASE | 0xfff } },
	{ "list-rest", LIST | HV_CONTROL_REPS(3, 2), { CR3, 0, 3, 0, 0, GVA_BASE } },
	{ "list-xmm", LIST | REPS(11) | FAST, { CR3, 0, 3, GVA_BASE } },
	{ "space-ex", SPACE_EX | HEAD(1), { CR3, 0, HV_VPSET_SPARSE_4K, 1, 3 } },
	{ "space-ex-banks", SPACE_EX | HEAD(3),
		{ CR3, 0, HV_VPSET_SPARSE_4K, BIT(63) | 3, ~0ull, ~0ull, 1 } },
	{ "space-ex-all", SPACE_EX, { CR3, 0, HV_VPSET_ALL, 0 } },
	{ "space-ex-xmm", SPACE_EX | HEAD(1) | FAST, { CR3, 0, HV_VPSET_SPARSE_4K, 1, 3 } },
	{ "list-ex", LIST_EX | HEAD(1) | REPS(1), { CR3, 0, HV_VPSET_SPARSE_4K, 1, 3, GVA_BASE } },
	{ "list-ex-all", LIST_EX | REPS(1), { CR3, 0, HV_VPSET_ALL, 0, GVA_BASE } },
	{ "list-ex-xmm", LIST_EX | HEAD(1) | REPS(9) | FAST,
		{ CR3, 0, HV_VPSET_SPARSE_4K, 1, 3, GVA_BASE } },
};

static bool flush(const struct form *form)
{
	return make(form) == REPS(HV_CONTROL_REP_COUNT(form->control));
}

static void window_make(void)
{
	u64 *pdpt = guest_pages(1), *pd = guest_pages(1), *pt = guest_pages(1);

	for (u32 i = 0; i < PAGES; i++)
		pages[i] = guest_pages(1);
	pte = &pt[0];
	pd[0] = (u64)pt | PTE_P | PTE_W;
	pdpt[0] = (u64)pd | PTE_P | PTE_W;
	pml4[1] = (u64)pdpt | PTE_P | PTE_W;
	*pages[0] = 0;
	*pte = (u64)pages[0] | PTE_P;
}

/* The next page in the window, without a word to the TLB. */
static void window_turn(u64 n)
{
	u64 *page = pages[n % PAGES];

	WRITE_ONCE(*page, n);
	store_release(pte, (u64)page | PTE_P | PTE_G);
}

/* A translation that is used stays: else there were nothing to show. */
static void test_stale(void)
{
	u32 stale = 0;

	for (u32 i = 0; i < 20; i++) {
		u64 old = *window;

		window_turn(++turn);
		stale += *window == old;
		invlpg(GVA_BASE);
	}
	guest_check(stale > 0, "translations-stay");
}

static void test_own(const struct form *form)
{
	bool ok = true;

	for (u32 i = 0; i < ROUNDS && ok; i++) {
		(void)*window;
		window_turn(++turn);
		ok = flush(form) && *window == turn;
	}
	guest_check(ok, form->name, "%lu, not %lu", *window, turn);
}

/* From here on with VP 1, which does what @job says. */
enum job { WATCH, HALT, STORM_TOO };

static volatile u32 job;
static volatile u64 halts;
static volatile u64 shown; /* the turn that VP 1 is sure of */
static volatile u64 seen;  /* what it saw then */
static volatile u64 stale; /* looks at an older page than that turn's */
static volatile u64 interrupts[2];
static volatile u64 storms;
static u64 vp1;

static void on_interrupt(u8 vector)
{
	(void)vector;
	interrupts[msr_read(HV_MSR_VP_INDEX)]++;
	msr_write(HV_MSR_EOI, 0);
}

/* Loads in this order: what was flushed before the turn was told is not to be seen any more. */
static void look(void)
{
	u64 n = shown;
	u64 v = *window;

	if (v < n)
		stale++;
	seen = v;
}

static void second(void *arg)
{
	(void)arg;
	/* Pairs with the load in main. */
	store_release(&vp1, 1);
	for (;;) {
		if (job == STORM_TOO) {
			(void)guest_hypercall(SPACE_EX | FAST, 0, HV_FLUSH_ALL_PROCESSORS);
			storms++;
		} else if (job == HALT) {
			halts++;
			irq_wait();
		}
		look();
		/* Two instructions: the first one is in the shadow of STI. */
		irq_enable();
		(void)rdtsc();
		irq_disable();
	}
}

/* Lets others run while it waits. */
static bool becomes(const volatile u64 *word, u64 least)
{
	u64 end = rdtsc() + guest_tsc_hz() / 1000000 * SECOND_US;

	while (*word < least && rdtsc() < end)
		(void)guest_hypercall(HV_CALL_NOTIFY_LONG_SPIN_WAIT | FAST, 1, 0);
	return *word >= least;
}

/* It has read the window since the last turn, so that it has the translation. */
static void test_other(const struct form *form, u32 rounds)
{
	bool ok = true;

	for (u32 i = 0; i < rounds && ok; i++) {
		window_turn(++turn);
		ok = flush(form);
		shown = turn;
		ok = ok && becomes(&seen, turn);
	}
	guest_check(ok && stale == 0, form->name, "other VP: %lu stale, saw %lu of %lu", stale,
		seen, turn);
	stale = 0;
}

/* Where both have processors: it looks without exits all the time. */
static void test_live(void)
{
	for (u32 i = 0; i < LIVE; i++) {
		window_turn(++turn);
		if (!flush(&flushes[i % ARRAY_SIZE(flushes)]))
			guest_fail("live", "%u", i);
		shown = turn;
	}
	guest_check(becomes(&seen, turn) && stale == 0, "live", "%lu stale", stale);
}

/* It forgets when it runs again, and its HLT is not over for it. */
static void test_halted(void)
{
	const struct form wake = { "", IPI | FAST, { VECTOR, 2 } };
	u64 before = halts;

	job = HALT;
	(void)becomes(&halts, before + 1);
	guest_delay_us(20000);
	before = halts;
	for (u32 i = 0; i < 10; i++) {
		window_turn(++turn);
		(void)flush(&flushes[i % ARRAY_SIZE(flushes)]);
	}
	shown = turn;
	guest_delay_us(20000);
	guest_check(halts == before && before, "stays-halted", "%lu", halts - before);
	job = WATCH;
	(void)make(&wake);
	guest_check(becomes(&seen, turn) && stale == 0, "halted", "%lu stale", stale);
}

/* Each waits for the other all the time, and so serves it meanwhile. */
static void test_storm(void)
{
	bool ok = true;

	job = STORM_TOO;
	(void)becomes(&storms, 1);
	for (u32 i = 0; i < STORM; i++)
		ok = ok && flush(&flushes[i % ARRAY_SIZE(flushes)]);
	guest_check(ok && becomes(&storms, 50), "storm", "%lu", storms);
	job = WATCH;
}

/* VPs 0 (bit 0) and 1 that are interrupted by it. */
static const struct {
	struct form form;
	u32 reached;
} ipis[] = {
	{ { "ipi-fast", IPI | FAST, { VECTOR, 3 } }, 3 },
	{ { "ipi-memory", IPI, { VECTOR, 3 } }, 3 },
	{ { "ipi-self", IPI | FAST, { VECTOR, 1 } }, 1 },
	{ { "ipi-other", IPI | FAST, { VECTOR, 2 } }, 2 },
	{ { "ipi-nobody", IPI | FAST, { VECTOR, 0 } }, 0 },
	{ { "ipi-absent", IPI, { VECTOR, ~3ull } }, 0 },
	{ { "ipi-ex", IPI_EX | HEAD(1), { VECTOR, HV_VPSET_SPARSE_4K, 1, 3 } }, 3 },
	{ { "ipi-ex-other", IPI_EX | HEAD(2), { VECTOR, HV_VPSET_SPARSE_4K, 9, 2, 1 } }, 2 },
	{ { "ipi-ex-second-bank", IPI_EX | HEAD(1), { VECTOR, HV_VPSET_SPARSE_4K, 2, 3 } }, 0 },
	{ { "ipi-ex-no-banks", IPI_EX, { VECTOR, HV_VPSET_SPARSE_4K, 0 } }, 0 },
	{ { "ipi-ex-all", IPI_EX, { VECTOR, HV_VPSET_ALL } }, 3 },
	{ { "ipi-ex-xmm", IPI_EX | HEAD(1) | FAST, { VECTOR, HV_VPSET_SPARSE_4K, 1, 2 } }, 2 },
	{ { "ipi-ex-xmm-all", IPI_EX | FAST, { VECTOR, HV_VPSET_ALL } }, 3 },
};

static void test_ipis(void)
{
	u64 due[2] = { interrupts[0], interrupts[1] };

	for (u32 i = 0; i < ARRAY_SIZE(ipis); i++) {
		u64 result = make(&ipis[i].form);

		due[0] += ipis[i].reached & 1;
		due[1] += two && ipis[i].reached & 2;
		irq_enable();
		(void)becomes(&interrupts[0], due[0]);
		(void)becomes(&interrupts[1], due[1]);
		irq_disable();
		guest_check(result == 0 && interrupts[0] == due[0] && interrupts[1] == due[1],
			ipis[i].form.name, "%lx, %lu of %lu, %lu of %lu", result, interrupts[0],
			due[0], interrupts[1], due[1]);
	}
}

static const struct {
	struct form form;
	u16 status;
} refused[] = {
	{ { "flag-3", SPACE, { 0, BIT(3), 1 } }, HV_STATUS_INVALID_PARAMETER },
	{ { "flag-63", SPACE | FAST, { 0, BIT(63), 1 } }, HV_STATUS_INVALID_PARAMETER },
	{ { "list-non-global", LIST | REPS(1), { 0, HV_FLUSH_NON_GLOBAL, 1, 0 } },
		HV_STATUS_INVALID_PARAMETER },
	{ { "list-of-none", LIST, { 0, 0, 1 } }, HV_STATUS_INVALID_HYPERCALL_INPUT },
	{ { "list-of-pages", LIST | REPS(4095), { 0, 0, 1 } }, HV_STATUS_INVALID_PARAMETER },
	{ { "list-past-xmm", LIST | REPS(12) | FAST, { 0, 0, 1 } },
		HV_STATUS_INVALID_HYPERCALL_INPUT },
	{ { "space-with-header", SPACE | HEAD(1), { 0, 0, 1 } },
		HV_STATUS_INVALID_HYPERCALL_INPUT },
	{ { "set-format", SPACE_EX | HEAD(1), { 0, 0, 2, 1, 1 } }, HV_STATUS_INVALID_PARAMETER },
	{ { "set-bank-missing", SPACE_EX | HEAD(1), { 0, 0, 0, 3, 1 } },
		HV_STATUS_INVALID_PARAMETER },
	{ { "set-bank-too-many", LIST_EX | HEAD(2) | REPS(1), { 0, 0, 0, 1, 1, 1, 0 } },
		HV_STATUS_INVALID_PARAMETER },
	{ { "set-of-all-with-bank", IPI_EX | HEAD(1), { VECTOR, 1, 1, 3 } },
		HV_STATUS_INVALID_PARAMETER },
	{ { "vector-15", IPI | FAST, { 15, 3 } }, HV_STATUS_INVALID_PARAMETER },
	{ { "vector-256", IPI, { 256, 3 } }, HV_STATUS_INVALID_PARAMETER },
	{ { "vtl-1", IPI_EX | FAST, { VECTOR | BIT(32), 1 } }, HV_STATUS_INVALID_PARAMETER },
	{ { "reserved", IPI | FAST, { VECTOR | BIT(40), 3 } }, HV_STATUS_INVALID_PARAMETER },
};

static void test_refused(void)
{
	u64 before = interrupts[0] + interrupts[1];

	for (u32 i = 0; i < ARRAY_SIZE(refused); i++) {
		u64 result = make(&refused[i].form);

		guest_check(result == refused[i].status, refused[i].form.name, "%lx", result);
	}
	irq_enable();
	guest_delay_us(1000);
	irq_disable();
	guest_check(interrupts[0] + interrupts[1] == before, "refused-silent");
}

/* The longest list there is, whose elements are read from memory. */
static void test_long_list(void)
{
	static u64 words[512] = { CR3, 0, 3 };
	u64 result;

	(void)*window;
	window_turn(++turn);
	result = guest_hypercall_block(LIST | REPS(509), words, sizeof(words), NULL, 0);
	guest_check(result == REPS(509) && *window == turn, "list-of-509", "%lx", result);
	shown = turn;
}

/* The input goes in by XMM registers, which hold what they held. */
static void test_xmm_kept(void)
{
	struct form form = { "", SPACE_EX | FAST | HEAD(10), { 0, HV_FLUSH_ALL_PROCESSORS } };
	u64 result;

	for (u32 i = 2; i < ARRAY_SIZE(form.words); i++)
		form.words[i] = 0x1111111111111111ull * i;
	result = make(&form);
	guest_check(result == 0 && memcmp(xmm_in, xmm_out, sizeof(xmm_in)) == 0, "xmm-kept", "%lx",
		result);
}

static void test_hints(void)
{
	const u32 hints = HV_HINT_REMOTE_FLUSH | HV_HINT_CLUSTER_IPI | HV_HINT_EX_MASKS;

	guest_check((cpuid(HV_CPUID_HINTS, 0).eax & hints) == hints &&
			    cpuid(HV_CPUID_FEATURES, 0).edx & HV_FEATURE_XMM_INPUT,
		"hints");
}

static void with_another(void)
{
	for (u32 i = 0; i < ARRAY_SIZE(flushes); i++)
		test_other(&flushes[i], 4);
	test_live();
	test_halted();
	test_storm();
}

void guest_main(void)
{
	guest_on_interrupt(VECTOR, on_interrupt);
	cr4_write(cr4_read() | CR4_PGE);
	window_make();
	test_hints();
	test_stale();
	for (u32 i = 0; i < ARRAY_SIZE(flushes); i++)
		test_own(&flushes[i]);
	test_long_list();
	test_xmm_kept();
	shown = turn;
	two = guest_start_vp(1, second, NULL) == HV_STATUS_SUCCESS;
	guest_check(two || !guest_is_child(), "second-vp");
	if (two && becomes(&vp1, 1))
		with_another();
	test_ipis();
	test_refused();
}

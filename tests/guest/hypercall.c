/* SPDX-License-Identifier: MIT */
/*
 * Hypercalls: the dispatcher's every refusal, the parameter blocks, the calls
 * that have no kernel of their own, and the modes from which one may call.
 * machines: svm-smp1-bios svm-smp2-bios vmx-smp2 ryzen-smp1
 * child: svm-smp1-bios vmx-smp1
 */
#include "hv/cpuid.h"
#include "hv/devint.h"
#include "hv/msr.h"
#include "hv/stats.h"
#include "lib/string.h"
#include "tests/guest/lib/guest.h"
#include "x86/atomic.h"
#include "x86/cpu.h"
#include "x86/cr.h"
#include "x86/desc.h"
#include "x86/msr.h"
#include "x86/paging.h"

#define FAST    HV_CONTROL_FAST
#define SPIN    ((u64)HV_CALL_NOTIFY_LONG_SPIN_WAIT)
#define ID      ((u64)HV_CALL_GET_PARTITION_ID)
#define MAP     ((u64)HV_CALL_MAP_DEVICE_INTERRUPT)
#define START   ((u64)HV_CALL_START_VIRTUAL_PROCESSOR)
#define STATS   ((u64)HV_CALL_MAP_STATS_PAGE)
#define INDEX   ((u64)HV_CALL_GET_VP_INDEX_FROM_APIC_ID)
#define REPS(n) ((u64)(n) << 32)
#define FROM(n) ((u64)(n) << 48)
#define HEAD(n) ((u64)(n) << 17)
#define NOTHING 0xd0000000ull /* for a child */
#define USER_VA 0x0000700000000000ull

/* Places for parameter blocks. */
enum place {
	NOWHERE,
	IN,
	OUT,
	IN_ODD, /* not aligned */
	OUT_ODD,
	IN_END, /* the page's last eight bytes */
	OUT_END,
	HIDDEN, /* the hypervisor's memory */
	DEVICE,
	IOAPIC,
	HIGH_DEVICE,
	BEYOND, /* no such physical address */
	SHARED, /* read-only to the guest */
	CALLS,  /* the hypercall page */
	PLACES,
};

static u64 places[PLACES];
static u8 *in, *out;

static const struct {
	const char *name;
	u64 control;
	u8 input;
	u8 output;
	u16 status;
} refusals[] = {
	{ "code-0", 0, NOWHERE, NOWHERE, HV_STATUS_INVALID_HYPERCALL_CODE },
	{ "code-1", 1, IN, OUT, HV_STATUS_INVALID_HYPERCALL_CODE },
	{ "code-55", 0x55, IN, OUT, HV_STATUS_INVALID_HYPERCALL_CODE },
	{ "code-9b", 0x9b, IN, OUT, HV_STATUS_INVALID_HYPERCALL_CODE },
	{ "code-8001", 0x8001, IN, OUT, HV_STATUS_INVALID_HYPERCALL_CODE },
	{ "code-ffff", 0xffff, IN, OUT, HV_STATUS_INVALID_HYPERCALL_CODE },
	{ "code-ffff-fast", 0xffff | FAST, IN, OUT, HV_STATUS_INVALID_HYPERCALL_CODE },
	{ "nested", SPIN | FAST | BIT(31), IN, OUT, HV_STATUS_INVALID_HYPERCALL_INPUT },
	{ "header-of-none", SPIN | HEAD(1), IN, OUT, HV_STATUS_INVALID_HYPERCALL_INPUT },
	{ "count-of-simple", SPIN | FAST | REPS(1), IN, OUT, HV_STATUS_INVALID_HYPERCALL_INPUT },
	{ "start-of-simple", SPIN | FAST | FROM(1), IN, OUT, HV_STATUS_INVALID_HYPERCALL_INPUT },
	{ "rep-count-0", INDEX, IN, OUT, HV_STATUS_INVALID_HYPERCALL_INPUT },
	{ "rep-start-at-end", INDEX | REPS(2) | FROM(2), IN, OUT,
		HV_STATUS_INVALID_HYPERCALL_INPUT },
	{ "rep-start-behind", INDEX | REPS(1) | FROM(9), IN, OUT,
		HV_STATUS_INVALID_HYPERCALL_INPUT },
	{ "fast-with-output", ID | FAST, NOWHERE, OUT, HV_STATUS_INVALID_HYPERCALL_INPUT },
	{ "fast-too-long", START | FAST, IN, NOWHERE, HV_STATUS_INVALID_HYPERCALL_INPUT },
	{ "fast-rep", INDEX | FAST | REPS(1), IN, OUT, HV_STATUS_INVALID_HYPERCALL_INPUT },
	{ "header-too-long", MAP | HEAD(200), IN, OUT, HV_STATUS_INVALID_HYPERCALL_INPUT },
	{ "header-of-pages", MAP | HEAD(1023), IN, OUT, HV_STATUS_INVALID_PARAMETER },
	{ "input-misaligned", START, IN_ODD, NOWHERE, HV_STATUS_INVALID_ALIGNMENT },
	{ "output-misaligned", ID, NOWHERE, OUT_ODD, HV_STATUS_INVALID_ALIGNMENT },
	{ "input-across-pages", START, IN_END, NOWHERE, HV_STATUS_INVALID_PARAMETER },
	{ "output-across-pages", MAP, IN, OUT_END, HV_STATUS_INVALID_PARAMETER },
	{ "reps-across-pages", INDEX | REPS(4095), IN, OUT, HV_STATUS_INVALID_PARAMETER },
	{ "overlapping", STATS, IN, IN, HV_STATUS_INVALID_PARAMETER },
	{ "input-hypervisor", START, HIDDEN, NOWHERE, HV_STATUS_INVALID_PARAMETER },
	{ "input-device", START, DEVICE, NOWHERE, HV_STATUS_INVALID_PARAMETER },
	{ "input-ioapic", START, IOAPIC, NOWHERE, HV_STATUS_INVALID_PARAMETER },
	{ "input-high-device", START, HIGH_DEVICE, NOWHERE, HV_STATUS_INVALID_PARAMETER },
	{ "input-beyond", START, BEYOND, NOWHERE, HV_STATUS_INVALID_PARAMETER },
	{ "output-hypervisor", ID, NOWHERE, HIDDEN, HV_STATUS_INVALID_PARAMETER },
	{ "output-device", ID, NOWHERE, DEVICE, HV_STATUS_INVALID_PARAMETER },
	{ "output-ioapic", ID, NOWHERE, IOAPIC, HV_STATUS_INVALID_PARAMETER },
	{ "output-high-device", ID, NOWHERE, HIGH_DEVICE, HV_STATUS_INVALID_PARAMETER },
	{ "output-beyond", ID, NOWHERE, BEYOND, HV_STATUS_INVALID_PARAMETER },
	{ "output-read-only", ID, NOWHERE, SHARED, HV_STATUS_INVALID_PARAMETER },
	{ "output-hypercall-page", ID, NOWHERE, CALLS, HV_STATUS_INVALID_PARAMETER },
	{ "rep-output-read-only", INDEX | REPS(1), IN, SHARED, HV_STATUS_INVALID_PARAMETER },
};

/* A child that may not make a call is told nothing else about it. */
static u16 status_due(u32 i)
{
	u64 code = HV_CONTROL_CODE(refusals[i].control);

	if (guest_is_child() && (code == ID || code == MAP || code == STATS))
		return HV_STATUS_ACCESS_DENIED;
	return refusals[i].status;
}

static void test_refusals(void)
{
	for (u32 i = 0; i < ARRAY_SIZE(refusals); i++) {
		u64 result = guest_hypercall(
			refusals[i].control, places[refusals[i].input], places[refusals[i].output]);

		guest_check(result == status_due(i), refusals[i].name, "result %lx", result);
	}
}

static void test_reserved_bits(void)
{
	static const u8 bits[] = { 27, 28, 29, 30, 31, 44, 45, 46, 47, 60, 61, 62, 63 };

	for (u32 i = 0; i < ARRAY_SIZE(bits); i++) {
		u64 result = guest_hypercall(SPIN | FAST | BIT(bits[i]), 1, 0);

		if (result == HV_STATUS_INVALID_HYPERCALL_INPUT)
			continue;
		guest_fail("reserved-bits", "bit %u: %lx", bits[i], result);
		return;
	}
	guest_pass("reserved-bits");
}

static void test_spin_wait(void)
{
	guest_check(guest_hypercall(SPIN | FAST, 1000, 0) == HV_STATUS_SUCCESS, "spin-wait-fast");
	guest_check(guest_hypercall(SPIN, places[IN], ~0ull) == HV_STATUS_SUCCESS, "spin-wait");
	guest_check(guest_hypercall(SPIN, places[IN_END], 0) == HV_STATUS_SUCCESS,
		"input-at-the-page's-end");
}

static void test_partition_id(void)
{
	u64 *id = (u64 *)(void *)out;

	id[0] = id[1] = ~0ull;
	guest_check(guest_hypercall(ID, ~0ull, (u64)id) == HV_STATUS_SUCCESS &&
			    id[0] == HV_PARTITION_ID_ROOT && id[1] == ~0ull,
		"partition-id", "%lx", id[0]);
}

static u32 own_apic_id(void)
{
	return cpuid(1, 0).ebx >> 24;
}

/* Counted exactly: what is done stays done, start and count are absolute. */
static void test_reps(void)
{
	struct hv_vp_index_from_apic_id_input *q = (void *)in;
	u32 *index = (u32 *)(void *)out;
	u64 result;

	memset(in, 0, PAGE_SIZE);
	memset(out, 0xff, PAGE_SIZE);
	q->partition_id = HV_PARTITION_SELF;
	q->apic_ids[0] = q->apic_ids[1] = q->apic_ids[3] = own_apic_id();
	q->apic_ids[2] = 0xfedcba98;
	result = guest_hypercall(INDEX | REPS(2), places[IN], places[OUT]);
	guest_check(result == REPS(2) && index[0] == 0 && index[1] == 0 && index[2] == ~0u,
		"reps-all", "%lx", result);
	index[0] = ~0u;
	result = guest_hypercall(INDEX | REPS(4), places[IN], places[OUT]);
	guest_check(result == (REPS(2) | HV_STATUS_NOT_FOUND) && index[0] == 0 && index[3] == ~0u,
		"reps-stopped", "%lx", result);
	index[0] = ~0u;
	result = guest_hypercall(INDEX | REPS(4) | FROM(3), places[IN], places[OUT]);
	guest_check(
		result == REPS(4) && index[0] == ~0u && index[3] == 0, "reps-from", "%lx", result);
	q->target_vtl = 1;
	result = guest_hypercall(INDEX | REPS(1), places[IN], places[OUT]);
	guest_check(result == HV_STATUS_INVALID_PARAMETER, "index-vtl", "%lx", result);
	q->target_vtl = 0;
	q->reserved[6] = 1;
	result = guest_hypercall(INDEX | REPS(1), places[IN], places[OUT]);
	guest_check(result == HV_STATUS_INVALID_PARAMETER, "index-reserved", "%lx", result);
	q->reserved[6] = 0;
	q->partition_id = 99999;
	result = guest_hypercall(INDEX | REPS(1), places[IN], places[OUT]);
	guest_check(result == HV_STATUS_INVALID_PARTITION_ID, "index-partition", "%lx", result);
	memset(in, 0, PAGE_SIZE);
}

static u64 stats_call(u64 code, const struct hv_stats_page_input *q, u64 *gpfn)
{
	return guest_hypercall_block(code, q, sizeof(*q), gpfn, gpfn ? sizeof(*gpfn) : 0);
}

static void store(void *p)
{
	*(volatile u64 *)p = 0;
}

static void load(void *p)
{
	(void)*(volatile u64 *)p;
}

static void test_stats(void)
{
	struct hv_stats_page_input q = { .type = HV_STATS_OBJECT_VP,
		.partition_id = HV_PARTITION_SELF };
	volatile u64 *page;
	u64 gpfn = 0, before;

	guest_check(stats_call(STATS, &q, &gpfn) == HV_STATUS_SUCCESS && gpfn, "stats-map", "%lx",
		gpfn);
	page = (volatile u64 *)(gpfn << PAGE_SHIFT);
	before = page[HV_VP_COUNTER_EXITS + 2 * EXIT_CPUID];
	for (u32 i = 0; i < 10; i++)
		(void)cpuid(1, 0);
	guest_check(page[HV_VP_COUNTER_EXITS + 2 * EXIT_CPUID] == before + 10, "stats-count");
	guest_check(page[HV_VP_COUNTER_TOTAL_RUN_TIME] >= page[HV_VP_COUNTER_HYPERVISOR_TIME] &&
			    page[HV_VP_COUNTER_HYPERVISOR_TIME] > 0,
		"stats-times");
	before = page[HV_VP_COUNTER_EXITS + 2 * EXIT_CPUID + 1];
	(void)cpuid(1, 0);
	(void)cpuid(1, 0);
	guest_check(page[HV_VP_COUNTER_EXITS + 2 * EXIT_CPUID + 1] > before, "stats-cycles");
	guest_check(guest_try(store, (void *)page).vector == VEC_GP, "stats-read-only");
	q.vp_index = HV_VP_SELF;
	before = gpfn;
	guest_check(stats_call(STATS, &q, &gpfn) == HV_STATUS_SUCCESS && gpfn == before,
		"stats-map-self");
	guest_check(stats_call(HV_CALL_UNMAP_STATS_PAGE, &q, NULL) == HV_STATUS_SUCCESS &&
			    guest_try(load, (void *)page).vector == VEC_GP,
		"stats-unmap");
	guest_check(stats_call(STATS, &q, &gpfn) == HV_STATUS_SUCCESS &&
			    guest_try(load, (void *)page).vector == GUEST_NO_FAULT,
		"stats-map-again");
}

static void test_bad_stats(void)
{
	const struct hv_stats_page_input good = { .type = HV_STATS_OBJECT_VP,
		.partition_id = HV_PARTITION_SELF };
	struct hv_stats_page_input q[8];
	bool ok = true;

	for (u32 i = 0; i < ARRAY_SIZE(q); i++)
		q[i] = good;
	q[0].type = HV_STATS_OBJECT_HYPERVISOR;
	q[1].type = HV_STATS_OBJECT_PARTITION;
	q[2].type = 0;
	q[3].reserved = 1;
	q[4].flags = 1;
	q[5].area = 1;
	q[6].reserved2 = 1;
	for (u32 i = 0; i < 7; i++)
		ok = ok && stats_call(STATS, &q[i], NULL) == HV_STATUS_INVALID_PARAMETER &&
		     stats_call(HV_CALL_UNMAP_STATS_PAGE, &q[i], NULL) ==
			     HV_STATUS_INVALID_PARAMETER;
	guest_check(ok, "stats-bad-parameters");
	q[7].partition_id = 99999;
	guest_check(stats_call(STATS, &q[7], NULL) == HV_STATUS_INVALID_PARTITION_ID,
		"stats-bad-partition");
	q[7] = good;
	q[7].vp_index = guest_bootinfo->processors;
	guest_check(
		stats_call(STATS, &q[7], NULL) == HV_STATUS_INVALID_VP_INDEX, "stats-absent-vp");
	q[7].vp_index = 64;
	guest_check(stats_call(STATS, &q[7], NULL) == HV_STATUS_INVALID_VP_INDEX, "stats-vp-64");
}

/* Before the page is enabled the instruction does not exist. */
static void call_instruction(void *p)
{
	struct guest_regs r = { .rcx = SPIN | FAST };

	guest_execute(p, &r);
}

static void test_disabled(void)
{
	memcpy(in, guest_is_vmx() ? "\x0f\x01\xc1\xc3" : "\x0f\x01\xd9\xc3", 4);
	guest_check(guest_try(call_instruction, in).vector == VEC_UD, "disabled");
	memset(in, 0, 4);
}

static void test_other_instruction(void)
{
	/* The other vendor's is never taken for ours. */
	memcpy(in, guest_is_vmx() ? "\x0f\x01\xd9\xc3" : "\x0f\x01\xc1\xc3", 4);
	guest_check(guest_try(call_instruction, in).vector == VEC_UD, "other-vendor's");
	memset(in, 0, 4);
}

extern u64 pml4[512];

/* The page at @gpa for ring 3, at USER_VA. */
static void user_map(u64 gpa)
{
	u64 *table = (u64 *)guest_phys(pml4);

	for (u32 level = 4; level > 1; level--) {
		u64 *below = guest_pages(1);

		table[PT_INDEX(USER_VA, level)] = (u64)below | PTE_P | PTE_W | PTE_U;
		table = below;
	}
	table[PT_INDEX(USER_VA, 1)] = gpa | PTE_P | PTE_W | PTE_U;
	cr3_write(cr3_read());
}

static void test_user(void)
{
	u8 *code = guest_pages(1);
	struct guest_fault f;

	memcpy(code, "\x0f\xa2\xcc", 3);
	user_map((u64)code);
	/* CPUID and INT3: ring 3 works. The gate's privilege makes it #GP. */
	f = guest_user(USER_VA, USER_VA + PAGE_SIZE);
	guest_check(f.vector == VEC_GP && f.rip == USER_VA + 2, "user-cpuid", "vector %u rip %lx",
		f.vector, f.rip);
	memcpy(code, guest_is_vmx() ? "\x0f\x01\xc1" : "\x0f\x01\xd9", 3);
	f = guest_user(USER_VA, USER_VA + PAGE_SIZE);
	guest_check(f.vector == VEC_UD && f.rip == USER_VA, "user", "vector %u rip %lx", f.vector,
		f.rip);
	memcpy(code, "\x0f\x32\xf4", 3);
	f = guest_user(USER_VA, USER_VA + PAGE_SIZE);
	guest_check(f.vector == VEC_GP && f.rip == USER_VA, "user-rdmsr", "vector %u", f.vector);
	f = guest_user(USER_VA + 2, USER_VA + PAGE_SIZE);
	guest_check(f.vector == VEC_GP && f.rip == USER_VA + 2, "user-hlt", "vector %u", f.vector);
	pml4[PT_INDEX(USER_VA, 4)] = 0;
	cr3_write(cr3_read());
}

/* Control in EDX:EAX, input in EBX:ECX, output in EDI:ESI, result in EDX:EAX. */
static u64 call32(u64 control, u64 input, u64 output)
{
	static u32 *r;
	static u8 *stack;

	if (!r) {
		r = guest_pages(1);
		stack = guest_pages(1);
	}
	r[0] = (u32)control;
	r[1] = (u32)(input >> 32);
	r[2] = (u32)input;
	r[3] = (u32)(control >> 32);
	r[4] = (u32)output;
	r[5] = (u32)(output >> 32);
	guest_call_compat(r, places[CALLS], (u64)(stack + PAGE_SIZE));
	return r[0] | (u64)r[3] << 32;
}

static void test_compat(void)
{
	struct hv_vp_index_from_apic_id_input *q = (void *)in;
	u64 *id = (u64 *)(void *)out;

	id[0] = 0;
	guest_check(call32(SPIN | FAST, 1, 0) == HV_STATUS_SUCCESS, "compat-fast");
	if (!guest_is_child())
		guest_check(call32(ID, 0, places[OUT]) == HV_STATUS_SUCCESS &&
				    id[0] == HV_PARTITION_ID_ROOT,
			"compat-output");
	guest_check(call32(0x1234, 0, 0) == HV_STATUS_INVALID_HYPERCALL_CODE, "compat-code");
	guest_check(call32(SPIN | FAST | BIT(63), 0, 0) == HV_STATUS_INVALID_HYPERCALL_INPUT,
		"compat-control-high");
	guest_check(call32(INDEX | REPS(1), places[IN], BIT(50)) == HV_STATUS_INVALID_PARAMETER,
		"compat-output-high");
	q->partition_id = HV_PARTITION_SELF;
	q->apic_ids[0] = own_apic_id();
	guest_check(call32(INDEX | REPS(1), places[IN], places[OUT]) == REPS(1), "compat-reps");
}

#define REAL_CODE 0x8000u
#define REAL_UD   0x8100u
#define REAL_FLAG 0x8f00u
#define REAL_IVT  0x9000u

/* The second VP starts in real mode; the instruction must end in interrupt 6. */
static void test_real_mode(void)
{
	static const u8 after[] = { 0xc6, 0x06, 0x00, 0x8f, 0x01, 0xf4 };
	static const u8 on_ud[] = { 0xc6, 0x06, 0x00, 0x8f, 0x06, 0xf4 };
	struct hv_start_vp_input q;
	struct hv_initial_vp_context *c = &q.context;
	volatile u8 *flag = (volatile u8 *)(u64)REAL_FLAG;
	enum hv_status status;

	if (guest_is_child() || guest_bootinfo->processors < 2)
		return;
	memcpy((void *)(u64)REAL_CODE, guest_is_vmx() ? "\x0f\x01\xc1" : "\x0f\x01\xd9", 3);
	memcpy((void *)(u64)(REAL_CODE + 3), after, sizeof(after));
	memcpy((void *)(u64)REAL_UD, on_ud, sizeof(on_ud));
	*(u32 *)(u64)(REAL_IVT + 6 * 4) = REAL_UD;
	*flag = 0;
	guest_vp_context(1, 0xa000, &q);
	c->rip = REAL_CODE;
	c->cs = (struct hv_segment){ 0, 0xffff, 0, 0x9b };
	c->ds = c->es = c->ss = c->fs = c->gs = (struct hv_segment){ 0, 0xffff, 0, 0x93 };
	c->idtr = (struct hv_table_register){ .limit = 0x3ff, .base = REAL_IVT };
	c->efer = 0;
	c->cr0 = CR0_ET;
	c->cr3 = c->cr4 = 0;
	status = guest_start_vp_by(&q);
	for (u32 i = 0; i < 2000 && !*flag; i++)
		guest_delay_us(100);
	guest_check(status == HV_STATUS_SUCCESS && *flag == 6, "real-mode", "status %x flag %u",
		status, *flag);
}

static void find_places(void)
{
	in = guest_pages(1);
	out = guest_pages(1);
	places[IN] = (u64)in;
	places[OUT] = (u64)out;
	places[IN_ODD] = (u64)in + 4;
	places[OUT_ODD] = (u64)out + 4;
	places[IN_END] = (u64)in + PAGE_SIZE - 8;
	places[OUT_END] = (u64)out + PAGE_SIZE - 8;
	places[HIDDEN] = (u64)guest_start_info - PAGE_SIZE;
	places[DEVICE] = 0xfed00000;
	places[IOAPIC] = 0xfec00000;
	places[HIGH_DEVICE] = 100 * GIB;
	places[BEYOND] = BIT(51);
	places[SHARED] = (u64)guest_bootinfo;
	if (!guest_is_child())
		return;
	/* Nothing of the hypervisor's lies in a child's memory but its own pages. */
	places[HIDDEN] = NOTHING;
	places[SHARED] = NOTHING;
}

void guest_main(void)
{
	find_places();
	test_disabled();
	places[CALLS] = guest_hypercall_page();
	test_other_instruction();
	test_refusals();
	test_reserved_bits();
	test_spin_wait();
	test_reps();
	if (!guest_is_child()) {
		test_partition_id();
		test_stats();
		test_bad_stats();
	}
	test_user();
	test_compat();
	test_real_mode();
}

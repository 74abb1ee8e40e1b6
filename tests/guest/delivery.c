/* SPDX-License-Identifier: MIT */
/*
 * Events that an exit interrupts in the middle of their delivery. The upper
 * half of the frame falls on device space that the second-level tables do not
 * map yet, so that the push exits; the lower half, with error code and RIP,
 * falls on RAM and is looked at. Then stacks in memory of the hypervisor's, where
 * a fault in delivery merges as the architecture says.
 */
#include "hv/hypercall.h"
#include "hv/msr.h"
#include "hv/stats.h"
#include "lib/string.h"
#include "tests/guest/lib/guest.h"
#include "x86/apic.h"
#include "x86/cpu.h"
#include "x86/cr.h"
#include "x86/desc.h"
#include "x86/mmio.h"
#include "x86/msr.h"
#include "x86/paging.h"

#define STACK_VA  0x0000700000000000ull
#define RAM_PAGES 4u
#define SPLIT_VA  (STACK_VA + RAM_PAGES * PAGE_SIZE) /* device space above, RAM below */
#define HIDDEN_VA (SPLIT_VA + 2 * PAGE_SIZE)         /* the hypervisor's */
#define NOTHING   (SPLIT_VA + 8 * PAGE_SIZE)         /* not present */
#define VECTOR    0x50u
#define SOFTWARE  0x40u

extern u64 pml4[512];

static u64 *table; /* of level 1 */
static u8 *code;
static const volatile u64 *stats;
static u64 next_gib = 110;

static void make_tables(void)
{
	u64 *t = (u64 *)guest_phys(pml4);
	u8 *ram = guest_pages(RAM_PAGES);

	for (u32 level = 4; level > 1; level--) {
		u64 *below = guest_pages(1);

		t[PT_INDEX(STACK_VA, level)] = (u64)below | PTE_P | PTE_W;
		t = below;
	}
	table = t;
	for (u32 i = 0; i < RAM_PAGES; i++)
		table[i] = ((u64)ram + i * PAGE_SIZE) | PTE_P | PTE_W;
	table[PT_INDEX(HIDDEN_VA, 1)] = ((u64)guest_start_info - PAGE_SIZE) | PTE_P | PTE_W;
	cr3_write(cr3_read());
}

/* Device space that nobody has touched, a GiB further each time. */
static void fresh_device(void)
{
	table[RAM_PAGES] = next_gib++ * GIB | PTE_P | PTE_W;
	cr3_write(cr3_read());
}

static void map_stats(void)
{
	struct hv_stats_page_input in = { .type = HV_STATS_OBJECT_VP,
		.partition_id = HV_PARTITION_SELF,
		.vp_index = HV_VP_SELF };
	u64 gpfn = 0;

	if (guest_hypercall_block(HV_CALL_MAP_STATS_PAGE, &in, sizeof(in), &gpfn, sizeof(gpfn)))
		guest_fail("stats", "not mapped");
	stats = (const volatile u64 *)(gpfn << PAGE_SHIFT);
}

static u64 slat_faults(void)
{
	return stats[HV_VP_COUNTER_EXITS + 2 * EXIT_SLAT_FAULT];
}

/* An event: what raises it, and what its handler must find. */
struct event {
	const char *name;
	u8 length;
	u8 bytes[12];
	u8 vector;
	u8 rip; /* behind the code's start */
	u32 error;
	u64 rax;
	u64 rdi;
};

struct run {
	u64 rsp;
	const struct event *event;
};

static void run(void *p)
{
	const struct run *r = p;

	guest_run_on(r->rsp, (u64)code, r->event->rax, r->event->rdi);
}

static struct guest_fault raise(const struct event *e, u64 rsp)
{
	struct run r = { rsp, e };

	memset(code, 0xf4, 64);
	memcpy(code, e->bytes, e->length);
	return guest_try(run, &r);
}

static bool is_right(const struct event *e, const struct guest_fault *f)
{
	return f->vector == e->vector && f->error == e->error && f->rip == (u64)code + e->rip;
}

/* Delivered in spite of the exit; and once: another would be a trap outside guest_try(). */
static void expect(const struct event *e)
{
	u64 before;
	struct guest_fault f;

	fresh_device();
	before = slat_faults();
	f = raise(e, SPLIT_VA + 16);
	irq_disable();
	guest_check(is_right(e, &f) && slat_faults() > before, e->name,
		"vector %u error %lx cr2 %lx at +%ld, %lu faults", f.vector, f.error, f.cr2,
		(s64)(f.rip - (u64)code), slat_faults() - before);
}

static const struct event exceptions[] = {
	{ "divide", 2, { 0xf7, 0xf7 }, VEC_DE, 0, 0, 1, 0 },
	{ "invalid-opcode", 2, { 0x0f, 0x0b }, VEC_UD, 0, 0, 0, 0 },
	{ "protection", 2, { 0x8e, 0xd8 }, VEC_GP, 0, 0x1234, 0x1234, 0 },
};

static const struct event software[] = {
	{ "breakpoint", 1, { 0xcc }, VEC_BP, 1, 0, 0, 0 },
	{ "software", 2, { 0xcd, SOFTWARE }, SOFTWARE, 2, 0, 0, 0 },
	{ "software-prefixed", 4, { 0x66, 0x48, 0xcd, SOFTWARE }, SOFTWARE, 4, 0, 0, 0 },
	{ "software-as-exception", 2, { 0xcd, VEC_UD }, VEC_UD, 2, 0, 0, 0 },
};

/*
 * Bochs with AMD-V tells of the last exception when an exit interrupts a
 * software event: what it then says is about another event.
 */
static bool tells_software(void)
{
	return guest_is_vmx() || guest_is_qemu();
}

static void test_exceptions(void)
{
	for (u32 i = 0; i < ARRAY_SIZE(exceptions); i++)
		expect(&exceptions[i]);
	for (u32 i = 0; i < ARRAY_SIZE(software) && tells_software(); i++)
		expect(&software[i]);
}

static void test_page_fault(void)
{
	const struct event e = { "page-fault", 2, { 0x89, 0x07 }, VEC_PF, 0, PF_W, 0,
		NOTHING + 0x123 };
	struct guest_fault f;

	fresh_device();
	f = raise(&e, SPLIT_VA + 16);
	guest_check(is_right(&e, &f) && f.cr2 == NOTHING + 0x123, e.name,
		"vector %u error %lx cr2 %lx", f.vector, f.error, f.cr2);
}

/* QEMU's INT1 stops the machine for a debugger: VT-x only. */
static void test_int1(void)
{
	const struct event e = { "int1", 1, { 0xf1 }, VEC_DB, 1, 0, 0, 0 };

	if (guest_is_vmx())
		expect(&e);
}

static u32 apic(u32 reg)
{
	return mmio_read32((const volatile void *)(APIC_DEFAULT_BASE + reg));
}

static void send(u32 icr)
{
	mmio_write32((volatile void *)(APIC_DEFAULT_BASE + APIC_ICR), icr);
}

/* STI, two NOPs: taken behind the first. */
static void test_external(void)
{
	const struct event e = { "external", 3, { 0xfb, 0x90, 0x90 }, VECTOR, 2, 0, 0, 0 };
	const u32 reg = VECTOR / 32 * 16, bit = 1u << VECTOR % 32;

	guest_on_interrupt(VECTOR, guest_leave);
	send(VECTOR | APIC_SHORTHAND_SELF << 18);
	expect(&e);
	guest_check(
		apic(APIC_ISR + reg) & bit && !(apic(APIC_IRR + reg) & bit), "external-in-service");
	msr_write(HV_MSR_EOI, 0);
	irq_take_pending();
	guest_check(!(apic(APIC_ISR + reg) & bit), "external-once");
}

static volatile u32 nmis;

static void on_nmi(u8 vector)
{
	(void)vector;
	nmis++;
}

/* A store to the APIC's ICR. NMIs stay blocked until an IRET, and one waits. */
static void test_nmi(void)
{
	const u32 to_self = APIC_DM_NMI << 8;
	struct event e = { "nmi", 2, { 0x89, 0x07 }, VEC_NMI, 2, 0, to_self,
		APIC_DEFAULT_BASE + APIC_ICR };

	mmio_write32(
		(volatile void *)(APIC_DEFAULT_BASE + APIC_ICR_HIGH), apic(APIC_ID) & 0xff000000);
	guest_on_exception(VEC_NMI, guest_leave);
	expect(&e);
	guest_on_exception(VEC_NMI, on_nmi);
	send(to_self);
	send(to_self);
	(void)cpuid(1, 0);
	guest_check(nmis == 0, "nmi-blocks");
	guest_iret();
	(void)cpuid(1, 0);
	guest_check(nmis == 1, "nmi-after-iret", "%u", nmis);
	send(to_self);
	guest_check(nmis == 2, "nmi-again", "%u", nmis);
	guest_on_exception(VEC_NMI, NULL);
}

/* With a double fault's stack of its own: what ends there, and where from. */
static void merges(const struct event *e, u64 rsp, u8 vector, const char *name)
{
	struct guest_fault f = raise(e, rsp);

	irq_disable();
	guest_check(f.vector == vector && f.error == 0 && f.rip == (u64)code + e->rip, name,
		"vector %u error %lx at +%ld", f.vector, f.error, (s64)(f.rip - (u64)code));
}

static void test_merging(void)
{
	static const struct event ud = { "", 2, { 0x0f, 0x0b }, VEC_UD, 0, 0, 0, 0 };
	static const struct event soft = { "", 2, { 0xcd, SOFTWARE }, SOFTWARE, 0, 0, 0, 0 };
	static const struct event gp = { "", 2, { 0x8e, 0xd8 }, VEC_GP, 0, 0, 0x1234, 0 };
	static const struct event pf = { "", 2, { 0x89, 0x07 }, VEC_PF, 0, 0, 0, NOTHING };
	u64 hidden = HIDDEN_VA + 0x800;
	u8 *stacks = guest_pages(2);

	guest_ist(VEC_DF, 1, (u64)(stacks + PAGE_SIZE));
	merges(&pf, NOTHING, VEC_DF, "page-fault-on-absent-stack");
	merges(&gp, NOTHING, VEC_DF, "protection-on-absent-stack");
	merges(&ud, NOTHING, VEC_DF, "invalid-opcode-on-absent-stack");
	merges(&ud, hidden, VEC_DF, "invalid-opcode-on-hidden-stack");
	merges(&gp, hidden, VEC_DF, "protection-on-hidden-stack");
	merges(&pf, hidden, VEC_DF, "page-fault-on-hidden-stack");
	if (tells_software())
		merges(&soft, hidden, VEC_DF, "software-on-hidden-stack");
	/* What is benign gives way to the #GP of its own delivery. */
	guest_ist(VEC_GP, 2, (u64)(stacks + 2 * PAGE_SIZE));
	merges(&ud, hidden, VEC_GP, "invalid-opcode-gives-way");
	if (tells_software())
		merges(&soft, hidden, VEC_GP, "software-gives-way");
	merges(&pf, hidden, VEC_DF, "page-fault-is-doubled");
	guest_ist(VEC_GP, 0, 0);
	guest_ist(VEC_DF, 0, 0);
}

void guest_main(void)
{
	code = guest_pages(1);
	make_tables();
	map_stats();
	guest_on_interrupt(SOFTWARE, guest_leave);
	test_exceptions();
	test_page_fault();
	test_int1();
	test_external();
	test_nmi();
	test_merging();
}

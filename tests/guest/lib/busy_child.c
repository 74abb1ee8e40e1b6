/* SPDX-License-Identifier: MIT */
/*
 * The busy child. VP 0 works, VP 1 halts between its interrupts. Handlers are
 * shared, each vector is one VP's.
 */
#include "tests/guest/lib/busy_child.h"

#include "hv/interrupt.h"
#include "hv/msr.h"
#include "hv/timer.h"
#include "lib/string.h"
#include "tests/guest/lib/time.h"
#include "x86/apic.h"
#include "x86/atomic.h"
#include "x86/cpu.h"
#include "x86/cr.h"
#include "x86/desc.h"
#include "x86/mmio.h"
#include "x86/msr.h"
#include "x86/xsave.h"

#define TIMER_SINT       3u
#define TIMER_VECTOR     0x63u
#define DIRECT_VECTOR    0x64u
#define COUNT_VECTOR     0x65u
#define PING_VECTOR      0x66u
#define PONG_VECTOR      0x67u
#define OTHER_VECTOR     0x68u
#define DEADLINE_VECTOR  0x69u
#define VEC_NMI          2u
#define ECX_TSC_DEADLINE BIT(24) /* of CPUID leaf 1 */

#define PERIODIC         0u /* number of a timer */
#define DIRECT           1u
#define SHOT             2u

#define COUNT_INITIAL    200000u /* 1 ms of the APIC's timer */
#define ASSIST_MARK      0x3c3c3c3c5a5a5a5aull
#define LSTAR_MARK       0xffffffff80123450ull
#define KERNEL_MARK      0xffff900000000000ull

struct busy busy;

static struct hv_message_page *slots;
static struct hv_event_flags_page *flags;
static u64 *assists[2];
static void *call_page;
static u64 first_tick, last_tick, direct_due, count_start, deadline;

static u8 fpu_areas[2][2][FXSAVE_SIZE] __aligned(16); /* by VP: what it loaded, and what it has */

static void eoi(void)
{
	msr_write(HV_MSR_EOI, 0);
}

static void take(struct hv_message *slot)
{
	/* Partner: the hypervisor's look at the slot, whose flag comes before. */
	(void)atomic_exchange(&slot->header.type, HV_MESSAGE_NONE);
	if (load_acquire(&slot->header.flags) & HV_MESSAGE_PENDING)
		msr_write(HV_MSR_EOM, 0);
}

static void on_port(u8 vector)
{
	struct hv_message *slot = &slots->slot[PORT_SINT];
	u64 *word = &flags->word[PORT_SINT][PORT_FLAGS / 64];

	(void)vector;
	while (load_acquire(&slot->header.type) != HV_MESSAGE_NONE) {
		busy.out_of_order += slot->payload[0] != busy.messages;
		busy.messages++;
		take(slot);
	}
	for (u64 left = atomic_exchange(word, 0); left; left &= left - 1)
		busy.flags++;
	eoi();
}

static void on_tick(u64 expiration)
{
	if (!busy.ticks)
		first_tick = expiration;
	else
		busy.off_beat +=
			expiration <= last_tick || (expiration - first_tick) % BUSY_PERIOD != 0;
	last_tick = expiration;
	busy.ticks++;
}

static void on_timer(u8 vector)
{
	struct hv_message *slot = &slots->slot[TIMER_SINT];

	(void)vector;
	while (load_acquire(&slot->header.type) == HV_MESSAGE_TIMER_EXPIRED) {
		struct hv_timer_message m;

		memcpy(&m, slot->payload, sizeof(m));
		busy.early += guest_time() < m.expiration;
		take(slot);
		if (m.index == PERIODIC) {
			on_tick(m.expiration);
			continue;
		}
		busy.shots++;
		msr_write(HV_MSR_STIMER_COUNT(SHOT), guest_time() + BUSY_PERIOD);
	}
	eoi();
}

static void on_direct(u8 vector)
{
	(void)vector;
	busy.early += guest_time() < direct_due;
	busy.directs++;
	direct_due = guest_time() + BUSY_PERIOD;
	msr_write(HV_MSR_STIMER_COUNT(DIRECT), direct_due);
	eoi();
}

static volatile void *apic(u32 offset)
{
	return (volatile void *)(APIC_DEFAULT_BASE + offset);
}

static void on_count(u8 vector)
{
	(void)vector;
	/* A unit less: the count began a little before or after this reading. */
	busy.early += guest_time() + 1 - count_start < BUSY_PERIOD && busy.counts;
	busy.counts++;
	count_start = guest_time();
	mmio_write32(apic(APIC_TIMER_INITIAL), COUNT_INITIAL);
	eoi();
}

static void send(u64 apic_id, u32 vector)
{
	msr_write(HV_MSR_ICR, apic_id << 56 | vector);
}

static void on_ping(u8 vector)
{
	(void)vector;
	busy.heard++;
	send(0, PONG_VECTOR);
	eoi();
}

#define COUNTS(name, what)          \
	static void name(u8 vector) \
	{                           \
		(void)vector;       \
		busy.what++;        \
		eoi();              \
	}
COUNTS(on_pong, pongs)
COUNTS(on_edge, edges)
COUNTS(on_level, levels)

static void deadline_set(void)
{
	deadline = rdtsc() + guest_tsc_hz() / 100;
	msr_write(MSR_TSC_DEADLINE, deadline);
}

static void on_deadline(u8 vector)
{
	(void)vector;
	busy.early += rdtsc() < deadline;
	busy.deadlines++;
	deadline_set();
	eoi();
}

/* Stands in for deadlines, where there are none. */
static void on_other(u8 vector)
{
	(void)vector;
	busy.others++;
	busy.deadlines += !busy.has_deadline;
	eoi();
}

static void on_nmi(u8 vector)
{
	(void)vector;
	busy.nmis++;
}

static void handlers_set(void)
{
	guest_on_interrupt(PORT_VECTOR, on_port);
	guest_on_interrupt(TIMER_VECTOR, on_timer);
	guest_on_interrupt(DIRECT_VECTOR, on_direct);
	guest_on_interrupt(COUNT_VECTOR, on_count);
	guest_on_interrupt(PING_VECTOR, on_ping);
	guest_on_interrupt(PONG_VECTOR, on_pong);
	guest_on_interrupt(OTHER_VECTOR, on_other);
	guest_on_interrupt(DEADLINE_VECTOR, on_deadline);
	guest_on_interrupt(BUSY_EDGE, on_edge);
	guest_on_interrupt(BUSY_LEVEL, on_level);
	guest_on_exception(VEC_NMI, on_nmi);
}

/* --- What must keep its value --- */

static u64 mark(u64 what, u32 vp)
{
	return what + 0x100 * vp;
}

static void registers_fill(u32 vp)
{
	u8 *area = fpu_areas[vp][0];

	cr4_write(cr4_read() | CR4_OSFXSR);
	fxsave(area);
	for (u32 i = 0; i < 8; i++)
		memset(area + FXSAVE_ST0 + 16 * i, (int)(0x11 * i + vp), 10);
	for (u32 i = 0; i < 256; i++)
		area[FXSAVE_XMM0 + i] = (u8)(i * 7 + vp);
	area[4] = 0xff; /* all of ST in use */
	fxrstor(area);
	fxsave(area);
	dr0_write(mark(0x1000, vp));
	dr3_write(mark(0x4000, vp));
	cr2_write(mark(0x123456789000, vp));
	msr_write(MSR_LSTAR, mark(LSTAR_MARK, vp));
	msr_write(MSR_KERNEL_GS_BASE, mark(KERNEL_MARK, vp));
	assists[vp] = guest_pages(1);
	msr_write(HV_MSR_VP_ASSIST_PAGE, (u64)assists[vp] | HV_MSR_PAGE_ENABLE);
	assists[vp][0] = mark(ASSIST_MARK, vp);
}

static bool registers_kept(u32 vp)
{
	u8 *now = fpu_areas[vp][1];

	fxsave(now);
	return memcmp(now, fpu_areas[vp][0], FXSAVE_SIZE) == 0 && dr0_read() == mark(0x1000, vp) &&
	       dr3_read() == mark(0x4000, vp) && cr2_read() == mark(0x123456789000, vp) &&
	       msr_read(MSR_LSTAR) == mark(LSTAR_MARK, vp) &&
	       msr_read(MSR_KERNEL_GS_BASE) == mark(KERNEL_MARK, vp) &&
	       *(volatile u64 *)assists[vp] == mark(ASSIST_MARK, vp);
}

static void work(u32 vp)
{
	busy.beats[vp]++;
	busy.broken += !registers_kept(vp);
}

/* --- VP 0 --- */

static void clock_look(void)
{
	static u64 last, last_counter;
	u64 now = guest_time(), counter = guest_time_counter();

	busy.back += now < last || counter < last_counter || counter < now;
	last = now;
	last_counter = counter;
}

static void hypercall_make(void)
{
	busy.refused += guest_call_hypercall(call_page,
				HV_CALL_NOTIFY_LONG_SPIN_WAIT | HV_CONTROL_FAST, 1, 0) != 0;
}

static void synic_begin(void)
{
	slots = guest_pages(1);
	flags = guest_pages(1);
	msr_write(HV_MSR_SIMP, (u64)slots | HV_MSR_PAGE_ENABLE);
	msr_write(HV_MSR_SIEFP, (u64)flags | HV_MSR_PAGE_ENABLE);
	msr_write(HV_MSR_SINT(PORT_SINT), PORT_VECTOR);
	msr_write(HV_MSR_SINT(TIMER_SINT), TIMER_VECTOR);
	msr_write(HV_MSR_SCONTROL, HV_SCONTROL_ENABLE);
}

static void timers_begin(void)
{
	msr_write(HV_MSR_STIMER_CONFIG(PERIODIC),
		HV_STIMER_PERIODIC | HV_STIMER_AUTO_ENABLE | HV_STIMER_SINT(TIMER_SINT));
	msr_write(HV_MSR_STIMER_COUNT(PERIODIC), BUSY_PERIOD);
	msr_write(HV_MSR_STIMER_CONFIG(SHOT), HV_STIMER_AUTO_ENABLE | HV_STIMER_SINT(TIMER_SINT));
	msr_write(HV_MSR_STIMER_COUNT(SHOT), guest_time() + BUSY_PERIOD);
	msr_write(HV_MSR_STIMER_CONFIG(DIRECT),
		HV_STIMER_AUTO_ENABLE | HV_STIMER_DIRECT | HV_STIMER_VECTOR(DIRECT_VECTOR));
	direct_due = guest_time() + BUSY_PERIOD;
	msr_write(HV_MSR_STIMER_COUNT(DIRECT), direct_due);
	mmio_write32(apic(APIC_TIMER_DIVIDE), 0xb);
	mmio_write32(apic(APIC_LVT_TIMER), COUNT_VECTOR);
	count_start = guest_time();
	mmio_write32(apic(APIC_TIMER_INITIAL), COUNT_INITIAL);
}

static void hypercalls_begin(void)
{
	call_page = guest_pages(1);
	msr_write(HV_MSR_GUEST_OS_ID, 0x1234);
	msr_write(HV_MSR_HYPERCALL, (u64)call_page | HV_MSR_HYPERCALL_ENABLE);
}

void busy_first(void)
{
	guest_load_tables();
	handlers_set();
	guest_time_init();
	hypercalls_begin();
	registers_fill(0);
	synic_begin();
	timers_begin();
	/* Partner: VP 1's look at it. */
	(void)atomic_fetch_add(&busy.ready, 1);
	for (;;) {
		work(0);
		clock_look();
		hypercall_make();
		if (busy.ready == 2 && busy.pongs == busy.pings) {
			busy.pings++;
			send(1, PING_VECTOR);
		}
		if (busy.beats[0] % 64 == 0)
			irq_wait();
		else
			irq_take_pending();
	}
}

/* --- VP 1 --- */

void busy_second(void)
{
	/* VP 0 sets the handlers of both. */
	while (!load_acquire(&busy.ready))
		cpu_pause();
	guest_load_tables();
	registers_fill(1);
	msr_write(HV_MSR_STIMER_CONFIG(0), HV_STIMER_PERIODIC | HV_STIMER_AUTO_ENABLE |
						   HV_STIMER_DIRECT |
						   HV_STIMER_VECTOR(OTHER_VECTOR));
	msr_write(HV_MSR_STIMER_COUNT(0), BUSY_PERIOD);
	busy.has_deadline = cpuid(1, 0).ecx & ECX_TSC_DEADLINE;
	if (busy.has_deadline) {
		mmio_write32(apic(APIC_LVT_TIMER), (u32)APIC_TIMER_DEADLINE | DEADLINE_VECTOR);
		deadline_set();
	}
	(void)atomic_fetch_add(&busy.ready, 1);
	for (;;) {
		work(1);
		irq_wait();
	}
}

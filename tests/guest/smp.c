/* SPDX-License-Identifier: MIT */
/*
 * Several VPs: interrupts between them, and what they do to shared things at
 * the same time. On one processor only what exists there. start_vp.c has the
 * ways to start one wrongly.
 * machines: svm-smp1-bios svm-smp2-bios svm-parallel2-bios svm-parallel4-bios vmx-smp2
 */
#include "hv/msr.h"
#include "hv/stats.h"
#include "lib/bitmap.h"
#include "lib/string.h"
#include "tests/guest/lib/guest.h"
#include "x86/apic.h"
#include "x86/atomic.h"
#include "x86/cpu.h"
#include "x86/cr.h"
#include "x86/desc.h"
#include "x86/mmio.h"
#include "x86/msr.h"

#define MAX_VPS    8u
#define VECTOR     0x50u
#define VECTOR_ACK 0x51u
#define PINGS      1000u
#define OTHERS     (APIC_SHORTHAND_OTHERS << 18)
#define ALL        (APIC_SHORTHAND_ALL << 18)

/* A VP's own line; what others write is the task. */
struct state {
	void (*task)(u64 arg); /* done when NULL again */
	u64 arg;
	u32 got;
	u32 nmis;
	u32 index;
	u32 apic_id;
	u32 cpuid_id;
	bool up;
} __aligned(64);

static struct state vps[MAX_VPS];
static u32 count;

static u32 self(void)
{
	return (u32)msr_read(HV_MSR_VP_INDEX);
}

static u32 id_of(u32 vp)
{
	return guest_bootinfo->apic_ids[vp];
}

static void apic_set(u32 reg, u32 v)
{
	mmio_write32((volatile void *)(APIC_DEFAULT_BASE + reg), v);
}

static void send(u32 dest, u32 low)
{
	apic_set(APIC_ICR_HIGH, dest << 24);
	apic_set(APIC_ICR, low);
}

static void on_vector(u8 vector)
{
	(void)vector;
	atomic_fetch_add(&vps[self()].got, 1u);
	apic_set(APIC_EOI, 0);
}

static void on_nmi(u8 vector)
{
	(void)vector;
	atomic_fetch_add(&vps[self()].nmis, 1u);
}

/* Each VP's life: tasks, and HLT between them, from which an IPI wakes it. */
static void live(void *arg)
{
	struct state *s = arg;

	s->index = self();
	s->apic_id = mmio_read32((const volatile void *)(APIC_DEFAULT_BASE + APIC_ID)) >> 24;
	s->cpuid_id = cpuid(1, 0).ebx >> 24;
	/* Pairs with the loads in wait_for(). */
	store_release(&s->up, true);
	for (;;) {
		void (*task)(u64) = load_acquire(&s->task);

		if (task) {
			task(s->arg);
			store_release(&s->task, NULL);
		}
		/* Interrupts are off between the look and the HLT. */
		if (load_acquire(&s->task))
			irq_take_pending();
		else
			irq_wait();
	}
}

static bool wait_for(bool (*done)(u64), u64 arg)
{
	u64 end = rdtsc() + 10 * guest_tsc_hz();

	while (!done(arg)) {
		if (rdtsc() > end)
			return false;
		cpu_pause();
	}
	return true;
}

static bool is_idle(u64 vp)
{
	return !load_acquire(&vps[vp].task);
}

static bool is_up(u64 vp)
{
	return load_acquire(&vps[vp].up);
}

/* Runs fn(arg) on @vp and waits for its end; the wake-up is an IPI that counts nothing. */
static bool on(u32 vp, void (*fn)(u64), u64 arg)
{
	if (vp == self()) {
		fn(arg);
		return true;
	}
	vps[vp].arg = arg;
	store_release(&vps[vp].task, fn);
	send(id_of(vp), VECTOR_ACK);
	return wait_for(is_idle, vp);
}

static void on_ack(u8 vector)
{
	(void)vector;
	apic_set(APIC_EOI, 0);
}

/* Bit per VP that got an interrupt, and how many in all. */
static u64 got_mask(u32 *total)
{
	u64 mask = 0;

	*total = 0;
	for (u32 i = 0; i < count; i++) {
		u32 got = load_acquire(&vps[i].got);

		*total += got;
		if (got)
			mask |= BIT(i);
	}
	return mask;
}

static void clear(void)
{
	for (u32 i = 0; i < count; i++)
		vps[i].got = vps[i].nmis = 0;
}

static bool all_got(u64 mask)
{
	u32 total;

	return (got_mask(&total) & mask) == mask;
}

static void task_send(u64 icr)
{
	send((u32)(icr >> 32), (u32)icr);
}

static void task_nothing(u64 arg)
{
	(void)arg;
}

static const char *missed = ""; /* what delivers() waited for in vain */

/* One command by VP @from; exactly @expected get one interrupt each. */
static bool delivers(u32 from, u32 dest, u32 low, u64 expected)
{
	u32 total;

	clear();
	irq_enable();
	missed = "sender";
	if (!on(from, task_send, (u64)dest << 32 | low))
		return false;
	missed = "receiver";
	if (!wait_for(all_got, expected))
		return false;
	/* A surplus one would have come by the time that all have answered. */
	missed = "answer";
	for (u32 i = 0; i < count; i++)
		if (!on(i, task_nothing, 0))
			return false;
	irq_enable();
	guest_delay_us(20);
	irq_disable();
	missed = "surplus";
	return got_mask(&total) == expected && total == bitmap_weight(&expected, 64);
}

static void test_pairs(void)
{
	for (u32 from = 0; from < count; from++) {
		for (u32 to = 0; to < count; to++) {
			if (delivers(from, id_of(to), VECTOR, BIT(to)))
				continue;
			guest_fail("ipi-pairs", "%u to %u: %s", from, to, missed);
			return;
		}
	}
	guest_pass("ipi-pairs");
}

static void test_shorthands(void)
{
	u64 everybody = BIT(count) - 1;
	bool all = true, others = true, broadcast = true, nobody = true;

	for (u32 from = 0; from < count; from++) {
		all = all && delivers(from, 0, VECTOR | ALL, everybody);
		others = others && delivers(from, 0, VECTOR | OTHERS, everybody & ~BIT(from));
		broadcast = broadcast && delivers(from, 0xff, VECTOR, everybody);
		nobody = nobody && delivers(from, 0x7e, VECTOR, 0);
	}
	guest_check(all, "ipi-all", "%s", missed);
	guest_check(others, "ipi-others", "%s", missed);
	guest_check(broadcast, "ipi-broadcast", "%s", missed);
	guest_check(nobody, "ipi-nobody", "%s", missed);
}

static void task_flat(u64 vp)
{
	apic_set(APIC_DFR, 0xffffffff);
	apic_set(APIC_LDR, 1u << (24 + vp));
}

/* Two VPs to a cluster. */
static void task_cluster(u64 vp)
{
	apic_set(APIC_DFR, 0x0fffffff);
	apic_set(APIC_LDR, (u32)(vp / 2 << 4 | BIT(vp % 2)) << 24);
}

static void test_logical(void)
{
	const u32 logical = VECTOR | (u32)APIC_ICR_LOGICAL;
	u64 everybody = BIT(count) - 1;
	bool flat = true, cluster = true;

	for (u32 i = 0; i < count; i++)
		flat = flat && on(i, task_flat, i);
	for (u32 mask = 1; mask <= everybody; mask++)
		flat = flat && delivers(mask % count, mask, logical, mask);
	guest_check(flat, "ipi-logical-flat", "%s", missed);
	for (u32 i = 0; i < count; i++)
		cluster = cluster && on(i, task_cluster, i);
	for (u32 i = 0; i < count; i++) {
		u64 both = 3ull << (i & ~1u) & everybody;

		cluster = cluster &&
			  delivers(count - 1 - i, i / 2 << 4 | 1u << i % 2, logical, BIT(i));
		cluster = cluster && delivers(i, i / 2 << 4 | 3, logical, both);
	}
	guest_check(cluster, "ipi-logical-cluster", "%s", missed);
	for (u32 i = 0; i < count; i++)
		flat = flat && on(i, task_flat, i);
}

/* Exactly one of those meant, whichever. */
static void test_lowest(void)
{
	u64 everybody = BIT(count) - 1;
	bool ok = true;

	for (u32 i = 0; i < 8; i++) {
		u32 total = 0;

		clear();
		send((u32)everybody,
			(VECTOR + 0x10 * i) | APIC_DM_LOWEST << 8 | (u32)APIC_ICR_LOGICAL);
		for (u32 v = 0; v < count; v++)
			ok = ok && on(v, task_nothing, 0);
		guest_delay_us(20);
		(void)got_mask(&total);
		ok = ok && total == 1;
	}
	guest_check(ok, "ipi-lowest-priority");
}

static bool got_nmi(u64 vp)
{
	return load_acquire(&vps[vp].nmis) == 1;
}

static void test_nmis(void)
{
	bool ok = true;

	for (u32 from = 0; from < count; from++) {
		for (u32 to = 0; to < count; to++) {
			clear();
			ok = ok && on(from, task_send, (u64)id_of(to) << 32 | APIC_DM_NMI << 8) &&
			     wait_for(got_nmi, to);
			for (u32 i = 0; i < count; i++)
				ok = ok && vps[i].nmis == (i == to);
		}
	}
	guest_check(ok, "ipi-nmi");
}

static u32 pings;

static void on_ping(u8 vector)
{
	u32 me = self();

	(void)vector;
	apic_set(APIC_EOI, 0);
	if (me == 0)
		atomic_fetch_add(&pings, 1u);
	else
		send(id_of(0), 0xe0);
}

/* The other VP halts between two, as idle ones do; so does this one. */
static void test_ping_pong(void)
{
	u32 other = count - 1, i;

	guest_on_interrupt(0xe0, on_ping);
	irq_disable();
	for (i = 0; i < PINGS; i++) {
		send(id_of(other), 0xe0);
		while (load_acquire(&pings) == i)
			irq_wait();
		if (pings != i + 1)
			break;
	}
	irq_enable();
	guest_check(i == PINGS, "ping-pong", "%u", i);
}

static bool asleep;

/* Halts below a task priority until an interrupt above it comes. */
static void task_sleep(u64 arg)
{
	(void)arg;
	apic_set(APIC_TPR, 0x80);
	store_release(&asleep, true);
	while (!load_acquire(&vps[self()].got))
		irq_wait();
	apic_set(APIC_TPR, 0);
	irq_take_pending();
}

/* One that has to wait keeps no later one from waking the VP. */
static void test_wake_behind_held(void)
{
	u32 other = count - 1;
	bool woke;

	clear();
	vps[other].arg = 0;
	store_release(&vps[other].task, task_sleep);
	send(id_of(other), VECTOR_ACK);
	while (!load_acquire(&asleep))
		cpu_pause();
	guest_delay_us(2000);
	send(id_of(other), VECTOR);
	guest_delay_us(2000);
	send(id_of(other), 0xd0);
	woke = wait_for(is_idle, other);
	guest_check(woke && vps[other].got == 2, "wake-behind-held", "%u", vps[other].got);
}

/* Two VPs touch the same fresh GiB of device space at once. */
static u64 meet;

static void task_touch(u64 arg)
{
	for (u64 gib = 0; gib < 16; gib++) {
		atomic_fetch_add(&meet, 1ull);
		while (load_acquire(&meet) < 2 * (gib + 1))
			;
		(void)*(volatile u32 *)(arg + gib * GIB);
	}
}

static void test_device_race(void)
{
	if (!(cpuid(0x80000001, 0).edx & BIT(26)))
		return;
	vps[1].arg = 40 * GIB;
	store_release(&vps[1].task, task_touch);
	send(id_of(1), VECTOR_ACK);
	task_touch(40 * GIB);
	guest_check(wait_for(is_idle, 1), "device-touched-by-two");
}

#define ROUNDS (guest_is_qemu() ? 200u : 40u)

static u32 running;
static u64 wrong;

/* Statistics pages away and back: each unmap flushes on all processors, who all do the same. */
static void task_flush(u64 arg)
{
	struct hv_stats_page_input *in = (void *)arg;
	u64 *out = (u64 *)(arg + 256);

	*in = (struct hv_stats_page_input){ .type = HV_STATS_OBJECT_VP,
		.partition_id = HV_PARTITION_SELF,
		.vp_index = HV_VP_SELF };
	atomic_fetch_add(&running, 1u);
	while (load_acquire(&running) < count)
		cpu_pause();
	for (u32 i = 0; i < ROUNDS; i++) {
		u64 status = guest_hypercall(HV_CALL_MAP_STATS_PAGE, (u64)in, (u64)out);
		volatile u64 *page = (volatile u64 *)(*out << PAGE_SHIFT);

		if (status != HV_STATUS_SUCCESS || !page[HV_VP_COUNTER_TOTAL_RUN_TIME])
			atomic_fetch_add(&wrong, 1ull);
		if (guest_hypercall(HV_CALL_UNMAP_STATS_PAGE, (u64)in, 0) != HV_STATUS_SUCCESS)
			atomic_fetch_add(&wrong, 1ull);
	}
}

/* To the next VP, as fast as it goes, while the same comes from the one before. */
static void task_storm(u64 arg)
{
	u32 next = id_of((self() + 1) % count);

	(void)arg;
	atomic_fetch_add(&running, 1u);
	while (load_acquire(&running) < count)
		cpu_pause();
	irq_enable();
	for (u32 i = 0; i < ROUNDS; i++) {
		send(next, VECTOR + 0x10 * (i % 8));
		if (i % 16 == 0)
			(void)msr_read(HV_MSR_TIME_REF_COUNT);
	}
	irq_disable();
}

/* @fn on all VPs at once; false if one does not come back. */
static bool all_at_once(void (*fn)(u64), u8 *pages)
{
	bool ok = true;

	running = 0;
	for (u32 i = 1; i < count; i++) {
		vps[i].arg = (u64)(pages + i * PAGE_SIZE);
		store_release(&vps[i].task, fn);
		send(id_of(i), VECTOR_ACK);
	}
	irq_enable();
	fn((u64)pages);
	irq_enable();
	for (u32 i = 1; i < count; i++)
		ok = ok && wait_for(is_idle, i);
	return ok;
}

static void test_together(void)
{
	u8 *pages = guest_pages(count);
	u64 everybody = BIT(count) - 1;

	guest_check(
		all_at_once(task_flush, pages) && !wrong, "flushes-together", "%lu wrong", wrong);
	clear();
	guest_check(all_at_once(task_storm, pages) && wait_for(all_got, everybody), "ipi-storm");
	/* The storm's last ones. */
	for (u32 i = 0; i < count; i++)
		(void)on(i, task_nothing, 0);
	irq_enable();
	guest_delay_us(5000);
	guest_check(delivers(0, 0, VECTOR | ALL, everybody), "ipi-after-storm", "%s", missed);
}

static bool start_all(void)
{
	bool ok = true, ids = true, again = true;
	u32 nmis = 0;

	for (u32 i = 1; i < count; i++)
		ok = ok && guest_start_vp(i, live, &vps[i]) == HV_STATUS_SUCCESS &&
		     wait_for(is_up, i);
	guest_check(ok, "start");
	for (u32 i = 1; i < count && ok; i++) {
		struct hv_start_vp_input in;

		nmis += vps[i].nmis;
		ids = ids && vps[i].index == i && vps[i].apic_id == id_of(i) &&
		      vps[i].cpuid_id == id_of(i);
		guest_vp_context(i, stack_pointer(), &in);
		again = again && guest_start_vp_by(&in) == HV_STATUS_INVALID_VP_STATE;
	}
	guest_check(ids, "start-ids");
	guest_check(again, "start-twice");
	guest_check(!nmis, "start-without-older-nmi");
	return ok;
}

void guest_main(void)
{
	count = MIN(guest_bootinfo->processors, MAX_VPS);
	for (u32 v = VECTOR; v < 0xe0; v += 0x10)
		guest_on_interrupt((u8)v, on_vector);
	guest_on_interrupt(VECTOR_ACK, on_ack);
	guest_on_exception(VEC_NMI, on_nmi);
	vps[0].up = true;
	/* To VPs that are not there yet: they do not find it later. */
	send(0, OTHERS | APIC_DM_NMI << 8);
	if (!start_all())
		return;
	test_pairs();
	test_shorthands();
	test_logical();
	irq_enable();
	test_lowest();
	test_nmis();
	if (count == 1)
		return;
	test_ping_pong();
	test_wake_behind_held();
	test_device_race();
	test_together();
}

/* SPDX-License-Identifier: MIT */
/*
 * Weight, cap and reserve of children that always want their processor, beside
 * a root that sleeps or is busy itself. Where the host's time comes into it, with
 * more room.
 * machines: svm-det-smp1 svm-smp2-bios svm-smp4-bios vmx-smp1 vmx-smp2
 */
#include "base/assert.h"
#include "hv/stats.h"
#include "hv/vpset.h"
#include "tests/guest/lib/child_code.h"
#include "tests/guest/lib/child_vp.h"
#include "tests/guest/lib/sleep.h"
#include "x86/cpu.h"

#define RAM        (4 * MIB)
#define SECOND     1000000u
#define SETTLE     50000u
#define PERCENT(n) (HV_CPU_ALL * (u64)(n) / 100)
#define CHILDREN   9u
/* A host that takes the processor away for long spoils a measure. */
#define TRIES 3u

static struct child {
	u64 id;
	volatile u64 *count;
	const volatile u64 *stats;
	u64 before, got; /* run time in a measure, in thousandths of it */
} child[CHILDREN];
static u32 children;

static u32 processors(void)
{
	return guest_bootinfo->processors;
}

/* Points, of a hundred, that a part may be off. */
static u32 room(u32 alone)
{
	return processors() == 1 ? alone : 15;
}

static struct child *add(u64 mask)
{
	struct child *c = &child[children++];
	u8 *ram;

	assert(children <= CHILDREN);
	c->id = child_of(code_count, RAM, &ram);
	child_register_set(c->id, 0, HV_X64_REGISTER_RAX + 7, CHILD_DATA);
	c->count = (volatile u64 *)(void *)(ram + CHILD_DATA);
	c->stats = child_counters(c->id, 0);
	assert(child_affinity(c->id, 0, mask) == HV_STATUS_SUCCESS);
	return c;
}

static void set(const struct child *c, u32 property, u64 value)
{
	assert(child_set(c->id, property, value) == 0);
}

static void release_all(void)
{
	for (u32 i = 0; i < children; i++)
		child_release(child[i].id, 0);
	guest_sleep_us(SETTLE);
}

static void end_all(void)
{
	while (children > 0)
		child_end(child[--children].id);
}

/* One that runs without any exit is counted when it stops. */
static u64 run_time(const struct child *c)
{
	if (processors() > 1) {
		child_suspend(c->id, 0);
		child_release(c->id, 0);
	}
	return c->stats[HV_VP_COUNTER_TOTAL_RUN_TIME];
}

static void work(u64 us)
{
	u64 end = rdtsc() + guest_tsc_hz() / 1000000 * us;

	/* Without PAUSE, on which QEMU spends long. */
	while (rdtsc() < end)
		;
}

/* A second on one processor, on more, where it is less exact, half of it: in which the root sleeps or works; each child's part of a processor. */
static void measure(void (*root)(u64 us))
{
	u64 ticks = rdtsc();

	for (u32 i = 0; i < children; i++)
		child[i].before = run_time(&child[i]);
	root(processors() == 1 ? SECOND : SECOND / 2);
	for (u32 i = 0; i < children; i++)
		child[i].got = run_time(&child[i]) - child[i].before;
	ticks = rdtsc() - ticks;
	for (u32 i = 0; i < children; i++)
		child[i].got = child[i].got * 1000 / ticks;
}

static void sleep(u64 us)
{
	(void)guest_sleep_us(us);
}

static bool within(u64 v, u64 low, u64 high)
{
	return v >= low && v <= high;
}

/* All of the children on processor 0 by their weights, which are 1, 2, 4 of 7. */
static bool by_weight(void)
{
	u64 all = child[0].got + child[1].got + child[2].got, off = processors() == 1 ? 5 : 30;

	for (u32 i = 0; i < 3; i++) {
		u64 want = (all << i) / 7;

		if (!within(child[i].got, want * (100 - off) / 100, want * (100 + off) / 100))
			return false;
	}
	return all > 0;
}

static void test_weights(void)
{
	bool good = false;

	for (u32 i = 0; i < 3; i++)
		set(add(1), HV_PROPERTY_CPU_WEIGHT, 100ull << i);
	release_all();
	for (u32 try = 0; try < TRIES && !good; try++) {
		measure(sleep);
		good = by_weight();
	}
	guest_check(good, "weights", "%lu %lu %lu", child[0].got, child[1].got, child[2].got);
	/* While they run. */
	good = false;
	for (u32 i = 0; i < 3; i++)
		set(&child[i], HV_PROPERTY_CPU_WEIGHT, 25ull << i);
	set(&child[2], HV_PROPERTY_CPU_WEIGHT, 25);
	for (u32 try = 0; try < TRIES && !good; try++) {
		measure(sleep);
		good = within(child[1].got * 100, child[2].got * (200 - 5 * room(2)),
			child[2].got * (200 + 5 * room(2)));
	}
	guest_check(good, "weights-while-running", "%lu %lu", child[1].got, child[2].got);
	end_all();
}

static void check_got(
	const char *name, const struct child *c, void (*root)(u64 us), u64 low, u64 high)
{
	bool good = false;

	for (u32 try = 0; try < TRIES && !good; try++) {
		measure(root);
		good = within(c->got, low, high);
	}
	guest_check(good, name, "%lu per thousand", c->got);
}

/* Alone, then beside one without, then set while it runs. */
static void test_cap(void)
{
	u64 off = room(2) * 10ull;
	struct child *c = add(1);

	set(c, HV_PROPERTY_CPU_CAP, PERCENT(30));
	release_all();
	check_got("cap", c, sleep, 300 - off, 300 + off);
	(void)add(1);
	child_release(child[1].id, 0);
	check_got("cap-beside-another", c, sleep, 300 - off, 300 + off);
	set(c, HV_PROPERTY_CPU_CAP, PERCENT(10));
	check_got("cap-while-running", c, sleep, processors() == 1 ? 80 : 10, 100 + off);
	end_all();
}

/*
 * The root is busy on processor 0, where a reserve is kept. No more than it, too: but
 * where the host lets processors take turns, one has time while another runs.
 */
static void test_reserve(void)
{
	u64 off = room(2) * 10ull, more = processors() == 1 ? 20 : 1000;
	struct child *c = add(1);

	release_all();
	check_got("busy-root-leaves-a-third", c, work, 333 - off, 333 + more);
	set(c, HV_PROPERTY_CPU_RESERVE, PERCENT(40));
	check_got("reserve-beside-busy-root", c, work, 400 - off, 420 + more);
	set(c, HV_PROPERTY_CPU_RESERVE, PERCENT(60));
	check_got("reserve-while-running", c, work, 600 - off, 620 + more);
	for (u32 i = 0; i < 3; i++)
		child_release(add(1)->id, 0);
	check_got("reserve-beside-others", c, work, 600 - off, 620 + more);
	for (u32 i = 1; i < children; i++)
		guest_check(child[i].got > 0, "others-run", "%lu", child[i].got);
	end_all();
}

/* More than processors, anywhere, some capped; the root is busy on its own. */
static void test_many(void)
{
	u32 capped = processors();

	for (u32 i = 0; i < 2 * processors() + 1; i++)
		(void)add(~0ull);
	for (u32 i = 0; i < capped; i++)
		set(&child[i], HV_PROPERTY_CPU_CAP, PERCENT(20));
	release_all();
	measure(work);
	for (u32 i = 0; i < children; i++)
		guest_check(child[i].got >= 5 && (i >= capped || child[i].got <= 350),
			i < capped ? "many-capped" : "many", "%lu per thousand", child[i].got);
	end_all();
}

void guest_main(void)
{
	test_weights();
	test_cap();
	test_reserve();
	test_many();
}

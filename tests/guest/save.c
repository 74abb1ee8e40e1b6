/* SPDX-License-Identifier: MIT */
/*
 * A child of two VPs is saved in the midst of timers, messages and interrupts, by
 * hypercalls alone; it is ended, and another one is built from the data. That
 * one reads as the first did, and goes on: nothing is lost, doubled, early or
 * out of order. Again and again, each time out of the one before.
 * machines: svm-smp1-bios svm-smp2-bios vmx-smp1 vmx-smp2 ryzen-smp1
 */
#include "tests/guest/lib/save.h"
#include "base/assert.h"
#include "hv/interrupt.h"
#include "lib/string.h"
#include "tests/guest/lib/busy_child.h"
#include "tests/guest/lib/child_self.h"
#include "tests/guest/lib/message.h"
#include "tests/guest/lib/sleep.h"
#include "x86/cpu.h"

#define SELF   HV_PARTITION_SELF
#define PAGES  120u
#define PORT   0x777u
#define EVENTS 0x778u
#define POSTS  6u
#define ROUNDS (guest_is_qemu() ? 20u : 6u)
#define SECOND 1000000u

static struct child_self child;
static struct busy *seen;
static struct saved *saved, *again;
static u64 spare; /* RAM for the next copy */
static u64 posted, asserted, ended;

static u64 assert_at_vp0(u64 control, u32 vector)
{
	struct hv_assert_interrupt_input in = {
		.partition_id = child.id, .control = control, .vector = vector
	};

	return guest_hypercall_block(HV_CALL_ASSERT_VIRTUAL_INTERRUPT, &in, sizeof(in), NULL, 0);
}

/* Ends of level interrupts that VP 0 has made. */
static u64 ends(void)
{
	struct hv_message m;

	while (guest_message_poll(&m)) {
		const struct hv_apic_eoi *eoi = (const void *)m.payload;

		if (m.header.type == HV_MESSAGE_APIC_EOI && eoi->vp_index == 0 &&
			eoi->vector == BUSY_LEVEL)
			ended++;
		else
			guest_fail("message", "%x", m.header.type);
	}
	return ended;
}

static void ports_open(void)
{
	port_open(child.id, SELF, PORT);
	port_open_events(child.id, SELF, EVENTS);
}

static void ports_close(void)
{
	assert(port_disconnect(SELF, PORT) == 0 && port_disconnect(SELF, EVENTS) == 0);
}

/* While it does not run: one of everything that can come, and messages beyond their slot. */
static void give(void)
{
	for (u32 i = 0; i < POSTS; i++) {
		assert(port_post(PORT, 0x55, &posted, sizeof(posted)) == HV_STATUS_SUCCESS);
		posted++;
	}
	assert(port_signal(EVENTS, (u16)(asserted % 8)) == HV_STATUS_SUCCESS);
	assert(assert_at_vp0(HV_ASSERT_FIXED, BUSY_EDGE) == HV_STATUS_SUCCESS);
	assert(assert_at_vp0(HV_ASSERT_FIXED | HV_ASSERT_LEVEL, BUSY_LEVEL) == HV_STATUS_SUCCESS);
	assert(assert_at_vp0(HV_ASSERT_NMI, 0) == HV_STATUS_SUCCESS);
	asserted++;
	/* Its timers run out: one message in the slot, one that waits. */
	guest_sleep_us(4 * BUSY_PERIOD / 10);
}

static bool irr_has(u32 vector)
{
	return saved->vp[0].apic.irr[vector / 32] >> (vector % 32) & 1;
}

/* What was given is in the data: the child has had no time for it. */
static bool is_in_flight(void)
{
	const struct saved_vp *vp = &saved->vp[0];
	u32 waiting = 0;

	for (u32 i = 0; i < SAVE_WAITING; i++)
		waiting += vp->waiting[i].header.type == 0x55;
	return waiting == POSTS - 1 && irr_has(BUSY_EDGE) && irr_has(BUSY_LEVEL) &&
	       vp->apic.irr[0] & HV_APIC_STATE_NMI &&
	       (!seen->has_deadline || saved->vp[1].deadline) &&
	       (vp->timers.timer[0].flags | vp->timers.timer[2].flags) & HV_STIMER_UNDELIVERED;
}

static void stop(u32 round)
{
	child_suspend(child.id, round % 2);
	child_suspend(child.id, 1 - round % 2);
	give();
	assert(child_set(child.id, HV_PROPERTY_TIME_FREEZE, 1) == HV_STATUS_SUCCESS);
	save_child(child.id, saved);
}

/* Ends it, and leaves nothing of it but the data and another copy of its memory. */
static void end(void)
{
	u64 old = child.copy;

	memcpy((void *)spare, (const void *)old, child.size);
	ports_close();
	child_self_end(&child);
	memset((void *)old, 0xcc, child.size);
	child.copy = spare;
	spare = old;
}

static void nothing(void)
{
}

/* Ports come before what is posted to them again. */
static void build(void)
{
	child_self_of_copy(&child, child.copy, PAGES);
	for (u32 i = 0; i < SAVE_VPS; i++)
		child_self_vp(&child, i, nothing);
	seen = child_self_at(&child, &busy);
	ports_open();
	save_restore(child.id, saved);
	for (u32 i = 0; i < SAVE_WAITING && saved->vp[0].waiting[i].header.type; i++) {
		const struct hv_message *m = &saved->vp[0].waiting[i];

		assert(port_post(PORT, m->header.type, m->payload, m->header.size) == 0);
	}
}

static void go_on(void)
{
	assert(child_set(child.id, HV_PROPERTY_TIME_FREEZE, 0) == HV_STATUS_SUCCESS);
	child_release(child.id, 0);
	child_release(child.id, 1);
}

/* Until *@count is @enough, for a while. */
static bool comes_to(const volatile u64 *count, u64 enough)
{
	u64 last = *count;

	while (last < enough && guest_sleep_while(count, last, SECOND))
		last = *count;
	return last >= enough;
}

static const struct {
	const char *name;
	u32 offset;
} moving[] = {
#define MOVES(member)                                  \
	{                                              \
#member, offsetof(struct busy, member) \
	}
	MOVES(beats[0]),
	MOVES(beats[1]),
	MOVES(pings),
	MOVES(heard),
	MOVES(pongs),
	MOVES(ticks),
	MOVES(shots),
	MOVES(directs),
	MOVES(others),
	MOVES(counts),
	MOVES(deadlines),
};

/* Everything still comes, more than once. */
static void check_moves(void)
{
	for (u32 i = 0; i < ARRAY_SIZE(moving); i++) {
		const volatile u64 *count = (void *)((u8 *)seen + moving[i].offset);

		if (!comes_to(count, *count + 3))
			guest_fail("stopped", "%s at %lu", moving[i].name, *count);
	}
}

static bool all_came(void)
{
	return comes_to(&seen->messages, posted) && comes_to(&seen->edges, asserted) &&
	       comes_to(&seen->levels, asserted) && comes_to(&seen->nmis, asserted) &&
	       comes_to(&seen->flags, asserted) && seen->messages == posted &&
	       seen->edges == asserted && seen->levels == asserted && seen->nmis == asserted &&
	       seen->flags == asserted;
}

static void begin(void)
{
	saved = save_alloc();
	again = save_alloc();
	child_self_begin(&child, PAGES);
	spare = guest_ram(child.size, PAGE_SIZE);
	child_self_vp(&child, 0, busy_first);
	child_self_vp(&child, 1, busy_second);
	seen = child_self_at(&child, &busy);
	ports_open();
	child_release(child.id, 0);
	child_release(child.id, 1);
	guest_check(comes_to(&seen->ready, 2), "begins");
	check_moves();
}

void guest_main(void)
{
	u32 in_flight = 0, same = 0, came = 0, told = 0;
	const char *difference;
	u64 which;

	guest_messages_init();
	begin();
	for (u32 round = 0; round < ROUNDS; round++) {
		guest_sleep_us(100 * round);
		stop(round);
		in_flight += is_in_flight();
		end();
		build();
		save_child(child.id, again);
		difference = save_difference(saved, again, &which);
		if (difference)
			guest_fail("differs", "%s at %lx", difference, which);
		same += !difference;
		go_on();
		check_moves();
		came += all_came();
		told += ends() == asserted;
	}
	guest_check(in_flight == ROUNDS, "in-flight", "%u", in_flight);
	guest_check(same == ROUNDS, "same", "%u", same);
	guest_check(came == ROUNDS, "all-came", "%u: %lu %lu %lu %lu %lu", came, seen->messages,
		seen->edges, seen->levels, seen->nmis, seen->flags);
	guest_check(told == ROUNDS, "ends-told", "%u, %lu", told, ended);
	guest_check(!seen->out_of_order && !seen->off_beat && !seen->refused, "order",
		"%lu %lu %lu", seen->out_of_order, seen->off_beat, seen->refused);
	guest_check(!seen->early && !seen->back, "time", "%lu early, %lu back", seen->early,
		seen->back);
	guest_check(!seen->broken, "registers", "%lu", seen->broken);
	ports_close();
	child_self_end(&child);
}

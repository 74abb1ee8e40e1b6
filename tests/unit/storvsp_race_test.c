/* SPDX-License-Identifier: MIT */
/*
 * A guest that means harm, to its SCSI controller, by what it does when: requests held for ever, answers that are never read,
 * floods, sub-channels without end; closing, rescind and disks that go away in the middle of all. The other
 * controller and the other guest do not notice.
 * sources: tests/unit/bus_guest.c tests/unit/bus_disk.c
 * sources: vsp/storvsp/storvsp.c vsp/storvsp/storvsp_slot.c vsp/storvsp/storvsp_packet.c
 * sources: vsp/storvsp/storvsp_control.c vsp/storvsp/storvsp_state.c vsp/storvsp/scsi.c
 * sources: vsp/storvsp/scsi_answers.c
 * sources: vmbus/server.c vmbus/server_messages.c vmbus/channel.c vmbus/gpadl.c vmbus/ring.c lib/string.c
 */
#include "tests/unit/storvsp_pair.h"
#include "vsp/storvsp/storvsp_impl.h"

#define SUB 2u /* the number of the sub-channel's rings */

static bool read_eight(u64 id)
{
	return bus_io(&ends[0], id, false, 0, 8, DATA) >= 0;
}

/* The sub-channel, offered and opened. */
static void open_subchannel(struct bus_end *e)
{
	struct storvsp_channel *ch;

	assert_int_equal(bus_control(&ends[0], VSTOR_CREATE_SUB_CHANNELS, 1), 0);
	storvsp_offer_channels(&bad.s, bad.wanted);
	bus_skip(&offender);
	ch = bad.s.channels[1];
	assert_non_null(ch);
	assert_true(bus_end_open(e, &offender, &ch->c, SUB + 1, SUB * RINGS, RINGS));
}

/* It is closed and torn down, and works when it was opened again. */
static void mends(void)
{
	assert_int_equal(ends[0].c->state, VMBUS_CHANNEL_OFFERED);
	assert_true(open_end(&ends[0], &bad, 0));
	all_work();
}

static void one_request_held_for_ever(void **state)
{
	struct vstor_packet p;

	(void)state;
	assert_true(read_eight(1));
	bad.disks[0].held = 1;
	for (u32 i = 0; i < 200; i++)
		all_work();
	/* All but one, and then all: the one that is left takes everything, and then it waits. */
	for (u32 i = 1; i < STORVSP_SLOTS - 1; i++)
		assert_true(read_eight(i + 1));
	bad.disks[0].held = STORVSP_SLOTS - 1;
	for (u32 i = 0; i < 50; i++)
		all_work();
	assert_true(read_eight(1000) && read_eight(1001));
	assert_int_equal(bad.disks[0].count, STORVSP_SLOTS);
	bad.disks[0].held = STORVSP_SLOTS;
	others_work();
	assert_int_equal(bus_vstor_answer(&ends[0], &p), 0);
	/* Any that ends lets the next one start. */
	bus_disk_end(&bad.disks[0], 17, 0);
	bus_controller_run(&bad);
	assert_true(bus_vstor_answer(&ends[0], &p) == 18);
	assert_int_equal(bad.disks[0].count, STORVSP_SLOTS);
}

static void requests_held_on_one_channel_only(void **state)
{
	struct vstor_packet p;
	struct bus_end sub;

	(void)state;
	open_subchannel(&sub);
	for (u32 i = 0; i < STORVSP_SLOTS + 5; i++)
		assert_true(read_eight(i + 1));
	bad.disks[0].held = STORVSP_SLOTS;
	for (u32 i = 0; i < 20; i++)
		assert_true(bus_disk_works(&bad, &sub, 1, 8, PRIVATE));
	/* Its steps are the primary's. */
	assert_int_equal(bus_control(&sub, VSTOR_BEGIN_INITIALIZATION, 0), VSTOR_STATUS_INVALID);
	others_work();
	bus_controller_let_go(&bad);
	for (u32 i = 0; i < STORVSP_SLOTS + 5; i++)
		assert_int_not_equal(bus_vstor_answer(&ends[0], &p), 0);
	all_work();
}

/* Long lists are few: who waits for one does not hold up another channel. */
static void the_longest_lists(void **state)
{
	struct vstor_packet p;
	struct bus_end sub;
	u32 answered = 0;

	(void)state;
	open_subchannel(&sub);
	for (u32 i = 0; i < STORVSP_LISTS + 3; i++)
		assert_true(bus_io(&ends[0], i + 1, false, 0, 100, DATA) >= 0);
	assert_int_equal(bad.disks[0].count, STORVSP_LISTS);
	bad.disks[0].held = STORVSP_LISTS;
	assert_true(bus_disk_works(&bad, &sub, 1, 8, PRIVATE));
	bus_controller_let_go(&bad);
	while (bus_vstor_answer(&ends[0], &p) != 0)
		answered++;
	assert_int_equal(answered, STORVSP_LISTS + 3);
	all_work();
}

static void answers_that_are_never_read(void **state)
{
	u32 accepted = 0, capacity = (RINGS / 2 - 1) * BUS_PAGE / 88, answered = 0;
	struct vstor_packet p;

	(void)state;
	for (u32 i = 0; i < 5000; i++) {
		accepted += read_eight(i + 1);
		bus_controller_drain(&bad);
	}
	/* The ring is full, all slots have an answer, and the rest waits in the guest's own ring. */
	assert_int_equal(bad.s.channels[0]->under_way, STORVSP_SLOTS);
	assert_int_equal(bad.s.stats.reads, capacity + STORVSP_SLOTS);
	assert_int_equal(bad.disks[0].count, 0);
	others_work();
	for (u32 i = 0; i < 20000; i++) {
		answered += bus_vstor_answer(&ends[0], &p) != 0;
		bus_controller_drain(&bad);
	}
	assert_int_equal(answered, accepted);
	all_work();
	/* And then it closes without having read them: they are dropped. */
	for (u32 i = 0; i < 2000; i++) {
		(void)read_eight(i + 1);
		bus_controller_drain(&bad);
	}
	assert_true(bus_end_close(&ends[0]));
	mends();
}

/* Packets that cost nothing, a ring full of them at a time: each turn takes so many, and others have theirs. */
static void floods_of_packets(void **state)
{
	const struct vmbus_message m = { .type = VMBUS_PACKET_COMPLETION };
	u32 fits = ((RINGS / 2 - 1) * BUS_PAGE - 1) / 24;

	(void)state;
	for (u32 i = 0; i < 50; i++) {
		u64 before = bad.s.channels[0]->c.packets_in;
		u32 turns = 0;

		while (vmbus_ring_write(&ends[0].out, &m) >= 0)
			;
		assert_true(bus_end_signal(&ends[0]));
		while (bad.agains != 0) {
			u64 in = bad.s.channels[0]->c.packets_in;

			turns++;
			others_work();
			bad.agains = 0;
			assert_true(bus_end_signal(&ends[0]));
			assert_true(bad.s.channels[0]->c.packets_in - in <= STORVSP_TURN);
		}
		assert_true(turns == fits / STORVSP_TURN);
		assert_int_equal(bad.s.channels[0]->c.packets_in - before, fits);
	}
	for (u32 i = 0; i < 100000; i++)
		vmbus_server_signalled(ends[0].c);
	all_work();
}

static void subchannels_without_end(void **state)
{
	struct vstor_packet p;
	struct bus_end sub;

	(void)state;
	for (u32 i = 0; i < 300; i++) {
		u16 count = (u16)(i < 10 ? i : bus_any(0x10000));

		assert_int_equal(bus_control(&ends[0], VSTOR_CREATE_SUB_CHANNELS, count),
			count <= 3 ? VSTOR_STATUS_OK : VSTOR_STATUS_INVALID);
		storvsp_offer_channels(&bad.s, bad.wanted);
	}
	assert_int_equal(offender.server.channel_count, 2 + 3);
	bus_skip(&offender);
	assert_true(
		bus_end_open(&sub, &offender, &bad.s.channels[1]->c, SUB + 1, SUB * RINGS, RINGS));
	assert_true(bus_disk_works(&bad, &sub, 1, 8, PRIVATE));
	/* The primary closes while its sub-channel has a request: that is withdrawn when it has ended. */
	assert_true(bus_io(&sub, 3, false, 0, 8, DATA) >= 0);
	(void)bus_end_close(&ends[0]);
	bus_skip(&offender);
	assert_int_equal(sub.c->state, VMBUS_CHANNEL_CLOSING);
	/* There is nothing to be had from a primary that is closed. */
	storvsp_offer_channels(&bad.s, 3);
	assert_int_equal(offender.server.channel_count, 2 + 3);
	bus_controller_drain(&bad);
	assert_int_equal(sub.c->state, VMBUS_CHANNEL_RESCINDED);
	/* It was written before the end. */
	assert_true(bus_vstor_answer(&sub, &p) == 3);
	for (u32 i = 1; i <= 3; i++)
		bus_relid(&offender, VMBUS_RELID_RELEASED, bad.s.channels[i]->c.relid);
	assert_int_equal(offender.server.channel_count, 2);
	assert_null(bad.s.channels[1]);
	bus_skip(&offender);
	mends();
}

/* ---- what ends in the middle ---- */

static void closing_with_requests_under_way(void **state)
{
	(void)state;
	for (u32 i = 0; i < 50; i++) {
		u32 n = 1 + bus_any(STORVSP_SLOTS + 20);

		for (u32 k = 0; k < n; k++)
			assert_true(read_eight(k + 1));
		bus_relid(&offender, VMBUS_CLOSE_CHANNEL, ends[0].relid);
		bus_teardown(&offender, ends[0].relid, ends[0].gpadl);
		/* Its memory is its own when the last one has ended, not before. */
		while (bad.disks[0].count > 0) {
			assert_true(bus_is_silent(&offender));
			bus_disk_end(
				&bad.disks[0], bus_any(bad.disks[0].count), bus_any(2) ? 0 : -EIO);
			bus_controller_run(&bad);
			bus_attend(&offender);
		}
		assert_true(bus_torndown(&offender, ends[0].gpadl));
		mends();
	}
}

/* As the guest can from another processor, while packets are read. */
static void close_meanwhile(struct bus_controller *c)
{
	c->on_resolve = NULL;
	bus_relid(&offender, VMBUS_CLOSE_CHANNEL, ends[0].relid);
	bus_teardown(&offender, ends[0].relid, ends[0].gpadl);
	BUS_MUST(bus_is_silent(&offender) && ends[0].c->state == VMBUS_CHANNEL_CLOSING);
}

static void closing_while_packets_are_read(void **state)
{
	const struct vstor_packet inquiry =
		bus_srb(0, VSTOR_READ, 36, (const u8[]){ 0x12, 0, 0, 0, 36, 0 }, 6);
	const u64 pfn = DATA;

	(void)state;
	for (u32 i = 0; i < 20; i++) {
		u64 in = ends[0].c->packets_in;

		/* The first one is being answered when it happens; the next ones do not begin any more. */
		ends[0].out.control->interrupt_mask = 1;
		for (u32 k = 0; k < 10; k++)
			assert_int_equal(
				bus_vstor_write(&ends[0], k + 1, &inquiry, &pfn, 1, 0, 36), 0);
		bad.on_resolve = close_meanwhile;
		assert_true(bus_end_signal(&ends[0]));
		assert_null(bad.on_resolve);
		assert_int_equal(ends[0].c->packets_in - in, 1);
		assert_true(bus_torndown(&offender, ends[0].gpadl));
		mends();
	}
}

static void rescind_with_requests_under_way(void **state)
{
	struct vstor_packet p;

	(void)state;
	for (u32 i = 0; i < 10; i++)
		assert_true(read_eight(i + 1));
	vmbus_server_withdraw(ends[0].c);
	vmbus_server_withdraw(ends[0].c);
	for (u32 i = 0; i < 10; i++) {
		assert_true(bus_is_silent(&offender));
		bus_disk_end(&bad.disks[0], 0, 0);
		bus_attend(&offender);
	}
	/* All were answered before the offer went. */
	assert_non_null(bus_next(&offender, VMBUS_RESCIND_OFFER, sizeof(struct vmbus_relid)));
	for (u32 i = 0; i < 10; i++)
		assert_true(bus_vstor_answer(&ends[0], &p) == i + 1);
	others_work();
	bus_relid(&offender, VMBUS_RELID_RELEASED, ends[0].relid);
	assert_null(bad.s.channels[0]);
	/* Of a controller without channels a disk may go as well. */
	assert_int_equal(storvsp_set_lun(&bad.s, 0, NULL), 0);
	assert_false(storvsp_lun_busy(&bad.s, 0));
}

static u32 looked_up;

/* The disk's other end: its only request ends, and who wants the disk takes it away. */
static void remove_meanwhile(struct bus_controller *c)
{
	looked_up++;
	if (c->disks[0].count == 0)
		return;
	bus_disk_end(&c->disks[0], 0, 0);
	BUS_MUST(storvsp_set_lun(&c->s, 0, NULL) == 0);
	/* It is still plugged. */
	BUS_MUST(storvsp_lun_busy(&c->s, 0) && c->lefts[0] == 0);
}

static void a_disk_that_goes_while_it_is_plugged(void **state)
{
	const struct vstor_packet inquiry =
		bus_srb(0, VSTOR_READ, 36, (const u8[]){ 0x12, 0, 0, 0, 36, 0 }, 6);
	const u64 pfn = DATA;
	struct vstor_packet p;

	(void)state;
	looked_up = 0;
	/* Two in one turn. */
	ends[0].out.control->interrupt_mask = 1;
	assert_true(read_eight(1) && bad.disks[0].count == 0);
	assert_true(bus_vstor_write(&ends[0], 2, &inquiry, &pfn, 1, 0, 36) >= 0);
	bad.on_resolve = remove_meanwhile;
	assert_true(bus_end_signal(&ends[0]));
	bad.on_resolve = NULL;
	assert_true(looked_up == 2 && !storvsp_lun_busy(&bad.s, 0) && bad.lefts[0] == 1);
	bad.disks[0].gone = true;
	assert_true(bus_vstor_answer(&ends[0], &p) == 1 && p.srb.srb_status == SRB_SUCCESS);
	assert_true(bus_vstor_answer(&ends[0], &p) == ~0ull && p.operation == VSTOR_ENUMERATE_BUS);
	assert_true(bus_vstor_answer(&ends[0], &p) == 2 && p.srb.srb_status == SRB_SUCCESS);
	/* Nobody looks at it any more. */
	assert_true(read_eight(3) && bus_vstor_answer(&ends[0], &p) == 3);
	assert_int_equal(p.srb.srb_status, SRB_INVALID_LUN);
	/* Who looked for it was a user for a moment, and whoever waited for that hears of it, too. */
	assert_int_equal(bad.lefts[0], 2);
}

/* As many controllers as there is memory for, or as the bus has numbers: what fails leaves nothing behind. */
static void controllers_without_end(void **state)
{
	static struct storvsp many[VMBUS_CHANNELS_MAX];
	const struct guid guid = { { 9 } };
	u32 objects = bus_objects, n = 0;
	int r;

	(void)state;
	for (u32 i = 1; i <= 4; i++) {
		bus_fail_after = i;
		r = storvsp_create(&many[0], &bad.host, &offender.server, &guid, 40, 0);
		assert_true(r == -ENOMEM && bus_objects == objects);
	}
	assert_int_equal(bus_control(&ends[0], VSTOR_CREATE_SUB_CHANNELS, 3), 0);
	bus_fail_after = 5;
	storvsp_offer_channels(&bad.s, bad.wanted);
	bus_fail_after = 0;
	assert_true(bad.s.channels[1] != NULL && bad.s.channels[2] == NULL);
	do
		r = storvsp_create(&many[n], &bad.host, &offender.server, &guid, 40, 0);
	while (r == 0 && ++n < VMBUS_CHANNELS_MAX);
	assert_true(r == -ENOSPC && n == VMBUS_CHANNELS_MAX - 3);
	assert_int_equal(storvsp_set_lun(&many[0], STORVSP_LUNS, &bad.disks[1].d), -EINVAL);
	bad.disks[1].d.request_bytes = 41;
	assert_int_equal(storvsp_set_lun(&many[0], 1, &bad.disks[1].d), -EINVAL);
	bus_skip(&offender);
	all_work();
}

static u32 asked, answered, unasked, heard;
static bool waits; /* somebody took the disk away, and waits for the last request */
static u32 lefts_before;

/* One step of the guest's, or of whoever gives disks and takes them away. */
static void come_or_go(void)
{
	if (bus_any(3)) {
		asked += read_eight(asked + 1);
	} else if (bad.s.luns[0] != NULL) {
		assert_int_equal(storvsp_set_lun(&bad.s, 0, NULL), 0);
		waits = storvsp_lun_busy(&bad.s, 0);
		lefts_before = bad.lefts[0];
	} else if (!storvsp_lun_busy(&bad.s, 0)) {
		assert_int_equal(storvsp_set_lun(&bad.s, 0, &bad.disks[0].d), 0);
	}
}

static void take_answers(void)
{
	struct vstor_packet p;
	u64 id;

	while ((id = bus_vstor_answer(&ends[0], &p)) != 0) {
		unasked += id == ~0ull;
		answered += id != ~0ull;
	}
}

static void disks_that_come_and_go(void **state)
{
	(void)state;
	asked = answered = unasked = heard = 0;
	waits = false;
	for (u32 i = 0; i < 5000; i++) {
		come_or_go();
		while (bad.disks[0].count > bus_any(8))
			bus_disk_end(&bad.disks[0], bus_any(bad.disks[0].count), 0);
		bus_controller_run(&bad);
		take_answers();
		/* Who waits for the last request hears of it, and not before. */
		if (waits) {
			bool left = bad.lefts[0] > lefts_before;

			assert_int_equal(left, !storvsp_lun_busy(&bad.s, 0));
			waits = !left;
			heard += left;
		}
		if (i % 500 == 0)
			others_work();
	}
	bus_controller_drain(&bad);
	take_answers();
	assert_int_equal(answered, asked);
	assert_true(heard > 50 && unasked > 100);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(one_request_held_for_ever),
		TEST(requests_held_on_one_channel_only),
		TEST(the_longest_lists),
		TEST(answers_that_are_never_read),
		TEST(floods_of_packets),
		TEST(subchannels_without_end),
		TEST(closing_with_requests_under_way),
		TEST(closing_while_packets_are_read),
		TEST(rescind_with_requests_under_way),
		TEST(a_disk_that_goes_while_it_is_plugged),
		TEST(disks_that_come_and_go),
		TEST(controllers_without_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

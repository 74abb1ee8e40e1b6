/* SPDX-License-Identifier: MIT */
/*
 * A guest that means harm, against the server end of the bus: its indices, its packets, its messages, floods and
 * races. After each, another channel of its own still works, and so does another guest's; what it broke itself it has
 * back when it closes and opens.
 * sources: tests/unit/bus_guest.c tests/unit/bus_echo.c
 * sources: vmbus/server.c vmbus/server_messages.c vmbus/channel.c vmbus/gpadl.c vmbus/ring.c lib/string.c
 */
#include "tests/unit/bus_pair.h"

/* ---- rings ---- */

static const u32 no_indices[] = { DATA, DATA + 8, 4, 1, DATA - 4, ~0u, ~0u - 7, 1u << 31,
	1u << 16 };

static void indices_out_of_range_or_misaligned(void **state)
{
	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(no_indices); i++) {
		/* Of what it writes; of what it reads, which is found when something is written. */
		ends[0].out.control->write = no_indices[i];
		assert_true(bus_end_signal(&ends[0]));
		mends();
		ends[0].in.control->read = no_indices[i];
		assert_false(bus_echo_works(&ends[0], next_id++, 8));
		mends();
	}
}

/* A ring that is not empty, or is none, when it is opened. */
static void indices_before_the_opening(void **state)
{
	(void)state;
	for (u32 at = 0; at < 4; at++) {
		u32 *index = (void *)(offender.ram[at / 2 ? RINGS / 2 : 0] + at % 2 * 4);

		assert_true(bus_end_close(&ends[0]));
		bus_gpadl(&offender, ends[0].relid, 1, 0, RINGS);
		assert_true(bus_created(&offender, ends[0].relid, 1));
		for (u32 i = 0; i <= ARRAY_SIZE(no_indices); i++) {
			memset(offender.ram[0], 0, BUS_PAGE);
			memset(offender.ram[RINGS / 2], 0, BUS_PAGE);
			*index = i < ARRAY_SIZE(no_indices) ? no_indices[i] : 8;
			bus_open(&offender, ends[0].relid, 1, 1, RINGS / 2);
			assert_false(bus_opened(&offender, ends[0].relid));
			assert_false(offender.connected[ends[0].relid]);
		}
		mends();
	}
}

/* What lies there then is old: packets of long ago, or none at all. It comes to an end. */
static void indices_backwards(void **state)
{
	(void)state;
	for (u32 i = 0; i < 300; i++) {
		u32 full = bus_any(3) * 40, back = 8 * (1 + bus_any(200)), write;
		u64 before;

		for (u32 k = 0; k < full; k++)
			assert_true(bus_echo_works(&ends[0], next_id++, 8 * bus_any(100)));
		before = echoes[0].c.packets_in;
		write = ends[0].out.index >= back ? ends[0].out.index - back : 0;
		if (bus_any(2)) {
			ends[0].out.control->write = write;
			(void)bus_end_signal(&ends[0]);
		} else {
			/* It says that it has not read what it has, or has read what is not written. */
			ends[0].in.control->read = bus_any(2) ? write : DATA - 8;
			(void)bus_echo_works(&ends[0], next_id++, 8);
		}
		assert_true(echoes[0].c.packets_in - before <= DATA / 24);
		close_and_mend();
	}
}

static void change_index(struct bus_echo *e)
{
	struct vmbus_ring_control *c = ends[0].out.control;

	(void)e;
	switch (bus_any(8)) {
	case 0:
		c->write = no_indices[bus_any(ARRAY_SIZE(no_indices))];
		break;
	case 1:
		c->write = 8 * bus_any(DATA / 8);
		break;
	case 2:
		c->read = bus_any(2 * DATA);
		break;
	case 3:
		c->pending_send = bus_any(2 * DATA);
		break;
	default:
		c->write = ends[0].out.index;
	}
}

static void indices_that_change_while_they_are_read(void **state)
{
	const struct vmbus_message m = { .type = VMBUS_PACKET_INBAND };
	u32 broken = 0, whole = 0;

	(void)state;
	for (u32 i = 0; i < 3000; i++) {
		echoes[0].before_read = change_index;
		for (u32 k = bus_any(5); k > 0; k--)
			(void)vmbus_ring_write(&ends[0].out, &m);
		(void)bus_end_signal(&ends[0]);
		echoes[0].before_read = NULL;
		if (echoes[0].c.state == VMBUS_CHANNEL_OPEN && bus_any(8)) {
			whole++;
			continue;
		}
		broken += echoes[0].c.state != VMBUS_CHANNEL_OPEN;
		close_and_mend();
	}
	assert_true(broken > 100 && whole > 100);
}

/* Puts a descriptor where the next packet is to be, and @waiting bytes into the ring. */
static void put_descriptor(u16 header8, u16 length8, u32 waiting)
{
	const struct vmbus_descriptor d = { VMBUS_PACKET_INBAND, header8, length8, 0, next_id++ };
	u32 at = ends[0].out.index;

	memset(ends[0].out_pages[0] + at, 0, 512);
	memcpy(ends[0].out_pages[0] + at, &d, sizeof(d));
	ends[0].out.control->write = at + waiting;
	assert_true(bus_end_signal(&ends[0]));
}

static void lengths_and_offsets_past_the_ring(void **state)
{
	static const struct {
		u16 header8, length8;
		u32 waiting;
	} bad[] = { { 2, 0, 24 }, { 2, 1, 24 }, { 1, 3, 32 }, { 0, 3, 32 }, { 4, 3, 32 },
		{ 2, 4, 32 }, { 2, 3, 24 }, { 2, 2, 16 }, { 2, 2, 8 }, { 2, 0xffff, 64 },
		{ 0xffff, 0xffff, 64 }, { 0xffff, 3, 32 }, { 3, 2, 64 }, { 2, 0x8000, 64 } };

	(void)state;
	put_descriptor(2, 2, 24);
	assert_true(echoes[0].c.state == VMBUS_CHANNEL_OPEN && echoes[0].c.packets_in == 1);
	close_and_mend();
	for (u32 i = 0; i < ARRAY_SIZE(bad); i++) {
		u64 before = echoes[0].c.packets_in;

		put_descriptor(bad[i].header8, bad[i].length8, bad[i].waiting);
		assert_true(echoes[0].c.packets_in == before);
		mends();
	}
}

static void packets_larger_than_any(void **state)
{
	static u8 data[DATA];
	const struct vmbus_message m = {
		.type = VMBUS_PACKET_INBAND, .transaction = 7, .payload = { data, DATA - 32 }
	};

	(void)state;
	for (u32 i = 1; i <= 50; i++) {
		assert_int_equal(bus_end_write(&ends[0], &m), 1);
		/* It is passed over, and the channel goes on. */
		assert_true(echoes[0].c.malformed == i);
		assert_true(bus_echo_works(&ends[0], next_id++, 64));
	}
	others_work();
}

/* ---- messages ---- */

/* Of numbers that name nothing: each is answered that has an answer, and changes nothing. */
static void messages_about_what_is_not_there(void **state)
{
	static const u32 nobody[] = { 0, 3, 0xbad, VMBUS_RELID_MAX, VMBUS_RELID_MAX + 1, ~0u };
	const u64 pfn = SPARE;
	u64 malformed = offender.server.malformed;

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(nobody); i++) {
		const struct vmbus_modify modify = { { .type = VMBUS_MODIFY_CHANNEL }, nobody[i],
			1 };
		const struct vmbus_modify_response *r;

		assert_false(tell(nobody[i], MORE, BUS_PAGE, 0, &pfn, 1));
		bus_open(&offender, nobody[i], 1, 1, RINGS / 2);
		assert_false(bus_opened(&offender, nobody[i]));
		bus_teardown(&offender, nobody[i], MORE + i);
		assert_true(bus_torndown(&offender, MORE + i));
		bus_post(&offender, &modify, sizeof(modify));
		r = bus_next(&offender, VMBUS_MODIFY_RESPONSE, sizeof(*r));
		assert_true(r != NULL && r->relid == nobody[i] && r->status != 0);
		bus_relid(&offender, VMBUS_CLOSE_CHANNEL, nobody[i]);
		bus_relid(&offender, VMBUS_RELID_RELEASED, nobody[i]);
		assert_true(bus_is_silent(&offender));
	}
	assert_int_equal(offender.server.malformed - malformed, 6 * ARRAY_SIZE(nobody));
	/* One that is there, but not for sale. */
	bus_relid(&offender, VMBUS_RELID_RELEASED, ends[0].relid);
	bus_post(&offender, &(struct vmbus_modify){ { .type = VMBUS_MODIFY_CHANNEL }, 1, BUS_VPS },
		sizeof(struct vmbus_modify));
	bus_skip(&offender);
	assert_true(bus_echo_works(&ends[0], next_id++, 64));
}

static void messages_of_no_kind_and_of_any_size(void **state)
{
	u64 m[40] = { 0 }, malformed = offender.server.malformed;
	u32 count = 0;

	(void)state;
	for (u32 type = 0; type < 40; type++) {
		/* Whole ones of these begin anew, or are answered. */
		u32 most = type == VMBUS_UNLOAD ? 7 : type == VMBUS_INITIATE_CONTACT ? 39 : 11;

		memcpy(m, &type, 4);
		for (u32 size = 0; size <= most; size++, count++)
			bus_post(&offender, m, size);
		for (u32 size = VMBUS_MESSAGE_MAX + 1; size <= sizeof(m); size++, count++)
			bus_post(&offender, m, size);
	}
	for (u32 type = 1u << 8; type != 0; type <<= 1, count++) {
		memcpy(m, &type, 4);
		bus_post(&offender, m, VMBUS_MESSAGE_MAX);
	}
	assert_int_equal(offender.server.malformed - malformed, count);
	assert_true(bus_is_silent(&offender));
	assert_true(bus_echo_works(&ends[0], next_id++, 64));
}

/* Before there is a version nobody is listened to but who makes contact. */
static void messages_before_contact(void **state)
{
	static struct bus_guest g;
	static struct bus_echo e;
	u64 m[VMBUS_MESSAGE_MAX / 8] = { 0 };

	(void)state;
	bus_guest_make(&g, BUS_PAGES);
	assert_int_equal(bus_echo_offer(&e, &g, 1, NULL, 0), 0);
	for (u32 type = 0; type < 30; type++) {
		if (type == VMBUS_INITIATE_CONTACT || type == VMBUS_UNLOAD)
			continue;
		for (u32 relid = 0; relid < 3; relid++) {
			memcpy(m, (const u32[]){ type, 0, relid }, 12);
			bus_post(&g, m, sizeof(m));
		}
	}
	assert_true(bus_is_silent(&g) && g.server.malformed == 28 * 3 && e.opened == 0);
	bus_guest_end(&g);
	assert_int_equal(e.released, 1);
}

/* ---- floods and races ---- */

static void floods_of_signals(void **state)
{
	u32 sent = offender.sent_count, interrupts = offender.interrupts;
	u64 before = echoes[0].c.signals;

	(void)state;
	for (u32 i = 0; i < 300000; i++) {
		vmbus_server_signalled(&echoes[0].c);
		/* Each is one look, and no more. */
		assert_true(echoes[0].looks == 1 && offender.attends == 0);
		if (i % 50000 == 0)
			others_work();
	}
	assert_int_equal(echoes[0].c.signals - before, 300000);
	assert_int_equal(offender.sent_count, sent);
	/* Of the other channel's answers only. */
	assert_true(offender.interrupts - interrupts <= 6 * 20);
	assert_true(bus_echo_works(&ends[0], next_id++, 64));
}

static void a_guest_that_never_reads(void **state)
{
	u8 data[64] = { 0 }, buf[256];
	struct vmbus_message m = { .type = VMBUS_PACKET_INBAND, .payload = { data, 64 } };
	struct vmbus_packet p;
	u64 accepted = 0, signals, got = 0;

	(void)state;
	for (u32 i = 0; i < 20000; i++) {
		m.transaction = accepted + 1;
		accepted += vmbus_ring_write(&ends[0].out, &m) >= 0;
		(void)bus_end_signal(&ends[0]);
	}
	/* Both rings are full, and nothing goes on; one that was read has its room all the same. */
	assert_true(echoes[0].has && echoes[0].c.packets_out == DATA / 88);
	assert_int_equal(echoes[0].c.packets_in, DATA / 88 + 1);
	assert_int_equal(accepted, 2 * (DATA / 88));
	assert_int_equal(echoes[0].c.state, VMBUS_CHANNEL_OPEN);
	others_work();
	/* When it reads at last it is all there, in order; its signals are those that the ring asks for. */
	signals = echoes[0].c.signals;
	while (bus_end_read(&ends[0], &p, buf, sizeof(buf)) == 1)
		assert_true(p.transaction == ++got);
	assert_true(got == accepted && echoes[0].c.signals > signals);
	assert_true(bus_echo_works(&ends[0], next_id++, 64));
	/* And when it does not, but closes. */
	for (u32 i = 0; i < 1000; i++)
		(void)bus_end_write(&ends[0], &m);
	assert_true(bus_end_close(&ends[0]));
	mends();
}

static u32 opened, released;

static void offer_again(void)
{
	opened += echoes[0].opened;
	released++;
	assert_int_equal(bus_echo_offer(&echoes[0], &offender, 1, NULL, 0), 0);
	ends[0].relid = echoes[0].c.relid;
}

/* One step of the guest's, the provider's or the host's. */
static void race_step(void)
{
	struct bus_end *e = &ends[0];

	switch (bus_any(8)) {
	case 0:
	case 1:
		memset(offender.ram[0], 0, BUS_PAGE);
		memset(offender.ram[RINGS / 2], 0, BUS_PAGE);
		bus_gpadl(&offender, e->relid, 1, 0, RINGS);
		bus_open(&offender, e->relid, 1, bus_any(BUS_VPS), RINGS / 2);
		break;
	case 2:
		bus_relid(&offender, VMBUS_CLOSE_CHANNEL, e->relid);
		break;
	case 3:
		bus_teardown(&offender, e->relid, 1);
		break;
	case 4:
		if (bus_any(3) == 0)
			vmbus_server_withdraw(&echoes[0].c);
		break;
	case 5:
		bus_relid(&offender, VMBUS_RELID_RELEASED, e->relid);
		break;
	case 6:
		bus_echo_end(&echoes[0]);
		echoes[0].busy = bus_any(2);
		break;
	default:
		((struct vmbus_ring_control *)offender.ram[0])->write =
			bus_any(5) ? 0 : bus_any(64);
		(void)bus_end_signal(e);
	}
}

/* Opening, closing, teardown, rescind and their answers, in any order; the echo traps when it is called out of turn. */
static void races_of_open_close_and_rescind(void **state)
{
	(void)state;
	opened = released = 0;
	for (u32 i = 0; i < 30000; i++) {
		const struct vmbus_channel *c = &echoes[0].c;

		race_step();
		bus_attend(&offender);
		bus_skip(&offender);
		if (echoes[0].released)
			offer_again();
		assert_int_equal(offender.connected[c->relid],
			c->state == VMBUS_CHANNEL_OPEN || c->state == VMBUS_CHANNEL_CLOSING);
		assert_int_equal(offender.server.channel_count, 2);
		assert_true(offender.server.gpadls.count <= 3);
		if (i % 500 == 0)
			others_work();
	}
	assert_true(opened > 200 && released > 200);
	assert_int_equal(offender.sent_of[VMBUS_RESCIND_OFFER],
		released + (echoes[0].c.state == VMBUS_CHANNEL_RESCINDED));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(indices_out_of_range_or_misaligned),
		TEST(indices_before_the_opening),
		TEST(indices_backwards),
		TEST(indices_that_change_while_they_are_read),
		TEST(lengths_and_offsets_past_the_ring),
		TEST(packets_larger_than_any),
		TEST(messages_about_what_is_not_there),
		TEST(messages_of_no_kind_and_of_any_size),
		TEST(messages_before_contact),
		TEST(floods_of_signals),
		TEST(a_guest_that_never_reads),
		TEST(races_of_open_close_and_rescind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

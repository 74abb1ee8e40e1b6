/* SPDX-License-Identifier: MIT */
/*
 * Packets of a guest that means harm, to its SCSI controller: steps out of order, ranges that are none, pages that are not its
 * own, lengths of commands, sense and data that do not go together, addresses that wrap, packets of any shape. Each is
 * answered once, asks nothing of the disk, and leaves the next one, the other controller and the other guest alone.
 * sources: tests/unit/bus_guest.c tests/unit/bus_disk.c
 * sources: vsp/storvsp/storvsp.c vsp/storvsp/storvsp_slot.c vsp/storvsp/storvsp_packet.c
 * sources: vsp/storvsp/storvsp_control.c vsp/storvsp/storvsp_state.c vsp/storvsp/scsi.c vsp/storvsp/scsi_answers.c
 * sources: vmbus/server.c vmbus/server_messages.c vmbus/channel.c vmbus/gpadl.c vmbus/ring.c lib/string.c
 */
#include "tests/unit/storvsp_pair.h"

static u32 submitted;

/* Sends it, and takes its answer, which is the only one; the disk is not asked. */
static struct vstor_packet refused(
	const struct vstor_packet *p, const u64 *pfns, u32 count, u32 offset, u32 length)
{
	struct vstor_packet answer, none;

	submitted = bad.disks[0].submitted;
	assert_true(bus_vstor_write(&ends[0], 7, p, pfns, count, offset, length) >= 0);
	assert_int_equal(bus_vstor_answer(&ends[0], &answer), 7);
	assert_int_equal(bus_vstor_answer(&ends[0], &none), 0);
	assert_int_equal(answer.operation, VSTOR_COMPLETE_IO);
	assert_int_equal(bad.disks[0].submitted, submitted);
	return answer;
}

static const u64 pages[] = { DATA, DATA + 1, DATA + 2, DATA + 3 };

/* What the command block says with @length bytes of four pages is wrong, by sense data. */
static void is_wrong(const struct vstor_packet *p, u32 length, u32 key, u32 code)
{
	struct vstor_packet answer = refused(p, pages, 4, 0, MAX(length, 1u));

	assert_int_equal(answer.srb.srb_status, SRB_ERROR | SRB_SENSE_VALID);
	assert_int_equal(answer.srb.scsi_status, 2);
	assert_int_equal(answer.srb.transfer_length, 0);
	assert_int_equal(answer.srb.cdb_or_sense[2], key);
	assert_int_equal(answer.srb.cdb_or_sense[12], code);
}

/* It is no request at all. */
static void is_none(const struct vstor_packet *p, u32 length)
{
	u64 malformed = bad.s.stats.malformed;
	struct vstor_packet answer = refused(p, pages, 4, 0, length);

	assert_int_equal(answer.srb.srb_status, SRB_INVALID_REQUEST);
	assert_int_equal(answer.srb.transfer_length, 0);
	assert_int_equal(bad.s.stats.malformed, malformed + 1);
}

#define CDB(...) (const u8[]){ __VA_ARGS__ }, sizeof((const u8[]){ __VA_ARGS__ })
#define READ_8   CDB(0x28, 0, 0, 0, 0, 0, 0, 0, 8, 0)

static void steps_out_of_order(void **state)
{
	static const u32 steps[] = { VSTOR_BEGIN_INITIALIZATION, VSTOR_QUERY_PROTOCOL_VERSION,
		VSTOR_QUERY_PROPERTIES, VSTOR_END_INITIALIZATION, VSTOR_CREATE_SUB_CHANNELS };
	u32 done = 4; /* steps[done] is what may come next, the first one always */

	(void)state;
	for (u32 i = 0; i < 3000; i++) {
		u32 n = bus_any(5), status;

		status = bus_control(
			&ends[0], steps[n], n == 1 ? VSTOR_VERSION_6_2 : (u16)bus_any(4));
		assert_int_equal(status == 0, n == 0 || n == done);
		if (n == 0)
			done = 1;
		else if (status == 0 && n < 4)
			done = n + 1;
		/* I/O is for who has done all of them. */
		if (done == 4) {
			assert_true(bus_disk_works(&bad, &ends[0], 1, 8, PRIVATE));
		} else {
			struct vstor_packet p = bus_srb(0, VSTOR_READ, 4096, READ_8);

			p = refused(&p, pages, 1, 0, 4096);
			assert_int_equal(p.status, VSTOR_STATUS_NOT_SUPPORTED);
		}
	}
	assert_int_equal(bus_control(&ends[0], 12, 0), VSTOR_STATUS_NOT_SUPPORTED);
	assert_int_equal(bus_control(&ends[0], ~0u, 0), VSTOR_STATUS_NOT_SUPPORTED);
	assert_true(bus_vstor_begin(&ends[0]));
	all_work();
}

/* To begin anew in the middle of I/O does not touch that. */
static void a_beginning_with_requests_under_way(void **state)
{
	struct vstor_packet p;

	(void)state;
	assert_true(bus_io(&ends[0], 1, false, 0, 8, DATA) >= 0);
	bad.disks[0].held = 1;
	assert_int_equal(bus_control(&ends[0], VSTOR_BEGIN_INITIALIZATION, 0), 0);
	assert_true(bus_io(&ends[0], 2, false, 0, 8, DATA) >= 0);
	assert_true(bus_vstor_answer(&ends[0], &p) == 2 && p.status == VSTOR_STATUS_NOT_SUPPORTED);
	assert_true(bus_vstor_begin(&ends[0]));
	all_work();
	bus_controller_let_go(&bad);
	assert_true(bus_vstor_answer(&ends[0], &p) == 1 && p.srb.srb_status == SRB_SUCCESS);
}

/* A packet with words in front of its pages as they are given, of which only @bytes are there. */
static void direct(u32 ranges, u32 length, u32 offset, u32 bytes)
{
	const struct vstor_packet p = bus_srb(0, VSTOR_READ, 4096, READ_8);
	const u32 words[4] = { 0, ranges, length, offset };
	_Alignas(8) u8 header[16 + sizeof(pages)];
	const struct vmbus_message m = { .type = VMBUS_PACKET_GPA_DIRECT,
		.transaction = 9,
		.header = { header, bytes },
		.payload = { &p, sizeof(p) } };
	u64 malformed = bad.s.stats.malformed;
	struct vstor_packet answer;

	submitted = bad.disks[0].submitted;
	memcpy(header, words, sizeof(words));
	memcpy(header + sizeof(words), pages, sizeof(pages));
	assert_true(bus_end_write(&ends[0], &m) >= 0);
	assert_int_equal(bus_vstor_answer(&ends[0], &answer), 9);
	assert_int_equal(answer.status, VSTOR_STATUS_INVALID);
	assert_int_equal(answer.srb.srb_status, SRB_INVALID_REQUEST);
	assert_int_equal(bad.s.stats.malformed, malformed + 1);
	assert_int_equal(bad.disks[0].submitted, submitted);
	assert_int_equal(bus_vstor_answer(&ends[0], &answer), 0);
}

static void ranges_that_are_none(void **state)
{
	(void)state;
	/* None, two, very many. */
	direct(0, 4096, 0, 24);
	direct(2, 4096, 0, 48);
	direct(~0u, 4096, 0, 48);
	/* Of no length; more than there are pages; sums that overflow. */
	direct(1, 0, 0, 24);
	direct(1, 4097, 0, 24);
	direct(1, 4096, 1, 24);
	direct(1, 4 * BUS_PAGE, 1, 48);
	direct(1, ~0u, 0, 48);
	direct(1, ~0u, 4095, 48);
	direct(1, ~0u - 4094, 4095, 48);
	/* Past the first page, also where there would be pages enough. */
	direct(1, 512, BUS_PAGE, 48);
	direct(1, 512, 2 * BUS_PAGE, 48);
	direct(1, 512, BUS_PAGE, 24);
	direct(1, 512, ~0u, 24);
	direct(1, 1, ~0u, 24);
	/* No pages, half of the words, none. */
	direct(1, 4096, 0, 16);
	direct(1, 4096, 0, 8);
	direct(1, 4096, 0, 0);
	all_work();
}

/* For the disk, for an answer that is copied, for parameters that are. */
static void pages_that_are_not_its_own(void **state)
{
	static const u64 none[] = { BUS_PAGES, DATA + 90, DATA + 91, 1ull << 40, 1ull << 52,
		~0ull };
	const struct vstor_packet commands[] = {
		bus_srb(0, VSTOR_READ, 16384, CDB(0x28, 0, 0, 0, 0, 0, 0, 0, 32, 0)),
		bus_srb(0, VSTOR_WRITE, 16384, CDB(0x2a, 0, 0, 0, 0, 0, 0, 0, 32, 0)),
	};
	const struct vstor_packet inquiry = bus_srb(0, VSTOR_READ, 36, CDB(0x12, 0, 0, 0, 36, 0));
	const struct vstor_packet unmap =
		bus_srb(0, VSTOR_WRITE, 24, CDB(0x42, 0, 0, 0, 0, 0, 0, 0, 24, 0));

	(void)state;
	bus_set_aside(&offender, DATA + 90, BUS_READ_ONLY);
	bus_set_aside(&offender, DATA + 91, BUS_FOREIGN);
	for (u32 i = 0; i < ARRAY_SIZE(none); i++) {
		struct vstor_packet p;

		for (u32 k = 0; k < 8; k++) {
			u64 pfns[4];

			memcpy(pfns, pages, sizeof(pfns));
			pfns[k % 4] = none[i];
			p = refused(&commands[k / 4], pfns, 4, 0, 16384);
			assert_int_equal(p.srb.srb_status, SRB_INVALID_REQUEST);
		}
		/* Half of it in the page before. */
		p = refused(&inquiry, (const u64[]){ DATA, none[i] }, 2, BUS_PAGE - 16, 36);
		assert_int_equal(p.srb.srb_status, SRB_INVALID_REQUEST);
		p = refused(&unmap, (const u64[]){ DATA, none[i] }, 2, BUS_PAGE - 16, 24);
		assert_true(p.srb.srb_status == (SRB_ERROR | SRB_SENSE_VALID) &&
			    p.srb.cdb_or_sense[12] == 0x1a);
		all_work();
	}
}

/* One page for everything: the guest's own business. */
static void pages_that_overlap(void **state)
{
	const struct vstor_packet p =
		bus_srb(0, VSTOR_READ, 16384, CDB(0x28, 0, 0, 0, 0, 0, 0, 0, 32, 0));
	const u64 same[4] = { DATA, DATA, DATA, DATA }, rings[4] = { 0, 1, 2, 3 };
	struct vstor_packet answer;

	(void)state;
	assert_true(bus_vstor_write(&ends[0], 1, &p, same, 4, 0, 16384) >= 0);
	bus_controller_drain(&bad);
	assert_true(bus_vstor_answer(&ends[0], &answer) == 1);
	assert_int_equal(answer.srb.srb_status, SRB_SUCCESS);
	all_work();
	/* Over its own rings: it may break them, and does. */
	memset(bad.disks[0].bytes, 0xff, sizeof(bad.disks[0].bytes));
	assert_true(bus_vstor_write(&ends[0], 2, &p, rings, 4, 0, 16384) >= 0);
	bus_controller_drain(&bad);
	(void)bus_end_signal(&ends[0]);
	assert_int_equal(ends[0].c->state, VMBUS_CHANNEL_OFFERED);
	bus_teardown(&offender, ends[0].relid, ends[0].gpadl);
	assert_true(bus_torndown(&offender, ends[0].gpadl));
	assert_true(open_end(&ends[0], &bad, 0));
	all_work();
}

static void lengths_of_commands_and_of_sense(void **state)
{
	static const u8 none[] = { 0, 17, 255 }, rooms[] = { 0, 1, 5, 18, 20, 255 };
	static const u8 ways[] = { 3, 4, 128, 255 };
	struct vstor_packet p, answer;

	(void)state;
	for (u32 i = 0; i < sizeof(none); i++) {
		p = bus_srb(0, VSTOR_READ, 4096, READ_8);
		p.srb.cdb_length = none[i];
		is_none(&p, 4096);
	}
	for (u32 i = 0; i < sizeof(ways); i++) {
		p = bus_srb(0, ways[i], 4096, READ_8);
		is_none(&p, 4096);
	}
	/* Shorter than the command needs: the rest is zeroes, here no sectors at all. */
	p = bus_srb(0, VSTOR_READ, 4096, READ_8);
	p.srb.cdb_length = 6;
	answer = refused(&p, pages, 1, 0, 4096);
	assert_true(answer.srb.srb_status == SRB_SUCCESS && answer.srb.transfer_length == 0);
	for (u32 i = 0; i < sizeof(rooms); i++) {
		u8 most = MIN(rooms[i], 18);

		p = bus_srb(0, VSTOR_NO_DATA, 0, CDB(0xff, 0, 0, 0, 0, 0));
		p.srb.sense_length = rooms[i];
		answer = refused(&p, NULL, 0, 0, 0);
		assert_int_equal(answer.srb.srb_status, SRB_ERROR | SRB_SENSE_VALID);
		assert_int_equal(answer.srb.sense_length, most);
		for (u32 k = most; k < VSTOR_SENSE_ROOM; k++)
			assert_int_equal(answer.srb.cdb_or_sense[k], 0);
	}
	all_work();
}

static void transfer_lengths_unlike_the_command(void **state)
{
	static const u32 lengths[] = { 0, 1, 512, 4095, 4097, 8192, 16384 };
	struct vstor_packet p;

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(lengths); i++) {
		p = bus_srb(0, VSTOR_READ, lengths[i], READ_8);
		is_wrong(&p, 16384, 5, 0x24);
		p = bus_srb(0, VSTOR_WRITE, lengths[i], CDB(0x2a, 0, 0, 0, 0, 0, 0, 0, 8, 0));
		is_wrong(&p, 16384, 5, 0x24);
	}
	/* The other way, or none. */
	p = bus_srb(0, VSTOR_WRITE, 4096, READ_8);
	is_wrong(&p, 4096, 5, 0x24);
	p = bus_srb(0, VSTOR_NO_DATA, 4096, READ_8);
	is_wrong(&p, 4096, 5, 0x24);
	/* More than the guest's pages are, by one byte and by very much. */
	p = bus_srb(0, VSTOR_READ, 4096, READ_8);
	is_none(&p, 4095);
	p.srb.transfer_length = ~0u;
	is_none(&p, 16384);
	/* Without any. */
	p = bus_srb(0, VSTOR_READ, 4096, READ_8);
	p = refused(&p, NULL, 0, 0, 0);
	assert_int_equal(p.srb.srb_status, SRB_INVALID_REQUEST);
	/* An answer that is longer than its room is cut. */
	memset(offender.ram[DATA], BUS_ASIDE, BUS_PAGE);
	p = bus_srb(0, VSTOR_READ, 5, CDB(0x12, 0, 0, 0, 255, 0));
	p = refused(&p, pages, 1, 0, 4096);
	assert_true(p.srb.srb_status == SRB_SUCCESS && p.srb.transfer_length == 5);
	assert_true(offender.ram[DATA][4] == 31 && offender.ram[DATA][5] == BUS_ASIDE);
	all_work();
}

static void addresses_that_wrap(void **state)
{
	static const u8 many[][16] = {
		/* READ(10), the last and all that there can be */
		{ 0x28, 0, 0xff, 0xff, 0xff, 0xff, 0, 0, 8 },
		{ 0x28, 0, 0xff, 0xff, 0xff, 0xff, 0, 0xff, 0xff },
		{ 0x2a, 0, 0, 0, 0, BUS_SECTORS - 7, 0, 0, 8 },
		{ 0x28, 0, 0, 0, 1, 0, 0, 0, 8 },
		/* READ(16) and WRITE(16), round 64 bits, and with counts of 32 */
		{ 0x88, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 8 },
		{ 0x88, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xf8, 0, 0, 0, 8 },
		{ 0x8a, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xf9, 0, 0, 0, 8 },
		{ 0x8a, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff },
		{ 0x88, 0, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 8 },
		{ 0x88, 0, 0, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 8 },
		{ 0x8a, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x80, 0, 8 },
	};
	static const u64 lists[][2] = { { ~0ull, 1 }, { ~0ull, ~0u }, { 1, ~0u },
		{ BUS_SECTORS, 1 }, { BUS_SECTORS - 1, 2 }, { 1ull << 63, 8 } };
	struct vstor_packet p;

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(many); i++) {
		bool write = many[i][0] == 0x8a || many[i][0] == 0x2a;

		p = bus_srb(0, write ? VSTOR_WRITE : VSTOR_READ, 4096, many[i], 16);
		is_wrong(&p, 16384, 5, 0x21);
	}
	for (u32 i = 0; i < ARRAY_SIZE(lists); i++) {
		u8 *list = offender.ram[DATA];

		memset(list, 0, 24);
		list[1] = 22;
		list[3] = 16;
		for (u32 k = 0; k < 8; k++)
			list[8 + k] = (u8)(lists[i][0] >> (56 - 8 * k));
		for (u32 k = 0; k < 4; k++)
			list[16 + k] = (u8)(lists[i][1] >> (24 - 8 * k));
		p = bus_srb(0, VSTOR_WRITE, 24, CDB(0x42, 0, 0, 0, 0, 0, 0, 0, 24, 0));
		is_wrong(&p, 24, 5, 0x21);
	}
	all_work();
}

/* A packet of a type and with a header and a payload of any length: whether it is answered, which it is once. */
static bool is_answered(u16 type, u32 header, u32 payload)
{
	static const u8 zeroes[8192];
	const struct vmbus_message m = { .type = type,
		.transaction = 5,
		.header = { zeroes, header },
		.payload = { zeroes, payload } };
	struct vstor_packet answer;

	submitted = bad.disks[0].submitted;
	assert_true(bus_end_write(&ends[0], &m) >= 0);
	assert_int_equal(bad.disks[0].submitted, submitted);
	if (bus_vstor_answer(&ends[0], &answer) == 0)
		return false;
	assert_true(answer.operation == VSTOR_COMPLETE_IO && answer.status != 0);
	assert_int_equal(bus_vstor_answer(&ends[0], &answer), 0);
	return true;
}

static void packets_of_any_shape(void **state)
{
	(void)state;
	for (u32 type = 0; type < 20; type++) {
		bool answered = type != VMBUS_PACKET_COMPLETION;

		for (u32 size = 0; size <= 80; size += 8)
			assert_int_equal(is_answered((u16)type, size % 32, size), answered);
		/* Longer than any that makes sense: passed over, but answered. */
		assert_int_equal(is_answered((u16)type, 16, STORVSP_PACKET_MAX), answered);
		assert_int_equal(is_answered((u16)type, 16, 8192), answered);
	}
	assert_true(is_answered(0xffff, 0, 64));
	all_work();
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(steps_out_of_order),
		TEST(a_beginning_with_requests_under_way),
		TEST(ranges_that_are_none),
		TEST(pages_that_are_not_its_own),
		TEST(pages_that_overlap),
		TEST(lengths_of_commands_and_of_sense),
		TEST(transfer_lengths_unlike_the_command),
		TEST(addresses_that_wrap),
		TEST(packets_of_any_shape),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

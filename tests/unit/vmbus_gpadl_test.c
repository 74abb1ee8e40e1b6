/* SPDX-License-Identifier: MIT */
/*
 * GPADLs of a guest that means harm: numbers used twice, lists that do not end, counts that overflow, pages that are not its own
 * or overlap, and an end with packets under way. Each refusal leaves nothing behind, and nobody else notices.
 * sources: tests/unit/bus_guest.c tests/unit/bus_echo.c
 * sources: vmbus/server.c vmbus/server_messages.c vmbus/channel.c vmbus/gpadl.c vmbus/ring.c lib/string.c
 */
#include "tests/unit/bus_pair.h"

static void tell_body(u32 gpadl, u32 count)
{
	_Alignas(8) u8 m[VMBUS_MESSAGE_MAX] = { 0 };

	*(struct vmbus_gpadl_body *)m =
		(struct vmbus_gpadl_body){ { .type = VMBUS_GPADL_BODY }, 0, gpadl };
	for (u32 i = 0; i < count; i++)
		memcpy(m + sizeof(struct vmbus_gpadl_body) + 8 * i, &(u64){ SPARE + i }, 8);
	bus_post(&offender, m, (u32)sizeof(struct vmbus_gpadl_body) + 8 * count);
}

static void gpadl_numbers_that_are_used_twice(void **state)
{
	u32 relid = ends[0].relid;

	(void)state;
	bus_gpadl(&offender, relid, 1, SPARE, 4);
	assert_false(bus_created(&offender, relid, 1));
	bus_gpadl(&offender, ends[1].relid, 1, SPARE, 4);
	assert_false(bus_created(&offender, ends[1].relid, 1));
	/* Another channel's memory is not for this one's rings. */
	assert_true(bus_end_close(&ends[0]));
	bus_open(&offender, relid, 2, 1, RINGS / 2);
	assert_false(bus_opened(&offender, relid));
	/* Reused, as it may be. */
	open_again(0);
	assert_true(bus_echo_works(&ends[0], next_id++, 64));
	/* Not before the answer to its end has come. */
	bus_teardown(&offender, relid, 1);
	bus_gpadl(&offender, relid, 1, SPARE, 4);
	assert_false(bus_created(&offender, relid, 1));
	bus_relid(&offender, VMBUS_CLOSE_CHANNEL, relid);
	assert_true(bus_torndown(&offender, 1));
	open_again(0);
	assert_true(bus_is_silent(&offender));
}

static void gpadls_without_their_bodies(void **state)
{
	const u64 pfns[26] = { SPARE, SPARE + 1 };
	u32 relid = ends[0].relid, objects = bus_objects;
	u64 malformed = offender.server.malformed;

	(void)state;
	assert_true(bus_end_close(&ends[0]));
	bus_skip(&offender);
	/* It is for nothing until it is whole. */
	bus_gpadl(&offender, relid, MORE, SPARE, 26);
	assert_true(bus_created(&offender, relid, MORE));
	bus_teardown(&offender, relid, MORE);
	assert_true(bus_torndown(&offender, MORE));
	for (u32 i = 0; i < 3; i++) {
		_Alignas(8) u8 m[VMBUS_MESSAGE_MAX] = { 0 };

		*(struct vmbus_gpadl_header *)m =
			(struct vmbus_gpadl_header){ { .type = VMBUS_GPADL_HEADER }, relid, MORE,
				8 + 8 * 60, 1, 60 * BUS_PAGE, 0 };
		memcpy(m + sizeof(struct vmbus_gpadl_header), pfns, sizeof(pfns));
		bus_post(&offender, m, sizeof(struct vmbus_gpadl_header) + sizeof(pfns));
		bus_open(&offender, relid, MORE, 1, 30);
		assert_false(bus_opened(&offender, relid));
		/* Given up; or of more than are missing, or none. */
		if (i == 0) {
			bus_teardown(&offender, relid, MORE);
			assert_true(bus_torndown(&offender, MORE));
		} else {
			tell_body(MORE, 28);
			assert_true(bus_is_silent(&offender));
			tell_body(MORE, i == 1 ? 7 : 0);
			assert_false(bus_created(&offender, relid, MORE));
		}
		/* For one that is not there, and for one that is whole. */
		tell_body(MORE, 6);
		tell_body(2, 6);
		assert_true(bus_is_silent(&offender));
	}
	/* More in the first message than it says. */
	assert_false(tell(relid, MORE, BUS_PAGE, 0, pfns, 2));
	assert_true(offender.server.malformed - malformed >= 12);
	open_again(0);
	assert_int_equal(bus_objects, objects);
}

static void gpadl_counts_that_overflow(void **state)
{
	static const struct {
		u16 range_bytes, range_count;
		u32 bytes, offset;
	} bad[] = { { 40, 0, 4 * BUS_PAGE, 0 }, { 40, 2, 4 * BUS_PAGE, 0 },
		{ 40, 0xffff, 4 * BUS_PAGE, 0 }, { 0xffff, 1, 4 * BUS_PAGE, 0 },
		{ 0, 1, 4 * BUS_PAGE, 0 }, { 7, 1, 4 * BUS_PAGE, 0 }, { 40, 1, 0, 0 },
		{ 8, 1, 0, 0 }, { 40, 1, 0, 1 }, { 40, 1, ~0u, 0 }, { 40, 1, ~0u, 4095 },
		{ 40, 1, 4 * BUS_PAGE, BUS_PAGE }, { 40, 1, 4 * BUS_PAGE, ~0u },
		{ 40, 1, 4 * BUS_PAGE, 1 }, { 40, 1, 3 * BUS_PAGE, 0 },
		/* So many that their bytes are none in 16 bits. */
		{ 8, 1, 8192 * BUS_PAGE, 0 }, { 40, 1, 8196 * BUS_PAGE, 0 } };
	u32 objects = bus_objects;

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(bad); i++) {
		_Alignas(8) u8 m[VMBUS_MESSAGE_MAX] = { 0 };

		*(struct vmbus_gpadl_header *)m =
			(struct vmbus_gpadl_header){ { .type = VMBUS_GPADL_HEADER }, ends[0].relid,
				MORE, bad[i].range_bytes, bad[i].range_count, bad[i].bytes,
				bad[i].offset };
		memcpy(m + sizeof(struct vmbus_gpadl_header), (u64[]){ SPARE, 1, 2, 3 }, 32);
		bus_post(&offender, m, sizeof(struct vmbus_gpadl_header) + 32);
		assert_false(bus_created(&offender, ends[0].relid, MORE));
		assert_int_equal(bus_objects, objects);
	}
	others_work();
}

/* As many GPADLs as there may be, then as many pages: the rest is refused, and nobody else has less. */
static void gpadls_without_end(void **state)
{
	u32 relid = ends[0].relid, numbers[2] = { 0 };

	(void)state;
	for (u32 kind = 0; kind < 2; kind++) {
		u32 pages = kind == 0 ? 27 : 8190, *n = &numbers[kind], refused = 0;

		for (u32 i = 0; i < VMBUS_GPADLS_MAX + 10; i++) {
			_Alignas(8) u8 m[VMBUS_MESSAGE_MAX] = { 0 };

			*(struct vmbus_gpadl_header *)m =
				(struct vmbus_gpadl_header){ { .type = VMBUS_GPADL_HEADER }, relid,
					MORE + i, (u16)(8 + 8 * pages), 1, pages * BUS_PAGE, 0 };
			bus_post(&offender, m, sizeof(struct vmbus_gpadl_header) + 8);
			if (bus_is_silent(&offender))
				++*n;
			else
				refused += !bus_created(&offender, relid, MORE + i);
		}
		assert_int_equal(*n + refused, VMBUS_GPADLS_MAX + 10);
		assert_true(offender.server.gpadls.pages <= VMBUS_GPADL_PAGES_MAX);
		bus_gpadl(&other, other_end.relid, MORE, SPARE, 60);
		assert_true(bus_created(&other, other_end.relid, MORE));
		bus_teardown(&other, other_end.relid, MORE);
		assert_true(bus_torndown(&other, MORE));
		others_work();
		for (u32 i = 0; i < *n; i++) {
			bus_teardown(&offender, relid, MORE + i);
			assert_true(bus_torndown(&offender, MORE + i));
		}
		assert_true(offender.server.gpadls.count == 2 &&
			    offender.server.gpadls.pages == 2 * RINGS);
	}
	assert_int_equal(numbers[0], VMBUS_GPADLS_MAX - 2);
	assert_int_equal(numbers[1], (VMBUS_GPADL_PAGES_MAX - 2 * RINGS) / 8190);
}

/* Pages that are none, that may not be written, or are another's: in each place of the list. */
static void gpadl_pages_that_are_not_its_own(void **state)
{
	static const u64 none[] = { BUS_PAGES, SPARE + 90, SPARE + 91, 1ull << 40, 1ull << 52,
		~0ull };
	u32 relid = ends[0].relid, objects = bus_objects;

	(void)state;
	bus_set_aside(&offender, SPARE + 90, BUS_READ_ONLY);
	bus_set_aside(&offender, SPARE + 91, BUS_FOREIGN);
	for (u32 i = 0; i < ARRAY_SIZE(none); i++) {
		for (u32 at = 0; at < 4; at++) {
			u64 pfns[4] = { SPARE, SPARE + 1, SPARE + 2, SPARE + 3 };

			pfns[at] = none[i];
			assert_false(tell(relid, MORE, 4 * BUS_PAGE, 0, pfns, 4));
			assert_int_equal(bus_objects, objects);
		}
	}
	/* In the second message. */
	bus_gpadl(&offender, relid, MORE, SPARE + 60, 31);
	assert_false(bus_created(&offender, relid, MORE));
	assert_int_equal(bus_objects, objects);
	/* Part of a page is RAM as well, but nothing for rings. */
	assert_true(tell(relid, MORE, 4 * BUS_PAGE - 100, 50,
		(const u64[]){ SPARE, SPARE + 1, SPARE + 2, SPARE + 3 }, 4));
	bus_relid(&offender, VMBUS_CLOSE_CHANNEL, relid);
	bus_open(&offender, relid, MORE, 1, 2);
	assert_false(bus_opened(&offender, relid));
	bus_teardown(&offender, relid, MORE);
	assert_true(bus_torndown(&offender, MORE));
	mends();
}

/* Rings in one page, which is the control page of both, and all of their data. */
static void gpadl_pages_that_overlap(void **state)
{
	u64 pfns[16];
	u32 words = BUS_PAGE / 4;

	(void)state;
	for (u32 i = 0; i < 400; i++) {
		struct bus_end *e = &ends[0];
		u32 *page = (void *)offender.ram[SPARE], used = 1 + i % 3;

		assert_true(bus_end_close(e));
		for (u32 k = 0; k < ARRAY_SIZE(pfns); k++)
			pfns[k] = SPARE + k % used;
		assert_true(tell(e->relid, 1, sizeof(pfns) / 8 * BUS_PAGE, 0, pfns, 16));
		memset(page, 0, 3 * BUS_PAGE);
		bus_open(&offender, e->relid, 1, 1, 8);
		assert_true(bus_opened(&offender, e->relid));
		for (u32 round = 0; round < 20; round++) {
			for (u32 k = 0; k < 3 * words; k++)
				page[k] = bus_any(3) ? bus_any(200) : 8 * bus_any(7 * words / 2);
			(void)bus_end_signal(e);
		}
		close_and_mend();
	}
}

static void gpadl_teardown_with_packets_under_way(void **state)
{
	static const u8 last[64] = "the last one";
	const struct vmbus_message m = { .type = VMBUS_PACKET_COMPLETION,
		.payload = { last, sizeof(last) } };
	u32 relid = ends[0].relid, before = offender.sent_of[VMBUS_GPADL_TORNDOWN];

	(void)state;
	echoes[0].busy = true;
	for (u32 i = 0; i < 3; i++)
		bus_teardown(&offender, relid, 1);
	bus_relid(&offender, VMBUS_CLOSE_CHANNEL, relid);
	bus_relid(&offender, VMBUS_CLOSE_CHANNEL, relid);
	bus_teardown(&offender, relid, 1);
	assert_true(bus_is_silent(&offender) && echoes[0].closes == 1);
	others_work();
	/* The memory is there for what is still to end. */
	assert_int_equal(vmbus_channel_write(&echoes[0].c, &m), 0);
	assert_memory_equal(ends[0].in_pages[0] + 16, last, sizeof(last));
	bus_echo_end(&echoes[0]);
	assert_true(bus_torndown(&offender, 1));
	assert_int_equal(offender.sent_of[VMBUS_GPADL_TORNDOWN], before + 1);
	open_again(0);
	assert_true(bus_echo_works(&ends[0], next_id++, 64));
}

static void no_memory_and_no_connections(void **state)
{
	u32 relid = ends[0].relid;

	(void)state;
	bus_fail_after = 1;
	bus_gpadl(&offender, relid, MORE, SPARE, 4);
	assert_false(bus_created(&offender, relid, MORE));
	bus_fail_after = 0;
	assert_true(bus_end_close(&ends[0]));
	bus_gpadl(&offender, relid, 1, 0, RINGS);
	assert_true(bus_created(&offender, relid, 1));
	memset(offender.ram[0], 0, (size_t)RINGS * BUS_PAGE);
	offender.no_connections = true;
	bus_open(&offender, relid, 1, 1, RINGS / 2);
	assert_false(bus_opened(&offender, relid));
	offender.no_connections = false;
	mends();
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(gpadl_numbers_that_are_used_twice),
		TEST(gpadls_without_their_bodies),
		TEST(gpadl_counts_that_overflow),
		TEST(gpadls_without_end),
		TEST(gpadl_pages_that_are_not_its_own),
		TEST(gpadl_pages_that_overlap),
		TEST(gpadl_teardown_with_packets_under_way),
		TEST(no_memory_and_no_connections),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

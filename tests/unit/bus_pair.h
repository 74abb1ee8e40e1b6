/* SPDX-License-Identifier: MIT */
/*
 * A guest that means harm, with two channels, and another guest that does not. The test does what it likes to the offender's
 * first channel; all else works before and after, and the first one, too, when it was closed and opened.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>

#include "tests/unit/bus_echo.h"

#include <cmocka.h>

#define RINGS 32u  /* pages of a channel's rings, from its number times so many on */
#define SPARE 128u /* the first page that no ring is in */
#define DATA  ((RINGS / 2 - 1) * BUS_PAGE)
#define MORE  50u /* a GPADL's number that is not in use */

static struct bus_guest offender, other;
static struct bus_echo echoes[2], others;
static struct bus_end ends[2], other_end;
static u64 next_id;

static void open_again(u32 i)
{
	assert_true(bus_end_open(&ends[i], &offender, &echoes[i].c, i + 1, i * RINGS, RINGS));
}

static int setup(void **state)
{
	(void)state;
	bus_objects = bus_fail_after = 0;
	bus_seed = 1;
	next_id = 1;
	bus_guest_make(&offender, BUS_PAGES);
	bus_guest_make(&other, BUS_PAGES);
	assert_int_equal(bus_echo_offer(&echoes[0], &offender, 1, NULL, 0), 0);
	assert_int_equal(bus_echo_offer(&echoes[1], &offender, 2, NULL, 0), 0);
	assert_int_equal(bus_echo_offer(&others, &other, 1, NULL, 0), 0);
	bus_connect(&offender);
	bus_connect(&other);
	open_again(0);
	open_again(1);
	assert_true(bus_end_open(&other_end, &other, &others.c, 1, 0, RINGS));
	return 0;
}

/* Whoever did nothing notices nothing. */
static void others_work(void)
{
	for (u32 i = 0; i < 20; i++) {
		assert_true(bus_echo_works(&ends[1], next_id++, 8 * bus_any(100)));
		assert_true(bus_echo_works(&other_end, next_id++, 8 * bus_any(100)));
	}
	assert_true(echoes[1].opened == 1 && echoes[1].closes == 0);
	assert_true(others.opened == 1 && others.closes == 0);
	assert_true(bus_is_silent(&other) && other.server.malformed == 0);
}

static int teardown(void **state)
{
	(void)state;
	others_work();
	bus_echo_end(&echoes[0]);
	bus_guest_end(&offender);
	bus_guest_end(&other);
	return bus_objects == 0 ? 0 : -1;
}

/* The first channel is closed: the offender tears down, opens it, and it works. */
static void mends(void)
{
	assert_int_equal(echoes[0].c.state, VMBUS_CHANNEL_OFFERED);
	assert_int_equal(echoes[0].closes, echoes[0].opened);
	bus_teardown(&offender, ends[0].relid, ends[0].gpadl);
	assert_true(bus_torndown(&offender, ends[0].gpadl));
	others_work();
	open_again(0);
	assert_true(bus_echo_works(&ends[0], next_id++, 64));
}

/* The same, whether the server has closed it or not. */
static void close_and_mend(void)
{
	if (echoes[0].c.state == VMBUS_CHANNEL_OPEN)
		bus_relid(&offender, VMBUS_CLOSE_CHANNEL, ends[0].relid);
	mends();
}

/* One message, with @count numbers of pages; false: it was refused. */
static bool tell(u32 relid, u32 gpadl, u32 bytes, u32 offset, const u64 *pfns, u32 count)
{
	_Alignas(8) u8 m[VMBUS_MESSAGE_MAX] = { 0 };

	*(struct vmbus_gpadl_header *)m =
		(struct vmbus_gpadl_header){ { .type = VMBUS_GPADL_HEADER }, relid, gpadl,
			(u16)(8 + 8 * ((offset + bytes + BUS_PAGE - 1) / BUS_PAGE)), 1, bytes,
			offset };
	memcpy(m + sizeof(struct vmbus_gpadl_header), pfns, 8ul * count);
	bus_post(&offender, m, (u32)sizeof(struct vmbus_gpadl_header) + 8 * count);
	return bus_created(&offender, relid, gpadl);
}

/* SPDX-License-Identifier: MIT */
/*
 * A guest that means harm, with two SCSI controllers, and another guest with one. The test does what it likes to the offender's
 * first controller; I/O to the others goes on, with the right data.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>

#include "tests/unit/bus_disk.h"

#include <cmocka.h>

#define RINGS   16u  /* pages of a channel's rings, from its number times so many on: 28 KiB each */
#define DATA    64u  /* pages for data */
#define PRIVATE 200u /* pages for I/O that is to work */

static struct bus_guest offender, other;
static struct bus_controller bad, good, theirs;
static struct bus_end ends[2], other_end;
static u64 next_id;

static bool open_end(struct bus_end *e, struct bus_controller *c, u32 number)
{
	return bus_end_open(e, c->g, &c->s.channels[0]->c, number + 1, number * RINGS, RINGS) &&
	       bus_vstor_begin(e);
}

static int setup(void **state)
{
	(void)state;
	bus_objects = bus_fail_after = 0;
	bus_seed = 1;
	next_id = 1ull << 32;
	bus_guest_make(&offender, BUS_PAGES);
	bus_guest_make(&other, BUS_PAGES);
	bus_controller_make(&bad, &offender, 1, 3);
	bus_controller_make(&good, &offender, 2, 0);
	bus_controller_make(&theirs, &other, 1, 0);
	bus_connect(&offender);
	bus_connect(&other);
	assert_true(open_end(&ends[0], &bad, 0));
	assert_true(open_end(&ends[1], &good, 1));
	assert_true(open_end(&other_end, &theirs, 0));
	return 0;
}

/* Reads and writes of whoever did nothing. */
static void others_work(void)
{
	for (u32 i = 0; i < 4; i++) {
		u32 sector = bus_any(BUS_SECTORS - 8);

		assert_true(bus_disk_works(&good, &ends[1], next_id, sector, PRIVATE + 2));
		assert_true(bus_disk_works(&theirs, &other_end, next_id + 2, sector, PRIVATE));
		next_id += 4;
	}
	assert_true(good.s.stats.malformed == 0 && good.s.stats.errors == 0);
	assert_true(theirs.s.stats.malformed == 0 && theirs.s.stats.errors == 0);
	assert_true(bus_is_silent(&other) && other.server.malformed == 0);
}

/* What the offender did to its first controller did not even harm that. */
static void all_work(void)
{
	assert_true(bus_disk_works(&bad, &ends[0], next_id, bus_any(BUS_SECTORS - 8), PRIVATE));
	next_id += 2;
	others_work();
}

static int teardown(void **state)
{
	(void)state;
	others_work();
	bad.on_resolve = NULL;
	bus_controller_let_go(&bad);
	bus_guest_end(&offender);
	bus_guest_end(&other);
	for (u32 i = 0; i < STORVSP_LUNS; i++)
		if (storvsp_lun_busy(&bad.s, i))
			return -1;
	return bus_objects == 0 ? 0 : -1;
}

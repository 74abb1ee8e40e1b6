/* SPDX-License-Identifier: MIT */
/*
 * The block layer on a disk that answers with errors, late, twice or never, that cannot
 * be reset, or is asked no more: every request ends, once, and nothing stays pinned that
 * the disk does not hold.
 * sources: rootpart/block/block_cut.c rootpart/block/block_queue.c rootpart/block/block_piece.c
 * sources: rootpart/block/block_request.c rootpart/block/block_agent.c rootpart/block/block_watch.c
 * sources: rootpart/block/block_check.c
 * sources: rootpart/block/block_sync.c rootpart/block/block_device.c rootpart/time.c lib/format.c
 * sources: lib/string.c tests/unit/fake_root.c
 * cflags: -iquote tests/unit/fake/root
 */
#include "tests/unit/block_machine.h"

/* The first error is told, and what had not begun does not. */
static void first_error(void **state)
{
	struct test_request t, other;

	(void)state;
	disk.limits.max_bytes = 512;
	disk_register();
	fill(&t, BLOCK_WRITE, 0, 0x10000, 4096);
	fill(&other, BLOCK_READ, 100, 0x20000, 512);
	submit(&t);
	submit(&other);
	assert_int_equal(started, 4);
	finish(1, -EIO);
	finish(1, -EROFS);
	settle();
	assert_int_equal(t.done, 0);
	assert_int_equal(started, 5); /* the other's */
	finish(0, 0);
	finish(0, 0);
	settle();
	expect(&t, -EIO);
	finish_all();
	expect(&other, 0);
	assert_int_equal(pinned, 0);
}

static void cancel(void **state)
{
	struct test_request t[6];

	(void)state;
	disk.limits.max_bytes = 512;
	disk_register();
	fill(&t[0], BLOCK_WRITE, 0, 0x10000, 512);
	fill(&t[1], BLOCK_WRITE, 0, 0x10000, 4096);
	fill(&t[2], BLOCK_READ, 0, 0x20000, 512);
	fill(&t[3], BLOCK_READ, 0, 0x20000, 512);
	for (u32 i = 0; i < 4; i++)
		submit(&t[i]);
	block_cancel(&t[0].r); /* under way wholly: ends as it ends */
	block_cancel(&t[2].r); /* waits */
	settle();
	expect(&t[2], -ECANCELED);
	block_cancel(&t[1].r); /* in part */
	block_cancel(&t[1].r);
	settle();
	assert_int_equal(t[1].done, 0);
	assert_int_equal(started, 4);
	finish_all();
	expect(&t[0], 0);
	expect(&t[1], -ECANCELED);
	expect(&t[3], 0);
	assert_int_equal(started, 5);
	/* One that has ended, and has not heard of it. */
	fill(&t[4], BLOCK_READ, 0, 0x20000, 512);
	submit(&t[4]);
	finish(0, 0);
	block_cancel(&t[4].r);
	settle();
	expect(&t[4], 0);
	/* Between its write and its flush. */
	disk.limits.write_cache = true;
	fill(&t[5], BLOCK_WRITE, 0, 0x20000, 512);
	t[5].r.flags = BLOCK_FUA;
	submit(&t[5]);
	finish(0, 0);
	block_cancel(&t[5].r);
	settle();
	expect(&t[5], -ECANCELED);
}

static void silent(void **state)
{
	struct test_request t[6];
	struct block_stats s;

	(void)state;
	disk_register();
	for (u32 i = 0; i < 6; i++) {
		fill(&t[i], BLOCK_READ, i, 0x10000 + i * 0x1000, 512);
		submit(&t[i]);
		if (i == 0)
			pass_time(NS_PER_S);
	}
	pass_time(BLOCK_TIMEOUT_NS - NS_PER_S - 1);
	assert_int_equal(recoveries, 0);
	pass_time(1);
	assert_int_equal(recoveries, 1);
	for (u32 i = 0; i < 4; i++)
		expect(&t[i], -ETIMEDOUT);
	/* The two that waited are under way now. */
	assert_int_equal(under_way_count, 2);
	finish_all();
	expect(&t[4], 0);
	expect(&t[5], 0);
	assert_int_equal(log_lines, 1);
	assert_non_null(strstr(log_last, "silent: reset"));
	block_stats_get(&disk, &s);
	assert_int_equal(s.timeouts, 4);
	assert_int_equal(s.resets, 1);
	assert_int_equal(pinned, 0);
	/* Nothing is under way: nobody looks at the clock. */
	pass_time(BLOCK_TIMEOUT_NS);
	pass_time(BLOCK_TIMEOUT_NS);
	for (u32 i = 0; i < task_count; i++)
		assert_int_equal(task_states[i].deadline, TIME_NEVER);
	assert_int_equal(recoveries, 1);
}

/* A device that answers now and then is reset as often as it takes, a dead one is not. */
static void hopeless(void **state)
{
	struct test_request t[20];
	u32 n = 0;

	(void)state;
	disk_register();
	for (u32 round = 0; round < 6; round++) {
		fill(&t[n], BLOCK_READ, 0, 0x10000, 512);
		submit(&t[n++]);
		finish_all();
		fill(&t[n], BLOCK_READ, 0, 0x10000, 512);
		submit(&t[n++]);
		pass_time(BLOCK_TIMEOUT_NS);
	}
	assert_int_equal(recoveries, 6);
	assert_false(disk.offline);
	for (u32 round = 0; round < 2; round++) {
		fill(&t[n], BLOCK_READ, 0, 0x10000, 512);
		submit(&t[n++]);
		pass_time(BLOCK_TIMEOUT_NS);
	}
	assert_int_equal(recoveries, 8);
	assert_true(disk.offline);
	fill(&t[n], BLOCK_READ, 0, 0x10000, 512);
	submit(&t[n]);
	settle();
	expect(&t[n], -ENODEV);
	assert_int_equal(under_way_count, 0);
}

static void off_line(void **state)
{
	struct test_request t[7];

	(void)state;
	disk_register();
	recover_result = -EIO;
	for (u32 i = 0; i < 6; i++) {
		fill(&t[i], BLOCK_READ, i, 0x10000 + i * 0x1000, 512);
		submit(&t[i]);
	}
	pass_time(BLOCK_TIMEOUT_NS);
	for (u32 i = 0; i < 6; i++)
		expect(&t[i], i < 4 ? -ETIMEDOUT : -ENODEV);
	assert_true(disk.offline);
	assert_int_equal(log_lines, 1);
	fill(&t[6], BLOCK_FLUSH, 0, 0, 0);
	submit(&t[6]);
	settle();
	expect(&t[6], -ENODEV);
	pass_time(BLOCK_TIMEOUT_NS);
	assert_int_equal(recoveries, 1);
	assert_int_equal(log_lines, 1);
	assert_int_equal(pinned, 0);
}

/* What the driver did not give back stays pinned for ever, and the requests end. */
static void kept(void **state)
{
	struct test_request t[5];

	(void)state;
	disk_register();
	recover_keeps = true;
	for (u32 i = 0; i < 5; i++) {
		fill(&t[i], BLOCK_WRITE, i, 0x10000 + i * 0x1000, 512);
		submit(&t[i]);
	}
	pass_time(BLOCK_TIMEOUT_NS);
	for (u32 i = 0; i < 5; i++)
		expect(&t[i], i < 4 ? -ETIMEDOUT : -ENODEV);
	assert_true(disk.offline);
	assert_int_equal(log_lines, 1);
	assert_int_equal(pinned, 4);
	/* It comes after all: nobody hears of it. */
	finish(0, 0);
	settle();
	assert_int_equal(pinned, 4);
	under_way_count = 0;
	memset(pins, 0, sizeof(pins));
	pinned = 0;
}

static void broken(void **state)
{
	struct test_request t;

	(void)state;
	disk_register();
	fill(&t, BLOCK_READ, 0, 0x10000, 512);
	submit(&t);
	settle();
	block_ask_recover(&disk);
	settle();
	assert_int_equal(recoveries, 1);
	expect(&t, -ETIMEDOUT);
	assert_non_null(strstr(log_last, "its driver asked for it"));
}

static void twice(void **state)
{
	struct test_request t;

	(void)state;
	disk_register();
	fill(&t, BLOCK_READ, 0, 0x10000, 512);
	submit(&t);
	finish(0, 0);
	block_piece_done(&disk, 0, 0, 0);
	block_piece_done(&disk, 0, 3, -EIO);
	block_piece_done(&disk, 0, 4, 0);
	block_piece_done(&disk, 1, 0, 0);
	settle();
	expect(&t, 0);
	assert_int_equal(log_lines, 1);
}

/* A failed read leaves the caller's memory as it was. */
static void bounce_error(void **state)
{
	struct test_request t;

	(void)state;
	disk.limits.align = 4;
	disk_register();
	memset(gpa_ptr(GPA(0x10000)), 9, 1024);
	fill(&t, BLOCK_READ, 0, 0x10001, 512);
	submit(&t);
	finish(0, -EIO);
	settle();
	expect(&t, -EIO);
	assert_int_equal(((u8 *)gpa_ptr(GPA(0x10001)))[5], 9);
}

/* Pins run out in the middle: what is under way ends, nothing stays pinned. */
static void no_pins(void **state)
{
	struct test_request t;

	(void)state;
	disk.limits.max_bytes = 1024;
	disk_register();
	fill(&t, BLOCK_READ, 0, 0x10000, 4096);
	t.segments[0].len = 1024;
	for (u32 i = 1; i < 4; i++)
		t.segments[i] = (struct block_segment){ GPA(0x20000 + i * 0x1000), 1024 };
	t.r.segment_count = 4;
	pin_limit = 2;
	submit(&t);
	assert_int_equal(started, 2);
	finish_all();
	expect(&t, -EINVAL);
	assert_int_equal(pinned, 0);
}

/* Memory runs out anywhere: no device, and nothing left behind. */
static void no_memory(void **state)
{
	s32 before;
	u32 n;

	(void)state;
	disk.queue_count = 2;
	assert_int_equal(block_register(&disk, true), 0); /* the agents are there from now on */
	machine_end();
	before = objects;
	for (n = 0; n < 100; n++) {
		int r;

		allocations_left = n;
		r = block_register(&disk, true);
		if (r == 0)
			break;
		assert_int_equal(r, -ENOMEM);
		assert_int_equal(objects, before);
		assert_null(block_next(NULL));
	}
	assert_in_range(n, 10, 99);
}

static void bad_limits(void **state)
{
	(void)state;
	disk.limits.align = 3;
	assert_int_equal(block_register(&disk, false), -EINVAL);
	disk.limits.align = 1;
	disk.depth = 0;
	assert_int_equal(block_register(&disk, false), -EINVAL);
	assert_int_equal(log_lines, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(first_error),
		TEST(cancel),
		TEST(silent),
		TEST(hopeless),
		TEST(off_line),
		TEST(kept),
		TEST(broken),
		TEST(twice),
		TEST(bounce_error),
		TEST(no_pins),
		TEST(no_memory),
		TEST(bad_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/*
 * The block layer on a disk that answers in any order: what requests hear of it, and
 * what the disk is given.
 * sources: rootpart/block/block_cut.c rootpart/block/block_queue.c rootpart/block/block_piece.c
 * sources: rootpart/block/block_request.c rootpart/block/block_agent.c rootpart/block/block_watch.c
 * sources: rootpart/block/block_check.c
 * sources: rootpart/block/block_sync.c rootpart/block/block_device.c rootpart/time.c lib/format.c
 * sources: lib/string.c tests/unit/fake_root.c
 * cflags: -iquote tests/unit/fake/root
 */
#include "tests/unit/block_machine.h"

#include "rootpart/block/block_partition.h"

static void write_then_read(void **state)
{
	struct test_request w, r;
	struct block_stats s;

	(void)state;
	disk_register();
	fill(&w, BLOCK_WRITE, 7, 0x10000, 1024);
	fill(&r, BLOCK_READ, 7, 0x20000, 1024);
	memset(gpa_ptr(GPA(0x10000)), 0x5a, 1024);
	submit(&w);
	assert_int_equal(started, 1);
	assert_int_equal(kicks, 1);
	finish_all();
	expect(&w, 0);
	submit(&r);
	finish_all();
	expect(&r, 0);
	assert_memory_equal(gpa_ptr(GPA(0x10000)), gpa_ptr(GPA(0x20000)), 1024);
	block_stats_get(&disk, &s);
	assert_int_equal(s.reads, 1);
	assert_int_equal(s.writes, 1);
	assert_int_equal(s.read_bytes + s.written_bytes, 2048);
	assert_int_equal(s.pieces, 2);
	assert_int_equal(s.bounced + s.errors, 0);
	assert_int_equal(pinned, 0);
}

/* Who waits goes on in its order, however the others end. */
static void line(void **state)
{
	struct test_request t[10];

	(void)state;
	disk_register();
	for (u32 i = 0; i < 10; i++) {
		fill(&t[i], BLOCK_READ, i, 0x10000 + i * 0x1000, 512);
		submit(&t[i]);
	}
	assert_int_equal(started, 4);
	finish(2, 0);
	settle();
	assert_int_equal(under_way[3].piece.sector, 4);
	finish(3, 0);
	finish(0, 0);
	settle();
	assert_int_equal(under_way[2].piece.sector, 5);
	assert_int_equal(under_way[3].piece.sector, 6);
	finish_all();
	for (u32 i = 0; i < 10; i++)
		expect(&t[i], 0);
}

static void one_kick(void **state)
{
	struct test_request t[8];

	(void)state;
	disk_register();
	block_plug(&disk);
	for (u32 i = 0; i < 8; i++) {
		fill(&t[i], BLOCK_READ, i, 0x10000 + i * 0x1000, 512);
		submit(&t[i]);
	}
	assert_int_equal(kicks, 0);
	assert_int_equal(started, 4);
	block_unplug(&disk);
	assert_int_equal(kicks, 1);
	finish(0, 0);
	finish(0, 0);
	finish(0, 0);
	/* Three ended, three begin: by one kick, when the driver is out of its own. */
	assert_int_equal(started, 4);
	run_work(0);
	assert_int_equal(started, 7);
	assert_int_equal(kicks, 2);
	finish_all();
}

/* Interrupts are not off for long, however many pieces there are. */
static void batches(void **state)
{
	struct test_request t;

	(void)state;
	disk.limits.max_bytes = 512;
	disk.depth = 48;
	disk_register();
	fill(&t, BLOCK_READ, 0, 0x10000, 48 * 512);
	submit(&t);
	assert_int_equal(started, 32);
	assert_int_equal(kicks, 1);
	settle();
	assert_int_equal(started, 48);
	assert_int_equal(kicks, 2);
	finish_all();
	expect(&t, 0);
}

static struct test_request again[3];

static void submit_again(struct block_request *r)
{
	struct test_request *t = container_of(r, struct test_request, r);

	if (t->done++ == 0)
		block_submit(&disk, r);
}

/* What done() submits goes with the rest. */
static void done_submits(void **state)
{
	(void)state;
	disk_register();
	for (u32 i = 0; i < 3; i++) {
		fill(&again[i], BLOCK_READ, i, 0x10000 + i * 0x1000, 512);
		again[i].r.segments = again[i].segments;
		again[i].r.done = submit_again;
		block_submit(&disk, &again[i].r);
	}
	kicks = 0;
	for (u32 i = 0; i < 3; i++)
		finish(0, 0);
	run_work(0);
	assert_int_equal(started, 6);
	assert_int_equal(kicks, 1);
	finish_all();
	for (u32 i = 0; i < 3; i++)
		assert_int_equal(again[i].done, 2);
}

static void wrong_requests(void **state)
{
	struct test_request t;

	(void)state;
	disk_register();
#define WRONG(wanted, ...)                              \
	do {                                            \
		fill(&t, BLOCK_READ, 1, 0x10000, 1024); \
		__VA_ARGS__;                            \
		submit(&t);                             \
		assert_int_equal(t.done, 0);            \
		settle();                               \
		expect(&t, wanted);                     \
	} while (0)
	WRONG(-EINVAL, t.r.bytes = 0);
	WRONG(-EINVAL, t.r.bytes = 700, t.segments[0].len = 700);
	WRONG(-EINVAL, t.r.bytes = 2048);
	WRONG(-EINVAL, t.segments[0].len = 0);
	WRONG(-EINVAL, t.r.segment_count = 0);
	WRONG(-EINVAL, t.r.sector = SECTORS_MAX);
	WRONG(-EINVAL, t.r.sector = SECTORS_MAX - 1);
	WRONG(-EINVAL, t.r.sector = ~0ull);
	WRONG(-EINVAL, t.segments[0].gpa.a = ~0ull - 100);
	WRONG(-EINVAL, t.segments[0].gpa.a = MEMORY); /* no RAM */
	WRONG(-EINVAL, t.segments[0].gpa.a = MEMORY - 512);
	WRONG(-EINVAL, t.r.bytes = MIB + 512, t.segments[0].len = MIB + 512);
	WRONG(-ENOTSUP, t.r.op = BLOCK_DISCARD);
	disk.limits.max_discard = 512;
	WRONG(-EINVAL, t.r.op = BLOCK_DISCARD, t.r.bytes = ~0ull - 511);
	disk.limits.read_only = true;
	WRONG(-EROFS, t.r.op = BLOCK_DISCARD);
	WRONG(-EROFS, t.r.op = BLOCK_WRITE);
	assert_int_equal(started, 0);
	disk.limits.read_only = false;
	fill(&t, BLOCK_READ, 1, 0x10000, 512 * (BLOCK_SEGMENTS_MAX + 1));
	for (u32 i = 0; i < BLOCK_SEGMENTS_MAX + 1; i++)
		t.segments[i] = (struct block_segment){ GPA(0x10000), 512 };
	t.r.segment_count = BLOCK_SEGMENTS_MAX + 1;
	submit(&t);
	settle();
	expect(&t, -EINVAL);
	assert_int_equal(started, 0);
	assert_int_equal(pinned, 0);
}

/* The largest there is, of the most segments, at odd places. */
static void largest(void **state)
{
	static struct test_request w, r;
	u32 len = MIB / 257, rest = MIB - 256 * len;

	(void)state;
	disk.limits.max_bytes = 128 * KIB;
	disk.limits.max_segments = 5;
	disk_register();
	for (u32 i = 0; i < MIB; i++)
		((u8 *)gpa_ptr(GPA(0x100001)))[i] = (u8)(i * 7 + i / 512);
	fill(&w, BLOCK_WRITE, 0, 0x100001, MIB);
	fill(&r, BLOCK_READ, 0, 0, MIB);
	for (u32 i = 0; i < 257; i++)
		r.segments[i] =
			(struct block_segment){ GPA(0x400003 + i * 8192), i < 256 ? len : rest };
	r.r.segment_count = 257;
	submit(&w);
	finish_all();
	expect(&w, 0);
	assert_int_equal(started, 8);
	submit(&r);
	finish_all();
	expect(&r, 0);
	for (u32 i = 0; i < 257; i++)
		assert_memory_equal(
			gpa_ptr(r.segments[i].gpa), medium + i * len, r.segments[i].len);
	assert_int_equal(pinned, 0);
}

static void flushes(void **state)
{
	struct test_request f, w;

	(void)state;
	disk_register();
	fill(&f, BLOCK_FLUSH, 0, 0, 0);
	submit(&f);
	settle();
	expect(&f, 0);
	assert_int_equal(started, 0); /* there is no cache */
	disk.limits.write_cache = true;
	fill(&w, BLOCK_WRITE, 0, 0x10000, 512);
	fill(&f, BLOCK_FLUSH, 0, 0, 0);
	submit(&w);
	finish_all();
	assert_int_equal(cached, 1);
	submit(&f);
	finish_all();
	assert_int_equal(cached, 0);
	assert_int_equal(started, 2);
}

/* A device without FUA writes, and flushes when all of it is written. */
static void write_through(void **state)
{
	struct test_request w;

	(void)state;
	disk.limits.write_cache = true;
	disk.limits.max_bytes = 512;
	disk_register();
	fill(&w, BLOCK_WRITE, 0, 0x10000, 1024);
	w.r.flags = BLOCK_FUA;
	submit(&w);
	assert_int_equal(started, 2);
	finish(1, 0);
	settle();
	assert_int_equal(started, 2);
	finish(0, 0);
	settle();
	assert_int_equal(started, 3);
	assert_int_equal(under_way[0].piece.op, BLOCK_FLUSH);
	assert_int_equal(w.done, 0);
	finish_all();
	expect(&w, 0);
	/* One that has it. */
	disk.limits.fua = true;
	fill(&w, BLOCK_WRITE, 0, 0x10000, 1024);
	w.r.flags = BLOCK_FUA;
	submit(&w);
	assert_true(under_way[0].piece.fua && under_way[1].piece.fua);
	finish_all();
	assert_int_equal(started, 5);
	assert_int_equal(cached, 0);
	/* The write failed: no flush. */
	disk.limits.fua = false;
	fill(&w, BLOCK_WRITE, 0, 0x10000, 512);
	w.r.flags = BLOCK_FUA;
	submit(&w);
	finish(0, -EIO);
	finish_all();
	expect(&w, -EIO);
	assert_int_equal(started, 6);
	/* The flush failed. */
	fill(&w, BLOCK_WRITE, 0, 0x10000, 512);
	w.r.flags = BLOCK_FUA;
	submit(&w);
	finish(0, 0);
	settle();
	finish(0, -EIO);
	finish_all();
	expect(&w, -EIO);
}

static void discards(void **state)
{
	struct test_request t;

	(void)state;
	disk.limits.max_discard = 64 * KIB;
	disk_register();
	memset(medium, 1, DISK_MAX);
	fill(&t, BLOCK_DISCARD, 8, 0, 0);
	t.r.bytes = DISK_MAX - 8 * 512;
	submit(&t);
	finish_all();
	expect(&t, 0);
	assert_int_equal(started, 64);
	assert_int_equal(medium[8 * 512 - 1], 1);
	assert_int_equal(medium[8 * 512], 0);
	assert_int_equal(medium[DISK_MAX - 1], 0);
}

/* More that needs bounce memory than there is: it waits, in line, and none is lost. */
static void bounce(void **state)
{
	struct test_request t[8];
	struct block_stats s;

	(void)state;
	disk.limits.align = 4;
	disk.limits.address_mask = 0xffffffff;
	disk.depth = 16;
	disk_register();
	for (u32 i = 0; i < DISK_MAX; i++)
		medium[i] = (u8)(i / 512 + i);
	for (u32 i = 0; i < 8; i++) {
		fill(&t[i], BLOCK_READ, i * 4, i % 2 ? HIGH + i * 0x1000 : 0x10001 + i * 0x1000,
			2048);
		submit(&t[i]);
	}
	assert_int_equal(started, BLOCK_BOUNCE_COUNT);
	fill(&again[0], BLOCK_READ, 0, 0x80000, 512);
	submit(&again[0]);
	assert_int_equal(started, BLOCK_BOUNCE_COUNT); /* behind them */
	finish(1, 0);
	settle();
	assert_int_equal(started, BLOCK_BOUNCE_COUNT + 1);
	finish_all();
	for (u32 i = 0; i < 8; i++) {
		expect(&t[i], 0);
		assert_memory_equal(gpa_ptr(t[i].segments[0].gpa), medium + i * 2048, 2048);
	}
	expect(&again[0], 0);
	block_stats_get(&disk, &s);
	assert_int_equal(s.bounced, 8);
	assert_int_equal(pinned, 0);
}

/* done() comes on the queue's VP, whoever submits, cancels or recovers. */
static void other_vps(void **state)
{
	struct test_request t[5];

	(void)state;
	disk.queue_count = 2;
	disk.depth = 1;
	disk_register();
	for (u32 i = 0; i < 4; i++)
		fill(&t[i], BLOCK_READ, i, 0x10000 + i * 0x1000, 512);
	on_vp(2);
	submit(&t[0]); /* queue 0 */
	submit(&t[1]);
	on_vp(1);
	submit(&t[2]); /* queue 1 */
	block_cancel(&t[1].r);
	assert_int_equal(under_way[0].queue, 0);
	assert_int_equal(under_way[1].queue, 1);
	settle();
	expect(&t[1], -ECANCELED);
	on_vp(1);
	fill(&t[4], BLOCK_FLUSH, 0, 0, 0);
	submit(&t[4]);
	settle();
	expect(&t[4], 0);
	/* An interrupt that comes elsewhere. */
	finish_on(2, 1, 0);
	settle();
	expect(&t[2], 0);
	pass_time(BLOCK_TIMEOUT_NS);
	expect(&t[0], -ETIMEDOUT);
}

static void partition(void **state)
{
	struct block_device *p;
	struct test_request t;

	(void)state;
	disk_register();
	assert_int_equal(block_add_partition(&disk, 3, 100, 50), 0);
	p = block_find("disk1p3");
	assert_null(p);
	p = block_next(&disk);
	assert_non_null(strstr(p->name, "p3"));
	assert_ptr_equal(block_find(p->name), p);
	assert_null(block_next(p));
	fill(&t, BLOCK_READ, 49, 0x10000, 512);
	submit_to(p, &t);
	assert_int_equal(under_way[0].piece.sector, 149);
	finish_all();
	expect(&t, 0);
	fill(&t, BLOCK_READ, 49, 0x10000, 1024);
	submit_to(p, &t);
	settle();
	expect(&t, -EINVAL);
	list_remove(&p->link);
	kfree(p);
}

static void serve(void)
{
	finish_all();
}

static void serve_badly(void)
{
	settle();
	if (under_way_count > 0)
		finish(0, -EIO);
	settle();
}

static void synchronous(void **state)
{
	u8 *a = gpa_ptr(GPA(0x100200)), *b = gpa_ptr(GPA(0x800000));
	u64 bytes = 2 * MIB + 512;

	(void)state;
	disk_register();
	on_task_wait = serve;
	for (u64 i = 0; i < bytes; i++)
		a[i] = (u8)(i * 3 + i / 256);
	assert_int_equal(block_write(&disk, 5, a, bytes, 0), 0);
	assert_int_equal(block_read(&disk, 5, b, bytes), 0);
	assert_memory_equal(a, b, bytes);
	assert_int_equal(started, 6);
	assert_int_equal(block_flush(&disk), 0);
	assert_int_equal(block_read(&disk, SECTORS_MAX, b, 512), -EINVAL);
	on_task_wait = serve_badly;
	assert_int_equal(block_read(&disk, 5, b, bytes), -EIO);
	assert_int_equal(started, 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(write_then_read),
		TEST(line),
		TEST(one_kick),
		TEST(batches),
		TEST(done_submits),
		TEST(wrong_requests),
		TEST(largest),
		TEST(flushes),
		TEST(write_through),
		TEST(discards),
		TEST(bounce),
		TEST(other_vps),
		TEST(partition),
		TEST(synchronous),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

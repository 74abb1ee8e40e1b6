/* SPDX-License-Identifier: MIT */
/*
 * Sectors of 512 bytes on a disk of 4096: what shares a sector of the medium is not lost,
 * in whatever order reads and writes of it end; data is where it belongs, at the
 * edges too; errors of each step; more requests than slots.
 * sources: rootpart/block/block_cut.c rootpart/block/block_queue.c rootpart/block/block_piece.c
 * sources: rootpart/block/block_request.c rootpart/block/block_agent.c rootpart/block/block_watch.c
 * sources: rootpart/block/block_check.c
 * sources: rootpart/block/block_device.c rootpart/block/sector.c rootpart/block/sector_part.c rootpart/time.c lib/format.c
 * sources: lib/string.c tests/unit/fake_root.c
 * cflags: -iquote tests/unit/fake/root
 */
#include "tests/unit/block_machine.h"

#include "rootpart/block/sector.h"

#define REQUESTS 24u
#define ROUNDS   400u
#define STEPS    60u
#define SECTORS  64u /* of 512 bytes, that random requests are within */

static struct sector_disk s;

struct small {
	struct sector_request q;
	struct block_segment segments[BLOCK_SEGMENTS_MAX];
	u32 done;
	bool flying;
	u8 data[SECTORS * 512];
};

static struct small smalls[REQUESTS];

static int setup_sector(void **state)
{
	int r = setup(state);

	disk_init(4096);
	disk.depth = 32;
	disk_register();
	assert_int_equal(sector_init(&s, &disk), 0);
	return r;
}

static int teardown_sector(void **state)
{
	sector_free(&s);
	return teardown(state);
}

static void small_done(struct block_request *r)
{
	struct small *t = container_of(r, struct small, q.r);

	assert_int_equal(submitting, 0);
	assert_true(fake_irq_on);
	t->done++;
	assert_int_equal(t->done, 1);
}

static void small_submit(struct small *t, enum block_op op, u64 sector, u64 gpa, u32 bytes)
{
	t->q = (struct sector_request){ .r = { .op = op,
						.sector = sector,
						.bytes = bytes,
						.segments = t->segments,
						.segment_count = op < BLOCK_FLUSH,
						.done = small_done } };
	t->segments[0] = (struct block_segment){ GPA(gpa), bytes };
	t->done = 0;
	submitting++;
	sector_submit(&s, &t->q);
	submitting--;
}

static void medium_init(void)
{
	for (u32 i = 0; i < DISK_MAX; i++)
		medium[i] = (u8)(i / 512 * 3 + i);
}

/* Each place and length within three sectors of the medium, and their edges. */
static void every_place(void **state)
{
	struct small *t = &smalls[0];
	static u8 want[DISK_MAX];

	(void)state;
	assert_int_equal(sector_count(&s), DISK_MAX / 512);
	medium_init();
	for (u32 first = 0; first < 24; first++) {
		for (u32 count = 1; count <= 24 - first; count++) {
			u8 *m = gpa_ptr(GPA(0x20003));

			small_submit(t, BLOCK_READ, first, 0x20003, count * 512);
			finish_all();
			assert_int_equal(t->done, 1);
			assert_int_equal(t->q.r.error, 0);
			assert_memory_equal(m, medium + first * 512, count * 512);
			for (u32 i = 0; i < count * 512; i++)
				m[i] = (u8)(m[i] * 5 + first + count);
			memcpy(want, medium, sizeof(want));
			memcpy(want + first * 512, m, count * 512);
			small_submit(t, BLOCK_WRITE, first, 0x20003, count * 512);
			finish_all();
			assert_int_equal(t->q.r.error, 0);
			assert_memory_equal(medium, want, DISK_MAX);
			assert_int_equal(pinned, 0);
		}
	}
}

/* The first and the last bytes of a list that is cut within them. */
static void lists(void **state)
{
	struct small *t = &smalls[0];
	u32 total = 40 * 512, at = 0;

	(void)state;
	medium_init();
	small_submit(t, BLOCK_READ, 3, 0x20000, total);
	finish_all();
	t->q.r.segment_count = 0;
	for (u32 i = 0; at < total; i++) {
		u32 len = MIN(100 + i * 7, total - at);

		t->segments[i] = (struct block_segment){ GPA(0x40000 + i * 4096 + i), len };
		t->q.r.segment_count++;
		at += len;
	}
	t->done = 0;
	sector_submit(&s, &t->q);
	finish_all();
	assert_int_equal(t->q.r.error, 0);
	at = 3 * 512;
	for (u32 i = 0; i < t->q.r.segment_count; i++) {
		assert_memory_equal(gpa_ptr(t->segments[i].gpa), medium + at, t->segments[i].len);
		at += t->segments[i].len;
	}
}

/* Two writes to parts of one sector: the second waits for the first. */
static void neighbours(void **state)
{
	(void)state;
	memset(medium, 0, DISK_MAX);
	memset(gpa_ptr(GPA(0x20000)), 1, 512);
	memset(gpa_ptr(GPA(0x21000)), 2, 512);
	small_submit(&smalls[0], BLOCK_WRITE, 1, 0x20000, 512);
	small_submit(&smalls[1], BLOCK_WRITE, 2, 0x21000, 512);
	small_submit(&smalls[2], BLOCK_WRITE, 9, 0x21000, 512); /* in another one */
	assert_int_equal(under_way_count, 2);
	finish_all();
	assert_int_equal(medium[512], 1);
	assert_int_equal(medium[1024], 2);
	assert_int_equal(medium[9 * 512], 2);
	/* A whole sector's write does not come between, either. */
	memset(gpa_ptr(GPA(0x22000)), 3, 4096);
	small_submit(&smalls[0], BLOCK_WRITE, 1, 0x20000, 512);
	small_submit(&smalls[1], BLOCK_WRITE, 0, 0x22000, 4096);
	small_submit(&smalls[2], BLOCK_WRITE, 2, 0x21000, 512);
	assert_int_equal(under_way_count, 1);
	finish_all();
	assert_int_equal(medium[512], 3);
	assert_int_equal(medium[1024], 2);
}

/* Who waits is not overtaken by who overlaps only him. */
static void in_line(void **state)
{
	(void)state;
	small_submit(&smalls[0], BLOCK_WRITE, 1, 0x20000, 512);
	small_submit(&smalls[1], BLOCK_WRITE, 0, 0x22000, 8192);
	small_submit(&smalls[2], BLOCK_WRITE, 9, 0x21000, 512);
	assert_int_equal(under_way_count, 1);
	finish(0, 0);
	settle();
	finish(0, 0);
	settle();
	assert_int_equal(smalls[0].done, 1);
	assert_int_equal(under_way_count, 1);
	assert_int_equal(under_way[0].piece.bytes, 8192);
	finish_all();
	assert_int_equal(smalls[2].done, 1);
}

/* Whole sectors go straight through, also where they overlap. */
static void straight(void **state)
{
	(void)state;
	for (u32 i = 0; i < 4; i++)
		small_submit(&smalls[i], BLOCK_WRITE, 8, 0x20000, 8192);
	assert_int_equal(under_way_count, 4);
	small_submit(&smalls[4], BLOCK_FLUSH, 0, 0, 0);
	finish_all();
	for (u32 i = 0; i < 5; i++)
		assert_int_equal(smalls[i].done, 1);
	assert_int_equal(started, 4);
}

static void discards(void **state)
{
	(void)state;
	disk.limits.max_discard = MIB;
	memset(medium, 1, DISK_MAX);
	small_submit(&smalls[0], BLOCK_DISCARD, 3, 0, 512 * 20);
	small_submit(&smalls[1], BLOCK_DISCARD, 3, 0, 512 * 6); /* nothing whole */
	finish_all();
	assert_int_equal(smalls[0].q.r.error, 0);
	assert_int_equal(smalls[1].q.r.error, 0);
	assert_int_equal(medium[4095], 1);
	assert_int_equal(medium[4096], 0);
	assert_int_equal(medium[2 * 4096 - 1], 0);
	assert_int_equal(medium[2 * 4096], 1);
	assert_int_equal(started, 1);
}

/* More than there are slots, in one sector and in many. */
static void many(void **state)
{
	(void)state;
	memset(medium, 0, DISK_MAX);
	for (u32 i = 0; i < REQUESTS; i++) {
		memset(gpa_ptr(GPA(0x20000 + i * 512)), (int)i + 1, 512);
		small_submit(
			&smalls[i], BLOCK_WRITE, i < 8 ? i : i * 8 + 3, 0x20000 + i * 512, 512);
	}
	assert_int_equal(under_way_count, SECTOR_SLOTS);
	finish_all();
	for (u32 i = 0; i < REQUESTS; i++) {
		assert_int_equal(smalls[i].done, 1);
		assert_int_equal(medium[(i < 8 ? i : i * 8 + 3) * 512 + 511], i + 1);
	}
	assert_int_equal(pinned, 0);
}

static void wrong(void **state)
{
	static const struct {
		u64 sector;
		u32 bytes;
		u64 gpa;
	} bad[] = {
		{ 1, 0, 0x20000 },
		{ 1, 100, 0x20000 },
		{ DISK_MAX / 512, 512, 0x20000 },
		{ DISK_MAX / 512 - 1, 1024, 0x20000 },
		{ ~0ull / 512, 512, 0x20000 },
		{ 1, 512, MEMORY },
		{ 0, 4096, MEMORY },
	};

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(bad); i++) {
		small_submit(&smalls[0], BLOCK_WRITE, bad[i].sector, bad[i].gpa, bad[i].bytes);
		assert_int_equal(smalls[0].done, 0);
		settle();
		assert_int_equal(smalls[0].done, 1);
		assert_int_equal(smalls[0].q.r.error, -EINVAL);
	}
	assert_int_equal(started, 0);
	assert_int_equal(pinned, 0);
	disk.limits.read_only = true;
	small_submit(&smalls[0], BLOCK_WRITE, 1, 0x20000, 512);
	finish_all();
	assert_int_equal(smalls[0].q.r.error, -EROFS);
}

/* The reading of an edge fails: it is not written; the writing: it is told. */
static void errors(void **state)
{
	(void)state;
	memset(medium, 0, DISK_MAX);
	small_submit(&smalls[0], BLOCK_WRITE, 1, 0x20000, 512);
	small_submit(&smalls[1], BLOCK_WRITE, 2, 0x20000, 512);
	finish(0, -EIO);
	settle();
	assert_int_equal(smalls[0].q.r.error, -EIO);
	assert_int_equal(under_way_count, 1); /* the second begins */
	finish(0, 0);
	settle();
	assert_int_equal(under_way[0].piece.op, BLOCK_WRITE);
	finish(0, -EIO);
	settle();
	assert_int_equal(smalls[1].q.r.error, -EIO);
	/* One edge of three parts. */
	small_submit(&smalls[0], BLOCK_WRITE, 1, 0x20000, 512 * 20);
	assert_int_equal(under_way_count, 3);
	finish(1, -EIO);
	settle();
	assert_int_equal(smalls[0].done, 0);
	finish_all();
	assert_int_equal(smalls[0].done, 1);
	assert_int_equal(smalls[0].q.r.error, -EIO);
	assert_int_equal(pinned, 0);
	assert_int_equal(s.partial, 0);
}

/* Each sector of 512 is written by one of them at a time: none is lost. */
static u32 owner[SECTORS]; /* 0: none, else the request's number + 1 */

static void random_begin(u32 n)
{
	struct small *t = &smalls[n];
	u32 first = (u32)rand() % SECTORS, count = 1 + (u32)rand() % 20, k;
	u64 gpa = 0x100000 + n * 0x10000 + (u32)rand() % 4096;

	for (k = 0; k < count && first + k < SECTORS && owner[first + k] == 0; k++)
		;
	if (k == 0)
		return;
	for (u32 i = 0; i < k; i++)
		owner[first + i] = n + 1;
	for (u32 i = 0; i < k * 512; i++)
		t->data[i] = (u8)rand();
	memcpy(gpa_ptr(GPA(gpa)), t->data, k * 512);
	t->flying = true;
	on_vp((u32)rand() % VPS);
	small_submit(t, BLOCK_WRITE, first, gpa, k * 512);
	on_vp(0);
}

static void random_end(u32 n, u8 *expected)
{
	struct small *t = &smalls[n];

	assert_int_equal(t->q.r.error, 0);
	memcpy(expected + t->q.r.sector * 512, t->data, t->q.r.bytes);
	assert_memory_equal(medium + t->q.r.sector * 512, t->data, t->q.r.bytes);
	for (u32 i = 0; i < SECTORS; i++)
		owner[i] = owner[i] == n + 1 ? 0 : owner[i];
	t->flying = false;
}

static void random_writes(void **state)
{
	static u8 expected[SECTORS * 512];

	(void)state;
	srand(9);
	medium_init();
	memcpy(expected, medium, sizeof(expected));
	for (u32 round = 0; round < ROUNDS; round++) {
		for (u32 i = 0; i < STEPS; i++) {
			u32 n = (u32)rand() % REQUESTS;

			if (!smalls[n].flying)
				random_begin(n);
			if (under_way_count > 0 && rand() % 2)
				finish((u32)rand() % under_way_count, 0);
			settle();
			for (n = 0; n < REQUESTS; n++) {
				if (smalls[n].flying && smalls[n].done)
					random_end(n, expected);
			}
		}
		finish_all();
		for (u32 n = 0; n < REQUESTS; n++) {
			if (smalls[n].flying)
				random_end(n, expected);
		}
		assert_memory_equal(medium, expected, sizeof(expected));
		assert_int_equal(pinned, 0);
	}
}

/* A disk of 512 is used as it is. */
static void as_it_is(void **state)
{
	struct sector_disk other;

	(void)state;
	disk.limits.sector_size = 512;
	assert_int_equal(sector_init(&other, &disk), 0);
	assert_null(other.memory);
	memset(&smalls[0], 0, sizeof(smalls[0]));
	smalls[0].q.r = (struct block_request){ .op = BLOCK_READ,
		.sector = 3,
		.bytes = 512,
		.segments = smalls[0].segments,
		.segment_count = 1,
		.done = small_done };
	smalls[0].segments[0] = (struct block_segment){ GPA(0x20000), 512 };
	sector_submit(&other, &smalls[0].q);
	assert_int_equal(under_way[0].piece.sector, 3);
	finish_all();
	assert_int_equal(smalls[0].done, 1);
}

#define SECTOR_TEST(name) cmocka_unit_test_setup_teardown(name, setup_sector, teardown_sector)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SECTOR_TEST(every_place),
		SECTOR_TEST(lists),
		SECTOR_TEST(neighbours),
		SECTOR_TEST(in_line),
		SECTOR_TEST(straight),
		SECTOR_TEST(discards),
		SECTOR_TEST(many),
		SECTOR_TEST(wrong),
		SECTOR_TEST(errors),
		SECTOR_TEST(random_writes),
		SECTOR_TEST(as_it_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

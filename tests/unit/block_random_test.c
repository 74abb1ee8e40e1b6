/* SPDX-License-Identifier: MIT */
/*
 * Random requests on disks of random limits, from several VPs, that end in any order,
 * some with errors, some canceled: data is where it belongs, every request ends once,
 * no pin and no bounce block is lost.
 * sources: rootpart/block/block_cut.c rootpart/block/block_queue.c rootpart/block/block_piece.c
 * sources: rootpart/block/block_request.c rootpart/block/block_agent.c rootpart/block/block_watch.c
 * sources: rootpart/block/block_check.c
 * sources: rootpart/block/block_device.c rootpart/time.c lib/format.c
 * sources: lib/string.c tests/unit/fake_root.c
 * cflags: -iquote tests/unit/fake/root
 */
#include "tests/unit/block_machine.h"

#define REQUESTS 12u
#define DISKS    30u
#define STEPS    250u

/* Each request has its own part of the disk and of memory. */
#define PART        (DISK_MAX / REQUESTS & ~4095ull)
#define MEMORY_PART (3 * MIB)

static struct test_request requests[REQUESTS];
static bool flying[REQUESTS], doubtful[REQUESTS], canceled[REQUESTS];
static u8 expected[DISK_MAX];
static u8 sent[REQUESTS][MIB]; /* what a write writes, or a read should bring */

static u64 pick(u64 n)
{
	return ((u64)rand() << 20 ^ (u64)rand()) % n;
}

#define ONE_OF(...)                                                     \
	({                                                              \
		static const u64 choices_[] = { __VA_ARGS__ };          \
		choices_[pick(sizeof(choices_) / sizeof(choices_[0]))]; \
	})

static void random_disk(void)
{
	struct block_limits *l = &disk.limits;

	do {
		disk_init((u32)ONE_OF(512, 512, 4096));
		l->align = (u32)ONE_OF(1, 2, 4, 512);
		l->page_list = pick(2);
		l->max_bytes = l->sector_size * (u32)ONE_OF(1, 8, 128, 1024);
		l->max_segments = (u32)ONE_OF(1, 2, 17, 254);
		l->max_segment = (u32)ONE_OF(0, 4096, 65536);
		l->boundary = ONE_OF(0, 4096, 65536);
		l->address_mask = ONE_OF(~0ull, 0xffffffff);
		l->write_cache = pick(2);
		l->fua = pick(2);
		disk.queue_count = (u32)ONE_OF(1, 2, 3);
		disk.depth = (u32)ONE_OF(1, 3, 16);
	} while (!block_limits_check(l));
}

/* A list of the request's own memory, in stretches that do not overlap. */
static void random_segments(u32 n, struct test_request *t)
{
	u64 base = (n % 2 ? HIGH : 0) + n / 2 * MEMORY_PART + 0x1000, left = t->r.bytes;
	u32 odd = (u32)ONE_OF(1, 4, 512);

	t->r.segment_count = 0;
	while (left > 0) {
		u64 len = (1 + pick(16384 / odd)) * odd;

		if (len > left || t->r.segment_count == BLOCK_SEGMENTS_MAX - 1)
			len = left;
		if (pick(3) > 0)
			base += pick(4096 / odd) * odd;
		t->segments[t->r.segment_count++] = (struct block_segment){ GPA(base), (u32)len };
		base += len;
		left -= len;
	}
}

static void copy_memory(const struct test_request *t, u8 *buf, bool to_memory)
{
	for (u32 i = 0; i < t->r.segment_count; i++) {
		const struct block_segment *s = &t->segments[i];

		if (to_memory)
			memcpy(gpa_ptr(s->gpa), buf, s->len);
		else
			memcpy(buf, gpa_ptr(s->gpa), s->len);
		buf += s->len;
	}
}

static void begin(u32 n)
{
	struct test_request *t = &requests[n];
	u32 size = disk.limits.sector_size;
	u64 most = ONE_OF(1, 16, 128, 2048);
	u64 sectors = 1 + pick(MIN(most, PART / size));
	u64 first = pick(PART / size - sectors + 1) + n * PART / size;

	*t = (struct test_request){ .r = { .op = pick(2) ? BLOCK_READ : BLOCK_WRITE } };
	t->r.sector = first;
	t->r.bytes = sectors * size;
	if (t->r.op == BLOCK_WRITE && pick(4) == 0)
		t->r.flags = BLOCK_FUA;
	random_segments(n, t);
	for (u64 i = 0; i < t->r.bytes; i++)
		sent[n][i] = (u8)(t->r.op == BLOCK_WRITE ? (u64)rand() : 0xee);
	copy_memory(t, sent[n], true);
	flying[n] = true;
	canceled[n] = doubtful[n] = false;
	on_vp((u32)pick(VPS));
	submit(t);
	on_vp(0);
}

static void check_end(u32 n)
{
	struct test_request *t = &requests[n];
	u64 at = t->r.sector * disk.limits.sector_size;

	flying[n] = false;
	assert_true(t->r.error == 0 || (t->r.error == -EIO && doubtful[n]) ||
		    (t->r.error == -ECANCELED && canceled[n]));
	if (t->r.error != 0) {
		memcpy(expected + at, medium + at, t->r.bytes);
		return;
	}
	assert_false(doubtful[n]);
	if (t->r.op == BLOCK_WRITE) {
		memcpy(expected + at, sent[n], t->r.bytes);
	} else {
		copy_memory(t, sent[n], false);
		assert_memory_equal(sent[n], expected + at, t->r.bytes);
	}
	assert_memory_equal(medium + at, expected + at, t->r.bytes);
}

static void end_one(void)
{
	u32 i = (u32)pick(under_way_count);
	struct test_request *t = container_of(under_way[i].piece.request, struct test_request, r);
	bool error = pick(40) == 0;

	doubtful[t - requests] |= error;
	finish(i, error ? -EIO : 0);
}

static void step(void)
{
	u32 n = (u32)pick(REQUESTS);

	if (!flying[n]) {
		begin(n);
	} else if (pick(20) == 0) {
		canceled[n] = true;
		on_vp((u32)pick(VPS));
		block_cancel(&requests[n].r);
		on_vp(0);
	}
	for (u64 i = pick(5); i > 0 && under_way_count > 0; i--)
		end_one();
	if (pick(2))
		settle();
	for (n = 0; n < REQUESTS; n++) {
		if (flying[n] && requests[n].done > 0)
			check_end(n);
	}
}

static void one_disk(void)
{
	struct block_stats s;

	machine_init();
	random_disk();
	disk_register();
	for (u32 i = 0; i < DISK_MAX; i += 8)
		*(u32 *)&medium[i] = (u32)rand();
	memcpy(expected, medium, DISK_MAX);
	for (u32 i = 0; i < STEPS; i++)
		step();
	finish_all();
	for (u32 n = 0; n < REQUESTS; n++) {
		if (flying[n])
			assert_int_equal(requests[n].done, 1);
		flying[n] = false;
	}
	for (u32 i = 0; i < disk.queue_count; i++)
		assert_int_equal(disk.queues[i].bounce_count, BLOCK_BOUNCE_COUNT);
	assert_int_equal(pinned, 0);
	assert_int_equal(unkicked, 0);
	assert_int_equal(log_lines, 0);
	block_stats_get(&disk, &s);
	assert_true(s.pieces >= started);
	machine_end();
}

static void random_disks(void **state)
{
	(void)state;
	srand(5);
	for (u32 i = 0; i < DISKS; i++)
		one_disk();
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(random_disks) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}

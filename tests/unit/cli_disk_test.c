/* SPDX-License-Identifier: MIT */
/*
 * What disk check and disk bench are made of: odd lists that lie in their memory and do
 * not overlap, contents that no two sectors share, and the histogram.
 * sources: rootpart/cli/disk_scatter.c rootpart/cli/disk_bench.c lib/latency.c
 * sources: rootpart/time.c tests/unit/fake_root.c
 * cflags: -iquote tests/unit/fake/root
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/errno.h"
#include "rootpart/cli/disk_bench.h"
#include "rootpart/cli/disk_scatter.h"
#include "rootpart/page_alloc.h"
#include "rootpart/time.h"
#include "rootpart/waitq.h"
#include "tests/unit/fake_root.h"

#define ARENA (PAGE_SIZE << SCATTER_ORDER)

static u8 arena[ARENA] __attribute__((aligned(4096)));
static u8 flat[MIB], back[MIB], used[ARENA];

void fake_wait(void)
{
	abort();
}

/* The disk: each request ends at once, two microseconds later, when the task waits. */
static struct block_request *submitted[BENCH_DEPTH_MAX];
static u32 submitted_count, plugs, error_at;

void vdisk_submit(struct vdisk *v, struct vdisk_request *q)
{
	struct block_request *r = &q->r;

	assert_true(r->sector + r->bytes / 512 <= v->sectors);
	assert_int_equal(r->sector * 512 % r->bytes, 0);
	submitted[submitted_count++] = r;
}

void vdisk_plug(struct vdisk *v)
{
	(void)v;
	plugs++;
}

void vdisk_unplug(struct vdisk *v)
{
	(void)v;
	plugs--;
}

static void serve_one(void)
{
	struct block_request *r = submitted[0];

	assert_int_equal(plugs, 0);
	memmove(submitted, submitted + 1, --submitted_count * sizeof(submitted[0]));
	fake_tsc += 2000;
	r->error = error_at > 0 && --error_at == 0 ? -EIO : 0;
	r->done(r);
}

static int interrupted;

int console_wait_for(bool (*ready)(void *ctx), void *ctx, u64 deadline_ns)
{
	assert_int_equal(deadline_ns, TIME_NEVER);
	while (!ready(ctx) && interrupted == 0)
		serve_one();
	return interrupted;
}

void console_wake(void)
{
}

static u32 pages;

u32 page_order(u64 size)
{
	u32 order = 0;

	while ((PAGE_SIZE << order) < size)
		order++;
	return order;
}

void *page_alloc_zeroed(u32 order)
{
	if (pages == 6)
		return NULL;
	pages++;
	return calloc(1, PAGE_SIZE << order);
}

int page_free(void *p, u32 order)
{
	(void)order;
	pages--;
	free(p);
	return 0;
}

void wait_wake_all(struct wait_queue *q)
{
	(void)q;
}

void wait_begin(struct wait_queue *q, struct waiter *w)
{
	(void)q;
	(void)w;
}

int wait_step(struct wait_queue *q, struct waiter *w, u64 deadline_ns)
{
	(void)q;
	(void)w;
	(void)deadline_ns;
	assert_true(submitted_count > 0);
	serve_one();
	return 0;
}

void wait_end(struct wait_queue *q, struct waiter *w)
{
	(void)q;
	(void)w;
}

static void check_list(const struct block_segment *s, u32 count, u64 bytes)
{
	u64 sum = 0;

	assert_in_range(count, 1, BLOCK_SEGMENTS_MAX);
	memset(used, 0, sizeof(used));
	for (u32 i = 0; i < count; i++) {
		u64 at = s[i].gpa.a - gpa_of(arena).a;

		assert_true(s[i].len > 0 && at + s[i].len <= ARENA);
		assert_null(memchr(used + at, 1, s[i].len));
		memset(used + at, 1, s[i].len);
		sum += s[i].len;
	}
	assert_int_equal(sum, bytes);
}

static void lists(void **state)
{
	static struct block_segment s[BLOCK_SEGMENTS_MAX];
	u64 seed = 1;
	u32 odd = 0, reversed = 0;

	(void)state;
	for (u32 i = 0; i < 500; i++) {
		u64 bytes = i % 5 == 0 ? MIB : 512 * (1 + i % 2048);
		u32 count = scatter_list(s, arena, bytes, i, &seed);

		check_list(s, count, bytes);
		for (u32 k = 0; k < bytes; k++)
			flat[k] = (u8)(k + i);
		scatter_put(s, count, flat);
		scatter_get(s, count, back);
		assert_memory_equal(flat, back, bytes);
		odd += s[0].gpa.a % 2 != 0 || s[0].len % 2 != 0;
		reversed += count > 1 && s[1].gpa.a < s[0].gpa.a;
	}
	assert_true(odd > 20 && reversed > 50);
}

static void contents(void **state)
{
	u64 a[64], b[64];

	(void)state;
	scatter_sector(a, 512, 5, 100, 1);
	scatter_sector(b, 512, 5, 100, 1);
	assert_memory_equal(a, b, 512);
	for (u32 i = 0; i < 63; i++)
		assert_true(a[i] != a[i + 1]);
	scatter_sector(b, 512, 5, 101, 1);
	assert_memory_not_equal(a, b, 8);
	scatter_sector(b, 512, 5, 100, 2);
	assert_memory_not_equal(a, b, 8);
	scatter_sector(b, 512, 6, 100, 1);
	assert_memory_not_equal(a, b, 8);
}

/* Buckets follow each other without a gap, and are as narrow as they say. */
static void buckets(void **state)
{
	u64 ns = 0;

	(void)state;
	for (u32 i = 0; i + 1 < LATENCY_BUCKETS; i++) {
		assert_int_equal(latency_bucket(ns), i);
		assert_int_equal(latency_bucket(latency_bucket_max(i)), i);
		assert_true(latency_bucket_max(i) - ns <= ns / LATENCY_STEPS);
		ns = latency_bucket_max(i) + 1;
	}
	assert_int_equal(latency_bucket(~0ull), LATENCY_BUCKETS - 1);
}

static struct bench *bench_new(u32 depth)
{
	static struct vdisk disk = { .sector_size = 512, .sectors = 1000 };
	struct bench *b = calloc(1, sizeof(*b));

	fake_tsc = 0;
	time_init(NS_PER_S, 0);
	interrupted = 0;
	error_at = 0;
	b->disk = &disk;
	b->size = 4096;
	b->depth = depth;
	b->count = ~0ull;
	return b;
}

static void measured(void **state)
{
	struct bench *b = bench_new(4);

	(void)state;
	b->random = true;
	assert_int_equal(bench_run(b, NS_PER_MS), 0);
	/* One each two microseconds; the last four are not followed. */
	assert_in_range(b->latency.count, 500, 504);
	assert_int_equal(b->latency.max_ns, 8000);
	assert_in_range(latency_percentile(&b->latency, 50), 8000 - 1000, 8000);
	assert_in_range(
		latency_percentile(&b->latency, 99), latency_percentile(&b->latency, 50), 8000);
	assert_int_equal(pages + submitted_count, 0);
	free(b);
	/* So many and no more; fewer than the depth, too. */
	b = bench_new(4);
	b->count = 50;
	assert_int_equal(bench_run(b, NS_PER_MS), 0);
	assert_int_equal(b->latency.count, 50);
	free(b);
	b = bench_new(4);
	b->count = 3;
	assert_int_equal(bench_run(b, NS_PER_MS), 0);
	assert_int_equal(b->latency.count, 3);
	assert_int_equal(pages + submitted_count, 0);
	free(b);
}

static void ends(void **state)
{
	struct bench *b = bench_new(3);

	(void)state;
	error_at = 10;
	assert_int_equal(bench_run(b, NS_PER_MS), -EIO);
	assert_int_equal(b->latency.count, 11); /* those under way end */
	assert_int_equal(pages + submitted_count, 0);
	free(b);
	b = bench_new(7);
	assert_int_equal(bench_run(b, NS_PER_MS), -ENOMEM);
	assert_int_equal(pages + submitted_count, 0);
	free(b);
	b = bench_new(3);
	interrupted = -EINTR;
	assert_int_equal(bench_run(b, NS_PER_MS), -EINTR);
	assert_int_equal(pages + submitted_count, 0);
	free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists),
		cmocka_unit_test(contents),
		cmocka_unit_test(buckets),
		cmocka_unit_test(measured),
		cmocka_unit_test(ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

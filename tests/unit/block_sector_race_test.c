/* SPDX-License-Identifier: MIT */
/*
 * Three VPs that are threads write sectors of 512 bytes which share sectors of 4096 of the
 * medium, each its own ones: none of it is lost.
 * sources: rootpart/block/block_cut.c rootpart/block/block_queue.c rootpart/block/block_piece.c
 * sources: rootpart/block/block_request.c rootpart/block/block_agent.c rootpart/block/block_watch.c
 * sources: rootpart/block/block_check.c
 * sources: rootpart/block/block_device.c rootpart/block/sector.c rootpart/block/sector_part.c
 * sources: rootpart/time.c lib/format.c lib/string.c tests/unit/fake_root.c
 * cflags: -iquote tests/unit/fake/root
 */
#include "tests/unit/block_threads.h"

#include "rootpart/block/sector.h"

#define REQUESTS 6u /* of each VP, one for each of its sectors */
#define ROUNDS   20000u
#define SECTORS  (VPS * REQUESTS) /* of 512: VP v has v, v + VPS, ... */

static struct block_device disk = {
	.driver = "race",
	.limits = { .sector_size = 4096,
		.sectors = MEDIUM / 4096,
		.max_bytes = 8192,
		.max_segments = 2,
		.address_mask = ~0ull,
		.align = 1 },
	.queue_count = QUEUES,
	.depth = DEPTH,
	.ops = &ops,
};

static struct sector_disk small;

struct request {
	struct sector_request q;
	struct block_segment segment;
	bool flying; /* acquire and release */
	u8 data[512];
};

static struct request requests[VPS][REQUESTS];
static u32 ends, finished;

static void done(struct block_request *r)
{
	MUST(r->error == 0);
	atomic_fetch_add(&ends, 1u);
	store_release(&container_of(r, struct request, q.r)->flying, false);
}

static void begin(u32 n)
{
	struct request *t = &requests[running->vp][n];

	memset(t->data, (int)pick(256), sizeof(t->data));
	t->segment = (struct block_segment){ gpa_of(t->data), sizeof(t->data) };
	t->q = (struct sector_request){ .r = { .op = BLOCK_WRITE,
						.sector = running->vp + n * VPS,
						.bytes = 512,
						.segments = &t->segment,
						.segment_count = 1,
						.done = done } };
	t->flying = true;
	sector_submit(&small, &t->q);
}

static bool all_done(void)
{
	bool all = true;

	for (u32 i = 0; i < SECTORS; i++)
		all &= !load_acquire(&requests[i % VPS][i / VPS].flying);
	return all;
}

static void *vp_thread(void *arg)
{
	running = arg;
	random_state = running->vp + 7;
	for (u32 i = 0; i < ROUNDS; i++) {
		u32 n = pick(REQUESTS);

		if (!load_acquire(&requests[running->vp][n].flying))
			begin(n);
		end_some(&disk);
		run_vp();
		if (i % 8 == 0)
			sched_yield();
	}
	atomic_fetch_add(&finished, 1u);
	while (load_acquire(&finished) < VPS || !all_done()) {
		end_some(&disk);
		run_vp();
		sched_yield();
	}
	return NULL;
}

static void race(void **state)
{
	(void)state;
	threads_init();
	assert_int_equal(block_register(&disk, false), 0);
	assert_int_equal(sector_init(&small, &disk), 0);
	on_all(vp_thread);
	for (u32 i = 0; i < SECTORS; i++)
		assert_memory_equal(medium + i * 512, requests[i % VPS][i / VPS].data,
			sizeof(requests[0][0].data));
	assert_true(ends > 1000);
	assert_int_equal(small.partial, 0);
	assert_true(list_empty(&small.writes) && list_empty(&small.waiting));
	sector_free(&small);
	threads_end(&disk);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(race) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/*
 * Three VPs that are threads: they submit, cancel, end pieces, and have the disk reset, all
 * at once, on fewer queues than VPs. Every request ends once, on its queue's VP, and
 * nothing stays under way or pinned.
 * sources: rootpart/block/block_cut.c rootpart/block/block_queue.c rootpart/block/block_piece.c
 * sources: rootpart/block/block_request.c rootpart/block/block_agent.c rootpart/block/block_watch.c
 * sources: rootpart/block/block_check.c
 * sources: rootpart/block/block_device.c rootpart/time.c lib/format.c lib/string.c
 * sources: tests/unit/fake_root.c
 * cflags: -iquote tests/unit/fake/root
 */
#include "tests/unit/block_threads.h"

#define REQUESTS 8u /* of each VP */
#define ROUNDS   30000u

static struct block_device disk = {
	.driver = "race",
	.limits = { .sector_size = 512,
		.sectors = MEDIUM / 512,
		.max_bytes = 1024,
		.max_segments = 2,
		.address_mask = ~0ull,
		.align = 4,
		.write_cache = true },
	.queue_count = QUEUES,
	.depth = DEPTH,
	.ops = &ops,
};

struct request {
	struct block_request r;
	struct block_segment segment;
	struct spinlock lock; /* flying */
	bool flying;
	u32 begun, ended;
};

static struct request requests[VPS][REQUESTS];
static u8 memory[8192] __attribute__((aligned(4096)));
static u32 errors[200];

static void done(struct block_request *r)
{
	struct request *q = container_of(r, struct request, r);

	MUST(running->vp == r->queue->vp);
	MUST(r->error == 0 || r->error == -ECANCELED || r->error == -ETIMEDOUT);
	atomic_fetch_add(&errors[-r->error], 1u);
	spin_lock(&q->lock);
	MUST(q->flying);
	q->ended++;
	q->flying = false;
	spin_unlock(&q->lock);
}

static void begin(struct request *q)
{
	static const enum block_op op[] = { BLOCK_READ, BLOCK_WRITE, BLOCK_WRITE, BLOCK_FLUSH };
	u32 bytes = 512 * (1 + pick(8));

	/* At an odd place it needs bounce memory. */
	q->segment = (struct block_segment){ gpa_of(memory + (pick(3) == 0)), bytes };
	q->r = (struct block_request){ .op = op[pick(4)],
		.flags = pick(2) ? BLOCK_FUA : 0,
		.sector = pick(1000),
		.bytes = bytes,
		.segments = &q->segment,
		.segment_count = 1,
		.done = done };
	q->flying = true;
	q->begun++;
	block_submit(&disk, &q->r);
}

static void cancel(struct request *q)
{
	spin_lock(&q->lock);
	if (q->flying)
		block_cancel(&q->r);
	spin_unlock(&q->lock);
}

/* Once something has ended well since the last time: else the disk rightly goes off line. */
static void ask_recover(void)
{
	static u32 asked_at;
	u32 good = load_acquire(&errors[0]), before = load_acquire(&asked_at);

	if (good != before && atomic_compare_exchange(&asked_at, &before, good))
		block_ask_recover(&disk);
}

static void step(void)
{
	struct request *q = &requests[running->vp][pick(REQUESTS)];
	bool flying;

	spin_lock(&q->lock);
	flying = q->flying;
	spin_unlock(&q->lock);
	if (!flying)
		begin(q);
	else if (pick(4) == 0)
		cancel(q);
	else if (pick(400) == 0)
		ask_recover();
	end_some(&disk);
	run_vp();
}

static bool all_done(void)
{
	bool all = true;

	for (u32 i = 0; i < VPS * REQUESTS; i++) {
		struct request *q = &requests[i / REQUESTS][i % REQUESTS];

		spin_lock(&q->lock);
		all &= !q->flying;
		spin_unlock(&q->lock);
	}
	return all;
}

static u32 finished;

static void *vp_thread(void *arg)
{
	running = arg;
	random_state = running->vp + 1;
	for (u32 i = 0; i < ROUNDS; i++) {
		step();
		if (i % 16 == 0)
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
	struct block_stats s;

	(void)state;
	threads_init();
	assert_int_equal(block_register(&disk, false), 0);
	on_all(vp_thread);
	for (u32 i = 0; i < VPS * REQUESTS; i++) {
		const struct request *q = &requests[i / REQUESTS][i % REQUESTS];

		assert_int_equal(q->begun, q->ended);
	}
	block_stats_get(&disk, &s);
	assert_true(s.resets > 0 && s.bounced > 0);
	assert_true(errors[0] > 0 && errors[ECANCELED] > 0 && errors[ETIMEDOUT] > 0);
	threads_end(&disk);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(race) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}

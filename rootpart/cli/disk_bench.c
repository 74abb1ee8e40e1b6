/* SPDX-License-Identifier: MIT */
/*
 * The next request starts in done() of the one before, in work: the task that measures
 * only waits.
 */
#include "rootpart/cli/disk_bench.h"

#include "base/errno.h"
#include "rootpart/cli/disk_scatter.h"
#include "rootpart/console_input.h"
#include "rootpart/page_alloc.h"
#include "rootpart/time.h"
#include "rootpart/waitq.h"
#include "x86/atomic.h"

/* Of nobody's stack or heap: who wakes may come after who waited has gone. */
static struct wait_queue waiters = WAIT_QUEUE_INIT(waiters);

/* Where the next one goes: a multiple of its size. */
static u64 next_place(struct bench *b)
{
	u64 sectors = b->size / b->disk->sector_size;
	u64 places = b->disk->sectors / sectors;
	u64 n = b->random ? scatter_number(&b->seed) : b->next++;

	return n % places * sectors;
}

static void slot_start(struct bench *b, struct bench_slot *s)
{
	b->started++;
	s->request.r.sector = next_place(b);
	s->started = time_ns();
	vdisk_submit(b->disk, &s->request);
}

static void account(struct bench *b, const struct bench_slot *s, u64 now)
{
	b->last = now;
	latency_add(&b->latency, now - s->started);
}

static bool goes_on(const struct bench *b, u64 now)
{
	return b->error == 0 && b->started < b->count && now < b->end && !load_relaxed(&b->stop);
}

static void slot_done(struct block_request *r)
{
	struct bench_slot *s = container_of(r, struct bench_slot, request.r);
	struct bench *b = s->bench;
	u64 now = time_ns();

	if (r->error == 0)
		account(b, s, now);
	else if (b->error == 0)
		b->error = r->error;
	if (goes_on(b, now)) {
		slot_start(b, s);
		return;
	}
	/* Pairs with the acquire in is_over(). */
	if (b->under_way > 1) {
		store_release(&b->under_way, b->under_way - 1);
		return;
	}
	store_release(&b->under_way, 0);
	console_wake();
	wait_wake_all(&waiters);
}

static bool is_over(void *ctx)
{
	const struct bench *b = ctx;

	return load_acquire(&b->under_way) == 0;
}

static int slots_init(struct bench *b)
{
	for (u32 i = 0; i < b->depth; i++) {
		struct bench_slot *s = &b->slots[i];
		void *p = page_alloc_zeroed(page_order(b->size));

		if (p == NULL)
			return -ENOMEM;
		s->bench = b;
		s->segment = (struct block_segment){ gpa_of(p), b->size };
		s->request.r = (struct block_request){ .op = b->write ? BLOCK_WRITE : BLOCK_READ,
			.bytes = b->size,
			.segments = &s->segment,
			.segment_count = 1,
			.done = slot_done };
	}
	return 0;
}

static void slots_free(struct bench *b)
{
	for (u32 i = 0; i < b->depth; i++) {
		if (b->slots[i].bench != NULL)
			(void)page_free(gpa_ptr(b->slots[i].segment.gpa), page_order(b->size));
	}
}

static int measure(struct bench *b, u64 ns)
{
	u32 first = (u32)MIN((u64)b->depth, b->count);
	int r;

	b->under_way = first;
	b->begin = b->last = time_ns();
	b->end = b->begin + ns;
	/* Kicked at once: until then none of them can end, and be started anew by done(). */
	vdisk_plug(b->disk);
	for (u32 i = 0; i < first; i++)
		slot_start(b, &b->slots[i]);
	vdisk_unplug(b->disk);
	r = console_wait_for(is_over, b, TIME_NEVER);
	store_relaxed(&b->stop, true);
	wait_event(&waiters, is_over(b));
	return r != 0 ? r : b->error;
}

int bench_run(struct bench *b, u64 ns)
{
	int r = slots_init(b);

	if (r == 0)
		r = measure(b, ns);
	slots_free(b);
	return r;
}

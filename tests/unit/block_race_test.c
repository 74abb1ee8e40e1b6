/* SPDX-License-Identifier: MIT */
/*
 * Three VPs that are threads: they submit, cancel, end pieces, and have the disk reset, all
 * at once, on fewer queues than VPs. Every request ends once, on its queue's VP, and
 * nothing stays under way or pinned.
 * sources: rootpart/block/block_cut.c rootpart/block/block_queue.c rootpart/block/block_piece.c
 * sources: rootpart/block/block_request.c rootpart/block/block_agent.c rootpart/block/block_watch.c
 * sources: rootpart/block/block_device.c rootpart/time.c lib/format.c lib/string.c
 * sources: tests/unit/fake_root.c
 * cflags: -iquote tests/unit/fake/root
 */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/errno.h"
#include "rootpart/block/block_queue.h"
#include "rootpart/block/block_watch.h"
#include "rootpart/cpu.h"
#include "rootpart/heap.h"
#include "rootpart/log.h"
#include "rootpart/page_alloc.h"
#include "rootpart/task.h"
#include "tests/unit/fake_root.h"

#define VPS      3u
#define REQUESTS 8u /* of each VP */
#define ROUNDS   30000u
#define QUEUES   2u
#define DEPTH    5u

static struct cpu vps[VPS];
static __thread struct cpu *running;
static __thread jmp_buf leave;
static __thread u32 random_state;
struct cpu *cpus[HV_MAX_PROCESSORS];
u32 cpu_count = VPS;

/* A failed check in a thread ends the program. */
#define MUST(c)                                                         \
	do {                                                            \
		if (!(c)) {                                             \
			fprintf(stderr, "line %d: %s\n", __LINE__, #c); \
			abort();                                        \
		}                                                       \
	} while (0)

struct cpu *this_cpu(void)
{
	return running;
}

void fake_wait(void)
{
	abort();
}

void log_printf(const char *fmt, ...)
{
	(void)fmt;
}

void *kzalloc(size_t size)
{
	return calloc(1, size);
}

void *kmalloc(size_t size)
{
	return malloc(size);
}

void kfree(void *p)
{
	free(p);
}

void *page_alloc(u32 order)
{
	return aligned_alloc(PAGE_SIZE << order, PAGE_SIZE << order);
}

void *page_alloc_low(u32 order)
{
	return page_alloc(order);
}

int page_free(void *p, u32 order)
{
	(void)order;
	free(p);
	return 0;
}

static u32 pinned;

int page_pin(gpa_t gpa, u64 len)
{
	(void)gpa;
	(void)len;
	atomic_fetch_add(&pinned, 1u);
	return 0;
}

void page_unpin(gpa_t gpa, u64 len)
{
	(void)gpa;
	(void)len;
	atomic_fetch_add(&pinned, -1u);
}

/* Work of the thread's own VP. */
static struct list_node works[VPS];

void work_init(struct work *w, void (*run)(struct work *w))
{
	*w = (struct work){ .run = run };
	list_init(&w->link);
}

void work_ask(struct work *w)
{
	if (!w->asked)
		list_push_back(&works[running->vp], &w->link);
	w->asked = true;
}

/* Tasks: begun anew whenever they were woken. */
static struct task tasks[8];
static bool woken[8];
static u32 task_count;

struct task *task_create_on(u32 vp, const char *name, void (*entry)(void *arg), void *arg)
{
	struct task *t = &tasks[task_count];

	(void)name;
	*t = (struct task){ .vp = vp, .entry = entry, .arg = arg, .id = task_count };
	woken[task_count++] = true;
	return t;
}

struct task *task_create(const char *name, void (*entry)(void *arg), void *arg)
{
	return task_create_on(running->vp, name, entry, arg);
}

void task_wake(struct task *t)
{
	store_release(&woken[t->id], true);
}

int task_wait(u64 deadline_ns)
{
	(void)deadline_ns;
	longjmp(leave, 1);
}

void wait_queue_init(struct wait_queue *q)
{
	list_init(&q->waiters);
}

void wait_wake_all(struct wait_queue *q)
{
	(void)q;
	for (u32 i = 0; i < task_count; i++)
		store_release(&woken[i], true);
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
	return task_wait(deadline_ns);
}

void wait_end(struct wait_queue *q, struct waiter *w)
{
	(void)q;
	(void)w;
}

static __attribute__((noinline)) void run_task(struct task *t)
{
	if (setjmp(leave) == 0)
		t->entry(t->arg);
}

static void run_vp(void)
{
	struct list_node *n;

	while ((n = list_pop_front(&works[running->vp])) != NULL) {
		struct work *w = list_entry(n, struct work, link);

		w->asked = false;
		w->run(w);
	}
	for (u32 i = 0; i < task_count; i++) {
		if (tasks[i].vp == running->vp && atomic_exchange(&woken[i], false))
			run_task(&tasks[i]);
	}
}

/* The disk: tags that are under way, by queue. */
static struct spinlock disk_lock;
static bool busy[QUEUES][DEPTH];

static void start(struct block_device *d, u32 queue, const struct block_piece *piece)
{
	(void)d;
	spin_lock(&disk_lock);
	MUST(!busy[queue][piece->tag]);
	busy[queue][piece->tag] = true;
	spin_unlock(&disk_lock);
}

static bool take(u32 queue, u32 tag)
{
	bool was;

	spin_lock(&disk_lock);
	was = busy[queue][tag];
	busy[queue][tag] = false;
	spin_unlock(&disk_lock);
	return was;
}

static int recover(struct block_device *d)
{
	for (u32 i = 0; i < QUEUES * DEPTH; i++) {
		if (take(i / DEPTH, i % DEPTH))
			block_piece_done(d, i / DEPTH, i % DEPTH, -ETIMEDOUT);
	}
	return 0;
}

static const struct block_ops ops = { .start = start, .recover = recover };

static struct block_device disk = {
	.driver = "race",
	.limits = { .sector_size = 512,
		.sectors = 1 << 20,
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

static u32 pick(u32 n)
{
	random_state = random_state * 1103515245 + 12345;
	return (random_state >> 8) % n;
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

static void end_some(void)
{
	u32 queue = running->vp;

	if (queue >= QUEUES)
		return;
	for (u32 i = pick(4); i > 0; i--) {
		u32 tag = pick(DEPTH);

		if (take(queue, tag))
			block_piece_done(&disk, queue, tag, 0);
	}
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
		block_ask_recover(&disk);
	end_some();
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
		end_some();
		run_vp();
		sched_yield();
	}
	return NULL;
}

static void race(void **state)
{
	pthread_t threads[VPS];
	struct block_stats s;

	(void)state;
	time_init(NS_PER_S, 0);
	running = &vps[0];
	for (u32 i = 0; i < VPS; i++) {
		vps[i].vp = i;
		list_init(&works[i]);
	}
	assert_int_equal(block_register(&disk, false), 0);
	for (u32 i = 0; i < VPS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, vp_thread, &vps[i]), 0);
	for (u32 i = 0; i < VPS; i++)
		pthread_join(threads[i], NULL);
	for (u32 i = 0; i < VPS * REQUESTS; i++) {
		const struct request *q = &requests[i / REQUESTS][i % REQUESTS];

		assert_int_equal(q->begun, q->ended);
	}
	for (u32 i = 0; i < QUEUES; i++)
		assert_int_equal(disk.queues[i].bounce_count, BLOCK_BOUNCE_COUNT);
	assert_int_equal(pinned, 0);
	assert_false(disk.offline);
	block_stats_get(&disk, &s);
	assert_true(s.resets > 0 && s.bounced > 0);
	assert_true(errors[0] > 0 && errors[ECANCELED] > 0 && errors[ETIMEDOUT] > 0);
	for (u32 i = 0; i < QUEUES; i++)
		block_queue_free(&disk.queues[i]);
	kfree(disk.queues);
	kfree(disk.watch);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(race) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}

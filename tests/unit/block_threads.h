/* SPDX-License-Identifier: MIT */
/*
 * Three VPs that are threads, and a disk with fewer queues than VPs whose pieces end in
 * any order, each once: for tests of what the block layer does at once. Included by one
 * source of a program.
 */
#pragma once

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

#define VPS    3u
#define QUEUES 2u
#define DEPTH  5u
#define MEDIUM (1 << 20)

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

/* The disk: what is under way, by queue and tag; data moves when a piece is taken. */
struct thread_piece {
	bool busy;
	struct block_piece piece;
	struct block_segment segments[4];
};

static struct spinlock disk_lock;
static struct thread_piece under_way[QUEUES][DEPTH];
static u8 medium[MEDIUM];

static void start(struct block_device *d, u32 queue, const struct block_piece *piece)
{
	struct thread_piece *t = &under_way[queue][piece->tag];

	(void)d;
	spin_lock(&disk_lock);
	MUST(!t->busy && piece->segment_count <= ARRAY_SIZE(t->segments));
	t->busy = true;
	t->piece = *piece;
	if (piece->segment_count > 0)
		memcpy(t->segments, piece->segments, piece->segment_count * sizeof(t->segments[0]));
	spin_unlock(&disk_lock);
}

static void move_data(const struct thread_piece *t, u32 sector_size)
{
	u8 *m = medium + t->piece.sector * sector_size;

	for (u32 i = 0; i < t->piece.segment_count; i++) {
		const struct block_segment *s = &t->segments[i];

		if (t->piece.op == BLOCK_READ)
			memcpy(gpa_ptr(s->gpa), m, s->len);
		else
			memcpy(m, gpa_ptr(s->gpa), s->len);
		m += s->len;
	}
}

/* Takes the piece, once whoever tries; it is done if @move. */
static bool take(const struct block_device *d, u32 queue, u32 tag, bool move)
{
	struct thread_piece *t = &under_way[queue][tag];
	bool was;

	spin_lock(&disk_lock);
	was = t->busy;
	if (was && move)
		move_data(t, d->limits.sector_size);
	t->busy = false;
	spin_unlock(&disk_lock);
	return was;
}

static u32 ending; /* VPs that may have taken a piece and not told of it; atomic */

/* What another VP has taken has ended, too, before this returns. */
static int recover(struct block_device *d)
{
	for (u32 i = 0; i < QUEUES * DEPTH; i++) {
		if (take(d, i / DEPTH, i % DEPTH, false))
			block_piece_done(d, i / DEPTH, i % DEPTH, -ETIMEDOUT);
	}
	while (load_acquire(&ending) > 0)
		sched_yield();
	return 0;
}

static const struct block_ops ops = { .start = start, .recover = recover };

static u32 pick(u32 n)
{
	random_state = random_state * 1103515245 + 12345;
	return (random_state >> 8) % n;
}

/* Some pieces of the calling VP's queue end. */
static void end_some(struct block_device *d)
{
	u32 queue = running->vp;

	if (queue >= QUEUES)
		return;
	(void)atomic_fetch_add(&ending, 1u);
	for (u32 i = pick(4); i > 0; i--) {
		u32 tag = pick(DEPTH);

		if (take(d, queue, tag, true))
			block_piece_done(d, queue, tag, 0);
	}
	(void)atomic_fetch_add(&ending, -1u);
}

/* Runs @body(VP) on all VPs at once. */
static void on_all(void *(*body)(void *vp))
{
	pthread_t threads[VPS];

	for (u32 i = 0; i < VPS; i++)
		MUST(pthread_create(&threads[i], NULL, body, &vps[i]) == 0);
	for (u32 i = 0; i < VPS; i++)
		pthread_join(threads[i], NULL);
}

static void threads_init(void)
{
	time_init(NS_PER_S, 0);
	running = &vps[0];
	for (u32 i = 0; i < VPS; i++) {
		vps[i].vp = i;
		list_init(&works[i]);
	}
}

static void threads_end(struct block_device *d)
{
	for (u32 i = 0; i < QUEUES; i++) {
		MUST(d->queues[i].bounce_count == BLOCK_BOUNCE_COUNT);
		block_queue_free(&d->queues[i]);
	}
	MUST(pinned == 0 && !d->offline);
	kfree(d->queues);
	kfree(d->watch);
}

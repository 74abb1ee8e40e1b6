/* SPDX-License-Identifier: MIT */
/*
 * A root kernel for tests of the block layer, without a disk: VPs that take turns by
 * hand, work and tasks that run when the test says so, memory with pins, a heap that
 * fails on demand. Included by block_machine.h.
 */
#pragma once

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
#include "rootpart/lock.h"
#include "rootpart/log.h"
#include "rootpart/page_alloc.h"
#include "rootpart/task.h"
#include "rootpart/time.h"
#include "tests/unit/fake_root.h"

#define VPS        3u
#define MEMORY     (64 * MIB) /* low, pinnable */
#define HIGH       (4 * GIB)  /* and from here on */
#define MEMORY_TOP (HIGH + 64 * MIB)

/* Processors. */
static struct cpu vps[VPS];
static struct cpu *running = &vps[0];
struct cpu *cpus[HV_MAX_PROCESSORS];
u32 cpu_count = VPS;

struct cpu *this_cpu(void)
{
	return running;
}

static inline void on_vp(u32 vp)
{
	running = &vps[vp];
}

void fake_wait(void)
{
	abort();
}

/* The log: how many lines, and the last one. */
static u32 log_lines;
static char log_last[256];

void log_printf(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(log_last, sizeof(log_last), fmt, args);
	va_end(args);
	log_lines++;
}

/* The heap, which fails when the test says so. With HEAP_IN_MEMORY the disk reaches it. */
static u32 allocations_left = ~0u;
static s32 objects;

#ifdef HEAP_IN_MEMORY
#define HEAP_FIRST (8 * MIB)
#define HEAP_END   (32 * MIB)

/* What is freed is not used again; a test's part of memory is large enough. */
static void *heap_take(size_t size)
{
	static u64 next = HEAP_FIRST;
	u64 a = next;

	next = ALIGN_UP(a + size, 4096);
	assert_true(next <= HEAP_END);
	return memset(gpa_ptr(GPA(a)), 0, size);
}

static void heap_give_back(void *p)
{
	(void)p;
}
#else
static void *heap_take(size_t size)
{
	return calloc(1, size);
}

static void heap_give_back(void *p)
{
	free(p);
}
#endif

void *kzalloc(size_t size)
{
	if (allocations_left == 0)
		return NULL;
	allocations_left--;
	objects++;
	return heap_take(size);
}

void *kmalloc(size_t size)
{
	return kzalloc(size);
}

void kfree(void *p)
{
	objects -= p != NULL;
	heap_give_back(p);
}

/* Pages: the lower half of each memory is the tests', the upper for bounce blocks. */
static u16 pins[MEMORY_TOP / PAGE_SIZE];
static u64 next_block[2]; /* low, high */
static u64 pinned;
static u64 pin_limit = ~0ull; /* page_pin() fails beyond */

static bool is_ram(u64 a)
{
	return a < MEMORY || (a >= HIGH && a < MEMORY_TOP);
}

int page_pin(gpa_t gpa, u64 len)
{
	u64 first = gpa.a >> PAGE_SHIFT, last = (gpa.a + len - 1) >> PAGE_SHIFT;

	assert_true(len > 0);
	for (u64 i = first; i <= last; i++) {
		if (!is_ram(i << PAGE_SHIFT))
			return -EFAULT;
	}
	if (pinned >= pin_limit)
		return -EOVERFLOW;
	for (u64 i = first; i <= last; i++, pinned++)
		pins[i]++;
	return 0;
}

void page_unpin(gpa_t gpa, u64 len)
{
	u64 first = gpa.a >> PAGE_SHIFT, last = (gpa.a + len - 1) >> PAGE_SHIFT;

	for (u64 i = first; i <= last; i++, pinned--) {
		assert_true(is_ram(i << PAGE_SHIFT) && pins[i] > 0);
		pins[i]--;
	}
}

static void *block_take(u32 which, u32 order)
{
	u64 a = ALIGN_UP(next_block[which], PAGE_SIZE << order);

	if (allocations_left == 0)
		return NULL;
	allocations_left--;
	next_block[which] = a + (PAGE_SIZE << order);
	assert_true(next_block[which] <= (which == 0 ? MEMORY : MEMORY_TOP));
	objects++;
	return gpa_ptr(GPA(a));
}

void *page_alloc(u32 order)
{
	return block_take(1, order);
}

void *page_alloc_low(u32 order)
{
	return block_take(0, order);
}

int page_free(void *p, u32 order)
{
	(void)p;
	(void)order;
	objects--;
	return 0;
}

static bool is_bounce(u64 a)
{
	return (a >= MEMORY / 2 && a < MEMORY) || a >= HIGH + 32 * MIB;
}

/* Work of each VP, and tasks: both run by hand. */
static struct list_node works[VPS];
static struct task *tasks[16];
static u32 task_count;
static void (*on_task_wait)(void); /* NULL: it leaves the task */
static jmp_buf leave_task;

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

/* The work of @vp that is asked for now, not what it asks for itself. True: there was some. */
static bool run_work(u32 vp)
{
	struct list_node end, *n;
	bool some = false;

	on_vp(vp);
	list_push_back(&works[vp], &end);
	while ((n = list_pop_front(&works[vp])) != &end) {
		struct work *w = list_entry(n, struct work, link);

		assert_true(fake_irq_on);
		w->asked = false;
		w->run(w);
		some = true;
	}
	return some;
}

static void run_all_work(void)
{
	bool some;

	do {
		some = false;
		for (u32 vp = 0; vp < VPS; vp++)
			some |= run_work(vp);
	} while (some);
	on_vp(0);
}

static struct {
	bool woken;
	u64 deadline;
} task_states[16];

struct task *task_create_on(u32 vp, const char *name, void (*entry)(void *arg), void *arg)
{
	struct task *t = kzalloc(sizeof(*t));

	(void)name;
	if (t == NULL)
		return NULL;
	*t = (struct task){ .vp = vp, .entry = entry, .arg = arg, .id = task_count };
	task_states[task_count].woken = true;
	task_states[task_count].deadline = TIME_NEVER;
	tasks[task_count++] = t;
	return t;
}

struct task *task_create(const char *name, void (*entry)(void *arg), void *arg)
{
	return task_create_on(running->vp, name, entry, arg);
}

void task_wake(struct task *t)
{
	task_states[t->id].woken = true;
}

static struct task *current_task;

/* Tasks that loop for ever begin anew each time: they keep nothing on their stacks. */
int task_wait(u64 deadline_ns)
{
	assert_true(fake_irq_on);
	if (current_task == NULL) {
		on_task_wait();
		return 0;
	}
	task_states[current_task->id].deadline = deadline_ns;
	longjmp(leave_task, 1);
}

/* Wait queues wake everyone: who waits looks again. */
void wait_queue_init(struct wait_queue *q)
{
	list_init(&q->waiters);
}

void wait_wake_all(struct wait_queue *q)
{
	(void)q;
	for (u32 i = 0; i < task_count; i++)
		task_states[i].woken = true;
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
	if (time_ns() >= deadline_ns)
		return -ETIMEDOUT;
	return task_wait(deadline_ns);
}

void wait_end(struct wait_queue *q, struct waiter *w)
{
	(void)q;
	(void)w;
}

__attribute__((noinline)) static void run_task(struct task *t)
{
	current_task = t;
	if (setjmp(leave_task) == 0) {
		t->entry(t->arg);
		t->entry = NULL; /* it returned */
	}
	current_task = NULL;
}

/* One turn of each task that was woken, or whose time has come. */
static bool run_tasks(void)
{
	bool some = false;

	for (u32 i = 0; i < task_count; i++) {
		if (tasks[i]->entry == NULL ||
			(!task_states[i].woken && task_states[i].deadline > time_ns()))
			continue;
		task_states[i].woken = false;
		task_states[i].deadline = TIME_NEVER;
		on_vp(tasks[i]->vp);
		some = true;
		run_task(tasks[i]);
	}
	on_vp(0);
	return some;
}

/* All that happens without the device. */
static void settle(void)
{
	bool some;

	do {
		run_all_work();
		some = run_tasks();
	} while (some);
}

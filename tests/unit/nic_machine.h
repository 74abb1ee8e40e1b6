/* SPDX-License-Identifier: MIT */
/*
 * The kernel around the NIC layer and its drivers, for host tests: memory of the host
 * (GPAs are its addresses, so that the sanitizer sees what a device touches), a clock
 * that the test moves, tasks that start anew whenever they are looked at, work,
 * a log that is kept, and a user that keeps what comes. Included by one source of a program.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/errno.h"
#include "rootpart/cpu.h"
#include "rootpart/log.h"
#include "rootpart/net/nic.h"
#include "rootpart/task.h"
#include "rootpart/time.h"
#include "rootpart/work.h"
#include "tests/unit/counted_memory.h"
#include "tests/unit/fake_root.h"

#define TASKS  8u
#define WORKS  16u
#define FRAMES 2048u
#define BYTES  9100u

static u64 now;
static char logged[1024];
static u32 log_lines;

u32 cpu_count = 2;

/* What a device does by itself: called whenever time passes. May be NULL. */
static void (*device_step)(void);

u64 time_ns(void)
{
	return now;
}

void log_printf(const char *fmt, ...)
{
	size_t n = strlen(logged);
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(logged + n, sizeof(logged) - n, fmt, args);
	va_end(args);
	strncat(logged, "\n", sizeof(logged) - strlen(logged) - 1);
	log_lines++;
}

/* Work: in the order in which it was asked for. */
static struct work *works[WORKS];
static u32 work_count;

void work_init(struct work *w, void (*run)(struct work *w))
{
	*w = (struct work){ .run = run };
}

void work_ask(struct work *w)
{
	if (w->asked)
		return;
	w->asked = true;
	assert_true(work_count < WORKS);
	works[work_count++] = w;
}

static bool run_one_work(void)
{
	struct work *w = works[0];

	if (work_count == 0)
		return false;
	memmove(works, works + 1, --work_count * sizeof(works[0]));
	w->asked = false;
	w->run(w);
	return true;
}

/* Tasks: a task that waits is left, and started anew the next time. */
static struct {
	void (*entry)(void *arg);
	void *arg;
	u32 vp;
} tasks[TASKS];
static u32 task_count;
static bool in_task;
static jmp_buf task_end;

struct task *task_create_on(u32 vp, const char *name, void (*entry)(void *arg), void *arg)
{
	(void)name;
	if (memory_left == 0)
		return NULL;
	assert_true(task_count < TASKS);
	tasks[task_count].entry = entry;
	tasks[task_count].arg = arg;
	tasks[task_count++].vp = vp;
	return (struct task *)1;
}

static void settle(void);

void wait_queue_init(struct wait_queue *q)
{
	list_init(&q->waiters);
}

void wait_wake_all(struct wait_queue *q)
{
	(void)q;
}

void wait_wake_one(struct wait_queue *q)
{
	(void)q;
}

void wait_begin(struct wait_queue *q, struct waiter *w)
{
	(void)q;
	(void)w;
	assert_true(fake_irq_on);
}

void wait_end(struct wait_queue *q, struct waiter *w)
{
	(void)q;
	(void)w;
}

int wait_step(struct wait_queue *q, struct waiter *w, u64 deadline_ns)
{
	(void)q;
	(void)w;
	if (now >= deadline_ns)
		return -ETIMEDOUT;
	assert_true(in_task);
	longjmp(task_end, 1);
}

void task_yield(void)
{
	fail_msg("somebody is called for ever");
}

/* Others run meanwhile: work does, and the device. */
void task_sleep_ns(u64 ns)
{
	assert_true(fake_irq_on);
	now += ns;
	if (device_step != NULL)
		device_step();
	while (run_one_work())
		;
}

static void run_tasks(void)
{
	for (volatile u32 i = 0; i < task_count; i++) {
		in_task = true;
		if (setjmp(task_end) == 0)
			tasks[i].entry(tasks[i].arg);
		in_task = false;
	}
}

/* Until nothing more happens without the time passing. */
static void settle(void)
{
	for (u32 i = 0; i < 3; i++) {
		u32 turns = 0;

		if (device_step != NULL)
			device_step();
		while (run_one_work()) {
			assert_true(++turns < 100000);
			if (device_step != NULL)
				device_step();
		}
		run_tasks();
	}
}

static inline void pass(u64 ns)
{
	now += ns;
	settle();
}

/* A user that keeps what comes. */
struct kept {
	u32 bytes;
	u32 segments;
	bool checksum_good;
	u8 data[BYTES];
};

static struct kept *kept;
static u32 kept_count;
static u32 links, link_ups;

static inline void keep(struct nic_user *u, const struct nic_received *f)
{
	struct kept *k = &kept[kept_count++];
	u32 at = 0;

	(void)u;
	assert_true(kept_count <= FRAMES && f->bytes <= BYTES && fake_irq_on);
	k->bytes = f->bytes;
	k->segments = f->segment_count;
	k->checksum_good = f->checksum_good;
	for (u32 i = 0; i < f->segment_count; i++) {
		assert_true(f->segments[i].len > 0);
		memcpy(k->data + at, gpa_ptr(f->segments[i].gpa), f->segments[i].len);
		at += f->segments[i].len;
	}
	assert_int_equal(at, f->bytes);
}

static inline void keep_link(struct nic_user *u, bool up)
{
	(void)u;
	links++;
	link_ups += up;
}

static struct nic_user user = { .receive = keep, .link = keep_link };

/* Frames that are sent, and how each ended: 1: it has not. */
static struct sent {
	struct nic_frame frame;
	struct nic_segment segments[NIC_SEGMENTS_MAX + 2];
	u8 *data; /* of the heap, of exactly this size: what is read behind it is found */
	int ended;
} sents[FRAMES];
static u32 sent_count, ended_count;

static void sent_done(struct nic_frame *f)
{
	struct sent *s = container_of(f, struct sent, frame);

	assert_int_equal(s->ended, 1);
	assert_true(fake_irq_on);
	s->ended = f->error;
	ended_count++;
}

static inline u8 pattern(u32 number, u32 i)
{
	return (u8)(number * 7 + i + i / 256);
}

/* A frame of a pattern in @pieces pieces, not yet sent. */
static inline struct sent *frame_make(u32 bytes, u32 pieces)
{
	struct sent *s = &sents[sent_count];
	u32 at = 0;

	assert_true(sent_count < FRAMES);
	*s = (struct sent){ .ended = 1, .data = malloc(bytes) };
	for (u32 i = 0; i < bytes; i++)
		s->data[i] = pattern(sent_count, i);
	for (u32 i = 0; i < pieces; i++) {
		u32 len = i + 1 == pieces ? bytes - at : bytes / pieces;

		s->segments[i] = (struct nic_segment){ GPA(s->data + at), len };
		at += len;
	}
	s->frame = (struct nic_frame){
		.segments = s->segments, .segment_count = pieces, .bytes = bytes, .done = sent_done
	};
	sent_count++;
	return s;
}

static inline struct sent *frame_send(struct nic *n, u32 bytes, u32 pieces)
{
	struct sent *s = frame_make(bytes, pieces);

	nic_send(n, &s->frame);
	return s;
}

static inline void machine_setup(void)
{
	now = NS_PER_S;
	memory_left = ~0u;
	logged[0] = '\0';
	log_lines = kept_count = sent_count = ended_count = links = link_ups = 0;
	work_count = task_count = 0;
	device_step = NULL;
	kept = calloc(FRAMES, sizeof(*kept));
}

static inline void machine_teardown(void)
{
	for (u32 i = 0; i < sent_count; i++)
		free(sents[i].data);
	free(kept);
	assert_true(fake_irq_on);
}

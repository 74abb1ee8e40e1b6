/* SPDX-License-Identifier: MIT */
/*
 * Deferred work: a queue and a task per VP. Only its own VP touches a queue,
 * with interrupts off, so there is no lock; what others ask for waits in a second one, which has one. What is
 * asked for again while the queue is worked off waits for the next round, and other tasks come before it.
 */
#include "rootpart/work.h"

#include "base/assert.h"
#include "rootpart/cpu.h"
#include "rootpart/lock.h"
#include "rootpart/panic.h"
#include "rootpart/task.h"
#include "rootpart/time.h"
#include "x86/atomic.h"

#define LOOK_NS (10 * NS_PER_US)

struct work_queue {
	struct list_node head;
	struct task *task;
	const struct work *running; /* its VP's; others read it */
	struct spinlock lock;       /* of what follows */
	struct list_node remote;
};

static struct work_queue queues[HV_MAX_PROCESSORS];

void work_init(struct work *w, void (*run)(struct work *w))
{
	*w = (struct work){ .run = run };
	list_init(&w->link);
}

void work_ask(struct work *w)
{
	u64 flags = irq_save();
	struct work_queue *q = &queues[this_cpu()->vp];

	if (!w->asked) {
		w->asked = true;
		list_push_back(&q->head, &w->link);
		task_wake(q->task);
	}
	irq_restore(flags);
}

void work_ask_on(struct work *w, u32 vp)
{
	struct work_queue *q = &queues[vp];
	u64 flags;

	/* Pairs with the release in run_one(): what was done before is seen by the run to come. */
	if (atomic_exchange(&w->asked, true))
		return;
	flags = lock_irq(&q->lock);
	list_push_back(&q->remote, &w->link);
	task_wake(q->task);
	unlock_irq(&q->lock, flags);
}

/* It runs in the VP's work task, which does not wait: not while another task runs. */
void work_cancel(struct work *w)
{
	u64 flags = irq_save();

	list_remove(&w->link);
	w->asked = false;
	irq_restore(flags);
}

static struct work *take(struct work_queue *q)
{
	u64 flags = irq_save();
	struct list_node *n = list_pop_front(&q->head);

	irq_restore(flags);
	assert(n != NULL);
	return list_entry(n, struct work, link);
}

/* Afterwards @w may be gone. */
static void run_one(struct work_queue *q, struct work *w)
{
	store_relaxed(&q->running, w);
	/* Before it runs: asked for from here on, it runs again. Pairs with is_idle(). */
	store_release(&w->asked, false);
	w->run(w);
	store_release(&q->running, NULL);
}

static bool is_idle(const struct work *w)
{
	/* Pairs with run_one(): who sees it taken sees that it runs. */
	if (load_acquire(&w->asked))
		return false;
	for (u32 vp = 0; vp < cpu_count; vp++)
		if (load_acquire(&queues[vp].running) == w)
			return false;
	return true;
}

void work_drain(const struct work *w)
{
	while (!is_idle(w))
		task_sleep_ns(LOOK_NS);
}

/* What others asked for stands behind what is there. Interrupts are off. */
static void fetch(struct work_queue *q)
{
	struct list_node *n;

	spin_lock(&q->lock);
	while ((n = list_pop_front(&q->remote)) != NULL)
		list_push_back(&q->head, n);
	spin_unlock(&q->lock);
}

static void run_round(struct work_queue *q)
{
	struct work end;
	struct work *w;
	u64 flags = irq_save();

	fetch(q);
	list_push_back(&q->head, &end.link);
	irq_restore(flags);
	while ((w = take(q)) != &end)
		run_one(q, w);
}

static void work_task(void *arg)
{
	struct work_queue *q = arg;

	for (;;) {
		run_round(q);
		/* Who asks from elsewhere wakes behind that, which is not lost. */
		if (list_empty(&q->head) && list_empty(&q->remote))
			(void)task_wait(TIME_NEVER);
		else
			task_yield();
	}
}

void work_start(void)
{
	for (u32 vp = 0; vp < cpu_count; vp++) {
		struct work_queue *q = &queues[vp];

		list_init(&q->head);
		list_init(&q->remote);
		q->task = task_create_on(vp, "work", work_task, q);
		if (q->task == NULL)
			panic("no memory for the work task of VP %u", vp);
	}
}

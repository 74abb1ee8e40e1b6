/* SPDX-License-Identifier: MIT */
/*
 * Work is asked for on its own VP only (work.h). Where a request ends on another one
 * than its queue's (wrong from the start, canceled, taken back by recover()), the
 * queue goes to a list of its VP, and a task there attends to it.
 */
#include "base/errno.h"
#include "rootpart/block/block_queue.h"
#include "rootpart/cpu.h"
#include "rootpart/lock.h"
#include "rootpart/task.h"

struct agent {
	struct spinlock lock;
	struct list_node queues;
	struct task *task; /* constant once it is there */
};

static struct agent agents[HV_MAX_PROCESSORS];

static struct block_queue *take(struct agent *a)
{
	u64 flags = lock_irq(&a->lock);
	struct list_node *n = list_pop_front(&a->queues);

	unlock_irq(&a->lock, flags);
	return n != NULL ? list_entry(n, struct block_queue, agent) : NULL;
}

static void agent_task(void *arg)
{
	struct block_queue *q;

	for (;;) {
		while ((q = take(arg)) != NULL)
			block_queue_attend(q);
		(void)task_wait(TIME_NEVER);
	}
}

void block_agent_ask(struct block_queue *q)
{
	struct agent *a = &agents[q->vp];
	u64 flags;

	if (this_cpu()->vp == q->vp) {
		work_ask(&q->work);
		return;
	}
	flags = lock_irq(&a->lock);
	if (list_empty(&q->agent))
		list_push_back(&a->queues, &q->agent);
	unlock_irq(&a->lock, flags);
	task_wake(a->task);
}

int block_agent_start(u32 vp)
{
	struct agent *a = &agents[vp];

	if (a->task != NULL)
		return 0;
	list_init(&a->queues);
	a->task = task_create_on(vp, "block", agent_task, a);
	return a->task != NULL ? 0 : -ENOMEM;
}

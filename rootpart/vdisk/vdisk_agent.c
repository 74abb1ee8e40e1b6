/* SPDX-License-Identifier: MIT */
/*
 * One task for each file that is open: file operations wait, and those who submit may not.
 */
#include "base/errno.h"
#include "rootpart/lock.h"
#include "rootpart/vdisk/vdisk_impl.h"
#include "x86/atomic.h"

/* Of nobody's memory: who wakes may come after the agent has gone. */
static struct wait_queue ends = WAIT_QUEUE_INIT(ends);

static struct vdisk_request *next(struct vdisk_agent *a)
{
	u64 flags = lock_irq(&a->lock);
	struct list_node *l = list_pop_front(&a->queue);

	unlock_irq(&a->lock, flags);
	return l != NULL ? list_entry(l, struct vdisk_request, link) : NULL;
}

static bool is_wanted(struct vdisk_agent *a)
{
	u64 flags = lock_irq(&a->lock);
	bool wanted = a->stop || !list_empty(&a->queue);

	unlock_irq(&a->lock, flags);
	return wanted;
}

static bool stops(struct vdisk_agent *a)
{
	u64 flags = lock_irq(&a->lock);
	bool stop = a->stop && list_empty(&a->queue);

	unlock_irq(&a->lock, flags);
	return stop;
}

static void run(void *arg)
{
	struct vdisk_agent *a = arg;

	while (!stops(a)) {
		struct vdisk_request *q = next(a);

		if (q != NULL)
			a->serve(q);
		else
			wait_event(&a->waiters, is_wanted(a));
	}
	/* Pairs with the acquire in vdisk_agent_stop(); then it is gone. */
	store_release(&a->ended, true);
	wait_wake_all(&ends);
}

int vdisk_agent_start(struct vdisk_agent *a, void (*serve)(struct vdisk_request *q))
{
	*a = (struct vdisk_agent){ .serve = serve };
	list_init(&a->queue);
	wait_queue_init(&a->waiters);
	return task_create("vdisk", run, a) != NULL ? 0 : -ENOMEM;
}

/* Woken under the lock: behind it, the request may be over, and the disk closed. */
void vdisk_agent_ask(struct vdisk_agent *a, struct vdisk_request *q)
{
	u64 flags = lock_irq(&a->lock);

	list_push_back(&a->queue, &q->link);
	wait_wake_all(&a->waiters);
	unlock_irq(&a->lock, flags);
}

void vdisk_agent_stop(struct vdisk_agent *a)
{
	u64 flags = lock_irq(&a->lock);

	a->stop = true;
	wait_wake_all(&a->waiters);
	unlock_irq(&a->lock, flags);
	wait_event(&ends, load_acquire(&a->ended));
}

/* SPDX-License-Identifier: MIT */
/*
 * A command that is not answered, or an answer that makes no sense: the controller is
 * reset. What the device that asks had under way ends; what other namespaces
 * had is given to the controller once more. Commands can be aborted one by
 * one, too, but a controller that lost one is not to be trusted with that.
 * A task's; the layer starts nothing of the device meanwhile.
 */
#include "base/errno.h"
#include "rootpart/drivers/nvme/nvme.h"
#include "rootpart/lock.h"
#include "rootpart/task.h"
#include "rootpart/time.h"
#include "x86/atomic.h"

#define LOOK_NS (10 * NS_PER_US)

/* True once no piece of @q is on its way to the block layer. */
static bool stopped(struct nvme_queue *q)
{
	u64 flags = lock_irq(&q->lock);
	bool idle = !q->completing;

	q->live = false;
	unlock_irq(&q->lock, flags);
	return idle;
}

static void stop_all(struct nvme *n)
{
	for (u32 i = 0; i < n->io_count; i++)
		while (!stopped(&n->io[i]))
			task_sleep_ns(LOOK_NS);
}

static bool is_of(const struct nvme_namespace *ns, u32 slot)
{
	return slot - ns->first_slot < ns->block.depth;
}

/* Frees the slot if a command has it; true if it did. */
static bool take_back(struct nvme_queue *q, u32 slot)
{
	u64 flags = lock_irq(&q->lock);
	bool busy = q->slots[slot].state != NVME_FREE;

	q->slots[slot].state = NVME_FREE;
	unlock_irq(&q->lock, flags);
	return busy;
}

static void end_pieces(struct nvme_namespace *ns, int error)
{
	struct nvme *n = ns->nvme;

	for (u32 i = 0; i < n->io_count; i++)
		for (u32 tag = 0; tag < ns->block.depth; tag++)
			if (take_back(&n->io[i], ns->first_slot + tag))
				block_piece_done(&ns->block, i, tag, error);
}

/* The others' commands wait for the end of the reset. */
static void keep_pieces(struct nvme_queue *q)
{
	u64 flags = lock_irq(&q->lock);

	for (u32 slot = 0; slot < q->slot_count; slot++)
		if (q->slots[slot].state == NVME_BUSY)
			q->slots[slot].state = NVME_PENDING;
	unlock_irq(&q->lock, flags);
}

/* Nothing reaches memory any more; the other namespaces find out by themselves. */
static int give_up(struct nvme_namespace *ns)
{
	ns->nvme->dead = true;
	nvme_cut_off(ns->nvme);
	end_pieces(ns, -ETIMEDOUT);
	return -EIO;
}

static int reset(struct nvme_namespace *ns)
{
	struct nvme *n = ns->nvme;

	stop_all(n);
	if (nvme_disable(n) != 0)
		return give_up(ns);
	end_pieces(ns, -ETIMEDOUT);
	for (u32 i = 0; i < n->io_count; i++)
		keep_pieces(&n->io[i]);
	if (nvme_start(n) != 0)
		return give_up(ns);
	store_release(&n->broken, false);
	nvme_go_live(n);
	return 0;
}

/* Another namespace's reset may have done all already. */
static bool has_pieces(const struct nvme_namespace *ns)
{
	const struct nvme *n = ns->nvme;

	for (u32 i = 0; i < n->io_count; i++)
		for (u32 slot = 0; slot < n->io[i].slot_count; slot++)
			if (is_of(ns, slot) &&
				load_relaxed(&n->io[i].slots[slot].state) != NVME_FREE)
				return true;
	return false;
}

int nvme_recover(struct block_device *d)
{
	struct nvme_namespace *ns = d->driver_data;
	struct nvme *n = ns->nvme;
	int r = 0;

	mutex_lock(&n->mutex);
	if (n->dead)
		r = give_up(ns);
	else if (load_acquire(&n->broken) || has_pieces(ns))
		r = reset(ns);
	mutex_unlock(&n->mutex);
	return r;
}

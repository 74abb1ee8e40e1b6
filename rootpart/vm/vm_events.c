/* SPDX-License-Identifier: MIT */
/*
 * A table by partition id, read in the SynIC's interrupt on any VP. The lock
 * is held while a worker is told, so that it cannot go meanwhile.
 */
#include "rootpart/vm/vm_events.h"

#include "hv/message.h"
#include "hv/partition.h"
#include "rootpart/lock.h"
#include "rootpart/synic.h"
#include "rootpart/vm/vm_worker.h"

static struct spinlock lock;
static struct vm_worker *workers[HV_MAX_PARTITIONS];

/* Interrupts are off. Partitions are made with intercept pages: there is nothing else. */
static void on_message(const struct hv_message *m)
{
	const struct hv_opaque_intercept *intercept = (const void *)m->payload;
	struct vm_worker *w;

	if (m->header.type != HV_MESSAGE_OPAQUE_INTERCEPT || m->header.sender >= HV_MAX_PARTITIONS)
		return;
	spin_lock(&lock);
	w = workers[m->header.sender];
	if (w != NULL)
		vm_worker_intercept(w, intercept->vp_index);
	spin_unlock(&lock);
}

void vm_events_init(void)
{
	synic_set_handler(on_message);
}

void vm_events_set(u64 id, struct vm_worker *w)
{
	u64 flags = lock_irq(&lock);

	workers[id] = w;
	unlock_irq(&lock, flags);
}

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

/* Partitions are made with intercept pages: their intercepts have one form. */
static void tell(struct vm_worker *w, const struct hv_message *m)
{
	const struct hv_opaque_intercept *intercept = (const void *)m->payload;
	const struct hv_apic_eoi *eoi = (const void *)m->payload;

	switch (m->header.type) {
	case HV_MESSAGE_OPAQUE_INTERCEPT:
		vm_worker_intercept(w, intercept->vp_index);
		break;
	case HV_MESSAGE_APIC_EOI:
		vm_worker_eoi(w, (u8)eoi->vector);
		break;
	default:
		break;
	}
}

/* Interrupts are off. */
static void on_message(const struct hv_message *m)
{
	struct vm_worker *w;

	if (m->header.sender >= HV_MAX_PARTITIONS)
		return;
	spin_lock(&lock);
	w = workers[m->header.sender];
	if (w != NULL)
		tell(w, m);
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

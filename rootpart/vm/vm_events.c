/* SPDX-License-Identifier: MIT */
/*
 * A table by partition id, read in the SynIC's interrupts on any VP. The lock
 * is held while somebody is told, so that he cannot go meanwhile.
 */
#include "rootpart/vm/vm_events.h"

#include "hv/message.h"
#include "hv/partition.h"
#include "rootpart/lock.h"
#include "rootpart/synic.h"
#include "rootpart/vm/vm_bus.h"
#include "rootpart/vm/vm_signal.h"
#include "rootpart/vm/vm_worker.h"

static struct spinlock lock;
static struct entry {
	struct vm_worker *worker;
	struct vm_bus *bus;
} entries[HV_MAX_PARTITIONS];

/* Partitions are made with intercept pages: their intercepts have one form. */
static void tell(const struct entry *e, const struct hv_message *m)
{
	const struct hv_opaque_intercept *intercept = (const void *)m->payload;
	const struct hv_apic_eoi *eoi = (const void *)m->payload;

	switch (m->header.type) {
	case HV_MESSAGE_OPAQUE_INTERCEPT:
		if (e->worker != NULL)
			vm_worker_intercept(e->worker, intercept->vp_index);
		break;
	case HV_MESSAGE_APIC_EOI:
		if (e->worker != NULL)
			vm_worker_eoi(e->worker, (u8)eoi->vector);
		break;
	case HV_MESSAGE_SINT_DELIVERABLE:
		if (e->bus != NULL)
			vm_bus_deliverable(e->bus);
		break;
	default:
		break;
	}
}

/* Interrupts are off. */
static void on_message(const struct hv_message *m)
{
	if (m->header.sender >= HV_MAX_PARTITIONS)
		return;
	spin_lock(&lock);
	tell(&entries[m->header.sender], m);
	spin_unlock(&lock);
}

/* By port, which has its partition's number. Likewise. */
static void on_bus_message(const struct hv_message *m)
{
	if (m->header.sender >= HV_MAX_PARTITIONS)
		return;
	spin_lock(&lock);
	if (entries[m->header.sender].bus != NULL)
		vm_bus_message(entries[m->header.sender].bus, m);
	spin_unlock(&lock);
}

void vm_events_init(void)
{
	static const struct synic_bus bus = { on_bus_message, vm_signal_events };

	vm_signal_init();
	vm_bus_init();
	synic_set_handler(on_message);
	synic_set_bus(&bus);
}

void vm_events_set(u64 id, struct vm_worker *w, struct vm_bus *bus)
{
	u64 flags = lock_irq(&lock);

	entries[id] = (struct entry){ w, bus };
	unlock_irq(&lock, flags);
}

/* SPDX-License-Identifier: MIT */
/*
 * Telling a parent that SINTs of its child can take a message: on, and the slot
 * free with nobody waiting for it. There is one message for it per VP, and what
 * comes while that waits at the parent's is told behind it. TLFS 6.0b, 7.8.3.
 * The VP's SynIC is locked before the parent's.
 */
#include "hypervisor/intercept.h"
#include "hypervisor/partition.h"
#include "hypervisor/synic_impl.h"
#include "hypervisor/vp.h"
#include "x86/atomic.h"

/* A page of the VP's partition. */
struct synic_notification {
	struct synic_message message;
	struct vp *vp;
	u16 sints; /* that are to be told; atomic */
};

/* What there is to tell goes into the message; false: nothing. Only one at a time. */
static bool fill(struct synic_message *m)
{
	struct synic_notification *n = container_of(m, struct synic_notification, message);
	struct hv_sint_deliverable *d = (void *)m->message.payload;
	/* Partner: the OR in tell(). */
	u16 sints = atomic_exchange(&n->sints, (u16)0);

	if (!sints)
		return false;
	m->message.header = (struct hv_message_header){
		.type = HV_MESSAGE_SINT_DELIVERABLE,
		.size = sizeof(*d),
		.sender = n->vp->partition->id,
	};
	*d = (struct hv_sint_deliverable){ .header.vp_index = n->vp->index, .sints = sints };
	return true;
}

static void tell(struct vp *vp, u16 sints)
{
	struct synic_notification *n = vp->synic.notification;

	atomic_fetch_or(&n->sints, sints);
	if (!synic_is_waiting(&n->message) && fill(&n->message))
		synic_post(intercept_receiver(vp), INTERCEPT_SINT, &n->message);
}

static bool can_take(struct synic *s, u32 sint)
{
	return synic_is_open(s, sint) && list_empty(&s->waiting[sint]) &&
	       synic_slot_is_free(s, sint);
}

void synic_notify_look(struct vp *vp)
{
	struct synic *s = &vp->synic;
	u16 ready = 0;

	for (u32 left = s->notify_sints; left; left &= left - 1) {
		u32 sint = (u32)__builtin_ctz(left);

		if (can_take(s, sint))
			ready |= (u16)(1u << sint);
	}
	if (!ready)
		return;
	s->notify_sints &= (u16)~ready;
	for (u32 left = ready; left; left &= left - 1)
		synic_waiting_update(s, (u32)__builtin_ctz(left));
	tell(vp, ready);
}

static bool notification_make(struct vp *vp)
{
	struct synic_notification *n = partition_page_alloc(vp->partition);

	if (!n)
		return false;
	list_init(&n->message.link);
	n->message.refill = fill;
	n->vp = vp;
	vp->synic.notification = n;
	return true;
}

enum hv_status synic_notify_set(struct vp *vp, u16 sints)
{
	struct synic *s = &vp->synic;

	if (sints && !s->notification && !notification_make(vp))
		return HV_STATUS_INSUFFICIENT_MEMORY;
	spin_lock(&s->lock);
	s->notify_sints = sints;
	for (u32 i = 0; i < HV_SINT_COUNT; i++)
		synic_waiting_update(s, i);
	synic_notify_look(vp);
	spin_unlock(&s->lock);
	return HV_STATUS_SUCCESS;
}

u16 synic_notify_get(struct vp *vp)
{
	struct synic *s = &vp->synic;
	u16 sints;

	spin_lock(&s->lock);
	sints = s->notify_sints;
	spin_unlock(&s->lock);
	return sints;
}

void synic_notify_end(struct vp *vp)
{
	struct synic *s = &vp->synic;

	if (!s->notification)
		return;
	spin_lock(&s->lock);
	s->notify_sints = 0;
	spin_unlock(&s->lock);
	synic_cancel(&s->notification->message);
	partition_page_free(vp->partition, s->notification);
	s->notification = NULL;
}

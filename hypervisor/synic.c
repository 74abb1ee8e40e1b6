/* SPDX-License-Identifier: MIT */
/*
 * Messages and their slots. The message page is a page of ours that SIMP lays
 * over the guest's, so that any processor can write a slot without a look at
 * the guest's memory; it is the guest's to write, so nothing in it is believed
 * but whether a slot is free.
 */
#include "hypervisor/synic.h"

#include "hv/msr.h"
#include "hypervisor/partition.h"
#include "hypervisor/synic_impl.h"
#include "hypervisor/vp.h"
#include "lib/string.h"
#include "x86/atomic.h"

void synic_init(struct synic *s, struct hv_message_page *page, struct hv_event_flags_page *flags)
{
	*s = (struct synic){ .page = page, .flags = flags };
	overlay_init(&s->overlay);
	overlay_init(&s->flags_overlay);
	for (u32 i = 0; i < HV_SINT_COUNT; i++) {
		list_init(&s->waiting[i]);
		s->sint[i] = HV_SINT_RESET;
	}
}

bool synic_is_open(const struct synic *s, u32 sint)
{
	return s->control & HV_SCONTROL_ENABLE && s->simp & HV_MSR_PAGE_ENABLE &&
	       !(s->sint[sint] & HV_SINT_MASKED);
}

/* The type last, so that a guest that polls sees a whole message. */
static void slot_write(struct hv_message *slot, const struct hv_message *m, bool more)
{
	memcpy(slot->payload, m->payload, ALIGN_UP(m->header.size, 8));
	slot->header.size = m->header.size;
	slot->header.reserved = 0;
	slot->header.sender = m->header.sender;
	/* Its reader may still look at that of the one before. */
	store_relaxed(&slot->header.flags, (u8)(more ? HV_MESSAGE_PENDING : 0));
	store_release(&slot->header.type, m->header.type);
}

/*
 * If it is not free its reader is told that more waits; it may have emptied the
 * slot just before, and so not have seen that: look again.
 */
bool synic_slot_is_free(struct synic *s, u32 sint)
{
	struct hv_message *slot = &s->page->slot[sint];

	if (load_acquire(&slot->header.type) == HV_MESSAGE_NONE)
		return true;
	atomic_fetch_or(&slot->header.flags, (u8)HV_MESSAGE_PENDING);
	return load_acquire(&slot->header.type) == HV_MESSAGE_NONE;
}

void synic_interrupt(struct vp *vp, u32 sint)
{
	if (!(vp->synic.sint[sint] & HV_SINT_POLLING))
		vlapic_interrupt(vp, (u8)vp->synic.sint[sint], false);
}

void synic_waiting_update(struct synic *s, u32 sint)
{
	u16 bit = (u16)(1u << sint);

	if (list_empty(&s->waiting[sint]) && !(s->notify_sints & bit))
		s->waiting_sints &= (u16)~bit;
	else
		s->waiting_sints |= bit;
}

static void stop_waiting(struct synic *s, struct synic_message *m)
{
	list_remove(&m->link);
	synic_waiting_update(s, m->sint);
}

/* It is off the list; true if it has more to say. Else it may be in use again. */
static bool is_refilled(struct synic_message *m)
{
	return m->refill && m->refill(m);
}

/* The oldest of @sint's goes into the slot, if it may; false: nothing more to do. */
static bool deliver_one(struct vp *vp, u32 sint)
{
	struct synic *s = &vp->synic;
	struct list_node *waiting = &s->waiting[sint];
	struct synic_message *m;
	bool more;

	if (list_empty(waiting) || !synic_is_open(s, sint) || !synic_slot_is_free(s, sint))
		return false;
	m = list_entry(waiting->next, struct synic_message, link);
	slot_write(&s->page->slot[sint], &m->message, m->link.next != waiting);
	stop_waiting(s, m);
	more = is_refilled(m);
	if (more) {
		list_push_back(waiting, &m->link);
		synic_waiting_update(s, sint);
	}
	synic_interrupt(vp, sint);
	return more;
}

/*
 * One that has more to say tries again: that leaves a mark in the slot, as
 * always. The lock is held.
 */
static void deliver(struct vp *vp, u32 sint)
{
	while (deliver_one(vp, sint))
		;
}

void synic_post(struct vp *vp, u32 sint, struct synic_message *m)
{
	struct synic *s = &vp->synic;

	/* Partner: the load in synic_cancel(). */
	store_relaxed(&m->synic, s);
	m->sint = sint;
	spin_lock(&s->lock);
	list_push_back(&s->waiting[sint], &m->link);
	synic_waiting_update(s, sint);
	deliver(vp, sint);
	spin_unlock(&s->lock);
}

enum hv_status synic_post_now(struct vp *vp, u32 sint, const struct hv_message *message)
{
	enum hv_status status = HV_STATUS_SUCCESS;
	struct synic *s = &vp->synic;

	spin_lock(&s->lock);
	if (!synic_is_open(s, sint))
		status = HV_STATUS_INVALID_SYNIC_STATE;
	else if (!list_empty(&s->waiting[sint]) || !synic_slot_is_free(s, sint))
		status = HV_STATUS_OBJECT_IN_USE;
	if (status == HV_STATUS_SUCCESS) {
		slot_write(&s->page->slot[sint], message, false);
		synic_interrupt(vp, sint);
	}
	spin_unlock(&s->lock);
	return status;
}

bool synic_is_waiting(struct synic_message *m)
{
	struct synic *s = load_relaxed(&m->synic);
	bool waiting;

	if (!s)
		return false;
	spin_lock(&s->lock);
	waiting = !list_empty(&m->link);
	spin_unlock(&s->lock);
	return waiting;
}

void synic_cancel(struct synic_message *m)
{
	struct synic *s = load_relaxed(&m->synic);

	if (!s)
		return;
	spin_lock(&s->lock);
	if (!list_empty(&m->link))
		stop_waiting(s, m);
	spin_unlock(&s->lock);
}

void synic_end(struct vp *vp)
{
	struct synic *s = &vp->synic;

	synic_notify_end(vp);
	spin_lock(&s->lock);
	for (u32 i = 0; i < HV_SINT_COUNT; i++) {
		struct list_node *n;

		while ((n = list_pop_front(&s->waiting[i])) != NULL)
			(void)is_refilled(list_entry(n, struct synic_message, link));
		synic_waiting_update(s, i);
	}
	spin_unlock(&s->lock);
}

void synic_rescan(struct vp *vp, u32 sints)
{
	struct synic *s = &vp->synic;

	spin_lock(&s->lock);
	for (sints &= s->waiting_sints; sints; sints &= sints - 1)
		deliver(vp, (u32)__builtin_ctz(sints));
	if (unlikely(s->notify_sints))
		synic_notify_look(vp);
	spin_unlock(&s->lock);
}

void synic_eoi(struct vp *vp, u8 vector)
{
	u32 sints = 0;

	for (u32 i = 0; i < HV_SINT_COUNT; i++)
		if ((u8)vp->synic.sint[i] == vector)
			sints |= 1u << i;
	synic_rescan(vp, sints);
}

bool synic_auto_eoi(const struct synic *s, u8 vector)
{
	for (u32 left = s->auto_eoi; left; left &= left - 1)
		if ((u8)s->sint[__builtin_ctz(left)] == vector)
			return true;
	return false;
}

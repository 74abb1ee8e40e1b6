/* SPDX-License-Identifier: MIT */
/*
 * Messages and the MSRs of the SynIC. The message page is a page of ours that
 * SIMP lays over the guest's, so that any processor can write a slot without a
 * look at the guest's memory; it is the guest's to write, so nothing in it is
 * believed but whether a slot is free.
 */
#include "hypervisor/synic.h"

#include "hv/msr.h"
#include "hypervisor/partition.h"
#include "hypervisor/vp.h"
#include "lib/string.h"
#include "x86/atomic.h"

#define PAGE_BITS  (~PAGE_MASK | HV_MSR_PAGE_ENABLE)
#define SINT_BITS  (0xffull | HV_SINT_MASKED | HV_SINT_AUTO_EOI | HV_SINT_POLLING)
#define VECTOR_MIN 16u

static_assert(HV_MSR_SINT(HV_SINT_COUNT - 1) == 0x4000009f);

void synic_init(struct synic *s, struct hv_message_page *page)
{
	*s = (struct synic){ .page = page };
	list_init(&s->waiting);
	overlay_init(&s->overlay);
	for (u32 i = 0; i < HV_SINT_COUNT; i++)
		s->sint[i] = HV_SINT_RESET;
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
	slot->header.flags = more ? HV_MESSAGE_PENDING : 0;
	store_release(&slot->header.type, m->header.type);
}

/*
 * Into the slot, if that is free. Else its reader is told that more waits; it
 * may have emptied the slot just before, and so not have seen that: look again.
 */
static bool slot_fill(struct synic *s, const struct synic_message *m, bool more)
{
	struct hv_message *slot = &s->page->slot[m->sint];

	if (load_acquire(&slot->header.type) != HV_MESSAGE_NONE) {
		atomic_fetch_or(&slot->header.flags, (u8)HV_MESSAGE_PENDING);
		if (load_acquire(&slot->header.type) != HV_MESSAGE_NONE)
			return false;
	}
	slot_write(slot, &m->message, more);
	return true;
}

static void interrupt(struct vp *vp, u32 sint)
{
	if (!(vp->synic.sint[sint] & HV_SINT_POLLING))
		vlapic_interrupt(vp, (u8)vp->synic.sint[sint], false);
}

/* The lock is held, as in all that looks at the list. */
static struct synic_message *next_waiting(struct synic *s, u32 sint, struct list_node *after)
{
	for (struct list_node *n = after->next; n != &s->waiting; n = n->next) {
		struct synic_message *m = list_entry(n, struct synic_message, link);

		if (m->sint == sint)
			return m;
	}
	return NULL;
}

static void stop_waiting(struct synic *s, struct synic_message *m)
{
	list_remove(&m->link);
	if (!next_waiting(s, m->sint, &s->waiting))
		s->waiting_sints &= (u16) ~(1u << m->sint);
}

/* It is in the slot; true if it has more to say, behind all the others. */
static bool is_refilled(struct synic *s, struct synic_message *m)
{
	if (!m->refill || !m->refill(m)) {
		stop_waiting(s, m);
		return false;
	}
	list_remove(&m->link);
	list_push_back(&s->waiting, &m->link);
	return true;
}

/* The oldest of @sint's goes into the slot, if it may; false: nothing more to do. */
static bool deliver_one(struct vp *vp, u32 sint)
{
	struct synic *s = &vp->synic;
	struct synic_message *m = next_waiting(s, sint, &s->waiting);
	bool more;

	if (!m || !synic_is_open(s, sint) || !slot_fill(s, m, next_waiting(s, sint, &m->link)))
		return false;
	more = is_refilled(s, m);
	interrupt(vp, sint);
	return more;
}

/* One that has more to say tries again: that leaves a mark in the slot, as always. */
static void deliver(struct vp *vp, u32 sint)
{
	while (deliver_one(vp, sint))
		;
}

void synic_post(struct vp *vp, u32 sint, struct synic_message *m)
{
	struct synic *s = &vp->synic;

	m->synic = s;
	m->sint = sint;
	spin_lock(&s->lock);
	list_push_back(&s->waiting, &m->link);
	s->waiting_sints |= (u16)(1u << sint);
	deliver(vp, sint);
	spin_unlock(&s->lock);
}

bool synic_is_waiting(struct synic_message *m)
{
	struct synic *s = m->synic;
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
	struct synic *s = m->synic;

	if (!s)
		return;
	spin_lock(&s->lock);
	if (!list_empty(&m->link))
		stop_waiting(s, m);
	spin_unlock(&s->lock);
}

/* Tries all that waits again, for @sints. */
static void rescan(struct vp *vp, u32 sints)
{
	struct synic *s = &vp->synic;

	spin_lock(&s->lock);
	for (sints &= s->waiting_sints; sints; sints &= sints - 1)
		deliver(vp, (u32)__builtin_ctz(sints));
	spin_unlock(&s->lock);
}

void synic_eoi(struct vp *vp, u8 vector)
{
	u32 sints = 0;

	for (u32 i = 0; i < HV_SINT_COUNT; i++)
		if ((u8)vp->synic.sint[i] == vector)
			sints |= 1u << i;
	rescan(vp, sints);
}

bool synic_auto_eoi(const struct synic *s, u8 vector)
{
	for (u32 left = s->auto_eoi; left; left &= left - 1)
		if ((u8)s->sint[__builtin_ctz(left)] == vector)
			return true;
	return false;
}

static bool page_cover(struct vp *vp, u64 simp)
{
	struct synic *s = &vp->synic;

	return overlay_set(vp->partition, &s->overlay, GPA(simp & ~PAGE_MASK), s->page,
		       SLAT_READ | SLAT_WRITE) == HV_STATUS_SUCCESS;
}

/*
 * The page over the guest's; zeroed, as the guest expects a new page to be. If
 * the new place is none, it stays where it was.
 */
static bool simp_write(struct vp *vp, u64 v, struct vp *self)
{
	struct partition *p = vp->partition;
	struct synic *s = &vp->synic;
	u64 old = s->simp;
	bool ok = true;

	v &= PAGE_BITS;
	if (v == old)
		return true;
	spin_lock(&p->lock);
	overlay_clear(p, &s->overlay);
	if (v & HV_MSR_PAGE_ENABLE && !page_cover(vp, v)) {
		ok = false;
		v = old;
		if (old & HV_MSR_PAGE_ENABLE && !page_cover(vp, old))
			v &= ~HV_MSR_PAGE_ENABLE;
	}
	spin_unlock(&p->lock);
	spin_lock(&s->lock);
	s->simp = v;
	if (v & HV_MSR_PAGE_ENABLE && !(old & HV_MSR_PAGE_ENABLE))
		memset(s->page, 0, sizeof(*s->page));
	spin_unlock(&s->lock);
	partition_flush_overlays(p, self);
	rescan(vp, 0xffff);
	return ok;
}

static bool sint_write(struct vp *vp, u32 sint, u64 v)
{
	struct synic *s = &vp->synic;

	v &= SINT_BITS;
	if (!(v & HV_SINT_MASKED) && (u8)v < VECTOR_MIN)
		return false;
	spin_lock(&s->lock);
	s->sint[sint] = v;
	s->auto_eoi &= (u16) ~(1u << sint);
	if (v & HV_SINT_AUTO_EOI && !(v & HV_SINT_MASKED))
		s->auto_eoi |= (u16)(1u << sint);
	spin_unlock(&s->lock);
	rescan(vp, 1u << sint);
	return true;
}

static void control_write(struct vp *vp, u64 v)
{
	struct synic *s = &vp->synic;

	spin_lock(&s->lock);
	s->control = v & HV_SCONTROL_ENABLE;
	spin_unlock(&s->lock);
	rescan(vp, 0xffff);
}

bool synic_msr_read(struct vp *vp, u32 msr, u64 *v)
{
	const struct synic *s = &vp->synic;

	switch (msr) {
	case HV_MSR_SCONTROL:
		*v = s->control;
		return true;
	case HV_MSR_SVERSION:
		*v = HV_SVERSION;
		return true;
	case HV_MSR_SIEFP:
		*v = s->siefp;
		return true;
	case HV_MSR_SIMP:
		*v = s->simp;
		return true;
	case HV_MSR_EOM:
		*v = 0;
		return true;
	default:
		if (msr - HV_MSR_SINT(0) >= HV_SINT_COUNT)
			return false;
		*v = s->sint[msr - HV_MSR_SINT(0)];
		return true;
	}
}

bool synic_msr_write(struct vp *vp, u32 msr, u64 v, struct vp *self)
{
	switch (msr) {
	case HV_MSR_SCONTROL:
		control_write(vp, v);
		return true;
	case HV_MSR_SIEFP:
		vp->synic.siefp = v & PAGE_BITS;
		return true;
	case HV_MSR_SIMP:
		return simp_write(vp, v, self);
	case HV_MSR_EOM:
		rescan(vp, 0xffff);
		return true;
	default:
		return msr - HV_MSR_SINT(0) < HV_SINT_COUNT &&
		       sint_write(vp, msr - HV_MSR_SINT(0), v);
	}
}

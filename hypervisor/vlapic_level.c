/* SPDX-License-Identifier: MIT */
/*
 * Level interrupts that a child's parent asserted, and the message by which it
 * hears of their end: HV_MESSAGE_APIC_EOI to SINT 0. A vector for each VP is
 * owed an end (vlapic.level), or has ended and is to be told (vlapic.ended);
 * a VP has one message, which is filled with the next vector as soon as the
 * one before is in its slot. So nothing needs memory and nothing is lost; ends
 * of one vector that the parent has not read yet are one.
 */
#include "hv/message.h"
#include "hypervisor/intercept.h"
#include "hypervisor/partition.h"
#include "hypervisor/vlapic_impl.h"

#define WORD(vector)     ((vector) / 32)
#define WORD_BIT(vector) (1u << (vector) % 32)

static struct vp *vp_of(struct synic_message *m)
{
	return container_of(m, struct vp, eoi);
}

/* The lowest vector that is to be told; VLAPIC_NONE. Only one at a time takes it away. */
static int take_ended(struct vlapic *l)
{
	for (u32 i = 0; i < ARRAY_SIZE(l->ended); i++) {
		u32 word = load_acquire(&l->ended[i]);

		if (!word)
			continue;
		atomic_fetch_and(&l->ended[i], ~(word & -word));
		return (int)(i * 32 + (u32)__builtin_ctz(word));
	}
	return VLAPIC_NONE;
}

static bool fill(struct synic_message *m)
{
	struct vp *vp = vp_of(m);
	int vector = take_ended(&vp->vlapic);

	if (vector == VLAPIC_NONE)
		return false;
	m->message.header = (struct hv_message_header){
		.type = HV_MESSAGE_APIC_EOI,
		.size = sizeof(struct hv_apic_eoi),
		.sender = vp->partition->id,
	};
	m->message.payload[0] = vp->index | (u64)(u32)vector << 32;
	return true;
}

void vlapic_level_init(struct vp *vp)
{
	list_init(&vp->eoi.link);
	vp->eoi.refill = fill;
}

void vlapic_level(struct vp *vp, u8 vector)
{
	/* First: the guest may have ended it before we come back. */
	atomic_fetch_or(&vp->vlapic.level[WORD(vector)], WORD_BIT(vector));
	vlapic_interrupt(vp, vector, true);
}

/* Nobody else posts: it is the VP's processor, or a call of its parent's while it is at rest. */
static void post(struct vp *vp)
{
	if (!synic_is_waiting(&vp->eoi) && fill(&vp->eoi))
		synic_post(intercept_receiver(vp), INTERCEPT_SINT, &vp->eoi);
}

void vlapic_level_end(struct vp *vp, u8 vector)
{
	struct vlapic *l = &vp->vlapic;

	if (likely(!(load_relaxed(&l->level[WORD(vector)]) & WORD_BIT(vector))))
		return;
	/* What is asserted from here on is owed an end of its own. */
	atomic_fetch_and(&l->level[WORD(vector)], ~WORD_BIT(vector));
	atomic_fetch_or(&l->ended[WORD(vector)], WORD_BIT(vector));
	post(vp);
}

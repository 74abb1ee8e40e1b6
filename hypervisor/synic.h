/* SPDX-License-Identifier: MIT */
/*
 * The synthetic interrupt controller of a VP: its MSRs, its pages of messages
 * and of event flags, and messages that wait for their slot. Each message is a
 * struct of its sender's, so posting needs no memory and cannot fail; at most
 * one of a sender waits. TLFS 6.0b chapter 11. Posting and signalling on any
 * processor, under the SynIC's lock, for a bounded time; the MSRs on the VP's own.
 */
#pragma once

#include "base/types.h"
#include "hv/message.h"
#include "hv/port.h"
#include "hv/status.h"
#include "hypervisor/overlay.h"
#include "lib/list.h"
#include "x86/spinlock.h"

struct synic;
struct synic_notification;
struct vp;

/* A message, its sender's for good. */
struct synic_message {
	struct list_node link; /* the lock of *synic; empty: not waiting */
	struct synic *synic;   /* where it was posted last */
	u32 sint;
	/*
	 * NULL, or: it has come into the slot, on any processor, under the lock.
	 * True: it was filled again, and waits on. Else nobody but its sender
	 * touches it any more. Also called when it is dropped with its VP, for good.
	 */
	bool (*refill)(struct synic_message *m);
	struct hv_message message;
};

struct synic {
	struct spinlock lock;
	u64 control;                       /* HV_MSR_SCONTROL */
	u64 simp;                          /* HV_MSR_SIMP */
	u64 siefp;                         /* HV_MSR_SIEFP */
	u64 sint[HV_SINT_COUNT];           /* HV_MSR_SINT(n) */
	struct hv_message_page *page;      /* the VP's own page, which SIMP lays over its GPA */
	struct hv_event_flags_page *flags; /* likewise, by SIEFP */
	struct overlay overlay;            /* of page */
	struct overlay flags_overlay;
	struct list_node waiting[HV_SINT_COUNT]; /* struct synic_message, oldest first */
	u16 waiting_sints; /* bit per SINT that something waits for, a message or a notification */
	u16 notify_sints;  /* bit per SINT of which the parent wants to be told */
	u16 auto_eoi;      /* bit per SINT whose interrupts end by themselves */
	struct synic_notification *notification; /* a page; NULL: the parent never wanted it */
};

/* Reset state; the pages are zeroed, the VP's for its life. */
void synic_init(struct synic *s, struct hv_message_page *page, struct hv_event_flags_page *flags);
/*
 * The VP is about to end, and nobody posts to it any more: what waits is
 * dropped. The overlays are not touched.
 */
void synic_end(struct vp *vp);

/*
 * Posts @m, filled but for its links, to @sint of @vp: into the slot if it is
 * free and open, else it waits. @m must not be waiting.
 */
void synic_post(struct vp *vp, u32 sint, struct synic_message *m);
/*
 * Writes a message that has no buffer to wait in. INVALID_SYNIC_STATE: the SINT
 * takes none; OBJECT_IN_USE: the slot is not free, or others wait for it.
 */
enum hv_status synic_post_now(struct vp *vp, u32 sint, const struct hv_message *message);
/* Whether a message for @sint would not have to wait for the guest to switch something on. */
bool synic_is_open(const struct synic *s, u32 sint);
/*
 * Whether @m still waits. If not, nobody but its sender touches it; if it does, its refill()
 * sees what the sender did before this call.
 */
bool synic_is_waiting(struct synic_message *m);
/* Takes @m back if it waits; afterwards nobody refers to it. */
void synic_cancel(struct synic_message *m);
/* The VP ended the interrupt of @vector: what waits for a SINT of it is tried again. */
void synic_eoi(struct vp *vp, u8 vector);

/*
 * synic_events.c: sets event flag @flag, below HV_EVENT_FLAGS, of @sint, and
 * interrupts if it was clear, which *@newly tells. INVALID_SYNIC_STATE: the SynIC
 * or the page of flags is off, or the SINT masked; nothing was set.
 */
enum hv_status synic_signal(struct vp *vp, u32 sint, u32 flag, bool *newly);
/* Whether synic_signal() would set it. */
bool synic_takes_events(const struct synic *s, u32 sint);

/*
 * synic_notify.c: which SINTs of @vp its parent wants to be told of once they
 * can take a message, in place of those before; each is told once, by a message
 * to the parent's SINT 0 that does not stop the VP. INSUFFICIENT_MEMORY: the first
 * time it takes a page of the VP's partition. Manage lock.
 */
enum hv_status synic_notify_set(struct vp *vp, u16 sints);
u16 synic_notify_get(struct vp *vp);
/* The VP ends: a message about it that waits is taken back, the page given back. */
void synic_notify_end(struct vp *vp);

/*
 * synic_state.c: the two pages as they are saved; @vp is at rest. What waits for slots
 * that are free then comes into them. Under the manage lock.
 */
void synic_message_page_get(struct vp *vp, struct hv_message_page *page);
void synic_message_page_set(struct vp *vp, const struct hv_message_page *page);
void synic_event_flags_get(struct vp *vp, struct hv_event_flags_page *page);
void synic_event_flags_set(struct vp *vp, const struct hv_event_flags_page *page);
/*
 * The messages of ports that wait, by SINT and then as they came: at most @room behind the
 * first @skip. Gives how many there are beyond.
 */
u32 synic_waiting_get(struct vp *vp, u32 skip, struct hv_message *out, u32 room);

/* Whether an interrupt at @vector is over as soon as it is delivered. The VP's processor. */
bool synic_auto_eoi(const struct synic *s, u8 vector);

/*
 * synic_msr.c. False: #GP. @self runs on this processor: @vp, or one of its
 * parent's while @vp is at rest.
 */
[[nodiscard]] bool synic_msr_read(struct vp *vp, u32 msr, u64 *v);
[[nodiscard]] bool synic_msr_write(struct vp *vp, u32 msr, u64 v, struct vp *self);

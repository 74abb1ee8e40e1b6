/* SPDX-License-Identifier: MIT */
/*
 * The synthetic interrupt controller of a VP: its MSRs, its message page, and
 * messages that wait for their slot. Each message is a struct of its sender's,
 * so posting needs no memory and cannot fail; at most one of a sender waits.
 * TLFS 6.0b chapter 11. Posting on any processor, under the SynIC's lock; the
 * MSRs on the VP's own.
 */
#pragma once

#include "base/types.h"
#include "hv/message.h"
#include "hypervisor/overlay.h"
#include "lib/list.h"
#include "x86/spinlock.h"

struct synic;
struct vp;

/* A message, its sender's for good. */
struct synic_message {
	struct list_node link; /* the lock of *synic; empty: not waiting */
	struct synic *synic;   /* where it was posted last */
	u32 sint;
	/*
	 * NULL, or: it has come into the slot, on any processor, under the lock.
	 * True: it was filled again, and waits on.
	 */
	bool (*refill)(struct synic_message *m);
	struct hv_message message;
};

struct synic {
	struct spinlock lock;
	u64 control;                  /* HV_MSR_SCONTROL */
	u64 simp;                     /* HV_MSR_SIMP */
	u64 siefp;                    /* kept, not used */
	u64 sint[HV_SINT_COUNT];      /* HV_MSR_SINT(n) */
	struct hv_message_page *page; /* the VP's own page, which SIMP lays over its GPA */
	struct overlay overlay;
	struct list_node waiting; /* struct synic_message, oldest first */
	u16 waiting_sints;        /* bit per SINT that something waits for */
	u16 auto_eoi;             /* bit per SINT whose interrupts end by themselves */
};

/* Reset state; @page is zeroed, the VP's for its life. */
void synic_init(struct synic *s, struct hv_message_page *page);

/*
 * Posts @m, filled but for its links, to @sint of @vp: into the slot if it is
 * free and open, else it waits. @m must not be waiting.
 */
void synic_post(struct vp *vp, u32 sint, struct synic_message *m);
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

/* Whether an interrupt at @vector is over as soon as it is delivered. The VP's processor. */
bool synic_auto_eoi(const struct synic *s, u8 vector);

/* False: #GP. @self runs on this processor: @vp, or one of its parent's while @vp is at rest. */
[[nodiscard]] bool synic_msr_read(struct vp *vp, u32 msr, u64 *v);
[[nodiscard]] bool synic_msr_write(struct vp *vp, u32 msr, u64 v, struct vp *self);

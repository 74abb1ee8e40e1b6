/* SPDX-License-Identifier: MIT */
/*
 * Exits of a child that its parent settles: each becomes a message of TLFS
 * layout, the VP waits suspended, and the message is posted to SINT 0 of the
 * root VP of this processor once the VP's state has left it. At most one is
 * outstanding per VP, so that none is ever refused. TLFS 6.0b chapter 8.
 * Called on the child VP's processor by handlers of exits.
 */
#pragma once

#include "base/types.h"
#include "hypervisor/virt.h"

struct vp;

void intercept_io(struct vp *vp, const struct exit *exit);
/* A second-level fault that nobody here settles. */
void intercept_memory(struct vp *vp, const struct exit *exit);
/*
 * These three only if the parent installed it, or it is a write that the policy
 * leaves to the parent; false: nothing was done.
 */
[[nodiscard]] bool intercept_msr(struct vp *vp, const struct exit *exit, u8 length, bool write);
[[nodiscard]] bool intercept_cpuid(struct vp *vp, const struct exit *exit);
[[nodiscard]] bool intercept_exception(struct vp *vp, const struct exit *exit);
/* HLT with interrupts off; the VP is halted when it is resumed. */
void intercept_halt(struct vp *vp);
void intercept_triple_fault(struct vp *vp);
/* The processor does not enter this state. */
void intercept_invalid_state(struct vp *vp);

/* The root VP that hears of @vp: that of its processor, if it listens, else the first. */
struct vp *intercept_receiver(const struct vp *vp);
/* The SINT of all messages about children. */
#define INTERCEPT_SINT 0u

/* The VP has left its processor: posts the message that it waits for. sched.c. */
void intercept_post(struct vp *vp);

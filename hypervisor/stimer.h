/* SPDX-License-Identifier: MIT */
/*
 * Synthetic timers: four of a VP, by the partition's reference time, which end
 * in an interrupt (direct mode) or in a message to a SINT. TLFS 6.0b, 12.5.
 * A timer of the processor stands at the expiry, so none is ever early, nor
 * does one that is frozen cost anything. All calls are for the processor that
 * runs the VP, but where it says otherwise.
 */
#pragma once

#include "hv/status.h"
#include "hv/timer.h"
#include "hypervisor/synic.h"
#include "hypervisor/timer.h"

struct partition;
struct vp;

struct stimer {
	struct vp *vp;
	u64 config; /* HV_MSR_STIMER_CONFIG */
	u64 count;  /* HV_MSR_STIMER_COUNT */
	u64 due;    /* reference time of the next expiry, while it runs */
	struct timer timer;
	struct synic_message message; /* at most one is on its way */
};

void stimer_init(struct vp *vp);
/* The VP comes to this processor, where its state has just been loaded. */
void stimer_move(struct vp *vp);
/* Puts timers where the reference time says; of VP_WORK_TIMERS. */
void stimer_serve(struct vp *vp);
/* None of them fires or posts any more. Any processor; the VP is at rest. */
void stimer_end(struct vp *vp);
/* The reference time of @p goes on, or stands elsewhere. Its parent, under the manage lock. */
void stimer_time_changed(struct partition *p);

/* False: #GP. @self runs on this processor: @vp, or one of its parent's while @vp is at rest. */
[[nodiscard]] bool stimer_msr_read(const struct vp *vp, u32 msr, u64 *v);
[[nodiscard]] bool stimer_msr_write(struct vp *vp, u32 msr, u64 v, struct vp *self);

/*
 * All of them, to be put back elsewhere by stimer_state_set(), behind the SynIC's
 * registers. For its parent; the VP is at rest. INVALID_PARAMETER: reserved fields
 * or values that no MSR takes; nothing has changed then.
 */
void stimer_state_get(struct vp *vp, struct hv_stimers_state *state);
enum hv_status stimer_state_set(struct vp *vp, const struct hv_stimers_state *state);

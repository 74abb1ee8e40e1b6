/* SPDX-License-Identifier: MIT */
/*
 * What a partition's clock is for its VPs: the TSC offset in their control
 * blocks, and timers, which stand at TSCs of the processor. When the clock goes
 * on after it was frozen each VP takes the one and puts the others anew.
 */
#pragma once

#include "base/types.h"

struct partition;
struct vp;

/* A new VP's control block gets the partition's TSC offset. */
void partition_clock_load(struct vp *vp);
/* VP_WORK_TIMERS: on the VP's processor, its state loaded. */
void partition_clock_serve(struct vp *vp);

/*
 * Stops it, and lets it go on: both are no more than they say if it does so
 * already. RDTSC of a VP that is not suspended runs on meanwhile. The child's
 * parent, whose VP is @self, under the manage lock; thawing returns when no VP
 * enters the guest any more with what was before.
 */
void partition_clock_freeze(struct partition *p);
void partition_clock_thaw(struct partition *p, struct vp *self);

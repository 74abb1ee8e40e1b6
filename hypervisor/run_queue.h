/* SPDX-License-Identifier: MIT */
/*
 * The children's VPs that a processor shall run, and the timer that ends
 * their turns. sched.c owns it; here because struct cpu holds one.
 */
#pragma once

#include "base/types.h"
#include "hypervisor/timer.h"
#include "lib/list.h"
#include "x86/spinlock.h"

struct run_queue {
	struct spinlock lock;
	struct list_node ready; /* struct vp, who is next first; lock */
	u32 count;              /* of them; lock, read by others as a hint */

	/* Its processor only. */
	struct timer slice;   /* ends the turn of what runs */
	const void *slice_of; /* the VP that it was set for */
	bool root_had_turn;   /* the root used up its slice: a child is next */
	bool root_waits;      /* and wants to go on after it */
	const void *turn_of;  /* the child's VP whose turn was interrupted, or NULL */
	u64 turn_left;        /* of it, TSC ticks */
};

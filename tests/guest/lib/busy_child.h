/* SPDX-License-Identifier: MIT */
/*
 * A child of two VPs, by child_self.h, that keeps everything of a VP in motion:
 * synthetic and APIC timers, messages, event flags, IPIs there and back,
 * interrupts of its parent, both clocks, FPU, debug and other registers that
 * must keep their values. It counts what came, and what was wrong.
 */
#pragma once

#include "base/types.h"
#include "tests/guest/lib/child_port.h"

/* Vectors that the parent asserts; its messages and flags go to PORT_SINT. */
#define BUSY_EDGE   0x70u
#define BUSY_LEVEL  0x71u

#define BUSY_PERIOD 10000u /* of timers, 100 ns */

struct busy {
	volatile u64 ready;    /* VPs that are at work */
	volatile u64 beats[2]; /* of each VP */
	volatile u64 pings, heard, pongs;
	volatile u64 messages; /* the number that the next must have */
	volatile u64 flags;    /* times that one was set */
	volatile u64 edges, levels, nmis;
	volatile u64 ticks;   /* messages of the periodic timer */
	volatile u64 shots;   /* of the one-shot timer */
	volatile u64 directs; /* interrupts of the one in direct mode */
	volatile u64 others;  /* of VP 1's periodic one */
	volatile u64 counts;  /* of the APIC's */
	volatile bool has_deadline;
	volatile u64 deadlines; /* of VP 1's APIC, where there are TSC deadlines */

	/* What must stay 0. */
	volatile u64 out_of_order; /* messages */
	volatile u64 early;        /* timers */
	volatile u64 off_beat;     /* expiries of the periodic timer */
	volatile u64 back;         /* readings of the clock below the one before */
	volatile u64 broken;       /* looks at registers that had another value */
	volatile u64 refused;      /* hypercalls */
};

/* The child's own: child_self_at(). */
extern struct busy busy;

/* What its VPs run. */
void busy_first(void);
void busy_second(void);

/* SPDX-License-Identifier: MIT */
/*
 * Random hypercalls and MSR accesses of the calling VP, from a seed: codes,
 * control words, addresses, parameter blocks, XMM registers. What would end the
 * caller by right is left out; fuzz.c lists it. All else must come back with a
 * result that can be, or with #GP, and leave alone what was not named.
 */
#pragma once

#include "base/types.h"

struct fuzz {
	u64 seed;
	/* Pages for the hypervisor to take, touched by nobody else; 0: none. */
	u64 gift_gpfn;
	u64 gift_count;
	u64 partitions[2]; /* whom to name often */
	bool root; /* it may deposit and start VPs: pages of its own are not offered for that */

	/* What was done so far. */
	volatile u64 calls;
	volatile u64 successes; /* of them */
	volatile u64 accesses;  /* of MSRs */
	volatile u64 faults;    /* of them */
	u64 statuses[3];        /* seen, bit per status below 192 */

	/* What came that cannot be; NULL: nothing. And of which call or MSR. */
	const char *volatile failure;
	u64 what;
	u64 value[2];
	u64 result;
};

/* At first. Interrupts are off from here on; NMIs are taken and dropped. */
void fuzz_begin(void);
/* @count calls and accesses; false: f->failure. */
bool fuzz_run(struct fuzz *f, u64 count);
/* Puts the hypercall page, the APIC and the SynIC of this VP back to where tests want them. */
void fuzz_end(void);

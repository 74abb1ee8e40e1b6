/* SPDX-License-Identifier: MIT */
/*
 * A partition's reference time: 100 ns units since its start, which its parent
 * may freeze and set. Read by any VP of the partition, written by its parent
 * under the manage lock. TLFS 6.0b, 12.4.
 */
#pragma once

#include "base/types.h"

struct reference_time {
	u32 sequence; /* odd while it is written */
	bool frozen;
	u64 base;      /* 100 ns; when the TSC was start_tsc, or while frozen */
	u64 start_tsc; /* of this processor's family: they all agree */
};

/* Starts it at 0. */
void reference_time_start(struct reference_time *t);
u64 reference_time(const struct reference_time *t);
/* Stops it, or lets it go on from where it stands. */
void reference_time_freeze(struct reference_time *t, bool frozen);
/* While it is frozen. */
void reference_time_set(struct reference_time *t, u64 v);

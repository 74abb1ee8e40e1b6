/* SPDX-License-Identifier: MIT */
/*
 * A partition's reference time: 100 ns units since its start, which its parent
 * may freeze and set, as a counter and as a page that its VPs read. Both are
 * one formula of the TSC, so that they agree to the last unit. Read by any VP
 * of the partition, written by its parent under the manage lock.
 * TLFS 6.0b, 12.4, 12.6.
 */
#pragma once

#include "base/types.h"
#include "hv/timer.h"

struct reference_time {
	u32 sequence; /* odd while it is written */
	bool frozen;
	u64 value;                          /* while frozen */
	u64 scale;                          /* units per tick of the TSC, << 64; constant */
	u64 offset;                         /* else the time is (TSC * scale >> 64) + offset */
	struct hv_reference_tsc_page *page; /* NULL: none was asked for */
	u32 page_sequence;                  /* the last one that was valid */
};

/* Starts it at 0, without a page; the TSC's frequency is known. */
void reference_time_start(struct reference_time *t);
u64 reference_time(const struct reference_time *t);

/*
 * The writers. One at a time, under the partition's lock, too: that is what
 * whoever asks for the page has. While the time stands the page says that it is
 * not valid, and its readers go to the counter.
 */
/* Stops it, or lets it go on from where it stands. */
void reference_time_freeze(struct reference_time *t, bool frozen);
/* While it is frozen. */
void reference_time_set(struct reference_time *t, u64 v);
/* @page, zeroed, tells the time from now on; NULL: none does. */
void reference_time_page(struct reference_time *t, struct hv_reference_tsc_page *page);

/*
 * The first TSC at which the time is @when, or now's if that is over. False: it
 * is frozen before that, or the TSC would have to run for centuries.
 */
[[nodiscard]] bool reference_time_tsc(const struct reference_time *t, u64 when, u64 *tsc);

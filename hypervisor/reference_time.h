/* SPDX-License-Identifier: MIT */
/*
 * The clock of a partition: the TSC of its VPs, and its reference time, 100 ns
 * units since its start, as a counter and as a page that its VPs read. Its
 * parent may freeze it, set it, and let it go on. Counter and page are one
 * formula of the guest's TSC, so that they agree to the last unit. Read by any
 * VP of the partition, written by its parent under the manage lock;
 * partition_clock.h is what that means for VPs. TLFS 6.0b, 12.4, 12.6.
 */
#pragma once

#include "base/types.h"
#include "hv/timer.h"

struct reference_time {
	u32 sequence;   /* odd while it is written */
	bool frozen;    /* both stand */
	bool settling;  /* go on, but a VP may have another TSC yet: no page tells */
	u64 tsc;        /* while frozen: the guest's TSC; */
	u64 tsc_offset; /* else that is the processor's and this; of the root 0 */
	u64 scale;      /* units per tick of the TSC, << 64; constant */
	u64 offset;     /* the time is (the guest's TSC * scale >> 64) + offset */
	struct hv_reference_tsc_page *page; /* NULL: none was asked for */
	u32 page_sequence;                  /* the last one that was valid */
};

/* Starts it at 0, with the processor's TSC, without a page; the TSC's frequency is known. */
void reference_time_start(struct reference_time *t);
u64 reference_time(const struct reference_time *t);
u64 reference_time_guest_tsc(const struct reference_time *t);

/*
 * The writers. One at a time, under the partition's lock, too: that is what
 * whoever asks for the page has. While the time stands the page says that it is
 * not valid, and its readers go to the counter.
 */
void reference_time_freeze(struct reference_time *t);
/* It goes on from where it stands; no page tells so before all VPs have tsc_offset. */
void reference_time_thaw(struct reference_time *t);
void reference_time_settled(struct reference_time *t);
/* While it is frozen: the time; and the TSC and the last sequence of the page with it. */
void reference_time_set(struct reference_time *t, u64 v);
void reference_time_restore(struct reference_time *t, u64 v, u64 tsc, u32 page_sequence);
/* @page, zeroed, tells the time from now on; NULL: none does. */
void reference_time_page(struct reference_time *t, struct hv_reference_tsc_page *page);

/*
 * The first TSC of the processor's at which the time is @when, or the guest's
 * TSC @guest; now's if that is over. False: it is frozen before that, or the
 * TSC would have to run for centuries.
 */
[[nodiscard]] bool reference_time_tsc(const struct reference_time *t, u64 when, u64 *tsc);
[[nodiscard]] bool reference_time_host_tsc(const struct reference_time *t, u64 guest, u64 *tsc);

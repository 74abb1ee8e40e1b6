/* SPDX-License-Identifier: MIT */
/*
 * What the counters of a VP say about the time between two looks. Pure.
 */
#pragma once

#include "base/types.h"
#include "hv/stats.h"

struct top_sample {
	u64 tsc; /* when it was taken */
	u64 run; /* ticks */
	u64 hypervisor;
	u64 exits[EXIT_KIND_COUNT];
};

/* Shares in tenths of a percent; busy and below are rates per second. */
struct top_row {
	u32 guest;
	u32 hypervisor;
	u32 idle;
	u64 busy; /* ticks in the guest and for it */
	u64 exits;
	u64 kinds[EXIT_KIND_COUNT];
};

/* @counters: a VP's, HV_VP_COUNTER_MAX of them. */
void top_take(struct top_sample *s, const u64 *counters, u64 tsc);
void top_compare(struct top_row *row, const struct top_sample *old, const struct top_sample *new,
	u64 tsc_hz);
/* "hlt 40, io 3": the kinds with the highest rates, at most @max of them. */
void top_kinds(const struct top_row *row, u32 max, char *text, size_t size);
/* @part of @whole in tenths of a percent, at most 1000. */
u32 top_share(u64 part, u64 whole);

extern const char *const exit_kind_names[EXIT_KIND_COUNT];

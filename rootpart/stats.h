/* SPDX-License-Identifier: MIT */
/*
 * The hypervisor's counters of each VP of the root, as hv/stats.h numbers
 * them, in pages that the hypervisor shares read-only. Any context.
 */
#pragma once

#include "base/types.h"
#include "hv/stats.h"

/* Counters of VP @vp, HV_VP_COUNTER_MAX of them; NULL if there are none. */
const u64 *stats_vp(u32 vp);

/* Asks for this VP's page. Start of each VP. */
void stats_init_vp(void);

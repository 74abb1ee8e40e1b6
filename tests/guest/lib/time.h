/* SPDX-License-Identifier: MIT */
/*
 * Reference time for test kernels, by the counter and by the page, which
 * guest_time_init() lays somewhere.
 */
#pragma once

#include "hv/timer.h"

extern volatile struct hv_reference_tsc_page *guest_time_page;

/* Enables the page. */
void guest_time_init(void);
/* By the page, or by the counter while the page is not valid. */
u64 guest_time(void);
/* Whether the TSC counts instructions, as in deterministic mode, and not what they take. */
bool guest_time_is_by_instructions(void);
/* By the counter. */
u64 guest_time_counter(void);

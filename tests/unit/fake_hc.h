/* SPDX-License-Identifier: MIT */
/*
 * Stand-ins for the handlers of hypercalls that tests of their dispatcher do
 * not link: each remembers that it was called, and with what.
 */
#pragma once

#include "hypervisor/hc.h"

extern const char *fake_hc_called; /* the name of the one called last, without hc_ */
extern u32 fake_hc_calls;
extern u32 fake_hc_input_size; /* of the last call */
extern u64 fake_hc_input;      /* the first word of its input, 0 if it has none */
extern u64 fake_hc_element;    /* the first word of its element */
/* What they give, from the next call on. */
extern enum hv_status fake_hc_status;

/* Of a call that repeats, what its finish was told: elements [first, end). */
extern const char *fake_hc_finished;
extern u32 fake_hc_finishes;
extern u32 fake_hc_first, fake_hc_end;

void fake_hc_reset(void);

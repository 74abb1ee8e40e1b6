/* SPDX-License-Identifier: MIT */
/*
 * Sleeping in HLT for the test kernels, so that children run meanwhile: by the
 * one-shot timer of the calling VP's APIC.
 */
#pragma once

#include "base/types.h"

/*
 * Returns when the time is over, and how many microseconds later; other
 * interrupts are taken meanwhile. The timer is this function's from then on.
 */
u64 guest_sleep_us(u64 us);
/* Sleeps until *@word is not @old, for @us at most; false if it still is. */
bool guest_sleep_while(const volatile u64 *word, u64 old, u64 us);

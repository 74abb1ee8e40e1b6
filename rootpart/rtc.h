/* SPDX-License-Identifier: MIT */
/*
 * The wall clock: as the chipset's battery-backed one had it at boot, and time since.
 */
#pragma once

#include "base/types.h"

/* Reads the chipset's clock; some milliseconds. Boot, with time_ns(), and before the next. */
void rtc_init(void);
/* Seconds since 1970 in the clock's own zone, UTC by our convention. Any context. */
u64 rtc_seconds(void);

/* SPDX-License-Identifier: MIT */
/*
 * The wall clock: the battery-backed one of the chipset, read by ports.
 */
#pragma once

#include "base/types.h"

/* Seconds since 1970 in the clock's own zone, UTC by our convention; a second's work. Tasks. */
u64 rtc_seconds(void);

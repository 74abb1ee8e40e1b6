/* SPDX-License-Identifier: MIT */
/*
 * Dates of the Gregorian calendar, years 0 to 9999, and seconds since 1970.
 * No time zones, no leap seconds.
 */
#pragma once

#include "base/types.h"

struct date {
	u32 second;
	u32 minute;
	u32 hour;    /* 0 to 23 */
	u32 weekday; /* 1: Sunday; date_seconds() does not look at it */
	u32 day;     /* 1 to 31 */
	u32 month;   /* 1 to 12 */
	u32 year;
};

/* Seconds outside of those years give their first or last second. */
struct date date_of(s64 seconds);
bool date_valid(const struct date *d);
/* Of a valid date. */
s64 date_seconds(const struct date *d);

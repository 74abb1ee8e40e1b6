/* SPDX-License-Identifier: MIT */
/*
 * Calendar arithmetic by counting days since the first day of year 0.
 */
#include "lib/date.h"

#define DAY_SECONDS 86400
#define YEAR_END    10000u

static bool is_leap(u32 year)
{
	return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

/* Days of all years before @year; every fourth, from year 0 on, has one more. */
static s64 days_before_year(u32 year)
{
	return (s64)year * 365 + (year + 3) / 4 - (year + 99) / 100 + (year + 399) / 400;
}

static u32 days_of_month(u32 month, u32 year)
{
	static const u8 days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };

	return days[month - 1] + (month == 2 && is_leap(year) ? 1u : 0u);
}

struct date date_of(s64 seconds)
{
	s64 epoch = days_before_year(1970) * DAY_SECONDS;
	s64 last = days_before_year(YEAR_END) * DAY_SECONDS - epoch - 1;
	s64 since = MIN(MAX(seconds, -epoch), last) + epoch;
	s64 day = since / DAY_SECONDS;
	u32 left;
	struct date d = { .month = 1 };

	left = (u32)(since % DAY_SECONDS);
	d.second = left % 60;
	d.minute = left / 60 % 60;
	d.hour = left / 3600;
	d.weekday = (u32)((day + 6) % 7) + 1; /* the first of January 0 is a Saturday */
	/* At most a few years too early. */
	d.year = (u32)(day / 366);
	while (days_before_year(d.year + 1) <= day)
		d.year++;
	left = (u32)(day - days_before_year(d.year));
	while (left >= days_of_month(d.month, d.year))
		left -= days_of_month(d.month++, d.year);
	d.day = left + 1;
	return d;
}

bool date_valid(const struct date *d)
{
	return d->second < 60 && d->minute < 60 && d->hour < 24 && d->year < YEAR_END &&
	       d->month >= 1 && d->month <= 12 && d->day >= 1 &&
	       d->day <= days_of_month(d->month, d->year);
}

s64 date_seconds(const struct date *d)
{
	s64 days = days_before_year(d->year) - days_before_year(1970) + d->day - 1;

	for (u32 month = 1; month < d->month; month++)
		days += days_of_month(month, d->year);
	return days * DAY_SECONDS + d->hour * 3600 + d->minute * 60 + d->second;
}

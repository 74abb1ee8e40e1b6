/* SPDX-License-Identifier: MIT */
/*
 * MC146818 registers, read between updates: twice until both readings agree. That is slow, and
 * each register an exit on many machines, so it is done once, and then the TSC counts.
 * Years are taken for 2000 to 2099, as the century has no agreed place.
 */
#include "rootpart/rtc.h"

#include "lib/string.h"
#include "rootpart/time.h"
#include "x86/cpu.h"
#include "x86/io.h"

#define RTC_INDEX    0x70u
#define RTC_DATA     0x71u
#define RTC_STATUS_A 0x0au
#define RTC_STATUS_B 0x0bu
#define RTC_UPDATING 0x80u /* of A */
#define RTC_BINARY   0x04u /* of B */
#define RTC_24_HOURS 0x02u
#define RTC_PM       0x80u           /* of the hour, with 12 hours */
#define UPDATE_NS    (3 * NS_PER_MS) /* the longest one takes 2228 us */

/* Nanoseconds from 1970 to time_ns() == 0; constant after boot. */
static u64 origin;

enum { SECOND, MINUTE, HOUR, DAY, MONTH, YEAR, FIELDS };

static u8 read(u8 index)
{
	out8(RTC_INDEX, index);
	return in8(RTC_DATA);
}

static void read_fields(u8 *fields)
{
	static const u8 index[FIELDS] = { 0, 2, 4, 7, 8, 9 };
	u64 limit = time_ns() + UPDATE_NS;

	/* Some say so for ever: both readings have to agree in any case. */
	while (read(RTC_STATUS_A) & RTC_UPDATING && time_ns() < limit)
		cpu_pause();
	for (u32 i = 0; i < FIELDS; i++)
		fields[i] = read(index[i]);
}

static u8 binary(u8 v, u8 status)
{
	return status & RTC_BINARY ? v : (u8)((v >> 4) * 10 + (v & 15));
}

static u8 hour(u8 v, u8 status)
{
	bool pm = !(status & RTC_24_HOURS) && v & RTC_PM;
	u8 h = binary((u8)(status & RTC_24_HOURS ? v : v & ~RTC_PM), status);

	if (status & RTC_24_HOURS)
		return h;
	return (u8)(h % 12 + (pm ? 12 : 0));
}

/* Days from 1970 to the first of @month of 2000 + @year. */
static u64 days_before(u32 year, u32 month)
{
	static const u16 before[] = { 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334 };
	u64 days = 10957 + year * 365ull + (year + 3) / 4 + before[(month - 1) % 12];

	return year % 4 == 0 && month > 2 ? days + 1 : days;
}

static u64 clock_seconds(void)
{
	u8 f[FIELDS], again[FIELDS];
	u8 status = read(RTC_STATUS_B);

	read_fields(again);
	for (u32 i = 0; i < 8; i++) {
		memcpy(f, again, sizeof(f));
		read_fields(again);
		if (memcmp(f, again, sizeof(f)) == 0)
			break;
	}
	return (days_before(binary(f[YEAR], status) % 100, MAX(binary(f[MONTH], status), 1)) +
		       binary(f[DAY], status) - 1) *
		       86400 +
	       hour(f[HOUR], status) * 3600ull + binary(f[MINUTE], status) * 60ull +
	       binary(f[SECOND], status);
}

void rtc_init(void)
{
	origin = clock_seconds() * NS_PER_S - time_ns();
}

u64 rtc_seconds(void)
{
	return (origin + time_ns()) / NS_PER_S;
}

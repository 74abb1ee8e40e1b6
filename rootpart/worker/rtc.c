/* SPDX-License-Identifier: MIT */
/*
 * Registers of the clock. Nothing counts: each read works the time out anew,
 * so a reader that sees no update in progress within a second has one time.
 * Motorola MC146818A data sheet; the century's place is the FADT's to tell.
 */
#include "rootpart/worker/rtc.h"

#include "lib/date.h"
#include "rootpart/worker/space.h"
#include "rootpart/worker/sys.h"

#define REG_SECOND    0x00u
#define REG_MINUTE    0x02u
#define REG_HOUR      0x04u
#define REG_WEEKDAY   0x06u
#define REG_DAY       0x07u
#define REG_MONTH     0x08u
#define REG_YEAR      0x09u
#define REG_A         0x0au
#define REG_B         0x0bu
#define REG_C         0x0cu
#define REG_D         0x0du

#define A_DEFAULT     0x26u /* 32768 Hz, 1024 periodic interrupts a second */
#define A_UPDATING    0x80u
#define B_24_HOURS    0x02u
#define B_BINARY      0x04u
#define B_UPDATE_IRQ  0x10u
#define B_SET         0x80u
#define C_UPDATED     0x10u
#define C_IRQ         0x80u
#define D_VALID       0x80u
#define HOUR_PM       0x80u

#define NS_PER_SECOND 1000000000ull
/* Registers may not be read from so long before the next second. */
#define UPDATE_NS 244000u

void rtc_init(struct rtc *r)
{
	*r = (struct rtc){ .nv = { [REG_A] = A_DEFAULT, [REG_B] = B_24_HOURS } };
}

/* Nanoseconds since 1970 by the root's clock. */
static u64 wall_ns(void)
{
	const struct worker_start *start = space_start();

	return start->wall_seconds * NS_PER_SECOND + sys_time() - start->wall_ns;
}

static s64 child_seconds(const struct rtc *r)
{
	return (s64)(wall_ns() / NS_PER_SECOND) + r->offset;
}

static u8 encode(const struct rtc *r, u32 v)
{
	return (u8)(r->nv[REG_B] & B_BINARY ? v : v / 10 * 16 + v % 10);
}

/* ~0 if it is no number. */
static u32 decode(const struct rtc *r, u8 v)
{
	if (r->nv[REG_B] & B_BINARY)
		return v;
	return v >> 4 > 9 || (v & 15) > 9 ? ~0u : v / 16 * 10u + v % 16;
}

static u8 encode_hour(const struct rtc *r, u32 hour)
{
	if (r->nv[REG_B] & B_24_HOURS)
		return encode(r, hour);
	return encode(r, (hour + 11) % 12 + 1) | (hour >= 12 ? HOUR_PM : 0);
}

static u32 decode_hour(const struct rtc *r, u8 v)
{
	u32 hour;

	if (r->nv[REG_B] & B_24_HOURS)
		return decode(r, v);
	hour = decode(r, v & (u8)~HOUR_PM);
	if (hour < 1 || hour > 12)
		return ~0u;
	return hour % 12 + (v & HOUR_PM ? 12 : 0);
}

/* The place of a register of the time; false: it is not one. */
static bool time_encode(const struct rtc *r, const struct date *d, u8 reg, u8 *v)
{
	switch (reg) {
	case REG_SECOND:
		*v = encode(r, d->second);
		return true;
	case REG_MINUTE:
		*v = encode(r, d->minute);
		return true;
	case REG_HOUR:
		*v = encode_hour(r, d->hour);
		return true;
	case REG_WEEKDAY:
		*v = encode(r, d->weekday);
		return true;
	case REG_DAY:
		*v = encode(r, d->day);
		return true;
	case REG_MONTH:
		*v = encode(r, d->month);
		return true;
	case REG_YEAR:
		*v = encode(r, d->year % 100);
		return true;
	case RTC_CENTURY:
		*v = encode(r, d->year / 100);
		return true;
	default:
		return false;
	}
}

/* Puts the time into the registers. */
static void latch(struct rtc *r)
{
	struct date d = date_of(child_seconds(r));

	for (u8 reg = 0; reg < sizeof(r->nv); reg++)
		(void)time_encode(r, &d, reg, &r->nv[reg]);
}

/* Makes what stands in the registers the time, unless there is no such date. */
static void adopt(struct rtc *r)
{
	u32 century = decode(r, r->nv[RTC_CENTURY]);
	u32 year = decode(r, r->nv[REG_YEAR]);
	struct date d = {
		.second = decode(r, r->nv[REG_SECOND]),
		.minute = decode(r, r->nv[REG_MINUTE]),
		.hour = decode_hour(r, r->nv[REG_HOUR]),
		.day = decode(r, r->nv[REG_DAY]),
		.month = decode(r, r->nv[REG_MONTH]),
		.year = century * 100 + year,
	};

	if (century < 100 && year < 100 && date_valid(&d))
		r->offset += date_seconds(&d) - child_seconds(r);
}

static u8 status_a(const struct rtc *r)
{
	bool updating =
		!(r->nv[REG_B] & B_SET) && wall_ns() % NS_PER_SECOND >= NS_PER_SECOND - UPDATE_NS;

	return r->nv[REG_A] | (updating ? A_UPDATING : 0);
}

/* What happened since the last look. */
static u8 status_c(struct rtc *r)
{
	s64 now = child_seconds(r);
	bool updated = !(r->nv[REG_B] & B_SET) && now != r->told;

	r->told = now;
	if (!updated)
		return 0;
	return C_UPDATED | (r->nv[REG_B] & B_UPDATE_IRQ ? C_IRQ : 0);
}

static u8 data_read(struct rtc *r)
{
	struct date d;
	u8 v = r->nv[r->index];

	switch (r->index) {
	case REG_A:
		return status_a(r);
	case REG_C:
		return status_c(r);
	case REG_D:
		return D_VALID;
	default:
		if (r->nv[REG_B] & B_SET)
			return v;
		d = date_of(child_seconds(r));
		(void)time_encode(r, &d, r->index, &v);
		return v;
	}
}

u8 rtc_read(struct rtc *r, u16 offset)
{
	return offset == 0 ? 0xff : data_read(r);
}

static bool is_time(const struct rtc *r, u8 reg)
{
	const struct date d = { 0 };
	u8 unused;

	return time_encode(r, &d, reg, &unused);
}

static void control_write(struct rtc *r, u8 v)
{
	u8 before = r->nv[REG_B];

	if (v & ~before & B_SET)
		latch(r);
	r->nv[REG_B] = v;
	if (before & ~v & B_SET)
		adopt(r);
}

static void time_write(struct rtc *r, u8 v)
{
	bool runs = !(r->nv[REG_B] & B_SET);

	if (runs)
		latch(r);
	r->nv[r->index] = v;
	if (runs)
		adopt(r);
}

static void data_write(struct rtc *r, u8 v)
{
	switch (r->index) {
	case REG_A:
		r->nv[REG_A] = v & (u8)~A_UPDATING;
		break;
	case REG_B:
		control_write(r, v);
		break;
	case REG_C:
	case REG_D:
		break;
	default:
		if (is_time(r, r->index))
			time_write(r, v);
		else
			r->nv[r->index] = v;
		break;
	}
}

void rtc_write(struct rtc *r, u16 offset, u8 v)
{
	if (offset == 0)
		r->index = v & 0x7f;
	else
		data_write(r, v);
}

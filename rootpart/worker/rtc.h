/* SPDX-License-Identifier: MIT */
/*
 * The real-time clock and its 128 bytes of memory (MC146818, as PCs have it).
 * It shows the root's wall clock, moved by what the child has set; the memory
 * begins empty. Alarm and periodic interrupt are registers without effect. The
 * whole state is in struct rtc.
 */
#pragma once

#include "base/types.h"

#define RTC_CENTURY 0x32u /* for the FADT */

struct rtc {
	u8 index;
	u8 nv[128]; /* time: only while SET in register B stops the clock */
	s64 offset; /* seconds that the child's clock is ahead */
	s64 told;   /* the second of the last look at register C */
};

void rtc_init(struct rtc *r);
/* Offset 0: index, 1: data. */
u8 rtc_read(struct rtc *r, u16 offset);
void rtc_write(struct rtc *r, u16 offset, u8 v);

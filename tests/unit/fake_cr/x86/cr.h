/* SPDX-License-Identifier: MIT */
/*
 * x86/cr.h whose CR2, XCR0 and DR0 to DR3 are the test's: it defines fake_cr2,
 * fake_xcr0 and fake_dr where it has to do with them.
 */
#pragma once

#define cr2_write  cr2_write_real
#define xcr0_read  xcr0_read_real
#define xcr0_write xcr0_write_real
#define dr0_read   dr0_read_real
#define dr1_read   dr1_read_real
#define dr2_read   dr2_read_real
#define dr3_read   dr3_read_real
#define dr0_write  dr0_write_real
#define dr1_write  dr1_write_real
#define dr2_write  dr2_write_real
#define dr3_write  dr3_write_real
#include_next "x86/cr.h"
#undef cr2_write
#undef xcr0_read
#undef xcr0_write
#undef dr0_read
#undef dr1_read
#undef dr2_read
#undef dr3_read
#undef dr0_write
#undef dr1_write
#undef dr2_write
#undef dr3_write

extern u64 fake_cr2;
extern u64 fake_xcr0;
extern u64 fake_dr[4];

static inline void cr2_write(u64 v)
{
	fake_cr2 = v;
}

static inline u64 xcr0_read(void)
{
	return fake_xcr0;
}

static inline void xcr0_write(u64 v)
{
	fake_xcr0 = v;
}

#define FAKE_DR(n)                              \
	static inline u64 dr##n##_read(void)    \
	{                                       \
		return fake_dr[n];              \
	}                                       \
	static inline void dr##n##_write(u64 v) \
	{                                       \
		fake_dr[n] = v;                 \
	}

FAKE_DR(0)
FAKE_DR(1)
FAKE_DR(2)
FAKE_DR(3)

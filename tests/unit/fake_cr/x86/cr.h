/* SPDX-License-Identifier: MIT */
/*
 * x86/cr.h whose XCR0 is the test's: it defines fake_xcr0.
 */
#pragma once

#define xcr0_write xcr0_write_real
#include_next "x86/cr.h"
#undef xcr0_write

extern u64 fake_xcr0;

static inline void xcr0_write(u64 v)
{
	fake_xcr0 = v;
}

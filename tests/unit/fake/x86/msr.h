/* SPDX-License-Identifier: MIT */
/*
 * x86/msr.h with access by fake.h; numbers and bits are the real one's.
 */
#pragma once

#define msr_read  msr_read_real
#define msr_write msr_write_real
#include_next "x86/msr.h"
#undef msr_read
#undef msr_write

#include "fake/fake.h"

static inline u64 msr_read(u32 msr)
{
	return fake_msr_read(msr);
}

static inline void msr_write(u32 msr, u64 v)
{
	fake_msr_write(msr, v);
}

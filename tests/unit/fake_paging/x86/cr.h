/* SPDX-License-Identifier: MIT */
/*
 * x86/cr.h whose CR3 is the test's fake_cr3.
 */
#pragma once

#define cr3_read  cr3_read_real
#define cr3_write cr3_write_real
#include_next "x86/cr.h"
#undef cr3_read
#undef cr3_write

extern u64 fake_cr3;
extern u32 fake_cr3_writes;

static inline u64 cr3_read(void)
{
	return fake_cr3;
}

static inline void cr3_write(u64 v)
{
	fake_cr3 = v;
	fake_cr3_writes++;
}

/* SPDX-License-Identifier: MIT */
/*
 * x86/msr.h whose writes go to the test of the root's page tables.
 */
#pragma once

#define msr_write msr_write_real
#include_next "x86/msr.h"
#undef msr_write

/* Defined by the test. */
void msr_write(u32 msr, u64 v);

/* SPDX-License-Identifier: MIT */
/*
 * x86/cr.h for tests of the root's page tables and page faults: what they use
 * of it goes to the test.
 */
#pragma once

#define cr2_read  cr2_read_real
#define cr3_write cr3_write_real
#include_next "x86/cr.h"
#undef cr2_read
#undef cr3_write

/* Defined by the test. */
u64 cr2_read(void);
void cr3_write(u64 v);

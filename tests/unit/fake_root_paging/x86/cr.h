/* SPDX-License-Identifier: MIT */
/*
 * x86/cr.h whose writes go to the test of the root's page tables.
 */
#pragma once

#define cr3_write cr3_write_real
#include_next "x86/cr.h"
#undef cr3_write

/* Defined by the test. */
void cr3_write(u64 v);

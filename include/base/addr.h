/* SPDX-License-Identifier: MIT */
/*
 * The three address spaces, as types that do not mix:
 *   spa_t  system physical address: what the memory bus sees
 *   gpa_t  guest physical address: what a partition believes to be physical
 *   gva_t  guest virtual address: before the guest's own page tables
 * The root partition is identity-mapped, so for it GPA = SPA; the conversion
 * is still written out, by partition_gpa_to_spa().
 */
#pragma once

#include "base/types.h"

typedef struct {
	u64 a;
} spa_t;
typedef struct {
	u64 a;
} gpa_t;
typedef struct {
	u64 a;
} gva_t;

#define SPA(x) ((spa_t){ (u64)(x) })
#define GPA(x) ((gpa_t){ (u64)(x) })
#define GVA(x) ((gva_t){ (u64)(x) })

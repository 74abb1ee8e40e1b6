/* SPDX-License-Identifier: MIT */
/*
 * What a child sees of CPUID: a table of its own, made once at its creation
 * from the policy and from what its parent disabled, never read from the
 * host later. Leaves that depend on the VP (APIC id, OSXSAVE, the sizes by
 * XCR0) are completed when they are read.
 */
#pragma once

#include "base/types.h"
#include "x86/cpu.h"

#define CPUID_TABLE_BASIC    0xeu /* leaves 0 to 0xD */
#define CPUID_TABLE_EXTENDED 0x9u /* 0x80000000 to 0x80000008 */
#define CPUID_TABLE_CACHES   4u   /* subleaves of leaf 4 */
#define CPUID_TABLE_XSAVE    8u   /* subleaves of leaf 0xD */

struct vp;

/* By leaf; [4] and [0xD] of basic are not used, their subleaves stand apart. */
struct cpuid_table {
	struct cpuid_regs basic[CPUID_TABLE_BASIC];
	struct cpuid_regs extended[CPUID_TABLE_EXTENDED];
	struct cpuid_regs caches[CPUID_TABLE_CACHES];
	struct cpuid_regs xsave[CPUID_TABLE_XSAVE];
};

/* Leaf @leaf of @t where it has one that is the same for all subleaves, else NULL. */
const struct cpuid_regs *cpuid_table_leaf(const struct cpuid_table *t, u32 leaf);
/* Bytes of an XSAVE area of standard form for @states; 0 without XSAVE. */
u32 cpuid_table_xsave_size(const struct cpuid_table *t, u64 states);
/*
 * Where @component of @states stands in an area of compacted form, which packs the
 * components that are there; CPUID_TABLE_XSAVE: where it ends. SDM volume 1, 13.4.3.
 */
u32 cpuid_table_compacted(const struct cpuid_table *t, u64 states, u32 component);
/* What @vp, a child's, sees of a leaf; zero where the table has none. */
void cpuid_table_read(struct vp *vp, u32 leaf, u32 subleaf, struct cpuid_regs *r);

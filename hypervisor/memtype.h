/* SPDX-License-Identifier: MIT */
/*
 * Memory types by system physical address, as the MTRRs tell them, and what
 * second-level leaves make of them. Works on a copy of the registers, reads no
 * MSR: mtrr.c does. Pure functions, no locks.
 * Intel SDM volume 3, 12.11; AMD APM volume 2, 7.7 and 15.25.8.
 */
#pragma once

#include "base/types.h"
#include "x86/memtype.h"

#define MTRR_FIXED_COUNT 11u
/* The MSR numbers have room for no more: those of the fixed ranges follow. */
#define MTRR_VAR_MAX          40u

#define MTRR_CAP_VCNT(cap)    ((u32)((cap)&0xff)) /* number of variable ranges */
#define MTRR_CAP_FIXED        BIT(8)
#define MTRR_DEF_FIXED_ENABLE BIT(10)
#define MTRR_DEF_ENABLE       BIT(11)
#define MTRR_MASK_VALID       BIT(11)
#define MTRR_TYPE_MASK        0xffull

struct mtrr_var {
	u64 base; /* IA32_MTRR_PHYSBASEn */
	u64 mask; /* IA32_MTRR_PHYSMASKn */
};

/* The registers as they are read; nothing in them is believed to be sensible. */
struct mtrr_set {
	u64 cap;                     /* IA32_MTRRCAP */
	u64 def_type;                /* IA32_MTRR_DEF_TYPE */
	u64 fixed[MTRR_FIXED_COUNT]; /* 64K_00000, 16K_80000, 16K_A0000, 4K_C0000 to 4K_F8000 */
	struct mtrr_var var[MTRR_VAR_MAX]; /* as many as cap says, the rest is not looked at */
	u32 phys_bits;                     /* 32 to 52: width of physical addresses */
};

/*
 * Type of the page at @spa. MTRRs that are off, encodings that are reserved,
 * and overlaps that the manual leaves undefined give MEMTYPE_UC.
 */
enum memtype memtype_at(const struct mtrr_set *set, u64 spa);

/*
 * Whether all of [base, base + size) has one type, which then is in *type;
 * else *type does not change. Both multiples of 4 KiB, size not 0, no wrap.
 * Cheap: it looks at borders of ranges, not at pages, as long as the masks of
 * the variable ranges are contiguous.
 */
bool memtype_uniform(const struct mtrr_set *set, u64 base, u64 size, enum memtype *type);

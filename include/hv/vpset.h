/* SPDX-License-Identifier: MIT */
/*
 * Sets of processors. On the wire the TLFS's sparse 4K set (9.4.3): a format,
 * a mask of valid banks, one u64 of VP indices per valid bank. In memory a
 * fixed bitmap of HV_MAX_PROCESSORS bits.
 */
#pragma once

#include "base/types.h"

#define HV_MAX_PROCESSORS 64u

enum hv_vpset_format { HV_VPSET_SPARSE_4K = 0, HV_VPSET_ALL = 1 };

struct hv_vpset_header {
	u64 format;
	u64 valid_banks;
};

struct vpset {
	u64 bits[HV_MAX_PROCESSORS / 64];
};

static inline bool vpset_has(const struct vpset *s, u32 vp)
{
	return vp < HV_MAX_PROCESSORS && (s->bits[vp / 64] >> (vp % 64)) & 1;
}

static inline void vpset_add(struct vpset *s, u32 vp)
{
	s->bits[vp / 64] |= BIT(vp % 64);
}

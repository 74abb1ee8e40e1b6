/* SPDX-License-Identifier: MIT */
/*
 * Decoding of sets of processors. TLFS 6.0b, 9.4.3.
 */
#include "lib/vpset.h"

#include "lib/bitmap.h"

bool vpset_decode(const struct hv_vpset_header *h, const u64 *banks, u32 count, struct vpset *set)
{
	u64 valid = h->valid_banks;
	u32 n = 0;

	*set = (struct vpset){ 0 };
	if (h->format == HV_VPSET_ALL) {
		for (u32 i = 0; i < ARRAY_SIZE(set->bits); i++)
			set->bits[i] = ~0ull;
		return count == 0;
	}
	if (h->format != HV_VPSET_SPARSE_4K || bitmap_weight(&valid, 64) != count)
		return false;
	for (u32 i = 0; i < ARRAY_SIZE(set->bits); i++)
		if (valid >> i & 1)
			set->bits[i] = banks[n++];
	return true;
}

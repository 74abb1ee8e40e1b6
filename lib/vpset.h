/* SPDX-License-Identifier: MIT */
/*
 * Sets of processors from their wire form; hv/vpset.h has both forms.
 */
#pragma once

#include "hv/vpset.h"

/*
 * The set that @h and @count words of banks, one per valid bank, describe; of
 * all processors there are none. Indices from HV_MAX_PROCESSORS on are left
 * out. False: no such format, or another number of words than of valid banks.
 */
[[nodiscard]] bool vpset_decode(
	const struct hv_vpset_header *h, const u64 *banks, u32 count, struct vpset *set);

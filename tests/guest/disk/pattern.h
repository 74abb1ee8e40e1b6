/* SPDX-License-Identifier: MIT */
/*
 * What stands in a sector of a test's disk: words that follow from a seed and the sector's number, so that any part is
 * known by itself. Memory is aligned to 8 bytes.
 */
#pragma once

#include "base/types.h"

void pattern_fill(u64 seed, u64 sector, u32 sector_size, void *data, u32 sectors);
/* The first sector that is not so, counted from 0; @sectors: none. */
u32 pattern_check(u64 seed, u64 sector, u32 sector_size, const void *data, u32 sectors);
/* A number below @below, from *@state on. */
u32 pattern_any(u64 *state, u32 below);

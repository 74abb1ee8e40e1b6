/* SPDX-License-Identifier: MIT */
/*
 * The processor's division of 128 bits by 64, which the compiler leaves to a
 * library.
 */
#pragma once

#include "base/types.h"

/* (@high:@low) / @d and what remains; @high must be below @d. */
static inline u64 divide_wide(u64 high, u64 low, u64 d, u64 *rest)
{
	u64 q;

	__asm__("divq %4" : "=a"(q), "=d"(*rest) : "0"(low), "1"(high), "r"(d) : "cc");
	return q;
}

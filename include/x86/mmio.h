/* SPDX-License-Identifier: MIT */
/*
 * Memory-mapped device registers: one access of the size named, neither
 * merged nor repeated by the compiler.
 */
#pragma once

#include "base/types.h"

static inline u32 mmio_read32(const volatile void *p)
{
	return *(const volatile u32 *)p;
}

static inline void mmio_write32(volatile void *p, u32 v)
{
	*(volatile u32 *)p = v;
}

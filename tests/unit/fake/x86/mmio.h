/* SPDX-License-Identifier: MIT */
/*
 * x86/mmio.h by fake.h; 32-bit accesses only.
 */
#pragma once

#include "fake/fake.h"

static inline u32 mmio_read32(const volatile void *p)
{
	return fake_mmio_read(p);
}

static inline void mmio_write32(volatile void *p, u32 v)
{
	fake_mmio_write(p, v);
}

/* SPDX-License-Identifier: MIT */
/*
 * x86/mmio.h by fake.h.
 */
#pragma once

#include "fake/fake.h"

static inline u8 mmio_read8(const volatile void *p)
{
	return (u8)fake_mmio_load(p, 1);
}

static inline u16 mmio_read16(const volatile void *p)
{
	return (u16)fake_mmio_load(p, 2);
}

static inline u32 mmio_read32(const volatile void *p)
{
	return (u32)fake_mmio_load(p, 4);
}

static inline u64 mmio_read64(const volatile void *p)
{
	return fake_mmio_load(p, 8);
}

static inline void mmio_write8(volatile void *p, u8 v)
{
	fake_mmio_store(p, 1, v);
}

static inline void mmio_write16(volatile void *p, u16 v)
{
	fake_mmio_store(p, 2, v);
}

static inline void mmio_write32(volatile void *p, u32 v)
{
	fake_mmio_store(p, 4, v);
}

static inline void mmio_write64(volatile void *p, u64 v)
{
	fake_mmio_store(p, 8, v);
}

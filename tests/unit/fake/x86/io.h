/* SPDX-License-Identifier: MIT */
/*
 * x86/io.h by fake.h.
 */
#pragma once

#include "fake/fake.h"

static inline u8 in8(u16 port)
{
	return (u8)fake_in(port, 1);
}

static inline u16 in16(u16 port)
{
	return (u16)fake_in(port, 2);
}

static inline u32 in32(u16 port)
{
	return fake_in(port, 4);
}

static inline void out8(u16 port, u8 v)
{
	fake_out(port, 1, v);
}

static inline void out16(u16 port, u16 v)
{
	fake_out(port, 2, v);
}

static inline void out32(u16 port, u32 v)
{
	fake_out(port, 4, v);
}

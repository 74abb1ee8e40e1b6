/* SPDX-License-Identifier: MIT */
/*
 * The CRC-32C instruction of SSE4.2, which needs none of its registers. Any context.
 * Intel SDM volume 2, CRC32.
 */
#pragma once

#include "base/types.h"

/* CPUID leaf 1, ECX: the processor has it. */
#define X86_CPUID_1_ECX_CRC32 BIT(20)

/* Bits reflected, neither bit of complement: eight bytes, the lowest first; and one. */
static inline u32 x86_crc32c_u64(u32 crc, u64 value)
{
	u64 wide = crc;

	__asm__("crc32q %1, %0" : "+r"(wide) : "rm"(value));
	return (u32)wide;
}

static inline u32 x86_crc32c_u8(u32 crc, u8 value)
{
	__asm__("crc32b %1, %0" : "+r"(crc) : "qm"(value));
	return crc;
}

/* SPDX-License-Identifier: MIT */
/*
 * The string instructions that lib/string.c builds memcpy() and memset() on,
 * with the direction flag clear as the ABI has it. Eight bytes at a time and
 * a tail: real processors have fast microcode for both widths, emulators
 * count and execute each step. Any processor, any context.
 * Intel SDM volume 2, MOVS and STOS.
 */
#pragma once

#include "base/types.h"

/* Copies n bytes upwards; the regions may overlap if dst lies below src. */
static inline void x86_copy_up(void *dst, const void *src, size_t n)
{
	size_t quads = n / 8;
	size_t tail = n % 8;

	__asm__ volatile("rep movsq" : "+D"(dst), "+S"(src), "+c"(quads) : : "memory");
	__asm__ volatile("rep movsb" : "+D"(dst), "+S"(src), "+c"(tail) : : "memory");
}

/* Stores n times byte c. */
static inline void x86_fill(void *dst, u8 c, size_t n)
{
	u64 pattern = c * 0x0101010101010101ull;
	size_t quads = n / 8;
	size_t tail = n % 8;

	__asm__ volatile("rep stosq" : "+D"(dst), "+c"(quads) : "a"(pattern) : "memory");
	__asm__ volatile("rep stosb" : "+D"(dst), "+c"(tail) : "a"(pattern) : "memory");
}

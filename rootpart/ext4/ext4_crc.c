/* SPDX-License-Identifier: MIT */
/*
 * CRC-32C (Castagnoli), eight bytes at a step: by the processor's instruction if it has
 * that, which takes a tenth of the time, and else by tables. Table k is what a byte makes of the
 * CRC when k more bytes of zeroes follow; each is linear in its index, so that the eight
 * entries of single bits make all the others, by the compiler.
 */
#include "lib/string.h"
#include "rootpart/ext4/ext4_impl.h"
#include "x86/atomic.h"
#include "x86/cpu.h"
#include "x86/crc32.h"

#define ENTRY(i, a, b, c, d, e, f, g, h)                                         \
	(((i)&1 ? a : 0) ^ ((i)&2 ? b : 0) ^ ((i)&4 ? c : 0) ^ ((i)&8 ? d : 0) ^ \
		((i)&16 ? e : 0) ^ ((i)&32 ? f : 0) ^ ((i)&64 ? g : 0) ^ ((i)&128 ? h : 0))
#define ROW4(i, ...)                                                                 \
	ENTRY(i, __VA_ARGS__), ENTRY(i + 1, __VA_ARGS__), ENTRY(i + 2, __VA_ARGS__), \
		ENTRY(i + 3, __VA_ARGS__)
#define ROW16(i, ...)                                                             \
	ROW4(i, __VA_ARGS__), ROW4(i + 4, __VA_ARGS__), ROW4(i + 8, __VA_ARGS__), \
		ROW4(i + 12, __VA_ARGS__)
#define ROW64(i, ...)                                                                  \
	ROW16(i, __VA_ARGS__), ROW16(i + 16, __VA_ARGS__), ROW16(i + 32, __VA_ARGS__), \
		ROW16(i + 48, __VA_ARGS__)
#define TABLE(...)                                                                      \
	{                                                                               \
		ROW64(0, __VA_ARGS__), ROW64(64, __VA_ARGS__), ROW64(128, __VA_ARGS__), \
			ROW64(192, __VA_ARGS__)                                         \
	}

static const u32 table[8][256] = {
	TABLE(0xf26b8303, 0xe13b70f7, 0xc79a971f, 0x8ad958cf, 0x105ec76f, 0x20bd8ede, 0x417b1dbc,
		0x82f63b78),
	TABLE(0x13a29877, 0x274530ee, 0x4e8a61dc, 0x9d14c3b8, 0x3fc5f181, 0x7f8be302, 0xff17c604,
		0xfbc3faf9),
	TABLE(0xa541927e, 0x4f6f520d, 0x9edea41a, 0x38513ec5, 0x70a27d8a, 0xe144fb14, 0xc76580d9,
		0x8b277743),
	TABLE(0xdd45aab8, 0xbf672381, 0x7b2231f3, 0xf64463e6, 0xe964b13d, 0xd725148b, 0xaba65fe7,
		0x52a0c93f),
	TABLE(0x38116fac, 0x7022df58, 0xe045beb0, 0xc5670b91, 0x8f2261d3, 0x1ba8b557, 0x37516aae,
		0x6ea2d55c),
	TABLE(0xef306b19, 0xdb8ca0c3, 0xb2f53777, 0x6006181f, 0xc00c303e, 0x85f4168d, 0x0e045beb,
		0x1c08b7d6),
	TABLE(0x68032cc8, 0xd0065990, 0xa5e0c5d1, 0x4e2dfd53, 0x9c5bfaa6, 0x3d5b83bd, 0x7ab7077a,
		0xf56e0ef4),
	TABLE(0x493c7d27, 0x9278fa4e, 0x211d826d, 0x423b04da, 0x847609b4, 0x0d006599, 0x1a00cb32,
		0x34019664),
};

u32 ext4_crc32c_by_table(u32 crc, const void *data, size_t len)
{
	const u8 *p = data;

	for (; len >= 8; len -= 8, p += 8) {
		u64 v;

		__builtin_memcpy(&v, p, sizeof(v)); /* a load */
		v ^= crc;
		crc = 0;
		for (u32 i = 0; i < 8; i++)
			crc ^= table[7 - i][v >> 8 * i & 0xff];
	}
	while (len-- > 0)
		crc = crc >> 8 ^ table[0][(crc ^ *p++) & 0xff];
	return crc;
}

static u32 by_instruction(u32 crc, const u8 *p, size_t len)
{
	for (; len >= 8; len -= 8, p += 8) {
		u64 v;

		__builtin_memcpy(&v, p, sizeof(v)); /* a load */
		crc = x86_crc32c_u64(crc, v);
	}
	while (len-- > 0)
		crc = x86_crc32c_u8(crc, *p++);
	return crc;
}

/* Asked once: CPUID is slow, as the hypervisor answers it. */
static bool has_instruction(void)
{
	static enum { UNKNOWN, NO, YES } known; /* atomic; each writes the same */

	if (load_relaxed(&known) == UNKNOWN)
		store_relaxed(&known, cpuid(1, 0).ecx & X86_CPUID_1_ECX_CRC32 ? YES : NO);
	return load_relaxed(&known) == YES;
}

u32 ext4_crc32c(u32 crc, const void *data, size_t len)
{
	return has_instruction() ? by_instruction(crc, data, len)
				 : ext4_crc32c_by_table(crc, data, len);
}

/* SPDX-License-Identifier: MIT */
/*
 * Hashes of names, by which a directory's index is in order: the legacy one, a
 * cut-down MD4 (three rounds of eight steps), TEA as a block cipher in a chain. What is special to
 * ext4 is how characters become words, and that some take them as signed. No state.
 */
#include "rootpart/ext4/ext4_dir_impl.h"

/* No hash: in some positions it stands for the end. */
#define HASH_END 0xfffffffeu

static u32 character(const char *name, size_t i, bool is_unsigned)
{
	return is_unsigned ? (u8)name[i] : (u32)(s32)(s8)name[i];
}

/*
 * The name's next bytes as @count words, most significant first. The length, in all four bytes, stands where
 * there are none, and at the beginning of a word that is not whole.
 */
static void words_of(const char *name, size_t len, bool is_unsigned, u32 *words, u32 count)
{
	u32 fill = (u32)(u8)len * 0x01010101u;
	size_t used = MIN(len, 4u * (size_t)count);

	/* A length above 255 would carry; names are shorter. */
	for (u32 w = 0; w < count; w++) {
		u32 word = fill;

		for (size_t i = 4u * (size_t)w; i < MIN(used, 4u * (size_t)w + 4); i++)
			word = (word << 8) + character(name, i, is_unsigned);
		words[w] = word;
	}
}

static u32 rotate(u32 x, u32 by)
{
	return (x << by) | (x >> (32 - by));
}

static u32 md4_mix(u32 round, u32 x, u32 y, u32 z)
{
	if (round == 0)
		return (x & y) | (~x & z);
	if (round == 1)
		return (x & y) | (x & z) | (y & z);
	return x ^ y ^ z;
}

/* RFC 1320's rounds, of which each takes eight words in an order of its own. */
static void half_md4(u32 state[4], const u32 in[8])
{
	static const u32 constant[3] = { 0, 0x5a827999, 0x6ed9eba1 };
	static const u8 shift[3][4] = { { 3, 7, 11, 19 }, { 3, 5, 9, 13 }, { 3, 9, 11, 15 } };
	static const u8 order[3][8] = {
		{ 0, 1, 2, 3, 4, 5, 6, 7 },
		{ 1, 3, 5, 7, 0, 2, 4, 6 },
		{ 3, 7, 2, 6, 1, 5, 0, 4 },
	};
	u32 s[4] = { state[0], state[1], state[2], state[3] };

	for (u32 step = 0; step < 24; step++) {
		u32 round = step / 8;
		/* The word that is changed goes backwards through the four. */
		u32 *a = &s[(4 - step % 4) % 4];
		u32 mixed = md4_mix(
			round, s[(5 - step % 4) % 4], s[(6 - step % 4) % 4], s[(7 - step % 4) % 4]);

		*a = rotate(*a + mixed + in[order[round][step % 8]] + constant[round],
			shift[round][step % 4]);
	}
	for (u32 i = 0; i < 4; i++)
		state[i] += s[i];
}

/* 16 cycles of the cipher with the words as key; what comes out is added. */
static void tea(u32 state[4], const u32 key[4])
{
	u32 x = state[0], y = state[1], sum = 0;

	for (u32 i = 0; i < 16; i++) {
		sum += 0x9e3779b9u;
		x += ((y << 4) + key[0]) ^ (y + sum) ^ ((y >> 5) + key[1]);
		y += ((x << 4) + key[2]) ^ (x + sum) ^ ((x >> 5) + key[3]);
	}
	state[0] += x;
	state[1] += y;
}

static u32 legacy(const char *name, size_t len, bool is_unsigned)
{
	u32 now = 0x12a3fe2d, before = 0x37abe8f9;

	for (size_t i = 0; i < len; i++) {
		u32 next = before + (now ^ (character(name, i, is_unsigned) * 7152373u));

		if (next & 0x80000000u)
			next -= 0x7fffffffu;
		before = now;
		now = next;
	}
	return now << 1;
}

static void start(u32 state[4], const u32 seed[4])
{
	static const u32 usual[4] = { 0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476 };
	bool seeded = (seed[0] | seed[1] | seed[2] | seed[3]) != 0;

	for (u32 i = 0; i < 4; i++)
		state[i] = seeded ? seed[i] : usual[i];
}

static struct ext4_hash chained(
	const u32 seed[4], bool is_tea, bool is_unsigned, const char *name, size_t len)
{
	u32 state[4], words[8], count = is_tea ? 4 : 8;

	start(state, seed);
	for (size_t at = 0; at < len; at += 4u * (size_t)count) {
		words_of(name + at, len - at, is_unsigned, words, count);
		if (is_tea)
			tea(state, words);
		else
			half_md4(state, words);
	}
	return is_tea ? (struct ext4_hash){ state[0], state[1] }
		      : (struct ext4_hash){ state[1], state[2] };
}

struct ext4_hash ext4_hash_name(const u32 seed[4], u32 version, const char *name, size_t len)
{
	bool is_unsigned = version >= EXT4_HASH_UNSIGNED;
	u32 kind = is_unsigned ? version - EXT4_HASH_UNSIGNED : version;
	struct ext4_hash h;

	if (kind == EXT4_HASH_LEGACY)
		h = (struct ext4_hash){ legacy(name, len, is_unsigned), 0 };
	else
		h = chained(seed, kind != EXT4_HASH_HALF_MD4, is_unsigned, name, len);
	h.hash &= ~1u;
	if (h.hash == HASH_END)
		h.hash -= 2;
	return h;
}

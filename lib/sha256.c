/* SPDX-License-Identifier: MIT */
/*
 * FIPS 180-4, 6.2, as it stands there.
 */
#include "lib/sha256.h"

#include "lib/string.h"

/* 4.2.2: fractional parts of the cube roots of the first 64 primes. */
static const u32 k[64] = {
	0x428a2f98,
	0x71374491,
	0xb5c0fbcf,
	0xe9b5dba5,
	0x3956c25b,
	0x59f111f1,
	0x923f82a4,
	0xab1c5ed5,
	0xd807aa98,
	0x12835b01,
	0x243185be,
	0x550c7dc3,
	0x72be5d74,
	0x80deb1fe,
	0x9bdc06a7,
	0xc19bf174,
	0xe49b69c1,
	0xefbe4786,
	0x0fc19dc6,
	0x240ca1cc,
	0x2de92c6f,
	0x4a7484aa,
	0x5cb0a9dc,
	0x76f988da,
	0x983e5152,
	0xa831c66d,
	0xb00327c8,
	0xbf597fc7,
	0xc6e00bf3,
	0xd5a79147,
	0x06ca6351,
	0x14292967,
	0x27b70a85,
	0x2e1b2138,
	0x4d2c6dfc,
	0x53380d13,
	0x650a7354,
	0x766a0abb,
	0x81c2c92e,
	0x92722c85,
	0xa2bfe8a1,
	0xa81a664b,
	0xc24b8b70,
	0xc76c51a3,
	0xd192e819,
	0xd6990624,
	0xf40e3585,
	0x106aa070,
	0x19a4c116,
	0x1e376c08,
	0x2748774c,
	0x34b0bcb5,
	0x391c0cb3,
	0x4ed8aa4a,
	0x5b9cca4f,
	0x682e6ff3,
	0x748f82ee,
	0x78a5636f,
	0x84c87814,
	0x8cc70208,
	0x90befffa,
	0xa4506ceb,
	0xbef9a3f7,
	0xc67178f2,
};

static u32 rotate(u32 v, u32 n)
{
	return v >> n | v << (32 - n);
}

static u32 load_be32(const u8 *p)
{
	return (u32)p[0] << 24 | (u32)p[1] << 16 | (u32)p[2] << 8 | p[3];
}

/* The message schedule, 6.2.2 step 1. */
static void expand(u32 w[64], const u8 *block)
{
	for (u32 t = 0; t < 16; t++)
		w[t] = load_be32(block + t * 4);
	for (u32 t = 16; t < 64; t++) {
		u32 a = w[t - 15], b = w[t - 2];

		w[t] = (rotate(b, 17) ^ rotate(b, 19) ^ b >> 10) + w[t - 7] +
		       (rotate(a, 7) ^ rotate(a, 18) ^ a >> 3) + w[t - 16];
	}
}

static u32 mix(u32 e, u32 f, u32 g)
{
	return (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)) + ((e & f) ^ (~e & g));
}

static u32 majority(u32 a, u32 b, u32 c)
{
	return (rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
}

/* The working variables stay in registers. */
static void rounds(u32 state[8], const u32 w[64])
{
	u32 a = state[0], b = state[1], c = state[2], d = state[3];
	u32 e = state[4], f = state[5], g = state[6], h = state[7];

	for (u32 t = 0; t < 64; t++) {
		u32 t1 = h + mix(e, f, g) + k[t] + w[t];
		u32 t2 = majority(a, b, c);

		h = g;
		g = f;
		f = e;
		e = d + t1;
		d = c;
		c = b;
		b = a;
		a = t1 + t2;
	}
	state[0] += a;
	state[1] += b;
	state[2] += c;
	state[3] += d;
	state[4] += e;
	state[5] += f;
	state[6] += g;
	state[7] += h;
}

static void add_block(struct sha256 *s, const u8 *block)
{
	u32 w[64];

	expand(w, block);
	rounds(s->state, w);
}

void sha256_begin(struct sha256 *s)
{
	/* 5.3.3: of the square roots of the first eight primes. */
	*s = (struct sha256){ .state = { 0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f,
				      0x9b05688c, 0x1f83d9ab, 0x5be0cd19 } };
}

void sha256_add(struct sha256 *s, const void *data, size_t len)
{
	const u8 *p = data;

	while (len > 0) {
		size_t at = s->length % sizeof(s->buffer);
		size_t n = MIN(len, sizeof(s->buffer) - at);

		memcpy(s->buffer + at, p, n);
		s->length += n;
		if (at + n == sizeof(s->buffer))
			add_block(s, s->buffer);
		p += n;
		len -= n;
	}
}

void sha256_end(struct sha256 *s, u8 digest[SHA256_SIZE])
{
	static const u8 pad[64] = { 0x80 };
	u64 bits = s->length * 8;
	u8 length[8];

	for (u32 i = 0; i < 8; i++)
		length[i] = (u8)(bits >> (56 - i * 8));
	/* One to 64 bytes, so that the length ends a block. */
	sha256_add(s, pad, 64 - (s->length + 8) % 64);
	sha256_add(s, length, sizeof(length));
	for (u32 i = 0; i < SHA256_SIZE; i++)
		digest[i] = (u8)(s->state[i / 4] >> (24 - i % 4 * 8));
}

void sha256_text(const u8 digest[SHA256_SIZE], char text[SHA256_TEXT])
{
	static const char digits[] = "0123456789abcdef";

	for (u32 i = 0; i < SHA256_SIZE; i++) {
		text[i * 2] = digits[digest[i] >> 4];
		text[i * 2 + 1] = digits[digest[i] & 15];
	}
	text[SHA256_TEXT - 1] = '\0';
}

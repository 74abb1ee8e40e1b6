/* SPDX-License-Identifier: MIT */
/*
 * lib/insn.c: fields of chosen instructions, limits and errors, and lengths
 * of some hundred thousand instructions against objdump(1).
 * sources: lib/insn.c
 */
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/errno.h"
#include "lib/insn.h"

#define BYTES(...) (const u8[]){ __VA_ARGS__ }, sizeof((const u8[]){ __VA_ARGS__ })
#define X64        .opsize = 4, .addrsize = 8, .seg = INSN_SEG_DEFAULT
#define X32        .opsize = 4, .addrsize = 4, .seg = INSN_SEG_DEFAULT
#define X16        .opsize = 2, .addrsize = 2, .seg = INSN_SEG_DEFAULT

/* The length wanted is the number of bytes given. */
struct sample {
	enum insn_mode mode;
	const u8 *bytes;
	size_t len;
	struct insn want;
};

/* clang-format off */
static const struct sample samples[] = {
	/* Without operands. */
	{ INSN_64, BYTES(0x0f, 0xa2), { X64, .map = INSN_MAP_0F, .opcode = 0xa2 } },
	{ INSN_64, BYTES(0xf4), { X64, .opcode = 0xf4 } },
	{ INSN_16, BYTES(0x0f, 0x30), { X16, .map = INSN_MAP_0F, .opcode = 0x30 } },
	{ INSN_32, BYTES(0x40), { X32, .opcode = 0x40 } },
	{ INSN_64, BYTES(0xf3, 0x0f, 0xa2),
		{ X64, .map = INSN_MAP_0F, .opcode = 0xa2, .prefixes = INSN_PREFIX_REP } },
	{ INSN_64, BYTES(0x66, 0x67, 0xf0, 0xf2, 0xf4), { .opcode = 0xf4, .opsize = 2, .addrsize = 4,
		.seg = INSN_SEG_DEFAULT, .prefixes = INSN_PREFIX_OPSIZE | INSN_PREFIX_ADDRSIZE |
		INSN_PREFIX_LOCK | INSN_PREFIX_REPNE } },
	/* Of several the last counts; of REX only one right before the opcode. */
	{ INSN_64, BYTES(0xf2, 0xf3, 0x90), { X64, .opcode = 0x90, .prefixes = INSN_PREFIX_REP } },
	{ INSN_64, BYTES(0xf3, 0xf2, 0x90), { X64, .opcode = 0x90, .prefixes = INSN_PREFIX_REPNE } },
	{ INSN_64, BYTES(0x48, 0x66, 0x90),
		{ .opcode = 0x90, .opsize = 2, .addrsize = 8, .seg = INSN_SEG_DEFAULT,
		  .prefixes = INSN_PREFIX_OPSIZE } },
	{ INSN_64, BYTES(0x66, 0x48, 0x90),
		{ .opcode = 0x90, .opsize = 8, .addrsize = 8, .seg = INSN_SEG_DEFAULT,
		  .prefixes = INSN_PREFIX_OPSIZE, .rex = 0x48 } },
	{ INSN_64, BYTES(0x48, 0x41, 0x90), { X64, .opcode = 0x90, .rex = 0x41 } },
	/* Segments; 64-bit mode knows FS and GS alone. */
	{ INSN_32, BYTES(0x26, 0xa4), { .opsize = 4, .addrsize = 4, .opcode = 0xa4, .seg = INSN_ES } },
	{ INSN_32, BYTES(0x2e, 0xa4), { .opsize = 4, .addrsize = 4, .opcode = 0xa4, .seg = INSN_CS } },
	{ INSN_32, BYTES(0x36, 0xa4), { .opsize = 4, .addrsize = 4, .opcode = 0xa4, .seg = INSN_SS } },
	{ INSN_32, BYTES(0x65, 0x3e, 0xa4), { .opsize = 4, .addrsize = 4, .opcode = 0xa4, .seg = INSN_DS } },
	{ INSN_64, BYTES(0x65, 0x3e, 0xa4), { .opsize = 4, .addrsize = 8, .opcode = 0xa4, .seg = INSN_GS } },
	{ INSN_64, BYTES(0x64, 0xa4), { .opsize = 4, .addrsize = 8, .opcode = 0xa4, .seg = INSN_FS } },
	{ INSN_64, BYTES(0x2e, 0xa4), { X64, .opcode = 0xa4 } },
	/* Registers. */
	{ INSN_64, BYTES(0x0f, 0x01, 0xd9),
		{ X64, .map = INSN_MAP_0F, .opcode = 1, .has_modrm = true, .mod = 3, .reg = 3, .rm = 1 } },
	{ INSN_64, BYTES(0x4d, 0x89, 0xd8),
		{ .opsize = 8, .addrsize = 8, .seg = INSN_SEG_DEFAULT, .rex = 0x4d, .opcode = 0x89,
		  .has_modrm = true, .mod = 3, .reg = 11, .rm = 8 } },
	{ INSN_64, BYTES(0x44, 0x0f, 0x22, 0x04),
		{ X64, .rex = 0x44, .map = INSN_MAP_0F, .opcode = 0x22, .has_modrm = true, .mod = 3,
		  .reg = 8, .rm = 4 } },
	/* Memory, 32 and 64 bits. */
	{ INSN_64, BYTES(0x89, 0x07),
		{ X64, .opcode = 0x89, .has_modrm = true, .rm = 7, .has_base = true, .base = 7, .scale = 1 } },
	{ INSN_64, BYTES(0x8b, 0x45, 0xf8),
		{ X64, .opcode = 0x8b, .has_modrm = true, .mod = 1, .rm = 5, .has_base = true, .base = 5,
		  .scale = 1, .disp = -8 } },
	{ INSN_64, BYTES(0x8b, 0x05, 0x78, 0x56, 0x34, 0x12),
		{ X64, .opcode = 0x8b, .has_modrm = true, .rm = 5, .rip_relative = true, .base = 5,
		  .scale = 1, .disp = 0x12345678 } },
	{ INSN_64, BYTES(0x41, 0x8b, 0x05, 0xff, 0xff, 0xff, 0xff),
		{ X64, .rex = 0x41, .opcode = 0x8b, .has_modrm = true, .rm = 13, .rip_relative = true,
		  .base = 13, .scale = 1, .disp = -1 } },
	{ INSN_32, BYTES(0x8b, 0x05, 0x78, 0x56, 0x34, 0x12),
		{ X32, .opcode = 0x8b, .has_modrm = true, .rm = 5, .base = 5, .scale = 1, .disp = 0x12345678 } },
	{ INSN_64, BYTES(0x43, 0x8b, 0x84, 0xcd, 0x00, 0x01, 0x00, 0x00),
		{ X64, .rex = 0x43, .opcode = 0x8b, .has_modrm = true, .mod = 2, .rm = 12, .has_base = true,
		  .has_index = true, .base = 13, .index = 9, .scale = 8, .disp = 0x100 } },
	{ INSN_64, BYTES(0x8b, 0x04, 0x24),
		{ X64, .opcode = 0x8b, .has_modrm = true, .rm = 4, .has_base = true, .base = 4, .index = 4,
		  .scale = 1 } },
	{ INSN_64, BYTES(0x42, 0x8b, 0x04, 0x60),
		{ X64, .rex = 0x42, .opcode = 0x8b, .has_modrm = true, .rm = 4, .has_base = true, .base = 0,
		  .has_index = true, .index = 12, .scale = 2 } },
	{ INSN_64, BYTES(0x8b, 0x04, 0x25, 0x00, 0x00, 0xe0, 0xfe),
		{ X64, .opcode = 0x8b, .has_modrm = true, .rm = 4, .base = 5, .index = 4, .scale = 1,
		  .disp = -0x1200000 } },
	{ INSN_64, BYTES(0x67, 0x8b, 0x00),
		{ .opsize = 4, .addrsize = 4, .seg = INSN_SEG_DEFAULT, .prefixes = INSN_PREFIX_ADDRSIZE,
		  .opcode = 0x8b, .has_modrm = true, .has_base = true, .scale = 1 } },
	/* Memory, 16 bits. */
	{ INSN_16, BYTES(0x8b, 0x42, 0xfe),
		{ X16, .opcode = 0x8b, .has_modrm = true, .mod = 1, .rm = 2, .has_base = true, .base = 5,
		  .has_index = true, .index = 6, .scale = 1, .disp = -2 } },
	{ INSN_16, BYTES(0x8b, 0x06, 0x34, 0x92),
		{ X16, .opcode = 0x8b, .has_modrm = true, .rm = 6, .base = 5, .scale = 1, .disp = -0x6dcc } },
	{ INSN_16, BYTES(0x8b, 0x46, 0x00),
		{ X16, .opcode = 0x8b, .has_modrm = true, .mod = 1, .rm = 6, .has_base = true, .base = 5,
		  .scale = 1 } },
	{ INSN_16, BYTES(0x8b, 0x87, 0x00, 0x01),
		{ X16, .opcode = 0x8b, .has_modrm = true, .mod = 2, .rm = 7, .has_base = true, .base = 3,
		  .scale = 1, .disp = 0x100 } },
	{ INSN_32, BYTES(0x67, 0x8b, 0x01),
		{ .opsize = 4, .addrsize = 2, .seg = INSN_SEG_DEFAULT, .prefixes = INSN_PREFIX_ADDRSIZE,
		  .opcode = 0x8b, .has_modrm = true, .rm = 1, .has_base = true, .base = 3,
		  .has_index = true, .index = 7, .scale = 1 } },
	/* Immediates. */
	{ INSN_64, BYTES(0x6a, 0x80), { X64, .opcode = 0x6a, .has_imm = true, .imm = (u64)-128 } },
	{ INSN_64, BYTES(0xcd, 0x80), { X64, .opcode = 0xcd, .has_imm = true, .imm = 0x80 } },
	{ INSN_64, BYTES(0xe6, 0xf4), { X64, .opcode = 0xe6, .has_imm = true, .imm = 0xf4 } },
	{ INSN_64, BYTES(0x48, 0xc7, 0x07, 0x00, 0x00, 0x00, 0x80),
		{ .opsize = 8, .addrsize = 8, .seg = INSN_SEG_DEFAULT, .rex = 0x48, .opcode = 0xc7,
		  .has_modrm = true, .rm = 7, .has_base = true, .base = 7, .scale = 1, .has_imm = true,
		  .imm = 0xffffffff80000000 } },
	{ INSN_64, BYTES(0x66, 0xc7, 0x07, 0x34, 0x12),
		{ .opsize = 2, .addrsize = 8, .seg = INSN_SEG_DEFAULT, .prefixes = INSN_PREFIX_OPSIZE,
		  .opcode = 0xc7, .has_modrm = true, .rm = 7, .has_base = true, .base = 7, .scale = 1,
		  .has_imm = true, .imm = 0x1234 } },
	{ INSN_64, BYTES(0x48, 0xb8, 1, 2, 3, 4, 5, 6, 7, 0x88),
		{ .opsize = 8, .addrsize = 8, .seg = INSN_SEG_DEFAULT, .rex = 0x48, .opcode = 0xb8,
		  .has_imm = true, .imm = 0x8807060504030201 } },
	{ INSN_64, BYTES(0xb8, 1, 2, 3, 0x84), { X64, .opcode = 0xb8, .has_imm = true, .imm = 0x84030201 } },
	{ INSN_64, BYTES(0xa1, 1, 2, 3, 4, 5, 6, 7, 0x88),
		{ X64, .opcode = 0xa1, .has_imm = true, .imm = 0x8807060504030201 } },
	{ INSN_64, BYTES(0x67, 0xa1, 1, 2, 3, 0x84),
		{ .opsize = 4, .addrsize = 4, .seg = INSN_SEG_DEFAULT, .prefixes = INSN_PREFIX_ADDRSIZE,
		  .opcode = 0xa1, .has_imm = true, .imm = 0x84030201 } },
	{ INSN_16, BYTES(0xa0, 0x34, 0x92), { X16, .opcode = 0xa0, .has_imm = true, .imm = 0x9234 } },
	{ INSN_64, BYTES(0xe8, 0xfb, 0xff, 0xff, 0xff), { X64, .opcode = 0xe8, .has_imm = true, .imm = (u64)-5 } },
	{ INSN_16, BYTES(0xe9, 0xfd, 0xff), { X16, .opcode = 0xe9, .has_imm = true, .imm = (u64)-3 } },
	{ INSN_64, BYTES(0x0f, 0x84, 0, 0, 0, 0x80),
		{ X64, .map = INSN_MAP_0F, .opcode = 0x84, .has_imm = true, .imm = 0xffffffff80000000 } },
	{ INSN_64, BYTES(0x66, 0xe8, 1, 0, 0, 0),
		{ .opsize = 2, .addrsize = 8, .seg = INSN_SEG_DEFAULT, .prefixes = INSN_PREFIX_OPSIZE,
		  .opcode = 0xe8, .has_imm = true, .imm = 1 } },
	{ INSN_64, BYTES(0xc8, 0x34, 0x92, 0x05), { X64, .opcode = 0xc8, .has_imm = true, .imm = 0x59234 } },
	{ INSN_64, BYTES(0xc2, 0x34, 0x92), { X64, .opcode = 0xc2, .has_imm = true, .imm = 0x9234 } },
	{ INSN_16, BYTES(0xea, 0x34, 0x12, 0xff, 0xff),
		{ X16, .opcode = 0xea, .has_imm = true, .imm = 0xffff1234 } },
	{ INSN_32, BYTES(0x9a, 0x78, 0x56, 0x34, 0x12, 0x08, 0x00),
		{ X32, .opcode = 0x9a, .has_imm = true, .imm = 0x812345678 } },
	{ INSN_16, BYTES(0x66, 0xea, 0x78, 0x56, 0x34, 0x12, 0x08, 0x00),
		{ .opsize = 4, .addrsize = 2, .seg = INSN_SEG_DEFAULT, .prefixes = INSN_PREFIX_OPSIZE,
		  .opcode = 0xea, .has_imm = true, .imm = 0x812345678 } },
	/* Opcodes of which the next byte decides. */
	{ INSN_64, BYTES(0xf6, 0xc1, 0x01), { X64, .opcode = 0xf6, .has_modrm = true, .mod = 3, .rm = 1,
		.has_imm = true, .imm = 1 } },
	{ INSN_64, BYTES(0xf6, 0xd1), { X64, .opcode = 0xf6, .has_modrm = true, .mod = 3, .reg = 2, .rm = 1 } },
	{ INSN_64, BYTES(0x44, 0xf7, 0xc1, 1, 0, 0, 0x80),
		{ X64, .rex = 0x44, .opcode = 0xf7, .has_modrm = true, .mod = 3, .reg = 8, .rm = 1,
		  .has_imm = true, .imm = 0xffffffff80000001 } },
	{ INSN_32, BYTES(0x62, 0x01),
		{ X32, .opcode = 0x62, .has_modrm = true, .rm = 1, .has_base = true, .base = 1, .scale = 1 } },
	{ INSN_32, BYTES(0xc5, 0x01),
		{ X32, .opcode = 0xc5, .has_modrm = true, .rm = 1, .has_base = true, .base = 1, .scale = 1 } },
	{ INSN_64, BYTES(0x8f, 0x00), { X64, .opcode = 0x8f, .has_modrm = true, .has_base = true, .scale = 1 } },
	{ INSN_64, BYTES(0x66, 0x0f, 0x78, 0xc1, 0x05, 0x06),
		{ .opsize = 2, .addrsize = 8, .seg = INSN_SEG_DEFAULT, .prefixes = INSN_PREFIX_OPSIZE,
		  .map = INSN_MAP_0F, .opcode = 0x78, .has_modrm = true, .mod = 3, .rm = 1, .has_imm = true,
		  .imm = 0x0605 } },
	{ INSN_64, BYTES(0x0f, 0x78, 0xc1),
		{ X64, .map = INSN_MAP_0F, .opcode = 0x78, .has_modrm = true, .mod = 3, .rm = 1 } },
	/* Longer maps and VEX. */
	{ INSN_64, BYTES(0x0f, 0x38, 0xf0, 0x07),
		{ X64, .map = INSN_MAP_0F38, .opcode = 0xf0, .has_modrm = true, .rm = 7, .has_base = true,
		  .base = 7, .scale = 1 } },
	{ INSN_64, BYTES(0x66, 0x0f, 0x3a, 0x0f, 0xc1, 0x88),
		{ .opsize = 2, .addrsize = 8, .seg = INSN_SEG_DEFAULT, .prefixes = INSN_PREFIX_OPSIZE,
		  .map = INSN_MAP_0F3A, .opcode = 0x0f, .has_modrm = true, .mod = 3, .rm = 1,
		  .has_imm = true, .imm = 0x88 } },
	{ INSN_64, BYTES(0xc5, 0xf8, 0x77),
		{ X64, .map = INSN_MAP_0F, .opcode = 0x77, .prefixes = INSN_PREFIX_VEX, .rex = 0x40 } },
	{ INSN_64, BYTES(0xc5, 0x7a, 0x6f, 0x00), /* vmovdqu xmm8, [rax] */
		{ X64, .map = INSN_MAP_0F, .opcode = 0x6f, .prefixes = INSN_PREFIX_VEX | INSN_PREFIX_REP,
		  .rex = 0x44, .has_modrm = true, .reg = 8, .has_base = true, .scale = 1 } },
	{ INSN_64, BYTES(0xc4, 0xc2, 0xf9, 0xf7, 0x07), /* shlx rax, [r15], rax */
		{ .opsize = 8, .addrsize = 8, .seg = INSN_SEG_DEFAULT, .map = INSN_MAP_0F38, .opcode = 0xf7,
		  .prefixes = INSN_PREFIX_VEX | INSN_PREFIX_OPSIZE, .rex = 0x49, .has_modrm = true,
		  .rm = 15, .has_base = true, .base = 15, .scale = 1 } },
	{ INSN_32, BYTES(0xc4, 0xe3, 0x7d, 0x46, 0xc0, 0x11),
		{ .opsize = 2, .addrsize = 4, .seg = INSN_SEG_DEFAULT, .map = INSN_MAP_0F3A, .opcode = 0x46,
		  .prefixes = INSN_PREFIX_VEX | INSN_PREFIX_OPSIZE, .has_modrm = true, .mod = 3,
		  .has_imm = true, .imm = 0x11 } },
};
/* clang-format on */

#define SAME(field) assert_int_equal(got->field, want->field)

static void assert_same(const struct insn *got, const struct insn *want, size_t len)
{
	assert_int_equal(got->length, len);
	SAME(map);
	SAME(opcode);
	SAME(rex);
	SAME(prefixes);
	SAME(seg);
	SAME(opsize);
	SAME(addrsize);
	SAME(has_modrm);
	SAME(mod);
	SAME(reg);
	SAME(rm);
	SAME(rip_relative);
	SAME(has_base);
	SAME(has_index);
	SAME(base);
	SAME(index);
	SAME(scale);
	SAME(disp);
	SAME(has_imm);
	SAME(imm);
}

static void fields_are_decoded(void **state)
{
	(void)state;
	for (size_t n = 0; n < ARRAY_SIZE(samples); n++) {
		const struct sample *s = &samples[n];
		u8 padded[INSN_MAX + 3];
		struct insn insn;

		assert_int_equal(insn_decode(&insn, s->bytes, s->len, s->mode), 0);
		assert_same(&insn, &s->want, s->len);
		/* What stands behind it must not matter. */
		for (int fill = 0; fill < 0x100; fill += 0x33) {
			memset(padded, fill, sizeof(padded));
			memcpy(padded, s->bytes, s->len);
			assert_int_equal(insn_decode(&insn, padded, sizeof(padded), s->mode), 0);
			assert_same(&insn, &s->want, s->len);
		}
	}
}

static void cut_instructions_ask_for_more(void **state)
{
	(void)state;
	for (size_t n = 0; n < ARRAY_SIZE(samples); n++) {
		for (size_t len = 0; len < samples[n].len; len++) {
			u8 *copy = malloc(len ? len : 1);
			struct insn insn;

			memcpy(copy, samples[n].bytes, len);
			assert_int_equal(insn_decode(&insn, copy, len, samples[n].mode), -EAGAIN);
			free(copy);
		}
	}
}

static const struct {
	enum insn_mode mode;
	const u8 *bytes;
	size_t len;
} unknown[] = {
	{ INSN_64, BYTES(0x06) },
	{ INSN_64, BYTES(0x27) },
	{ INSN_64, BYTES(0x60) },
	{ INSN_64, BYTES(0x82, 0xc0, 0x00) },
	{ INSN_64, BYTES(0x9a, 0, 0, 0, 0, 0, 0) },
	{ INSN_64, BYTES(0xea, 0, 0, 0, 0, 0, 0) },
	{ INSN_64, BYTES(0xce) },
	{ INSN_64, BYTES(0xd4, 0x0a) },
	{ INSN_64, BYTES(0xd6) },
	{ INSN_64, BYTES(0x0f, 0x04, 0, 0) },
	{ INSN_64, BYTES(0x0f, 0x24, 0xc0) },
	{ INSN_64, BYTES(0x0f, 0x39, 0xc0) },
	{ INSN_64, BYTES(0x0f, 0x7b, 0xc0) },
	{ INSN_64, BYTES(0x62, 0xf1, 0x7c, 0x48, 0x10, 0x00) }, /* EVEX */
	{ INSN_32, BYTES(0x62, 0xf1, 0x7c, 0x48, 0x10, 0x00) },
	{ INSN_64, BYTES(0x8f, 0xe8, 0x78, 0xc0, 0xc0, 0x01) }, /* XOP */
	{ INSN_64, BYTES(0x66, 0xc5, 0xf8, 0x77) },             /* VEX behind prefixes */
	{ INSN_64, BYTES(0xf3, 0xc5, 0xf8, 0x77) },
	{ INSN_64, BYTES(0xf0, 0xc5, 0xf8, 0x77) },
	{ INSN_64, BYTES(0x48, 0xc5, 0xf8, 0x77) },
	{ INSN_64, BYTES(0xc4, 0xe0, 0x78, 0x77, 0xc0) }, /* VEX maps 0 and 4 */
	{ INSN_64, BYTES(0xc4, 0xe4, 0x78, 0x77, 0xc0) },
	{ INSN_64, BYTES(0xc5, 0xf8, 0xa2) },
};

static void unknown_instructions_are_refused(void **state)
{
	(void)state;
	for (size_t n = 0; n < ARRAY_SIZE(unknown); n++) {
		u8 padded[INSN_MAX] = { 0 };
		struct insn insn;

		memcpy(padded, unknown[n].bytes, unknown[n].len);
		assert_int_equal(
			insn_decode(&insn, unknown[n].bytes, unknown[n].len, unknown[n].mode),
			-EINVAL);
		assert_int_equal(
			insn_decode(&insn, padded, sizeof(padded), unknown[n].mode), -EINVAL);
	}
}

static void fifteen_bytes_are_the_limit(void **state)
{
	u8 bytes[20];
	struct insn insn;

	(void)state;
	memset(bytes, 0x66, sizeof(bytes));
	bytes[14] = 0x90;
	assert_int_equal(insn_decode(&insn, bytes, sizeof(bytes), INSN_64), 0);
	assert_int_equal(insn.length, 15);
	assert_int_equal(insn_decode(&insn, bytes, 14, INSN_64), -EAGAIN);
	/* CPUID of 16 bytes, of which 15 alone are enough to know. */
	bytes[14] = 0x0f;
	bytes[15] = 0xa2;
	assert_int_equal(insn_decode(&insn, bytes, sizeof(bytes), INSN_64), -EINVAL);
	assert_int_equal(insn_decode(&insn, bytes, 15, INSN_64), -EINVAL);
	memset(bytes, 0x66, sizeof(bytes));
	assert_int_equal(insn_decode(&insn, bytes, sizeof(bytes), INSN_64), -EINVAL);
	/* An immediate that starts inside and ends outside. */
	memset(bytes, 0x2e, sizeof(bytes));
	bytes[11] = 0xb8;
	assert_int_equal(insn_decode(&insn, bytes, sizeof(bytes), INSN_64), -EINVAL);
	bytes[10] = 0xb8;
	assert_int_equal(insn_decode(&insn, bytes, sizeof(bytes), INSN_64), 0);
	assert_int_equal(insn.length, 15);
}

/* Reads "addr:\tbytes\ttext". Returns the number of bytes, 0 for other lines. */
static size_t listing_parse(const char *line, u8 *bytes, const char **text)
{
	const char *p = strstr(line, ":\t");
	size_t len = 0;

	if (p == NULL)
		return 0;
	for (p += 2; isxdigit((u8)p[0]) && isxdigit((u8)p[1]) && p[2] == ' '; p += 3) {
		assert_true(len < INSN_MAX);
		bytes[len++] = (u8)strtoul((char[]){ p[0], p[1], 0 }, NULL, 16);
	}
	*text = strchr(p, '\t');
	return *text != NULL ? len : 0;
}

/* Skips prefixes of 16-bit and 32-bit mode. */
static size_t opcode_at(const u8 *bytes, size_t len)
{
	size_t n = 0;

	while (n < len && memchr("\x26\x2e\x36\x3e\x64\x65\x66\x67\xf0\xf2\xf3", bytes[n], 11))
		n++;
	return n;
}

/*
 * What objdump shows and we do not decode: what it calls bad, EVEX, XOP, and
 * MOV to test registers; what it shows otherwise: WAIT together with what
 * follows it.
 */
static bool is_incomparable(const u8 *bytes, size_t len, const char *text, enum insn_mode mode)
{
	size_t n = opcode_at(bytes, len);

	if (strstr(text, "(bad)") != NULL || strstr(text, ".byte") != NULL)
		return true;
	if (n + 1 >= len)
		return false;
	return bytes[n] == 0x9b ||
	       (bytes[n] == 0x62 && (mode == INSN_64 || bytes[n + 1] >= 0xc0)) ||
	       (bytes[n] == 0x8f && (bytes[n + 1] & 0x38) != 0) ||
	       (bytes[n] == 0x0f && (bytes[n + 1] & 0xfd) == 0x24);
}

/*
 * Returns the number of instructions of @command's listing that agree. The
 * last one, and no other, may be cut.
 */
static u32 compare_listing(const char *command, enum insn_mode mode)
{
	FILE *listing = popen(command, "r");
	bool cut = false;
	char line[512];
	u32 agree = 0;

	assert_non_null(listing);
	while (fgets(line, sizeof(line), listing) != NULL) {
		u8 bytes[INSN_MAX + 1];
		const char *text;
		size_t len = listing_parse(line, bytes, &text);
		struct insn insn;
		int err;

		if (len == 0 || is_incomparable(bytes, len, text, mode))
			continue;
		assert_false(cut);
		err = insn_decode(&insn, bytes, len, mode);
		cut = err == -EAGAIN;
		if (!cut && (err != 0 || insn.length != len))
			fail_msg("differs: %s", line);
		agree++;
	}
	assert_int_equal(pclose(listing), 0);
	return agree;
}

/* The path of the libc that this program runs with: a big binary at hand. */
static void libc_path(char *path, size_t size)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	char line[512];

	assert_non_null(maps);
	path[0] = '\0';
	while (path[0] == '\0' && fgets(line, sizeof(line), maps) != NULL) {
		if (strstr(line, "/libc.so") != NULL || strstr(line, "/libc-") != NULL)
			snprintf(path, size, "%.*s", (int)strcspn(strchr(line, '/'), "\n"),
				strchr(line, '/'));
	}
	fclose(maps);
	assert_true(path[0] != '\0');
}

static void lengths_match_objdump_in_64_bit_mode(void **state)
{
	char path[256], command[512];

	(void)state;
	libc_path(path, sizeof(path));
	snprintf(command, sizeof(command), "LC_ALL=C objdump -d -w --insn-width=15 -j .text '%s'",
		path);
	assert_true(compare_listing(command, INSN_64) > 100000);
}

/* The same bytes, taken for code that they are not: every opcode occurs. */
static void compare_as_binary(const char *machine, enum insn_mode mode)
{
	char path[256], command[512];

	libc_path(path, sizeof(path));
	snprintf(command, sizeof(command),
		"LC_ALL=C objdump -D -b binary -m %s -w --insn-width=15 "
		"--start-address=0x30000 --stop-address=0xb0000 '%s'",
		machine, path);
	assert_true(compare_listing(command, mode) > 100000);
}

static void lengths_match_objdump_in_32_bit_mode(void **state)
{
	(void)state;
	compare_as_binary("i386", INSN_32);
}

static void lengths_match_objdump_in_16_bit_mode(void **state)
{
	(void)state;
	compare_as_binary("i8086", INSN_16);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_are_decoded),
		cmocka_unit_test(cut_instructions_ask_for_more),
		cmocka_unit_test(unknown_instructions_are_refused),
		cmocka_unit_test(fifteen_bytes_are_the_limit),
		cmocka_unit_test(lengths_match_objdump_in_64_bit_mode),
		cmocka_unit_test(lengths_match_objdump_in_32_bit_mode),
		cmocka_unit_test(lengths_match_objdump_in_16_bit_mode),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/*
 * lib/insn_access.c: what instructions do to their memory operand, in 64-bit
 * mode unless a row says otherwise.
 * sources: lib/insn.c lib/insn_access.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/errno.h"
#include "lib/insn.h"

struct row {
	u8 bytes[INSN_MAX];
	struct insn_access want;
	enum insn_mode mode;
};

#define IN32 .mode = INSN_32
#define IN64 .mode = INSN_64

/* clang-format off */
static const struct row rows[] = {
	/* MOV */
	{ { 0x88, 0x07 }, { INSN_STORE, .size = 1, .dst_size = 1 }, IN64 },
	{ { 0x88, 0x27 }, { INSN_STORE, .size = 1, .dst_size = 1, .reg = 4, .high_byte = true }, IN64 },
	{ { 0x40, 0x88, 0x27 }, { INSN_STORE, .size = 1, .dst_size = 1, .reg = 4 }, IN64 },
	{ { 0x44, 0x88, 0x07 }, { INSN_STORE, .size = 1, .dst_size = 1, .reg = 8 }, IN64 },
	{ { 0x89, 0x3f }, { INSN_STORE, .size = 4, .dst_size = 4, .reg = 7 }, IN64 },
	{ { 0x66, 0x89, 0x07 }, { INSN_STORE, .size = 2, .dst_size = 2 }, IN64 },
	{ { 0x4c, 0x89, 0x3f }, { INSN_STORE, .size = 8, .dst_size = 8, .reg = 15 }, IN64 },
	{ { 0x8a, 0x38 }, { INSN_LOAD, .size = 1, .dst_size = 1, .reg = 7, .high_byte = true }, IN64 },
	{ { 0x8b, 0x07 }, { INSN_LOAD, .size = 4, .dst_size = 4 }, IN64 },
	{ { 0x48, 0x8b, 0x07 }, { INSN_LOAD, .size = 8, .dst_size = 8 }, IN64 },
	{ { 0x66, 0x8b, 0x07 }, { INSN_LOAD, .size = 2, .dst_size = 2 }, IN64 },
	{ { 0xa0, 1, 2, 3, 4, 5, 6, 7, 8 }, { INSN_LOAD, .size = 1, .dst_size = 1 }, IN64 },
	{ { 0xa1, 1, 2, 3, 4, 5, 6, 7, 8 }, { INSN_LOAD, .size = 4, .dst_size = 4 }, IN64 },
	{ { 0x48, 0xa3, 1, 2, 3, 4, 5, 6, 7, 8 }, { INSN_STORE, .size = 8, .dst_size = 8 }, IN64 },
	{ { 0xa2, 1, 2, 3, 4 }, { INSN_STORE, .size = 1, .dst_size = 1 }, IN32 },
	{ { 0xc6, 0x07, 0x12 }, { INSN_STORE, .size = 1, .dst_size = 1, .source_imm = true }, IN64 },
	{ { 0xc7, 0x07, 1, 2, 3, 4 }, { INSN_STORE, .size = 4, .dst_size = 4, .source_imm = true }, IN64 },
	{ { 0x48, 0xc7, 0x07, 1, 2, 3, 4 }, { INSN_STORE, .size = 8, .dst_size = 8, .source_imm = true }, IN64 },
	{ { 0x66, 0xc7, 0x07, 1, 2 }, { INSN_STORE, .size = 2, .dst_size = 2, .source_imm = true }, IN64 },
	{ { 0x48, 0x0f, 0xc3, 0x07 }, { INSN_STORE, .size = 8, .dst_size = 8 }, IN64 },
	/* Widening loads; no high byte is meant by their register. */
	{ { 0x0f, 0xb6, 0x20 }, { INSN_LOAD, .size = 1, .dst_size = 4, .reg = 4 }, IN64 },
	{ { 0x66, 0x0f, 0xb6, 0x00 }, { INSN_LOAD, .size = 1, .dst_size = 2 }, IN64 },
	{ { 0x48, 0x0f, 0xb7, 0x00 }, { INSN_LOAD, .size = 2, .dst_size = 8 }, IN64 },
	{ { 0x0f, 0xbe, 0x00 }, { INSN_LOAD, .size = 1, .dst_size = 4, .sign = true }, IN64 },
	{ { 0x4c, 0x0f, 0xbf, 0x00 }, { INSN_LOAD, .size = 2, .dst_size = 8, .sign = true, .reg = 8 }, IN64 },
	{ { 0x48, 0x63, 0x00 }, { INSN_LOAD, .size = 4, .dst_size = 8, .sign = true }, IN64 },
	/* Arithmetic to memory, from memory, with immediates */
	{ { 0x00, 0x20 }, { INSN_RMW, .size = 1, .dst_size = 1, .reg = 4, .high_byte = true, .op = 0 }, IN64 },
	{ { 0x01, 0x08 }, { INSN_RMW, .size = 4, .dst_size = 4, .reg = 1, .op = 0 }, IN64 },
	{ { 0xf0, 0x09, 0x08 }, { INSN_RMW, .size = 4, .dst_size = 4, .reg = 1, .op = 1 }, IN64 },
	{ { 0x48, 0x21, 0x08 }, { INSN_RMW, .size = 8, .dst_size = 8, .reg = 1, .op = 4 }, IN64 },
	{ { 0x28, 0x00 }, { INSN_RMW, .size = 1, .dst_size = 1, .op = 5 }, IN64 },
	{ { 0x66, 0x31, 0x00 }, { INSN_RMW, .size = 2, .dst_size = 2, .op = 6 }, IN64 },
	{ { 0x39, 0x18 }, { INSN_TEST, .size = 4, .dst_size = 4, .reg = 3, .op = 7 }, IN64 },
	{ { 0x03, 0x18 }, { INSN_LOAD_OP, .size = 4, .dst_size = 4, .reg = 3, .op = 0 }, IN64 },
	{ { 0x0a, 0x18 }, { INSN_LOAD_OP, .size = 1, .dst_size = 1, .reg = 3, .op = 1 }, IN64 },
	{ { 0x23, 0x18 }, { INSN_LOAD_OP, .size = 4, .dst_size = 4, .reg = 3, .op = 4 }, IN64 },
	{ { 0x3a, 0x18 }, { INSN_LOAD_OP, .size = 1, .dst_size = 1, .reg = 3, .op = 7 }, IN64 },
	{ { 0x80, 0x0f, 0x01 }, { INSN_RMW, .size = 1, .dst_size = 1, .source_imm = true, .op = 1 }, IN64 },
	{ { 0x81, 0x27, 1, 2, 3, 4 }, { INSN_RMW, .size = 4, .dst_size = 4, .source_imm = true, .op = 4 }, IN64 },
	{ { 0x82, 0x2f, 0x01 }, { INSN_RMW, .size = 1, .dst_size = 1, .source_imm = true, .op = 5 }, IN32 },
	{ { 0x48, 0x83, 0x37, 1 }, { INSN_RMW, .size = 8, .dst_size = 8, .source_imm = true, .op = 6 }, IN64 },
	{ { 0x83, 0x07, 1 }, { INSN_RMW, .size = 4, .dst_size = 4, .source_imm = true, .op = 0 }, IN64 },
	{ { 0x83, 0x3f, 1 }, { INSN_TEST, .size = 4, .dst_size = 4, .source_imm = true, .op = 7 }, IN64 },
	/* The rest */
	{ { 0x87, 0x07 }, { INSN_RMW, .size = 4, .dst_size = 4, .op = 8 }, IN64 },
	{ { 0x86, 0x37 }, { INSN_RMW, .size = 1, .dst_size = 1, .reg = 6, .high_byte = true, .op = 8 }, IN64 },
	{ { 0x84, 0x07 }, { INSN_TEST, .size = 1, .dst_size = 1, .op = 9 }, IN64 },
	{ { 0x85, 0x07 }, { INSN_TEST, .size = 4, .dst_size = 4, .op = 9 }, IN64 },
	{ { 0xf6, 0x07, 1 }, { INSN_TEST, .size = 1, .dst_size = 1, .source_imm = true, .op = 9 }, IN64 },
	{ { 0xf7, 0x0f, 1, 2, 3, 4 }, { INSN_TEST, .size = 4, .dst_size = 4, .source_imm = true, .op = 9 }, IN64 },
	{ { 0x0f, 0xba, 0x27, 3 }, { INSN_TEST, .size = 4, .dst_size = 4, .source_imm = true, .op = 10 }, IN64 },
	{ { 0xf3, 0xa4 }, { INSN_MOVS, .size = 1, .dst_size = 1 }, IN64 },
	{ { 0xa5 }, { INSN_MOVS, .size = 4, .dst_size = 4 }, IN64 },
	{ { 0xf3, 0x48, 0xab }, { INSN_STOS, .size = 8, .dst_size = 8 }, IN64 },
	{ { 0xaa }, { INSN_STOS, .size = 1, .dst_size = 1 }, IN64 },
	{ { 0x66, 0xad }, { INSN_LODS, .size = 2, .dst_size = 2 }, IN64 },
	{ { 0xac }, { INSN_LODS, .size = 1, .dst_size = 1 }, IN64 },
};

static const struct row refused[] = {
	{ { 0x89, 0xc0 }, .mode = INSN_64 }, /* no memory operand */
	{ { 0x01, 0xc0 }, .mode = INSN_64 },
	{ { 0xc7, 0xc0, 1, 2, 3, 4 }, .mode = INSN_64 },
	{ { 0x0f, 0xb6, 0xc0 }, .mode = INSN_64 },
	{ { 0x0f, 0xa2 }, .mode = INSN_64 },
	{ { 0x90 }, .mode = INSN_64 },
	{ { 0x10, 0x00 }, .mode = INSN_64 }, /* ADC, SBB */
	{ { 0x1b, 0x00 }, .mode = INSN_64 },
	{ { 0x83, 0x17, 1 }, .mode = INSN_64 },
	{ { 0x80, 0x1f, 1 }, .mode = INSN_64 },
	{ { 0xc7, 0x0f, 1, 2, 3, 4 }, .mode = INSN_64 }, /* reserved in its group */
	{ { 0xf7, 0x17 }, .mode = INSN_64 },		 /* NOT */
	{ { 0xff, 0x07 }, .mode = INSN_64 },		 /* INC, CALL */
	{ { 0xff, 0x17 }, .mode = INSN_64 },
	{ { 0x63, 0x00 }, .mode = INSN_32 }, /* ARPL */
	{ { 0x63, 0x00 }, .mode = INSN_64 },
	{ { 0x0f, 0xba, 0x2f, 3 }, .mode = INSN_64 }, /* BTS, BT with a register */
	{ { 0x0f, 0xa3, 0x07 }, .mode = INSN_64 },
	{ { 0xa6 }, .mode = INSN_64 },
	{ { 0x0f, 0x6f, 0x00 }, .mode = INSN_64 }, /* vectors */
	{ { 0xc5, 0xf8, 0xc3, 0x00 }, .mode = INSN_64 },
	{ { 0x0f, 0x38, 0x89, 0x00 }, .mode = INSN_64 }, /* same opcodes, other maps */
	{ { 0x0f, 0x3a, 0xb6, 0x00 }, .mode = INSN_64 },
	{ { 0xc4, 0xe2, 0x78, 0xb6, 0x00 }, .mode = INSN_64 },
	{ { 0x0f, 0x89, 1, 2, 3, 4 }, .mode = INSN_64 },
};
/* clang-format on */

static void accesses_are_classified(void **state)
{
	(void)state;
	for (size_t n = 0; n < ARRAY_SIZE(rows); n++) {
		const struct insn_access *want = &rows[n].want;
		struct insn_access got;
		struct insn insn;

		assert_int_equal(insn_decode(&insn, rows[n].bytes, INSN_MAX, rows[n].mode), 0);
		assert_int_equal(insn_access(&insn, &got), 0);
		assert_int_equal(got.kind, want->kind);
		assert_int_equal(got.size, want->size);
		assert_int_equal(got.dst_size, want->dst_size);
		assert_int_equal(got.sign, want->sign);
		assert_int_equal(got.source_imm, want->source_imm);
		assert_int_equal(got.reg, want->reg);
		assert_int_equal(got.high_byte, want->high_byte);
		assert_int_equal(got.op, want->op);
	}
}

static void others_are_refused(void **state)
{
	(void)state;
	for (size_t n = 0; n < ARRAY_SIZE(refused); n++) {
		struct insn_access got = { .size = 77 };
		struct insn insn;

		assert_int_equal(
			insn_decode(&insn, refused[n].bytes, INSN_MAX, refused[n].mode), 0);
		assert_int_equal(insn_access(&insn, &got), -EINVAL);
		assert_int_equal(got.size, 77);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(accesses_are_classified),
		cmocka_unit_test(others_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

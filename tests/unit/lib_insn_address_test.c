/* SPDX-License-Identifier: MIT */
/*
 * lib/insn_address.c: operands' offsets and segments in each form of address.
 * sources: lib/insn_address.c lib/insn.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/insn.h"

#define BYTES(...) { __VA_ARGS__ }, sizeof((const u8[]){ __VA_ARGS__ })

/* Registers are 0x1000, 0x1001, … with something above 32 and 16 bits. */
#define REG(n) (0x0000700000010000ull * ((n) + 1) + 0x1000 + (n))
#define RIP    0xffffffff80001000ull

/* clang-format off */
static const struct {
	enum insn_mode mode;
	u8 bytes[15];
	size_t len;
	u64 address;
	enum insn_seg seg;
} samples[] = {
	{ INSN_64, BYTES(0x8b, 0x03), REG(3), INSN_DS },                  /* [rbx] */
	{ INSN_64, BYTES(0x8b, 0x45, 0xf8), REG(5) - 8, INSN_SS },        /* [rbp-8] */
	{ INSN_64, BYTES(0x8b, 0x04, 0x24), REG(4), INSN_SS },            /* [rsp] */
	{ INSN_64, BYTES(0x41, 0x8b, 0x45, 0), REG(13), INSN_DS },        /* [r13] */
	{ INSN_64, BYTES(0x41, 0x8b, 0x04, 0x24), REG(12), INSN_DS },     /* [r12] */
	{ INSN_64, BYTES(0x43, 0x8b, 0x84, 0xcd, 0, 1, 0, 0),
		REG(13) + REG(9) * 8 + 0x100, INSN_DS },                  /* [r13+r9*8+256] */
	{ INSN_64, BYTES(0x8b, 0x04, 0x25, 0, 0, 0xe0, 0xfe),
		0xfffffffffee00000ull, INSN_DS },                         /* [disp32] */
	{ INSN_64, BYTES(0x8b, 0x05, 0xff, 0xff, 0xff, 0xff), RIP + 5, INSN_DS },
	{ INSN_64, BYTES(0x67, 0x8b, 0x03), (u32)REG(3), INSN_DS },       /* [ebx] */
	{ INSN_64, BYTES(0x67, 0x8b, 0x44, 0x8b, 0x04),
		(u32)(REG(3) + REG(1) * 4 + 4), INSN_DS },                /* [ebx+ecx*4+4] */
	{ INSN_64, BYTES(0x65, 0x8b, 0x04, 0x25, 0x10, 0, 0, 0), 0x10, INSN_GS },
	{ INSN_64, BYTES(0xa1, 1, 2, 3, 4, 5, 6, 7, 8), 0x0807060504030201ull, INSN_DS },
	{ INSN_64, BYTES(0x64, 0x67, 0xa1, 1, 2, 3, 4), 0x04030201, INSN_FS },
	{ INSN_32, BYTES(0x8b, 0x05, 0xff, 0xff, 0xff, 0xff), 0xffffffff, INSN_DS },
	{ INSN_32, BYTES(0x36, 0x8b, 0x03), (u32)REG(3), INSN_SS },
	{ INSN_32, BYTES(0x8b, 0x44, 0x65, 0), (u32)REG(5), INSN_SS },    /* [ebp], index none */
	{ INSN_16, BYTES(0x8b, 0x42, 0xfe), (u16)(REG(5) + REG(6) - 2), INSN_SS }, /* [bp+si-2] */
	{ INSN_16, BYTES(0x8b, 0x01), (u16)(REG(3) + REG(7)), INSN_DS },  /* [bx+di] */
	{ INSN_16, BYTES(0x8b, 0x04), (u16)REG(6), INSN_DS },             /* [si] */
	{ INSN_16, BYTES(0x26, 0x8b, 0x06, 0x34, 0x92), 0x9234, INSN_ES },
};
/* clang-format on */

static void operands_are_found(void **state)
{
	u64 gpr[16];

	(void)state;
	for (u32 i = 0; i < 16; i++)
		gpr[i] = REG(i);
	for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
		struct insn insn;

		assert_int_equal(
			insn_decode(&insn, samples[i].bytes, samples[i].len, samples[i].mode), 0);
		assert_int_equal(insn.length, samples[i].len);
		assert_int_equal(insn_address(&insn, gpr, RIP), samples[i].address);
		assert_int_equal(insn_segment(&insn), samples[i].seg);
	}
}

static void addresses_are_cut(void **state)
{
	(void)state;
	assert_int_equal(insn_address_cut(0x1122334455667788ull, 2), 0x7788);
	assert_int_equal(insn_address_cut(0x1122334455667788ull, 4), 0x55667788);
	assert_int_equal(insn_address_cut(0x1122334455667788ull, 8), 0x1122334455667788ull);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(operands_are_found),
		cmocka_unit_test(addresses_are_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

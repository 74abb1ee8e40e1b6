/* SPDX-License-Identifier: MIT */
/*
 * The control word of hypercalls and the places of parameter blocks.
 * sources: hypervisor/hypercall_control.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "hypervisor/hypercall_control.h"

#define FAST      (1ull << 16)
#define HEADER(n) ((u64)(n) << 17)
#define COUNT(n)  ((u64)(n) << 32)
#define START(n)  ((u64)(n) << 48)

static const struct hypercall_row simple = { .input_size = 24, .output_size = 8 };
static const struct hypercall_row small = { .input_size = 16 };
static const struct hypercall_row large = { .input_size = 112 };
static const struct hypercall_row larger = { .input_size = 113 };
static const struct hypercall_row giving = { .output_size = 8 };
static const struct hypercall_row variable = { .input_size = 72, .variable = true };
static const struct hypercall_row list = { .input_size = 24, .rep_in = 8 };
static const struct hypercall_row rep = { .input_size = 16, .rep_in = 4, .rep_out = 4 };

static enum hv_status decode(
	const struct hypercall_row *row, u64 control, struct hypercall_control *out)
{
	*out = (struct hypercall_control){ .input_size = 0xdead };
	return hypercall_control_decode(row, control, out);
}

static void refused(const struct hypercall_row *row, u64 control)
{
	struct hypercall_control c;

	assert_int_equal(decode(row, control, &c), HV_STATUS_INVALID_HYPERCALL_INPUT);
	assert_int_equal(c.input_size, 0xdead);
}

static void test_simple(void **state)
{
	struct hypercall_control c;

	(void)state;
	assert_int_equal(decode(&simple, 0x46, &c), HV_STATUS_SUCCESS);
	assert_false(c.fast);
	assert_false(c.rep);
	assert_int_equal(c.input_size, 24);
	assert_int_equal(c.output_size, 8);
	refused(&simple, COUNT(1));
	refused(&simple, START(1));
	refused(&simple, COUNT(1) | START(0));
}

static void test_reserved_bits(void **state)
{
	struct hypercall_control c;

	(void)state;
	for (u32 bit = 0; bit < 64; bit++) {
		bool reserved = (bit >= 27 && bit <= 31) || (bit >= 44 && bit <= 47) || bit >= 60;

		if (reserved)
			refused(&small, 1ull << bit);
		else if (bit <= 16)
			assert_int_equal(decode(&small, 1ull << bit, &c), HV_STATUS_SUCCESS);
		else
			refused(&small, 1ull << bit);
	}
}

static void test_fast(void **state)
{
	struct hypercall_control c;

	(void)state;
	assert_int_equal(decode(&small, FAST, &c), HV_STATUS_SUCCESS);
	assert_true(c.fast);
	assert_int_equal(decode(&large, FAST, &c), HV_STATUS_SUCCESS);
	refused(&larger, FAST);
	refused(&giving, FAST);
	refused(&rep, FAST | COUNT(1));
	/* Headers and lists count. */
	assert_int_equal(decode(&variable, FAST | HEADER(5), &c), HV_STATUS_SUCCESS);
	refused(&variable, FAST | HEADER(6));
	assert_int_equal(decode(&list, FAST | COUNT(11), &c), HV_STATUS_SUCCESS);
	refused(&list, FAST | COUNT(12));
	assert_int_equal(decode(&larger, 0, &c), HV_STATUS_SUCCESS);
	assert_int_equal(decode(&giving, 0, &c), HV_STATUS_SUCCESS);
}

static void test_rep(void **state)
{
	struct hypercall_control c;

	(void)state;
	refused(&rep, 0);
	refused(&rep, COUNT(3) | START(3));
	refused(&rep, COUNT(3) | START(4));
	assert_int_equal(decode(&rep, COUNT(3) | START(2), &c), HV_STATUS_SUCCESS);
	assert_true(c.rep);
	assert_int_equal(c.rep_count, 3);
	assert_int_equal(c.rep_start, 2);
	assert_int_equal(c.input_size, 16 + 3 * 4);
	assert_int_equal(c.output_size, 3 * 4);
	assert_int_equal(decode(&rep, COUNT(0xfff), &c), HV_STATUS_SUCCESS);
	assert_int_equal(c.input_size, 16 + 4095 * 4);
}

static void test_variable_header(void **state)
{
	struct hypercall_control c;

	(void)state;
	refused(&simple, HEADER(1));
	refused(&rep, HEADER(1) | COUNT(1));
	assert_int_equal(decode(&variable, HEADER(2), &c), HV_STATUS_SUCCESS);
	assert_int_equal(c.header_size, 16);
	assert_int_equal(c.input_size, 72 + 16);
	assert_int_equal(decode(&variable, HEADER(0x3ff), &c), HV_STATUS_SUCCESS);
	assert_int_equal(c.header_size, 0x3ff * 8);
}

static enum hv_status blocks(u32 in_size, u64 in, u32 out_size, u64 out)
{
	struct hypercall_control c = { .input_size = in_size, .output_size = out_size };

	return hypercall_blocks_check(&c, in, out);
}

static void test_blocks(void **state)
{
	struct hypercall_control fast = { .fast = true, .input_size = 16 };

	(void)state;
	assert_int_equal(blocks(24, 0x1000, 8, 0x2000), HV_STATUS_SUCCESS);
	for (u64 i = 1; i < 8; i++) {
		assert_int_equal(blocks(24, 0x1000 + i, 8, 0x2000), HV_STATUS_INVALID_ALIGNMENT);
		assert_int_equal(blocks(24, 0x1000, 8, 0x2000 + i), HV_STATUS_INVALID_ALIGNMENT);
	}
	/* To the last byte of a page, and one further. */
	assert_int_equal(blocks(24, 0x1fe8, 8, 0x2ff8), HV_STATUS_SUCCESS);
	assert_int_equal(blocks(24, 0x1ff0, 8, 0x3000), HV_STATUS_INVALID_PARAMETER);
	assert_int_equal(blocks(8, 0x1000, 16, 0x2ff8), HV_STATUS_INVALID_PARAMETER);
	assert_int_equal(blocks(4096, 0x1000, 0, 0), HV_STATUS_SUCCESS);
	assert_int_equal(blocks(4097, 0x1000, 0, 0), HV_STATUS_INVALID_PARAMETER);
	/* Overlap, and side by side. */
	assert_int_equal(blocks(24, 0x1000, 8, 0x1010), HV_STATUS_INVALID_PARAMETER);
	assert_int_equal(blocks(24, 0x1008, 16, 0x1000), HV_STATUS_INVALID_PARAMETER);
	assert_int_equal(blocks(24, 0x1000, 8, 0x1018), HV_STATUS_SUCCESS);
	assert_int_equal(blocks(24, 0x1008, 8, 0x1000), HV_STATUS_SUCCESS);
	/* An address that is not used says nothing. */
	assert_int_equal(blocks(0, 3, 8, 0x1000), HV_STATUS_SUCCESS);
	assert_int_equal(blocks(8, 0x1000, 0, 3), HV_STATUS_SUCCESS);
	assert_int_equal(hypercall_blocks_check(&fast, 3, 5), HV_STATUS_SUCCESS);
	/* The top of the address space does not wrap. */
	assert_int_equal(blocks(16, ~0ull - 7, 0, 0), HV_STATUS_INVALID_PARAMETER);
	assert_int_equal(blocks(8, ~0ull - 7, 8, 0x1000), HV_STATUS_SUCCESS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_simple),
		cmocka_unit_test(test_reserved_bits),
		cmocka_unit_test(test_fast),
		cmocka_unit_test(test_rep),
		cmocka_unit_test(test_variable_header),
		cmocka_unit_test(test_blocks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

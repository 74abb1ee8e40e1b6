/* SPDX-License-Identifier: MIT */
/*
 * Ports that exit: of the root these and no others, of a child all.
 * sources: hypervisor/policy_io.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <string.h>

#include "hypervisor/partition.h"
#include "hypervisor/policy.h"

static void test_every_port(void **state)
{
	static const u16 refused[] = { 0x20, 0x21, 0xa0, 0xa1, 0xe9, 0x4d0, 0x4d1 };
	static u8 bitmap[8192 + 2];
	struct partition root = { .id = 1 };

	(void)state;
	memset(bitmap, 0xa5, sizeof(bitmap));
	policy_io_bitmap(&root, bitmap, 8192 + 1);
	for (u32 port = 0; port < 0x10000; port++) {
		bool expected = false;

		for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
			expected |= refused[i] == port;
		assert_int_equal(bitmap[port / 8] >> (port % 8) & 1, expected);
	}
	assert_int_equal(bitmap[8192], 0);
	assert_int_equal(bitmap[8193], 0xa5);
}

/* The bits behind the last port too: of a wide access there. */
static void test_child(void **state)
{
	struct partition root = { .id = 1 };
	struct partition child = { .id = 2, .parent = &root };
	static u8 bitmap[8192 + 2];

	(void)state;
	policy_io_bitmap(&child, bitmap, 8192 + 1);
	for (u32 i = 0; i <= 8192; i++)
		assert_int_equal(bitmap[i], 0xff);
	assert_int_equal(bitmap[8193], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_port),
		cmocka_unit_test(test_child),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

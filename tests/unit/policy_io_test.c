/* SPDX-License-Identifier: MIT */
/*
 * Ports that the root may not touch: these and no others.
 * sources: hypervisor/policy_io.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "hypervisor/policy.h"

static void test_every_port(void **state)
{
	static const u16 refused[] = { 0x20, 0x21, 0xa0, 0xa1, 0xe9, 0x4d0, 0x4d1 };
	static u8 bitmap[8192 + 1];

	(void)state;
	policy_io_bitmap(NULL, bitmap);
	for (u32 port = 0; port < 0x10000; port++) {
		bool expected = false;

		for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
			expected |= refused[i] == port;
		assert_int_equal(bitmap[port / 8] >> (port % 8) & 1, expected);
	}
	assert_int_equal(bitmap[8192], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_port),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/*
 * assert_failed() of the host tests: says where, and ends the program. Every
 * unit test whose sources use assert() names this file among them.
 */
#include "base/assert.h"

#include <stdio.h>
#include <stdlib.h>

_Noreturn void assert_failed(const char *expr, const char *file, int line)
{
	fprintf(stderr, "%s:%d: assertion failed: %s\n", file, line, expr);
	abort();
}

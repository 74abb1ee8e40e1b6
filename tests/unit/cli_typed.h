/* SPDX-License-Identifier: MIT */
/*
 * Lines that a test types at its own commands (cli_commands), and what they print.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "rootpart/cli/cli.h"

static char said[65536];
static size_t said_len;

static void capture(struct out *out, const char *text, size_t len)
{
	(void)out;
	assert_true(said_len + len < sizeof(said));
	memcpy(said + said_len, text, len);
	said_len += len;
	said[said_len] = '\0';
}

static int type(const char *line)
{
	static struct cli cli = { .out = { capture } };
	static char copy[2048];

	said_len = 0;
	said[0] = '\0';
	strcpy(copy, line);
	return cli_run_line(&cli, copy);
}

static void expect(const char *line, int result, const char *text)
{
	int r = type(line);

	if (r != result || strcmp(said, text) != 0)
		fail_msg("%s: %d, \"%s\" instead of %d, \"%s\"", line, r, said, result, text);
}

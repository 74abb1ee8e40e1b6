/* SPDX-License-Identifier: MIT */
/*
 * Tables of a wire format: what structs and numbers are, against what they
 * should be, each told by its name.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/types.h"

struct field {
	const char *name;
	u64 at, size;
	u64 want_at, want_size;
};

struct number {
	const char *name;
	u64 value, want;
};

#define FIELD(type, field, want_at, want_size)                                   \
	{                                                                        \
#type "." #field, offsetof(struct type, field),                  \
			sizeof(((struct type *)NULL)->field), want_at, want_size \
	}
#define WHOLE(type, want)                              \
	{                                              \
#type, 0, sizeof(struct type), 0, want \
	}
#define IS(value, want)             \
	{                           \
#value, value, want \
	}

static void check_fields(const struct field *f, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (f[i].at != f[i].want_at || f[i].size != f[i].want_size)
			fail_msg("%s: %u bytes at %u, not %u at %u", f[i].name, (u32)f[i].size,
				(u32)f[i].at, (u32)f[i].want_size, (u32)f[i].want_at);
}

static void check_numbers(const struct number *n, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (n[i].value != n[i].want)
			fail_msg("%s: 0x%llx, not 0x%llx", n[i].name,
				(unsigned long long)n[i].value, (unsigned long long)n[i].want);
}

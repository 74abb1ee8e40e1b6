/* SPDX-License-Identifier: MIT */
/*
 * GUIDs in their binary form of Microsoft's protocols: first three fields
 * little-endian, text "01234567-89ab-cdef-0123-456789abcdef".
 */
#pragma once

#include "base/types.h"

struct guid {
	u8 b[16];
};

#define GUID_TEXT_SIZE 37

static_assert(sizeof(struct guid) == 16);

bool guid_equal(const struct guid *a, const struct guid *b);
/* Writes GUID_TEXT_SIZE bytes, lower case, terminated. */
void guid_format(const struct guid *g, char *text);
/* Accepts either case, exactly 36 characters. Returns 0 or -EINVAL. */
[[nodiscard]] int guid_parse(const char *text, struct guid *g);

/* SPDX-License-Identifier: MIT */
/*
 * UTF-16 to UTF-8 (RFC 3629), for names that media hold. What is no character, as half
 * of a surrogate pair, becomes U+FFFD.
 */
#pragma once

#include "base/types.h"

/*
 * @count units of @text in the processor's own byte order, to @out, terminated. Returns the
 * length of the whole text; above @size - 1, it was cut at a character.
 */
size_t utf16_to_utf8(const u16 *text, size_t count, char *out, size_t size);

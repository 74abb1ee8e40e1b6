/* SPDX-License-Identifier: MIT */
/*
 * Memory and string functions, with their standard names and meanings, plus
 * two bounded ones. gcc and clang may emit calls to the first four by
 * themselves, so they exist in both images. Host tests link the host's libc
 * instead and compile only the bounded ones.
 */
#pragma once

#include "base/types.h"

void *memcpy(void *restrict dst, const void *restrict src, size_t n);
void *memmove(void *dst, const void *src, size_t n);
void *memset(void *dst, int c, size_t n);
int memcmp(const void *a, const void *b, size_t n);

/* Whether all @n bytes are zero. */
static inline bool mem_is_zero(const void *p, size_t n)
{
	const u8 *bytes = p;

	for (size_t i = 0; i < n; i++)
		if (bytes[i])
			return false;
	return true;
}

size_t strlen(const char *s);
size_t strnlen(const char *s, size_t max);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t n);
char *strchr(const char *s, int c);
char *strrchr(const char *s, int c);
char *strstr(const char *hay, const char *needle);

/*
 * Copies src into dst of @size bytes, always terminated when size > 0.
 * Returns 0, or -E2BIG if it was cut short.
 */
int str_copy(char *dst, const char *src, size_t size);

/*
 * Parses a whole string as a number: decimal, or hexadecimal with 0x; with
 * @suffix also K, M, G, T (binary). Returns 0; -EINVAL if it is not a number
 * (empty, sign, stray characters); -ERANGE if it does not fit 64 bits.
 * *out changes only on success.
 */
[[nodiscard]] int str_to_u64(const char *s, bool suffix, u64 *out);

/* SPDX-License-Identifier: MIT */
/*
 * Memory and string functions. Called everywhere, on any processor, also
 * while dying; no state. Host tests have the standard ones from their libc,
 * so only freestanding builds compile them, and the one test that renames them.
 */
#include "lib/string.h"

#include "base/errno.h"

#if __STDC_HOSTED__ == 0 || defined(STRING_TEST)

#include "x86/string.h"

/*
 * barrier() in the loops below keeps the compiler from seeing the pattern and
 * turning a function's body into a call of itself.
 */

void *memcpy(void *restrict dst, const void *restrict src, size_t n)
{
	x86_copy_up(dst, src, n);
	return dst;
}

static void copy_down(u8 *dst, const u8 *src, size_t n)
{
	for (; n >= 8; n -= 8) {
		u64 quad;

		__builtin_memcpy(&quad, src + n - 8, 8);
		__builtin_memcpy(dst + n - 8, &quad, 8);
		barrier();
	}
	while (n-- > 0) {
		dst[n] = src[n];
		barrier();
	}
}

void *memmove(void *dst, const void *src, size_t n)
{
	/* Unsigned, so a dst below src counts as far above it. */
	if ((uintptr_t)dst - (uintptr_t)src >= n)
		x86_copy_up(dst, src, n);
	else
		copy_down(dst, src, n);
	return dst;
}

void *memset(void *dst, int c, size_t n)
{
	x86_fill(dst, (u8)c, n);
	return dst;
}

int memcmp(const void *a, const void *b, size_t n)
{
	const u8 *x = a;
	const u8 *y = b;

	for (size_t i = 0; i < n; i++) {
		if (x[i] != y[i])
			return x[i] - y[i];
		barrier();
	}
	return 0;
}

size_t strlen(const char *s)
{
	return strnlen(s, SIZE_MAX);
}

size_t strnlen(const char *s, size_t max)
{
	size_t n = 0;

	while (n < max && s[n] != '\0') {
		n++;
		barrier();
	}
	return n;
}

int strcmp(const char *a, const char *b)
{
	return strncmp(a, b, SIZE_MAX);
}

int strncmp(const char *a, const char *b, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (a[i] != b[i])
			return (u8)a[i] - (u8)b[i];
		if (a[i] == '\0')
			break;
		barrier();
	}
	return 0;
}

char *strchr(const char *s, int c)
{
	for (;; s++) {
		if (*s == (char)c)
			return (char *)s;
		if (*s == '\0')
			return NULL;
	}
}

char *strrchr(const char *s, int c)
{
	const char *last = NULL;

	for (;; s++) {
		if (*s == (char)c)
			last = s;
		if (*s == '\0')
			return (char *)last;
	}
}

char *strstr(const char *hay, const char *needle)
{
	size_t len = strlen(needle);

	for (;; hay++) {
		if (strncmp(hay, needle, len) == 0)
			return (char *)hay;
		if (*hay == '\0')
			return NULL;
	}
}

#endif

int str_copy(char *dst, const char *src, size_t size)
{
	size_t i;

	if (size == 0)
		return -E2BIG;
	for (i = 0; i < size - 1 && src[i] != '\0'; i++)
		dst[i] = src[i];
	dst[i] = '\0';
	return src[i] == '\0' ? 0 : -E2BIG;
}

/* The value of a digit in any base up to 16, or 16. */
static u32 digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return (u32)(c - '0');
	if (c >= 'a' && c <= 'f')
		return (u32)(c - 'a' + 10);
	if (c >= 'A' && c <= 'F')
		return (u32)(c - 'A' + 10);
	return 16;
}

static u32 suffix_shift(char c)
{
	switch (c) {
	case 'K':
		return 10;
	case 'M':
		return 20;
	case 'G':
		return 30;
	case 'T':
		return 40;
	default:
		return 0;
	}
}

int str_to_u64(const char *s, bool suffix, u64 *out)
{
	bool hex = s[0] == '0' && (s[1] == 'x' || s[1] == 'X');
	u32 base = hex ? 16 : 10;
	bool wide = false;
	u64 value = 0;
	u32 shift = 0;

	if (hex)
		s += 2;
	if (digit_value(*s) >= base)
		return -EINVAL;
	for (; digit_value(*s) < base; s++) {
		wide |= __builtin_mul_overflow(value, base, &value);
		wide |= __builtin_add_overflow(value, digit_value(*s), &value);
	}
	if (suffix)
		shift = suffix_shift(*s);
	if (shift != 0)
		s++;
	/* A stray character counts for more than a size. */
	if (*s != '\0')
		return -EINVAL;
	if (wide || value > UINT64_MAX >> shift)
		return -ERANGE;
	*out = value << shift;
	return 0;
}

/* SPDX-License-Identifier: MIT */
/*
 * lib/string.c, the freestanding functions included: they are compiled here
 * under other names, and compared with the host's.
 * sources:
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define STRING_TEST
#define memcpy  own_memcpy
#define memmove own_memmove
#define memset  own_memset
#define memcmp  own_memcmp
#define strlen  own_strlen
#define strnlen own_strnlen
#define strcmp  own_strcmp
#define strncmp own_strncmp
#define strchr  own_strchr
#define strrchr own_strrchr
#define strstr  own_strstr
#include "lib/string.c"
#undef memcpy
#undef memmove
#undef memset
#undef memcmp
#undef strlen
#undef strnlen
#undef strcmp
#undef strncmp
#undef strchr
#undef strrchr
#undef strstr

#include "base/errno.h"

#define AREA 64

static void fill_pattern(u8 *area)
{
	for (int i = 0; i < AREA; i++)
		area[i] = (u8)(i * 37 + 11);
}

static void moves_match_the_hosts(void **state)
{
	u8 ours[AREA], theirs[AREA];

	(void)state;
	for (size_t n = 0; n <= 24; n++) {
		for (size_t from = 0; from < 32; from++) {
			for (size_t to = 0; to < 32; to++) {
				fill_pattern(ours);
				fill_pattern(theirs);
				assert_ptr_equal(own_memmove(ours + to, ours + from, n), ours + to);
				memmove(theirs + to, theirs + from, n);
				assert_memory_equal(ours, theirs, AREA);
			}
		}
	}
}

static void copies_and_fills_stay_inside(void **state)
{
	u8 from[AREA], ours[AREA], theirs[AREA];

	(void)state;
	fill_pattern(from);
	for (size_t n = 0; n <= 40; n++) {
		memset(ours, 0xee, AREA);
		memset(theirs, 0xee, AREA);
		assert_ptr_equal(own_memcpy(ours + 3, from + 5, n), ours + 3);
		memcpy(theirs + 3, from + 5, n);
		assert_memory_equal(ours, theirs, AREA);
		assert_ptr_equal(own_memset(ours + 7, 0x1a5, n), ours + 7);
		memset(theirs + 7, 0x1a5, n);
		assert_memory_equal(ours, theirs, AREA);
	}
}

static int sign(int n)
{
	return (n > 0) - (n < 0);
}

static const char *const texts[] = { "", "a", "b", "ab", "abc", "abd", "\xff", "ababac", "aab" };

static void comparisons_match_the_hosts(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		for (size_t j = 0; j < ARRAY_SIZE(texts); j++) {
			const char *a = texts[i], *b = texts[j];
			size_t both = MIN(strlen(a), strlen(b));

			assert_int_equal(sign(own_strcmp(a, b)), sign(strcmp(a, b)));
			for (size_t n = 0; n < 5; n++)
				assert_int_equal(
					sign(own_strncmp(a, b, n)), sign(strncmp(a, b, n)));
			assert_int_equal(sign(own_memcmp(a, b, both)), sign(memcmp(a, b, both)));
			assert_ptr_equal(own_strstr(a, b), strstr(a, b));
		}
	}
}

static void searches_match_the_hosts(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		assert_int_equal(own_strlen(texts[i]), strlen(texts[i]));
		assert_int_equal(own_strnlen(texts[i], 2), strnlen(texts[i], 2));
		for (int c = 0; c < 256; c++) {
			assert_ptr_equal(own_strchr(texts[i], c), strchr(texts[i], c));
			assert_ptr_equal(own_strrchr(texts[i], c), strrchr(texts[i], c));
		}
	}
}

static void strnlen_reads_no_further(void **state)
{
	char *two = malloc(2);

	(void)state;
	two[0] = two[1] = 'x';
	assert_int_equal(own_strnlen(two, 2), 2);
	free(two);
}

static void str_copy_terminates_and_tells(void **state)
{
	char buf[5] = "zzzz";

	(void)state;
	assert_int_equal(str_copy(buf, "abcd", sizeof(buf)), 0);
	assert_string_equal(buf, "abcd");
	assert_int_equal(str_copy(buf, "uvwxy", sizeof(buf)), -E2BIG);
	assert_string_equal(buf, "uvwx");
	assert_int_equal(str_copy(buf, "", 1), 0);
	assert_string_equal(buf, "");
	assert_int_equal(str_copy(buf, "q", 1), -E2BIG);
	assert_string_equal(buf, "");
	assert_int_equal(str_copy(NULL, "q", 0), -E2BIG);
}

static const struct {
	const char *text;
	bool suffix;
	int err;
	u64 value;
} numbers[] = {
	{ "0", false, 0, 0 },
	{ "42", false, 0, 42 },
	{ "007", false, 0, 7 },
	{ "0x1F", false, 0, 31 },
	{ "0XdeadBEEF", false, 0, 0xdeadbeef },
	{ "18446744073709551615", false, 0, UINT64_MAX },
	{ "0xffffffffffffffff", true, 0, UINT64_MAX },
	{ "18446744073709551616", false, -ERANGE, 0 },
	{ "0x10000000000000000", false, -ERANGE, 0 },
	{ "99999999999999999999999", false, -ERANGE, 0 },
	{ "512M", true, 0, 512ull << 20 },
	{ "1K", true, 0, 1024 },
	{ "4G", true, 0, 4ull << 30 },
	{ "0x10T", true, 0, 16ull << 40 },
	{ "16777215T", true, 0, 16777215ull << 40 },
	{ "16777216T", true, -ERANGE, 0 },
	{ "512M", false, -EINVAL, 0 },
	{ "1KK", true, -EINVAL, 0 },
	{ "1k", true, -EINVAL, 0 },
	{ "", false, -EINVAL, 0 },
	{ "", true, -EINVAL, 0 },
	{ "K", true, -EINVAL, 0 },
	{ "0x", false, -EINVAL, 0 },
	{ "0xK", true, -EINVAL, 0 },
	{ "-1", false, -EINVAL, 0 },
	{ "+1", false, -EINVAL, 0 },
	{ " 1", false, -EINVAL, 0 },
	{ "1 ", false, -EINVAL, 0 },
	{ "1a", false, -EINVAL, 0 },
	{ "0xg", false, -EINVAL, 0 },
	{ "99999999999999999999999x", false, -EINVAL, 0 },
};

static void numbers_parse(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		u64 value = 0x5a5a;

		assert_int_equal(
			str_to_u64(numbers[i].text, numbers[i].suffix, &value), numbers[i].err);
		assert_int_equal(value, numbers[i].err ? 0x5a5a : numbers[i].value);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(moves_match_the_hosts),
		cmocka_unit_test(copies_and_fills_stay_inside),
		cmocka_unit_test(comparisons_match_the_hosts),
		cmocka_unit_test(searches_match_the_hosts),
		cmocka_unit_test(strnlen_reads_no_further),
		cmocka_unit_test(str_copy_terminates_and_tells),
		cmocka_unit_test(numbers_parse),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

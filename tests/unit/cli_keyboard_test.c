/* SPDX-License-Identifier: MIT */
/*
 * Scan codes as a keyboard sends them: layout, modifiers, locks, sequences.
 * sources: rootpart/keymap.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "rootpart/keymap.h"

#define SHIFT   "\x2a"
#define NOSHIFT "\xaa"
#define CTRL    "\x1d"
#define NOCTRL  "\x9d"

static const struct {
	const char *codes;
	const char *bytes;
} rows[] = {
	{ "\x02\x82\x0b\x0c\x0d", "10-=" },
	{ "\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19\x1a\x1b", "qwertyuiop[]" },
	{ "\x1e\x1f\x20\x21\x22\x23\x24\x25\x26\x27\x28\x29\x2b", "asdfghjkl;'`\\" },
	{ "\x2c\x2d\x2e\x2f\x30\x31\x32\x33\x34\x35\x39", "zxcvbnm,./ " },
	{ SHIFT "\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d", "!@#$%^&*()_+" },
	{ SHIFT "\x1a\x1b\x27\x28\x29\x2b\x33\x34\x35\x1e", "{}:\"~|<>?A" },
	{ SHIFT "\x1e" NOSHIFT "\x1e", "Aa" },
	/* Each shift counts by itself. */
	{ SHIFT "\x36\x1e\xb6\x1e" NOSHIFT "\x1e", "AAa" },
	{ "\x3a\xba\x1e\x02" SHIFT "\x1e\x02" NOSHIFT "\x3a\x1e", "A1a!a" },
	{ "\x1c\x0e\x0f\x01", "\r\177\t\033" },
	{ CTRL "\x2e\x1e" NOCTRL "\x2e", "\003\001c" },
	{ "\xe0" CTRL "\x2e\xe0" NOCTRL "\x2e", "\003c" },
	{ CTRL "\x1b\x1a\x2b", "\035\033\034" },
	{ CTRL "\x02\x1c\x39\x0e", "" },
	{ CTRL SHIFT "\x2e", "\003" },
	{ "\xe0\x48\xe0\xc8\xe0\x50\xe0\x4b\xe0\x4d", "\033[A\033[B\033[D\033[C" },
	{ "\xe0\x47\xe0\x4f\xe0\x53", "\033[H\033[F\033[3~" },
	/* With Num Lock the keyboard puts shifts around the arrows. */
	{ "\xe0\x2a\xe0\x48\xe0\xc8\xe0\xaa\x1e", "\033[Aa" },
	{ "\x48\x4c\x45\xc5\x48\x4c\x53\x45\x50", "\033[A85.\033[B" },
	{ "\x37\x4a\x4e\xe0\x35\xe0\x1c", "*-+/\r" },
	{ "\xe0\x49\xe0\x51\xe0\x52\xe0\x5b\x3b\x44\x57\x38\xe0\x38", "" },
	/* Pause, and a key after it. */
	{ "\xe1\x1d\x45\xe1\x9d\xc5\x1e\x48", "a\033[A" },
	/* The keyboard's answers are no keys. */
	{ "\xfa\xfe\xaa\x1e", "a" },
};

static void codes_become_bytes(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct keymap k = { 0 };
		char bytes[64];
		u32 len = 0;

		for (const char *c = rows[i].codes; *c != '\0'; c++)
			len += keymap_decode(&k, (u8)*c, bytes + len);
		bytes[len] = '\0';
		assert_string_equal(bytes, rows[i].bytes);
	}
}

/* Whatever comes: never more than fits, and releases never type. */
static void every_pair_of_codes(void **state)
{
	(void)state;
	for (u32 i = 0; i < 0x10000; i++) {
		struct keymap k = { 0 };
		char bytes[KEYMAP_BYTES];

		assert_true(keymap_decode(&k, (u8)i, bytes) <= KEYMAP_BYTES);
		assert_true(keymap_decode(&k, (u8)(i >> 8), bytes) <= KEYMAP_BYTES);
		assert_int_equal(keymap_decode(&k, 0x9e, bytes), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(codes_become_bytes),
		cmocka_unit_test(every_pair_of_codes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

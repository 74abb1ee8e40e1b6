/* SPDX-License-Identifier: MIT */
/*
 * Hashes of names against what debugfs says, names of all lengths and characters.
 * sources: rootpart/ext4/ext4_hash.c tests/unit/image_disk.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rootpart/ext4/ext4_dir_impl.h"
#include "tests/unit/image_disk.h"

#define NAMES 400u

static char names[NAMES][EXT4_NAME_MAX + 1];

/* Letters first, since a shell-like reader sees them; then bytes above 127. */
static void make_names(void)
{
	u32 random = 12345;

	for (u32 i = 0; i < NAMES; i++) {
		size_t len = i < 255 ? i + 1 : 1 + i % 40;

		for (size_t k = 0; k < len; k++) {
			random = random * 1103515245u + 12345u;
			names[i][k] = (char)('a' + (random >> 16) % 26);
			if (i % 3 == 1 && (random >> 24) % 4 == 0)
				names[i][k] = (char)(0x80 + (random >> 16) % 128);
		}
	}
}

static void ask(const char *kind, const char *seed)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/commands", image_folder());
	f = fopen(path, "wb");
	assert_non_null(f);
	for (u32 i = 0; i < NAMES; i++)
		fprintf(f, "dx_hash -h %s %s %s\n", kind, seed, names[i]);
	fclose(f);
	assert_int_equal(image_command("debugfs -f %s/commands >%s/answers 2>&1", image_folder(),
				 image_folder()),
		0);
}

/* "Hash of NAME is 0x... (minor 0x...)" */
static void compare(const u32 seed[4], u32 version)
{
	char path[128], line[600];
	u32 seen = 0;
	FILE *f;

	snprintf(path, sizeof(path), "%s/answers", image_folder());
	f = fopen(path, "rb");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f) != NULL) {
		char *is = strstr(line, " is 0x");
		unsigned hash, minor;
		struct ext4_hash h;

		if (strncmp(line, "Hash of ", 8) != 0 || is == NULL)
			continue;
		assert_int_equal(sscanf(is, " is 0x%x (minor 0x%x)", &hash, &minor), 2);
		h = ext4_hash_name(seed, version, names[seen], strlen(names[seen]));
		if (h.hash != hash || (version % 3 != 0 && h.minor != minor))
			fail_msg("%s: %x %x instead of %x %x", names[seen], h.hash, h.minor, hash,
				minor);
		seen++;
	}
	fclose(f);
	assert_int_equal(seen, NAMES);
}

static void hashes_are_those_of_others(void **state)
{
	static const u32 none[4] = { 0 };
	/* As it lies on the disk: words, the lowest byte first. */
	static const u32 some[4] = { 0x67452301, 0xefcdab89, 0x04030201, 0xfffefdfc };
	static const char *const text = "-s 01234567-89ab-cdef-0102-0304fcfdfeff";
	static const char *const kinds[] = { "legacy", "half_md4", "tea", "3", "4", "5" };

	(void)state;
	make_names();
	for (u32 v = 0; v < 6; v++) {
		ask(kinds[v], "");
		compare(none, v);
		ask(kinds[v], text);
		compare(some, v);
	}
}

/* The end's own value is never a name's, and bit 0 is free. */
static void hashes_leave_room(void **state)
{
	static const u32 none[4] = { 0 };
	char name[16];

	(void)state;
	for (u32 i = 0; i < 20000; i++) {
		struct ext4_hash h;

		snprintf(name, sizeof(name), "%u", i * 2654435761u);
		h = ext4_hash_name(none, EXT4_HASH_LEGACY, name, strlen(name));
		assert_int_equal(h.hash & 1, 0);
		assert_int_not_equal(h.hash, 0xfffffffe);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hashes_are_those_of_others),
		cmocka_unit_test(hashes_leave_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/*
 * lib/cpio.c on archives made here by hand, whole and damaged.
 * sources: lib/cpio.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/errno.h"
#include "lib/cpio.h"

struct archive {
	char bytes[1024];
	size_t len;
};

static void pad(struct archive *a)
{
	while (a->len % 4 != 0)
		a->bytes[a->len++] = '\0';
}

static void add(struct archive *a, const char *name, unsigned mode, const char *data)
{
	int n = snprintf(a->bytes + a->len, sizeof(a->bytes) - a->len,
		"070701%08X%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%s", 1, mode, 0, 0, 1,
		0x5f000001, (unsigned)strlen(data), 8, 1, 0, 0, (unsigned)strlen(name) + 1, 0,
		name);

	a->len += (size_t)n + 1;
	pad(a);
	memcpy(a->bytes + a->len, data, strlen(data));
	a->len += strlen(data);
	pad(a);
}

static struct archive three_entries(void)
{
	struct archive a = { .len = 0 };

	add(&a, "./bin", CPIO_MODE_DIR | 0755, "");
	add(&a, "./bin/one", CPIO_MODE_FILE | 0644, "hello");
	add(&a, "/.//two", CPIO_MODE_FILE | 0600, "12345678");
	return a;
}

static void entries_are_walked(void **state)
{
	struct archive a = three_entries();
	struct cpio_entry e;
	size_t offset = 0;
	size_t at_trailer;

	(void)state;
	add(&a, "TRAILER!!!", 0, "");
	assert_int_equal(cpio_next(a.bytes, a.len, &offset, &e), 1);
	assert_string_equal(e.name, "bin");
	assert_int_equal(e.mode, CPIO_MODE_DIR | 0755);
	assert_int_equal(e.size, 0);
	assert_int_equal(e.mtime, 0x5f000001);
	assert_int_equal(cpio_next(a.bytes, a.len, &offset, &e), 1);
	assert_string_equal(e.name, "bin/one");
	assert_int_equal(e.mode & CPIO_MODE_TYPE, CPIO_MODE_FILE);
	assert_int_equal(e.size, 5);
	assert_memory_equal(e.data, "hello", 5);
	assert_int_equal(cpio_next(a.bytes, a.len, &offset, &e), 1);
	assert_string_equal(e.name, "two");
	assert_memory_equal(e.data, "12345678", 8);
	at_trailer = offset;
	assert_int_equal(cpio_next(a.bytes, a.len, &offset, &e), 0);
	assert_int_equal(offset, at_trailer);
}

static void no_trailer_is_needed(void **state)
{
	struct archive a = three_entries();
	struct cpio_entry e;
	size_t offset = 0;

	(void)state;
	for (int i = 0; i < 3; i++)
		assert_int_equal(cpio_next(a.bytes, a.len, &offset, &e), 1);
	assert_int_equal(cpio_next(a.bytes, a.len, &offset, &e), 0);
	offset++;
	assert_int_equal(cpio_next(a.bytes, a.len, &offset, &e), -EINVAL);
	offset = 0;
	assert_int_equal(cpio_next(a.bytes, 0, &offset, &e), 0);
}

/* Every cut of the archive is either at an entry's end or damage. */
static void cut_archives_are_refused(void **state)
{
	struct archive a = three_entries();

	(void)state;
	for (size_t len = 0; len < a.len; len++) {
		char *copy = malloc(len ? len : 1);
		size_t offset = 0, before;
		struct cpio_entry e;
		int got;

		memcpy(copy, a.bytes, len);
		do {
			before = offset;
			got = cpio_next(copy, len, &offset, &e);
		} while (got == 1);
		assert_int_equal(got, before == len ? 0 : -EINVAL);
		assert_int_equal(offset, before);
		free(copy);
	}
}

/* Places in the header of the first entry, and what is put there. */
static const struct {
	size_t at;
	const char *text;
} damages[] = {
	{ 0, "0707X1" },
	{ 0, "070700" },
	{ 0, "070703" },
	{ 0, "070707" },
	{ 6, "0000000g" },
	{ 14, "-0000001" },
	{ 102, " 0000000" },
	{ 54, "ffffffff" }, /* file size */
	{ 54, "00001000" },
	{ 94, "00000000" }, /* name size */
	{ 94, "ffffffff" },
	{ 94, "00000005" },
	{ 94, "00000007" },
	{ 94, "00001000" },
};

static void damage_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(damages); i++) {
		struct archive a = three_entries();
		struct cpio_entry e = { .size = 77 };
		size_t offset = 0;

		memcpy(a.bytes + damages[i].at, damages[i].text, strlen(damages[i].text));
		assert_int_equal(cpio_next(a.bytes, a.len, &offset, &e), -EINVAL);
		assert_int_equal(offset, 0);
		assert_int_equal(e.size, 77);
	}
}

static void both_magics_are_known(void **state)
{
	struct archive a = three_entries();
	struct cpio_entry e;
	size_t offset = 0;

	(void)state;
	memcpy(a.bytes, "070702", 6);
	assert_int_equal(cpio_next(a.bytes, a.len, &offset, &e), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(entries_are_walked),
		cmocka_unit_test(no_trailer_is_needed),
		cmocka_unit_test(cut_archives_are_refused),
		cmocka_unit_test(damage_is_refused),
		cmocka_unit_test(both_magics_are_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/*
 * See ext4_work.h: what is there.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/errno.h"
#include "tests/unit/ext4_work.h"

static u8 buffer[WORK_SIZE];

/* Valid until the next call but one. */
const char *work_path(u32 thing)
{
	static char text[2][48];
	static u32 turn;
	char *to = text[turn ^= 1];

	if (thing < WORK_FILES)
		snprintf(to, sizeof(text[0]), "dir%u/file%u", thing % WORK_DIRS, thing);
	else if (thing == WORK_LONG)
		snprintf(to, sizeof(text[0]), "long");
	else if (thing < WORK_FIRST_SUB)
		snprintf(to, sizeof(text[0]), "names/a-name-that-is-long-%u",
			thing - WORK_FIRST_NAME);
	else
		snprintf(to, sizeof(text[0]), "dir%u/sub%u", thing % WORK_DIRS,
			thing - WORK_FIRST_SUB);
	return to;
}

/* All @size bytes into the buffer. */
static void read_all(struct vfs_file *file, u64 size)
{
	assert_true(size <= sizeof(buffer));
	for (u64 at = 0; at < size;) {
		s64 n;

		file->offset = at;
		n = ext4_vfs_ops.read(file, buffer + at, MIN(size - at, 20000ull));
		assert_true(n > 0);
		at += (u64)n;
	}
	file->offset = size;
	assert_int_equal(ext4_vfs_ops.read(file, buffer, 0), 0);
}

bool work_reads(struct vfs_file *file, const struct work_file *f)
{
	u8 more;

	read_all(file, f->size);
	if (memcmp(buffer, f->data, f->size) != 0)
		return false;
	return ext4_vfs_ops.read(file, &more, 1) == 0;
}

/* False: it is not there. */
static bool look_up(struct ext4 *fs, u32 thing, struct vfs_stat *stat)
{
	int r = ext4_vfs_ops.stat(fs, work_path(thing), stat);

	assert_true(r == 0 || r == -ENOENT);
	return r == 0;
}

static void open_it(struct ext4 *fs, u32 thing, struct vfs_file *file)
{
	*file = (struct vfs_file){ .ops = &ext4_vfs_ops, .fs = fs, .flags = VFS_READ };
	assert_int_equal(ext4_vfs_ops.open(fs, work_path(thing), file), 0);
}

bool work_has_file(struct ext4 *fs, u32 at, const struct work_file *f)
{
	struct vfs_file file;
	struct vfs_stat stat;
	bool same;

	if (!look_up(fs, at, &stat))
		return f->tag == 0;
	if (f->tag == 0 || stat.type != VFS_FILE || stat.size != f->size)
		return false;
	open_it(fs, at, &file);
	same = work_reads(&file, f);
	ext4_vfs_ops.close(&file);
	return same;
}

/* @parts: what is there; NULL: any. */
static void check_parts(struct vfs_file *file, u64 size, const bool *parts)
{
	static const u8 zeroes[WORK_PART];

	for (u32 i = 0; (u64)i * WORK_PART < size; i++) {
		u64 len = MIN(size - (u64)i * WORK_PART, (u64)WORK_PART);

		file->offset = (u64)i * WORK_PART;
		assert_int_equal(ext4_vfs_ops.read(file, buffer, len), len);
		if (parts != NULL)
			assert_int_equal(buffer[0], parts[i] ? WORK_LONG : 0);
		else
			assert_true(buffer[0] == 0 || buffer[0] == WORK_LONG);
		assert_memory_equal(buffer + 1, zeroes, len - 1);
	}
}

static void check_long(struct ext4 *fs, const struct work_state *s)
{
	struct vfs_file file;
	struct vfs_stat stat;

	if (!look_up(fs, WORK_LONG, &stat)) {
		assert_true(s == NULL || s->long_size == 0);
		return;
	}
	if (s != NULL)
		assert_int_equal(stat.size, s->long_size);
	open_it(fs, WORK_LONG, &file);
	check_parts(&file, stat.size, s != NULL ? s->parts : NULL);
	ext4_vfs_ops.close(&file);
}

void work_check(struct ext4 *fs, const struct work_state *s, u32 thing)
{
	struct vfs_stat stat;

	if (thing < WORK_FILES) {
		assert_true(work_has_file(fs, thing, &s->files[thing]));
	} else if (thing == WORK_LONG) {
		check_long(fs, s);
	} else if (thing < WORK_FIRST_SUB) {
		assert_int_equal(look_up(fs, thing, &stat), s->names[thing - WORK_FIRST_NAME]);
	} else {
		assert_int_equal(look_up(fs, thing, &stat), s->subs[thing - WORK_FIRST_SUB]);
		if (s->subs[thing - WORK_FIRST_SUB])
			assert_int_equal(stat.type, VFS_DIRECTORY);
	}
}

void work_check_all(struct ext4 *fs, const struct work_state *s)
{
	for (u32 i = 0; i < WORK_THINGS; i++)
		work_check(fs, s, i);
}

static void check_tag(u64 size)
{
	u8 tag = 0;

	for (u64 i = 0; i < size; i += 2) {
		if (buffer[i] == 0)
			continue;
		if (tag == 0)
			tag = buffer[i];
		assert_int_equal(buffer[i], tag);
	}
	assert_int_not_equal(tag, WORK_POISON);
}

void work_check_tags(struct ext4 *fs)
{
	for (u32 i = 0; i < WORK_FILES; i++) {
		struct vfs_file file;
		struct vfs_stat stat;

		if (!look_up(fs, i, &stat))
			continue;
		open_it(fs, i, &file);
		read_all(&file, stat.size);
		ext4_vfs_ops.close(&file);
		check_tag(stat.size);
	}
	check_long(fs, NULL);
}

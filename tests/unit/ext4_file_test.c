/* SPDX-License-Identifier: MIT */
/*
 * Contents of ext4 files against a model: reads, writes, sizes, allocation at random, on
 * volumes of several kinds; e2fsck and debugfs have the last word.
 * sources: rootpart/ext4/ext4_super.c rootpart/ext4/ext4_features.c rootpart/ext4/ext4_geometry.c
 * sources: rootpart/ext4/ext4_group.c rootpart/ext4/ext4_bitmap.c rootpart/ext4/ext4_alloc.c
 * sources: rootpart/ext4/ext4_ialloc.c rootpart/ext4/ext4_inode.c rootpart/ext4/ext4_orphan.c
 * sources: rootpart/ext4/ext4_extent.c rootpart/ext4/ext4_extent_split.c
 * sources: rootpart/ext4/ext4_extent_change.c rootpart/ext4/ext4_extent_cut.c
 * sources: rootpart/ext4/ext4_file.c rootpart/ext4/ext4_truncate.c rootpart/ext4/ext4_mount.c
 * sources: tests/unit/ext4_space_volume.c tests/unit/image_disk.c
 * sources: rootpart/ext4/ext4_buffer.c rootpart/ext4/ext4_commit.c rootpart/ext4/ext4_crc.c
 * sources: rootpart/ext4/ext4_journal.c rootpart/ext4/ext4_journal_map.c
 * sources: rootpart/ext4/ext4_journal_super.c rootpart/ext4/ext4_replay.c rootpart/ext4/ext4_revoke.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/errno.h"
#include "tests/unit/ext4_space_volume.h"

#define FILES     4u
#define SIZE_MAX_ (3u << 20)
#define STEPS     400u
#define ROUNDS    3u

static const char *const kinds[] = {
	"-b 4096 -g 4096 -O " EXT4_FEATURES,
	"-b 1024 -O " EXT4_FEATURES,
	"-b 4096 -g 2048 -O " EXT4_FEATURES_OLD,
	"-b 1024 -O " EXT4_FEATURES_OLD,
	"-b 1024 -O " EXT4_FEATURES_32,
	"-b 1024 -g 1024 -O " EXT4_FEATURES, /* extents of many groups */
	"-b 2048 -I 128 -O " EXT4_FEATURES,
};

struct model {
	char name[16];
	u32 ino;
	u64 size;
	u8 *data; /* zeroes behind its size */
};

static u64 seed = 1;

static u32 any(u32 below)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return (u32)(seed >> 33) % below;
}

static void fill(u8 *to, u32 len)
{
	for (u32 i = 0; i < len; i++)
		to[i] = (u8)any(256);
}

static void models_make(struct model *models)
{
	for (u32 i = 0; i < FILES; i++) {
		struct model *m = &models[i];

		snprintf(m->name, sizeof(m->name), "file%u", i);
		m->data = calloc(1, SIZE_MAX_);
		m->size = i == 0 ? 0 : any(300000);
		fill(m->data, (u32)m->size);
		volume_put(m->name, m->data, m->size);
	}
}

static u8 scratch[SIZE_MAX_];

static void step_write(struct ext4 *fs, struct model *m)
{
	u32 len = any(4) == 0 ? any(300000) + 1 : any(9000) + 1, offset = any(SIZE_MAX_ - len);

	fill(scratch, len);
	assert_int_equal(ext4_file_write(fs, m->ino, offset, scratch, len), len);
	memcpy(m->data + offset, scratch, len);
	m->size = MAX(m->size, (u64)offset + len);
}

static void step_read(struct ext4 *fs, const struct model *m)
{
	u32 offset = any(SIZE_MAX_), len = any(400000) + 1;
	u64 have = offset < m->size ? MIN(len, m->size - offset) : 0;

	assert_int_equal(ext4_file_read(fs, m->ino, offset, scratch, len), have);
	assert_memory_equal(scratch, m->data + offset, have);
}

/* What is skipped is zeroes. */
static void step_data(struct ext4 *fs, const struct model *m)
{
	u64 from = any(SIZE_MAX_), to = from;

	assert_int_equal(ext4_file_data(fs, m->ino, &to), 0);
	assert_true(to == from || (to > from && to <= m->size));
	for (u64 i = from; i < to; i++)
		assert_int_equal(m->data[i], 0);
}

static void step_truncate(struct ext4 *fs, struct model *m)
{
	u32 size = any(5) == 0 ? 0 : any(SIZE_MAX_);

	assert_int_equal(ext4_file_truncate(fs, m->ino, size), 0);
	memset(m->data + size, 0, SIZE_MAX_ - size);
	m->size = size;
}

static void step_allocate(struct ext4 *fs, struct model *m)
{
	u32 len = any(200000) + 1, offset = any(SIZE_MAX_ - len);

	assert_int_equal(ext4_file_allocate(fs, m->ino, offset, len), 0);
	m->size = MAX(m->size, (u64)offset + len);
}

static void step(struct ext4 *fs, struct model *m)
{
	switch (any(16)) {
	case 0:
		step_truncate(fs, m);
		break;
	case 1:
	case 2:
		step_allocate(fs, m);
		break;
	case 3:
		assert_int_equal(ext4_sync(fs), 0);
		break;
	case 4:
	case 5:
		step_read(fs, m);
		break;
	case 6:
		step_data(fs, m);
		break;
	case 7:
		step_read(fs, m);
		break;
	default:
		step_write(fs, m);
	}
}

static void check_reads(struct ext4 *fs, const struct model *m)
{
	assert_int_equal(ext4_file_read(fs, m->ino, 0, scratch, SIZE_MAX_), m->size);
	assert_memory_equal(scratch, m->data, m->size);
	assert_memory_equal(scratch, m->data, m->size);
}

static void run_kind(const char *options)
{
	struct model models[FILES] = { 0 };
	struct volume v;

	models_make(models);
	volume_make(&v, options, "64M");
	for (u32 i = 0; i < FILES; i++)
		models[i].ino = volume_inode(&v, models[i].name);
	for (u32 round = 0; round < ROUNDS; round++) {
		volume_mount(&v);
		for (u32 i = 0; i < FILES; i++)
			check_reads(v.fs, &models[i]);
		for (u32 i = 0; i < STEPS; i++)
			step(v.fs, &models[any(FILES)]);
		volume_unmount(&v);
		for (u32 i = 0; i < FILES; i++)
			assert_true(volume_has(&v, models[i].name, models[i].data, models[i].size));
	}
	for (u32 i = 0; i < FILES; i++)
		free(models[i].data);
}

static void agrees_with_a_model(void **state)
{
	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(kinds); i++)
		run_kind(kinds[i]);
}

/* Between data, behind the last of it, and in what is allocated only. */
static void holes_are_found(void **state)
{
	static const struct {
		u64 from, to;
	} rows[] = {
		{ 0, 0 },
		{ 5000, 5000 },
		{ 8192, 2 << 20 },
		{ 9999, 2 << 20 },
		{ (2 << 20) + 1, (2 << 20) + 1 },
		{ (2 << 20) + 4096, 5ull << 30 },
		{ 5ull << 30, 5ull << 30 },
		{ 6ull << 30, 6ull << 30 },
	};
	struct volume v;
	u32 ino;

	(void)state;
	fill(scratch, 6000);
	volume_put("file", scratch, 6000);
	volume_make(&v, kinds[0], "64M");
	ino = volume_inode(&v, "file");
	volume_mount(&v);
	assert_int_equal(ext4_file_write(v.fs, ino, 2 << 20, scratch, 10), 10);
	assert_int_equal(ext4_file_allocate(v.fs, ino, 1 << 20, 10000), 0);
	assert_int_equal(ext4_file_truncate(v.fs, ino, 5ull << 30), 0);
	for (u32 i = 0; i < ARRAY_SIZE(rows); i++) {
		u64 at = rows[i].from;

		assert_int_equal(ext4_file_data(v.fs, ino, &at), 0);
		assert_int_equal(at, rows[i].to);
	}
	volume_unmount(&v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(agrees_with_a_model),
		cmocka_unit_test(holes_are_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/*
 * Volumes with wrong bytes in their metadata, used for all that the file layer has: that gives
 * errors, and the volume may turn read-only, but each call ends, soon, and nothing is leaked or
 * written beyond its memory. Those without checksums get further, as do those whose
 * superblock is made right again. VERDIGRIS_SEED sets the seed, VERDIGRIS_SOAK makes it more.
 * sources: rootpart/ext4/ext4_alloc.c rootpart/ext4/ext4_bitmap.c rootpart/ext4/ext4_buffer.c
 * sources: rootpart/ext4/ext4_commit.c rootpart/ext4/ext4_crc.c rootpart/ext4/ext4_dir.c
 * sources: rootpart/ext4/ext4_dir_list.c rootpart/ext4/ext4_extent.c
 * sources: rootpart/ext4/ext4_extent_change.c rootpart/ext4/ext4_extent_cut.c
 * sources: rootpart/ext4/ext4_extent_split.c rootpart/ext4/ext4_features.c
 * sources: rootpart/ext4/ext4_file.c rootpart/ext4/ext4_geometry.c rootpart/ext4/ext4_group.c
 * sources: rootpart/ext4/ext4_hash.c rootpart/ext4/ext4_htree.c rootpart/ext4/ext4_htree_add.c
 * sources: rootpart/ext4/ext4_ialloc.c rootpart/ext4/ext4_inode.c rootpart/ext4/ext4_journal.c
 * sources: rootpart/ext4/ext4_journal_map.c rootpart/ext4/ext4_journal_super.c
 * sources: rootpart/ext4/ext4_mount.c rootpart/ext4/ext4_name.c rootpart/ext4/ext4_orphan.c
 * sources: rootpart/ext4/ext4_replay.c rootpart/ext4/ext4_revoke.c rootpart/ext4/ext4_super.c
 * sources: rootpart/ext4/ext4_truncate.c rootpart/ext4/ext4_vfs.c
 * sources: rootpart/ext4/ext4_map.c
 * sources: tests/unit/ext4_work.c tests/unit/ext4_work_check.c tests/unit/image_disk.c
 * sources: lib/string.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "rootpart/ext4/ext4_journal.h"
#include "tests/unit/ext4_work.h"

#define VOLUMES     80u /* of each kind */
#define SOAK_FACTOR 200u
#define CHANGES     6u
#define BLOCKS_MAX  4096u

static struct ext4_work w;
static struct image_disk disk;
static u64 blocks[BLOCKS_MAX]; /* of metadata */
static u32 block_count, block_size;
static u32 mounted, damaged;
static u64 now; /* the seed of the volume that is used */

static void note_list(const struct list_node *head, size_t offset)
{
	for (const struct list_node *l = head->next; l != head; l = l->next) {
		const struct ext4_buffer *b = (const void *)((const u8 *)l - offset);

		if (block_count < BLOCKS_MAX)
			blocks[block_count++] = b->block;
	}
}

/* Where metadata lies: what is cached after work. */
static void find_metadata(struct ext4 *fs)
{
	block_count = 0;
	block_size = fs->block_size;
	note_list(&fs->cache->lru, offsetof(struct ext4_buffer, lru));
	note_list(&fs->cache->dirty, offsetof(struct ext4_buffer, dirty_link));
	note_list(&fs->cache->running, offsetof(struct ext4_buffer, running_link));
	blocks[block_count++ % BLOCKS_MAX] = fs->super_block;
	assert_in_range(block_count, 20, BLOCKS_MAX);
}

static void change_byte(void)
{
	u64 at = blocks[work_pick(&w, block_count)] * block_size;

	/* Often near the beginning, where most things have their headers. */
	at += work_pick(&w, work_pick(&w, 2) == 0 ? block_size : 64);
	disk.bytes[at] = work_pick(&w, 3) == 0 ? (u8)work_pick(&w, 256)
					       : disk.bytes[at] ^ (u8)(1u << work_pick(&w, 8));
}

static void list(const char *path)
{
	struct vfs_entry entry;
	u64 position = 0;

	for (u32 i = 0; i < 5000; i++)
		if (ext4_vfs_ops.readdir(w.fs, path, &position, &entry) != 1)
			return;
	/* Of a directory that has 400 names at most. */
	fail_msg("a listing of /%s does not end", path);
}

static void use_file(u32 thing)
{
	static u8 data[30000];
	struct vfs_file file = { .ops = &ext4_vfs_ops, .fs = w.fs, .flags = VFS_READ | VFS_WRITE };

	if (ext4_vfs_ops.open(w.fs, work_path(thing), &file) != 0)
		return;
	(void)ext4_vfs_ops.read(&file, data, sizeof(data));
	file.offset = work_pick(&w, WORK_SIZE);
	switch (work_pick(&w, 4)) {
	case 0:
		(void)ext4_vfs_ops.write(&file, data, 1 + work_pick(&w, sizeof(data)));
		break;
	case 1:
		(void)ext4_vfs_ops.truncate(&file, file.offset);
		break;
	case 2:
		(void)ext4_vfs_ops.allocate(&file, file.offset, 50000);
		break;
	default:
		(void)ext4_vfs_ops.remove(w.fs, work_path(thing));
	}
	ext4_vfs_ops.close(&file);
}

static void use_names(void)
{
	struct vfs_file file = {
		.ops = &ext4_vfs_ops, .fs = w.fs, .flags = VFS_WRITE | VFS_CREATE
	};
	u32 name = WORK_FIRST_NAME + work_pick(&w, WORK_NAMES);
	char from[64];

	if (ext4_vfs_ops.open(w.fs, work_path(name), &file) == 0)
		ext4_vfs_ops.close(&file);
	(void)ext4_vfs_ops.remove(w.fs, work_path(WORK_FIRST_NAME + work_pick(&w, WORK_NAMES)));
	name = WORK_FIRST_SUB + work_pick(&w, WORK_SUBS);
	(void)ext4_vfs_ops.mkdir(w.fs, work_path(name));
	snprintf(from, sizeof(from), "%s", work_path(work_pick(&w, WORK_FILES)));
	(void)ext4_vfs_ops.rename(w.fs, from, work_path(work_pick(&w, WORK_FILES)));
}

static void use(void)
{
	static const char *const paths[] = { "", "names", "dir0", "dir1", "dir2", "dir3" };
	struct ext4_info info;

	for (u32 i = 0; i < ARRAY_SIZE(paths); i++)
		list(paths[i]);
	for (u32 i = 0; i <= WORK_LONG; i++)
		use_file(i);
	for (u32 i = 0; i < 10; i++)
		use_names();
	(void)!ext4_sync(w.fs);
	ext4_info_get(w.fs, &info);
	damaged += w.fs->damages > 0;
}

static void seal_super(const struct ext4 *fs)
{
	struct ext4_super *s = (void *)(disk.bytes + EXT4_SUPER_OFFSET);

	if (fs->checksums)
		s->checksum = ext4_crc32c(~0u, s, offsetof(struct ext4_super, checksum));
}

static void damage_and_use(const struct image_disk *good, const struct ext4 *made)
{
	u32 n = 1 + work_pick(&w, CHANGES);

	image_disk_make(&disk, good->size, 512);
	memcpy(disk.bytes, good->bytes, good->size);
	for (u32 i = 0; i < n; i++)
		change_byte();
	seal_super(made);
	if (ext4_mount(&disk.d, false, &w.fs) == 0) {
		mounted++;
		use();
		(void)ext4_unmount(w.fs);
	}
	assert_true(disk.reads + disk.writes < 50000);
	assert_int_equal(image_objects, 0);
	image_disk_free(&disk);
}

static void damage_kind(u32 kind, u64 seed)
{
	struct image_disk good;
	struct ext4 made;
	u32 volumes = getenv("VERDIGRIS_SOAK") != NULL ? VOLUMES * SOAK_FACTOR : VOLUMES;

	work_volume(&good, kind);
	assert_int_equal(ext4_mount(&good.d, false, &w.fs), 0);
	work_begin(&w, w.fs, &good, seed * WORK_KINDS + kind);
	work_do(&w, 500);
	work_close(&w);
	assert_int_equal(ext4_sync(w.fs), 0);
	find_metadata(w.fs);
	made = *w.fs;
	assert_int_equal(ext4_unmount(w.fs), 0);
	mounted = damaged = 0;
	for (u32 i = 0; i < volumes; i++)
		damage_and_use(&good, &made);
	assert_true(mounted > volumes / 4);
	assert_true(damaged > volumes / 10);
	image_disk_free(&good);
}

static void is_survived(void **state)
{
	const char *text = getenv("VERDIGRIS_SEED");
	bool soak = getenv("VERDIGRIS_SOAK") != NULL;

	(void)state;
	now = text != NULL ? strtoull(text, NULL, 0) : soak ? (u64)time(NULL) : 1;
	for (u32 kind = 0; kind < WORK_KINDS; kind++)
		damage_kind(kind, now);
	printf("note: damaged volumes: VERDIGRIS_SEED=%llu\n", (unsigned long long)now);
	now = 0;
}

static int tell_seed(void **state)
{
	(void)state;
	if (now != 0)
		fprintf(stderr, "damaged volumes: VERDIGRIS_SEED=%llu\n", (unsigned long long)now);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(is_survived, tell_seed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

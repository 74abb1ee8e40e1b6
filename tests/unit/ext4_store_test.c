/* SPDX-License-Identifier: MIT */
/*
 * All of ext4 together: random work through the file layer's calls against a model in
 * memory, looked at by e2fsck, and by debugfs after each batch; and the same with a write that
 * fails, each one in turn. VERDIGRIS_SEED sets the seed, VERDIGRIS_SOAK makes it more.
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

#include "tests/unit/ext4_work.h"

#define OPERATIONS        1000u /* of a batch */
#define BATCHES           20u
#define SOAK_ROUNDS       20u
#define WRITES_OPERATIONS 60u /* with a write that fails */

static struct ext4_work w;
static struct image_disk disk;
static struct {
	u32 kind;
	u64 seed;
	bool active;
} now;

static bool soak(void)
{
	return getenv("VERDIGRIS_SOAK") != NULL;
}

static u64 first_seed(void)
{
	const char *text = getenv("VERDIGRIS_SEED");

	if (text != NULL)
		return strtoull(text, NULL, 0);
	return soak() ? (u64)time(NULL) * 1000 : 1;
}

/* ---- debugfs' eyes ---- */

/* All files into the folder of dumps, all names into a list. */
static void dump_all(void)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/commands", image_folder());
	f = fopen(path, "w");
	assert_non_null(f);
	for (u32 i = 0; i < WORK_LONG; i++)
		if (w.now.files[i].tag != 0)
			fprintf(f, "dump %s %s/dump/%u\n", work_path(i), image_folder(), i);
	if (w.now.long_size > 0)
		fprintf(f, "dump long %s/dump/%u\n", image_folder(), WORK_LONG);
	for (u32 i = 0; i < WORK_DIRS; i++)
		fprintf(f, "ls -p dir%u\n", i);
	fprintf(f, "ls -p names\n");
	fclose(f);
	assert_int_equal(image_command("cd %s && rm -rf dump && mkdir dump && "
				       "debugfs -f commands %s >list",
				 image_folder(), disk.path),
		0);
}

static void check_dump(u32 i, const u8 *data, u64 size)
{
	static u8 have[WORK_PARTS * WORK_PART + 1];
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/dump/%u", image_folder(), i);
	f = fopen(path, "rb");
	assert_non_null(f);
	assert_int_equal(fread(have, 1, sizeof(have), f), size);
	fclose(f);
	assert_memory_equal(have, data, size);
}

static void check_long(void)
{
	static u8 data[WORK_PARTS * WORK_PART];

	memset(data, 0, sizeof(data));
	for (u32 i = 0; i < WORK_PARTS; i++)
		data[i * WORK_PART] = w.now.parts[i] ? WORK_LONG : 0;
	if (w.now.long_size > 0)
		check_dump(WORK_LONG, data, w.now.long_size);
}

/* In all listings, which are lines of /inode/mode/user/group/name/size/; 0: it was removed. */
static u32 count_listed(const char *format)
{
	char path[128], line[512];
	u32 n = 0, ino, number;
	FILE *f;

	snprintf(path, sizeof(path), "%s/list", image_folder());
	f = fopen(path, "r");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f) != NULL)
		n += sscanf(line, format, &ino, &number) == 2 && ino != 0;
	fclose(f);
	return n;
}

static u32 count(const bool *there, u32 n)
{
	u32 have = 0;

	for (u32 i = 0; i < n; i++)
		have += there[i];
	return have;
}

/* What is there is what another reader sees; nothing is there besides. */
static void check_by_debugfs(void)
{
	u32 files = 0;

	dump_all();
	for (u32 i = 0; i < WORK_FILES; i++) {
		const struct work_file *f = &w.now.files[i];

		files += f->tag != 0;
		if (f->tag != 0)
			check_dump(i, f->data, f->size);
	}
	check_long();
	assert_int_equal(count_listed("/%u/%*o/%*u/%*u/file%u/"), files);
	assert_int_equal(count_listed("/%u/%*o/%*u/%*u/sub%u/"), count(w.now.subs, WORK_SUBS));
	assert_int_equal(count_listed("/%u/%*o/%*u/%*u/a-name-that-is-long-%u/"),
		count(w.now.names, WORK_NAMES));
}

/* ---- random work ---- */

static void mount_it(void)
{
	assert_int_equal(ext4_mount(&disk.d, false, &w.fs), 0);
	assert_false(w.fs->read_only);
}

static void unmount_it(void)
{
	work_close(&w);
	assert_int_equal(ext4_unmount(w.fs), 0);
	assert_int_equal(image_objects, 0);
	assert_int_equal(image_fsck("-fn", disk.path, 0), 0);
}

static void work_on(u32 kind, u64 seed)
{
	now.kind = kind;
	now.seed = seed;
	work_volume(&disk, kind);
	mount_it();
	work_begin(&w, w.fs, &disk, seed * WORK_KINDS + kind);
	for (u32 batch = 0; batch < BATCHES; batch++) {
		work_do(&w, OPERATIONS);
		work_check_all(w.fs, &w.now);
		unmount_it();
		check_by_debugfs();
		mount_it();
		work_check_all(w.fs, &w.now);
	}
	unmount_it();
	image_disk_free(&disk);
}

static void agrees_with_a_model(void **state)
{
	u64 seed = first_seed();
	u32 rounds = soak() ? SOAK_ROUNDS : 1;

	(void)state;
	now.active = true;
	image_log[0] = '\0';
	for (u32 round = 0; round < rounds; round++)
		for (u32 kind = 0; kind < WORK_KINDS; kind++)
			work_on(kind, seed + round);
	now.active = false;
	assert_string_equal(image_log, "");
	printf("note: random work: VERDIGRIS_SEED=%llu operations=%u\n", (unsigned long long)seed,
		rounds * WORK_KINDS * BATCHES * OPERATIONS);
}

/* ---- writes that fail ---- */

struct outcome {
	bool mounted;
	bool synced;  /* and so all is there that is known */
	bool whole;   /* nothing failed that made it read-only */
	bool noticed; /* somebody was told */
};

/* With the disk's write @at failing, and all behind it if @for_good. */
static struct outcome fail_write(u64 at, bool for_good)
{
	struct outcome o = { 0 };

	disk.writes = 0;
	disk.fail_write_at = at;
	disk.fail_for_good = for_good;
	disk.record = w.failing = true;
	image_log[0] = '\0';
	o.mounted = ext4_mount(&disk.d, false, &w.fs) == 0;
	if (o.mounted) {
		work_do(&w, WRITES_OPERATIONS);
		o.synced = ext4_sync(w.fs) == 0 && !w.fs->read_only;
		work_close(&w);
		o.whole = !w.fs->read_only;
		o.whole = ext4_unmount(w.fs) == 0 && o.whole;
	}
	assert_int_equal(image_objects, 0);
	o.noticed = !o.mounted || !o.whole || w.failures > 0 || image_log[0] != '\0';
	disk.fail_write_at = 0;
	disk.record = false;
	return o;
}

/* All that is known, or what was there before and was not touched. */
static void check_outcome(const struct outcome *o, const struct ext4_work *before)
{
	bool unknown[WORK_THINGS];

	memcpy(unknown, w.unknown, sizeof(unknown));
	if (!o->synced)
		memset(unknown, 0, sizeof(unknown));
	for (u32 i = 0; !o->synced && i < w.event_count; i++) {
		unknown[w.events[i].thing] = true;
		if (w.events[i].from != WORK_THINGS)
			unknown[w.events[i].from] = true;
	}
	for (u32 i = 0; i < WORK_THINGS; i++)
		if (!unknown[i])
			work_check(w.fs, o->synced ? &w.now : &before->now, i);
	work_check_tags(w.fs);
}

/* Whether there was such a write. */
static bool fail_and_mend(const struct image_disk *good, const struct ext4_work *before, u64 at)
{
	struct outcome o;
	bool reached;

	w = *before;
	image_disk_share(&disk, good->size, 512);
	memcpy(disk.bytes, good->bytes, good->size);
	o = fail_write(at, at % 3 == 0);
	reached = disk.writes >= at;

	assert_int_equal(o.noticed, reached);
	if (o.whole)
		assert_int_equal(image_fsck("-fn", disk.path, 0), 0);
	else if (at % 2 == 0)
		assert_in_range(image_fsck("-fp", disk.path, 1), 0, 1);
	assert_int_equal(ext4_mount(&disk.d, false, &w.fs), 0);
	check_outcome(&o, before);
	assert_int_equal(ext4_unmount(w.fs), 0);
	assert_in_range(image_fsck("-fp", disk.path, 1), 0, 1);
	assert_int_equal(image_fsck("-fn", disk.path, 0), 0);
	image_disk_free(&disk);
	free(w.events);
	return reached;
}

static void fail_each_write(u32 kind, u64 seed)
{
	static struct ext4_work before;
	struct image_disk good;
	u64 at = 1;

	now.kind = kind;
	now.seed = seed;
	work_volume(&disk, kind);
	mount_it();
	work_begin(&w, w.fs, &disk, seed * WORK_KINDS + kind);
	work_do(&w, 300);
	unmount_it();
	before = w;
	good = disk;
	while (fail_and_mend(&good, &before, at))
		at++;
	assert_true(at > 50);
	image_disk_free(&good);
}

static void survives_each_write_that_fails(void **state)
{
	u64 seed = first_seed();
	u32 rounds = soak() ? SOAK_ROUNDS : 1;

	(void)state;
	now.active = true;
	for (u32 round = 0; round < rounds; round++)
		for (u32 kind = 0; kind < WORK_KINDS; kind += soak() ? 1 : 3)
			fail_each_write(kind, seed + round);
	now.active = false;
}

/* What to do to see it again. */
static int tell_where(void **state)
{
	const char *build = getenv("BUILD");
	char path[256];

	(void)state;
	if (!now.active)
		return 0;
	fprintf(stderr, "random work: VERDIGRIS_SEED=%llu kind=%u (%s)\n",
		(unsigned long long)now.seed, now.kind, work_kinds[now.kind]);
	if (disk.bytes == NULL)
		return 0;
	snprintf(path, sizeof(path), "%s/ext4-store-%llu-%u.img", build != NULL ? build : "build",
		(unsigned long long)now.seed, now.kind);
	image_disk_save(&disk, path);
	fprintf(stderr, "random work: the volume is kept as %s\n", path);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(agrees_with_a_model, tell_where),
		cmocka_unit_test_teardown(survives_each_write_that_fails, tell_where),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

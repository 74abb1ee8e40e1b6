/* SPDX-License-Identifier: MIT */
/*
 * All of ext4 together: random work through the file layer's calls against a model in
 * memory, looked at by e2fsck; and power cuts: each flush's prefix of the writes and
 * some of those behind it, mounted again, with every synced byte there.
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
 * sources: tests/unit/ext4_space_volume.c tests/unit/image_disk.c lib/string.c
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
#include "tests/unit/ext4_space_volume.h"

#define SLOTS     24u
#define DIRS      4u
#define NAMES     400u /* empty files in a directory of their own */
#define SIZE_MAX_ (96u * 1024)
#define SYNCS     16u
#define EVENTS    4096u

struct slot {
	bool there;
	u64 size;
	u8 data[SIZE_MAX_];
};

/* What is known to be on the medium from a place in the log of writes on. */
struct synced {
	u64 at;
	u32 event;
	struct slot *slots;
};

static struct volume v;
static struct slot model[SLOTS];
static bool names[NAMES];
static u8 buffer[SIZE_MAX_];
static u32 state = 1;
static struct synced synced[SYNCS];
static u32 synced_count;
/* What was touched, and where the log of writes was before. */
static struct {
	u32 slot;
	u64 at;
} events[EVENTS];
static u32 event_count;

static u32 pick(u32 n)
{
	state = state * 1664525 + 1013904223;
	return (state >> 8) % n;
}

static const char *path_of(u32 slot)
{
	static char text[2][32];
	static u32 turn;

	turn ^= 1;
	snprintf(text[turn], sizeof(text[turn]), "dir%u/file%u", slot % DIRS, slot);
	return text[turn];
}

static void touch(u32 slot)
{
	if (!v.disk.record)
		return;
	assert_true(event_count < EVENTS);
	events[event_count].slot = slot;
	events[event_count++].at = v.disk.log_count;
}

static struct vfs_file open_slot(u32 slot, u32 flags)
{
	struct vfs_file f = { .ops = &ext4_vfs_ops, .fs = v.fs, .flags = flags };

	assert_int_equal(ext4_vfs_ops.open(v.fs, path_of(slot), &f), 0);
	return f;
}

static void fill(u64 size)
{
	u32 first = pick(256);

	for (u64 i = 0; i < size; i++)
		buffer[i] = (u8)(first + i * 7);
}

static void write_some(u32 slot)
{
	struct slot *s = &model[slot];
	u64 at = pick(SIZE_MAX_ - 1), len = 1 + pick(MIN(SIZE_MAX_ - (u32)at, 30000u));
	struct vfs_file f = open_slot(slot, VFS_READ | VFS_WRITE | VFS_CREATE);
	s64 done;

	fill(len);
	f.offset = at;
	done = ext4_vfs_ops.write(&f, buffer, len);
	ext4_vfs_ops.close(&f);
	s->there = true;
	if (done == -ENOSPC)
		return;
	assert_true(done > 0 && done <= (s64)len);
	if (at > s->size)
		memset(s->data + s->size, 0, at - s->size);
	memcpy(s->data + at, buffer, (size_t)done);
	s->size = MAX(s->size, at + (u64)done);
}

static void truncate_one(u32 slot)
{
	struct slot *s = &model[slot];
	u64 size = pick(SIZE_MAX_);
	struct vfs_file f;

	if (!s->there)
		return;
	f = open_slot(slot, VFS_READ | VFS_WRITE);
	assert_int_equal(ext4_vfs_ops.truncate(&f, size), 0);
	ext4_vfs_ops.close(&f);
	if (size > s->size)
		memset(s->data + s->size, 0, size - s->size);
	s->size = size;
}

static void allocate_one(u32 slot)
{
	struct slot *s = &model[slot];
	u64 at = pick(SIZE_MAX_ - 1), len = 1 + pick(SIZE_MAX_ - (u32)at);
	struct vfs_file f;
	int r;

	if (!s->there)
		return;
	f = open_slot(slot, VFS_READ | VFS_WRITE);
	r = ext4_vfs_ops.allocate(&f, at, len);
	ext4_vfs_ops.close(&f);
	assert_true(r == 0 || r == -ENOSPC);
	if (r != 0 || at + len <= s->size)
		return;
	memset(s->data + s->size, 0, at + len - s->size);
	s->size = at + len;
}

static void remove_one(u32 slot)
{
	assert_int_equal(ext4_vfs_ops.remove(v.fs, path_of(slot)), model[slot].there ? 0 : -ENOENT);
	model[slot].there = false;
	model[slot].size = 0;
}

static void rename_one(u32 slot)
{
	u32 to = pick(SLOTS);

	if (!model[slot].there || to == slot)
		return;
	touch(to);
	assert_int_equal(ext4_vfs_ops.rename(v.fs, path_of(slot), path_of(to)), 0);
	model[to] = model[slot];
	model[slot].there = false;
	model[slot].size = 0;
}

static void check_one(u32 slot, const struct slot *s)
{
	struct vfs_stat stat;
	int r = ext4_vfs_ops.stat(v.fs, path_of(slot), &stat);
	struct vfs_file f;

	assert_int_equal(r, s->there ? 0 : -ENOENT);
	if (!s->there)
		return;
	assert_int_equal(stat.size, s->size);
	f = open_slot(slot, VFS_READ);
	for (u64 at = 0; at < s->size;) {
		s64 n;

		f.offset = at;
		n = ext4_vfs_ops.read(&f, buffer, MIN(s->size - at, 20000ull));
		assert_true(n > 0);
		assert_memory_equal(buffer, s->data + at, (size_t)n);
		at += (u64)n;
	}
	ext4_vfs_ops.close(&f);
}

/* Names come and go, so that their directory is hashed, split and emptied. */
static void name_one(void)
{
	u32 i = pick(NAMES);
	char path[64];
	struct vfs_file f = {
		.ops = &ext4_vfs_ops, .fs = v.fs, .flags = VFS_READ | VFS_WRITE | VFS_CREATE
	};

	snprintf(path, sizeof(path), "names/a-name-that-is-long-%u", i);
	if (names[i]) {
		assert_int_equal(ext4_vfs_ops.remove(v.fs, path), 0);
	} else {
		int r = ext4_vfs_ops.open(v.fs, path, &f);

		if (r == -ENOSPC)
			return;
		assert_int_equal(r, 0);
		ext4_vfs_ops.close(&f);
	}
	names[i] = !names[i];
}

static void work(u32 operations)
{
	for (u32 i = 0; i < operations; i++) {
		u32 slot = pick(SLOTS), kind = pick(16);

		touch(slot);
		if (kind < 5)
			write_some(slot);
		else if (kind < 7)
			truncate_one(slot);
		else if (kind < 8)
			allocate_one(slot);
		else if (kind < 9)
			remove_one(slot);
		else if (kind < 10)
			rename_one(slot);
		else if (kind < 12)
			check_one(slot, &model[slot]);
		else
			name_one();
	}
}

/* All of it in one stretch of memory, for copies. */
static void mount_whole(void)
{
	image_disk_load(&v.disk, v.path, 512);
	assert_int_equal(ext4_mount(&v.disk.d, false, &v.fs), 0);
}

static void begin(const char *options)
{
	volume_make(&v, options, "24M");
	mount_whole();
	for (u32 i = 0; i < DIRS; i++) {
		char path[16];

		snprintf(path, sizeof(path), "dir%u", i);
		assert_int_equal(ext4_vfs_ops.mkdir(v.fs, path), 0);
	}
	assert_int_equal(ext4_vfs_ops.mkdir(v.fs, "names"), 0);
	memset(model, 0, sizeof(model));
	memset(names, 0, sizeof(names));
}

static void check_all(void)
{
	for (u32 i = 0; i < SLOTS; i++)
		check_one(i, &model[i]);
	assert_int_equal(image_log[0], '\0');
}

static const char *const kinds[] = {
	"-b 4096 -O " EXT4_FEATURES,
	"-b 1024 -O " EXT4_FEATURES,
	"-b 4096 -O " EXT4_FEATURES_OLD,
	"-b 1024 -O " EXT4_FEATURES_32,
};

static void random_work(void **context)
{
	(void)context;
	for (u32 k = 0; k < ARRAY_SIZE(kinds); k++) {
		begin(kinds[k]);
		for (u32 batch = 0; batch < 5; batch++) {
			work(500);
			check_all();
			/* e2fsck looks at it there. */
			volume_unmount(&v);
			mount_whole();
			check_all();
		}
		volume_unmount(&v);
	}
}

static void remember(void)
{
	struct synced *s = &synced[synced_count++];

	assert_int_equal(ext4_sync(v.fs), 0);
	*s = (struct synced){ .at = v.disk.log_count, .event = event_count };
	s->slots = malloc(sizeof(model));
	memcpy(s->slots, model, sizeof(model));
}

/* The medium after a cut: all up to log entry @flush, of those behind it a part up to @end. */
static void cut(const u8 *before, const struct image_disk *recorded, u64 flush, u64 end)
{
	struct image_disk *d = &v.disk;

	image_disk_make(d, recorded->size, recorded->d.limits.sector_size);
	memcpy(d->bytes, before, d->size);
	for (u64 i = 0; i < end; i++) {
		const struct image_write *w = &recorded->log[i];

		if (w->offset != ~0ull && (i < flush || w->fua || pick(2)))
			memcpy(d->bytes + w->offset, w->data, w->len);
	}
}

static bool untouched(u32 slot, const struct synced *s, u64 end)
{
	for (u32 i = s->event; i < event_count && events[i].at < end; i++)
		if (events[i].slot == slot)
			return false;
	return true;
}

/* All that was synced before the cut, and not touched since, is there. */
static u32 check_synced(u64 flush, u64 end)
{
	const struct synced *s = NULL;
	u32 checked = 0;

	for (u32 i = 0; i < synced_count && synced[i].at <= flush; i++)
		s = &synced[i];
	for (u32 i = 0; s != NULL && i < SLOTS; i++) {
		if (!untouched(i, s, end))
			continue;
		check_one(i, &s->slots[i]);
		checked++;
	}
	return checked;
}

static u32 cuts_of(const u8 *before, const struct image_disk *recorded, u32 count)
{
	u32 checked = 0;

	for (u32 i = 0; i < count; i++) {
		u64 flush = pick((u32)recorded->log_count), end;

		while (flush > 0 && recorded->log[flush - 1].offset != ~0ull)
			flush--;
		for (end = flush; end < recorded->log_count && recorded->log[end].offset != ~0ull;)
			end++;
		end = flush + pick((u32)(end - flush) + 1);
		cut(before, recorded, flush, end);
		assert_int_equal(ext4_mount(&v.disk.d, false, &v.fs), 0);
		checked += check_synced(flush, end);
		volume_unmount(&v);
	}
	return checked;
}

static void power_cuts(void **context)
{
	(void)context;
	for (u32 k = 0; k < ARRAY_SIZE(kinds); k++) {
		struct image_disk recorded;
		u8 *before;

		begin(kinds[k]);
		work(200);
		volume_unmount(&v);
		mount_whole();
		before = malloc(v.disk.size);
		memcpy(before, v.disk.bytes, v.disk.size);
		v.disk.record = true;
		synced_count = event_count = 0;
		while (synced_count < SYNCS) {
			work(1 + pick(60));
			remember();
		}
		v.disk.record = false;
		recorded = v.disk;
		v.disk.log = NULL;
		v.disk.log_count = 0;
		volume_unmount(&v);
		assert_true(cuts_of(before, &recorded, 50) > 100);
		for (u32 i = 0; i < synced_count; i++)
			free(synced[i].slots);
		recorded.bytes = NULL;
		recorded.pieces = NULL;
		image_disk_free(&recorded);
		free(before);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_work),
		cmocka_unit_test(power_cuts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

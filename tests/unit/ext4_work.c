/* SPDX-License-Identifier: MIT */
/*
 * See ext4_work.h: what is done.
 */
#include "tests/unit/ext4_work.h"

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

#define SIZE (12 * MIB)

/* Those of mke2fs today, of two years ago, and without what they rest on. */
const char *const work_kinds[WORK_KINDS] = {
	"-b 4096 -O " EXT4_FEATURES,
	"-b 1024 -O " EXT4_FEATURES,
	"-b 4096 -O " EXT4_FEATURES_OLD,
	"-b 1024 -O " EXT4_FEATURES_32,
	"-b 1024 -g 256 -O " EXT4_FEATURES_64 ",^resize_inode",
};

static u8 buffer[WORK_SIZE];

u32 work_pick(struct ext4_work *w, u32 n)
{
	w->random = w->random * 6364136223846793005ull + 1442695040888963407ull;
	return (u32)(w->random >> 33) % n;
}

static void touch(struct ext4_work *w, u32 thing, u32 from)
{
	u32 n = w->event_count;

	if (!w->disk->record)
		return;
	if ((n & (n - 1)) == 0)
		w->events = realloc(w->events, (n > 0 ? 2 * n : 1) * sizeof(*w->events));
	w->events[w->event_count++] = (struct work_event){ thing, from, w->disk->log_count };
}

static u32 new_tag(struct ext4_work *w)
{
	u32 tag;

	do
		tag = 1 + w->tags++ % 255;
	while (tag == WORK_POISON);
	return tag;
}

/* Nothing else may go wrong. True if this did; what becomes of @thing is not known if it was the disk. */
static bool failed(struct ext4_work *w, s64 r, u32 thing)
{
	if (r >= 0)
		return false;
	if (r == -ENOSPC)
		return true;
	if (!w->failing || (r != -EIO && r != -EROFS))
		fail_msg("error %d, thing %u", (int)-r, thing);
	w->failures++;
	w->unknown[thing] = true;
	return true;
}

/* 0, or what failed() takes. */
static int open_thing(struct ext4_work *w, u32 thing, u32 flags, struct vfs_file *file)
{
	int r;

	*file = (struct vfs_file){ .ops = &ext4_vfs_ops, .fs = w->fs, .flags = flags };
	r = ext4_vfs_ops.open(w->fs, work_path(thing), file);
	assert_true(r != -ENOSPC || (flags & VFS_CREATE));
	(void)failed(w, r, thing);
	return r;
}

/* False: not what the model is now, but for want of room. */
static bool write_to(struct ext4_work *w, struct vfs_file *file, struct work_file *f)
{
	u32 at = work_pick(w, WORK_SIZE - 1), len = 1 + work_pick(w, MIN(WORK_SIZE - at, 30000u));
	s64 done;

	w->version++;
	for (u32 i = 0; i < len; i++)
		buffer[i] = (at + i) % 2 == 0 ? (u8)f->tag : (u8)(w->version + (at + i) * 7);
	file->offset = at;
	done = ext4_vfs_ops.write(file, buffer, len);
	if (done == -ENOSPC)
		return true;
	if (w->failing && done < len) {
		w->failures++;
		return false;
	}
	assert_true(done > 0 && done <= len);
	if (at > f->size)
		memset(f->data + f->size, 0, at - f->size);
	memcpy(f->data + at, buffer, (size_t)done);
	f->size = MAX(f->size, at + (u64)done);
	return true;
}

static void write_one(struct ext4_work *w, u32 slot)
{
	struct work_file *f = &w->now.files[slot];
	struct vfs_file file;

	touch(w, slot, WORK_THINGS);
	if (open_thing(w, slot, VFS_READ | VFS_WRITE | VFS_CREATE, &file) != 0)
		return;
	if (f->tag == 0)
		f->tag = new_tag(w);
	if (!write_to(w, &file, f))
		(void)failed(w, -EIO, slot);
	ext4_vfs_ops.close(&file);
}

static void resize(struct work_file *f, u64 size)
{
	if (size > f->size)
		memset(f->data + f->size, 0, size - f->size);
	f->size = size;
}

static void truncate_one(struct ext4_work *w, u32 slot)
{
	struct work_file *f = &w->now.files[slot];
	u64 size = work_pick(w, 4) == 0 ? 0 : work_pick(w, WORK_SIZE);
	struct vfs_file file;

	if (f->tag == 0)
		return;
	touch(w, slot, WORK_THINGS);
	if (open_thing(w, slot, VFS_READ | VFS_WRITE, &file) != 0)
		return;
	if (!failed(w, ext4_vfs_ops.truncate(&file, size), slot))
		resize(f, size);
	ext4_vfs_ops.close(&file);
}

static void allocate_one(struct ext4_work *w, u32 slot)
{
	struct work_file *f = &w->now.files[slot];
	u64 at = work_pick(w, WORK_SIZE - 1), len = 1 + work_pick(w, WORK_SIZE - (u32)at);
	struct vfs_file file;

	if (f->tag == 0)
		return;
	touch(w, slot, WORK_THINGS);
	if (open_thing(w, slot, VFS_READ | VFS_WRITE, &file) != 0)
		return;
	if (!failed(w, ext4_vfs_ops.allocate(&file, at, len), slot) && at + len > f->size)
		resize(f, at + len);
	ext4_vfs_ops.close(&file);
}

static void gone(struct work_file *f)
{
	f->tag = 0;
	f->size = 0;
}

static void remove_one(struct ext4_work *w, u32 slot)
{
	struct work_file *f = &w->now.files[slot];

	int r;

	touch(w, slot, WORK_THINGS);
	r = ext4_vfs_ops.remove(w->fs, work_path(slot));
	if (f->tag == 0)
		assert_true(r == -ENOENT || (w->failing && r < 0));
	else if (!failed(w, r, slot))
		gone(f);
}

/* Over another one, too. */
static void rename_one(struct ext4_work *w, u32 slot)
{
	struct work_file *f = w->now.files;
	u32 to = work_pick(w, WORK_FILES);
	char from[64];
	int r;

	if (f[slot].tag == 0 || to == slot || w->unknown[to])
		return;
	touch(w, to, slot);
	snprintf(from, sizeof(from), "%s", work_path(slot));
	r = ext4_vfs_ops.rename(w->fs, from, work_path(to));
	if (failed(w, r, slot)) {
		w->unknown[to] = w->unknown[slot];
		return;
	}
	f[to] = f[slot];
	gone(&f[slot]);
}

/* A file loses its name while it is open, and is freed when it is closed; sometimes by a rename. */
static void hold_one(struct ext4_work *w, u32 slot)
{
	struct work_held *h = &w->held[work_pick(w, WORK_HELD)];

	if (h->was.tag != 0) {
		if (write_to(w, &h->file, &h->was))
			assert_true(work_reads(&h->file, &h->was));
		ext4_vfs_ops.close(&h->file);
		gone(&h->was);
		return;
	}
	if (w->now.files[slot].tag == 0)
		return;
	if (open_thing(w, slot, VFS_READ | VFS_WRITE, &h->file) != 0)
		return;
	h->was = w->now.files[slot];
	remove_one(w, slot);
	if (w->now.files[slot].tag == 0 && write_to(w, &h->file, &h->was))
		return;
	ext4_vfs_ops.close(&h->file);
	gone(&h->was);
}

/* Names come and go, so that their directory is hashed, split and emptied. */
static void name_one(struct ext4_work *w, u32 slot)
{
	u32 i = work_pick(w, WORK_NAMES), thing = WORK_FIRST_NAME + i;
	struct vfs_file file;

	(void)slot;
	if (w->unknown[thing])
		return;
	touch(w, thing, WORK_THINGS);
	if (w->now.names[i]) {
		if (failed(w, ext4_vfs_ops.remove(w->fs, work_path(thing)), thing))
			return;
	} else {
		if (open_thing(w, thing, VFS_READ | VFS_WRITE | VFS_CREATE, &file) != 0)
			return;
		ext4_vfs_ops.close(&file);
	}
	w->now.names[i] = !w->now.names[i];
}

static void move_sub(struct ext4_work *w, u32 from, u32 to)
{
	char path[64];
	int r;

	touch(w, WORK_FIRST_SUB + to, WORK_THINGS);
	snprintf(path, sizeof(path), "%s", work_path(WORK_FIRST_SUB + from));
	r = ext4_vfs_ops.rename(w->fs, path, work_path(WORK_FIRST_SUB + to));
	if (failed(w, r, WORK_FIRST_SUB + from)) {
		w->unknown[WORK_FIRST_SUB + to] = w->unknown[WORK_FIRST_SUB + from];
		return;
	}
	w->now.subs[from] = false;
	w->now.subs[to] = true;
}

/* Directories: made, removed, moved, also to other parents and over an empty one. */
static void sub_one(struct ext4_work *w, u32 slot)
{
	u32 i = work_pick(w, WORK_SUBS), to = work_pick(w, WORK_SUBS);
	u32 thing = WORK_FIRST_SUB + i;
	bool *subs = w->now.subs;

	(void)slot;
	if (w->unknown[thing] || w->unknown[WORK_FIRST_SUB + to])
		return;
	touch(w, thing, WORK_THINGS);
	if (!subs[i])
		subs[i] = !failed(w, ext4_vfs_ops.mkdir(w->fs, work_path(thing)), thing);
	else if (i != to)
		move_sub(w, i, to);
	else
		subs[i] = failed(w, ext4_vfs_ops.remove(w->fs, work_path(thing)), thing);
}

static void long_cut(struct ext4_work *w, struct vfs_file *file)
{
	u32 part = work_pick(w, WORK_PARTS);

	if (failed(w, ext4_vfs_ops.truncate(file, (u64)part * WORK_PART), WORK_LONG))
		return;
	for (u32 i = part; i < WORK_PARTS; i++)
		w->now.parts[i] = false;
	w->now.long_size = (u64)part * WORK_PART;
}

static void long_allocate(struct ext4_work *w, struct vfs_file *file)
{
	u64 at = (u64)work_pick(w, WORK_PARTS) * WORK_PART;
	u64 end = at + (1 + (u64)work_pick(w, WORK_PARTS - (u32)(at / WORK_PART))) * WORK_PART;

	if (!failed(w, ext4_vfs_ops.allocate(file, at, end - at), WORK_LONG))
		w->now.long_size = MAX(w->now.long_size, end);
}

static void long_put(struct ext4_work *w, struct vfs_file *file)
{
	for (u32 i = 0; i < 12; i++) {
		u32 part = work_pick(w, WORK_PARTS);
		u8 byte = WORK_LONG;

		file->offset = (u64)part * WORK_PART;
		if (failed(w, ext4_vfs_ops.write(file, &byte, 1), WORK_LONG))
			return;
		w->now.parts[part] = true;
		w->now.long_size = MAX(w->now.long_size, file->offset + 1);
	}
}

/* Many extents, in many groups, so that one operation does not cut all of it. */
static void long_one(struct ext4_work *w, u32 slot)
{
	struct vfs_file file;
	u32 kind = work_pick(w, 4);

	(void)slot;
	if (w->unknown[WORK_LONG])
		return;
	touch(w, WORK_LONG, WORK_THINGS);
	if (open_thing(w, WORK_LONG, VFS_READ | VFS_WRITE | VFS_CREATE, &file) != 0)
		return;
	if (kind == 0)
		long_cut(w, &file);
	else if (kind == 1)
		long_allocate(w, &file);
	else
		long_put(w, &file);
	ext4_vfs_ops.close(&file);
}

static void check_one(struct ext4_work *w, u32 slot)
{
	work_check(w->fs, &w->now, slot);
}

/* Each as often as it stands here. */
static void (*const things_to_do[])(struct ext4_work *w, u32 slot) = { write_one, write_one,
	write_one, write_one, truncate_one, truncate_one, allocate_one, remove_one, rename_one,
	rename_one, hold_one, long_one, long_one, sub_one, check_one, name_one, name_one,
	name_one };

static void do_one(struct ext4_work *w)
{
	u32 slot = work_pick(w, WORK_FILES), kind = work_pick(w, ARRAY_SIZE(things_to_do));

	if (!w->unknown[slot])
		things_to_do[kind](w, slot);
}

void work_do(struct ext4_work *w, u32 operations)
{
	for (u32 i = 0; i < operations; i++)
		do_one(w);
}

void work_close(struct ext4_work *w)
{
	for (u32 i = 0; i < WORK_HELD; i++) {
		if (w->held[i].was.tag == 0)
			continue;
		if (!w->failing)
			assert_true(work_reads(&w->held[i].file, &w->held[i].was));
		ext4_vfs_ops.close(&w->held[i].file);
		gone(&w->held[i].was);
	}
}

void work_volume(struct image_disk *disk, u32 kind)
{
	image_disk_share(disk, SIZE, 512);
	memset(disk->bytes, WORK_POISON, SIZE);
	/* The same one each time. */
	assert_int_equal(image_command("E2FSPROGS_FAKE_TIME=1767225600 mke2fs -q -F -t ext4 "
				       "-J size=%u -U 6b1d7a5e-7b8a-4f0c-9d3e-2f4a5c6d7e8f -E "
				       "hash_seed=0e6f2b1c-4a3d-4c2b-8e1f-9a8b7c6d5e4f,nodiscard,"
				       "lazy_itable_init=1 %s %s",
				 strstr(work_kinds[kind], "4096") != NULL ? 4 : 1, work_kinds[kind],
				 disk->path),
		0);
}

void work_begin(struct ext4_work *w, struct ext4 *fs, const struct image_disk *disk, u64 random)
{
	memset(w, 0, sizeof(*w));
	w->fs = fs;
	w->disk = disk;
	w->random = random;
	for (u32 i = 0; i < WORK_DIRS; i++) {
		char path[16];

		snprintf(path, sizeof(path), "dir%u", i);
		assert_int_equal(ext4_vfs_ops.mkdir(fs, path), 0);
	}
	assert_int_equal(ext4_vfs_ops.mkdir(fs, "names"), 0);
}

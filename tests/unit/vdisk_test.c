/* SPDX-License-Identifier: MIT */
/*
 * Virtual disks: image files on ext4 against a model, with requests that end in any order, on
 * holes, unwritten and written blocks, flushes and power cuts behind them; who may open what; devices
 * with sectors of another size; errors.
 * sources: rootpart/vdisk/vdisk.c rootpart/vdisk/vdisk_map.c rootpart/vdisk/vdisk_file.c
 * sources: rootpart/vdisk/vdisk_grow.c rootpart/vdisk/vdisk_copy.c rootpart/vdisk/vdisk_device.c
 * sources: rootpart/block/block_cut.c rootpart/block/block_check.c rootpart/block/sector.c
 * sources: rootpart/block/sector_part.c rootpart/vfs.c rootpart/path.c rootpart/memfs.c
 * sources: rootpart/memfs_data.c rootpart/errno_text.c lib/format.c
 * sources: rootpart/ext4/ext4_alloc.c rootpart/ext4/ext4_bitmap.c rootpart/ext4/ext4_buffer.c
 * sources: rootpart/ext4/ext4_commit.c rootpart/ext4/ext4_crc.c rootpart/ext4/ext4_dir.c
 * sources: rootpart/ext4/ext4_dir_list.c rootpart/ext4/ext4_extent.c
 * sources: rootpart/ext4/ext4_extent_change.c rootpart/ext4/ext4_extent_cut.c
 * sources: rootpart/ext4/ext4_extent_split.c rootpart/ext4/ext4_features.c
 * sources: rootpart/ext4/ext4_file.c rootpart/ext4/ext4_geometry.c rootpart/ext4/ext4_group.c
 * sources: rootpart/ext4/ext4_hash.c rootpart/ext4/ext4_htree.c rootpart/ext4/ext4_htree_add.c
 * sources: rootpart/ext4/ext4_ialloc.c rootpart/ext4/ext4_inode.c rootpart/ext4/ext4_journal.c
 * sources: rootpart/ext4/ext4_journal_map.c rootpart/ext4/ext4_journal_super.c
 * sources: rootpart/ext4/ext4_map.c rootpart/ext4/ext4_mount.c rootpart/ext4/ext4_name.c
 * sources: rootpart/ext4/ext4_orphan.c rootpart/ext4/ext4_replay.c rootpart/ext4/ext4_revoke.c
 * sources: rootpart/ext4/ext4_super.c rootpart/ext4/ext4_truncate.c rootpart/ext4/ext4_vfs.c
 * sources: tests/unit/ext4_space_volume.c tests/unit/image_disk.c tests/unit/fake_root.c lib/string.c
 * cflags: -iquote tests/unit/fake/root
 */
#include "tests/unit/vdisk_machine.h"

#include "rootpart/memfs.h"

#define SECTORS  (3u * 2048 + 77) /* of the image */
#define SIZE     (SECTORS * 512u)
#define REQUESTS 12u
#define LONGEST  300u /* sectors of a request */
#define PATH     "/vm/disk.img"

struct job {
	struct vdisk_request q;
	struct block_segment segments[3];
	u8 data[LONGEST * 512];
	u32 first, count;
	bool flying;
	/* Of a flush: what it is to make safe. */
	u8 *model;
	bool *safe;
};

static struct vdisk *disk;
static struct job jobs[REQUESTS];
static u8 model[SIZE];
static bool busy[SECTORS];
static u8 *before; /* the medium when recording began */
static u32 cuts_left, sectors_cut;

static struct vdisk_how how = { .path = PATH, .holder = "the test", .write = true };

static void open_disk(void)
{
	char other[BLOCK_HOLDER_SIZE];

	assert_int_equal(vdisk_open(&how, other, &disk), 0);
}

/* The volume is full of what nobody may see; the image has a hole, data and unwritten blocks. */
static void begin(const char *options, u32 sector_size)
{
	static u8 junk[MIB];
	struct vfs_file f;

	volume_make(&v, options, "16M");
	image_disk_load(&v.disk, v.path, sector_size);
	assert_int_equal(ext4_mount(&v.disk.d, false, &v.fs), 0);
	machine_mount();
	memset(junk, 0xee, sizeof(junk));
	assert_int_equal(vfs_open("/vm/junk", VFS_WRITE | VFS_CREATE, &f), 0);
	while (vfs_write(&f, junk, sizeof(junk)) == sizeof(junk))
		;
	vfs_close(&f);
	assert_int_equal(vfs_remove("/vm/junk"), 0);
	assert_int_equal(ext4_sync(v.fs), 0);
	memset(model, 0, sizeof(model));
	memset(busy, 0, sizeof(busy));
	assert_int_equal(vfs_open(PATH, VFS_WRITE | VFS_CREATE, &f), 0);
	assert_int_equal(vfs_truncate(&f, SIZE), 0);
	for (u32 i = 0; i < 700000; i++)
		model[100000 + i] = (u8)(i * 7);
	f.offset = 100000;
	assert_int_equal(vfs_write(&f, model + 100000, 700000), 700000);
	assert_int_equal(vfs_allocate(&f, 1500000, 600000), 0);
	vfs_close(&f);
	assert_int_equal(ext4_sync(v.fs), 0);
	open_disk();
}

static void end(void)
{
	settle();
	vdisk_close(disk);
	assert_int_equal(pins, 0);
	volume_unmount(&v);
	assert_true(volume_has(&v, "disk.img", model, SIZE));
}

/* The medium if the power went now: all that was flushed, and some of the rest. */
static void power_cut(const struct job *j)
{
	struct image_disk *d = &v.disk;
	struct volume cut = { 0 };
	static u8 have[SIZE];
	u64 flushed = d->log_count, n = 0;
	struct vfs_file f = { .ops = &ext4_vfs_ops, .flags = VFS_READ };

	while (flushed > 0 && d->log[flushed - 1].offset != ~0ull)
		flushed--;
	image_disk_make(&cut.disk, d->size, d->d.limits.sector_size);
	memcpy(cut.disk.bytes, before, d->size);
	for (u64 i = 0; i < d->log_count; i++) {
		const struct image_write *w = &d->log[i];

		if (w->offset != ~0ull && (i < flushed || w->fua || any(2)))
			memcpy(cut.disk.bytes + w->offset, w->data, w->len);
	}
	assert_int_equal(ext4_mount(&cut.disk.d, false, &cut.fs), 0);
	f.fs = cut.fs;
	assert_int_equal(ext4_vfs_ops.open(cut.fs, "disk.img", &f), 0);
	while (n < SIZE) {
		s64 done = ext4_vfs_ops.read(&f, have + n, SIZE - n);

		assert_true(done > 0);
		n += (u64)done;
		f.offset = n;
	}
	for (u32 s = 0; s < SECTORS; s++) {
		if (!j->safe[s])
			continue;
		assert_memory_equal(have + s * 512, j->model + s * 512, 512);
		sectors_cut++;
	}
	ext4_vfs_ops.close(&f);
	assert_int_equal(ext4_unmount(cut.fs), 0);
	image_disk_free(&cut.disk);
}

static void flush_done(struct job *j)
{
	if (j->safe != NULL && cuts_left > 0) {
		cuts_left--;
		power_cut(j);
	}
	free(j->model);
	free(j->safe);
	j->model = NULL;
	j->safe = NULL;
}

static void flatten(const struct job *j, u8 *to)
{
	for (u32 i = 0; i < j->q.r.segment_count; i++) {
		memcpy(to, gpa_ptr(j->segments[i].gpa), j->segments[i].len);
		to += j->segments[i].len;
	}
}

static void job_done(struct block_request *r)
{
	struct job *j = container_of(r, struct job, q.r);
	static u8 flat[LONGEST * 512];

	assert_true(j->flying);
	assert_false(submitting);
	j->flying = false;
	assert_int_equal(r->error, 0);
	if (r->op == BLOCK_FLUSH) {
		flush_done(j);
		return;
	}
	flatten(j, flat);
	for (u32 i = 0; i < j->count; i++)
		busy[j->first + i] = false;
	assert_memory_equal(flat, model + j->first * 512, j->count * 512);
	/* A write that is to last is as a flush of it. */
	if (r->op == BLOCK_WRITE && (r->flags & BLOCK_FUA) && j->safe != NULL)
		flush_done(j);
}

/* What will be safe on the medium: what nobody writes to now. */
static void expect_safe(struct job *j, bool all)
{
	j->model = malloc(SIZE);
	j->safe = calloc(SECTORS, sizeof(*j->safe));
	memcpy(j->model, model, SIZE);
	for (u32 s = 0; s < SECTORS; s++)
		j->safe[s] = all ? !busy[s] : s >= j->first && s < j->first + j->count;
}

/* Data that is changed from now on may be there, or not. */
static void unsafe(u32 first, u32 count)
{
	for (u32 k = 0; k < REQUESTS; k++)
		for (u32 i = 0; jobs[k].safe != NULL && i < count; i++)
			jobs[k].safe[first + i] = false;
}

static void submit(struct job *j, enum block_op op, u32 flags)
{
	j->q.r = (struct block_request){ .op = op, .flags = flags, .done = job_done };
	j->flying = true;
	if (op != BLOCK_FLUSH) {
		u32 len = j->count * 512, a = any(len), b = any(len - a);
		u32 lens[3] = { a, b, len - a - b };
		u8 *at = j->data;

		j->q.r.sector = j->first;
		j->q.r.bytes = len;
		j->q.r.segments = j->segments;
		for (u32 i = 0; i < 3; i++) {
			if (lens[i] > 0)
				j->segments[j->q.r.segment_count++] =
					(struct block_segment){ gpa_of(at), lens[i] };
			at += lens[i];
		}
	}
	submitting = true;
	vdisk_submit(disk, &j->q);
	submitting = false;
}

static void start(struct job *j)
{
	bool write = any(3) > 0;
	u32 flags = write && any(6) == 0 ? BLOCK_FUA : 0;

	j->count = 1 + any(any(3) ? 12 : LONGEST);
	j->first = any(SECTORS - j->count);
	for (u32 i = 0; i < j->count; i++)
		if (busy[j->first + i])
			return;
	if (write) {
		unsafe(j->first, j->count);
		for (u32 i = 0; i < j->count * 512; i++)
			j->data[i] = model[j->first * 512 + i] = (u8)any(256);
	}
	if (flags != 0 && v.disk.record && cuts_left > 0 && any(8) == 0)
		expect_safe(j, false);
	for (u32 i = 0; i < j->count; i++)
		busy[j->first + i] = true;
	submit(j, write ? BLOCK_WRITE : BLOCK_READ, flags);
}

static void work(u32 rounds)
{
	for (u32 i = 0; i < rounds; i++) {
		struct job *j = &jobs[any(REQUESTS)];

		if (j->flying) {
			machine_step();
		} else if (any(30) == 0) {
			if (v.disk.record && cuts_left > 0 && any(3) == 0)
				expect_safe(j, true);
			submit(j, BLOCK_FLUSH, 0);
		} else {
			start(j);
		}
	}
}

static const struct {
	const char *options;
	u32 sector_size;
} kinds[] = {
	{ "-b 4096 -O " EXT4_FEATURES, 512 },
	{ "-b 1024 -O " EXT4_FEATURES, 512 },
	{ "-b 4096 -O " EXT4_FEATURES, 4096 },
	{ "-b 4096 -O " EXT4_FEATURES_OLD, 512 },
};

static void at_random(void **context)
{
	(void)context;
	for (u32 k = 0; k < ARRAY_SIZE(kinds); k++) {
		begin(kinds[k].options, kinds[k].sector_size);
		work(3000);
		end();
	}
}

static void power_cuts(void **context)
{
	(void)context;
	for (u32 k = 0; k < ARRAY_SIZE(kinds); k++) {
		begin(kinds[k].options, kinds[k].sector_size);
		before = malloc(v.disk.size);
		memcpy(before, v.disk.bytes, v.disk.size);
		v.disk.record = true;
		cuts_left = 12;
		sectors_cut = 0;
		for (u32 i = 0; cuts_left > 0; i++) {
			assert_true(i < 100);
			work(100);
		}
		assert_true(sectors_cut > 1000);
		end();
		free(before);
	}
}

/* ---- one thing at a time ---- */

static int last_error;
static u32 ended;

static void one_done(struct block_request *r)
{
	assert_false(submitting);
	last_error = r->error;
	ended++;
}

/* A request on its own; its error. */
static int one(enum block_op op, u64 sector, u8 *data, u32 bytes, u32 flags)
{
	static struct vdisk_request q;
	static struct block_segment segment;

	segment = (struct block_segment){ gpa_of(data), bytes };
	q.r = (struct block_request){ .op = op,
		.flags = flags,
		.sector = sector,
		.bytes = bytes,
		.segments = &segment,
		.segment_count = op == BLOCK_READ || op == BLOCK_WRITE,
		.done = one_done };
	ended = 0;
	submitting = true;
	vdisk_submit(disk, &q);
	submitting = false;
	settle();
	assert_int_equal(ended, 1);
	return last_error;
}

static int try_open(const char *path, bool write, u32 sector_size)
{
	const struct vdisk_how h = {
		.path = path, .holder = "another", .write = write, .sector_size = sector_size
	};
	char other[BLOCK_HOLDER_SIZE];
	struct vdisk *d;
	int r = vdisk_open(&h, other, &d);

	if (r == 0)
		vdisk_close(d);
	return r;
}

static int try_file(const char *path, u32 flags)
{
	struct vfs_file f;
	int r = vfs_open(path, flags, &f);

	if (r == 0)
		vfs_close(&f);
	return r;
}

static void make_file(const char *path, u64 size)
{
	struct vfs_file f;

	assert_int_equal(vfs_open(path, VFS_WRITE | VFS_CREATE, &f), 0);
	assert_int_equal(vfs_truncate(&f, size), 0);
	vfs_close(&f);
}

/* Who else may have an image that is open. */
static void others(void **context)
{
	struct vfs_file f;

	(void)context;
	begin(kinds[0].options, 512);
	assert_int_equal(try_open(PATH, true, 0), -EBUSY);
	assert_int_equal(try_open(PATH, false, 0), -EBUSY);
	assert_int_equal(try_file(PATH, VFS_WRITE), -EBUSY);
	assert_int_equal(try_file(PATH, VFS_WRITE | VFS_TRUNCATE), -EBUSY);
	assert_int_equal(try_file(PATH, VFS_READ), 0);
	assert_int_equal(vfs_remove(PATH), -EBUSY);
	make_file("/vm/other", 5);
	assert_int_equal(vfs_rename("/vm/other", PATH), -EBUSY);
	assert_int_equal(vfs_rename(PATH, "/vm/moved"), 0);
	assert_int_equal(vfs_rename("/vm/moved", PATH), 0);
	vdisk_close(disk);
	how.write = false;
	open_disk();
	assert_int_equal(try_open(PATH, false, 0), 0);
	assert_int_equal(try_open(PATH, true, 0), -EBUSY);
	assert_int_equal(try_file(PATH, VFS_WRITE), -EBUSY);
	assert_int_equal(vfs_remove(PATH), -EBUSY);
	assert_int_equal(one(BLOCK_WRITE, 0, model, 512, 0), -EROFS);
	vdisk_close(disk);
	how.write = true;
	assert_int_equal(vfs_open(PATH, VFS_WRITE, &f), 0);
	assert_int_equal(try_open(PATH, true, 0), -EBUSY);
	vfs_close(&f);
	open_disk();
	end();
}

static void refusals(void **context)
{
	static u8 buf[MIB + 512];

	(void)context;
	begin(kinds[0].options, 512);
	make_file("/vm/odd", 1000);
	make_file("/vm/empty", 0);
	make_file("/vm/512", 512 * 9);
	assert_int_equal(try_open("/vm/odd", false, 0), -EINVAL);
	assert_int_equal(try_open("/vm/empty", false, 0), -EINVAL);
	assert_int_equal(try_open("/vm/512", false, 4096), -EINVAL);
	assert_int_equal(try_open("/vm/512", false, 1024), -EINVAL);
	assert_int_equal(try_open("/vm/512", false, 512), 0);
	assert_int_equal(try_open("/vm/none", false, 0), -ENOENT);
	assert_int_equal(try_open("/vm", false, 0), -EISDIR);
	assert_int_equal(try_open("/dev/none", false, 0), -ENOENT);
	assert_int_equal(one(BLOCK_READ, SECTORS, buf, 512, 0), -EINVAL);
	assert_int_equal(one(BLOCK_READ, SECTORS - 1, buf, 1024, 0), -EINVAL);
	assert_int_equal(one(BLOCK_READ, ~0ull, buf, 512, 0), -EINVAL);
	assert_int_equal(one(BLOCK_READ, 0, buf, 0, 0), -EINVAL);
	assert_int_equal(one(BLOCK_READ, 0, buf, 700, 0), -EINVAL);
	assert_int_equal(one(BLOCK_READ, 0, buf, MIB + 512, 0), -EINVAL);
	assert_int_equal(one(BLOCK_DISCARD, 0, buf, 512, 0), -ENOTSUP);
	/* What is no memory, where zeroes are to go. */
	assert_int_equal(one(BLOCK_READ, SECTORS - 8, (u8 *)512, 512, 0), -EINVAL);
	end();
}

/* Two writes to one new block: what only the first writes stays, whichever ends first. */
static void overlap(void **context)
{
	static struct vdisk_request q[2];
	static u8 first[4096], second[512];
	struct block_segment segments[] = { { gpa_of(first), 4096 }, { gpa_of(second), 512 } };

	(void)context;
	begin(kinds[0].options, 512);
	memset(first, 1, sizeof(first));
	memset(second, 2, sizeof(second));
	for (u32 round = 0; round < 20; round++) {
		u32 sector = 4200 + round * 8;
		u8 *want = model + sector * 512;

		ended = 0;
		for (u32 i = 0; i < 2; i++) {
			q[i].r = (struct block_request){ .op = BLOCK_WRITE,
				.sector = sector + 3 * i,
				.bytes = segments[i].len,
				.segments = &segments[i],
				.segment_count = 1,
				.done = one_done };
			vdisk_submit(disk, &q[i]);
			/* The first is on its way to the device. */
			while (i == 0 && agent_step())
				;
		}
		settle();
		assert_int_equal(ended, 2);
		assert_int_equal(one(BLOCK_READ, sector, want, 4096, 0), 0);
		for (u32 i = 0; i < 4096; i++)
			assert_true(want[i] == 1 || (want[i] == 2 && i / 512 == 3));
	}
	end();
}

/* No room for a hole: that request fails, what has its place goes on. */
static void full_volume(void **context)
{
	static u8 buf[MIB];
	struct vfs_file f;

	(void)context;
	begin(kinds[0].options, 512);
	assert_int_equal(vfs_open("/vm/junk", VFS_WRITE | VFS_CREATE, &f), 0);
	while (vfs_write(&f, buf, sizeof(buf)) > 0)
		;
	vfs_close(&f);
	memset(buf, 0x5a, sizeof(buf));
	assert_int_equal(one(BLOCK_WRITE, 4200, buf, 512 * 900, 0), -ENOSPC);
	assert_int_equal(one(BLOCK_WRITE, 400, buf, 512 * 20, 0), 0);
	memcpy(model + 400 * 512, buf, 512 * 20);
	assert_int_equal(one(BLOCK_WRITE, 3001, buf, 512, BLOCK_FUA), 0);
	memcpy(model + 3001 * 512, buf, 512);
	assert_int_equal(vfs_remove("/vm/junk"), 0);
	assert_int_equal(one(BLOCK_WRITE, 4200, buf, 512 * 900, 0), 0);
	memcpy(model + 4200 * 512, buf, 512 * 900);
	end();
}

/* Each write that the device refuses: an error, nothing that was there before, and on it goes. */
static void write_errors(void **context)
{
	static u8 buf[512 * 40], have[512 * 40];

	(void)context;
	for (u64 n = 1; n <= 4; n++) {
		begin(kinds[0].options, 512);
		memset(buf, (int)n, sizeof(buf));
		v.disk.fail_write_at = v.disk.writes + n;
		for (u32 i = 0; i < 4; i++) {
			u32 first = i < 2 ? 4200 + i * 100 : 300 + i * 100;
			int r = one(BLOCK_WRITE, first + 1, buf, sizeof(buf), 0);

			assert_true(r == 0 || r == -EIO);
			if (r == 0)
				memcpy(model + (first + 1) * 512, buf, sizeof(buf));
			assert_int_equal(one(BLOCK_READ, first + 1, have, sizeof(have), 0), 0);
			for (u32 k = 0; k < sizeof(have); k++)
				assert_true(have[k] == buf[k] ||
					    have[k] == model[(first + 1) * 512 + k]);
			/* Again, so that the model is right. */
			assert_int_equal(one(BLOCK_WRITE, first + 1, buf, sizeof(buf), 0), 0);
			memcpy(model + (first + 1) * 512, buf, sizeof(buf));
		}
		assert_true(v.disk.writes > v.disk.fail_write_at);
		assert_int_equal(vdisk_flush(disk), 0);
		end();
	}
}

/* Overwriting in place is nothing for the file system: no write but the data's. */
static void in_place(void **context)
{
	static u8 buf[512 * 100];
	u64 writes, flushes;

	(void)context;
	begin(kinds[0].options, 512);
	memset(buf, 7, sizeof(buf));
	assert_int_equal(one(BLOCK_WRITE, 300, buf, sizeof(buf), 0), 0);
	assert_int_equal(vdisk_flush(disk), 0);
	writes = v.disk.writes;
	flushes = v.disk.flushes;
	image_clock += 100;
	for (u32 i = 0; i < 50; i++)
		assert_int_equal(one(BLOCK_WRITE, 300 + i, buf, sizeof(buf), 0), 0);
	assert_int_equal(vdisk_flush(disk), 0);
	assert_int_equal(v.disk.writes, writes + 50);
	assert_int_equal(v.disk.flushes, flushes + 1);
	memset(model + 300 * 512, 7, 512 * 149);
	end();
	/* Its time is told when it is closed. */
	assert_int_equal(image_command("debugfs -R 'stat disk.img' %s | grep -q '^ *mtime: 0x%08x'",
				 v.path, (u32)image_clock),
		0);
	image_clock -= 100;
}

/* Sectors of a size that the device does not have, up and down. */
static void devices(void **context)
{
	static const u32 sizes[][2] = { { 512, 4096 }, { 4096, 512 }, { 512, 512 },
		{ 4096, 4096 } };
	static u8 buf[4096 * 20];
	char other[BLOCK_HOLDER_SIZE];

	(void)context;
	for (u32 i = 0; i < ARRAY_SIZE(sizes); i++) {
		u32 size = sizes[i][1];
		struct vdisk_how h = {
			.path = "/dev/disk0", .holder = "VM web", .write = true, .sector_size = size
		};

		image_disk_make(&v.disk, MIB, sizes[i][0]);
		assert_int_equal(vdisk_open(&h, other, &disk), 0);
		assert_string_equal(vdisk_name(disk), "disk0");
		assert_int_equal(disk->sectors, MIB / size);
		assert_int_equal(try_open("/dev/disk0", true, 0), -EBUSY);
		for (u32 k = 0; k < sizeof(buf); k++)
			buf[k] = (u8)(k * 3 + i);
		assert_int_equal(one(BLOCK_WRITE, 9, buf, size * 5, 0), 0);
		assert_memory_equal(v.disk.bytes + 9 * size, buf, size * 5);
		memset(buf, 0, sizeof(buf));
		assert_int_equal(one(BLOCK_READ, 9, buf, size * 5, 0), 0);
		assert_memory_equal(v.disk.bytes + 9 * size, buf, size * 5);
		assert_int_equal(one(BLOCK_READ, MIB / size, buf, size, 0), -EINVAL);
		assert_int_equal(vdisk_flush(disk), 0);
		vdisk_close(disk);
		assert_string_equal(device_holder, "");
		assert_int_equal(image_objects, 0);
		image_disk_free(&v.disk);
	}
}

/* A file in memory has no extents: it is copied. */
static void in_memory(void **context)
{
	static struct memfs *fs;
	static u8 buf[512 * 300], have[512 * 300];
	struct vdisk_how h = { .path = "/memory/x", .holder = "VM web", .write = true };
	char other[BLOCK_HOLDER_SIZE];

	(void)context;
	v.disk.d.limits.sector_size = 512;
	fs = memfs_create(4 * MIB);
	assert_non_null(fs);
	assert_int_equal(vfs_mount("/memory", &memfs_ops, fs), 0);
	make_file("/memory/x", 512 * 1000);
	assert_int_equal(vdisk_open(&h, other, &disk), 0);
	for (u32 k = 0; k < sizeof(buf); k++)
		buf[k] = (u8)(k * 5);
	assert_int_equal(one(BLOCK_WRITE, 3, buf, sizeof(buf), BLOCK_FUA), 0);
	assert_int_equal(one(BLOCK_READ, 3, have, sizeof(have), 0), 0);
	assert_memory_equal(have, buf, sizeof(buf));
	assert_int_equal(one(BLOCK_READ, 999, have, 1024, 0), -EINVAL);
	assert_int_equal(one(BLOCK_WRITE, 5, (u8 *)512, 512, 0), -EINVAL);
	assert_int_equal(vdisk_flush(disk), 0);
	vdisk_close(disk);
	assert_int_equal(pins, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(at_random),
		cmocka_unit_test(power_cuts),
		cmocka_unit_test(others),
		cmocka_unit_test(refusals),
		cmocka_unit_test(overlap),
		cmocka_unit_test(full_volume),
		cmocka_unit_test(write_errors),
		cmocka_unit_test(in_place),
		cmocka_unit_test(devices),
		cmocka_unit_test(in_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

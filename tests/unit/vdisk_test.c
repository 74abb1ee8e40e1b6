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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(at_random),
		cmocka_unit_test(power_cuts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

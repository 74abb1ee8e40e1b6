/* SPDX-License-Identifier: MIT */
/*
 * Power cuts under all of ext4. Random work is done on a volume while its writes and flushes are
 * recorded. Crash images are made of that: behind each flush in turn, all that went before
 * it, and of what was written since then some writes, whole, in part, or not at all. Each
 * image is mended by e2fsck -fp, whose status is 0 or 1, and mounted then; and mounted as it is,
 * and found clean by e2fsck afterwards. Both have all that was synced and not touched since, a
 * file that was moved at one of its places, and in no file a byte that is not its own. Some are cut
 * a second time, while they are mounted. VERDIGRIS_SEED sets the seed, VERDIGRIS_SOAK makes
 * it 20,000 images of seeds from the clock; a bad image is kept in the build's folder.
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

#define SYNCS       14u
#define IMAGES      40u /* of one run of work at least; more, if it has more flushes */
#define SOAK_ROUNDS 100u
#define SEED        5u /* one with a commit block that is written in part */
#define AGAIN       4u /* every which image is cut while it is mounted, too */

#define ALL         WORK_THINGS

/* From a place in the log of writes on, all, or one file, is on the medium as it was then. */
struct synced {
	u64 at;
	u32 event;
	u32 only;
	struct work_state *state;
};

/* Writes and flushes, from a medium's bytes on. */
struct recording {
	u8 *before; /* or later: with all writes up to @applied */
	u64 applied;
	const struct image_write *log;
	u64 count;
};

/* A cut: all writes before @start, some before @end. */
struct place {
	u64 start, end;
};

static struct ext4_work w;
static struct image_disk raw; /* a crash image as it was made */
static struct synced synced[SYNCS];
static struct {
	u32 kind;
	u64 seed;
	u32 image;
	bool active;
} now;
static u64 images, same, moved, torn; /* what was seen */

static bool is_flush(const struct image_write *write)
{
	return write->offset == ~0ull;
}

static bool is_super(const struct image_write *write)
{
	return write->offset <= EXT4_SUPER_OFFSET && write->offset + write->len > EXT4_SUPER_OFFSET;
}

/* Its sectors, or some of them; the superblock's at once or not at all. */
static void put(u8 *to, const struct image_write *write, bool whole)
{
	u32 piece = is_super(write) ? write->len : 512;
	u32 mode = whole ? 0 : work_pick(&w, 3);

	if (is_flush(write))
		return;
	torn += mode == 2 && write->len > piece;
	for (u32 at = 0; at < write->len; at += piece)
		if (mode == 0 || (mode == 2 && work_pick(&w, 2) == 0))
			memcpy(to + write->offset + at, write->data + at, piece);
}

/* Flush number @n: what was written before it is on the medium. 0: nothing is. */
static struct place place_at(const struct recording *r, u32 n)
{
	struct place p = { 0 };

	for (u64 i = 0; n > 0 && i < r->count; i++) {
		if (!is_flush(&r->log[i]))
			continue;
		p.start = i + 1;
		n--;
	}
	for (p.end = p.start; p.end < r->count && !is_flush(&r->log[p.end]);)
		p.end++;
	if (work_pick(&w, 4) != 0)
		p.end = p.start + work_pick(&w, (u32)(p.end - p.start) + 1);
	return p;
}

static u32 flushes_of(const struct recording *r)
{
	u32 n = 0;

	for (u64 i = 0; i < r->count; i++)
		n += is_flush(&r->log[i]);
	return n;
}

/* A write-through is there when something came behind it. */
static void make_image(struct recording *r, const struct place *p, u8 *to)
{
	for (; r->applied < p->start; r->applied++)
		put(r->before, &r->log[r->applied], true);
	memcpy(to, r->before, raw.size);
	for (u64 i = p->start; i < p->end; i++)
		put(to, &r->log[i], r->log[i].fua && i + 1 < p->end);
}

static bool is_durable(const struct synced *s, const struct place *p)
{
	return s->at < p->end || s->at <= p->start;
}

/* The last one that was before the cut and is good for @thing. */
static const struct synced *last_synced(u32 thing, const struct place *p)
{
	for (u32 i = SYNCS; i-- > 0;)
		if ((synced[i].only == ALL || synced[i].only == thing) && is_durable(&synced[i], p))
			return &synced[i];
	return NULL;
}

static void check_untouched(struct ext4 *fs, const struct place *p)
{
	u32 touched[WORK_THINGS] = { 0 }; /* by the event before this one */

	for (u32 i = 0; i < w.event_count && w.events[i].at < p->end; i++) {
		touched[w.events[i].thing] = i + 1;
		if (w.events[i].from != WORK_THINGS)
			touched[w.events[i].from] = i + 1;
	}
	for (u32 i = 0; i < WORK_THINGS; i++) {
		const struct synced *s = last_synced(i, p);

		if (s == NULL || touched[i] > s->event)
			continue;
		work_check(fs, s->state, i);
		same++;
	}
}

/* Where a file may be that was in @slot and only moved since then; a bit for each. 0: it was changed. */
static u32 places_of(u32 slot, u32 event, u64 end)
{
	u32 places = 1u << slot;

	for (u32 i = event; i < w.event_count && w.events[i].at < end; i++) {
		const struct work_event *e = &w.events[i];

		if (e->thing == slot)
			return 0;
		if (e->from != slot)
			continue;
		slot = e->thing;
		places |= 1u << slot;
	}
	return places;
}

/* A rename loses nothing. */
static void check_moved(struct ext4 *fs, const struct place *p)
{
	const struct synced *s = last_synced(ALL, p);

	for (u32 i = 0; s != NULL && i < WORK_FILES; i++) {
		u32 places = s->state->files[i].tag != 0 ? places_of(i, s->event, p->end) : 0;
		bool found = false;

		if ((places & (places - 1)) == 0)
			continue;
		for (u32 k = 0; k < WORK_FILES && !found; k++)
			if (places & (1u << k))
				found = work_has_file(fs, k, &s->state->files[i]);
		assert_true(found);
		moved++;
	}
}

/* Mounts it and looks at all that has to be there; its log is kept if it is recorded. */
static void check_mounted(struct image_disk *disk, const struct place *p)
{
	struct ext4 *fs;

	assert_int_equal(ext4_mount(&disk->d, false, &fs), 0);
	assert_false(fs->read_only);
	check_untouched(fs, p);
	check_moved(fs, p);
	work_check_tags(fs);
	assert_int_equal(fs->damages, 0);
	assert_int_equal(ext4_unmount(fs), 0);
	assert_int_equal(image_objects, 0);
}

static void copy_raw(struct image_disk *disk)
{
	image_disk_share(disk, raw.size, 512);
	memcpy(disk->bytes, raw.bytes, raw.size);
}

/* e2fsck first. */
static void check_mended(const struct place *p)
{
	struct image_disk disk;

	copy_raw(&disk);
	assert_in_range(image_fsck("-fp", disk.path, 1), 0, 1);
	check_mounted(&disk, p);
	image_disk_free(&disk);
}

/* The mount first. What that writes is recorded if @disk is to be had. */
static void check_as_it_is(const struct place *p, struct image_disk *disk)
{
	struct image_disk own;

	if (disk == NULL)
		disk = &own;
	copy_raw(disk);
	disk->record = disk != &own;
	check_mounted(disk, p);
	assert_int_equal(image_fsck("-fn", disk->path, 0), 0);
	if (disk == &own)
		image_disk_free(disk);
}

/* The raw image is mounted, and power fails meanwhile; then it is as good as before. */
static void cut_again(const struct place *p, struct image_disk *mounted)
{
	struct recording r = {
		.before = malloc(raw.size), .log = mounted->log, .count = mounted->log_count
	};
	struct place again = place_at(&r, work_pick(&w, flushes_of(&r) + 1));

	memcpy(r.before, raw.bytes, raw.size);
	make_image(&r, &again, raw.bytes);
	free(r.before);
	check_mended(p);
	check_as_it_is(p, NULL);
}

/* Number @n, behind this flush. */
static void check_image(struct recording *r, u32 n, u32 flush)
{
	struct image_disk mounted;
	struct place p;

	now.image = n;
	p = place_at(r, flush);
	make_image(r, &p, raw.bytes);
	images++;
	check_mended(&p);
	if (n % AGAIN != 0) {
		check_as_it_is(&p, NULL);
		return;
	}
	check_as_it_is(&p, &mounted);
	cut_again(&p, &mounted);
	image_disk_free(&mounted);
}

/* All, or one file that is open. */
static void sync_something(struct ext4 *fs, const struct image_disk *disk, struct synced *s)
{
	struct vfs_file file = { .ops = &ext4_vfs_ops, .fs = fs, .flags = VFS_READ | VFS_WRITE };
	u32 slot = work_pick(&w, WORK_FILES);

	s->only = ALL;
	if (w.now.files[slot].tag != 0 && work_pick(&w, 3) != 0) {
		assert_int_equal(ext4_vfs_ops.open(fs, work_path(slot), &file), 0);
		assert_int_equal(ext4_vfs_ops.sync(&file), 0);
		ext4_vfs_ops.close(&file);
		s->only = slot;
	} else {
		assert_int_equal(ext4_sync(fs), 0);
	}
	s->at = disk->log_count;
	s->event = w.event_count;
	s->state = malloc(sizeof(*s->state));
	memcpy(s->state, &w.now, sizeof(*s->state));
}

/* Mounted, worked on, and unmounted; @disk's log has it all. */
static void record(struct image_disk *disk)
{
	disk->record = true;
	assert_int_equal(ext4_mount(&disk->d, false, &w.fs), 0);
	for (u32 i = 0; i < SYNCS; i++) {
		/* Some of it is too much for one transaction. */
		work_do(&w, i % 5 == 4 ? 250 : 1 + work_pick(&w, 40));
		sync_something(w.fs, disk, &synced[i]);
	}
	work_do(&w, 20);
	work_close(&w);
	assert_int_equal(ext4_unmount(w.fs), 0);
	disk->record = false;
	assert_int_equal(image_fsck("-fn", disk->path, 0), 0);
}

static void run_of_work(u32 kind, u64 seed)
{
	struct image_disk disk;
	struct recording r = { 0 };
	u32 flushes, count;

	now.kind = kind;
	now.seed = seed;
	now.image = ~0u;
	work_volume(&disk, kind);
	assert_int_equal(ext4_mount(&disk.d, false, &w.fs), 0);
	work_begin(&w, w.fs, &disk, seed * WORK_KINDS + kind);
	work_do(&w, 300);
	work_close(&w);
	assert_int_equal(ext4_unmount(w.fs), 0);
	r.before = malloc(disk.size);
	memcpy(r.before, disk.bytes, disk.size);
	record(&disk);
	r.log = disk.log;
	r.count = disk.log_count;
	flushes = flushes_of(&r);
	assert_true(flushes > 0);
	/* Each is the last one of an image. */
	count = MAX(IMAGES, flushes + 1);
	image_disk_share(&raw, disk.size, 512);
	for (u32 i = 0; i < count; i++)
		check_image(&r, i, i * (flushes + 1) / count);
	for (u32 i = 0; i < SYNCS; i++)
		free(synced[i].state);
	free(w.events);
	free(r.before);
	image_disk_free(&raw);
	image_disk_free(&disk);
}

static u64 first_seed(void)
{
	const char *text = getenv("VERDIGRIS_SEED");

	if (text != NULL)
		return strtoull(text, NULL, 0);
	return getenv("VERDIGRIS_SOAK") != NULL ? (u64)time(NULL) * 1000 : SEED;
}

static void leave_all_that_was_synced(void **state)
{
	u64 seed = first_seed();
	u32 rounds = getenv("VERDIGRIS_SOAK") != NULL ? SOAK_ROUNDS : 1;

	(void)state;
	now.active = true;
	for (u32 round = 0; round < rounds; round++)
		for (u32 kind = 0; kind < WORK_KINDS; kind++)
			run_of_work(kind, seed + round);
	now.active = false;
	printf("note: power cuts: VERDIGRIS_SEED=%llu images=%llu synced=%llu moved=%llu "
	       "torn=%llu\n",
		(unsigned long long)seed, (unsigned long long)images, (unsigned long long)same,
		(unsigned long long)moved, (unsigned long long)torn);
	/* It was not for nothing. */
	assert_true(same > images * 50);
	assert_true(moved > images / 10);
	assert_true(torn > images);
}

/* What to do to see it again. */
static int tell_where(void **state)
{
	const char *build = getenv("BUILD");
	char path[256];

	(void)state;
	if (!now.active)
		return 0;
	fprintf(stderr, "power cuts: VERDIGRIS_SEED=%llu kind=%u (%s) image=%d\n",
		(unsigned long long)now.seed, now.kind, work_kinds[now.kind], (int)now.image);
	if (raw.bytes == NULL)
		return 0;
	snprintf(path, sizeof(path), "%s/ext4-cut-%llu-%u-%u.img", build != NULL ? build : "build",
		(unsigned long long)now.seed, now.kind, now.image);
	image_disk_save(&raw, path);
	fprintf(stderr, "power cuts: the image is kept as %s\n", path);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(leave_all_that_was_synced, tell_where),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

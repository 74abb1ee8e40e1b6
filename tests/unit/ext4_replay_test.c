/* SPDX-License-Identifier: MIT */
/*
 * Replay of logs that debugfs wrote, with tags of each kind: what comes to which block,
 * beside e2fsck's replay of the same image; and logs and journals that are damaged, or
 * have what is not known.
 * sources: rootpart/ext4/ext4_buffer.c rootpart/ext4/ext4_commit.c rootpart/ext4/ext4_crc.c
 * sources: rootpart/ext4/ext4_journal.c rootpart/ext4/ext4_journal_map.c
 * sources: rootpart/ext4/ext4_journal_super.c rootpart/ext4/ext4_replay.c
 * sources: rootpart/ext4/ext4_revoke.c tests/unit/image_disk.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/errno.h"
#include "lib/string.h"
#include "rootpart/heap.h"
#include "tests/unit/ext4_volume.h"

#define DATA_BLOCKS 4u

static char path[256];
static u8 data[DATA_BLOCKS * 4096];
static struct ext4_journal map; /* of the image that is loaded */

/* Four blocks, the second of which begins with the magic number. */
static void data_make(u32 block_size)
{
	char name[256];
	FILE *f;

	for (u32 i = 0; i < DATA_BLOCKS * block_size; i++)
		data[i] = (u8)(i / block_size * 16 + i % 13 + 1);
	memcpy(data + block_size, "\xc0\x3b\x39\x98", 4);
	snprintf(name, sizeof(name), "%s/data", image_folder());
	f = fopen(name, "wb");
	assert_non_null(f);
	assert_int_equal(fwrite(data, block_size, DATA_BLOCKS, f), DATA_BLOCKS);
	fclose(f);
}

/*
 * @options: journal_open's. @writes: journal_write's lines, DATA the file, AGAIN behind one that
 * revokes: debugfs forgets that one's commit block. The image is in `path`.
 */
static void log_make(const struct volume_kind *k, const char *options, const char *writes)
{
	const char *folder = image_folder();

	data_make(k->block_size);
	snprintf(path, sizeof(path), "%s/log", folder);
	assert_int_equal(image_command("cp %s %s", volume_image(k), path), 0);
	assert_int_equal(
		image_command("(echo journal_open %s; echo '%s' | sed 's,DATA,%s/data,;"
			      "s,AGAIN,journal_close\\njournal_open %s,'; echo journal_close) "
			      ">%s/script; debugfs -w -f %s/script %s",
			options, writes, folder, options, folder, folder, path),
		0);
}

static void load(struct volume *v)
{
	image_disk_load(&v->disk, path, 512);
	volume_fill(v);
	map = (struct ext4_journal){ .block = kmalloc(v->fs.block_size) };
	assert_int_equal(ext4_journal_map(&v->fs, &map, 8), 0);
}

static void unload(struct volume *v)
{
	kfree(map.runs);
	kfree(map.block);
	image_disk_free(&v->disk);
	assert_int_equal(image_objects, 0);
}

static bool has_data(struct volume *v, u64 block, u32 i)
{
	u32 size = v->fs.block_size;

	return memcmp(volume_block(v, block), data + i * size, size) == 0;
}

static u8 *log_block(struct volume *v, u32 block)
{
	return volume_block(v, ext4_journal_place(&map, block));
}

static struct jbd2_super *journal_super(struct volume *v)
{
	return (struct jbd2_super *)log_block(v, 0);
}

static void super_seal(struct jbd2_super *s)
{
	s->checksum = 0;
	s->checksum = be32(ext4_crc32c(~0u, s, sizeof(*s)));
}

static void compare(const struct volume *ours)
{
	u32 size = ours->fs.block_size;
	struct image_disk other;

	assert_int_equal(image_command("e2fsck -fy -E journal_only %s; test $? -le 1", path), 0);
	image_disk_load(&other, path, 512);
	assert_memory_equal(other.bytes + 3900 * size, ours->disk.bytes + 3900 * size, 100 * size);
	image_disk_free(&other);
}

static void replay(const struct volume_kind *k, const char *options)
{
	struct volume v;
	int r;

	/* Blocks from 3900 on are free in all kinds. */
	log_make(k, options,
		"journal_write -b 3900,3901,3902,3903 DATA\n"
		"journal_write -b 3904 -r 3901,3902 DATA\nAGAIN\n"
		"journal_write -b 3905,3902 DATA\n"
		"journal_write -b 3906 -r 3906 DATA\nAGAIN\n"
		"journal_write -c -b 3907 DATA");
	load(&v);
	r = volume_open(&v);
	if (r != 0)
		fail_msg("%s %s: %s", k->name, options, image_log);
	assert_true(has_data(&v, 3900, 0));
	assert_true(mem_is_zero(volume_block(&v, 3901), k->block_size));
	assert_true(has_data(&v, 3902, 1));
	assert_true(has_data(&v, 3903, 3));
	assert_true(has_data(&v, 3904, 0));
	assert_true(has_data(&v, 3905, 0));
	assert_true(mem_is_zero(volume_block(&v, 3906), k->block_size));
	assert_true(mem_is_zero(volume_block(&v, 3907), k->block_size));
	compare(&v);
	assert_int_equal(journal_super(&v)->start, 0);
	/* Number 5 is in the log without a commit block, and is not used again. */
	assert_int_equal(be32(journal_super(&v)->sequence), 6);
	assert_int_equal(volume_close(&v), 0);
	unload(&v);
}

static void logs_of_others_are_replayed(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(volume_kinds); i++)
		replay(&volume_kinds[i], "");
	for (size_t i = 0; i < 2; i++) {
		replay(&volume_kinds[i], "-c -v 2");
		replay(&volume_kinds[i], "-c -v 3");
	}
}

/* Somebody has a buffer meanwhile, as a mount has the superblock's. */
static void buffers_follow_a_replay(void **state)
{
	struct ext4_buffer *b;
	struct volume v;

	(void)state;
	log_make(&volume_kinds[0], "-c -v 3", "journal_write -b 3900,3901 DATA");
	load(&v);
	assert_int_equal(ext4_cache_create(&v.fs), 0);
	assert_int_equal(ext4_buffer_get(&v.fs, 3901, &b), 0);
	assert_int_equal(ext4_journal_open(&v.fs), 0);
	assert_memory_equal(b->data, data + 1024, 1024);
	ext4_buffer_put(&v.fs, b);
	assert_int_equal(volume_close(&v), 0);
	unload(&v);
}

static void read_only_device_is_not_replayed(void **state)
{
	struct volume v;

	(void)state;
	log_make(&volume_kinds[0], "-c -v 3", "journal_write -b 3900,3901 DATA");
	load(&v);
	v.disk.d.limits.read_only = true;
	assert_int_equal(volume_open(&v), -EROFS);
	v.disk.d.limits.read_only = false;
	assert_int_equal(v.disk.writes, 0);
	unload(&v);
}

/* Three transactions, each of descriptor, copy, and commit block, at blocks 1, 4 and 7. */
#define THREE                          \
	"journal_write -b 3900 DATA\n" \
	"journal_write -b 3901 DATA\n" \
	"journal_write -b 3902 DATA"

/* With one bit of the log changed: *@result, and how many of the three came to their places. */
static u32 damaged(
	const struct volume_kind *k, const char *options, u32 block, u32 offset, int *result)
{
	struct volume v;
	u32 done = 0;

	log_make(k, options, THREE);
	load(&v);
	log_block(&v, block)[offset] ^= 0x10;
	*result = volume_open(&v);
	while (done < 3 && has_data(&v, 3900 + done, 0))
		done++;
	if (*result == 0)
		assert_int_equal(volume_close(&v), 0);
	unload(&v);
	return done;
}

static void damaged_end_is_cut_off(void **state)
{
	static const struct {
		u32 block, offset;
	} where[] = { { 7, 40 }, { 7, 1020 }, { 8, 0 }, { 8, 1023 }, { 9, 16 }, { 9, 1000 } };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(where); i++) {
		int r;

		assert_int_equal(
			damaged(&volume_kinds[0], "-c -v 3", where[i].block, where[i].offset, &r),
			2);
		assert_int_equal(r, 0);
		assert_int_equal(
			damaged(&volume_kinds[0], "-c -v 2", where[i].block, where[i].offset, &r),
			2);
		assert_int_equal(r, 0);
	}
}

static void damaged_middle_is_refused(void **state)
{
	static const struct {
		u32 block, offset;
	} where[] = { { 1, 40 }, { 2, 5 }, { 3, 16 }, { 4, 1020 }, { 5, 1000 } };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(where); i++) {
		int r;

		assert_int_equal(
			damaged(&volume_kinds[0], "-c -v 3", where[i].block, where[i].offset, &r),
			0);
		assert_int_equal(r, -EINVAL);
		assert_non_null(strstr(image_log, "damaged transaction"));
	}
}

/* Without METADATA_CSUM, debugfs makes a CRC of a whole transaction. */
static void crc_of_a_transaction_is_checked(void **state)
{
	int r;

	(void)state;
	assert_int_equal(damaged(&volume_kinds[2], "-c", 100, 0, &r), 3);
	assert_int_equal(r, 0);
	assert_int_equal(damaged(&volume_kinds[2], "-c", 8, 1000, &r), 2);
	assert_int_equal(r, 0);
	assert_int_equal(damaged(&volume_kinds[2], "-c", 7, 1000, &r), 2);
	assert_int_equal(damaged(&volume_kinds[2], "-c", 9, 16, &r), 2);
	assert_int_equal(damaged(&volume_kinds[2], "-c", 5, 1000, &r), 0);
	assert_int_equal(r, -EINVAL);
}

/* A gap: what is behind it is not of this log. */
static void log_ends_at_a_gap(void **state)
{
	int r;

	(void)state;
	assert_int_equal(
		damaged(&volume_kinds[0], "-c -v 3", 4, 11, &r), 1); /* the sequence number */
	assert_int_equal(r, 0);
	assert_int_equal(damaged(&volume_kinds[0], "", 4, 0, &r), 1); /* the magic number */
	assert_int_equal(r, 0);
}

/* The last transaction, without checksums, names block @block. */
static void wild_block(u32 block)
{
	struct volume v;
	u32 wild = be32(block), writes;

	log_make(&volume_kinds[2], "", THREE);
	load(&v);
	memcpy(log_block(&v, 7) + 12, &wild, sizeof(wild));
	assert_int_equal(volume_open(&v), 0);
	assert_true(has_data(&v, 3901, 0));
	writes = (u32)v.disk.writes;
	assert_int_equal(writes, 3); /* two blocks, and the journal's superblock */
	assert_int_equal(volume_close(&v), 0);
	unload(&v);
}

static void wild_blocks_are_not_written(void **state)
{
	struct volume v;
	u32 own, last;

	(void)state;
	log_make(&volume_kinds[2], "", THREE);
	load(&v);
	own = (u32)ext4_journal_place(&map, 0);
	last = (u32)ext4_journal_place(&map, 1023);
	unload(&v);
	wild_block(8192);
	wild_block(~0u);
	wild_block(own);
	wild_block(last);
}

static void refused(struct volume *v, int error, const char *why)
{
	super_seal(journal_super(v));
	image_log[0] = '\0';
	assert_int_equal(volume_open(v), error);
	if (strstr(image_log, why) == NULL)
		fail_msg("%s is not: %s", image_log, why);
	assert_int_equal(v->disk.writes, 0);
	assert_false(has_data(v, 3900, 0));
	unload(v);
}

#define REFUSED(change, error, why)                           \
	do {                                                  \
		struct volume v;                              \
		struct jbd2_super *s;                         \
                                                              \
		log_make(&volume_kinds[0], "-c -v 3", THREE); \
		load(&v);                                     \
		s = journal_super(&v);                        \
		change;                                       \
		refused(&v, error, why);                      \
	} while (0)

static void bad_superblocks_are_refused(void **state)
{
	(void)state;
	REFUSED(s->feature_incompat |= be32(0x40), -ENOTSUP, "unknown features");
	REFUSED(s->feature_incompat |= be32(JBD2_INCOMPAT_ASYNC), -ENOTSUP, "unknown features");
	REFUSED(s->feature_incompat |= be32(JBD2_INCOMPAT_CSUM_V2), -ENOTSUP, "unknown features");
	REFUSED(s->feature_ro_compat = be32(1), -ENOTSUP, "unknown features");
	REFUSED(s->feature_compat = be32(2), -ENOTSUP, "unknown features");
	REFUSED(s->checksum_type = 1, -ENOTSUP, "checksums of type");
	REFUSED(s->header.type = be32(3), -EINVAL, "no superblock");
	REFUSED(s->header.magic = 0, -EINVAL, "no superblock");
}

static void bad_geometry_is_refused(void **state)
{
	(void)state;
	REFUSED(s->block_size = be32(2048), -EINVAL, "block size");
	REFUSED(s->max_len = be32(1025), -EINVAL, "longer");
	REFUSED(s->max_len = be32(20), -EINVAL, "too short");
	REFUSED(s->first = 0, -EINVAL, "too short");
	REFUSED(s->first = be32(1023), -EINVAL, "too short");
	REFUSED(s->start = be32(1024), -EINVAL, "begins outside");
}

static void wrong_super_checksum_is_refused(void **state)
{
	struct volume v;

	(void)state;
	log_make(&volume_kinds[0], "-c -v 3", THREE);
	load(&v);
	journal_super(&v)->sequence ^= be32(1);
	assert_int_equal(volume_open(&v), -EINVAL);
	assert_non_null(strstr(image_log, "checksum"));
	unload(&v);
}

/* The log is [1, 1024 - 256), fast commits begin a block further on. */
static void fast_commits_are_refused(void **state)
{
	for (u32 sequence = 3; sequence <= 5; sequence++) {
		u32 head[3] = { 9 | 8 << 16, 0, sequence };
		struct volume v;
		struct jbd2_super *s;

		(void)state;
		log_make(&volume_kinds[0], "-c -v 3", THREE);
		load(&v);
		s = journal_super(&v);
		s->feature_incompat |= be32(JBD2_INCOMPAT_FAST);
		super_seal(s);
		memcpy(log_block(&v, 1024 - 256 + 1), head, sizeof(head));
		if (sequence == 4) { /* behind 1, 2 and 3 */
			refused(&v, -ENOTSUP, "fast commits");
			continue;
		}
		assert_int_equal(volume_open(&v), 0);
		assert_true(has_data(&v, 3902, 0));
		assert_int_equal(v.fs.journal->last, 1024 - 256);
		assert_int_equal(volume_close(&v), 0);
		unload(&v);
	}
}

/* The journal's inode: each bit of it that has a meaning, and its checksum, are looked at. */
static void bad_inode_is_refused(void **state)
{
	struct volume v;
	u32 refusals = 0;
	u8 *inode;

	(void)state;
	log_make(&volume_kinds[2], "", THREE);
	load(&v);
	inode = volume_block(&v, ((struct ext4_group *)volume_block(&v, 2))->inode_table_lo) +
		7 * v.fs.inode_size;
	for (u32 bit = 0; bit < 8 * 100; bit++) {
		u8 *whole = malloc(v.disk.size);

		memcpy(whole, v.disk.bytes, v.disk.size);
		inode[bit / 8] ^= (u8)(1 << bit % 8);
		if (volume_open(&v) == 0)
			(void)!volume_close(&v);
		else
			refusals++;
		memcpy(v.disk.bytes, whole, v.disk.size);
		free(whole);
		assert_int_equal(image_objects, 2);
	}
	assert_true(refusals >= 100);
	unload(&v);

	log_make(&volume_kinds[0], "-c -v 3", THREE);
	load(&v);
	inode = volume_block(&v, ((struct ext4_group *)volume_block(&v, 2))->inode_table_lo) +
		7 * v.fs.inode_size;
	inode[200] ^= 1;
	assert_int_equal(volume_open(&v), -EINVAL);
	assert_non_null(strstr(image_log, "checksum of its inode"));
	unload(&v);
}

static const struct volume_kind scattered = { "scattered",
	VOLUME_COMMON ",64bit,flex_bg,metadata_csum,metadata_csum_seed", 1024, 8192, 0 };

/* Every other block was in use when the journal was made: its extents are a tree. */
static void scattered_make(void)
{
	const char *image = volume_image(&scattered);

	assert_int_equal(
		image_command("for i in $(seq 600 2 8000); do echo setb $i; done >%s/script; "
			      "debugfs -w -f %s/script %s; tune2fs -J size=1 %s; "
			      "e2fsck -fy %s; e2fsck -fn %s",
			image_folder(), image_folder(), image, image, image, image),
		0);
}

static void scattered_journal_is_mapped(void **state)
{
	struct volume v;

	(void)state;
	scattered_make();
	replay(&scattered, "-c -v 3");
	load(&v);
	assert_true(map.run_count > 500);
	assert_int_equal(map.blocks, 1024);
	for (u32 i = 0; i < 1024; i++)
		assert_true(ext4_journal_owns(&map, ext4_journal_place(&map, i)));
	assert_false(ext4_journal_owns(&map, map.runs[100].start - 1));
	unload(&v);
}

/* Any bit of its tree's blocks that is another one, and is counted, is seen by the checksum. */
static void damaged_tree_is_refused(void **state)
{
	struct ext4_extent_index index;
	struct volume v;
	u8 *inode, *node;

	(void)state;
	log_make(&scattered, "-c -v 3", THREE);
	load(&v);
	inode = volume_block(&v, ((struct ext4_group *)volume_block(&v, 2))->inode_table_lo) +
		7 * v.fs.inode_size;
	memcpy(&index, ((struct ext4_inode *)inode)->block + 12, sizeof(index));
	node = volume_block(&v, index.leaf_lo);
	for (u32 bit = 0; bit < 8 * 1024; bit += 7) {
		node[bit / 8] ^= (u8)(1 << bit % 8);
		assert_int_equal(volume_open(&v), -EINVAL);
		node[bit / 8] ^= (u8)(1 << bit % 8);
	}
	/* The same without checksums: whatever comes, nothing else is touched or left. */
	((struct ext4_super *)(v.disk.bytes + 1024))->feature_ro_compat &=
		~(u32)EXT4_RO_METADATA_CSUM;
	v.disk.d.limits.read_only = true;
	for (u32 bit = 0; bit < 8 * 1024; bit++) {
		node[bit / 8] ^= (u8)(1 << bit % 8);
		assert_int_not_equal(volume_open(&v), 0);
		node[bit / 8] ^= (u8)(1 << bit % 8);
		assert_int_equal(image_objects, 2);
	}
	unload(&v);
}

static void each_read_fails_once(void **state)
{
	u64 n = 0;
	int r;

	(void)state;
	log_make(&volume_kinds[0], "-c -v 3", THREE);
	do {
		struct volume v;

		load(&v);
		v.disk.fail_read_at = v.disk.reads + ++n;
		r = volume_open(&v);
		if (r != 0) {
			assert_int_equal(r, -EIO);
			assert_int_equal(image_objects, 2);
			v.disk.fail_read_at = 0;
			assert_int_equal(volume_open(&v), 0);
		}
		for (u32 i = 0; i < 3; i++)
			assert_true(has_data(&v, 3900 + i, 0));
		assert_int_equal(volume_close(&v), 0);
		unload(&v);
	} while (r != 0);
	assert_true(n > 25);
}

static void each_write_of_a_replay_fails_once(void **state)
{
	u64 n = 0;
	int r;

	(void)state;
	log_make(&volume_kinds[0], "-c -v 3", THREE);
	do {
		struct volume v;

		load(&v);
		v.disk.fail_write_at = ++n;
		r = volume_open(&v);
		if (r != 0) {
			assert_int_equal(r, -EIO);
			assert_int_not_equal(journal_super(&v)->start, 0);
			assert_int_equal(volume_open(&v), 0);
		}
		v.disk.fail_write_at = 0;
		for (u32 i = 0; i < 3; i++)
			assert_true(has_data(&v, 3900 + i, 0));
		assert_int_equal(volume_close(&v), 0);
		unload(&v);
	} while (r != 0);
	assert_int_equal(n, 5); /* three blocks, the journal's superblock */
}

static int start(void **state)
{
	(void)state;
	image_objects = 0;
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(logs_of_others_are_replayed, start),
		cmocka_unit_test_setup(buffers_follow_a_replay, start),
		cmocka_unit_test_setup(read_only_device_is_not_replayed, start),
		cmocka_unit_test_setup(damaged_end_is_cut_off, start),
		cmocka_unit_test_setup(damaged_middle_is_refused, start),
		cmocka_unit_test_setup(crc_of_a_transaction_is_checked, start),
		cmocka_unit_test_setup(log_ends_at_a_gap, start),
		cmocka_unit_test_setup(wild_blocks_are_not_written, start),
		cmocka_unit_test_setup(bad_superblocks_are_refused, start),
		cmocka_unit_test_setup(bad_geometry_is_refused, start),
		cmocka_unit_test_setup(wrong_super_checksum_is_refused, start),
		cmocka_unit_test_setup(fast_commits_are_refused, start),
		cmocka_unit_test_setup(bad_inode_is_refused, start),
		cmocka_unit_test_setup(scattered_journal_is_mapped, start),
		cmocka_unit_test_setup(damaged_tree_is_refused, start),
		cmocka_unit_test_setup(each_read_fails_once, start),
		cmocka_unit_test_setup(each_write_of_a_replay_fails_once, start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

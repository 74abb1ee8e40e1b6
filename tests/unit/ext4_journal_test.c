/* SPDX-License-Identifier: MIT */
/*
 * Buffers, operations and transactions of ext4: undoing, forgetting and revoking, escapes, what
 * superblocks say meanwhile, room; each write failed once, and memory refused.
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
#include "tests/unit/ext4_volume.h"

static const struct volume_kind no_journal = { "none1k", VOLUME_COMMON, 1024, 8192, 0 };

static void open_kind(struct volume *v, const struct volume_kind *k)
{
	image_disk_load(&v->disk, volume_image(k), 512);
	assert_int_equal(volume_open(v), 0);
}

static void close_volume(struct volume *v)
{
	assert_int_equal(volume_close(v), 0);
	image_disk_free(&v->disk);
	assert_int_equal(image_objects, 0);
}

/* What the disk has, as a power cut leaves it, opened again. */
static void crash(struct volume *v, struct volume *again)
{
	image_disk_make(&again->disk, v->disk.size, 512);
	memcpy(again->disk.bytes, v->disk.bytes, v->disk.size);
	assert_int_equal(volume_open(again), 0);
}

/* The block of the volume's end that tests take for their own. */
static u64 own(const struct volume *v, u32 i)
{
	return v->fs.blocks - 300 + i;
}

/* In an operation. */
static int set(struct volume *v, u64 block, u8 value)
{
	struct ext4_buffer *b;
	int r = ext4_buffer_get(&v->fs, block, &b);

	if (r != 0)
		return r;
	r = ext4_change(&v->fs, b);
	if (r == 0)
		memset(b->data, value, v->fs.block_size);
	ext4_buffer_put(&v->fs, b);
	return r;
}

static int set_alone(struct volume *v, u64 block, u8 value)
{
	int r = ext4_begin(&v->fs, 1);

	return r != 0 ? r : ext4_end(&v->fs, set(v, block, value));
}

static int forget_alone(struct volume *v, u64 block)
{
	int r = ext4_begin(&v->fs, 1);

	return r != 0 ? r : ext4_end(&v->fs, ext4_forget(&v->fs, block));
}

/* By way of the cache. */
static int value_of(struct volume *v, u64 block)
{
	struct ext4_buffer *b;
	int value;

	assert_int_equal(ext4_buffer_get(&v->fs, block, &b), 0);
	value = b->data[0];
	assert_memory_equal(b->data, b->data + 1, v->fs.block_size - 1);
	ext4_buffer_put(&v->fs, b);
	return value;
}

static void crc_has_known_values(void **state)
{
	u8 zeroes[32] = { 0 }, ones[32];

	(void)state;
	memset(ones, 0xff, sizeof(ones));
	assert_int_equal(~ext4_crc32c(~0u, "123456789", 9), 0xe3069283);
	assert_int_equal(~ext4_crc32c(~0u, zeroes, 32), 0x8a9136aa);
	assert_int_equal(~ext4_crc32c(~0u, ones, 32), 0x62a8ab43);
	assert_int_equal(
		ext4_crc32c(ext4_crc32c(5, "12345", 5), "6789", 4), ext4_crc32c(5, "123456789", 9));
}

/* Whichever of both this processor takes: at any address, of any length. */
static void crc_is_the_same_by_table(void **state)
{
	u8 data[64];

	(void)state;
	for (u32 i = 0; i < sizeof(data); i++)
		data[i] = (u8)(i * i * 7 + 13);
	assert_int_equal(~ext4_crc32c_by_table(~0u, "123456789", 9), 0xe3069283);
	for (u32 from = 0; from < 9; from++) {
		for (u32 len = 0; from + len <= sizeof(data); len++) {
			u32 seed = from * 0x01234567u + len;

			assert_int_equal(ext4_crc32c_by_table(seed, data + from, len),
				ext4_crc32c(seed, data + from, len));
		}
	}
}

static void buffers_are_one_per_block(void **state)
{
	struct ext4_buffer *a, *b;
	struct volume v;

	(void)state;
	open_kind(&v, &volume_kinds[0]);
	assert_int_equal(ext4_buffer_get(&v.fs, v.fs.blocks, &a), -EINVAL);
	assert_int_equal(ext4_buffer_get(&v.fs, own(&v, 0), &a), 0);
	assert_int_equal(ext4_buffer_get(&v.fs, own(&v, 0), &b), 0);
	assert_ptr_equal(a, b);
	ext4_buffer_put(&v.fs, a);
	ext4_buffer_drop(&v.fs, b);
	assert_null(ext4_buffer_find(&v.fs, own(&v, 0)));
	ext4_buffer_put(&v.fs, b);
	v.disk.fail_read_at = v.disk.reads + 1;
	assert_int_equal(ext4_buffer_get(&v.fs, own(&v, 0), &a), -EIO);
	assert_null(ext4_buffer_find(&v.fs, own(&v, 0)));
	close_volume(&v);
}

/* Only as what it was, and until it is read, or written, anew. */
static void intact_is_remembered(void **state)
{
	struct ext4_buffer *b;
	struct volume v;

	(void)state;
	open_kind(&v, &volume_kinds[0]);
	assert_int_equal(ext4_buffer_get(&v.fs, own(&v, 0), &b), 0);
	assert_false(ext4_is_intact(b, EXT4_KIND_BLOCK_BITMAP, 0));
	ext4_set_intact(b, EXT4_KIND_LEAF, 7);
	assert_true(ext4_is_intact(b, EXT4_KIND_LEAF, 7));
	assert_false(ext4_is_intact(b, EXT4_KIND_LEAF, 8));
	assert_false(ext4_is_intact(b, EXT4_KIND_EXTENTS, 7));
	ext4_buffer_put(&v.fs, b);
	assert_int_equal(ext4_begin(&v.fs, 1), 0);
	assert_int_equal(ext4_buffer_new(&v.fs, own(&v, 0), &b), 0);
	assert_false(ext4_is_intact(b, EXT4_KIND_LEAF, 7));
	ext4_set_intact(b, EXT4_KIND_LEAF, 7);
	ext4_buffer_put(&v.fs, b);
	assert_int_equal(ext4_end(&v.fs, 0), 0);
	ext4_buffer_drop(&v.fs, b);
	assert_int_equal(ext4_buffer_get(&v.fs, own(&v, 0), &b), 0);
	assert_false(ext4_is_intact(b, EXT4_KIND_LEAF, 7));
	ext4_buffer_put(&v.fs, b);
	close_volume(&v);
}

static void clean_buffers_are_bounded(void **state)
{
	struct ext4_buffer *b;
	struct volume v;
	u64 objects, reads;

	(void)state;
	open_kind(&v, &volume_kinds[0]);
	objects = image_objects;
	for (u64 i = 0; i < v.fs.blocks; i++) {
		assert_int_equal(ext4_buffer_get(&v.fs, i, &b), 0);
		ext4_buffer_put(&v.fs, b);
	}
	assert_true(image_objects - objects <= 2 * 4096);
	reads = v.disk.reads;
	assert_int_equal(ext4_buffer_get(&v.fs, v.fs.blocks - 1, &b), 0);
	ext4_buffer_put(&v.fs, b);
	assert_int_equal(v.disk.reads, reads);
	assert_int_equal(ext4_buffer_get(&v.fs, 5, &b), 0);
	ext4_buffer_put(&v.fs, b);
	assert_int_equal(v.disk.reads, reads + 1);
	close_volume(&v);
}

static void failed_operation_is_undone(void **state)
{
	struct ext4_buffer *b;
	struct volume v;

	(void)state;
	open_kind(&v, &volume_kinds[0]);
	assert_int_equal(set_alone(&v, own(&v, 0), 1), 0);
	assert_int_equal(forget_alone(&v, own(&v, 1)), 0);
	assert_int_equal(ext4_begin(&v.fs, 5), 0);
	assert_int_equal(ext4_begin(&v.fs, 5), -EBUSY);
	assert_int_equal(set(&v, own(&v, 0), 2), 0);
	assert_int_equal(set(&v, own(&v, 0), 3), 0);
	assert_int_equal(ext4_buffer_new(&v.fs, own(&v, 2), &b), 0);
	memset(b->data, 9, v.fs.block_size);
	ext4_buffer_put(&v.fs, b);
	assert_int_equal(ext4_buffer_new(&v.fs, own(&v, 1), &b), 0); /* held past the end */
	assert_int_equal(ext4_forget(&v.fs, own(&v, 0)), 0);
	assert_true(ext4_is_revoked(&v.fs, own(&v, 0)));
	assert_int_equal(ext4_end(&v.fs, -ENOSPC), -ENOSPC);
	ext4_buffer_put(&v.fs, b);
	assert_int_equal(value_of(&v, own(&v, 0)), 1);
	assert_int_equal(value_of(&v, own(&v, 1)), 0);
	assert_int_equal(value_of(&v, own(&v, 2)), 0);
	assert_false(ext4_is_revoked(&v.fs, own(&v, 0)));
	assert_true(ext4_is_revoked(&v.fs, own(&v, 1)));
	assert_int_equal(ext4_commit(&v.fs), 0);
	assert_false(ext4_is_revoked(&v.fs, own(&v, 1)));
	assert_int_equal(ext4_journal_close(&v.fs), 0);
	assert_int_equal(*volume_block(&v, own(&v, 0)), 1);
	assert_int_equal(*volume_block(&v, own(&v, 2)), 0);
	ext4_cache_free(&v.fs);
	image_disk_free(&v.disk);
}

static void change_belongs_in_an_operation(void **state)
{
	struct ext4_buffer *b;
	struct volume v;

	(void)state;
	open_kind(&v, &volume_kinds[0]);
	assert_int_equal(ext4_buffer_get(&v.fs, own(&v, 0), &b), 0);
	assert_int_equal(ext4_change(&v.fs, b), -EINVAL);
	assert_int_equal(ext4_forget(&v.fs, own(&v, 0)), -EINVAL);
	ext4_buffer_put(&v.fs, b);
	close_volume(&v);
}

static bool has_recover(struct volume *v)
{
	const struct ext4_super *s = (const void *)(v->disk.bytes + EXT4_SUPER_OFFSET);

	return s->feature_incompat & EXT4_INCOMPAT_RECOVER;
}

static void superblocks_say_that_it_is_in_use(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(volume_kinds); i++) {
		const struct jbd2_super *s;
		struct volume v;
		char path[256];
		u32 before;

		open_kind(&v, &volume_kinds[i]);
		s = (const void *)volume_block(&v, ext4_journal_place(v.fs.journal, 0));
		before = be32(s->sequence);
		assert_false(has_recover(&v));
		assert_int_equal(v.disk.writes, 0);
		assert_int_equal(set_alone(&v, own(&v, 0), 1), 0);
		assert_true(has_recover(&v));
		assert_int_equal(s->start, 0);
		assert_int_equal(ext4_commit(&v.fs), 0);
		assert_int_equal(be32(s->start), be32(s->first));
		assert_true(be32(s->sequence) > before);
		assert_int_equal(
			!!(be32(s->feature_incompat) & JBD2_INCOMPAT_CSUM_V3), v.fs.checksums);
		assert_int_equal(!!(be32(s->feature_incompat) & JBD2_INCOMPAT_64BIT),
			ext4_has_incompat(&v.fs, EXT4_INCOMPAT_64BIT));
		assert_int_equal(ext4_journal_close(&v.fs), 0);
		assert_false(has_recover(&v));
		assert_int_equal(s->start, 0);
		assert_int_equal(be32(s->sequence), before + 2);
		assert_int_equal(*volume_block(&v, own(&v, 0)), 1);
		ext4_cache_free(&v.fs);
		snprintf(path, sizeof(path), "%s/saved", image_folder());
		image_disk_save(&v.disk, path);
		assert_int_equal(image_command("e2fsck -fn %s", path), 0);
		image_disk_free(&v.disk);
	}
}

static void committed_is_there_after_a_crash(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(volume_kinds); i++) {
		struct volume v, w;
		u64 block;

		open_kind(&v, &volume_kinds[i]);
		block = own(&v, 0);
		for (u32 k = 0; k < 250; k++)
			assert_int_equal(set_alone(&v, block + k, (u8)(k + 1)), 0);
		assert_int_equal(ext4_commit(&v.fs), 0);
		assert_int_equal(set_alone(&v, block, 99), 0);
		assert_int_not_equal(*volume_block(&v, block + 7), 8);
		crash(&v, &w);
		for (u32 k = 0; k < 250; k++)
			assert_int_equal(value_of(&w, block + k), k + 1);
		assert_int_equal(*volume_block(&w, block + 7), 8);
		assert_non_null(strstr(image_log, "replayed"));
		assert_int_equal(volume_close(&w), 0);
		image_disk_free(&w.disk);
		close_volume(&v);
	}
}

/* A log of many transactions goes around, and always ends with all that was committed. */
static void log_wraps(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(volume_kinds); i++) {
		struct volume v, w;
		u32 wraps = 0, head = 0;

		open_kind(&v, &volume_kinds[i]);
		for (u32 k = 0; k < 1200; k++) {
			for (u32 n = 0; n < 5; n++)
				assert_int_equal(
					set_alone(&v, own(&v, (k + n) % 40), (u8)(k + n)), 0);
			assert_int_equal(ext4_commit(&v.fs), 0);
			wraps += v.fs.journal->head < head;
			head = v.fs.journal->head;
			if (k % 300 != 299)
				continue;
			crash(&v, &w);
			for (u32 n = 0; n < 5; n++)
				assert_int_equal(value_of(&w, own(&w, (k + n) % 40)), (u8)(k + n));
			assert_int_equal(volume_close(&w), 0);
			image_disk_free(&w.disk);
		}
		assert_true(wraps > 3);
		close_volume(&v);
	}
}

static void revoked_block_is_not_replayed(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(volume_kinds); i++) {
		u8 data[4096];
		struct volume v, w;
		u64 block;

		open_kind(&v, &volume_kinds[i]);
		block = own(&v, 0);
		memset(data, 77, sizeof(data));
		for (u32 k = 0; k < 3; k++)
			assert_int_equal(set_alone(&v, block + k, 1), 0);
		assert_int_equal(ext4_commit(&v.fs), 0);
		assert_int_equal(forget_alone(&v, block), 0);
		assert_int_equal(forget_alone(&v, block + 1), 0);
		assert_int_equal(forget_alone(&v, block + 2), 0);
		assert_int_equal(set_alone(&v, block + 2, 2), 0); /* in the same transaction */
		assert_null(ext4_buffer_find(&v.fs, block));
		assert_true(ext4_is_revoked(&v.fs, block));
		assert_false(ext4_is_revoked(&v.fs, block + 2));
		assert_int_equal(ext4_commit(&v.fs), 0);
		assert_false(ext4_is_revoked(&v.fs, block));
		assert_int_equal(ext4_blocks_write(&v.fs, block, data, 1), 0);
		assert_int_equal(set_alone(&v, block + 1, 3), 0); /* in a later one */
		assert_int_equal(ext4_commit(&v.fs), 0);
		crash(&v, &w);
		assert_int_equal(value_of(&w, block), 77);
		assert_int_equal(value_of(&w, block + 1), 3);
		assert_int_equal(value_of(&w, block + 2), 2);
		assert_int_equal(volume_close(&w), 0);
		image_disk_free(&w.disk);
		assert_int_equal(ext4_journal_close(&v.fs), 0);
		assert_int_equal(*volume_block(&v, block), 77);
		ext4_cache_free(&v.fs);
		image_disk_free(&v.disk);
	}
}

/* Freed, used again and freed again in one transaction: older copies are in the log still. */
static void revoke_outlives_its_cancelling(void **state)
{
	struct volume v, w;
	u8 data[1024];
	u64 block;

	(void)state;
	open_kind(&v, &volume_kinds[0]);
	block = own(&v, 0);
	memset(data, 77, sizeof(data));
	assert_int_equal(set_alone(&v, block, 1), 0);
	assert_int_equal(ext4_commit(&v.fs), 0);
	assert_int_equal(forget_alone(&v, block), 0);
	assert_int_equal(set_alone(&v, block, 2), 0);
	assert_int_equal(forget_alone(&v, block), 0);
	assert_int_equal(set_alone(&v, block + 1, 2), 0);
	assert_int_equal(ext4_commit(&v.fs), 0);
	assert_int_equal(ext4_blocks_write(&v.fs, block, data, 1), 0);
	crash(&v, &w);
	assert_int_equal(value_of(&w, block), 77);
	assert_int_equal(volume_close(&w), 0);
	image_disk_free(&w.disk);
	close_volume(&v);
}

static void magic_number_is_escaped(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(volume_kinds); i++) {
		struct ext4_buffer *b;
		struct volume v, w;

		open_kind(&v, &volume_kinds[i]);
		assert_int_equal(ext4_begin(&v.fs, 1), 0);
		assert_int_equal(ext4_buffer_new(&v.fs, own(&v, 0), &b), 0);
		memset(b->data, 5, v.fs.block_size);
		memcpy(b->data, "\xc0\x3b\x39\x98", 4);
		ext4_buffer_put(&v.fs, b);
		assert_int_equal(ext4_end(&v.fs, 0), 0);
		assert_int_equal(ext4_commit(&v.fs), 0);
		/* Nothing in the log looks like a block of the log's own that is none. */
		assert_int_equal(
			*volume_block(&v, ext4_journal_place(v.fs.journal, v.fs.journal->head - 2)),
			0);
		assert_memory_equal(b->data, "\xc0\x3b\x39\x98\x05", 5);
		crash(&v, &w);
		assert_memory_equal(volume_block(&w, own(&w, 0)), "\xc0\x3b\x39\x98\x05", 5);
		assert_int_equal(volume_close(&w), 0);
		image_disk_free(&w.disk);
		close_volume(&v);
	}
}

static void too_much_is_refused(void **state)
{
	struct volume v;

	(void)state;
	open_kind(&v, &volume_kinds[0]);
	assert_int_equal(ext4_begin(&v.fs, 4000), -ENOSPC);
	assert_int_equal(ext4_begin(&v.fs, 200), 0);
	assert_int_equal(ext4_end(&v.fs, 0), 0);
	v.fs.read_only = true;
	assert_int_equal(ext4_begin(&v.fs, 1), -EROFS);
	close_volume(&v);
}

static void works_without_journal(void **state)
{
	struct volume v;

	(void)state;
	open_kind(&v, &no_journal);
	assert_null(v.fs.journal);
	assert_int_equal(set_alone(&v, own(&v, 0), 1), 0);
	assert_int_equal(set_alone(&v, own(&v, 1), 1), 0);
	assert_int_equal(ext4_begin(&v.fs, 1), 0);
	assert_int_equal(ext4_end(&v.fs, set(&v, own(&v, 0), 2) == 0 ? -EIO : 0), -EIO);
	assert_int_equal(forget_alone(&v, own(&v, 1)), 0);
	assert_false(ext4_is_revoked(&v.fs, own(&v, 1)));
	assert_int_equal(*volume_block(&v, own(&v, 0)), 0);
	assert_int_equal(ext4_commit(&v.fs), 0);
	assert_int_equal(*volume_block(&v, own(&v, 0)), 1);
	assert_int_equal(*volume_block(&v, own(&v, 1)), 0);
	assert_true(v.disk.flushes > 0);
	close_volume(&v);
}

/*
 * Rounds that fill blocks 0 to 9 with the round's number, committed each, with room for
 * little, so that there are checkpoints. Returns the last one that is committed, and the error in *@error.
 */
static u8 rounds(struct volume *v, int *error)
{
	u8 done = 0;

	*error = 0;
	for (u8 k = 1; k <= 20; k++) {
		*error = ext4_begin(&v->fs, 60);
		for (u32 i = 0; *error == 0 && i < 10; i++)
			*error = set(v, own(v, i), k);
		for (u32 i = 10; *error == 0 && i < 60; i++)
			*error = set(v, own(v, i + 10 * (k % 3)), k);
		*error = ext4_end(&v->fs, *error);
		if (*error == 0)
			*error = ext4_commit(&v->fs);
		if (*error != 0)
			break;
		done = k;
	}
	return done;
}

static void check_rounds(struct volume *v, u8 done)
{
	int first = value_of(v, own(v, 0));

	assert_true(first == done || first == done + 1);
	for (u32 i = 1; i < 10; i++)
		assert_int_equal(value_of(v, own(v, i)), first);
}

static void failed_write(const struct volume_kind *k, u64 n, bool for_good, u64 *writes)
{
	struct volume v, w;
	int error;
	u8 done;

	open_kind(&v, k);
	v.disk.fail_write_at = n;
	v.disk.fail_for_good = for_good;
	done = rounds(&v, &error);
	*writes = v.disk.writes;
	if (n > *writes || n == 0) {
		assert_int_equal(error, 0);
	} else {
		assert_int_equal(error, -EIO);
		if (n > 1) { /* the mark in the superblock may be tried again */
			assert_true(v.fs.read_only);
			assert_non_null(v.fs.why);
			assert_int_equal(ext4_begin(&v.fs, 1), -EROFS);
			assert_int_equal(ext4_commit(&v.fs), -EIO);
			assert_true(value_of(&v, own(&v, 0)) >= done);
			assert_int_equal(volume_close(&v), -EIO);
		} else {
			assert_int_equal(volume_close(&v), 0); /* nothing is lost */
		}
		crash(&v, &w);
		check_rounds(&w, done);
		assert_int_equal(volume_close(&w), 0);
		image_disk_free(&w.disk);
		image_disk_free(&v.disk);
		assert_int_equal(image_objects, 0);
		return;
	}
	close_volume(&v);
}

static void each_write_fails_once(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(volume_kinds); i++) {
		u64 writes, some;

		failed_write(&volume_kinds[i], 0, false, &writes);
		for (u64 n = 1; n <= writes; n++) {
			failed_write(&volume_kinds[i], n, false, &some);
			failed_write(&volume_kinds[i], n, true, &some);
		}
	}
}

/* The first that wants more than what is left gets none; the rest goes on, as nothing was. */
static void memory_is_refused(void **state)
{
	u64 n = 0;
	bool refused;

	(void)state;
	do {
		struct volume v;
		int error, r;
		u8 done;

		image_disk_load(&v.disk, volume_image(&volume_kinds[0]), 512);
		image_memory_left = n++;
		r = volume_open(&v);
		if (r != 0) {
			assert_int_equal(r, -ENOMEM);
			assert_int_equal(image_objects, 0);
			image_disk_free(&v.disk);
			refused = true;
			continue;
		}
		done = rounds(&v, &error);
		refused = error != 0;
		assert_int_equal(error, refused ? -ENOMEM : 0);
		image_memory_left = ~0ull;
		assert_false(v.fs.read_only);
		assert_int_equal(value_of(&v, own(&v, 0)), done);
		if (refused) {
			(void)rounds(&v, &error);
			assert_int_equal(error, 0);
		}
		close_volume(&v);
	} while (refused);
	assert_true(n > 100);
	image_memory_left = ~0ull;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(crc_has_known_values),
		cmocka_unit_test(crc_is_the_same_by_table),
		cmocka_unit_test(buffers_are_one_per_block),
		cmocka_unit_test(intact_is_remembered),
		cmocka_unit_test(clean_buffers_are_bounded),
		cmocka_unit_test(failed_operation_is_undone),
		cmocka_unit_test(change_belongs_in_an_operation),
		cmocka_unit_test(superblocks_say_that_it_is_in_use),
		cmocka_unit_test(committed_is_there_after_a_crash),
		cmocka_unit_test(log_wraps),
		cmocka_unit_test(revoked_block_is_not_replayed),
		cmocka_unit_test(revoke_outlives_its_cancelling),
		cmocka_unit_test(magic_number_is_escaped),
		cmocka_unit_test(too_much_is_refused),
		cmocka_unit_test(works_without_journal),
		cmocka_unit_test(each_write_fails_once),
		cmocka_unit_test(memory_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

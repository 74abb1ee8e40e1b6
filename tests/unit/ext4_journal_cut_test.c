/* SPDX-License-Identifier: MIT */
/*
 * Power cuts under ext4's journal. Random operations on free blocks, as if they were metadata,
 * and now and then as data; then images as a cut leaves them: all that a flush or a
 * write-through promised, and of the rest any sectors. After a replay each image has the
 * state behind one operation, not older than what was committed. e2fsck replays the
 * same image and must come to the same blocks. It goes on with one of these images, twice, so that
 * replays are cut, too. VERDIGRIS_SEED sets another seed, VERDIGRIS_SOAK makes it more.
 * sources: rootpart/ext4/ext4_buffer.c rootpart/ext4/ext4_commit.c rootpart/ext4/ext4_crc.c
 * sources: rootpart/ext4/ext4_journal.c rootpart/ext4/ext4_journal_map.c
 * sources: rootpart/ext4/ext4_journal_super.c rootpart/ext4/ext4_replay.c
 * sources: rootpart/ext4/ext4_revoke.c tests/unit/image_disk.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/errno.h"
#include "rootpart/heap.h"
#include "tests/unit/ext4_volume.h"

#define BLOCKS      24u
#define OPERATIONS  500u
#define STATES      (2 * OPERATIONS)
#define GENERATIONS 3u
#define CUTS        60u
#define JUDGED      6u /* of them, also by e2fsck */
#define SOAK_ROUNDS 50u

static u64 seed;
static u64 now; /* the seed of the cuts that are made */

static u32 pick(u32 n)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return (u32)(seed >> 33) % n;
}

enum use { FREE, METADATA, DATA };

/* Contents by number; 0: whatever. */
struct state {
	u32 contents[BLOCKS];
	enum use use[BLOCKS];
};

struct world {
	struct volume v;
	u64 first;
	u32 next; /* contents */
	struct state states[STATES];
	u64 at[STATES]; /* of the disk's log, when the operation began */
	u32 state_count;
	u32 committed[STATES];    /* the state that was on the medium when... */
	u64 committed_at[STATES]; /* ...so much of the disk's log was done */
	u32 commit_count;
};

static void contents_make(u8 *to, u32 size, u32 number)
{
	for (u32 i = 0; i < size; i += 4)
		memcpy(to + i, &(u32){ number * 2654435761u + i }, 4);
	if (number % 5 == 0)
		memcpy(to, "\xc0\x3b\x39\x98", 4);
}

static bool contents_are(const u8 *block, u32 size, u32 number)
{
	u8 want[4096];

	contents_make(want, size, number);
	return number == 0 || memcmp(block, want, size) == 0;
}

static void state_add(struct world *w, const struct state *s)
{
	w->at[w->state_count] = w->v.disk.log_count;
	w->states[w->state_count++] = *s;
}

static void committed(struct world *w)
{
	w->committed[w->commit_count] = w->state_count - 1;
	w->committed_at[w->commit_count++] = w->v.disk.log_count;
}

/* One block of an operation. @s: as it will be if that ends well. */
static void step(struct world *w, struct state *s)
{
	u32 i = pick(BLOCKS);
	struct ext4_buffer *b;
	struct ext4 *fs = &w->v.fs;

	if (s->use[i] == METADATA && pick(4) == 0) {
		assert_int_equal(ext4_forget(fs, w->first + i), 0);
		s->use[i] = FREE;
		s->contents[i] = 0;
		return;
	}
	if (s->use[i] == METADATA) {
		assert_int_equal(ext4_buffer_get(fs, w->first + i, &b), 0);
		assert_true(contents_are(b->data, fs->block_size, s->contents[i]));
		assert_int_equal(ext4_change(fs, b), 0);
	} else {
		assert_int_equal(ext4_buffer_new(fs, w->first + i, &b), 0);
	}
	s->use[i] = METADATA;
	s->contents[i] = ++w->next;
	contents_make(b->data, fs->block_size, w->next);
	ext4_buffer_put(fs, b);
}

static void operation(struct world *w)
{
	struct state s = w->states[w->state_count - 1];
	u32 n = 1 + pick(8);
	int error = pick(6) == 0 ? -EIO : 0;

	assert_int_equal(ext4_begin(&w->v.fs, n), 0);
	for (u32 i = 0; i < n; i++)
		step(w, &s);
	assert_int_equal(ext4_end(&w->v.fs, error), error);
	if (error != 0)
		return;
	state_add(w, &s);
}

/* A free block, if there is one that may be had, gets data; then it is on the medium. */
static void write_data(struct world *w)
{
	struct state s = w->states[w->state_count - 1];
	u32 i = pick(BLOCKS);
	u8 data[4096];

	if (s.use[i] != FREE || ext4_is_revoked(&w->v.fs, w->first + i))
		return;
	contents_make(data, w->v.fs.block_size, ++w->next);
	assert_int_equal(ext4_blocks_write(&w->v.fs, w->first + i, data, 1), 0);
	assert_int_equal(ext4_commit(&w->v.fs), 0);
	s.use[i] = DATA;
	s.contents[i] = w->next;
	state_add(w, &s);
	committed(w);
}

static void run(struct world *w)
{
	for (u32 i = 0; i < OPERATIONS - 1; i++) {
		operation(w);
		if (pick(5) == 0) {
			assert_int_equal(ext4_commit(&w->v.fs), 0);
			committed(w);
		}
		if (pick(3) == 0)
			write_data(w);
	}
}

static bool is_flush(const struct image_write *write)
{
	return write->offset == ~0ull;
}

/* All sectors, or any of them; the volume's superblock at once or not at all. */
static void apply(struct volume *cut, const struct image_write *write, bool whole)
{
	bool super = write->offset <= EXT4_SUPER_OFFSET &&
		     write->offset + write->len > EXT4_SUPER_OFFSET;
	u32 piece = super ? write->len : 512;
	u32 mode = pick(3);

	if (is_flush(write))
		return;
	for (u32 at = 0; at < write->len; at += piece)
		if (whole || mode == 0 || (mode == 1 && pick(2) == 0))
			memcpy(cut->disk.bytes + write->offset + at, write->data + at, piece);
}

/* The image if power fails when @count entries of the log were begun. */
static void cut_make(const struct world *w, const u8 *before, u64 count, struct volume *cut)
{
	const struct image_write *log = w->v.disk.log;
	u64 flushed = count;

	while (flushed > 0 && !(is_flush(&log[flushed - 1]) && flushed < count))
		flushed--;
	image_disk_make(&cut->disk, w->v.disk.size, 512);
	memcpy(cut->disk.bytes, before, cut->disk.size);
	for (u64 i = 0; i < count; i++)
		apply(cut, &log[i], i < flushed || (log[i].fua && i + 1 < count));
}

static bool is_state(struct world *w, const struct volume *cut, const struct state *s)
{
	u32 size = w->v.fs.block_size;

	for (u32 i = 0; i < BLOCKS; i++)
		if (!contents_are(cut->disk.bytes + (w->first + i) * size, size, s->contents[i]))
			return false;
	return true;
}

/* The state that it has, if that is allowed after a cut at @count. */
static const struct state *find_state(struct world *w, const struct volume *cut, u64 count)
{
	u32 oldest = 0;

	for (u32 i = 0; i < w->commit_count; i++)
		if (w->committed_at[i] < count)
			oldest = w->committed[i];
	for (u32 i = oldest; i < w->state_count && w->at[i] <= count; i++)
		if (is_state(w, cut, &w->states[i]))
			return &w->states[i];
	fail_msg("cut at %llu: no whole state", (unsigned long long)count);
	return NULL;
}

static void judge(struct world *w, const struct volume *ours, const char *path)
{
	u32 size = w->v.fs.block_size;
	struct image_disk other;

	assert_int_equal(image_command("e2fsck -fy -E journal_only %s; test $? -le 1", path), 0);
	image_disk_load(&other, path, 512);
	assert_memory_equal(
		other.bytes + w->first * size, ours->disk.bytes + w->first * size, BLOCKS * size);
	image_disk_free(&other);
}

static void cut_at(struct world *w, const u8 *before, u64 count, bool judged)
{
	struct volume cut;
	char path[256];

	cut_make(w, before, count, &cut);
	snprintf(path, sizeof(path), "%s/cut", image_folder());
	if (judged)
		image_disk_save(&cut.disk, path);
	assert_int_equal(volume_open(&cut), 0);
	(void)find_state(w, &cut, count);
	if (judged)
		judge(w, &cut, path);
	assert_int_equal(volume_close(&cut), 0);
	image_disk_free(&cut.disk);
}

/* @w->v.disk's bytes, that @first is to come of, are opened and worked on, then cut at many places. */
static u8 *generation(struct world *w, const struct state *first)
{
	u8 *before = malloc(w->v.disk.size);

	memcpy(before, w->v.disk.bytes, w->v.disk.size);
	w->v.disk.record = true;
	w->commit_count = w->state_count = 0;
	state_add(w, first);
	committed(w);
	assert_int_equal(volume_open(&w->v), 0);
	w->first = w->v.fs.blocks - BLOCKS - 20;
	assert_true(is_state(w, &w->v, first));
	run(w);
	assert_true(w->commit_count > 60);
	for (u32 i = 0; i < CUTS; i++) /* some while it is replayed */
		cut_at(w, before, 1 + pick(i % 4 == 0 ? 30 : (u32)w->v.disk.log_count), i < JUDGED);
	cut_at(w, before, w->v.disk.log_count, true);
	return before;
}

/* What one of the cuts leaves is where the next generation begins, without a replay so far. */
static void cut_and_go_on(struct world *w, const u8 *before, struct state *s)
{
	u64 count = 1 + pick((u32)w->v.disk.log_count);
	struct volume cut, copy;

	cut_make(w, before, count, &cut);
	image_disk_make(&copy.disk, cut.disk.size, 512);
	memcpy(copy.disk.bytes, cut.disk.bytes, cut.disk.size);
	assert_int_equal(volume_open(&copy), 0);
	*s = *find_state(w, &copy, count);
	assert_int_equal(volume_close(&copy), 0);
	image_disk_free(&copy.disk);
	ext4_cache_free(&w->v.fs); /* as the cut does */
	kfree(w->v.fs.journal->runs);
	kfree(w->v.fs.journal->super_block);
	kfree(w->v.fs.journal->block);
	kfree(w->v.fs.journal);
	image_disk_free(&w->v.disk);
	assert_int_equal(image_objects, 0);
	w->v.disk = cut.disk;
}

static void cuts(const struct volume_kind *k, u64 run_seed)
{
	static struct world w;
	struct state s = { 0 };
	u8 *before;

	seed = run_seed;
	w.next = 0;
	image_disk_load(&w.v.disk, volume_image(k), 512);
	for (u32 i = 0; i < GENERATIONS; i++) {
		before = generation(&w, &s);
		if (i + 1 < GENERATIONS)
			cut_and_go_on(&w, before, &s);
		free(before);
	}
	assert_int_equal(ext4_journal_close(&w.v.fs), 0);
	assert_true(is_state(&w, &w.v, &w.states[w.state_count - 1]));
	ext4_cache_free(&w.v.fs);
	image_disk_free(&w.v.disk);
	assert_int_equal(image_objects, 0);
}

static void cuts_leave_whole_states(void **state)
{
	const char *text = getenv("VERDIGRIS_SEED");
	bool soak = getenv("VERDIGRIS_SOAK") != NULL;
	u64 first = text != NULL ? strtoull(text, NULL, 0) : soak ? (u64)time(NULL) * 1000 : 1;

	(void)state;
	for (u32 round = 0; round < (soak ? SOAK_ROUNDS : 1u); round++) {
		for (size_t i = 0; i < ARRAY_SIZE(volume_kinds); i++) {
			now = first + round * ARRAY_SIZE(volume_kinds) + i;
			cuts(&volume_kinds[i], now);
		}
	}
	now = 0;
	printf("note: power cuts under the journal: VERDIGRIS_SEED=%llu\n",
		(unsigned long long)first);
}

static int tell_seed(void **state)
{
	(void)state;
	if (now != 0)
		fprintf(stderr, "power cuts under the journal: seed=%llu\n",
			(unsigned long long)now);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(cuts_leave_whole_states, tell_seed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

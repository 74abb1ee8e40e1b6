/* SPDX-License-Identifier: MIT */
/*
 * Blocks: given out in runs from the groups' bitmaps, and taken back. What was freed is
 * not given out again before that is committed: data goes to the device at once, and after a
 * power cut the file that had the block before would show it.
 */
#include "base/errno.h"
#include "rootpart/ext4/ext4_space.h"

static bool bitmap_is_running(struct ext4 *fs, u32 group)
{
	struct ext4_buffer *b, *gb;
	struct ext4_group *g;
	bool running = true;

	if (ext4_group_get(fs, group, &gb, &g) != 0)
		return true;
	b = ext4_buffer_find(fs, ext4_group_block_bitmap(fs, g));
	running = b != NULL && b->running;
	ext4_buffer_put(fs, gb);
	return running;
}

/* A bitmap that nobody has changed since the last commit tells of nothing that is not committed. */
static bool is_committed(struct ext4 *fs, const struct ext4_freed *f)
{
	u32 last = ext4_group_of(fs, f->first + f->count - 1);

	for (u32 i = ext4_group_of(fs, f->first); i <= last; i++)
		if (bitmap_is_running(fs, i))
			return false;
	return true;
}

static void forget_committed(struct ext4 *fs)
{
	u32 n = 0;

	for (u32 i = 0; i < fs->freed_count; i++)
		if (!is_committed(fs, &fs->freed[i]))
			fs->freed[n++] = fs->freed[i];
	fs->freed_count = n;
}

static u64 distance(const struct ext4_freed *f, u64 first, u64 count)
{
	if (first + count < f->first)
		return f->first - (first + count);
	return first > f->first + f->count ? first - (f->first + f->count) : 0;
}

static void extend(struct ext4_freed *f, u64 first, u64 count)
{
	u64 end = MAX(f->first + f->count, first + count);

	f->first = MIN(f->first, first);
	f->count = end - f->first;
}

/* When there is no place for another one, the nearest takes in what lies between, too. */
static void remember_freed(struct ext4 *fs, u64 first, u32 count)
{
	u32 best = 0;

	for (u32 i = 1; i < fs->freed_count; i++)
		if (distance(&fs->freed[i], first, count) <
			distance(&fs->freed[best], first, count))
			best = i;
	if (fs->freed_count > 0 && (fs->freed_count == EXT4_FREED_MAX ||
					   distance(&fs->freed[best], first, count) == 0))
		extend(&fs->freed[best], first, count);
	else
		fs->freed[fs->freed_count++] = (struct ext4_freed){ first, count };
}

bool ext4_blocks_retry(struct ext4 *fs)
{
	if (fs->freed_count == 0 || fs->read_only)
		return false;
	if (ext4_commit(fs) != 0)
		return false;
	forget_committed(fs);
	return fs->freed_count == 0;
}

/* How many blocks from @first on are not to be given out yet; if it is none, *@len is cut. */
static u32 held_back(const struct ext4 *fs, u64 first, u32 *len)
{
	for (u32 i = 0; i < fs->freed_count; i++) {
		const struct ext4_freed *f = &fs->freed[i];

		if (first >= f->first && first < f->first + f->count)
			return (u32)MIN(f->first + f->count - first, (u64)*len);
		if (f->first > first && f->first < first + *len)
			*len = (u32)(f->first - first);
	}
	for (u32 i = 0; i < *len; i++) {
		if (!ext4_is_revoked(fs, first + i))
			continue;
		if (i == 0)
			return 1;
		*len = i;
	}
	return 0;
}

struct search {
	u32 want;
	u32 bit;
	u32 len; /* 0: nothing found */
};

/* The first run of as many as are wanted, or the longest. */
static void look(struct ext4 *fs, const struct ext4_bitmap *m, u32 from, u32 end, struct search *s)
{
	u32 bit = from;

	while (s->len < s->want && (bit = ext4_bits_next_zero(m->b->data, bit, end)) < end) {
		u32 len = ext4_bits_zeroes(m->b->data, bit, end, s->want);
		u32 held = held_back(fs, ext4_group_first(fs, m->group) + bit, &len);

		if (held == 0 && len > s->len) {
			s->bit = bit;
			s->len = len;
		}
		bit += held != 0 ? held : len;
	}
}

/* At the goal itself, however few, since that makes one run of two. */
static void look_at_goal(struct ext4 *fs, const struct ext4_bitmap *m, u32 goal, struct search *s)
{
	u32 len = ext4_bits_zeroes(m->b->data, goal, m->bits, s->want);

	if (len > 0 && held_back(fs, ext4_group_first(fs, m->group) + goal, &len) == 0)
		*s = (struct search){ .want = s->want, .bit = goal, .len = len };
	else
		look(fs, m, goal, m->bits, s);
	if (s->len == 0)
		look(fs, m, 0, goal, s);
}

static int take(struct ext4 *fs, struct ext4_bitmap *m, const struct search *s)
{
	u32 free_blocks = ext4_group_free_blocks(fs, m->g);
	int r = ext4_is_metadata(fs, ext4_group_first(fs, m->group) + s->bit, s->len);

	if (r < 0)
		return r;
	if (r > 0 || s->len > free_blocks)
		return ext4_damaged(fs, "bitmap of blocks", m->group);
	r = ext4_bitmap_change(fs, m);
	if (r != 0)
		return r;
	ext4_bits_set(m->b->data, s->bit, s->len);
	ext4_group_set_free_blocks(fs, m->g, free_blocks - s->len);
	ext4_bitmap_seal(fs, m);
	return ext4_super_add_free(fs, -(s64)s->len, 0);
}

/* From one group. 0 with @s->len == 0: it has none. */
static int alloc_in(struct ext4 *fs, u32 group, u32 goal, struct search *s)
{
	struct ext4_bitmap m;
	struct ext4_buffer *b;
	struct ext4_group *g;
	u32 free_blocks;
	int r = ext4_group_get(fs, group, &b, &g);

	if (r != 0)
		return r;
	free_blocks = ext4_group_free_blocks(fs, g);
	ext4_buffer_put(fs, b);
	if (free_blocks == 0)
		return 0;
	r = ext4_bitmap_get(fs, group, EXT4_BITMAP_BLOCKS, &m);
	if (r != 0)
		return r;
	look_at_goal(fs, &m, MIN(goal, m.bits - 1), s);
	if (s->len > 0)
		r = take(fs, &m, s);
	ext4_bitmap_put(fs, &m);
	return r;
}

/* What of *@count there is at all. */
static int limit(struct ext4 *fs, u64 reserved, u32 *count)
{
	struct ext4_buffer *b;
	struct ext4_super *s;
	u64 have;
	int r = ext4_super_get(fs, &b, &s);

	if (r != 0)
		return r;
	have = ext4_super_free_blocks(s);
	ext4_buffer_put(fs, b);
	if (have <= reserved)
		return -ENOSPC;
	*count = (u32)MIN((u64)*count, have - reserved);
	return 0;
}

static int alloc(struct ext4 *fs, u64 goal, u64 reserved, u32 *count, u64 *first)
{
	struct search s = { 0 };
	u32 group, bit;
	int r = limit(fs, reserved, count);

	if (r != 0 || *count == 0)
		return r != 0 ? r : -EINVAL;
	forget_committed(fs);
	if (goal < fs->first_data_block || goal >= fs->blocks)
		goal = fs->first_data_block;
	group = ext4_group_of(fs, goal);
	bit = (u32)(goal - ext4_group_first(fs, group));
	s.want = *count;
	r = alloc_in(fs, group, bit, &s);
	for (u32 i = 0; r == 0 && s.len == 0 && i < fs->group_count; i++) {
		group = (u32)(((u64)fs->group_hint + i) % fs->group_count);
		r = alloc_in(fs, group, 0, &s);
	}
	if (r != 0)
		return r;
	if (s.len == 0)
		return -ENOSPC;
	fs->group_hint = group;
	*count = s.len;
	*first = ext4_group_first(fs, group) + s.bit;
	return 0;
}

int ext4_blocks_alloc(struct ext4 *fs, u64 goal, u32 *count, u64 *first)
{
	return alloc(fs, goal, fs->reserved, count, first);
}

int ext4_block_alloc_reserved(struct ext4 *fs, u64 goal, u64 *block)
{
	u32 count = 1;

	return alloc(fs, goal, 0, &count, block);
}

static bool all_used(const struct ext4_bitmap *m, u32 bit, u32 count)
{
	return ext4_bits_next_zero(m->b->data, bit, bit + count) == bit + count;
}

static int give_back(struct ext4 *fs, struct ext4_bitmap *m, u64 first, u32 count)
{
	u32 bit = (u32)(first - ext4_group_first(fs, m->group));
	u32 free_blocks = ext4_group_free_blocks(fs, m->g);
	int r;

	if (!all_used(m, bit, count) || free_blocks + count > m->bits)
		return ext4_damaged(fs, "free blocks are freed", first);
	r = ext4_bitmap_change(fs, m);
	if (r != 0)
		return r;
	ext4_bits_clear(m->b->data, bit, count);
	ext4_group_set_free_blocks(fs, m->g, free_blocks + count);
	ext4_bitmap_seal(fs, m);
	return ext4_super_add_free(fs, count, 0);
}

static int free_in(struct ext4 *fs, u64 first, u32 count)
{
	struct ext4_bitmap m;
	int r = ext4_is_metadata(fs, first, count);

	if (r != 0)
		return r < 0 ? r : ext4_damaged(fs, "metadata is freed", first);
	r = ext4_bitmap_get(fs, ext4_group_of(fs, first), EXT4_BITMAP_BLOCKS, &m);
	if (r != 0)
		return r;
	r = give_back(fs, &m, first, count);
	ext4_bitmap_put(fs, &m);
	if (r == 0)
		remember_freed(fs, first, count);
	return r;
}

int ext4_blocks_free(struct ext4 *fs, u64 first, u32 count)
{
	if (first < fs->first_data_block || first >= fs->blocks || count > fs->blocks - first)
		return ext4_damaged(fs, "blocks beyond the volume are freed", first);
	while (count > 0) {
		u32 group = ext4_group_of(fs, first);
		u64 end = ext4_group_first(fs, group) + ext4_group_blocks(fs, group);
		u32 n = (u32)MIN((u64)count, end - first);
		int r = free_in(fs, first, n);

		if (r != 0)
			return r;
		first += n;
		count -= n;
	}
	return 0;
}

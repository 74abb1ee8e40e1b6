/* SPDX-License-Identifier: MIT */
/*
 * The layers below directories in their simplest form: all blocks stay cached, an
 * operation is written through at its end, extents are those in the inode.
 */
#include "tests/unit/ext4_fake_lower.h"

#include <stdlib.h>
#include <string.h>

#include "base/errno.h"
#include "rootpart/block/block.h"
#include "rootpart/heap.h"
#include "rootpart/log.h"
#include "rootpart/rtc.h"

struct ext4_cache {
	struct ext4_buffer **by_block;
	struct list_node changed;
	bool running;
	u32 allowed, count;
};

u32 fake_most_changed, fake_damages;

/* ---- buffers and operations ---- */

int ext4_cache_create(struct ext4 *fs)
{
	fs->cache = calloc(1, sizeof(*fs->cache));
	fs->cache->by_block = calloc(fs->blocks, sizeof(struct ext4_buffer *));
	list_init(&fs->cache->changed);
	return 0;
}

void ext4_cache_free(struct ext4 *fs)
{
	for (u64 i = 0; i < fs->blocks; i++) {
		struct ext4_buffer *b = fs->cache->by_block[i];

		if (b != NULL && b->refs != 0)
			abort();
		if (b != NULL)
			free(b->data);
		free(b);
	}
	free(fs->cache->by_block);
	free(fs->cache);
}

int ext4_blocks_read(struct ext4 *fs, u64 block, void *buf, u32 count)
{
	u32 size = fs->device->limits.sector_size;

	return block_read(
		fs->device, block * fs->block_size / size, buf, (u64)count * fs->block_size);
}

int ext4_blocks_write(struct ext4 *fs, u64 block, const void *buf, u32 count)
{
	u32 size = fs->device->limits.sector_size;

	return block_write(
		fs->device, block * fs->block_size / size, buf, (u64)count * fs->block_size, 0);
}

struct ext4_buffer *ext4_buffer_find(struct ext4 *fs, u64 block)
{
	return block < fs->blocks ? fs->cache->by_block[block] : NULL;
}

int ext4_buffer_get(struct ext4 *fs, u64 block, struct ext4_buffer **out)
{
	struct ext4_buffer *b = ext4_buffer_find(fs, block);
	int r;

	if (block >= fs->blocks)
		return -EINVAL;
	if (b == NULL) {
		b = calloc(1, sizeof(*b));
		b->block = block;
		b->data = malloc(fs->block_size);
		list_init(&b->operation_link);
		r = ext4_blocks_read(fs, block, b->data, 1);
		if (r != 0) {
			free(b->data);
			free(b);
			return r;
		}
		fs->cache->by_block[block] = b;
	}
	b->refs++;
	*out = b;
	return 0;
}

void ext4_buffer_put(struct ext4 *fs, struct ext4_buffer *b)
{
	(void)fs;
	if (b == NULL)
		return;
	if (b->refs == 0)
		abort();
	b->refs--;
}

int ext4_buffer_new(struct ext4 *fs, u64 block, struct ext4_buffer **out)
{
	int r = ext4_buffer_get(fs, block, out);

	if (r == 0)
		r = ext4_change(fs, *out);
	if (r == 0)
		memset((*out)->data, 0, fs->block_size);
	return r;
}

int ext4_begin(struct ext4 *fs, u32 blocks)
{
	if (fs->cache->running)
		abort();
	if (fs->read_only)
		return -EROFS;
	fs->cache->running = true;
	fs->cache->allowed = blocks;
	fs->cache->count = 0;
	return 0;
}

int ext4_change(struct ext4 *fs, struct ext4_buffer *b)
{
	if (!fs->cache->running)
		abort();
	if (b->before != NULL)
		return 0;
	if (++fs->cache->count > fs->cache->allowed)
		abort();
	b->before = malloc(fs->block_size);
	memcpy(b->before, b->data, fs->block_size);
	list_push_back(&fs->cache->changed, &b->operation_link);
	return 0;
}

int ext4_forget(struct ext4 *fs, u64 block)
{
	(void)fs;
	(void)block;
	return 0;
}

int ext4_end(struct ext4 *fs, int error)
{
	struct list_node *l;

	if (!fs->cache->running)
		abort();
	fs->cache->running = false;
	fake_most_changed = MAX(fake_most_changed, fs->cache->count);
	while ((l = list_pop_front(&fs->cache->changed)) != NULL) {
		struct ext4_buffer *b = list_entry(l, struct ext4_buffer, operation_link);

		if (error != 0)
			memcpy(b->data, b->before, fs->block_size);
		else if (ext4_blocks_write(fs, b->block, b->data, 1) != 0)
			abort();
		free(b->before);
		b->before = NULL;
	}
	return error;
}

int ext4_sync(struct ext4 *fs)
{
	mutex_lock(&fs->lock);
	mutex_unlock(&fs->lock);
	return block_flush(fs->device);
}

/* ---- superblock and groups ---- */

__attribute__((target("sse4.2"))) u32 ext4_crc32c(u32 crc, const void *data, size_t len)
{
	const u8 *p = data;
	u64 c = crc;

	for (; len >= 8; len -= 8, p += 8) {
		u64 word;

		memcpy(&word, p, 8);
		c = __builtin_ia32_crc32di(c, word);
	}
	for (; len > 0; len--)
		c = __builtin_ia32_crc32qi((u32)c, *p++);
	return (u32)c;
}

int ext4_super_get(struct ext4 *fs, struct ext4_buffer **b, struct ext4_super **s)
{
	int r = ext4_buffer_get(fs, fs->super_block, b);

	if (r == 0)
		*s = (void *)((*b)->data + fs->super_offset);
	return r;
}

void ext4_super_seal(struct ext4 *fs, struct ext4_super *s)
{
	if (fs->checksums)
		s->checksum = ext4_crc32c(~0u, s, offsetof(struct ext4_super, checksum));
}

int ext4_damaged(struct ext4 *fs, const char *what, u64 where)
{
	log_printf("ext4: %s: %s %llu", fs->device->name, what, (unsigned long long)where);
	fake_damages++;
	fs->read_only = true;
	fs->why = what;
	return -EIO;
}

u32 ext4_now(void)
{
	return (u32)rtc_seconds();
}

static u64 table_block(const struct ext4 *fs)
{
	return fs->super_block + 1;
}

int ext4_group_get(struct ext4 *fs, u32 group, struct ext4_buffer **b, struct ext4_group **g)
{
	u32 per = fs->block_size / fs->desc_size;
	int r = ext4_buffer_get(fs, table_block(fs) + group / per, b);

	if (r == 0)
		*g = (void *)((*b)->data + group % per * fs->desc_size);
	return r;
}

void ext4_group_seal(struct ext4 *fs, u32 group, struct ext4_group *g)
{
	g->checksum = 0;
	if (fs->checksums)
		g->checksum = (u16)ext4_crc32c(ext4_crc32c(fs->seed, &group, 4), g, fs->desc_size);
}

u64 ext4_group_inode_table(const struct ext4 *fs, const struct ext4_group *g)
{
	(void)fs;
	return g->inode_table_lo;
}

/* A group, its descriptor and one of its bitmaps, to be changed. */
struct map {
	struct ext4_buffer *g_buffer, *bits;
	struct ext4_group *g;
};

static void map_get(struct ext4 *fs, u32 group, bool inodes, struct map *m)
{
	if (ext4_group_get(fs, group, &m->g_buffer, &m->g) != 0 ||
		ext4_buffer_get(
			fs, inodes ? m->g->inode_bitmap_lo : m->g->block_bitmap_lo, &m->bits) != 0)
		abort();
}

static void map_put(struct ext4 *fs, struct map *m)
{
	ext4_buffer_put(fs, m->g_buffer);
	ext4_buffer_put(fs, m->bits);
}

static void map_seal(struct ext4 *fs, u32 group, bool inodes, struct map *m)
{
	u32 bytes = (inodes ? fs->inodes_per_group : fs->blocks_per_group) / 8;
	u32 sum = ext4_crc32c(fs->seed, m->bits->data, bytes);

	if (fs->checksums && inodes) {
		m->g->inode_bitmap_csum_lo = (u16)sum;
		if (fs->desc_size > 32)
			m->g->inode_bitmap_csum_hi = (u16)(sum >> 16);
	} else if (fs->checksums) {
		m->g->block_bitmap_csum_lo = (u16)sum;
		if (fs->desc_size > 32)
			m->g->block_bitmap_csum_hi = (u16)(sum >> 16);
	}
	ext4_group_seal(fs, group, m->g);
}

static void map_change(struct ext4 *fs, struct map *m)
{
	if (ext4_change(fs, m->g_buffer) != 0 || ext4_change(fs, m->bits) != 0)
		abort();
}

static void count_super(struct ext4 *fs, s32 blocks, s32 inodes)
{
	struct ext4_buffer *b;
	struct ext4_super *s;

	if (ext4_super_get(fs, &b, &s) != 0 || ext4_change(fs, b) != 0)
		abort();
	s->free_blocks_count_lo += (u32)blocks;
	s->free_inodes_count += (u32)inodes;
	ext4_super_seal(fs, s);
	ext4_buffer_put(fs, b);
}

static bool is_set(const u8 *bits, u32 i)
{
	return bits[i / 8] >> i % 8 & 1;
}

/* Only one block at a time. */
int ext4_blocks_alloc(struct ext4 *fs, u64 goal, u32 *count, u64 *first)
{
	for (u64 i = 0; i < fs->blocks - fs->first_data_block; i++) {
		u64 at = (goal - fs->first_data_block + i) % (fs->blocks - fs->first_data_block);
		u32 group = (u32)(at / fs->blocks_per_group);
		u32 bit = (u32)(at % fs->blocks_per_group);
		struct map m;
		bool found;

		map_get(fs, group, false, &m);
		found = !(m.g->flags & EXT4_GROUP_BLOCK_UNINIT) && !is_set(m.bits->data, bit);
		if (found) {
			map_change(fs, &m);
			m.bits->data[bit / 8] |= (u8)(1u << bit % 8);
			m.g->free_blocks_lo--;
			map_seal(fs, group, false, &m);
			count_super(fs, -1, 0);
			*count = 1;
			*first = at + fs->first_data_block;
		}
		map_put(fs, &m);
		if (found)
			return 0;
	}
	return -ENOSPC;
}

int ext4_blocks_free(struct ext4 *fs, u64 first, u32 count)
{
	for (u64 at = first - fs->first_data_block; count > 0; count--, at++) {
		u32 group = (u32)(at / fs->blocks_per_group);
		u32 bit = (u32)(at % fs->blocks_per_group);
		struct map m;

		map_get(fs, group, false, &m);
		map_change(fs, &m);
		m.bits->data[bit / 8] &= (u8) ~(1u << bit % 8);
		m.g->free_blocks_lo++;
		map_seal(fs, group, false, &m);
		map_put(fs, &m);
		count_super(fs, 1, 0);
	}
	return 0;
}

static void empty_inode(struct ext4 *fs, u32 ino)
{
	struct ext4_extent_header h = { .magic = EXT4_EXTENT_MAGIC, .max = 4 };
	static u32 generation;
	struct ext4_iref ref;

	fs->group_hint = ~0u; /* its checksum is not right yet */
	if (ext4_inode_get(fs, ino, &ref) != 0 || ext4_inode_change(fs, &ref) != 0)
		abort();
	fs->group_hint = 0;
	memset(ref.i, 0, fs->inode_size);
	ref.i->generation = ++generation;
	ref.i->flags = EXT4_FL_EXTENTS;
	memcpy(ref.i->block, &h, sizeof(h));
	if (fs->inode_size > 128)
		ref.i->extra_isize = 32;
	ext4_inode_touch(fs, ref.i);
	ext4_inode_seal(fs, &ref);
	ext4_inode_put(fs, &ref);
}

static void first_inode_of(struct ext4 *fs, struct map *m)
{
	if (!(m->g->flags & EXT4_GROUP_INODE_UNINIT))
		return;
	memset(m->bits->data, 0xff, fs->block_size);
	memset(m->bits->data, 0, fs->inodes_per_group / 8);
	m->g->flags &= (u16)~EXT4_GROUP_INODE_UNINIT;
	m->g->itable_unused_lo = (u16)fs->inodes_per_group;
}

int ext4_inode_alloc(struct ext4 *fs, u32 parent, bool directory, u32 *ino)
{
	u32 start = (parent - 1) / fs->inodes_per_group;

	for (u32 i = 0; i < fs->group_count; i++) {
		u32 group = (start + i) % fs->group_count, bit = 0;
		struct map m;

		map_get(fs, group, true, &m);
		if (m.g->free_inodes_lo == 0) {
			map_put(fs, &m);
			continue;
		}
		map_change(fs, &m);
		first_inode_of(fs, &m);
		while (is_set(m.bits->data, bit))
			bit++;
		m.bits->data[bit / 8] |= (u8)(1u << bit % 8);
		m.g->free_inodes_lo--;
		m.g->used_dirs_lo = (u16)(m.g->used_dirs_lo + directory);
		m.g->itable_unused_lo =
			(u16)MIN(m.g->itable_unused_lo, fs->inodes_per_group - bit - 1);
		map_seal(fs, group, true, &m);
		map_put(fs, &m);
		count_super(fs, 0, -1);
		*ino = group * fs->inodes_per_group + bit + 1;
		empty_inode(fs, *ino);
		return 0;
	}
	return -ENOSPC;
}

int ext4_inode_free(struct ext4 *fs, u32 ino, bool directory)
{
	u32 group = (ino - 1) / fs->inodes_per_group, bit = (ino - 1) % fs->inodes_per_group;
	struct map m;

	map_get(fs, group, true, &m);
	map_change(fs, &m);
	m.bits->data[bit / 8] &= (u8) ~(1u << bit % 8);
	m.g->free_inodes_lo++;
	m.g->used_dirs_lo = (u16)(m.g->used_dirs_lo - directory);
	map_seal(fs, group, true, &m);
	map_put(fs, &m);
	count_super(fs, 0, 1);
	return 0;
}

/* ---- inodes ---- */

u32 ext4_inode_seed(const struct ext4 *fs, const struct ext4_iref *ref)
{
	return ext4_crc32c(ext4_crc32c(fs->seed, &ref->ino, 4), &ref->i->generation, 4);
}

static u32 inode_sum(struct ext4 *fs, const struct ext4_iref *ref)
{
	u8 copy[1024];
	struct ext4_inode *i = (void *)copy;

	memcpy(copy, ref->i, fs->inode_size);
	i->checksum_lo = 0;
	if (fs->inode_size > 128)
		i->checksum_hi = 0;
	return ext4_crc32c(ext4_inode_seed(fs, ref), copy, fs->inode_size);
}

int ext4_inode_get(struct ext4 *fs, u32 ino, struct ext4_iref *ref)
{
	u32 index = (ino - 1) % fs->inodes_per_group;
	struct ext4_buffer *b;
	struct ext4_group *g;
	u64 table;
	int r;

	*ref = (struct ext4_iref){ .ino = ino };
	if (ino == 0 || ino > fs->inodes)
		return ext4_damaged(fs, "inode number", ino);
	r = ext4_group_get(fs, (ino - 1) / fs->inodes_per_group, &b, &g);
	if (r != 0)
		return r;
	table = ext4_group_inode_table(fs, g);
	ext4_buffer_put(fs, b);
	r = ext4_buffer_get(fs, table + index * fs->inode_size / fs->block_size, &ref->b);
	if (r != 0)
		return r;
	ref->i = (void *)(ref->b->data + index * fs->inode_size % fs->block_size);
	if (!fs->checksums || fs->group_hint == ~0u ||
		(u16)inode_sum(fs, ref) == ref->i->checksum_lo)
		return 0;
	ext4_inode_put(fs, ref);
	return ext4_damaged(fs, "checksum of inode", ino);
}

void ext4_inode_put(struct ext4 *fs, struct ext4_iref *ref)
{
	ext4_buffer_put(fs, ref->b);
	ref->b = NULL;
	ref->i = NULL;
}

int ext4_inode_change(struct ext4 *fs, struct ext4_iref *ref)
{
	return ext4_change(fs, ref->b);
}

void ext4_inode_seal(struct ext4 *fs, struct ext4_iref *ref)
{
	u32 sum;

	if (!fs->checksums)
		return;
	sum = inode_sum(fs, ref);
	ref->i->checksum_lo = (u16)sum;
	if (fs->inode_size > 128)
		ref->i->checksum_hi = (u16)(sum >> 16);
}

u64 ext4_inode_size(const struct ext4_inode *i)
{
	return i->size_lo | (u64)i->size_hi << 32;
}

void ext4_inode_set_size(struct ext4_inode *i, u64 size)
{
	i->size_lo = (u32)size;
	i->size_hi = (u32)(size >> 32);
}

int ext4_inode_add_blocks(struct ext4 *fs, struct ext4_inode *i, s64 blocks)
{
	i->blocks_lo = (u32)(i->blocks_lo + blocks * (s64)(fs->block_size / 512));
	return 0;
}

void ext4_inode_touch(struct ext4 *fs, struct ext4_inode *i)
{
	(void)fs;
	i->mtime = i->ctime = ext4_now();
	if (i->atime == 0)
		i->atime = i->mtime;
}

/* ---- orphans: the list ---- */

int ext4_orphan_add(struct ext4 *fs, struct ext4_iref *ref)
{
	struct ext4_buffer *b;
	struct ext4_super *s;

	if (ext4_super_get(fs, &b, &s) != 0 || ext4_change(fs, b) != 0 ||
		ext4_inode_change(fs, ref) != 0)
		abort();
	ref->i->dtime = s->last_orphan;
	s->last_orphan = ref->ino;
	ext4_super_seal(fs, s);
	ext4_inode_seal(fs, ref);
	ext4_buffer_put(fs, b);
	return 0;
}

int ext4_orphan_remove(struct ext4 *fs, struct ext4_iref *ref)
{
	struct ext4_buffer *b;
	struct ext4_super *s;
	u32 ino;

	if (ext4_super_get(fs, &b, &s) != 0 || ext4_change(fs, b) != 0)
		abort();
	ino = s->last_orphan;
	if (ino == ref->ino)
		s->last_orphan = ref->i->dtime;
	while (ino != ref->ino) {
		struct ext4_iref other;

		if (ext4_inode_get(fs, ino, &other) != 0 || ext4_inode_change(fs, &other) != 0)
			abort();
		ino = other.i->dtime;
		if (ino == ref->ino)
			other.i->dtime = ref->i->dtime;
		ext4_inode_seal(fs, &other);
		ext4_inode_put(fs, &other);
	}
	ext4_super_seal(fs, s);
	ext4_buffer_put(fs, b);
	return 0;
}

/* ---- extents: those in the inode ---- */

int ext4_extent_find(struct ext4 *fs, const struct ext4_iref *ref, u32 block, struct ext4_run *run)
{
	const struct ext4_extent_header *h = (const void *)ref->i->block;
	const struct ext4_extent *e = (const void *)(h + 1);

	*run = (struct ext4_run){ .block = block, .count = ~0u - block };
	if (!(ref->i->flags & EXT4_FL_EXTENTS) || h->magic != EXT4_EXTENT_MAGIC || h->entries > 4 ||
		h->depth != 0)
		return ext4_damaged(fs, "extents of inode", ref->ino);
	for (u32 i = 0; i < h->entries; i++) {
		if (block < e[i].block || block - e[i].block >= e[i].len)
			continue;
		run->start = e[i].start_lo + block - e[i].block;
		run->count = e[i].len - (block - e[i].block);
		return 0;
	}
	return 0;
}

/* Only at the end. */
int ext4_extent_add(struct ext4 *fs, struct ext4_iref *ref, const struct ext4_run *run)
{
	struct ext4_extent_header *h = (void *)ref->i->block;
	struct ext4_extent *e = (void *)(h + 1), *last = e + h->entries - 1;

	if (h->depth != 0)
		abort();
	if (h->entries > 0 && last->block + last->len == run->block &&
		last->start_lo + last->len == run->start) {
		last->len = (u16)(last->len + run->count);
	} else if (h->entries < 4) {
		last[1] = (struct ext4_extent){
			.block = run->block, .len = (u16)run->count, .start_lo = (u32)run->start
		};
		h->entries++;
	} else {
		return -ENOSPC;
	}
	ext4_inode_seal(fs, ref);
	return 0;
}

/* ---- files ---- */

s64 ext4_file_read(struct ext4 *fs, u32 ino, u64 offset, void *buf, size_t len)
{
	struct ext4_iref ref;
	size_t done = 0;

	if (ext4_inode_get(fs, ino, &ref) != 0)
		return -EIO;
	len = offset < ext4_inode_size(ref.i) ? MIN(len, ext4_inode_size(ref.i) - offset) : 0;
	for (u64 at = offset; done < len; at++, done++) {
		struct ext4_buffer *b;
		struct ext4_run run;

		if (ext4_extent_find(fs, &ref, (u32)(at / fs->block_size), &run) != 0)
			break;
		((u8 *)buf)[done] = 0;
		if (run.start == 0)
			continue;
		if (ext4_buffer_get(fs, run.start, &b) != 0)
			break;
		((u8 *)buf)[done] = b->data[at % fs->block_size];
		ext4_buffer_put(fs, b);
	}
	ext4_inode_put(fs, &ref);
	return (s64)done;
}

static int write_byte(struct ext4 *fs, struct ext4_iref *ref, u64 at, u8 byte)
{
	struct ext4_run run;
	struct ext4_buffer *b;
	int r = ext4_extent_find(fs, ref, (u32)(at / fs->block_size), &run);

	if (r == 0 && run.start == 0) {
		run.count = 1;
		r = ext4_blocks_alloc(fs, fs->first_data_block, &run.count, &run.start);
		if (r == 0)
			r = ext4_extent_add(fs, ref, &run);
		if (r == 0)
			r = ext4_inode_add_blocks(fs, ref->i, 1);
		if (r == 0)
			r = ext4_buffer_new(fs, run.start, &b);
	} else if (r == 0) {
		r = ext4_buffer_get(fs, run.start, &b);
	}
	if (r != 0)
		return r;
	r = ext4_change(fs, b);
	b->data[at % fs->block_size] = byte;
	ext4_buffer_put(fs, b);
	return r;
}

s64 ext4_file_write(struct ext4 *fs, u32 ino, u64 offset, const void *buf, size_t len)
{
	struct ext4_iref ref;
	int r = ext4_begin(fs, 1000);

	if (r != 0)
		return r;
	if (ext4_inode_get(fs, ino, &ref) != 0 || ext4_inode_change(fs, &ref) != 0)
		abort();
	for (size_t i = 0; i < len && r == 0; i++)
		r = write_byte(fs, &ref, offset + i, ((const u8 *)buf)[i]);
	ext4_inode_set_size(ref.i, MAX(ext4_inode_size(ref.i), offset + len));
	ext4_inode_seal(fs, &ref);
	ext4_inode_put(fs, &ref);
	r = ext4_end(fs, r);
	return r != 0 ? r : (s64)len;
}

/* To nothing. */
static void cut(struct ext4 *fs, struct ext4_iref *ref)
{
	struct ext4_extent_header *h = (void *)ref->i->block;
	struct ext4_extent *e = (void *)(h + 1);

	for (u32 i = 0; i < h->entries; i++) {
		if (ext4_blocks_free(fs, e[i].start_lo, e[i].len) != 0)
			abort();
	}
	h->entries = 0;
	ref->i->blocks_lo = 0;
	ext4_inode_set_size(ref->i, 0);
}

int ext4_file_truncate(struct ext4 *fs, u32 ino, u64 size)
{
	struct ext4_iref ref;
	int r = ext4_begin(fs, 1000);

	if (r != 0)
		return r;
	if (ext4_inode_get(fs, ino, &ref) != 0 || ext4_inode_change(fs, &ref) != 0)
		abort();
	if (size == 0)
		cut(fs, &ref);
	ext4_inode_set_size(ref.i, size);
	ext4_inode_seal(fs, &ref);
	ext4_inode_put(fs, &ref);
	return ext4_end(fs, 0);
}

int ext4_file_allocate(struct ext4 *fs, u32 ino, u64 offset, u64 len)
{
	return ext4_file_truncate(fs, ino, offset + len);
}

int ext4_file_free(struct ext4 *fs, u32 ino)
{
	struct ext4_iref ref;
	bool directory;
	int r = ext4_begin(fs, 1000);

	if (r != 0)
		return r;
	if (ext4_inode_get(fs, ino, &ref) != 0 || ext4_inode_change(fs, &ref) != 0)
		abort();
	directory = ext4_is_dir(ref.i);
	if (ref.i->links_count != 0 || ext4_orphan_remove(fs, &ref) != 0)
		abort();
	if (ref.i->flags & EXT4_FL_EXTENTS)
		cut(fs, &ref);
	ref.i->dtime = ext4_now();
	ext4_inode_seal(fs, &ref);
	ext4_inode_put(fs, &ref);
	if (ext4_inode_free(fs, ino, directory) != 0)
		abort();
	return ext4_end(fs, 0);
}

/* ---- the volume ---- */

void ext4_info_get(struct ext4 *fs, struct ext4_info *info)
{
	struct ext4_buffer *b;
	struct ext4_super *s;

	mutex_lock(&fs->lock);
	if (ext4_super_get(fs, &b, &s) != 0)
		abort();
	*info = (struct ext4_info){
		.block_size = fs->block_size,
		.blocks = fs->blocks,
		.free_blocks = s->free_blocks_count_lo,
		.inodes = fs->inodes,
		.free_inodes = s->free_inodes_count,
		.read_only = fs->read_only,
	};
	memcpy(info->label, s->volume_name, EXT4_LABEL_SIZE);
	ext4_buffer_put(fs, b);
	mutex_unlock(&fs->lock);
}

static u32 seed_of(const struct ext4_super *s)
{
	if (s->feature_incompat & EXT4_INCOMPAT_CSUM_SEED)
		return s->checksum_seed;
	return ext4_crc32c(~0u, s->uuid, 16);
}

int ext4_mount(struct block_device *d, bool read_only, struct ext4 **out)
{
	struct ext4 *fs = calloc(1, sizeof(*fs));
	struct ext4_super s;
	u8 first[4096];

	if (block_read(d, 0, first, sizeof(first)) != 0)
		abort();
	memcpy(&s, first + EXT4_SUPER_OFFSET, sizeof(s));
	if (s.magic != EXT4_MAGIC)
		abort();
	*fs = (struct ext4){
		.device = d,
		.block_bits = 10 + s.log_block_size,
		.block_size = 1024u << s.log_block_size,
		.blocks = s.blocks_count_lo,
		.first_data_block = s.first_data_block,
		.blocks_per_group = s.blocks_per_group,
		.inodes_per_group = s.inodes_per_group,
		.inodes = s.inodes_count,
		.inode_size = s.inode_size,
		.desc_size = s.feature_incompat & EXT4_INCOMPAT_64BIT ? s.desc_size : 32,
		.first_ino = s.first_ino,
		.feature_compat = s.feature_compat,
		.feature_incompat = s.feature_incompat,
		.feature_ro_compat = s.feature_ro_compat,
		.seed = seed_of(&s),
		.hash_unsigned = s.flags & EXT4_SUPER_UNSIGNED_HASH,
		.checksums = s.feature_ro_compat & EXT4_RO_METADATA_CSUM,
		.super_block = s.log_block_size == 0 ? 1 : 0,
		.super_offset = s.log_block_size == 0 ? 0 : 1024,
		.read_only = read_only,
	};
	fs->group_count = (s.blocks_count_lo - s.first_data_block + s.blocks_per_group - 1) /
			  s.blocks_per_group;
	memcpy(fs->hash_seed, s.hash_seed, sizeof(s.hash_seed));
	mutex_init(&fs->lock);
	list_init(&fs->nodes);
	*out = fs;
	return ext4_cache_create(fs);
}

int ext4_unmount(struct ext4 *fs)
{
	ext4_cache_free(fs);
	free(fs);
	return 0;
}

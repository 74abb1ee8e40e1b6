/* SPDX-License-Identifier: MIT */
/*
 * Buffers and operations for tests of what lies above them: a cache that keeps all, operations
 * that are undone, and a commit that writes everything home. No journal.
 */
#include <stdlib.h>
#include <string.h>

#include "base/errno.h"
#include "rootpart/block/block.h"
#include "rootpart/ext4/ext4_impl.h"
#include "rootpart/heap.h"

#define BUCKETS     4096u
#define FORGETS_MAX 8192u

struct ext4_cache {
	struct list_node buckets[BUCKETS];
	bool open; /* an operation is */
	u32 budget, changed;
	u64 forgets[FORGETS_MAX]; /* of the operation, and before that of the transaction */
	u32 forgotten, running_forgets;
};

static void need(bool good)
{
	if (!good)
		abort();
}

u32 ext4_crc32c(u32 crc, const void *data, size_t len)
{
	static u32 table[256];
	const u8 *p = data;

	for (u32 i = 0; table[255] == 0 && i < 256; i++) {
		table[i] = i;
		for (u32 bit = 0; bit < 8; bit++)
			table[i] = table[i] >> 1 ^ (table[i] & 1 ? 0x82f63b78u : 0);
	}
	while (len-- > 0)
		crc = crc >> 8 ^ table[(crc ^ *p++) & 0xff];
	return crc;
}

int ext4_cache_create(struct ext4 *fs)
{
	fs->cache = kzalloc(sizeof(*fs->cache));
	if (fs->cache == NULL)
		return -ENOMEM;
	for (u32 i = 0; i < BUCKETS; i++)
		list_init(&fs->cache->buckets[i]);
	return 0;
}

void ext4_buffer_drop(struct ext4 *fs, struct ext4_buffer *b)
{
	(void)fs;
	need(b->refs == 0);
	list_remove(&b->hash);
	kfree(b->before);
	kfree(b->data);
	kfree(b);
}

void ext4_cache_free(struct ext4 *fs)
{
	for (u32 i = 0; i < BUCKETS; i++)
		while (!list_empty(&fs->cache->buckets[i]))
			ext4_buffer_drop(fs,
				list_entry(fs->cache->buckets[i].next, struct ext4_buffer, hash));
	kfree(fs->cache);
	fs->cache = NULL;
}

struct ext4_buffer *ext4_buffer_find(struct ext4 *fs, u64 block)
{
	list_for_each(l, &fs->cache->buckets[block % BUCKETS])
	{
		struct ext4_buffer *b = list_entry(l, struct ext4_buffer, hash);

		if (b->block == block)
			return b;
	}
	return NULL;
}

static struct ext4_buffer *make(struct ext4 *fs, u64 block)
{
	struct ext4_buffer *b = kzalloc(sizeof(*b));

	if (b == NULL)
		return NULL;
	b->data = kzalloc(fs->block_size);
	if (b->data == NULL) {
		kfree(b);
		return NULL;
	}
	b->block = block;
	list_push_back(&fs->cache->buckets[block % BUCKETS], &b->hash);
	return b;
}

int ext4_buffer_get(struct ext4 *fs, u64 block, struct ext4_buffer **out)
{
	struct ext4_buffer *b = ext4_buffer_find(fs, block);
	int r;

	if (block >= fs->blocks)
		return -EINVAL;
	if (b == NULL) {
		b = make(fs, block);
		if (b == NULL)
			return -ENOMEM;
		r = ext4_blocks_read(fs, block, b->data, 1);
		if (r != 0) {
			ext4_buffer_drop(fs, b);
			return r;
		}
	}
	b->refs++;
	*out = b;
	return 0;
}

int ext4_change(struct ext4 *fs, struct ext4_buffer *b)
{
	struct ext4_cache *c = fs->cache;

	need(c->open);
	if (b->before == NULL) {
		b->before = kmalloc(fs->block_size);
		if (b->before == NULL)
			return -ENOMEM;
		memcpy(b->before, b->data, fs->block_size);
		need(++c->changed <= c->budget);
	}
	return 0;
}

int ext4_buffer_new(struct ext4 *fs, u64 block, struct ext4_buffer **out)
{
	struct ext4_buffer *b = ext4_buffer_find(fs, block);
	int r;

	if (block >= fs->blocks)
		return -EINVAL;
	if (b == NULL) {
		b = make(fs, block);
		if (b == NULL)
			return -ENOMEM;
		/* What is there if the operation is undone: never read by anybody. */
		memset(b->data, 0xee, fs->block_size);
	}
	r = ext4_change(fs, b);
	if (r != 0) {
		ext4_buffer_drop(fs, b);
		return r;
	}
	memset(b->data, 0, fs->block_size);
	b->refs++;
	*out = b;
	return 0;
}

void ext4_buffer_put(struct ext4 *fs, struct ext4_buffer *b)
{
	(void)fs;
	if (b != NULL) {
		need(b->refs > 0);
		b->refs--;
	}
}

int ext4_blocks_read(struct ext4 *fs, u64 block, void *buf, u32 count)
{
	u32 sectors = fs->block_size / fs->device->limits.sector_size;

	return block_read(fs->device, block * sectors, buf, (u64)count * fs->block_size);
}

int ext4_blocks_write(struct ext4 *fs, u64 block, const void *buf, u32 count)
{
	u32 sectors = fs->block_size / fs->device->limits.sector_size;

	return block_write(fs->device, block * sectors, buf, (u64)count * fs->block_size, 0);
}

int ext4_device_flush(struct ext4 *fs)
{
	return block_flush(fs->device);
}

int ext4_journal_open(struct ext4 *fs)
{
	(void)fs;
	return 0;
}

int ext4_journal_close(struct ext4 *fs)
{
	return ext4_commit(fs);
}

int ext4_begin(struct ext4 *fs, u32 blocks)
{
	struct ext4_cache *c = fs->cache;

	need(!c->open);
	if (fs->read_only)
		return -EROFS;
	c->open = true;
	c->budget = blocks;
	c->changed = 0;
	c->forgotten = c->running_forgets;
	return 0;
}

int ext4_forget(struct ext4 *fs, u64 block)
{
	need(fs->cache->open && fs->cache->forgotten < FORGETS_MAX);
	fs->cache->forgets[fs->cache->forgotten++] = block;
	return 0;
}

bool ext4_is_revoked(const struct ext4 *fs, u64 block)
{
	for (u32 i = 0; i < fs->cache->forgotten; i++)
		if (fs->cache->forgets[i] == block)
			return true;
	return false;
}

static void settle(struct ext4 *fs, struct ext4_buffer *b, int error)
{
	if (b->before == NULL)
		return;
	if (error != 0)
		memcpy(b->data, b->before, fs->block_size);
	else
		b->dirty = b->running = true;
	kfree(b->before);
	b->before = NULL;
}

static void drop_forgotten(struct ext4 *fs)
{
	struct ext4_cache *c = fs->cache;

	for (u32 i = c->running_forgets; i < c->forgotten; i++) {
		struct ext4_buffer *b = ext4_buffer_find(fs, c->forgets[i]);

		if (b != NULL)
			ext4_buffer_drop(fs, b);
	}
}

int ext4_end(struct ext4 *fs, int error)
{
	struct ext4_cache *c = fs->cache;

	need(c->open);
	c->open = false;
	for (u32 i = 0; i < BUCKETS; i++)
		list_for_each(l, &c->buckets[i])
			settle(fs, list_entry(l, struct ext4_buffer, hash), error);
	if (error == 0)
		drop_forgotten(fs);
	if (error == 0)
		c->running_forgets = c->forgotten;
	c->forgotten = c->running_forgets;
	return error;
}

int ext4_commit(struct ext4 *fs)
{
	struct ext4_cache *c = fs->cache;
	int r = 0;

	need(!c->open);
	for (u32 i = 0; i < BUCKETS; i++) {
		list_for_each(l, &c->buckets[i])
		{
			struct ext4_buffer *b = list_entry(l, struct ext4_buffer, hash);
			int error = b->dirty ? ext4_blocks_write(fs, b->block, b->data, 1) : 0;

			if (error == 0)
				b->dirty = b->running = false;
			else
				r = error;
		}
	}
	if (r != 0) {
		fs->read_only = true;
		fs->why = "it cannot be written";
		return r;
	}
	c->forgotten = c->running_forgets = 0;
	return ext4_device_flush(fs);
}

/* SPDX-License-Identifier: MIT */
/*
 * Blocks of metadata in memory, and I/O on whole blocks. A buffer is found by its
 * number; those that nobody has and that hold nothing that is not on the medium are kept up to a
 * bound, the one that was used longest ago goes first.
 *
 * One that is not among the found any more (dropped) goes when its last reference does.
 */
#include "base/errno.h"
#include "lib/string.h"
#include "rootpart/block/block.h"
#include "rootpart/ext4/ext4_journal.h"
#include "rootpart/heap.h"

#define BUCKETS     1024u
#define IMAGES_KEPT 160u /* what the largest operation says: making a name */

static struct list_node *bucket(const struct ext4_cache *c, u64 block)
{
	return &c->buckets[(block ^ block >> 10) % BUCKETS];
}

static int cache_fill(struct ext4_cache *c)
{
	list_init(&c->lru);
	list_init(&c->dirty);
	list_init(&c->running);
	list_init(&c->operation);
	c->staging = kmalloc(EXT4_STAGING_BYTES);
	c->buckets = kmalloc(BUCKETS * sizeof(*c->buckets));
	if (c->staging == NULL || c->buckets == NULL)
		return -ENOMEM;
	for (u32 i = 0; i < BUCKETS; i++)
		list_init(&c->buckets[i]);
	return ext4_revokes_create(&c->revokes);
}

int ext4_cache_create(struct ext4 *fs)
{
	struct ext4_cache *c = kzalloc(sizeof(*c));
	int r = c != NULL ? cache_fill(c) : -ENOMEM;

	fs->cache = c;
	if (r != 0)
		ext4_cache_free(fs);
	return r;
}

static void buffer_free(struct ext4_buffer *b)
{
	kfree(b->data);
	kfree(b);
}

static void images_trim(struct ext4_cache *c, u32 count)
{
	while (c->image_count > count) {
		void *image = c->images;

		memcpy(&c->images, image, sizeof(c->images));
		c->image_count--;
		kfree(image);
	}
}

static void buckets_free(struct ext4 *fs)
{
	struct ext4_cache *c = fs->cache;

	for (u32 i = 0; i < BUCKETS; i++) {
		while (!list_empty(&c->buckets[i])) {
			struct ext4_buffer *b =
				list_entry(c->buckets[i].next, struct ext4_buffer, hash);

			b->refs = 0;
			ext4_buffer_drop(fs, b);
		}
	}
}

void ext4_cache_free(struct ext4 *fs)
{
	struct ext4_cache *c = fs->cache;

	if (c == NULL)
		return;
	if (c->buckets != NULL)
		buckets_free(fs);
	images_trim(c, 0);
	ext4_revokes_free(&c->revokes);
	kfree(c->buckets);
	kfree(c->staging);
	kfree(c);
	fs->cache = NULL;
}

int ext4_images_reserve(struct ext4 *fs, u32 count)
{
	struct ext4_cache *c = fs->cache;

	while (c->image_count < count) {
		u8 *image = kmalloc(fs->block_size);

		if (image == NULL)
			return -ENOMEM;
		memcpy(image, &c->images, sizeof(c->images));
		c->images = image;
		c->image_count++;
	}
	return 0;
}

u8 *ext4_image_take(struct ext4 *fs)
{
	struct ext4_cache *c = fs->cache;
	u8 *image;

	if (ext4_images_reserve(fs, 1) != 0)
		return NULL;
	image = c->images;
	memcpy(&c->images, image, sizeof(c->images));
	c->image_count--;
	return image;
}

void ext4_image_give(struct ext4 *fs, u8 *image)
{
	struct ext4_cache *c = fs->cache;

	if (image == NULL)
		return;
	memcpy(image, &c->images, sizeof(c->images));
	c->images = image;
	c->image_count++;
	images_trim(c, IMAGES_KEPT);
}

static void lru_remove(struct ext4_cache *c, struct ext4_buffer *b)
{
	if (list_empty(&b->lru))
		return;
	list_remove(&b->lru);
	c->lru_count--;
}

/* Makes room by the clean one that was used longest ago. False: there is none. */
static bool evict(struct ext4 *fs)
{
	struct ext4_cache *c = fs->cache;

	if (list_empty(&c->lru))
		return false;
	ext4_buffer_drop(fs, list_entry(c->lru.next, struct ext4_buffer, lru));
	return true;
}

static struct ext4_buffer *buffer_alloc(struct ext4 *fs)
{
	struct ext4_buffer *b = kzalloc(sizeof(*b));

	if (b == NULL)
		return NULL;
	b->data = kmalloc(fs->block_size);
	if (b->data == NULL) {
		kfree(b);
		return NULL;
	}
	list_init(&b->hash);
	list_init(&b->lru);
	list_init(&b->dirty_link);
	list_init(&b->running_link);
	list_init(&b->operation_link);
	return b;
}

/* Not among the found yet; the caller's. */
static struct ext4_buffer *buffer_make(struct ext4 *fs, u64 block)
{
	struct ext4_buffer *b;

	do {
		b = buffer_alloc(fs);
	} while (b == NULL && evict(fs));
	if (b != NULL) {
		b->block = block;
		b->refs = 1;
	}
	return b;
}

struct ext4_buffer *ext4_buffer_find(struct ext4 *fs, u64 block)
{
	list_for_each(l, bucket(fs->cache, block))
	{
		struct ext4_buffer *b = list_entry(l, struct ext4_buffer, hash);

		if (b->block == block)
			return b;
	}
	return NULL;
}

/* The cached one, with a reference, or NULL. */
static struct ext4_buffer *cached(struct ext4 *fs, u64 block)
{
	struct ext4_buffer *b = ext4_buffer_find(fs, block);

	if (b != NULL) {
		b->refs++;
		lru_remove(fs->cache, b);
	}
	return b;
}

int ext4_buffer_get(struct ext4 *fs, u64 block, struct ext4_buffer **out)
{
	struct ext4_buffer *b;
	int r;

	if (block >= fs->blocks)
		return -EINVAL;
	*out = cached(fs, block);
	if (*out != NULL)
		return 0;
	b = buffer_make(fs, block);
	if (b == NULL)
		return -ENOMEM;
	r = ext4_blocks_read(fs, block, b->data, 1);
	if (r != 0) {
		buffer_free(b);
		return r;
	}
	list_push_front(bucket(fs->cache, block), &b->hash);
	*out = b;
	return 0;
}

int ext4_buffer_new(struct ext4 *fs, u64 block, struct ext4_buffer **out)
{
	struct ext4_buffer *b;
	int r;

	if (block >= fs->blocks)
		return -EINVAL;
	b = cached(fs, block);
	if (b == NULL) {
		b = buffer_make(fs, block);
		if (b == NULL)
			return -ENOMEM;
		b->fresh = true;
		list_push_front(bucket(fs->cache, block), &b->hash);
	}
	r = ext4_change(fs, b);
	if (r == 0) {
		memset(b->data, 0, fs->block_size);
		b->intact = 0;
		*out = b;
		return 0;
	}
	if (b->fresh && list_empty(&b->operation_link))
		ext4_buffer_drop(fs, b);
	ext4_buffer_put(fs, b);
	return r;
}

void ext4_buffer_settle(struct ext4 *fs, struct ext4_buffer *b)
{
	struct ext4_cache *c = fs->cache;

	if (b->refs > 0)
		return;
	if (list_empty(&b->hash)) {
		buffer_free(b);
		return;
	}
	if (b->dirty || b->running || !list_empty(&b->operation_link)) {
		lru_remove(c, b);
		return;
	}
	if (list_empty(&b->lru)) {
		list_push_back(&c->lru, &b->lru);
		c->lru_count++;
	}
	while (c->lru_count > EXT4_CACHE_BYTES / fs->block_size)
		(void)evict(fs);
}

void ext4_buffer_put(struct ext4 *fs, struct ext4_buffer *b)
{
	if (b == NULL)
		return;
	b->refs--;
	ext4_buffer_settle(fs, b);
}

void ext4_buffer_set_dirty(struct ext4 *fs, struct ext4_buffer *b, bool dirty)
{
	if (b->dirty == dirty)
		return;
	b->dirty = dirty;
	list_remove(&b->dirty_link);
	if (dirty)
		list_push_back(&fs->cache->dirty, &b->dirty_link);
	fs->cache->dirty_count += dirty ? 1u : ~0u;
}

void ext4_buffer_set_running(struct ext4 *fs, struct ext4_buffer *b, bool running)
{
	if (b->running == running)
		return;
	b->running = running;
	list_remove(&b->running_link);
	if (running)
		list_push_back(&fs->cache->running, &b->running_link);
	fs->cache->running_count += running ? 1u : ~0u;
}

void ext4_buffer_drop(struct ext4 *fs, struct ext4_buffer *b)
{
	struct ext4_cache *c = fs->cache;

	lru_remove(c, b);
	ext4_buffer_set_dirty(fs, b, false);
	ext4_buffer_set_running(fs, b, false);
	if (!list_empty(&b->operation_link)) {
		list_remove(&b->operation_link);
		c->operation_count--;
	}
	ext4_image_give(fs, b->before);
	b->before = NULL;
	list_remove(&b->hash);
	ext4_buffer_settle(fs, b);
}

/* How many sectors a block has; 0: it has no whole number, or the blocks are not on the volume. */
static u32 sectors_per_block(const struct ext4 *fs, u64 block, u32 count)
{
	u32 sector = fs->device->limits.sector_size;

	if (block >= fs->blocks || count > fs->blocks - block || fs->block_size % sector != 0)
		return 0;
	return fs->block_size / sector;
}

int ext4_blocks_read(struct ext4 *fs, u64 block, void *buf, u32 count)
{
	u32 sectors = sectors_per_block(fs, block, count);
	u8 *at = buf;

	if (sectors == 0)
		return -EINVAL;
	while (count > 0) {
		u32 n = MIN(count, (u32)(BLOCK_REQUEST_MAX / fs->block_size));
		u64 bytes = (u64)n * fs->block_size;
		int r = block_read(fs->device, block * sectors, at, bytes);

		if (r != 0)
			return r;
		block += n;
		at += bytes;
		count -= n;
	}
	return 0;
}

static int blocks_write(struct ext4 *fs, u64 block, const u8 *at, u32 count, u32 flags)
{
	u32 sectors = sectors_per_block(fs, block, count);

	if (sectors == 0)
		return -EINVAL;
	while (count > 0) {
		u32 n = MIN(count, (u32)(BLOCK_REQUEST_MAX / fs->block_size));
		u64 bytes = (u64)n * fs->block_size;
		int r = block_write(fs->device, block * sectors, at, bytes, flags);

		if (r != 0)
			return r;
		block += n;
		at += bytes;
		count -= n;
	}
	return 0;
}

int ext4_blocks_write(struct ext4 *fs, u64 block, const void *buf, u32 count)
{
	return blocks_write(fs, block, buf, count, 0);
}

int ext4_blocks_write_through(struct ext4 *fs, u64 block, const void *buf, u32 count)
{
	return blocks_write(fs, block, buf, count, BLOCK_FUA);
}

int ext4_device_flush(struct ext4 *fs)
{
	return block_flush(fs->device);
}

/* SPDX-License-Identifier: MIT */
/*
 * The superblock: its buffer, checksum and counters, and what is done when the
 * volume is found damaged. What it says is checked by ext4_geometry.c and
 * ext4_features.c.
 */
#include "base/errno.h"
#include "lib/string.h"
#include "rootpart/block/block.h"
#include "rootpart/ext4/ext4_journal.h"
#include "rootpart/ext4/ext4_space.h"
#include "rootpart/heap.h"
#include "rootpart/log.h"
#include "rootpart/rtc.h"

#define DAMAGES_LOGGED 16u

int ext4_super_read(struct block_device *d, struct ext4_super *s)
{
	u64 bytes = MAX((u64)d->limits.sector_size, EXT4_SUPER_OFFSET + EXT4_SUPER_SIZE);
	u8 *buf;
	int r;

	if (d->limits.sector_size == 0 || bytes / d->limits.sector_size > d->limits.sectors)
		return -EINVAL;
	buf = kmalloc(bytes);
	if (buf == NULL)
		return -ENOMEM;
	r = block_read(d, 0, buf, bytes);
	if (r == 0)
		memcpy(s, buf + EXT4_SUPER_OFFSET, sizeof(*s));
	kfree(buf);
	return r;
}

int ext4_super_get(struct ext4 *fs, struct ext4_buffer **b, struct ext4_super **s)
{
	int r = ext4_buffer_get(fs, fs->super_block, b);

	if (r == 0)
		*s = (struct ext4_super *)(void *)((*b)->data + fs->super_offset);
	return r;
}

void ext4_super_seal(struct ext4 *fs, struct ext4_super *s)
{
	if (fs->checksums)
		s->checksum = ext4_crc32c(~0u, s, offsetof(struct ext4_super, checksum));
}

u64 ext4_super_free_blocks(const struct ext4_super *s)
{
	return (u64)s->free_blocks_count_hi << 32 | s->free_blocks_count_lo;
}

void ext4_super_set_free_blocks(struct ext4_super *s, u64 blocks)
{
	s->free_blocks_count_lo = (u32)blocks;
	s->free_blocks_count_hi = (u32)(blocks >> 32);
}

int ext4_super_add_free(struct ext4 *fs, s64 blocks, s64 inodes)
{
	struct ext4_buffer *b;
	struct ext4_super *s;
	s64 all_blocks, all_inodes;
	int r = ext4_super_get(fs, &b, &s);

	if (r != 0)
		return r;
	all_blocks = (s64)(ext4_super_free_blocks(s) & INT64_MAX) + blocks;
	all_inodes = (s64)s->free_inodes_count + inodes;
	if (all_blocks < 0 || (u64)all_blocks > fs->blocks || all_inodes < 0 ||
		all_inodes > fs->inodes)
		r = ext4_damaged(fs, "counters of the superblock", fs->super_block);
	else
		r = ext4_change(fs, b);
	if (r == 0) {
		ext4_super_set_free_blocks(s, (u64)all_blocks);
		s->free_inodes_count = (u32)all_inodes;
		ext4_super_seal(fs, s);
	}
	ext4_buffer_put(fs, b);
	return r;
}

static void mark_error(struct ext4 *fs, u8 *block)
{
	struct ext4_super *s = (struct ext4_super *)(void *)(block + fs->super_offset);
	u32 now = ext4_now();

	s->state |= EXT4_STATE_ERROR;
	if (s->error_count++ == 0)
		s->first_error_time = now;
	s->last_error_time = now;
	ext4_super_seal(fs, s);
}

/*
 * At its place at once, since nothing is begun from now on. The rest of what lies there
 * stays as it is: what the cache has may belong to operations that are not committed. A replay
 * would write an older one over it, so the journal is told, too.
 */
static void write_error(struct ext4 *fs)
{
	struct ext4_buffer *b = fs->cache != NULL ? ext4_buffer_find(fs, fs->super_block) : NULL;
	u8 *block = kmalloc(fs->block_size);

	if (b != NULL) {
		mark_error(fs, b->data);
		if (b->before != NULL)
			mark_error(fs, b->before);
	}
	if (block != NULL && ext4_blocks_read(fs, fs->super_block, block, 1) == 0) {
		mark_error(fs, block);
		if (ext4_blocks_write(fs, fs->super_block, block, 1) == 0)
			(void)ext4_device_flush(fs);
	}
	kfree(block);
	ext4_journal_mark_damaged(fs);
}

int ext4_damaged(struct ext4 *fs, const char *what, u64 where)
{
	if (fs->damages < DAMAGES_LOGGED) {
		fs->damages++;
		log_printf("ext4: %s: damaged: %s at=%llu", fs->device->name, what,
			(unsigned long long)where);
	}
	if (!fs->read_only) {
		fs->read_only = true;
		fs->why = "it is damaged";
		write_error(fs);
	}
	return -EIO;
}

u32 ext4_now(void)
{
	return (u32)rtc_seconds();
}

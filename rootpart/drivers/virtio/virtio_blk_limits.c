/* SPDX-License-Identifier: MIT */
/*
 * What a disk says of itself, as limits of the block layer. Nothing of it is taken on
 * trust. VIRTIO 1.2, 5.2.4, 5.2.5.
 */
#include "base/errno.h"
#include "rootpart/drivers/virtio/virtio_blk.h"

#define READS_MAX 8u /* of what changes meanwhile */

static u32 read32(const struct virtio *v, u32 offset)
{
	return (u32)virtio_config_read(v, offset, 4);
}

u64 virtio_blk_capacity(const struct virtio *v)
{
	u64 capacity = 0;

	for (u32 i = 0; i < READS_MAX; i++) {
		u8 generation = virtio_config_generation(v);

		capacity = virtio_config_read(v, VIRTIO_BLK_CAPACITY, 8);
		if (generation == virtio_config_generation(v))
			break;
	}
	return capacity;
}

static bool size_is_valid(u32 size)
{
	return size >= VIRTIO_BLK_SECTOR && size <= PAGE_SIZE && (size & (size - 1)) == 0;
}

u32 virtio_blk_max_segments(const struct virtio *v)
{
	u32 max = virtio_has(v, VIRTIO_BLK_F_SEG_MAX) ? read32(v, VIRTIO_BLK_SEG_MAX) : 1;

	return MAX(max, 1u);
}

static int read_segments(const struct virtio_blk *b, struct block_limits *l)
{
	l->max_segments = b->queues[0].vq.q.chain - VIRTIO_BLK_FRAME;
	l->max_bytes = BLOCK_REQUEST_MAX;
	l->align = 1;
	l->address_mask = ~0ull;
	if (virtio_has(&b->v, VIRTIO_BLK_F_SIZE_MAX)) {
		u32 max = read32(&b->v, VIRTIO_BLK_SIZE_MAX);

		l->max_segment = (u32)ALIGN_DOWN(max, l->sector_size);
		if (l->max_segment == 0)
			return -ENOTSUP;
	}
	return 0;
}

/* 0: none; whole sectors only. A range's alignment is a wish, not a rule. */
static u64 max_discard(const struct virtio_blk *b, u32 sector_size)
{
	u64 max = (u64)read32(&b->v, VIRTIO_BLK_DISCARD_MAX) * VIRTIO_BLK_SECTOR;

	if (!virtio_has(&b->v, VIRTIO_BLK_F_DISCARD) || read32(&b->v, VIRTIO_BLK_DISCARD_SEG) == 0)
		return 0;
	return ALIGN_DOWN(max, sector_size);
}

static bool has_cache(const struct virtio_blk *b)
{
	if (!virtio_has(&b->v, VIRTIO_BLK_F_FLUSH))
		return false;
	return !virtio_has(&b->v, VIRTIO_BLK_F_CONFIG_WCE) || b->writeback != 0;
}

int virtio_blk_read_limits(struct virtio_blk *b)
{
	struct block_limits *l = &b->block.limits;

	l->sector_size = virtio_has(&b->v, VIRTIO_BLK_F_BLK_SIZE)
				 ? read32(&b->v, VIRTIO_BLK_BLK_SIZE)
				 : VIRTIO_BLK_SECTOR;
	if (!size_is_valid(l->sector_size))
		return -ENOTSUP;
	b->capacity = virtio_blk_capacity(&b->v);
	b->writeback = (u8)virtio_config_read(&b->v, VIRTIO_BLK_WRITEBACK, 1);
	l->sectors =
		MIN(b->capacity, ~0ull / VIRTIO_BLK_SECTOR) / (l->sector_size / VIRTIO_BLK_SECTOR);
	l->write_cache = has_cache(b);
	l->read_only = virtio_has(&b->v, VIRTIO_BLK_F_RO);
	l->max_discard = max_discard(b, l->sector_size);
	return read_segments(b, l);
}

/* SPDX-License-Identifier: MIT */
/*
 * A disk or partition of the root's as a whole; and what the others have below them. Where sectors
 * are the device's own a request is the device's as it is.
 */
#include "base/errno.h"
#include "rootpart/vdisk/vdisk_impl.h"

static void part_done(struct block_request *r)
{
	struct vdisk_request *q = container_of(r, struct vdisk_request, part.r);

	vdisk_end(q, r->error);
}

void vdisk_device_start(struct vdisk_request *q, u64 place, u64 bytes)
{
	struct block_request *r = &q->part.r;

	q->len = bytes;
	r->op = q->r.op;
	r->flags = (q->r.flags & BLOCK_FUA) | BLOCK_PART;
	r->sector = place / SECTOR_512;
	r->bytes = bytes;
	r->segments = q->r.segments;
	r->segment_count = q->r.segment_count;
	r->skip = (u32)q->at;
	sector_submit(&q->disk->medium, &q->part);
}

static void device_submit(struct vdisk *v, struct vdisk_request *q)
{
	int r = 0;

	if (v->sector_size == v->device->limits.sector_size) {
		block_submit(v->device, &q->r);
		return;
	}
	q->at = 0;
	q->part.r.done = part_done;
	r = vdisk_check(v, q);
	if (r != 0)
		block_end(v->device, &q->part.r, r);
	else
		vdisk_device_start(q, q->r.sector * v->sector_size, q->r.bytes);
}

static void device_close(struct vdisk *v)
{
	if (!v->read_only)
		block_let_go(v->device);
}

static const struct vdisk_ops device_ops = {
	.submit = device_submit,
	.close = device_close,
};

int vdisk_device_open(struct vdisk *v, const struct vdisk_how *how, char other[BLOCK_HOLDER_SIZE])
{
	const struct block_limits *l = &v->device->limits;
	u64 bytes = l->sectors * l->sector_size;

	if (how->write && l->read_only)
		return -EROFS;
	v->ops = &device_ops;
	v->sector_size = how->sector_size != 0 ? how->sector_size : l->sector_size;
	v->sectors = bytes / v->sector_size;
	v->write_cache = l->write_cache;
	v->max_discard = l->max_discard;
	return how->write ? block_hold(v->device, how->holder, other) : 0;
}

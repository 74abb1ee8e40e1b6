/* SPDX-License-Identifier: MIT */
/*
 * Image files, the quick half: what lies in extents that were written goes to the device at once,
 * extent by extent, from whichever VP submits. All else is the agent's: places that are not known,
 * holes that are written to, commits.
 */
#include "base/errno.h"
#include "lib/string.h"
#include "rootpart/block/block_cut.h"
#include "rootpart/heap.h"
#include "rootpart/page_alloc.h"
#include "rootpart/vdisk/vdisk_impl.h"
#include "x86/atomic.h"

void vdisk_file_ask(struct vdisk_request *q)
{
	vdisk_agent_ask(&q->disk->file->agent, q);
}

/* All of its data is there. One that is to last needs its blocks' places committed too. */
static void data_done(struct vdisk_request *q)
{
	bool last = q->r.op == BLOCK_WRITE && (q->r.flags & BLOCK_FUA) != 0;

	if (!last || !load_acquire(&q->disk->file->uncommitted)) {
		vdisk_end(q, 0);
		return;
	}
	q->sync = true;
	vdisk_file_ask(q);
}

static void part_done(struct block_request *r)
{
	struct vdisk_request *q = container_of(r, struct vdisk_request, part.r);

	if (q->converting) {
		vdisk_file_ask(q);
		return;
	}
	q->at += q->len;
	if (r->error != 0)
		vdisk_end(q, r->error);
	else if (q->r.op == BLOCK_FLUSH || q->at == q->r.bytes)
		data_done(q);
	else
		vdisk_file_step(q);
}

/* Ends by way of part_done(), with @error, without the device. */
static void end_later(struct vdisk_request *q, int error)
{
	q->len = 0;
	block_end(q->disk->device, &q->part.r, error);
}

/* Zeroes for @len bytes of the data from q->at on. */
static int read_hole(struct vdisk_request *q, u64 len)
{
	struct block_cursor at = { 0, 0 };

	block_cursor_move(q->r.segments, &at, q->at);
	while (len > 0) {
		const struct block_segment *s = &q->r.segments[at.segment];
		gpa_t gpa = GPA(s->gpa.a + at.offset);
		u64 n = MIN(len, (u64)s->len - at.offset);

		/* It is the caller's, and may be no memory at all. */
		if (page_pin(gpa, n) != 0)
			return -EINVAL;
		memset(gpa_ptr(gpa), 0, n);
		page_unpin(gpa, n);
		block_cursor_move(q->r.segments, &at, n);
		len -= n;
	}
	return 0;
}

void vdisk_file_step(struct vdisk_request *q)
{
	struct vdisk_file *f = q->disk->file;
	u64 begin = q->r.sector * q->disk->sector_size;
	struct vfs_extent e;

	while (q->at < q->r.bytes) {
		u64 len;
		int r;

		if (!vdisk_map_find(&f->map, begin + q->at, &e) ||
			(e.state != VFS_WRITTEN && q->r.op == BLOCK_WRITE)) {
			vdisk_file_ask(q);
			return;
		}
		len = MIN(e.len, q->r.bytes - q->at);
		if (e.state == VFS_WRITTEN) {
			vdisk_device_start(q, e.place, len);
			return;
		}
		r = read_hole(q, len);
		if (r != 0) {
			end_later(q, r);
			return;
		}
		q->at += len;
	}
	end_later(q, 0);
}

static void flush(struct vdisk_request *q)
{
	if (load_acquire(&q->disk->file->uncommitted)) {
		q->sync = true;
		vdisk_file_ask(q);
	} else {
		vdisk_device_start(q, 0, 0);
	}
}

static void file_submit(struct vdisk *v, struct vdisk_request *q)
{
	int r = vdisk_check(v, q);

	q->at = 0;
	q->converting = false;
	q->sync = false;
	q->part.r.done = part_done;
	list_init(&q->link);
	if (r != 0)
		end_later(q, r);
	else if (q->r.op == BLOCK_FLUSH)
		flush(q);
	else
		vdisk_file_step(q);
}

static void file_close(struct vdisk *v)
{
	vdisk_agent_stop(&v->file->agent);
	vdisk_map_free(&v->file->map);
	kfree(v->file->zeroes);
}

static const struct vdisk_ops file_ops = {
	.submit = file_submit,
	.close = file_close,
};

static int memory_take(struct vdisk_file *f)
{
	int r = vdisk_map_init(&f->map, f->size);

	if (r != 0)
		return r;
	f->zeroes = kzalloc(f->block_size);
	if (f->zeroes != NULL)
		r = vdisk_agent_start(&f->agent, vdisk_grow_serve);
	else
		r = -ENOMEM;
	if (r == 0)
		return 0;
	vdisk_map_free(&f->map);
	kfree(f->zeroes);
	return r;
}

int vdisk_file_open(struct vdisk *v)
{
	struct vdisk_file *f = v->file;
	struct vfs_medium medium;
	int r = vfs_medium_get(&f->file, &medium);

	if (r != 0)
		return r;
	v->device = medium.device;
	v->ops = &file_ops;
	f->block_size = medium.block_size;
	list_init(&f->converting);
	list_init(&f->blocked);
	r = sector_init(&v->medium, v->device);
	if (r != 0)
		return r;
	r = memory_take(f);
	if (r != 0)
		sector_free(&v->medium);
	return r;
}

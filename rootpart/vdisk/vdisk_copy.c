/* SPDX-License-Identifier: MIT */
/*
 * Files of file systems without extents, as those in memory: read and written by the file
 * layer's calls, one request after the other, by the agent.
 */
#include "base/errno.h"
#include "rootpart/page_alloc.h"
#include "rootpart/vdisk/vdisk_impl.h"

static int copy(struct vdisk_file *f, bool write, void *data, u64 len)
{
	s64 done = write ? vfs_write(&f->file, data, len) : vfs_read(&f->file, data, len);

	if (done < 0)
		return (int)done;
	return (u64)done == len ? 0 : write ? -ENOSPC : -EIO;
}

static int copy_segment(struct vdisk_file *f, bool write, const struct block_segment *s)
{
	int r = page_pin(s->gpa, s->len);

	if (r != 0)
		return -EINVAL;
	r = copy(f, write, gpa_ptr(s->gpa), s->len);
	page_unpin(s->gpa, s->len);
	return r;
}

static int serve_data(struct vdisk *v, const struct vdisk_request *q)
{
	struct vdisk_file *f = v->file;
	bool write = q->r.op == BLOCK_WRITE;
	int r = 0;

	f->file.offset = q->r.sector * v->sector_size;
	for (u32 i = 0; r == 0 && i < q->r.segment_count; i++)
		r = copy_segment(f, write, &q->r.segments[i]);
	if (r == 0 && write && (q->r.flags & BLOCK_FUA))
		r = vfs_sync(&f->file);
	return r;
}

static void serve(struct vdisk_request *q)
{
	struct vdisk *v = q->disk;
	int r = vdisk_check(v, q);

	if (r == 0)
		r = q->r.op == BLOCK_FLUSH ? vfs_sync(&v->file->file) : serve_data(v, q);
	vdisk_end(q, r);
}

static void copy_submit(struct vdisk *v, struct vdisk_request *q)
{
	vdisk_agent_ask(&v->file->agent, q);
}

static void copy_close(struct vdisk *v)
{
	vdisk_agent_stop(&v->file->agent);
}

static const struct vdisk_ops copy_ops = {
	.submit = copy_submit,
	.close = copy_close,
};

int vdisk_copy_open(struct vdisk *v)
{
	v->ops = &copy_ops;
	return vdisk_agent_start(&v->file->agent, serve);
}

/* SPDX-License-Identifier: MIT */
/*
 * Image files, the slow half, in the agent: finds out where a window lies, gives holes their
 * places, makes what was written to them the file's, and commits.
 *
 * New blocks: allocated as unwritten; the request's data goes to them from the caller's
 * memory; then they are written. A block that a request fills in part is zeroed first, and then
 * as any other. While one is under way to blocks that are unwritten, others to them wait.
 */
#include "base/errno.h"
#include "rootpart/vdisk/vdisk_impl.h"
#include "x86/atomic.h"

/* Bytes of the file; whole blocks, or up to its end. */
struct span {
	u64 begin, end;
};

static u64 offset_of(const struct vdisk_request *q)
{
	return q->r.sector * q->disk->sector_size + q->at;
}

static struct span blocks_around(const struct vdisk_file *f, u64 offset, u64 len)
{
	u64 end = ALIGN_UP(offset + len, f->block_size);

	return (struct span){ ALIGN_DOWN(offset, f->block_size), MIN(end, f->size) };
}

/* Everything about the window that @offset lies in. */
static int learn(struct vdisk_file *f, u64 offset)
{
	u64 at = vdisk_window_begin(offset), end = vdisk_window_end(&f->map, offset);

	vdisk_map_begin(&f->map);
	while (at < end) {
		struct vfs_extent e;
		int r = vfs_map(&f->file, at, &e);

		if (r != 0)
			return r;
		vdisk_map_add(&f->map, offset, &e);
		at += e.len;
	}
	return vdisk_map_end(&f->map, offset);
}

/*
 * The file was changed there: a flush is more than the device's from now on. What cannot be
 * found out is forgotten.
 */
static void changed(struct vdisk_file *f, struct span s)
{
	store_release(&f->uncommitted, true);
	while (s.begin < s.end) {
		struct vfs_extent e;

		if (vfs_map(&f->file, s.begin, &e) != 0) {
			vdisk_map_forget(&f->map, s.begin, s.end);
			return;
		}
		e.len = MIN(e.len, s.end - s.begin);
		vdisk_map_set(&f->map, &e);
		s.begin += e.len;
	}
}

static int fill_hole(struct vdisk_file *f, struct span s)
{
	int r = vfs_allocate(&f->file, s.begin, s.end - s.begin);

	changed(f, s);
	return r;
}

static int zero_block(struct vdisk_file *f, u64 offset)
{
	struct span s = blocks_around(f, offset, 1);
	s64 done;

	f->file.offset = s.begin;
	done = vfs_write(&f->file, f->zeroes, s.end - s.begin);
	changed(f, s);
	if (done < 0)
		return (int)done;
	return (u64)done == s.end - s.begin ? 0 : -EIO;
}

/* True if one is under way to some of these blocks. */
static bool is_blocked(const struct vdisk_file *f, struct span s)
{
	list_for_each(l, &f->converting)
	{
		const struct vdisk_request *o = list_entry(l, struct vdisk_request, under_way);
		u64 begin = offset_of(o), end = begin + o->len;

		if (s.begin < end && begin < s.end)
			return true;
	}
	return false;
}

static void unblock(struct vdisk_file *f)
{
	struct list_node *l;

	while ((l = list_pop_front(&f->blocked)) != NULL)
		vdisk_file_ask(list_entry(l, struct vdisk_request, link));
}

/* To blocks that are unwritten; then it comes here again. */
static void convert(struct vdisk_file *f, struct vdisk_request *q, u64 place, u64 len)
{
	q->converting = true;
	q->len = len;
	list_push_back(&f->converting, &q->under_way);
	vdisk_device_start(q, place, len);
}

static void converted(struct vdisk_file *f, struct vdisk_request *q)
{
	struct span s = { offset_of(q), offset_of(q) + q->len };
	int r = q->part.r.error;

	q->converting = false;
	list_remove(&q->under_way);
	if (r == 0) {
		r = vfs_written(&f->file, s.begin, q->len);
		/* Some may be, whatever it says. */
		changed(f, s);
	}
	unblock(f);
	q->at += q->len;
	if (r != 0)
		vdisk_end(q, r);
	else
		vdisk_file_step(q);
}

/*
 * The next bytes lie in unwritten blocks. Whole ones get the data; one that is to be filled in part
 * gets zeroes, and then is a written one as any other.
 */
static int write_new(struct vdisk_file *f, struct vdisk_request *q, const struct vfs_extent *e)
{
	u64 begin = e->offset, end = begin + MIN(e->len, q->r.bytes - q->at);
	int r;

	if (end != f->size)
		end = ALIGN_DOWN(end, f->block_size);
	if (begin % f->block_size == 0 && end > begin) {
		convert(f, q, e->place, end - begin);
		return 0;
	}
	r = zero_block(f, begin);
	if (r == 0)
		vdisk_file_step(q);
	return r;
}

/* The extent of the next byte, learnt if need be. */
static int find(struct vdisk_file *f, const struct vdisk_request *q, struct vfs_extent *e)
{
	int r = 0;

	if (!vdisk_map_find(&f->map, offset_of(q), e))
		r = learn(f, offset_of(q));
	return r != 0 || vdisk_map_find(&f->map, offset_of(q), e) ? r : -ENOMEM;
}

/* Anything but 0: it failed. */
static int go_on(struct vdisk_file *f, struct vdisk_request *q)
{
	struct vfs_extent e;
	struct span s;
	int r = find(f, q, &e);

	if (r == 0 && (q->r.op == BLOCK_READ || e.state == VFS_WRITTEN)) {
		vdisk_file_step(q);
		return 0;
	}
	if (r != 0)
		return r;
	s = blocks_around(f, e.offset, MIN(e.len, q->r.bytes - q->at));
	if (is_blocked(f, s)) {
		list_push_back(&f->blocked, &q->link);
		return 0;
	}
	if (e.state == VFS_HOLE) {
		r = fill_hole(f, s);
		if (r == 0)
			r = find(f, q, &e);
	}
	return r == 0 ? write_new(f, q, &e) : r;
}

static void commit(struct vdisk_file *f, struct vdisk_request *q)
{
	int r;

	/* First: what changes meanwhile is another one's. */
	store_release(&f->uncommitted, false);
	r = vfs_sync(&f->file);
	if (r != 0)
		store_release(&f->uncommitted, true);
	vdisk_end(q, r);
}

void vdisk_grow_serve(struct vdisk_request *q)
{
	struct vdisk_file *f = q->disk->file;
	int r;

	if (q->converting) {
		converted(f, q);
		return;
	}
	if (q->sync) {
		commit(f, q);
		return;
	}
	r = go_on(f, q);
	if (r != 0)
		vdisk_end(q, r);
}

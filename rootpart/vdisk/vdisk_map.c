/* SPDX-License-Identifier: MIT */
/*
 * A window is never changed: a new one takes its place. So whoever finds holds the lock for a
 * few dozen instructions, however many extents there are.
 */
#include "rootpart/vdisk/vdisk_map.h"

#include "base/assert.h"
#include "base/errno.h"
#include "lib/string.h"
#include "rootpart/heap.h"
#include "rootpart/lock.h"

struct window {
	struct list_node hash;
	struct list_node order;
	u64 begin;
	u32 count;
	struct vdisk_run runs[];
};

int vdisk_map_init(struct vdisk_map *m, u64 size)
{
	*m = (struct vdisk_map){ .size = size };
	for (u32 i = 0; i < VDISK_BUCKETS; i++)
		list_init(&m->buckets[i]);
	list_init(&m->order);
	m->scratch = kmalloc(VDISK_RUNS_MAX * sizeof(*m->scratch));
	return m->scratch != NULL ? 0 : -ENOMEM;
}

u64 vdisk_window_begin(u64 offset)
{
	return ALIGN_DOWN(offset, VDISK_WINDOW);
}

u64 vdisk_window_end(const struct vdisk_map *m, u64 offset)
{
	return MIN(vdisk_window_begin(offset) + VDISK_WINDOW, m->size);
}

static struct list_node *bucket(struct vdisk_map *m, u64 begin)
{
	return &m->buckets[begin / VDISK_WINDOW % VDISK_BUCKETS];
}

static struct window *find(struct vdisk_map *m, u64 offset)
{
	u64 begin = vdisk_window_begin(offset);

	list_for_each(l, bucket(m, begin))
	{
		struct window *w = list_entry(l, struct window, hash);

		if (w->begin == begin)
			return w;
	}
	return NULL;
}

/* Where run @i of @w ends, in the file. */
static u64 run_end(const struct vdisk_map *m, const struct window *w, u32 i)
{
	return i + 1 < w->count ? w->begin + w->runs[i + 1].offset : vdisk_window_end(m, w->begin);
}

/* From @offset, which lies in run @i, to its end. */
static struct vfs_extent extent_at(
	const struct vdisk_map *m, const struct window *w, u32 i, u64 offset)
{
	const struct vdisk_run *run = &w->runs[i];
	struct vfs_extent e = { .offset = offset, .state = (enum vfs_extent_state)run->state };

	e.len = run_end(m, w, i) - offset;
	if (e.state != VFS_HOLE)
		e.place = run->place + (offset - w->begin - run->offset);
	return e;
}

/* The last one that begins at @offset of the window, or before it. */
static u32 search(const struct window *w, u32 offset)
{
	u32 low = 0, high = w->count;

	while (high - low > 1) {
		u32 middle = low + (high - low) / 2;

		if (w->runs[middle].offset <= offset)
			low = middle;
		else
			high = middle;
	}
	return low;
}

bool vdisk_map_find(struct vdisk_map *m, u64 offset, struct vfs_extent *e)
{
	u64 flags = lock_irq(&m->lock);
	const struct window *w = find(m, offset);

	if (w != NULL)
		*e = extent_at(m, w, search(w, (u32)(offset - w->begin)), offset);
	unlock_irq(&m->lock, flags);
	return w != NULL;
}

void vdisk_map_begin(struct vdisk_map *m)
{
	m->scratch_count = 0;
}

/* One more run in the scratch window, joined with the last one if it goes on there. */
static void append(struct vdisk_map *m, const struct vdisk_run *run)
{
	struct vdisk_run *last = m->scratch_count > 0 ? &m->scratch[m->scratch_count - 1] : NULL;

	if (last != NULL && last->state == run->state &&
		(run->state == VFS_HOLE ||
			last->place + (run->offset - last->offset) == run->place))
		return;
	/* None is shorter than VDISK_EXTENT_MIN, so there is room. */
	assert(m->scratch_count < VDISK_RUNS_MAX);
	m->scratch[m->scratch_count++] = *run;
}

/* The part of @e that lies in [from, to) of the file, in the window at @begin. */
static void append_part(
	struct vdisk_map *m, u64 begin, const struct vfs_extent *e, u64 from, u64 to)
{
	struct vdisk_run run = { .state = e->state };

	from = MAX(from, e->offset);
	to = MIN(to, e->offset + e->len);
	if (from >= to)
		return;
	run.offset = (u32)(from - begin);
	if (e->state != VFS_HOLE)
		run.place = e->place + (from - e->offset);
	append(m, &run);
}

void vdisk_map_add(struct vdisk_map *m, u64 offset, const struct vfs_extent *e)
{
	u64 begin = vdisk_window_begin(offset);

	append_part(m, begin, e, begin, vdisk_window_end(m, offset));
}

/* Takes @w out; nobody finds it any more. */
static void forget(struct vdisk_map *m, struct window *w)
{
	u64 flags = lock_irq(&m->lock);

	list_remove(&w->hash);
	list_remove(&w->order);
	m->extents -= w->count;
	unlock_irq(&m->lock, flags);
	kfree(w);
}

static void forget_oldest(struct vdisk_map *m)
{
	while (m->extents > VDISK_EXTENTS_MAX)
		forget(m, list_entry(m->order.next, struct window, order));
}

/* @w instead of the one that was there. */
static void put(struct vdisk_map *m, struct window *w)
{
	struct window *old = find(m, w->begin);
	u64 flags = lock_irq(&m->lock);

	if (old != NULL) {
		list_remove(&old->hash);
		list_remove(&old->order);
		m->extents -= old->count;
	}
	list_push_front(bucket(m, w->begin), &w->hash);
	list_push_back(&m->order, &w->order);
	m->extents += w->count;
	unlock_irq(&m->lock, flags);
	kfree(old);
	forget_oldest(m);
}

int vdisk_map_end(struct vdisk_map *m, u64 offset)
{
	u32 count = m->scratch_count;
	struct window *w;

	if (count == 0 || m->scratch[0].offset != 0)
		return -EINVAL;
	w = kmalloc(sizeof(*w) + count * sizeof(w->runs[0]));
	if (w == NULL)
		return -ENOMEM;
	w->begin = vdisk_window_begin(offset);
	w->count = count;
	memcpy(w->runs, m->scratch, count * sizeof(w->runs[0]));
	put(m, w);
	return 0;
}

/* The window @w, with @e in place of what it says. */
static int rewrite(struct vdisk_map *m, struct window *w, const struct vfs_extent *e)
{
	u64 begin = w->begin, end = vdisk_window_end(m, begin), e_end = e->offset + e->len;
	bool done = false;

	vdisk_map_begin(m);
	for (u32 i = 0; i < w->count; i++) {
		struct vfs_extent old = extent_at(m, w, i, begin + w->runs[i].offset);

		append_part(m, begin, &old, begin, e->offset);
		if (!done && old.offset + old.len > e->offset) {
			append_part(m, begin, e, begin, end);
			done = true;
		}
		append_part(m, begin, &old, e_end, end);
	}
	return vdisk_map_end(m, begin);
}

void vdisk_map_forget(struct vdisk_map *m, u64 begin, u64 end)
{
	for (u64 at = begin; at < end && at < m->size; at = vdisk_window_end(m, at)) {
		struct window *w = find(m, at);

		if (w != NULL)
			forget(m, w);
	}
}

void vdisk_map_set(struct vdisk_map *m, const struct vfs_extent *e)
{
	u64 end = MIN(e->offset + e->len, m->size);

	for (u64 at = e->offset; at < end; at = vdisk_window_end(m, at)) {
		struct window *w = find(m, at);

		if (w != NULL && rewrite(m, w, e) != 0)
			forget(m, w);
	}
}

void vdisk_map_free(struct vdisk_map *m)
{
	while (!list_empty(&m->order))
		forget(m, list_entry(m->order.next, struct window, order));
	kfree(m->scratch);
	m->scratch = NULL;
}

/* SPDX-License-Identifier: MIT */
/*
 * A partial request has up to three parts: the first sector and the last, which go by
 * way of memory of their slot, and what lies between, which goes as it is. Requests
 * that may not begin yet wait in line; one that overlaps another in front of it waits
 * behind it, so that none is overtaken for ever.
 */
#include "rootpart/block/sector.h"

#include "base/errno.h"
#include "lib/string.h"
#include "rootpart/block/block_cut.h"
#include "rootpart/heap.h"
#include "rootpart/lock.h"
#include "rootpart/page_alloc.h"

struct part {
	struct block_request r;
	struct sector_request *owner;
	struct block_segment segment; /* of an edge: a whole sector */
	u8 *buf;                      /* a page */
	u32 skip;                     /* bytes of the sector that are not the request's, in front */
	u32 len;                      /* bytes of it that are */
	u64 offset;                   /* of those in the request's data */
};

struct sector_slot {
	struct list_node link;
	struct part head;
	struct part tail;
	struct part middle;
	struct block_segment segments[BLOCK_SEGMENTS_MAX]; /* of the middle */
};

static bool is_write(const struct sector_request *q)
{
	return q->r.op == BLOCK_WRITE || q->r.op == BLOCK_DISCARD;
}

static u32 medium_size(const struct sector_disk *s)
{
	return s->device->limits.sector_size;
}

u64 sector_count(const struct sector_disk *s)
{
	return s->device->limits.sectors * (medium_size(s) / SECTOR_512);
}

static int slot_init(struct sector_disk *s, struct sector_slot *slot)
{
	list_push_back(&s->slots, &slot->link);
	slot->head.buf = page_alloc(0);
	slot->tail.buf = page_alloc(0);
	return slot->head.buf != NULL && slot->tail.buf != NULL ? 0 : -ENOMEM;
}

int sector_init(struct sector_disk *s, struct block_device *d)
{
	int r = 0;

	*s = (struct sector_disk){ .device = d };
	list_init(&s->writes);
	list_init(&s->waiting);
	list_init(&s->slots);
	if (medium_size(s) == SECTOR_512)
		return 0;
	s->memory = kzalloc(SECTOR_SLOTS * sizeof(*s->memory));
	if (s->memory == NULL)
		return -ENOMEM;
	for (u32 i = 0; r == 0 && i < SECTOR_SLOTS; i++)
		r = slot_init(s, &s->memory[i]);
	if (r != 0)
		sector_free(s);
	return r;
}

static void buf_free(void *buf)
{
	if (buf != NULL)
		(void)page_free(buf, 0);
}

void sector_free(struct sector_disk *s)
{
	for (u32 i = 0; s->memory != NULL && i < SECTOR_SLOTS; i++) {
		buf_free(s->memory[i].head.buf);
		buf_free(s->memory[i].tail.buf);
	}
	kfree(s->memory);
	s->memory = NULL;
}

static bool overlap(const struct sector_request *a, const struct sector_request *b)
{
	return (a->partial || b->partial) && a->first <= b->last && b->first <= a->last;
}

/* True if @q overlaps a write on @list, in front of @end if that is on it. */
static bool overlaps_any(
	const struct sector_request *q, const struct list_node *list, const struct list_node *end)
{
	for (const struct list_node *n = list->next; n != list && n != end; n = n->next) {
		const struct sector_request *o = list_entry(n, struct sector_request, link);

		if (is_write(o) && overlap(o, q))
			return true;
	}
	return false;
}

/* @q is on the line, or about to be. Lock held. */
static bool may_begin(const struct sector_disk *s, const struct sector_request *q)
{
	if (q->partial && list_empty(&s->slots))
		return false;
	if (!is_write(q) || s->partial == 0)
		return true;
	return !overlaps_any(q, &s->writes, NULL) && !overlaps_any(q, &s->waiting, &q->link);
}

/* Off the line, and under way. Lock held. */
static void admit(struct sector_disk *s, struct sector_request *q)
{
	list_remove(&q->link);
	if (is_write(q))
		list_push_back(&s->writes, &q->link);
	if (q->partial)
		q->slot = list_entry(list_pop_front(&s->slots), struct sector_slot, link);
}

static void unpin(const struct sector_request *q, u32 count)
{
	for (u32 i = 0; i < count; i++)
		page_unpin(q->r.segments[i].gpa, q->r.segments[i].len);
}

/* A partial one's memory is touched by us, when parts of it are not the device's. */
static int pin(const struct sector_request *q)
{
	for (u32 i = 0; i < q->r.segment_count; i++) {
		const struct block_segment *s = &q->r.segments[i];

		if (page_pin(s->gpa, s->len) != 0) {
			unpin(q, i);
			return -EINVAL;
		}
	}
	return 0;
}

static void run(struct sector_disk *s);

static void end(struct sector_request *q)
{
	struct sector_disk *s = q->disk;
	u64 flags = lock_irq(&s->lock);

	list_remove(&q->link);
	if (q->slot != NULL)
		list_push_back(&s->slots, &q->slot->link);
	s->partial -= q->partial && is_write(q);
	unlock_irq(&s->lock, flags);
	q->r.error = q->error;
	/* done() comes last: with it @s may be gone. */
	run(s);
	q->r.done(&q->r);
}

/* One part of @q less. */
static void part_ended(struct sector_request *q, int error)
{
	u64 flags = lock_irq(&q->disk->lock);
	bool last = --q->parts == 0;

	if (q->error == 0)
		q->error = error;
	unlock_irq(&q->disk->lock, flags);
	if (!last)
		return;
	if (q->slot != NULL)
		unpin(q, q->r.segment_count);
	end(q);
}

/* Between the edge's memory and the request's. */
static void copy(const struct part *p, bool to_edge)
{
	const struct block_segment *segments = p->owner->r.segments;
	struct block_cursor at = { 0, 0 };

	block_cursor_move(segments, &at, p->offset);
	for (u32 done = 0; done < p->len;) {
		u8 *data = (u8 *)gpa_ptr(segments[at.segment].gpa) + at.offset;
		u32 n = MIN(segments[at.segment].len - at.offset, p->len - done);

		if (to_edge)
			memcpy(p->buf + p->skip + done, data, n);
		else
			memcpy(data, p->buf + p->skip + done, n);
		done += n;
		block_cursor_move(segments, &at, n);
	}
}

static void edge_done(struct block_request *r)
{
	struct part *p = container_of(r, struct part, r);
	struct sector_request *q = p->owner;

	if (r->error == 0 && r->op == BLOCK_READ && q->r.op == BLOCK_WRITE) {
		copy(p, true);
		r->op = BLOCK_WRITE;
		r->flags = q->r.flags;
		block_submit(q->disk->device, r);
		return;
	}
	if (r->error == 0 && q->r.op == BLOCK_READ)
		copy(p, false);
	part_ended(q, r->error);
}

static void middle_done(struct block_request *r)
{
	part_ended(container_of(r, struct part, r)->owner, r->error);
}

/* @len bytes of the request from @offset on are a part of medium sector @sector. */
static void edge_prepare(struct sector_request *q, struct part *p, u64 sector, u64 offset)
{
	u32 size = medium_size(q->disk);
	u64 begin = q->r.sector * SECTOR_512 + offset;

	p->owner = q;
	p->offset = offset;
	p->skip = (u32)(begin - sector * size);
	p->len = (u32)MIN(size - p->skip, q->r.bytes - offset);
	p->segment = (struct block_segment){ gpa_of(p->buf), size };
	p->r = (struct block_request){ .op = BLOCK_READ,
		.sector = sector,
		.bytes = size,
		.segments = &p->segment,
		.segment_count = 1,
		.done = edge_done };
}

static void middle_prepare(struct sector_request *q, u64 sector, u64 offset, u64 bytes)
{
	struct part *p = &q->slot->middle;
	struct block_cursor at = { 0, 0 };
	u32 count = 0;

	block_cursor_move(q->r.segments, &at, offset);
	p->owner = q;
	p->r = (struct block_request){ .op = q->r.op,
		.flags = q->r.flags,
		.sector = sector,
		.bytes = bytes,
		.segments = q->slot->segments,
		.done = middle_done };
	while (bytes > 0) {
		const struct block_segment *s = &q->r.segments[at.segment++];
		u32 len = (u32)MIN(s->len - at.offset, bytes);

		q->slot->segments[count++] =
			(struct block_segment){ GPA(s->gpa.a + at.offset), len };
		bytes -= len;
		at.offset = 0;
	}
	p->r.segment_count = count;
}

/* Cuts it; the parts that there are go to @parts. Returns how many. */
static u32 cut(struct sector_request *q, struct part *parts[3])
{
	u32 size = medium_size(q->disk), n = 0;
	u64 begin = q->r.sector * SECTOR_512, finish = begin + q->r.bytes;
	u64 from = ALIGN_UP(begin, size), to = ALIGN_DOWN(finish, size);

	if (begin % size != 0) {
		edge_prepare(q, &q->slot->head, q->first, 0);
		parts[n++] = &q->slot->head;
	}
	if (finish % size != 0 && (n == 0 || q->last != q->first)) {
		edge_prepare(q, &q->slot->tail, q->last, to > begin ? to - begin : 0);
		parts[n++] = &q->slot->tail;
	}
	if (from < to) {
		middle_prepare(q, from / size, from - begin, to - from);
		parts[n++] = &q->slot->middle;
	}
	return n;
}

static void whole_done(struct block_request *r)
{
	part_ended(container_of(r, struct sector_request, whole), r->error);
}

/* Sectors and bytes as the medium has them; a discard becomes smaller. */
static void whole_prepare(struct sector_request *q)
{
	u32 size = medium_size(q->disk);
	struct block_request *w = &q->whole;
	u64 from = ALIGN_UP(q->r.sector * SECTOR_512, size);
	u64 to = ALIGN_DOWN(q->r.sector * SECTOR_512 + q->r.bytes, size);

	*w = (struct block_request){ .op = q->r.op,
		.flags = q->r.flags,
		.segments = q->r.segments,
		.segment_count = q->r.segment_count,
		.done = whole_done };
	w->sector = from / size;
	w->bytes = to - MIN(from, to);
	/* Nothing is left of it: done() comes by way of what does no harm. */
	if (w->op == BLOCK_DISCARD && w->bytes == 0)
		w->op = BLOCK_FLUSH;
}

static void begin(struct sector_request *q)
{
	struct block_device *d = q->disk->device;
	struct part *parts[3];
	u32 n;

	if (!q->partial) {
		q->parts = 1;
		whole_prepare(q);
		block_submit(d, &q->whole);
		return;
	}
	n = cut(q, parts);
	q->parts = n;
	for (u32 i = 0; i < n; i++)
		block_submit(d, &parts[i]->r);
}

/* The first of those that wait which may begin, admitted; or NULL. */
static struct sector_request *next(struct sector_disk *s)
{
	u64 flags = lock_irq(&s->lock);
	struct sector_request *q = NULL;

	list_for_each(n, &s->waiting)
	{
		q = list_entry(n, struct sector_request, link);
		if (may_begin(s, q))
			break;
		q = NULL;
	}
	if (q != NULL)
		admit(s, q);
	unlock_irq(&s->lock, flags);
	return q;
}

static void run(struct sector_disk *s)
{
	struct sector_request *q;

	/* Mostly nobody waits; who comes later looks for himself. */
	if (list_empty(&s->waiting))
		return;
	while ((q = next(s)) != NULL)
		begin(q);
}

/* What block_submit() would refuse, where we look at it ourselves. */
static bool check(const struct sector_disk *s, const struct block_request *r)
{
	u64 sum = 0, sectors = sector_count(s);

	if (r->bytes == 0 || r->bytes % SECTOR_512 != 0 || r->sector > sectors ||
		r->bytes / SECTOR_512 > sectors - r->sector)
		return false;
	if (r->op == BLOCK_DISCARD)
		return true;
	if (r->segment_count > BLOCK_SEGMENTS_MAX || r->bytes > BLOCK_REQUEST_MAX)
		return false;
	for (u32 i = 0; i < r->segment_count; i++) {
		if (r->segments[i].len == 0)
			return false;
		sum += r->segments[i].len;
	}
	return sum == r->bytes;
}

static bool is_partial(const struct sector_disk *s, const struct sector_request *q)
{
	u64 begin = q->r.sector * SECTOR_512;

	if (q->r.op != BLOCK_READ && q->r.op != BLOCK_WRITE)
		return false;
	return ((begin | (begin + q->r.bytes)) & (medium_size(s) - 1)) != 0;
}

static void describe(struct sector_disk *s, struct sector_request *q)
{
	u32 size = medium_size(s);

	q->disk = s;
	q->error = 0;
	q->slot = NULL;
	q->partial = is_partial(s, q);
	q->first = q->r.sector * SECTOR_512 / size;
	q->last = (q->r.sector * SECTOR_512 + q->r.bytes - 1) / size;
	list_init(&q->link);
}

/* It hears of its error as of any: by the device, which is asked for nothing at all. */
static void refuse(struct sector_disk *s, struct sector_request *q)
{
	q->disk = s;
	q->error = 0;
	q->slot = NULL;
	q->partial = false;
	q->parts = 1;
	list_init(&q->link);
	q->whole = (struct block_request){ .op = BLOCK_READ, .done = whole_done };
	block_submit(s->device, &q->whole);
}

/* In line, and out of it at once if nothing speaks against it. */
static bool enter(struct sector_disk *s, struct sector_request *q)
{
	u64 flags = lock_irq(&s->lock);
	bool now;

	s->partial += q->partial && is_write(q);
	list_push_back(&s->waiting, &q->link);
	now = may_begin(s, q);
	if (now)
		admit(s, q);
	unlock_irq(&s->lock, flags);
	return now;
}

void sector_submit(struct sector_disk *s, struct sector_request *q)
{
	if (medium_size(s) == SECTOR_512) {
		block_submit(s->device, &q->r);
		return;
	}
	if (q->r.op != BLOCK_FLUSH && !check(s, &q->r)) {
		refuse(s, q);
		return;
	}
	describe(s, q);
	if (q->partial && pin(q) != 0) {
		refuse(s, q);
		return;
	}
	if (enter(s, q))
		begin(q);
}

/* SPDX-License-Identifier: MIT */
/*
 * A partial request has up to three parts: the first sector and the last, which go by
 * way of memory of their slot, and what lies between, which goes as it is.
 */
#include "rootpart/block/sector_part.h"

#include "base/errno.h"
#include "lib/string.h"
#include "rootpart/block/block_cut.h"
#include "rootpart/page_alloc.h"

/* Byte @offset of the request's data in its list. */
static struct block_cursor find(const struct sector_request *q, u64 offset)
{
	struct block_cursor at = { 0, 0 };

	block_cursor_move(q->r.segments, &at, offset + (q->r.flags & BLOCK_PART ? q->r.skip : 0));
	return at;
}

/* Between the edge's memory and the request's. */
static void copy(const struct sector_part *p, bool to_edge)
{
	const struct block_segment *segments = p->owner->r.segments;
	struct block_cursor at = find(p->owner, p->offset);

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
	struct sector_part *p = container_of(r, struct sector_part, r);
	struct sector_request *q = p->owner;

	if (r->error == 0 && r->op == BLOCK_READ && q->r.op == BLOCK_WRITE) {
		copy(p, true);
		r->op = BLOCK_WRITE;
		r->flags = q->r.flags & ~(u32)BLOCK_PART;
		block_submit(q->disk->device, r);
		return;
	}
	if (r->error == 0 && q->r.op == BLOCK_READ)
		copy(p, false);
	sector_part_ended(q, r->error);
}

static void middle_done(struct block_request *r)
{
	sector_part_ended(container_of(r, struct sector_part, r)->owner, r->error);
}

/* @len bytes of the request from @offset on are a part of medium sector @sector. */
static void edge_prepare(struct sector_request *q, struct sector_part *p, u64 sector, u64 offset)
{
	u32 size = sector_medium(q->disk);
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
	struct sector_part *p = &q->slot->middle;
	struct block_cursor at = find(q, offset);
	u32 count = 0;

	p->owner = q;
	p->r = (struct block_request){ .op = q->r.op,
		.flags = q->r.flags & ~(u32)BLOCK_PART,
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
static u32 cut(struct sector_request *q, struct sector_part *parts[3])
{
	u32 size = sector_medium(q->disk), n = 0;
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
	sector_part_ended(container_of(r, struct sector_request, whole), r->error);
}

/* Sectors and bytes as the medium has them; a discard becomes smaller. */
static void whole_prepare(struct sector_request *q)
{
	u32 size = sector_medium(q->disk);
	struct block_request *w = &q->whole;
	u64 from = ALIGN_UP(q->r.sector * SECTOR_512, size);
	u64 to = ALIGN_DOWN(q->r.sector * SECTOR_512 + q->r.bytes, size);

	*w = (struct block_request){ .op = q->r.op,
		.flags = q->r.flags,
		.segments = q->r.segments,
		.segment_count = q->r.segment_count,
		.skip = q->r.skip,
		.done = whole_done };
	w->sector = from / size;
	w->bytes = to - MIN(from, to);
}

void sector_begin(struct sector_request *q)
{
	struct block_device *d = q->disk->device;
	struct sector_part *parts[3];
	u32 n;

	if (!q->partial) {
		q->parts = 1;
		whole_prepare(q);
		/* Nothing may be left of a discard. */
		if (q->whole.op == BLOCK_DISCARD && q->whole.bytes == 0)
			block_end(d, &q->whole, 0);
		else
			block_submit(d, &q->whole);
		return;
	}
	n = cut(q, parts);
	q->parts = n;
	for (u32 i = 0; i < n; i++)
		block_submit(d, &parts[i]->r);
}

void sector_refuse(struct sector_disk *s, struct sector_request *q)
{
	q->disk = s;
	q->error = 0;
	q->slot = NULL;
	q->partial = false;
	q->parts = 1;
	list_init(&q->link);
	q->whole = (struct block_request){ .op = BLOCK_READ, .done = whole_done };
	block_end(s->device, &q->whole, -EINVAL);
}

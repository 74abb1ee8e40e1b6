/* SPDX-License-Identifier: MIT */
/*
 * Cutting by a device's limits. A list of the device's grows run by run; a run that
 * does not fit ends the piece, and what is no whole sector is given back.
 */
#include "rootpart/block/block_cut.h"

static bool power_of_two(u64 n)
{
	return n != 0 && (n & (n - 1)) == 0;
}

static bool sizes_check(const struct block_limits *l)
{
	return power_of_two(l->sector_size) && l->sector_size >= 512 &&
	       l->sector_size <= PAGE_SIZE && l->sectors <= ~0ull / l->sector_size &&
	       l->max_bytes >= l->sector_size && l->max_bytes % l->sector_size == 0 &&
	       l->max_discard % l->sector_size == 0;
}

/* A segment of its own holds a sector, and a full one ends where another may begin. */
static bool segments_check(const struct block_limits *l)
{
	u32 unit = l->page_list ? (u32)PAGE_SIZE : l->sector_size;

	if (l->max_segments == 0 || (l->max_segment != 0 && l->max_segment % unit != 0))
		return false;
	return l->boundary == 0 || (power_of_two(l->boundary) && l->boundary >= PAGE_SIZE);
}

bool block_limits_check(const struct block_limits *l)
{
	return sizes_check(l) && segments_check(l) && power_of_two(l->align) &&
	       l->align <= l->sector_size && (l->address_mask & (l->address_mask + 1)) == 0 &&
	       l->address_mask >= 0xffffffff;
}

void block_cursor_move(const struct block_segment *segments, struct block_cursor *at, u64 bytes)
{
	bytes += at->offset;
	while (bytes > 0 && bytes >= segments[at->segment].len)
		bytes -= segments[at->segment++].len;
	at->offset = (u32)bytes;
}

/* How many of @len bytes at @a the device reaches. */
static u64 reachable(const struct block_limits *l, u64 a, u64 len)
{
	if ((a & (l->align - 1)) != 0 || a > l->address_mask)
		return 0;
	/* One less on both sides: the mask may be all ones. */
	if (len - 1 > l->address_mask - a)
		len = l->address_mask - a + 1;
	return ALIGN_DOWN(len, l->align);
}

/* How long a segment that begins at @a may be. */
static u64 segment_room(const struct block_limits *l, u64 a)
{
	u64 room = BLOCK_REQUEST_MAX;

	if (l->max_segment != 0)
		room = l->max_segment - (l->page_list ? a & PAGE_MASK : 0);
	if (l->boundary != 0)
		room = MIN(room, l->boundary - (a & (l->boundary - 1)));
	return room;
}

static u64 last_end(const struct block_cut *cut)
{
	const struct block_segment *last = &cut->out[cut->count - 1];

	return last->gpa.a + last->len;
}

/* Lengthens the last segment, if the run goes on where it ends. */
static u64 grow_last(const struct block_limits *l, struct block_cut *cut, u64 a, u64 len)
{
	struct block_segment *last;
	u64 room;

	if (cut->count == 0 || last_end(cut) != a)
		return 0;
	last = &cut->out[cut->count - 1];
	room = segment_room(l, last->gpa.a);
	len = MIN(len, room - MIN(room, last->len));
	last->len += (u32)len;
	return len;
}

static u64 append(const struct block_limits *l, struct block_cut *cut, u64 a, u64 len)
{
	if (cut->count == l->max_segments)
		return 0;
	if (l->page_list && cut->count > 0 && ((last_end(cut) | a) & PAGE_MASK) != 0)
		return 0;
	len = MIN(len, segment_room(l, a));
	cut->out[cut->count++] = (struct block_segment){ GPA(a), (u32)len };
	return len;
}

/* Returns how much of the run found room. */
static u64 add_run(const struct block_limits *l, struct block_cut *cut, u64 a, u64 len)
{
	u64 added = 0;

	while (added < len) {
		u64 n = grow_last(l, cut, a + added, len - added);

		if (n == 0)
			n = append(l, cut, a + added, len - added);
		if (n == 0)
			break;
		added += n;
	}
	return added;
}

/* Gives back what is no whole sector; returns what stays of @bytes. */
static u64 trim(const struct block_limits *l, struct block_cut *cut, u64 bytes)
{
	u64 extra = bytes & (l->sector_size - 1);

	bytes -= extra;
	while (extra > 0) {
		struct block_segment *last = &cut->out[cut->count - 1];
		u32 n = (u32)MIN(extra, last->len);

		last->len -= n;
		extra -= n;
		if (last->len == 0)
			cut->count--;
	}
	return bytes;
}

/* @bytes from @at on are one stretch that the device reaches. */
static bool one_stretch(const struct block_limits *l, const struct block_segment *segments,
	struct block_cursor at, u64 bytes)
{
	const struct block_segment *s = &segments[at.segment];

	return s->len - at.offset >= bytes &&
	       reachable(l, s->gpa.a + at.offset, s->len - at.offset) >= bytes;
}

/* The most frequent case, quickly: all of it fits into one segment. */
static bool one_segment(const struct block_limits *l, const struct block_segment *segments,
	struct block_cursor at, u64 bytes, struct block_cut *cut)
{
	gpa_t gpa = GPA(segments[at.segment].gpa.a + at.offset);

	if (!one_stretch(l, segments, at, bytes) || bytes > segment_room(l, gpa.a))
		return false;
	cut->out[0] = (struct block_segment){ gpa, (u32)bytes };
	cut->count = 1;
	return true;
}

u64 block_cut_direct(const struct block_limits *l, const struct block_segment *segments,
	struct block_cursor at, u64 left, struct block_cut *cut)
{
	u64 bytes = 0;

	left = MIN(left, l->max_bytes);
	if (one_segment(l, segments, at, left, cut))
		return left;
	cut->count = 0;
	while (bytes < left) {
		const struct block_segment *s = &segments[at.segment++];
		u64 a = s->gpa.a + at.offset;
		u64 len = MIN(s->len - at.offset, left - bytes);
		u64 added = add_run(l, cut, a, reachable(l, a, len));

		bytes += added;
		if (added < len)
			break;
		at.offset = 0;
	}
	return trim(l, cut, bytes);
}

u64 block_cut_bounce(const struct block_limits *l, const struct block_segment *segments,
	struct block_cursor at, u64 left, gpa_t block, struct block_cut *cut)
{
	u64 max = MIN(MIN(left, l->max_bytes), BLOCK_BOUNCE_SIZE), bytes = 0;

	do {
		bytes += l->sector_size;
		block_cursor_move(segments, &at, l->sector_size);
	} while (bytes < max && !one_stretch(l, segments, at, MIN(left - bytes, PAGE_SIZE)));
	cut->count = 0;
	return trim(l, cut, add_run(l, cut, block.a, bytes));
}

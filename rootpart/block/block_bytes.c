/* SPDX-License-Identifier: MIT */
/*
 * See block_bytes.h: a few windows on the device, the one that was used longest ago is
 * moved. A window begins at a multiple of its size, which all sector sizes divide, but for a
 * sector of a stretch in which others cannot be read, as at the end of many discs. Data
 * goes by way of them, too: a caller's memory may be its stack, which no device reaches.
 */
#include "rootpart/block/block_bytes.h"

#include "base/errno.h"
#include "lib/string.h"
#include "rootpart/block/block.h"
#include "rootpart/heap.h"

#define WINDOWS     4u
#define WINDOW_SIZE (64 * KIB)

struct window {
	u64 at;
	u64 len;  /* 0: holds nothing */
	u64 used; /* when: the count of uses */
	u8 *data;
};

struct block_bytes {
	struct block_device *d;
	u64 uses;
	struct window windows[WINDOWS];
};

struct block_bytes *block_bytes_create(struct block_device *d)
{
	struct block_bytes *b = kzalloc(sizeof(*b));

	if (b == NULL)
		return NULL;
	b->d = d;
	for (u32 i = 0; i < WINDOWS; i++) {
		b->windows[i].data = kmalloc(WINDOW_SIZE);
		if (b->windows[i].data == NULL) {
			block_bytes_free(b);
			return NULL;
		}
	}
	return b;
}

void block_bytes_free(struct block_bytes *b)
{
	if (b == NULL)
		return;
	for (u32 i = 0; i < WINDOWS; i++)
		kfree(b->windows[i].data);
	kfree(b);
}

u64 block_bytes_size(const struct block_bytes *b)
{
	/* Of a removable medium they may change at any time. */
	return READ_ONCE(b->d->limits.sectors) * b->d->limits.sector_size;
}

bool block_bytes_within(const struct block_bytes *b, u64 offset, u64 len)
{
	u64 size = block_bytes_size(b);

	return offset <= size && len <= size - offset;
}

/* @len bytes at @at, whole sectors; what the device does not have of them is left out. */
static int fill(struct block_bytes *b, struct window *w, u64 at, u64 len)
{
	u64 size = block_bytes_size(b), sector = b->d->limits.sector_size;
	int r;

	w->len = 0;
	if (at >= size)
		return -EIO;
	len = MIN(len, size - at);
	r = block_read(b->d, at / sector, w->data, len);
	if (r != 0)
		return r;
	w->at = at;
	w->len = len;
	return 0;
}

/* The window that has @offset. If not all of it can be read, it holds the one sector. */
static int window_at(struct block_bytes *b, u64 offset, struct window **out)
{
	struct window *oldest = &b->windows[0];
	int r;

	for (u32 i = 0; i < WINDOWS; i++) {
		struct window *w = &b->windows[i];

		if (offset >= w->at && offset - w->at < w->len) {
			w->used = ++b->uses;
			*out = w;
			return 0;
		}
		if (w->used < oldest->used)
			oldest = w;
	}
	r = fill(b, oldest, offset - offset % WINDOW_SIZE, WINDOW_SIZE);
	if (r == -EIO)
		r = fill(b, oldest, ALIGN_DOWN(offset, b->d->limits.sector_size),
			b->d->limits.sector_size);
	oldest->used = r == 0 ? ++b->uses : 0;
	*out = oldest;
	return r;
}

int block_bytes_read(struct block_bytes *b, u64 offset, void *to, u64 len)
{
	u8 *next = to;

	if (!block_bytes_within(b, offset, len))
		return -EIO;
	while (len > 0) {
		struct window *w;
		u64 skip, n;
		int r = window_at(b, offset, &w);

		if (r != 0)
			return r;
		skip = offset - w->at;
		if (skip >= w->len)
			return -EIO;
		n = MIN(len, w->len - skip);
		memcpy(next, w->data + skip, n);
		next += n;
		offset += n;
		len -= n;
	}
	return 0;
}

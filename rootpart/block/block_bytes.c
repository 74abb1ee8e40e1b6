/* SPDX-License-Identifier: MIT */
/*
 * See block_bytes.h: a few windows on the device, the one that was used longest ago is
 * moved. A window begins at a multiple of its size, which all sector sizes divide. Data
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

static int fill(struct block_bytes *b, struct window *w, u64 at)
{
	u64 size = block_bytes_size(b), sector = b->d->limits.sector_size;
	int r;

	w->len = 0;
	if (at >= size)
		return -EIO;
	r = block_read(b->d, at / sector, w->data, MIN(WINDOW_SIZE, size - at));
	if (r != 0)
		return r;
	w->at = at;
	w->len = MIN(WINDOW_SIZE, size - at);
	return 0;
}

static int window_at(struct block_bytes *b, u64 at, struct window **out)
{
	struct window *oldest = &b->windows[0];
	int r;

	for (u32 i = 0; i < WINDOWS; i++) {
		struct window *w = &b->windows[i];

		if (w->len > 0 && w->at == at) {
			w->used = ++b->uses;
			*out = w;
			return 0;
		}
		if (w->used < oldest->used)
			oldest = w;
	}
	r = fill(b, oldest, at);
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
		u64 skip = offset % WINDOW_SIZE, n = MIN(len, WINDOW_SIZE - skip);
		struct window *w;
		int r = window_at(b, offset - skip, &w);

		if (r != 0)
			return r;
		if (skip + n > w->len)
			return -EIO;
		memcpy(next, w->data + skip, n);
		next += n;
		offset += n;
		len -= n;
	}
	return 0;
}

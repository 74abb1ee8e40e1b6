/* SPDX-License-Identifier: MIT */
/*
 * Reader of log rings. A line is copied first, then the head is looked at
 * once more: if it was overtaken meanwhile, the copy is thrown away.
 */
#include "rootpart/log_reader.h"

#include "x86/atomic.h"

/* What the writer may be changing while it appends a line. */
#define MARGIN LOG_LINE

static u64 head_of(const struct log_ring *ring)
{
	/* Pairs with the writer's release after the text. */
	return load_acquire(&ring->head);
}

static char text_at(const struct log_ring *ring, u64 position)
{
	return READ_ONCE(ring->text[position & (ring->size - 1)]);
}

static bool overtaken(const struct log_ring *ring, u64 position)
{
	return head_of(ring) - position > ring->size - MARGIN;
}

u64 log_reader_start(const struct log_ring *ring)
{
	u64 head = head_of(ring);
	u64 at;

	if (head <= ring->size - MARGIN)
		return 0;
	for (at = head - (ring->size - MARGIN); at < head; at++) {
		if (text_at(ring, at) == '\n')
			return at + 1;
	}
	return head;
}

bool log_reader_next(const struct log_ring *ring, u64 *position, char *line, size_t size)
{
	u64 at = *position;
	u64 head;
	size_t len;

	do {
		if (overtaken(ring, at))
			at = log_reader_start(ring);
		*position = at;
		head = head_of(ring);
		len = 0;
		for (; at < head && text_at(ring, at) != '\n'; at++) {
			if (len + 1 < size)
				line[len++] = text_at(ring, at);
		}
		/* The text was read before the head is read again. */
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
	} while (overtaken(ring, *position));
	line[len] = '\0';
	if (at == head && len == 0)
		return false;
	*position = at + (at < head);
	return true;
}

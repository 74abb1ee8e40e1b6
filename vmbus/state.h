/* SPDX-License-Identifier: MIT */
/*
 * Bytes of a saved state: packed little-endian structs one after the other, written by who counts what would
 * not fit, read by who is never led beyond their end. For server_state.h and for providers'.
 */
#pragma once

#include "base/errno.h"
#include "base/types.h"
#include "lib/string.h"

/* Begins as { .to = …, .room = … }; both 0 to learn how much there is. */
struct vmbus_state_writer {
	u8 *to;
	u64 room;
	u64 size; /* of all that was put; more than @room: it is cut short */
};

struct vmbus_state_reader {
	const u8 *from; /* what was not read yet */
	u64 left;
};

static inline void vmbus_state_put(struct vmbus_state_writer *w, const void *p, u64 size)
{
	if (w->size <= w->room && size <= w->room - w->size && size > 0)
		memcpy(w->to + w->size, p, size);
	w->size += size;
}

/* The next @size bytes where they stand, unaligned; NULL: there are not so many. */
[[nodiscard]] static inline const void *vmbus_state_take(struct vmbus_state_reader *r, u64 size)
{
	const u8 *p = r->from;

	if (size > r->left)
		return NULL;
	r->from += size;
	r->left -= size;
	return p;
}

/* Copies them; -EINVAL: there are not so many. */
[[nodiscard]] static inline int vmbus_state_get(struct vmbus_state_reader *r, void *p, u64 size)
{
	const void *from = vmbus_state_take(r, size);

	if (from == NULL)
		return -EINVAL;
	memcpy(p, from, size);
	return 0;
}

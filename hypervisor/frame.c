/* SPDX-License-Identifier: MIT */
/*
 * The frame table. Entries are changed at boot and by hypercalls that move
 * pages between owners; a reader on any processor sees one aligned 8-byte
 * entry, never half of one.
 */
#include "hypervisor/frame.h"

static struct frame *frames;
static u64 frame_count;

void frame_table_init(struct frame *table, u64 count)
{
	frames = table;
	frame_count = count;
}

struct frame *frame_get(spa_t spa)
{
	u64 n = spa.a >> PAGE_SHIFT;

	if (n >= frame_count || frames[n].type == FRAME_NONE)
		return NULL;
	return &frames[n];
}

void frame_mark(spa_t start, u64 size, enum frame_type type, u16 owner)
{
	u64 first = start.a >> PAGE_SHIFT;
	u64 last = MIN((start.a + size) >> PAGE_SHIFT, frame_count);
	struct frame mark = { .owner = owner, .type = (u8)type };

	for (u64 n = first; n < last; n++)
		frames[n] = mark;
}

bool frame_is_owned(spa_t spa, u16 owner)
{
	const struct frame *f = frame_get(spa);

	return f && f->owner == owner && f->type == FRAME_ROOT;
}

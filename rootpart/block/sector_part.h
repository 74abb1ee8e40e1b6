/* SPDX-License-Identifier: MIT */
/*
 * Shared by the two files of sector.h: sector.c has the line and who may begin,
 * sector_part.c what a request is cut into.
 */
#pragma once

#include "rootpart/block/sector.h"

struct sector_part {
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
	struct sector_part head;
	struct sector_part tail;
	struct sector_part middle;
	struct block_segment segments[BLOCK_SEGMENTS_MAX]; /* of the middle */
};

static inline bool sector_is_write(const struct sector_request *q)
{
	return q->r.op == BLOCK_WRITE || q->r.op == BLOCK_DISCARD;
}

static inline u32 sector_medium(const struct sector_disk *s)
{
	return s->device->limits.sector_size;
}

/* Starts a request that may begin. */
void sector_begin(struct sector_request *q);
/* It ends with -EINVAL. */
void sector_refuse(struct sector_disk *s, struct sector_request *q);
/* One part of @q less. */
void sector_part_ended(struct sector_request *q, int error);

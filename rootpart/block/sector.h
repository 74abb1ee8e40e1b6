/* SPDX-License-Identifier: MIT */
/*
 * A device with sectors of 512 bytes on one with larger ones. What fills a sector of the
 * medium in part is written by reading it, changing it and writing it, and no other write
 * touches that sector meanwhile. All else goes straight to the device.
 *
 * Context as of block.h. done() is called in work, of any VP; nothing waits.
 */
#pragma once

#include "rootpart/block/block.h"

#define SECTOR_512   512u
#define SECTOR_SLOTS 8u /* requests with parts of sectors under way; others wait */

struct sector_slot;

struct sector_disk {
	struct block_device *device; /* constant */
	struct spinlock lock;        /* of all below */
	struct list_node writes;     /* under way, discards too */
	struct list_node waiting;    /* in the order in which they came */
	struct list_node slots;      /* free ones */
	u32 partial;                 /* writes with parts of sectors, under way and waiting */
	struct sector_slot *memory;
};

struct sector_request {
	/* By the caller, as for block_submit(), but for @sector: in units of 512 bytes. */
	struct block_request r;

	/* The layer's; the disk's lock. */
	struct sector_disk *disk;
	struct list_node link;
	u64 first, last; /* sectors of the medium */
	bool partial;    /* it fills one of them in part */
	u32 parts;       /* of it under way */
	int error;       /* the first */
	struct sector_slot *slot;
	struct block_request whole; /* one that is not partial */
};

/* -ENOMEM. Tasks. */
[[nodiscard]] int sector_init(struct sector_disk *s, struct block_device *d);
/* Nothing is under way. */
void sector_free(struct sector_disk *s);

/* How many sectors of 512 bytes it has. */
u64 sector_count(const struct sector_disk *s);
/* As block_submit(). A discard leaves sectors alone that it covers in part. Not to be canceled. */
void sector_submit(struct sector_disk *s, struct sector_request *q);

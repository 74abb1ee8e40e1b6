/* SPDX-License-Identifier: MIT */
/*
 * The frame table: eight bytes for every 4 KiB frame of RAM, saying whose it
 * is and what for. It answers in constant time whether a page may be mapped,
 * deposited, or used as a hypercall parameter.
 */
#pragma once

#include "base/addr.h"
#include "base/types.h"

enum frame_type {
	FRAME_NONE = 0,  /* no RAM here, or the firmware's */
	FRAME_ROOT,      /* the root partition's */
	FRAME_IMAGE,     /* hypervisor: image, frame table, page tables */
	FRAME_POOL_FREE, /* hypervisor: free in the pool */
	FRAME_POOL_USED, /* hypervisor: allocated from the pool */
	FRAME_SHARED,    /* hypervisor's, the root may read it */
	FRAME_DEPOSIT,   /* hypervisor's, deposited for partition @owner */
};

/* Of a FRAME_ROOT frame: an overlay of the root's lies over it. */
#define FRAME_OVERLAID BIT(0)

struct frame {
	u16 owner;  /* partition id, 0: the hypervisor */
	u8 type;    /* enum frame_type */
	u8 flags;   /* FRAME_OVERLAID */
	u16 mapper; /* FRAME_ROOT: the child that maps it, 0: none */
	u16 reserved;
};

static_assert(sizeof(struct frame) == 8);

/* NULL for addresses that are no RAM that the table covers. */
struct frame *frame_get(spa_t spa);
/* Marks whole pages of [start, start + size). */
void frame_mark(spa_t start, u64 size, enum frame_type type, u16 owner);
/* True if every byte of the page may be read and written for partition @owner. */
bool frame_is_owned(spa_t spa, u16 owner);

/* Called once at boot: the table itself, covering frames below @frames. */
void frame_table_init(struct frame *table, u64 frames);

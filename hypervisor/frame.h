/* SPDX-License-Identifier: MIT */
/*
 * The frame table: eight bytes for every 4 KiB frame of RAM, saying whose it
 * is and what for. It answers in constant time whether a page may be mapped,
 * deposited, or used as a hypercall parameter.
 */
#pragma once

#include "base/addr.h"
#include "base/types.h"
#include "hv/status.h"

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
/* On a struct frame_list, on its way from one use to another: nobody may claim it. */
#define FRAME_MOVING BIT(1)

/* Changed as a whole, by compare-and-exchange, once processors run guests. */
struct frame {
	union {
		struct {
			u16 owner; /* partition id, 0: the hypervisor */
			u8 type;   /* enum frame_type */
			u8 flags;  /* FRAME_OVERLAID, FRAME_MOVING */
			union {
				u16 mapper; /* FRAME_ROOT: the child that maps it, 0: none */
				u32 next;   /* FRAME_MOVING: the list's next, as in first */
			};
		};
		u64 word;
	};
};

static_assert(sizeof(struct frame) == 8);

/* Frames linked through the frame table, so that their pages are not touched. */
struct frame_list {
	u32 first; /* number of the frame + 1, 0: none */
};

/* NULL for addresses that are no RAM that the table covers. */
struct frame *frame_get(spa_t spa);
/* Marks whole pages of [start, start + size). */
void frame_mark(spa_t start, u64 size, enum frame_type type, u16 owner);
/* True if every byte of the page may be read and written for partition @owner. */
bool frame_is_owned(spa_t spa, u16 owner);

/*
 * Claims of a page of the root's, on any processor; the first wins. For all:
 * INVALID_PARAMETER: it is not RAM of the root's; OBJECT_IN_USE: a child maps
 * it, an overlay lies over it, or it is on its way. Nothing has changed then.
 */
/* To be deposited for partition @owner: the root's no more. */
enum hv_status frame_claim_deposit(spa_t spa, u16 owner);
/* To be mapped by the child @mapper, and by nobody else. */
enum hv_status frame_claim_map(spa_t spa, u16 mapper);
/* They end: it is the root's again, for whatever use. */
void frame_release_deposit(spa_t spa);
void frame_release_map(spa_t spa);

/* An overlay of partition @owner's own: false if the page is not, or has one. */
[[nodiscard]] bool frame_overlay_begin(spa_t spa, u16 owner);
void frame_overlay_end(spa_t spa);

/*
 * A frame that somebody may still reach is kept on a list until all have
 * forgotten it. Lists are their owner's; pushing forgets who mapped the page.
 */
void frame_list_push(struct frame_list *list, spa_t spa);
[[nodiscard]] bool frame_list_pop(struct frame_list *list, spa_t *spa);

/* Called once at boot: the table itself, covering frames below @frames. */
void frame_table_init(struct frame *table, u64 frames);

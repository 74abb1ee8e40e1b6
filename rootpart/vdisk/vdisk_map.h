/* SPDX-License-Identifier: MIT */
/*
 * What is known of where a file's bytes lie, so that a request finds its place without the file
 * system. The file is cut into windows; each is known whole or not at all, and the one that
 * has been known longest is forgotten when there are too many extents.
 *
 * Any VP finds; one task, the owner's, changes. Lock inside.
 */
#pragma once

#include "lib/list.h"
#include "rootpart/vfs.h"
#include "x86/spinlock.h"

#define VDISK_WINDOW      (4 * MIB)   /* bytes */
#define VDISK_EXTENT_MIN  1024u       /* no shorter ones, but at the file's end */
#define VDISK_EXTENTS_MAX (256 * KIB) /* of all windows, about */
#define VDISK_BUCKETS     256u

/* An extent in a window. It ends where the next one begins. */
struct vdisk_run {
	u64 place;
	u32 offset; /* in the window */
	u32 state;  /* enum vfs_extent_state */
};

#define VDISK_RUNS_MAX (VDISK_WINDOW / VDISK_EXTENT_MIN)

struct vdisk_map {
	u64 size; /* of the file; constant */
	struct vdisk_run
		*scratch; /* the owner's: VDISK_RUNS_MAX, of the window that is being made */
	u32 scratch_count;

	struct spinlock lock; /* of what follows; changed by the owner only */
	struct list_node buckets[VDISK_BUCKETS];
	struct list_node order; /* windows, the oldest first */
	u32 extents;
};

/* -ENOMEM. */
[[nodiscard]] int vdisk_map_init(struct vdisk_map *m, u64 size);
void vdisk_map_free(struct vdisk_map *m);

/* The extent that @offset lies in, from there on, as far as its window goes. False: not known. */
bool vdisk_map_find(struct vdisk_map *m, u64 offset, struct vfs_extent *e);

/*
 * The owner's. A window, which @offset lies in, becomes known: all of its extents in their order,
 * from its beginning, what of them lies beyond it left out; then its end: -ENOMEM, -EINVAL: gaps.
 */
void vdisk_map_begin(struct vdisk_map *m);
void vdisk_map_add(struct vdisk_map *m, u64 offset, const struct vfs_extent *e);
[[nodiscard]] int vdisk_map_end(struct vdisk_map *m, u64 offset);
/* Where a window begins and ends that @offset lies in. */
u64 vdisk_window_begin(u64 offset);
u64 vdisk_window_end(const struct vdisk_map *m, u64 offset);

/* The owner's. Nothing of the windows that [begin, end) touches is known any more. */
void vdisk_map_forget(struct vdisk_map *m, u64 begin, u64 end);
/* The owner's. @e is so now; what is not known of it stays so. Without memory, windows are forgotten. */
void vdisk_map_set(struct vdisk_map *m, const struct vfs_extent *e);

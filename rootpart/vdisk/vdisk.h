/* SPDX-License-Identifier: MIT */
/*
 * Virtual disks: what a VM has as a disk is an image file, a partition or a whole disk of the
 * root's. Requests are block.h's, asynchronous and on memory by GPA; data goes straight between
 * that memory and the device that the file lies on, past the file layer, with no copy and no cache.
 * Only a file of a file system without extents is copied (vdisk_copy.c).
 *
 * An image is overwritten in place without its file system hearing of it. What is written to a
 * hole gets its place first, and is the file's when it is on the device: nobody ever reads what lay
 * there before. A flush, and a write with BLOCK_FUA, commits the places too.
 */
#pragma once

#include "rootpart/block/sector.h"
#include "rootpart/path.h"

struct vdisk;
struct vdisk_file; /* vdisk_file.h's */
struct vdisk_ops;

struct vdisk_request {
	/*
	 * By the caller, as for block_submit(), but that @sector counts the vdisk's sectors. done() is
	 * called in work or in a task, of any VP, never inside vdisk_submit(). Its errors are
	 * block.h's, and -ENOSPC: no room for what a hole was to get; of a file system too. No BLOCK_PART.
	 */
	struct block_request r;

	/* The layer's, until done(). */
	struct vdisk *disk;
	struct sector_request part; /* on the device */
	struct list_node link;      /* the agent's queue, or of those that are blocked */
	struct list_node under_way; /* of those that are converting */
	u64 at;                     /* bytes that are over */
	u64 len;                    /* of the part */
	bool converting;            /* the part goes where nothing was written yet */
	bool sync;                  /* only that is left */
};

/* What to open, and how. */
struct vdisk_how {
	const char *path;   /* of a file; "/dev/disk0", "/dev/disk0p2" */
	const char *holder; /* who, as an error tells it: "VM web" */
	bool write;
	u32 sector_size; /* 512, 4096; 0: as the device has it, 512 for a file */
};

/* Constant while it is open. */
struct vdisk {
	char path[PATH_MAX];
	u32 sector_size;
	u64 sectors;
	bool read_only;
	bool write_cache;            /* else what was completed needs no flush */
	u64 max_discard;             /* bytes of one; 0: it discards nothing */
	struct block_device *device; /* that it is, or lies on; NULL: none */
	const struct vdisk_ops *ops;
	struct sector_disk medium; /* the device's, by sectors of 512 */
	struct vdisk_file *file;   /* NULL: it is a device */
};

/*
 * Opens it for the holder: a device is held (block_hold()), a file kept from others as VFS_MAP says.
 * Tasks. -EBUSY: *@other, if it is not "", says who has it; -EROFS: read-only; -EINVAL: no whole
 * sectors, or none; -EISDIR; -ENOENT and others of the file layer; -ENOMEM.
 */
[[nodiscard]] int vdisk_open(
	const struct vdisk_how *how, char other[BLOCK_HOLDER_SIZE], struct vdisk **out);
/* No request is under way. Tasks. */
void vdisk_close(struct vdisk *v);

/* Any VP, tasks and work. */
void vdisk_submit(struct vdisk *v, struct vdisk_request *q);
/* As block_plug(); of nothing, where there is no device. */
void vdisk_plug(struct vdisk *v);
void vdisk_unplug(struct vdisk *v);

/* How messages call it: "disk0", or the file's path. */
const char *vdisk_name(const struct vdisk *v);

/* For tasks: all that was completed before is on the medium. */
[[nodiscard]] int vdisk_flush(struct vdisk *v);

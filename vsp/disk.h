/* SPDX-License-Identifier: MIT */
/*
 * The back end of a disk as a provider sees it: handed in by whoever has the medium. Requests are
 * asynchronous, on our memory by address, which is the guest's own: nothing is copied.
 */
#pragma once

#include "base/addr.h"
#include "base/types.h"

#define VSP_DISK_BYTES_MAX    MIB  /* of a request */
#define VSP_DISK_SEGMENTS_MAX 257u /* pages that touch so many bytes */

enum vsp_disk_op { VSP_DISK_READ, VSP_DISK_WRITE, VSP_DISK_FLUSH, VSP_DISK_DISCARD };

struct vsp_segment {
	gpa_t gpa; /* in our memory */
	u32 len;   /* bytes, not 0 */
};

struct vsp_disk;

struct vsp_disk_request {
	/* By the provider. */
	enum vsp_disk_op op;
	bool fua;
	u64 sector; /* in the disk's sectors */
	u64 bytes;
	const struct vsp_segment *segments;
	u32 segment_count;
	/* Once, never inside submit(), in any place: 0 or a negative errno. */
	void (*done)(struct vsp_disk_request *r, int error);

	/* The back end's: disk->request_bytes, aligned to 16. */
	void *private;
};

struct vsp_disk_ops {
	void (*submit)(struct vsp_disk *d, struct vsp_disk_request *r);
	/* Between them what is submitted may wait, and is begun at once by the second. */
	void (*plug)(struct vsp_disk *d);
	void (*unplug)(struct vsp_disk *d);
};

/* Constant while it is in use. */
struct vsp_disk {
	const struct vsp_disk_ops *ops;
	u32 request_bytes;
	u32 sector_size; /* 512 or 4096 */
	u64 sectors;
	bool read_only;
	bool write_cache;
	u64 max_discard; /* bytes; 0: it discards nothing */
	u8 id[16];       /* of no other disk, for ever */
};

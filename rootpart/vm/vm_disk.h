/* SPDX-License-Identifier: MIT */
/*
 * A disk of a VM as its provider has it (vsp/disk.h), on a virtual disk of the root's (vdisk.h).
 */
#pragma once

#include "base/types.h"
#include "rootpart/vdisk/vdisk.h"
#include "vsp/disk.h"

/* In the memory that the provider keeps for each. */
struct vm_disk_request {
	struct vdisk_request q;
	struct vsp_disk_request *from;
};

struct vm_disk {
	struct vsp_disk disk;
	struct vdisk *vdisk;
};

/* Of each disk's requests. */
#define VM_DISK_REQUEST_BYTES ((u32)sizeof(struct vm_disk_request))

/* How to open it. */
struct vm_disk_how {
	const char *vm; /* its name */
	const char *path;
	bool read_only;
	u32 sector_size;
};

/*
 * Opens it: errors as vdisk_open(), with a sentence in @why of @why_size bytes. Its id is made from the VM's name
 * and the path: the same whenever it is opened. Tasks.
 */
[[nodiscard]] int vm_disk_open(
	const struct vm_disk_how *how, struct vm_disk **out, char *why, size_t why_size);
/* What the VM called @vm has by the name of @size bytes at @what: the same each time, of no other VM. */
void vm_disk_make_id(const char *vm, const void *what, size_t size, u8 id[16]);
/* No request is under way. Tasks. */
void vm_disk_close(struct vm_disk *d);

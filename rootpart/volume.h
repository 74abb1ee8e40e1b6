/* SPDX-License-Identifier: MIT */
/*
 * Volumes: disks and partitions with a file system, each held and mounted for good at the end
 * of boot. The first ext4 that is called VOLUME_STORE is where VMs are kept, at /vm; each
 * other one is at /vol/LABEL. What cannot be mounted is listed with its reason. Discs in drives are looked
 * at behind the prompt: the table changes until then, and any task of any VP may read it meanwhile.
 */
#pragma once

#include "rootpart/block/block.h"

#define VOLUME_STORE "VMSTORE"
#define VOLUME_LABEL 33u
#define VOLUME_WHY   96u
#define VOLUME_PATH  64u
#define VOLUMES_MAX  24u

struct volume_info {
	char device[BLOCK_NAME_SIZE];
	const char *type; /* "ext4", "iso9660", "fat"; "": it is not known yet */
	char label[VOLUME_LABEL];
	u64 size; /* bytes: the file system's, the device's if it is not mounted */
	u64 free;
	char path[VOLUME_PATH]; /* "": it is not mounted */
	bool read_only;
	char why[VOLUME_WHY]; /* it is read-only, or not mounted; "": no reason to tell */
	bool looking;         /* a drive, and what lies in it is being looked at */
	bool uncommitted;     /* what was changed last may not be on the medium yet */
};

/*
 * Looks at all block devices but those with removable media: partitions, and disks none of whose
 * partitions has a file system. A log line for each that has one. Once, at the end of boot; waits.
 */
void volumes_mount(void);
/*
 * Then, in the same task: the drives that had a medium at that time, to be read only, and never at
 * /vm. Waits as long as the drives do; the lines go to the log only.
 */
void volumes_mount_removable(void);
/* True if one is mounted at /vm. */
bool volume_is_store(void);
/* For the machine's end: all is on the media, which are marked clean; log lines tell what is not. Tasks. */
void volumes_stop(void);

/* The @i-th; false behind the last one. Tasks. */
bool volume_get(u32 i, struct volume_info *info);

/* SPDX-License-Identifier: MIT */
/*
 * An ext4 volume: mounted from a block device, used by way of the file layer
 * (ext4_vfs_ops). Ordered mode: data is on the device before the metadata that
 * names it is committed to the journal. All of it waits; tasks only.
 *
 * What is not understood or damaged is refused with one log line that says what;
 * what is found damaged later makes the volume read-only for ever.
 */
#pragma once

#include "base/types.h"
#include "rootpart/vfs.h"

struct block_device;
struct ext4;

struct ext4_info {
	char label[17];
	u8 uuid[16];
	u32 block_size;
	u64 blocks; /* all */
	u64 free_blocks;
	u64 inodes;
	u64 free_inodes;
	bool read_only;
	const char *why;  /* it is read-only; NULL: it is not */
	bool uncommitted; /* what was changed last may not be on the medium yet */
};

/* Reads nothing but the superblock. True if @d holds an ext file system; @label has 17 bytes. Tasks. */
[[nodiscard]] bool ext4_probe(struct block_device *d, char *label);

/*
 * Mounts @d, which the caller holds, and replays its journal, unless @read_only or the device is: then
 * one with a journal to be replayed is refused. -ENOTSUP: a feature that is not known; -EINVAL: no ext4
 * or damaged; -EIO; -ENOMEM; -EROFS: the journal is to be replayed and cannot be.
 */
[[nodiscard]] int ext4_mount(struct block_device *d, bool read_only, struct ext4 **out);
/*
 * Everything is on the medium, and marked clean; from now on it is read-only. For the machine's
 * end, whatever is open. Errors: something was lost.
 */
int ext4_stop(struct ext4 *fs);
/* The same, and it is gone. No file is open. */
int ext4_unmount(struct ext4 *fs);

void ext4_info_get(struct ext4 *fs, struct ext4_info *info);

/* All that was done before is on the medium afterwards. */
[[nodiscard]] int ext4_sync(struct ext4 *fs);
/*
 * @changed is called when something was changed and all before it is on the medium: once, until it
 * is committed; at once if it is so already. The volume's lock is held: it neither waits nor calls
 * anything of the volume. NULL: nobody.
 */
void ext4_on_change(struct ext4 *fs, void (*changed)(void *context), void *context);

extern const struct vfs_ops ext4_vfs_ops; /* fs: struct ext4 */

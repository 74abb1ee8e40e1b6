/* SPDX-License-Identifier: MIT */
/*
 * Stands in for ext4 while that is not there: no device has one.
 */
#include "base/errno.h"
#include "rootpart/ext4/ext4.h"

bool ext4_probe(struct block_device *d, char *label)
{
	(void)d;
	(void)label;
	return false;
}

int ext4_mount(struct block_device *d, bool read_only, struct ext4 **out)
{
	(void)d;
	(void)read_only;
	(void)out;
	return -ENOTSUP;
}

int ext4_unmount(struct ext4 *fs)
{
	(void)fs;
	return -ENOTSUP;
}

void ext4_info_get(struct ext4 *fs, struct ext4_info *info)
{
	(void)fs;
	*info = (struct ext4_info){ .read_only = true, .why = "ext4 is not there" };
}

int ext4_sync(struct ext4 *fs)
{
	(void)fs;
	return -ENOTSUP;
}

const struct vfs_ops ext4_vfs_ops = { 0 };

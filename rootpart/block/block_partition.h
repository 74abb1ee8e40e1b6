/* SPDX-License-Identifier: MIT */
/*
 * Partitions as devices: a stretch of a disk's sectors, on the disk's own queues.
 */
#pragma once

#include "rootpart/block/block.h"

/* Partition @number of @disk, "disk0p1". Tasks, one at a time. -ENOMEM. */
[[nodiscard]] int block_add_partition(
	struct block_device *disk, u32 number, u64 first, u64 sectors);

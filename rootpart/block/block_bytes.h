/* SPDX-License-Identifier: MIT */
/*
 * Reading a block device at any byte, for file systems that are only read: some stretches
 * of it are kept, as they were read. No lock: the owner's. Tasks.
 */
#pragma once

#include "base/types.h"

struct block_device;
struct block_bytes;

/* NULL: no memory. */
struct block_bytes *block_bytes_create(struct block_device *d);
void block_bytes_free(struct block_bytes *b);

/* Bytes of the device, now. */
u64 block_bytes_size(const struct block_bytes *b);
/* True if @len bytes at @offset lie on the device. */
bool block_bytes_within(const struct block_bytes *b, u64 offset, u64 len);
/* All of it: 0; -EIO also for what lies beyond the device. */
[[nodiscard]] int block_bytes_read(struct block_bytes *b, u64 offset, void *to, u64 len);

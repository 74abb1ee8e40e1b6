/* SPDX-License-Identifier: MIT */
/*
 * The contents of a file in memory: pages, got as they are written, and a
 * budget that they are charged to. No lock: the caller's. For memfs.c.
 */
#pragma once

#include "base/types.h"

struct memfs_budget {
	u64 limit;
	u64 used;
};

/* False, and nothing is charged, beyond the limit. */
[[nodiscard]] bool memfs_charge(struct memfs_budget *b, u64 bytes);

/* All zeros is an empty file. */
struct memfs_data {
	u64 size;     /* bytes; the pages hold zeros behind it */
	u64 room;     /* entries of pages */
	void **pages; /* NULL, or no entry: zeros */
};

/* Bytes read, fewer at the end. */
size_t memfs_data_read(const struct memfs_data *d, u64 offset, u8 *to, size_t len);
/* Writes all of it: 0; or nothing: -ENOSPC. What lies before @offset reads as zeros. */
[[nodiscard]] int memfs_data_write(
	struct memfs_data *d, struct memfs_budget *b, u64 offset, const u8 *from, size_t len);
/* Cuts it off, or lets it grow by zeros that take no room: 0, or -ENOSPC. */
[[nodiscard]] int memfs_data_resize(struct memfs_data *d, struct memfs_budget *b, u64 size);
/* Makes it empty, and gives all back. */
void memfs_data_free(struct memfs_data *d, struct memfs_budget *b);

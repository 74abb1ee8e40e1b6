/* SPDX-License-Identifier: MIT */
/*
 * Reader of cpio archives in "newc" format (magic 070701 or 070702), in
 * memory, without copies. The archive is hostile: every length is checked
 * against the archive before use.
 */
#pragma once

#include "base/types.h"

#define CPIO_MODE_TYPE 0170000u
#define CPIO_MODE_DIR  0040000u
#define CPIO_MODE_FILE 0100000u

struct cpio_entry {
	const char *name; /* terminated, inside the archive, "./" and leading '/' skipped */
	const u8 *data;   /* size bytes, inside the archive */
	u64 size;
	u32 mode;
	u32 mtime;
};

/*
 * Reads the entry at *offset and moves *offset behind it. Start with 0.
 * Returns 1 with *entry filled; 0 at TRAILER!!! or at the exact end of the
 * archive; -EINVAL if the archive is damaged at *offset.
 */
[[nodiscard]] int cpio_next(
	const void *archive, size_t len, size_t *offset, struct cpio_entry *entry);

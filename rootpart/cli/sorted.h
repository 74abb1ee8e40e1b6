/* SPDX-License-Identifier: MIT */
/*
 * A directory's entries in the order of their names, from the heap: file
 * systems give them in whatever order they keep them.
 */
#pragma once

#include "rootpart/vfs.h"

struct sorted_entry {
	struct sorted_entry *next;
	struct vfs_stat stat;
	char name[];
};

/* Reads and sorts all of @path. 0; -ENOMEM; -EINTR at Ctrl-C; the file layer's errors. */
[[nodiscard]] int sorted_read(const char *path, struct sorted_entry **first);
void sorted_free(struct sorted_entry *first);

/* SPDX-License-Identifier: MIT */
/*
 * For tests of directories: a volume with one of many names, and which of them are there.
 */
#pragma once

#include "tests/unit/ext4_dir_machine.h"

#define NAMES_MAX 50000u

/* Names of one file in "/d": its links are counted. */
struct world {
	struct volume v;
	const struct kind *kind;
	u32 file;
	u32 there; /* of names */
	u32 shortest, longest;
	u32 count; /* of all names that may be there */
	bool in[NAMES_MAX];
};

extern struct world w;
/* Allocations that one adding may do. */
extern u64 world_memory;

/* A new volume of @megabytes, with none of @names names there, of 6 to @longest bytes. */
void world_make(const struct kind *k, u32 megabytes, u32 names, u32 longest);
/* Name number @i, EXT4_NAME_MAX + 1 bytes; returns its length. */
size_t world_name(u32 i, char *name);
/* Each an operation; what the directory's call says. */
int world_add(u32 i);
int world_take(u32 i);
int world_find(u32 i);
/* In an operation: so many more names than the file's inode knows. */
void world_links(s32 more);
/* Adds or takes so many that are not @there yet, in some order. */
void world_change(bool there, u32 how_many);
/* Each name is found if it is there. */
void world_is_found(void);
/* Our own listing: every one that is in @must, and none twice. */
void world_is_listed(const bool *must);
/* All of that, and what debugfs and e2fsck say. */
void world_compare(void);
/* Of the index, 0: there is none; and how many entries its root has. */
u32 world_levels(u32 *root_count);

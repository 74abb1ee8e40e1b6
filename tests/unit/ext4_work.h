/* SPDX-License-Identifier: MIT */
/*
 * Random work on a mounted ext4 volume by the file layer's calls, beside a model in memory of
 * what is there then: files of some directories that are written, cut, allocated, removed while
 * they are open, and moved; a long sparse file; a directory of many names; directories that move.
 *
 * Each file has a tag, which every second byte of its contents is: a byte that is neither
 * that nor 0 came from somewhere else. What fails an assertion is a cmocka test's failure.
 */
#pragma once

#include "rootpart/ext4/ext4_impl.h"
#include "tests/unit/image_disk.h"

#define WORK_FILES  24u
#define WORK_DIRS   4u
#define WORK_NAMES  400u
#define WORK_SUBS   8u
#define WORK_SIZE   (96u * 1024) /* of a file at most */
#define WORK_PARTS  256u         /* of the long one, of which each has a byte or none */
#define WORK_PART   (16u * 1024)
#define WORK_HELD   3u
#define WORK_POISON 0xeeu /* no tag: what may lie in free blocks */

/* What is touched: first the files, then... */
#define WORK_LONG       WORK_FILES
#define WORK_FIRST_NAME (WORK_LONG + 1)
#define WORK_FIRST_SUB  (WORK_FIRST_NAME + WORK_NAMES)
#define WORK_THINGS     (WORK_FIRST_SUB + WORK_SUBS)

struct work_file {
	u32 tag; /* 0: it is not there */
	u64 size;
	u8 data[WORK_SIZE];
};

struct work_state {
	struct work_file files[WORK_FILES];
	u64 long_size;
	bool parts[WORK_PARTS];
	bool names[WORK_NAMES];
	bool subs[WORK_SUBS];
};

/* @thing was changed, or is where @from moved to, when the disk's log was so long. */
struct work_event {
	u32 thing;
	u32 from; /* WORK_THINGS: it did not come from another */
	u64 at;
};

struct ext4_work {
	struct ext4 *fs;
	const struct image_disk *disk; /* its log is looked at */
	u64 random;
	u32 tags;
	u8 version;
	struct work_state now;
	bool failing;              /* writes of the disk may fail: then so may what is done, */
	bool unknown[WORK_THINGS]; /* and this is not known, and left alone */
	u32 failures;
	struct work_held {
		struct vfs_file file; /* open, and without a name */
		struct work_file was;
	} held[WORK_HELD];
	struct work_event *events;
	u32 event_count;
};

/* Options of mke2fs, for volumes of several kinds. */
#define WORK_KINDS 5u
extern const char *const work_kinds[WORK_KINDS];
/* A volume of a few megabytes, made by mke2fs, with bytes that are no zeroes wherever nothing is. */
void work_volume(struct image_disk *disk, u32 kind);
/* A new volume gets its directories. @random: where the work's numbers begin. */
void work_begin(struct ext4_work *w, struct ext4 *fs, const struct image_disk *disk, u64 random);
void work_do(struct ext4_work *w, u32 operations);
/* Nothing is open any more. */
void work_close(struct ext4_work *w);
/* 0 to @n - 1. */
u32 work_pick(struct ext4_work *w, u32 n);

/* ---- what is there: ext4_work_check.c ---- */

const char *work_path(u32 thing);
bool work_has_file(struct ext4 *fs, u32 at, const struct work_file *f);
/* It is there, or not, and has its contents, as @s says. */
void work_check(struct ext4 *fs, const struct work_state *s, u32 thing);
void work_check_all(struct ext4 *fs, const struct work_state *s);
/* No file has a byte that cannot be its own, whatever it has. */
void work_check_tags(struct ext4 *fs);
/* An open file's contents. */
bool work_reads(struct vfs_file *file, const struct work_file *f);

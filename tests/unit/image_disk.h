/* SPDX-License-Identifier: MIT */
/*
 * A block device for host tests of file systems: an image file in memory, with what
 * the kernel gives a file system besides (heap, mutex, log, clock). Every write and flush
 * is recorded in order, so that a test can build the image that a power cut leaves.
 */
#pragma once

#include "rootpart/block/block.h"

struct image_write {
	u64 offset; /* bytes; flush: ~0 */
	u32 len;
	bool fua;
	u8 *data;
};

struct image_disk {
	struct block_device d;
	u8 *bytes;    /* NULL: in pieces, only those that hold something */
	u8 ***pieces; /* of IMAGE_PIECE bytes, IMAGE_TABLE of them to a table; NULL: zeroes */
	u64 size;
	int fd;        /* 0: none; a file in memory that bytes are mapped from, */
	char path[32]; /* and its name for programs that are started from here */
	u64 reads, writes, flushes;
	u64 fail_write_at; /* this write, counted from 1, fails with -EIO; 0: none */
	u64 fail_read_at;
	bool fail_for_good; /* and all writes behind it */
	bool record;
	struct image_write *log;
	u64 log_count;
};

#define IMAGE_PIECE (64 * KIB)
#define IMAGE_TABLE 1024u

/* Reads @path whole. */
void image_disk_load(struct image_disk *disk, const char *path, u32 sector_size);
/* The same, but holes are not held: for sparse files of terabytes. */
void image_disk_load_sparse(struct image_disk *disk, const char *path, u32 sector_size);
/* @size bytes, zeroed. */
void image_disk_make(struct image_disk *disk, u64 size, u32 sector_size);
/* The same, but other programs may read and write it meanwhile by its path. */
void image_disk_share(struct image_disk *disk, u64 size, u32 sector_size);
void image_disk_save(const struct image_disk *disk, const char *path);
void image_disk_free(struct image_disk *disk);

/* The last line that was logged, "" if none was since it was emptied. */
extern char image_log[512];
extern char image_log_quiet[512]; /* by log_quiet() */
/* Heap blocks that are handed out. */
extern u64 image_objects;
/* Allocations that still succeed; ~0: all. */
extern u64 image_memory_left;

/* What rtc_seconds() says. */
extern u64 image_clock;

/* Runs a command by the shell, its output to /dev/null unless it fails; returns its status. */
int image_command(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* e2fsck with @options on what is at @path, its output to a file that is shown if it is > @most. */
int image_fsck(const char *options, const char *path, int most);
/* A directory of the test's own, removed at its end. */
const char *image_folder(void);

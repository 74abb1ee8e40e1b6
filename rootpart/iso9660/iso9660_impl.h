/* SPDX-License-Identifier: MIT */
/*
 * The parts of the ISO 9660 reader: volume (descriptors), records (a directory, entry by
 * entry), susp (what Rock Ridge says of an entry), and the file layer's functions. fs->lock
 * is held by whoever calls what is here but for a mount.
 */
#pragma once

#include "rootpart/block/block_bytes.h"
#include "rootpart/iso9660/iso9660.h"
#include "rootpart/mutex.h"

/* Descriptors and directories are in sectors of this size, whatever the device's is. */
#define ISO_SECTOR     2048u
#define ISO_RECORD_MAX 255u
/* What no disc has more of, so that hostile ones take bounded time. */
#define ISO_DIRECTORY_MAX (32 * MIB)
#define ISO_SECTIONS_MAX  1024u

/* ECMA-119, 9.1: offsets in a directory record; numbers are little-endian, then big-endian. */
#define ISO_RECORD_LENGTH   0u
#define ISO_RECORD_XATTR    1u /* blocks in front of the data */
#define ISO_RECORD_EXTENT   2u
#define ISO_RECORD_SIZE     10u
#define ISO_RECORD_DATE     18u
#define ISO_RECORD_FLAGS    25u
#define ISO_RECORD_UNIT     26u /* interleaving */
#define ISO_RECORD_NAME_LEN 32u
#define ISO_RECORD_NAME     33u

#define ISO_FLAG_DIRECTORY  BIT(1)
#define ISO_FLAG_ASSOCIATED BIT(2)
#define ISO_FLAG_MORE       BIT(7) /* the next record goes on with the file */

enum iso_names { ISO_NAMES_PLAIN, ISO_NAMES_JOLIET, ISO_NAMES_ROCK_RIDGE };

/* A stretch of the medium; bytes. */
struct iso_extent {
	u64 at;
	u64 size;
};

/* ISO_SPECIAL: devices and the like, and interleaved files: nothing to be read. */
enum iso_kind { ISO_FILE, ISO_DIRECTORY, ISO_SYMLINK, ISO_SPECIAL };

struct iso_entry {
	char name[NAME_MAX + 1];
	enum iso_kind kind;
	u64 size;
	u64 mtime;
	struct iso_extent extent; /* the first, or a directory's */
	u64 offset;               /* of its first record in the directory */
	u32 sections;
};

/* What Rock Ridge says of a record. */
struct iso_susp {
	char name[NAME_MAX + 1]; /* "": nothing */
	size_t name_len;
	bool name_too_long;
	u32 mode;       /* 0: nothing */
	u32 child_link; /* block of a directory that lies elsewhere; 0: none */
	bool relocated; /* it is such a directory: to be left out */
	bool rock_ridge;
};

struct iso9660 {
	struct block_device *d;
	struct block_bytes *bytes;
	struct mutex lock;
	enum iso_names names;
	u32 skip; /* bytes in front of each system use area */
	u32 block_size;
	u32 blocks;
	char label[ISO9660_LABEL];
	struct iso_extent root;
	u32 complaints;
	u8 record[ISO_RECORD_MAX + 1];
	u8 area[ISO_SECTOR]; /* where a system use area goes on */
};

/* An open file. */
struct iso_file {
	u64 size;
	u32 count;
	struct iso_extent extents[];
};

static inline u32 iso_le16(const u8 *p)
{
	return p[0] | (u32)p[1] << 8;
}

static inline u32 iso_le32(const u8 *p)
{
	return iso_le16(p) | iso_le16(p + 2) << 16;
}

/* Logs the first ones; returns -EIO. */
int iso_damaged(struct iso9660 *fs, const char *what);

/* Seconds since 1970 of the 7 bytes of a record; 0 for what is no date. */
u64 iso_date(const u8 *date);
struct iso_extent iso_record_extent(const struct iso9660 *fs, const u8 *record);
/* -EIO: it leaves the medium. */
[[nodiscard]] int iso_extent_check(struct iso9660 *fs, const struct iso_extent *extent);
/*
 * Reads the record at *@offset of the directory @dir into fs->record, and moves *@offset
 * behind it. 1; 0 at the end; -EIO.
 */
[[nodiscard]] int iso_record_next(struct iso9660 *fs, const struct iso_extent *dir, u64 *offset);
/* The same for what the file layer sees as an entry: some records, none of them special. */
[[nodiscard]] int iso_entry_next(
	struct iso9660 *fs, const struct iso_extent *dir, u64 *offset, struct iso_entry *entry);

/* Looks at the system use area of fs->record, past its first @skip bytes. */
void iso_susp_read(struct iso9660 *fs, u32 skip, struct iso_susp *susp);
/* For the root's first record: bytes to skip in all others, or -ENOENT without Rock Ridge. */
int iso_susp_detect(struct iso9660 *fs);

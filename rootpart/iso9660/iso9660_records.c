/* SPDX-License-Identifier: MIT */
/*
 * A directory, record by record (ECMA-119, 6.8, 9.1), and the entries that they make. Records
 * do not cross sectors; one of length 0 says that the sector holds no more.
 */
#include "base/errno.h"
#include "lib/date.h"
#include "lib/string.h"
#include "lib/utf16.h"
#include "rootpart/block/block.h"
#include "rootpart/iso9660/iso9660_impl.h"
#include "rootpart/log.h"

#define COMPLAINTS_MAX 8u

/* PX, the kind of a file. */
#define MODE_TYPE    0170000u
#define MODE_FILE    0100000u
#define MODE_SYMLINK 0120000u

int iso_damaged(struct iso9660 *fs, const char *what)
{
	if (fs->complaints < COMPLAINTS_MAX)
		log_printf("iso9660: %s: damaged: %s%s", fs->d->name, what,
			fs->complaints == COMPLAINTS_MAX - 1 ? "; no more of these are told" : "");
	fs->complaints += fs->complaints < COMPLAINTS_MAX;
	return -EIO;
}

u64 iso_date(const u8 *date)
{
	struct date d = {
		.year = 1900u + date[0],
		.month = date[1],
		.day = date[2],
		.hour = date[3],
		.minute = date[4],
		.second = date[5],
	};
	/* From UTC, in quarters of an hour. */
	s64 seconds = date_valid(&d) ? date_seconds(&d) - (s8)date[6] * 900ll : 0;

	return (u64)MAX(seconds, 0);
}

struct iso_extent iso_record_extent(const struct iso9660 *fs, const u8 *record)
{
	u64 block = (u64)iso_le32(record + ISO_RECORD_EXTENT) + record[ISO_RECORD_XATTR];

	return (struct iso_extent){ block * fs->block_size, iso_le32(record + ISO_RECORD_SIZE) };
}

int iso_extent_check(struct iso9660 *fs, const struct iso_extent *extent)
{
	if (extent->size > 0 && !block_bytes_within(fs->bytes, extent->at, extent->size))
		return iso_damaged(fs, "what a directory names leaves the medium");
	return 0;
}

int iso_record_next(struct iso9660 *fs, const struct iso_extent *dir, u64 *offset)
{
	u64 size = MIN(dir->size, ISO_DIRECTORY_MAX);

	while (*offset < size) {
		u64 left = MIN(size - *offset, ISO_SECTOR - *offset % ISO_SECTOR);
		u8 len;
		int r = block_bytes_read(fs->bytes, dir->at + *offset, &len, 1);

		if (r != 0)
			return r;
		if (len == 0) {
			*offset += left;
			continue;
		}
		if (len > left || len < ISO_RECORD_NAME + 1)
			return iso_damaged(fs, "a directory's record has no sensible length");
		r = block_bytes_read(fs->bytes, dir->at + *offset, fs->record, len);
		if (r != 0)
			return r;
		if (fs->record[ISO_RECORD_NAME_LEN] > len - ISO_RECORD_NAME)
			return iso_damaged(fs, "a name is longer than its record");
		*offset += len;
		return 1;
	}
	return 0;
}

/* Names with 0 and 1 are the directory itself and its parent. */
static bool is_dot(const u8 *record)
{
	return record[ISO_RECORD_NAME_LEN] == 1 && record[ISO_RECORD_NAME] <= 1;
}

static void joliet_name(const u8 *name, u32 len, char *out)
{
	u16 units[ISO_RECORD_MAX / 2];
	u32 count = len / 2;

	for (u32 i = 0; i < count; i++)
		units[i] = (u16)(name[2 * i] << 8 | name[2 * i + 1]);
	(void)utf16_to_utf8(units, count, out, NAME_MAX + 1);
}

/* Takes the version off, ";1", and for plain names the dot of a missing extension. */
static void cut_version(char *name, bool plain)
{
	char *semicolon = strrchr(name, ';');
	size_t len;

	if (semicolon != NULL && semicolon != name)
		*semicolon = '\0';
	len = strlen(name);
	if (plain && len > 1 && name[len - 1] == '.')
		name[len - 1] = '\0';
}

/* What is no part of a path, or would move a terminal's cursor. */
static void make_safe(char *name, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (name[i] == '/' || (u8)name[i] < 0x20 || name[i] == 0x7f)
			name[i] = '_';
	}
	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || name[0] == '\0')
		(void)str_copy(name, "_", NAME_MAX + 1);
}

static void set_name(struct iso9660 *fs, const struct iso_susp *susp, char *out)
{
	u32 len = fs->record[ISO_RECORD_NAME_LEN];
	const u8 *name = fs->record + ISO_RECORD_NAME;

	if (susp->name_len > 0 && !susp->name_too_long) {
		memcpy(out, susp->name, susp->name_len + 1);
		make_safe(out, susp->name_len);
		return;
	}
	if (fs->names == ISO_NAMES_JOLIET) {
		joliet_name(name, len, out);
	} else {
		memcpy(out, name, len);
		out[len] = '\0';
	}
	cut_version(out, fs->names != ISO_NAMES_JOLIET);
	make_safe(out, strlen(out));
}

static enum iso_kind kind_of(const u8 *record, const struct iso_susp *susp)
{
	u32 type = susp->mode & MODE_TYPE;

	if (record[ISO_RECORD_FLAGS] & ISO_FLAG_DIRECTORY || susp->child_link != 0)
		return ISO_DIRECTORY;
	if (type == MODE_SYMLINK)
		return ISO_SYMLINK;
	if ((type != 0 && type != MODE_FILE) || record[ISO_RECORD_UNIT] != 0)
		return ISO_SPECIAL;
	return ISO_FILE;
}

/* A directory that lies elsewhere: its own first record has its size. Size 0: it is not there. */
static struct iso_extent follow_child(struct iso9660 *fs, u32 block)
{
	const struct iso_extent first = { (u64)block * fs->block_size, ISO_SECTOR };
	u64 offset = 0;

	if (iso_extent_check(fs, &first) != 0 || iso_record_next(fs, &first, &offset) != 1)
		return (struct iso_extent){ 0 };
	return iso_record_extent(fs, fs->record);
}

/* fs->record has the first record; those that go on with it follow at *@offset. */
static int read_sections(
	struct iso9660 *fs, const struct iso_extent *dir, u64 *offset, struct iso_entry *entry)
{
	while (fs->record[ISO_RECORD_FLAGS] & ISO_FLAG_MORE) {
		int r = iso_record_next(fs, dir, offset);

		if (r < 0)
			return r;
		if (r == 0 || ++entry->sections > ISO_SECTIONS_MAX)
			return iso_damaged(fs, "a file of several extents has no end");
		entry->size += iso_le32(fs->record + ISO_RECORD_SIZE);
	}
	return 0;
}

static int make_entry(struct iso9660 *fs, const struct iso_extent *dir, u64 *offset,
	const struct iso_susp *susp, struct iso_entry *entry)
{
	set_name(fs, susp, entry->name);
	entry->kind = kind_of(fs->record, susp);
	entry->mtime = iso_date(fs->record + ISO_RECORD_DATE);
	entry->sections = 1;
	entry->size = 0;
	entry->extent = iso_record_extent(fs, fs->record);
	if (susp->child_link != 0)
		entry->extent = follow_child(fs, susp->child_link);
	if (entry->kind != ISO_FILE)
		return 0;
	entry->size = entry->extent.size;
	return read_sections(fs, dir, offset, entry);
}

int iso_entry_next(
	struct iso9660 *fs, const struct iso_extent *dir, u64 *offset, struct iso_entry *entry)
{
	for (;;) {
		struct iso_susp susp = { 0 };
		u64 at = *offset;
		int r = iso_record_next(fs, dir, offset);

		if (r != 1)
			return r;
		if (is_dot(fs->record) || fs->record[ISO_RECORD_FLAGS] & ISO_FLAG_ASSOCIATED)
			continue;
		if (fs->names == ISO_NAMES_ROCK_RIDGE)
			iso_susp_read(fs, fs->skip, &susp);
		if (susp.relocated)
			continue;
		entry->offset = at;
		r = make_entry(fs, dir, offset, &susp, entry);
		return r != 0 ? r : 1;
	}
}

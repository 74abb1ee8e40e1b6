/* SPDX-License-Identifier: MIT */
/*
 * Reader of cpio archives in "newc" format. Called by the root for what it
 * mounts below /boot; no state, no copies. cpio(5), "New ASCII Format": a
 * header of 110 characters, the name, the data; name and data are each padded
 * to a multiple of four from the header's start.
 */
#include "lib/cpio.h"

#include "base/errno.h"
#include "lib/string.h"

#define HEADER_SIZE 110u
#define MAGIC_SIZE  6u
#define FIELD_SIZE  8u

/* Numbers of the header's fields, eight hexadecimal digits each. */
enum field {
	FIELD_INO,
	FIELD_MODE,
	FIELD_UID,
	FIELD_GID,
	FIELD_NLINK,
	FIELD_MTIME,
	FIELD_FILESIZE,
	FIELD_DEVMAJOR,
	FIELD_DEVMINOR,
	FIELD_RDEVMAJOR,
	FIELD_RDEVMINOR,
	FIELD_NAMESIZE,
	FIELD_CHECK,
	FIELDS,
};

static_assert(MAGIC_SIZE + FIELDS * FIELD_SIZE == HEADER_SIZE);

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -EINVAL;
}

static int header_parse(const char *header, u32 fields[static FIELDS])
{
	if (memcmp(header, "07070", 5) != 0 || (header[5] != '1' && header[5] != '2'))
		return -EINVAL;
	for (u32 i = 0; i < FIELDS * FIELD_SIZE; i++) {
		int digit = hex_digit(header[MAGIC_SIZE + i]);

		if (digit < 0)
			return digit;
		fields[i / FIELD_SIZE] = fields[i / FIELD_SIZE] << 4 | (u32)digit;
	}
	return 0;
}

static const char *name_skip_root(const char *name)
{
	for (;;) {
		if (name[0] == '/')
			name++;
		else if (name[0] == '.' && name[1] == '/')
			name += 2;
		else
			return name;
	}
}

int cpio_next(const void *archive, size_t len, size_t *offset, struct cpio_entry *entry)
{
	u32 fields[FIELDS] = { 0 };
	const char *header;
	const char *name;
	size_t left;
	u64 data_at;
	u64 end;

	if (*offset >= len)
		return *offset == len ? 0 : -EINVAL;
	header = (const char *)archive + *offset;
	left = len - *offset;
	if (left < HEADER_SIZE || header_parse(header, fields) != 0)
		return -EINVAL;
	/* Sums of two 32-bit numbers and a little do not wrap. */
	data_at = ALIGN_UP((u64)HEADER_SIZE + fields[FIELD_NAMESIZE], 4);
	end = ALIGN_UP(data_at + fields[FIELD_FILESIZE], 4);
	if (end > left || fields[FIELD_NAMESIZE] == 0)
		return -EINVAL;
	name = header + HEADER_SIZE;
	if (strnlen(name, fields[FIELD_NAMESIZE]) != fields[FIELD_NAMESIZE] - 1)
		return -EINVAL;
	if (strcmp(name, "TRAILER!!!") == 0)
		return 0;
	*entry = (struct cpio_entry){
		.name = name_skip_root(name),
		.data = (const u8 *)header + data_at,
		.size = fields[FIELD_FILESIZE],
		.mode = fields[FIELD_MODE],
		.mtime = fields[FIELD_MTIME],
	};
	*offset += end;
	return 1;
}

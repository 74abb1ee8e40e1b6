/* SPDX-License-Identifier: MIT */
/*
 * A directory's entries: of 32 bytes, with a name of 8 and 3 characters. A long name lies in
 * entries in front of it, its last part first, each with a sum of the short name; one that
 * does not fit, or is longer than the file layer's names, is passed over: the short one holds.
 */
#include "base/errno.h"
#include "lib/date.h"
#include "lib/string.h"
#include "lib/utf16.h"
#include "rootpart/fat/fat_impl.h"

#define ENTRY_ATTRIBUTES    11u
#define ENTRY_CASE          12u
#define ENTRY_FIRST_HIGH    20u
#define ENTRY_TIME          22u
#define ENTRY_DATE          24u
#define ENTRY_FIRST_LOW     26u
#define ENTRY_SIZE          28u

#define ATTRIBUTE_LABEL     BIT(3)
#define ATTRIBUTE_DIRECTORY BIT(4)
#define ATTRIBUTE_LONG      0x0fu /* of the low six bits */

#define NAME_END            0x00u /* no more entries */
#define NAME_REMOVED        0xe5u
#define NAME_E5             0x05u  /* begins with e5 */
#define CASE_BASE           BIT(3) /* letters are small ones */
#define CASE_SUFFIX         BIT(4)

#define LONG_LAST           0x40u /* the part that comes first */
#define LONG_CHECKSUM       13u
#define LONG_UNITS          13u
#define LONG_PARTS          20u

u64 fat_time(u32 date, u32 time)
{
	struct date d = {
		.year = 1980 + (date >> 9),
		.month = date >> 5 & 15,
		.day = date & 31,
		.hour = time >> 11,
		.minute = time >> 5 & 63,
		.second = (time & 31) * 2,
	};

	return date_valid(&d) ? (u64)date_seconds(&d) : 0;
}

static u8 checksum(const u8 *name)
{
	u8 sum = 0;

	for (u32 i = 0; i < 11; i++)
		sum = (u8)((sum >> 1 | sum << 7) + name[i]);
	return sum;
}

static void take_long(struct fat_long_name *l, const u8 *e)
{
	static const u8 at[LONG_UNITS] = { 1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30 };
	u32 part = e[0] & 0x3f;

	if (e[0] & LONG_LAST) {
		*l = (struct fat_long_name){
			.next = part, .parts = part, .checksum = e[LONG_CHECKSUM]
		};
	}
	if (part == 0 || part > LONG_PARTS || part != l->next || e[LONG_CHECKSUM] != l->checksum) {
		l->parts = 0;
		return;
	}
	for (u32 i = 0; i < LONG_UNITS; i++)
		l->units[(part - 1) * LONG_UNITS + i] = (u16)fat_le16(e + at[i]);
	l->next--;
}

/* What is no part of a path, or would move a terminal's cursor. */
static void make_safe(char *name)
{
	for (size_t i = 0; name[i] != '\0'; i++) {
		if (name[i] == '/' || (u8)name[i] < 0x20 || name[i] == 0x7f)
			name[i] = '_';
	}
	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || name[0] == '\0')
		(void)str_copy(name, "_", NAME_MAX + 1);
}

static bool long_name(struct fat *fs, const u8 *e, char *out)
{
	const struct fat_long_name *l = &fs->long_name;
	size_t count = 0;

	if (l->parts == 0 || l->next != 0 || l->checksum != checksum(e))
		return false;
	while (count < l->parts * LONG_UNITS && l->units[count] != 0)
		count++;
	return count > 0 && utf16_to_utf8(l->units, count, out, NAME_MAX + 1) <= NAME_MAX;
}

/* Appends @count characters without the spaces behind them. */
static char *short_part(char *out, const u8 *from, u32 count, bool small)
{
	while (count > 0 && from[count - 1] == ' ')
		count--;
	for (u32 i = 0; i < count; i++) {
		char c = (char)from[i];

		/* Which letter it is, the volume does not say. */
		if (from[i] >= 0x80)
			c = '_';
		else if (small && c >= 'A' && c <= 'Z')
			c = (char)(c + 'a' - 'A');
		*out++ = c;
	}
	return out;
}

static void short_name(const u8 *e, char *out)
{
	char *end = short_part(out, e, 8, e[ENTRY_CASE] & CASE_BASE);
	char *suffix = short_part(end + 1, e + 8, 3, e[ENTRY_CASE] & CASE_SUFFIX);

	*end = '.';
	*(suffix > end + 1 ? suffix : end) = '\0';
}

static void take_short(struct fat *fs, const u8 *e)
{
	struct fat_entry *f = &fs->found;
	u32 attributes = e[ENTRY_ATTRIBUTES];

	if (!long_name(fs, e, f->name))
		short_name(e, f->name);
	make_safe(f->name);
	f->kind = attributes & ATTRIBUTE_LABEL       ? FAT_VOLUME_LABEL
		  : attributes & ATTRIBUTE_DIRECTORY ? FAT_DIRECTORY
						     : FAT_FILE;
	f->first = fat_le16(e + ENTRY_FIRST_LOW);
	if (fs->g.bits == 32)
		f->first |= (fat_le16(e + ENTRY_FIRST_HIGH) & 0x0fff) << 16;
	f->size = f->kind == FAT_FILE ? fat_le32(e + ENTRY_SIZE) : 0;
	f->mtime = fat_time(fat_le16(e + ENTRY_DATE), fat_le16(e + ENTRY_TIME));
}

static bool is_long(const u8 *e)
{
	return (e[ENTRY_ATTRIBUTES] & 0x3f) == ATTRIBUTE_LONG;
}

static bool is_dot(const u8 *e)
{
	return memcmp(e, ".          ", 11) == 0 || memcmp(e, "..         ", 11) == 0;
}

static void forget_long(struct fat *fs)
{
	fs->long_name.parts = 0;
	fs->long_name.next = 0;
}

/* The entry at @offset to @e. 1, 0, or an error. */
static int read_entry(struct fat *fs, u32 first, u64 offset, u8 e[static FAT_ENTRY_SIZE])
{
	s64 n;

	if (offset >= FAT_DIRECTORY_MAX)
		return 0;
	if (fs->listed.first != first)
		fs->listed = (struct fat_chain){ .first = first };
	n = fat_chain_read(fs, &fs->listed, offset, e, FAT_ENTRY_SIZE);
	if (n < 0)
		return (int)n;
	return n == FAT_ENTRY_SIZE && e[0] != NAME_END ? 1 : 0;
}

int fat_entry_next(struct fat *fs, u32 first, u64 *offset)
{
	u8 e[FAT_ENTRY_SIZE];
	int r;

	forget_long(fs);
	while ((r = read_entry(fs, first, *offset, e)) == 1) {
		*offset += FAT_ENTRY_SIZE;
		if (e[0] != NAME_REMOVED && is_long(e)) {
			take_long(&fs->long_name, e);
			continue;
		}
		if (e[0] != NAME_REMOVED && !is_dot(e)) {
			take_short(fs, e);
			return 1;
		}
		forget_long(fs);
	}
	return r;
}

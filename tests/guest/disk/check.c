/* SPDX-License-Identifier: MIT */
/*
 * Data and commands. Memory is one window with guards around whatever part of it is given to the disk.
 */
#include "tests/guest/disk/check.h"

#include "lib/format.h"
#include "lib/string.h"
#include "tests/guest/disk/pattern.h"
#include "tests/guest/lib/guest.h"

#define SECTOR     512u
#define IN_PAGE    (4096u / SECTOR) /* places in a page where data may begin */
#define GUARD      SECTOR
#define GUARD_BYTE 0xa5
#define WINDOW     (STORVSC_BYTES_MAX + 4096 + 2 * GUARD)
#define UNMAP_LIST 24u

static u8 *window;

/* In sectors of 512 bytes; all but the whole ones are for disks with such sectors. */
static const u8 sizes[] = { 1, 2, 3, 8, 5, 16, 7, 24, 9, 31, 64, 33, 128, 17, 127, 40, 100 };

void check_begin(void)
{
	window = (u8 *)guest_ram(WINDOW, PAGE_SIZE);
}

void check_is(bool ok, const struct lun *l, const char *what, s64 got)
{
	char name[48];

	format(name, sizeof(name), "lun%u-%s", l->number, what);
	guest_check(ok, name, "%ld", got);
}

/* The next size, in the disk's sectors, of which @left are left. */
static u32 next_size(const struct lun *l, u32 round, u64 left)
{
	u32 bytes = sizes[round % ARRAY_SIZE(sizes)] * SECTOR;
	u32 sectors = (u32)ALIGN_UP(bytes, l->d.sector_size) / l->d.sector_size;

	return (u32)MIN((u64)sectors, left);
}

/* Memory that begins at another place in its page each time, with guards in front and behind. */
static u8 *place(u32 round, u32 bytes)
{
	u8 *at = window + GUARD + (round % IN_PAGE) * SECTOR;

	memset(at - GUARD, GUARD_BYTE, GUARD);
	memset(at + bytes, GUARD_BYTE, GUARD);
	return at;
}

static bool guards_hold(const u8 *at, u32 bytes)
{
	for (u32 i = 0; i < GUARD; i++)
		if (at[-1 - (s64)i] != GUARD_BYTE || at[bytes + i] != GUARD_BYTE)
			return false;
	return true;
}

/* The first sector where it failed; all: none. */
static u64 write_all(struct storvsc *s, const struct lun *l, u64 seed)
{
	u64 at = 0;

	for (u32 round = 0; at < l->d.sectors; round++) {
		u32 n = next_size(l, round, l->d.sectors - at);
		u8 *data = place(round, n * l->d.sector_size);

		pattern_fill(seed, at, l->d.sector_size, data, n);
		if (storvsc_write(s, l->number, &l->d, at, data, n) != 0)
			break;
		/* Who writes does not read. */
		if (pattern_check(seed, at, l->d.sector_size, data, n) != n ||
			!guards_hold(data, n * l->d.sector_size))
			break;
		at += n;
	}
	return at;
}

/* Sizes and places begin with another one than those of writing. */
static u64 read_all(struct storvsc *s, const struct lun *l, u64 seed)
{
	u64 at = 0;

	for (u32 round = 5; at < l->d.sectors; round += 3) {
		u32 n = next_size(l, round, l->d.sectors - at);
		u8 *data = place(round, n * l->d.sector_size);

		memset(data, GUARD_BYTE, (size_t)n * l->d.sector_size);
		if (storvsc_read(s, l->number, &l->d, at, data, n) != 0)
			break;
		if (pattern_check(seed, at, l->d.sector_size, data, n) != n ||
			!guards_hold(data, n * l->d.sector_size))
			break;
		at += n;
	}
	return at;
}

void check_data(struct storvsc *s, const struct lun *l, u64 seed)
{
	u64 at = write_all(s, l, seed);

	check_is(at == l->d.sectors, l, "write", (s64)at);
	check_kept(s, l, seed);
}

void check_kept(struct storvsc *s, const struct lun *l, u64 seed)
{
	u64 at = read_all(s, l, seed);

	check_is(at == l->d.sectors, l, "read", (s64)at);
}

void check_sum(struct storvsc *s, const struct lun *l, const char *word)
{
	char text[SHA256_TEXT];
	int r = lun_sum(s, l, window, text);

	if (r == 0)
		guest_print("SUM %s %u %s\r\n", word, l->number, text);
	else
		check_is(false, l, "sum", r);
}

/* ---- commands ---- */

/* WRITE(16) with FUA, of the first sectors. */
static s64 write_fua(struct storvsc *s, const struct lun *l, u64 seed)
{
	struct storvsc_request r;

	pattern_fill(seed, 0, l->d.sector_size, window, 8);
	storvsc_transfer(&r, l->number, &l->d, true, 0, window, 8);
	r.cdb[1] = BIT(3);
	return storvsc_command(s, l->number, r.cdb, r.cdb_size, r.direction, r.data, r.bytes);
}

/* The forms of ten bytes: the sector in bytes 2 to 5, how many in 7 and 8. */
static s64 read_10(struct storvsc *s, const struct lun *l, u32 sectors)
{
	u8 cdb[10] = { 0x28, [8] = (u8)sectors };

	memset(window, 0, (size_t)sectors * l->d.sector_size);
	return storvsc_command(
		s, l->number, cdb, sizeof(cdb), STORVSC_IN, window, sectors * l->d.sector_size);
}

/* All that were submitted before it are done when it is. */
static void check_reset(struct storvsc *s, const struct lun *l)
{
	static struct storvsc_request r[8];
	u32 done = 0;
	int error;

	for (u32 i = 0; i < ARRAY_SIZE(r); i++) {
		storvsc_transfer(&r[i], l->number, &l->d, false, i, window + i * 4096ul, 1);
		error = storvsc_submit(s, &r[i]);
		if (error != 0)
			check_is(false, l, "reset-submit", error);
	}
	error = storvsc_reset(s);
	for (u32 i = 0; i < ARRAY_SIZE(r); i++)
		done += r[i].done && r[i].result == l->d.sector_size;
	check_is(error == 0 && done == ARRAY_SIZE(r), l, "reset", error != 0 ? error : (s64)done);
}

void check_commands(struct storvsc *s, const struct lun *l, u64 seed)
{
	static const u8 ready[6];
	static const u8 nothing[16] = { 0x88 };
	s64 r = storvsc_command(s, l->number, ready, sizeof(ready), STORVSC_NONE, NULL, 0);

	check_is(r == 0, l, "ready", r);
	r = storvsc_flush(s, l->number);
	check_is(r == 0, l, "flush", r);
	r = write_fua(s, l, seed);
	check_is(r == 8 * l->d.sector_size, l, "fua", r);
	r = read_10(s, l, 8);
	check_is(r == 8 * l->d.sector_size &&
			 pattern_check(seed, 0, l->d.sector_size, window, 8) == 8,
		l, "read10", r);
	r = storvsc_command(s, l->number, nothing, sizeof(nothing), STORVSC_NONE, NULL, 0);
	check_is(r == 0, l, "no-sectors", r);
	check_reset(s, l);
}

/* ---- unmapping ---- */

static void put_be(u8 *p, u64 v, u32 bytes)
{
	for (u32 i = 0; i < bytes; i++)
		p[i] = (u8)(v >> 8 * (bytes - 1 - i));
}

static s64 unmap(struct storvsc *s, const struct lun *l, u64 sector, u32 sectors)
{
	static const u8 cdb[10] = { 0x42, [8] = UNMAP_LIST };

	memset(window, 0, UNMAP_LIST);
	put_be(window, UNMAP_LIST - 2, 2);
	put_be(window + 2, UNMAP_LIST - 8, 2);
	put_be(window + 8, sector, 8);
	put_be(window + 16, sectors, 4);
	return storvsc_command(s, l->number, cdb, sizeof(cdb), STORVSC_OUT, window, UNMAP_LIST);
}

/* @count sectors from @at on hold their pattern. */
static bool holds(struct storvsc *s, const struct lun *l, u64 seed, u64 at, u32 count)
{
	return storvsc_read(s, l->number, &l->d, at, window, count) == 0 &&
	       pattern_check(seed, at, l->d.sector_size, window, count) == count;
}

void check_unmap(struct storvsc *s, const struct lun *l, u64 seed)
{
	u32 page = MAX(4096u / l->d.sector_size, 1u), count = 4 * page;
	u64 at = ALIGN_DOWN(l->d.sectors / 2, page);
	s64 r;

	if (!l->unmaps)
		return;
	check_is(l->max_unmap >= count, l, "unmap-limit", l->max_unmap);
	r = unmap(s, l, at, count);
	check_is(r >= 0, l, "unmap", r);
	check_is(holds(s, l, seed, at - page, page) && holds(s, l, seed, at + count, page), l,
		"unmap-beside", 0);
	pattern_fill(seed, at, l->d.sector_size, window, count);
	r = storvsc_write(s, l->number, &l->d, at, window, count);
	check_is(r == 0 && holds(s, l, seed, at, count), l, "unmap-again", r);
	r = unmap(s, l, l->d.sectors - page, 2 * page);
	check_is(r < 0 && s->sense[2] == 5 && s->sense[12] == 0x21, l, "unmap-past-end", r);
}

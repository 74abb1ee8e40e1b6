/* SPDX-License-Identifier: MIT */
/*
 * Partition tables: good ones of each kind and sector size, and what is refused of
 * bad ones: outside of the disk, overlapping, chains without an end, damaged checks.
 * sources: lib/partition_table.c lib/partition_mbr.c lib/partition_gpt.c lib/crc32.c lib/string.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/errno.h"
#include "lib/crc32.h"
#include "lib/partition_table.h"

#define DISK (4 * MIB)

static u8 image[DISK], buffer[PARTITION_SECTOR_MAX];
static struct partition_table table;
static u32 size = 512, reads;
static u64 bad_sector = ~0ull;

static int read_image(const struct partition_disk *disk, u64 sector, u32 count, void *buf)
{
	assert_true(sector + count <= disk->sectors);
	assert_true(count * disk->sector_size <= PARTITION_SECTOR_MAX);
	reads++;
	if (sector == bad_sector)
		return -EIO;
	memcpy(buf, image + sector * disk->sector_size, count * disk->sector_size);
	return 0;
}

static void read_table(void)
{
	const struct partition_disk disk = { size, DISK / size, read_image, buffer };

	reads = 0;
	assert_int_equal(partition_table_read(&disk, &table), 0);
}

static int setup(void **state)
{
	(void)state;
	memset(image, 0, sizeof(image));
	size = 512;
	bad_sector = ~0ull;
	return 0;
}

static void store(void *at, u64 v, u32 bytes)
{
	memcpy(at, &v, bytes);
}

/* Entry @i of the table in @sector. */
static void mbr(u64 sector, u32 i, u8 type, u32 first, u32 sectors)
{
	u8 *p = image + sector * size, *e = p + 446 + i * 16;

	e[4] = type;
	store(e + 8, first, 4);
	store(e + 12, sectors, 4);
	store(p + 510, 0xaa55, 2);
}

static void is(u32 i, u32 number, u64 first, u64 sectors)
{
	assert_true(i < table.count);
	assert_int_equal(table.partitions[i].number, number);
	assert_int_equal(table.partitions[i].first, first);
	assert_int_equal(table.partitions[i].sectors, sectors);
}

static void counts(enum partition_scheme scheme, u32 count, u32 refused, bool damaged)
{
	assert_int_equal(table.scheme, scheme);
	assert_int_equal(table.count, count);
	assert_int_equal(table.refused, refused);
	assert_int_equal(table.damaged, damaged);
}

static void none(void **state)
{
	(void)state;
	read_table();
	counts(PARTITION_NONE, 0, 0, false);
	/* A boot sector of a file system: the signature, and text where entries would be. */
	memset(image + 440, 'x', 70);
	store(image + 510, 0xaa55, 2);
	read_table();
	counts(PARTITION_NONE, 0, 0, false);
}

static void primary(void **state)
{
	(void)state;
	mbr(0, 0, 0x83, 63, 100);
	mbr(0, 2, 0x07, 200, 300);
	mbr(0, 3, 0x83, 163, 37);
	image[446] = 0x80;
	read_table();
	counts(PARTITION_MBR, 3, 0, false);
	is(0, 1, 63, 100);
	is(1, 3, 200, 300);
	is(2, 4, 163, 37);
	assert_int_equal(reads, 1);
}

static void primary_refused(void **state)
{
	(void)state;
	mbr(0, 0, 0x83, 100, 100);
	mbr(0, 1, 0x83, 199, 10);            /* overlaps the first */
	mbr(0, 2, 0x83, DISK / 512 - 9, 10); /* ends behind the disk */
	mbr(0, 3, 0x83, 0, 10);              /* the table's own sector */
	read_table();
	counts(PARTITION_MBR, 1, 3, false);
	is(0, 1, 100, 100);
	mbr(0, 1, 0x83, 50, 51);
	mbr(0, 2, 0x83, 0xffffffff, 0xffffffff);
	mbr(0, 3, 0x83, 500, 0);
	read_table();
	counts(PARTITION_MBR, 1, 3, false);
}

/* An extended partition at 1000, three logical ones. */
static void logical_init(void)
{
	mbr(0, 0, 0x83, 100, 100);
	mbr(0, 1, 0x0f, 1000, 1000);
	mbr(1000, 0, 0x83, 10, 90);
	mbr(1000, 1, 0x05, 200, 200);
	mbr(1200, 0, 0x82, 10, 90);
	mbr(1200, 1, 0x05, 100, 50); /* in no order */
	mbr(1100, 0, 0x83, 20, 30);
}

static void logical(void **state)
{
	(void)state;
	logical_init();
	read_table();
	counts(PARTITION_MBR, 4, 0, false);
	is(0, 1, 100, 100);
	is(1, 5, 1010, 90);
	is(2, 6, 1210, 90);
	is(3, 7, 1120, 30);
	/* The first was deleted: its link stays. */
	mbr(1000, 0, 0, 0, 0);
	read_table();
	counts(PARTITION_MBR, 3, 0, false);
	is(1, 5, 1210, 90);
}

static void logical_refused(void **state)
{
	(void)state;
	logical_init();
	mbr(1200, 0, 0x82, 10, 800); /* ends behind its extended one */
	read_table();
	counts(PARTITION_MBR, 2, 1, true);
	setup(NULL);
	logical_init();
	mbr(1100, 1, 0x05, 0, 10); /* back to the first */
	read_table();
	counts(PARTITION_MBR, 4, 1, true);
	setup(NULL);
	logical_init();
	mbr(1100, 1, 0x05, 1000, 10); /* behind the extended one */
	read_table();
	counts(PARTITION_MBR, 4, 0, false);
	setup(NULL);
	logical_init();
	image[1200 * 512 + 511] = 0; /* no signature */
	read_table();
	counts(PARTITION_MBR, 2, 0, true);
	setup(NULL);
	logical_init();
	mbr(0, 2, 0x83, 1500, 10); /* within the extended one */
	read_table();
	counts(PARTITION_MBR, 2, 1, false);
	setup(NULL);
	logical_init();
	mbr(0, 2, 0x05, 3000, 10); /* a second extended one */
	read_table();
	counts(PARTITION_MBR, 4, 1, false);
	setup(NULL);
	mbr(0, 1, 0x05, 1000, DISK / 512); /* leaves the disk */
	read_table();
	counts(PARTITION_MBR, 0, 1, false);
	setup(NULL);
	mbr(0, 1, 0x05, 1000, 100); /* new, empty */
	read_table();
	counts(PARTITION_MBR, 0, 0, false);
}

/* A chain of empty tables without an end. */
static void endless(void **state)
{
	(void)state;
	mbr(0, 0, 0x05, 1000, 1000);
	mbr(1000, 1, 0x05, 1, 1);
	mbr(1001, 1, 0x05, 0, 1);
	read_table();
	counts(PARTITION_MBR, 0, 0, true);
	assert_int_equal(reads, 1 + PARTITION_LOGICAL_MAX);
}

/* Checks of header and array at sector @at. */
static void gpt_seal(u64 at)
{
	u8 *h = image + at * size;
	u64 array = 0, bytes;

	memcpy(&array, h + 72, 8);
	bytes = (u64)h[80] * (h[84] | (u32)h[85] << 8);
	store(h + 88, crc32_add(0, image + array * size, bytes), 4);
	store(h + 16, 0, 4);
	store(h + 16, crc32_add(0, h, h[12]), 4);
}

static void gpt_header(u64 at, u64 array, u64 first, u64 last)
{
	u8 *h = image + at * size;

	memcpy(h, "EFI PART", 8);
	store(h + 8, 0x10000, 4);
	store(h + 12, 92, 4);
	store(h + 24, at, 8);
	store(h + 40, first, 8);
	store(h + 48, last, 8);
	store(h + 72, array, 8);
	store(h + 80, 128, 4);
	store(h + 84, 128, 4);
}

static void gpt_entry(u64 array, u32 i, u64 first, u64 last)
{
	u8 *e = image + array * size + i * 128;

	memset(e, 0x11, 16);
	store(e + 32, first, 8);
	store(e + 40, last, 8);
}

static u64 backup_array(void)
{
	return DISK / size - 1 - 16384 / size;
}

/* Both copies, with the partitions 1: 100-199, 3: 200-209. */
static void gpt(void)
{
	u64 last = backup_array() - 1, first = 2 + 16384 / size;

	mbr(0, 0, 0xee, 1, 0xffffffff);
	gpt_header(1, 2, first, last);
	gpt_header(DISK / size - 1, backup_array(), first, last);
	gpt_entry(2, 0, 100, 199);
	gpt_entry(2, 2, 200, 209);
	gpt_entry(backup_array(), 0, 100, 199);
	gpt_entry(backup_array(), 2, 200, 209);
	gpt_seal(1);
	gpt_seal(DISK / size - 1);
}

static void gpt_is_good(bool backup)
{
	read_table();
	counts(PARTITION_GPT, 2, 0, false);
	assert_int_equal(table.backup, backup);
	is(0, 1, 100, 100);
	is(1, 3, 200, 10);
}

static void gpt_good(void **state)
{
	(void)state;
	gpt();
	gpt_is_good(false);
	setup(NULL);
	size = 4096;
	gpt();
	gpt_is_good(false);
	/* Sectors of a hybrid table are not looked at. */
	mbr(0, 1, 0x83, 300, 10);
	gpt_is_good(false);
}

/* The first of the two is damaged: one byte anywhere in it. */
static void gpt_backup(void **state)
{
	static const u32 bytes[] = { 0, 9, 13, 17, 24, 40, 72, 81, 85, 90, 512 + 33, 512 + 16000 };

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(bytes); i++) {
		setup(NULL);
		gpt();
		image[512 + bytes[i]] ^= 0x40;
		gpt_is_good(true);
		/* And the other one too. */
		image[DISK - 512 + 16] ^= 1;
		read_table();
		counts(PARTITION_GPT, 0, 0, true);
	}
	setup(NULL);
	gpt();
	bad_sector = 1;
	gpt_is_good(true);
	bad_sector = 3;
	/* Entries are read eight sectors at a time. */
	gpt_is_good(false);
	bad_sector = 2;
	gpt_is_good(true);
}

static void gpt_entries(void **state)
{
	(void)state;
	gpt();
	gpt_entry(2, 1, 150, 160);        /* overlaps the first */
	gpt_entry(2, 3, 10, 20);          /* in front of what is usable */
	gpt_entry(2, 4, 300, 299);        /* turned around */
	gpt_entry(2, 5, 300, DISK / 512); /* behind the disk */
	gpt_entry(2, 6, ~0ull - 1, ~0ull);
	gpt_entry(2, 7, 0, ~0ull);
	gpt_entry(2, 127, 400, 400);
	gpt_seal(1);
	read_table();
	counts(PARTITION_GPT, 3, 6, false);
	is(2, 128, 400, 1);
}

/* Checks that are right on headers that are not. */
static void gpt_headers(void **state)
{
	static const struct {
		u32 offset;
		u64 value;
		u32 bytes;
	} bad[] = {
		{ 12, 91, 4 },
		{ 24, 2, 8 },
		{ 40, DISK, 8 },
		{ 40, 0, 8 },
		{ 40, 1, 8 },
		{ 72, DISK / 512 - 1, 8 },
		{ 72, 0, 8 },
		{ 72, ~0ull, 8 },
		{ 80, 0x7fffffff, 4 },
		{ 84, 64, 4 },
		{ 84, 192, 4 },
		{ 84, 0x80000000, 4 },
	};

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(bad); i++) {
		u8 *h = image + 512;

		setup(NULL);
		gpt();
		store(h + bad[i].offset, bad[i].value, bad[i].bytes);
		store(h + 16, 0, 4);
		store(h + 16, crc32_add(0, h, 92), 4);
		read_table();
		assert_true(table.backup);
	}
	/* A disk that became smaller: what is left of the first copy. */
	setup(NULL);
	gpt();
	gpt_header(1, 2, 34, 1ull << 40);
	gpt_entry(2, 5, 300, DISK / 512);
	gpt_seal(1);
	read_table();
	counts(PARTITION_GPT, 2, 1, false);
	assert_false(table.backup);
}

static void errors(void **state)
{
	const struct partition_disk disk = { 512, DISK / 512, read_image, buffer };

	(void)state;
	bad_sector = 0;
	assert_int_equal(partition_table_read(&disk, &table), -EIO);
	logical_init();
	bad_sector = 1200;
	assert_int_equal(partition_table_read(&disk, &table), -EIO);
}

static void crc(void **state)
{
	(void)state;
	assert_int_equal(crc32_add(0, "123456789", 9), 0xcbf43926);
	assert_int_equal(crc32_add(crc32_add(0, "1234", 4), "56789", 5), 0xcbf43926);
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(none),
		TEST(primary),
		TEST(primary_refused),
		TEST(logical),
		TEST(logical_refused),
		TEST(endless),
		TEST(gpt_good),
		TEST(gpt_backup),
		TEST(gpt_entries),
		TEST(gpt_headers),
		TEST(errors),
		TEST(crc),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

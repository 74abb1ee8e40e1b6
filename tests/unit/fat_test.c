/* SPDX-License-Identifier: MIT */
/*
 * FAT on images that mtools make, of all three widths and of several sector sizes, and on
 * such ones that were damaged.
 * sources: rootpart/fat/fat.c rootpart/fat/fat_volume.c rootpart/fat/fat_entries.c
 * sources: rootpart/fat/fat_chain.c rootpart/block/block_bytes.c lib/utf16.c lib/date.c
 * sources: lib/string.c lib/format.c tests/unit/image_disk.c tests/unit/reader_tree.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/errno.h"
#include "rootpart/fat/fat.h"
#include "tests/unit/image_disk.h"
#include "tests/unit/reader_tree.h"

/* Odd sizes, deep and long names, many in one directory, and what FAT writes its own way. */
static int make_tree(void **state)
{
	const char *f = image_folder();

	(void)state;
	setenv("TZ", "UTC", 1);
	setenv("LC_ALL", "C.UTF-8", 1);
	setenv("MTOOLS_SKIP_CHECK", "1", 1);
	assert_int_equal(
		image_command(
			"umask 022; mkdir -p %s/tree/many %s/tree/empty && cd %s/tree && "
			"for n in 0 1 511 512 513 4095 4096 4097 65537 150001; do "
			"head -c $n /dev/urandom >size-$n.bin; done && "
			"for n in $(seq 200); do echo $n >many/a-file-with-number-$n.txt; done && "
			"mkdir -p d1/d2/d3/d4/d5/d6/d7/d8/d9 && echo deep "
			">d1/d2/d3/d4/d5/d6/d7/d8/d9/x && "
			"echo 1 >SHORT.TXT && echo 2 >lower.txt && echo 3 >Mixed.Case && "
			"echo 4 >NOSUFFIX && echo 5 >'Grüße 日本.txt' && "
			"echo 6 >$(printf 'n%%0200d' 1) && echo 7 >$(printf 'exactly13%%04d' 1) && "
			"touch -d '2001-02-03 04:05:06' SHORT.TXT",
			f, f, f),
		0);
	return 0;
}

static struct image_disk disk;
static struct fat *fs;

static void make(const char *name, const char *size, const char *options)
{
	assert_int_equal(image_command("cd %s && rm -f %s && truncate -s %s %s && "
				       "mformat -i %s %s -v 'MY VOLUME' :: && "
				       "mcopy -s -m -i %s tree/* ::",
				 image_folder(), name, size, name, name, options, name),
		0);
}

static void load(const char *name, u32 sector_size)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", image_folder(), name);
	image_disk_load(&disk, path, sector_size);
}

static void forget(void)
{
	fat_unmount(fs);
	image_disk_free(&disk);
	assert_int_equal(image_objects, 0);
}

/* @clusters: what makes the kind, as fsck counts them. */
static void check_image(const char *name, u32 sector_size, u64 least, u64 most)
{
	struct vfs_statfs all;
	struct vfs_stat stat;
	char label[FAT_LABEL], host[256];

	load(name, sector_size);
	assert_true(fat_probe(&disk.d, label));
	assert_string_equal(label, "MY VOLUME");
	assert_int_equal(fat_mount(&disk.d, &fs), 0);
	snprintf(host, sizeof(host), "%s/tree", image_folder());
	reader_same_tree(&fat_vfs_ops, fs, host);
	assert_int_equal(fat_vfs_ops.statfs(fs, &all), 0);
	assert_in_range(all.blocks, least, most);
	assert_true(all.read_only);
	assert_true(all.free_blocks > 0 && all.free_blocks < all.blocks);
	assert_int_equal(fat_vfs_ops.stat(fs, "short.txt", &stat), 0);
	assert_int_equal(stat.mtime, 981173106);
	assert_int_equal(fat_vfs_ops.stat(fs, "MANY/A-file-with-NUMBER-77.txt", &stat), 0);
	assert_int_equal(fat_vfs_ops.stat(fs, "many/none", &stat), -ENOENT);
	assert_int_equal(fat_vfs_ops.stat(fs, "SHORT.TXT/x", &stat), -ENOTDIR);
	assert_int_equal(fat_vfs_ops.open(fs, "many", &(struct vfs_file){ 0 }), -EISDIR);
	assert_int_equal(
		fat_vfs_ops.open(fs, "SHORT.TXT", &(struct vfs_file){ .flags = VFS_WRITE }),
		-EROFS);
	forget();
}

static void fat12_is_as_on_the_host(void **state)
{
	(void)state;
	make("fat12.img", "1440K", "-f 1440");
	check_image("fat12.img", 512, 2000, 4084);
	check_image("fat12.img", 4096, 2000, 4084);
}

static void fat16_is_as_on_the_host(void **state)
{
	(void)state;
	make("fat16.img", "20M", "-T 40960 -h 16 -s 32 -c 1");
	check_image("fat16.img", 512, 4085, 65524);
}

static void fat32_is_as_on_the_host(void **state)
{
	(void)state;
	make("fat32.img", "64M", "-F -T 131072 -h 16 -s 32 -c 1");
	check_image("fat32.img", 512, 65525, 200000);
}

/* Numbers of more than 16 bits; and only the second table counts, if the volume says so. */
static void fat32_uses_all_of_its_fields(void **state)
{
	static u8 got[32];
	u64 table;

	(void)state;
	assert_int_equal(image_command("cd %s && rm -f far.img && truncate -s 64M far.img && "
				       "mformat -i far.img -F -T 131072 -h 16 -s 32 -c 1 :: && "
				       "truncate -s 35M filler && mcopy -i far.img filler :: && "
				       "printf 'far away' >far.txt && mcopy -i far.img far.txt ::",
				 image_folder()),
		0);
	load("far.img", 512);
	table = 512ull * (disk.bytes[36] | (u64)disk.bytes[37] << 8);
	disk.bytes[40] = 0x81;
	memset(disk.bytes + 512ull * disk.bytes[14], 0x11, table);
	assert_int_equal(fat_mount(&disk.d, &fs), 0);
	assert_int_equal(reader_read(&fat_vfs_ops, fs, "far.txt", got, sizeof(got)), 8);
	assert_memory_equal(got, "far away", 8);
	fat_unmount(fs);
	disk.bytes[40] = 0x82;
	assert_int_equal(fat_mount(&disk.d, &fs), -EINVAL);
	fs = NULL;
	forget();
}

static void large_sectors_are_as_on_the_host(void **state)
{
	(void)state;
	make("large.img", "32M", "-S 5 -T 8192 -h 16 -s 32 -c 1");
	check_image("large.img", 4096, 4085, 8192);
	check_image("large.img", 512, 4085, 8192);
}

/* What is free is what mtools count. */
static void free_room_is_counted(void **state)
{
	struct vfs_statfs all;
	u64 before;

	(void)state;
	make("fat12.img", "1440K", "-f 1440");
	load("fat12.img", 512);
	assert_int_equal(fat_mount(&disk.d, &fs), 0);
	assert_int_equal(fat_vfs_ops.statfs(fs, &all), 0);
	before = all.free_blocks;
	forget();
	assert_int_equal(
		image_command("cd %s && mdel -i fat12.img ::size-65537.bin", image_folder()), 0);
	load("fat12.img", 512);
	assert_int_equal(fat_mount(&disk.d, &fs), 0);
	assert_int_equal(fat_vfs_ops.statfs(fs, &all), 0);
	assert_int_equal(all.free_blocks, before + (65537 + all.block_size - 1) / all.block_size);
	forget();
}

/* The entry in the root directory whose short name is @name; FAT12 of 1440 KiB. */
static u8 *entry_of(const char *name)
{
	for (u8 *e = disk.bytes + 19 * 512; e < disk.bytes + 33 * 512; e += 32) {
		if (memcmp(e, name, 11) == 0)
			return e;
	}
	abort();
}

static void set_fat12(u32 cluster, u32 value)
{
	u8 *p = disk.bytes + 512 + cluster + cluster / 2;
	u32 both = p[0] | (u32)p[1] << 8;

	both = cluster & 1 ? (both & 0xf) | value << 4 : (both & 0xf000) | value;
	p[0] = (u8)both;
	p[1] = (u8)(both >> 8);
}

static u32 first_of(const u8 *e)
{
	return e[26] | (u32)e[27] << 8;
}

static void hostile_chains_are_errors(void **state)
{
	static u8 buf[8192];
	struct vfs_file file = { .ops = &fat_vfs_ops };
	struct vfs_stat stat;
	u8 *e, *large;

	(void)state;
	assert_int_equal(image_command("cd %s && rm -f bad.img && truncate -s 1440K bad.img && "
				       "mformat -i bad.img -f 1440 :: && "
				       "head -c 5000 /dev/zero >BIG.BIN && mkdir -p DIR && "
				       "mcopy -i bad.img BIG.BIN tree/SHORT.TXT :: && "
				       "mmd -i bad.img ::DIR",
				 image_folder()),
		0);
	load("bad.img", 512);
	assert_false(disk.size == 0);
	e = entry_of("SHORT   TXT");
	large = entry_of("BIG     BIN");
	/* Too short a chain for its size, one to nowhere, and one that bites its tail. */
	e[29] = 0x10;
	set_fat12(first_of(large), 1);
	assert_int_equal(fat_mount(&disk.d, &fs), 0);
	assert_int_equal(reader_read(&fat_vfs_ops, fs, "SHORT.TXT", buf, sizeof(buf)), 512);
	assert_non_null(strstr(image_log, "longer than its clusters"));
	assert_int_equal(reader_read(&fat_vfs_ops, fs, "BIG.BIN", buf, sizeof(buf)), 512);
	assert_non_null(strstr(image_log, "leads to none"));
	fat_unmount(fs);
	set_fat12(first_of(large), first_of(large));
	large[31] = 0x40;
	assert_int_equal(fat_mount(&disk.d, &fs), 0);
	file.fs = fs;
	assert_int_equal(fat_vfs_ops.open(fs, "BIG.BIN", &file), 0);
	file.offset = GIB;
	assert_int_equal(fat_vfs_ops.read(&file, buf, sizeof(buf)), -EIO);
	assert_non_null(strstr(image_log, "has no end"));
	fat_vfs_ops.close(&file);
	fat_unmount(fs);
	/* A directory that is a file's middle, or begins at no cluster. */
	e = entry_of("DIR        ");
	e[26] = 0xf0;
	e[27] = 0xff;
	assert_int_equal(fat_mount(&disk.d, &fs), 0);
	assert_int_equal(fat_vfs_ops.stat(fs, "DIR/x", &stat), -EIO);
	forget();
}

static void check_only_name(const char *name)
{
	struct vfs_entry entry;
	u64 position = 0;

	assert_int_equal(fat_vfs_ops.readdir(fs, "", &position, &entry), 1);
	assert_string_equal(entry.name, name);
	assert_int_equal(fat_vfs_ops.readdir(fs, "", &position, &entry), 0);
}

/* What older systems leave: a long name that belongs to another file, or misses a part. */
static void long_names_that_do_not_fit_are_left_out(void **state)
{
	static const char *const name = "a-file-that-has-a-long-name.txt";
	struct vfs_stat stat;
	u8 *e;

	(void)state;
	assert_int_equal(image_command("cd %s && rm -f long.img && truncate -s 1440K long.img && "
				       "mformat -i long.img -f 1440 -v OLD :: && echo 1 >%s && "
				       "mcopy -i long.img %s ::",
				 image_folder(), name, name),
		0);
	load("long.img", 512);
	e = entry_of("A-FILE~1TXT");
	for (u32 i = 0; i < 4; i++) {
		assert_int_equal(fat_mount(&disk.d, &fs), 0);
		assert_int_equal(fat_vfs_ops.stat(fs, name, &stat), i == 0 || i == 3 ? 0 : -ENOENT);
		assert_int_equal(fat_vfs_ops.stat(fs, "A-FILE~1.TXT", &stat),
			i == 0 || i == 3 ? -ENOENT : 0);
		fat_unmount(fs);
		if (i == 0)
			e[-32 + 13] ^= 1; /* the sum in the part that stands last */
		if (i == 1) {
			e[-32 + 13] ^= 1;
			e[-64] ^= 3; /* the order */
		}
		if (i == 2)
			e[-64] ^= 3;
	}
	/* Small letters by a flag for each part. */
	e[-32] = e[-64] = e[-96] = 0xe5;
	e[12] = 0x08;
	assert_int_equal(fat_mount(&disk.d, &fs), 0);
	check_only_name("a-file~1.TXT");
	forget();
}

/* The root directory's entry counts; without it what the boot sector says. */
static void labels_are_found(void **state)
{
	char label[FAT_LABEL];

	(void)state;
	make("fat12.img", "1440K", "-f 1440");
	load("fat12.img", 512);
	memcpy(disk.bytes + 43, "BOOT SECTOR", 11);
	assert_true(fat_probe(&disk.d, label));
	assert_string_equal(label, "MY VOLUME");
	*entry_of("MY VOLUME  ") = 0xe5;
	assert_true(fat_probe(&disk.d, label));
	assert_string_equal(label, "BOOT SECTOR");
	memcpy(disk.bytes + 43, "NO NAME    ", 11);
	assert_true(fat_probe(&disk.d, label));
	assert_string_equal(label, "");
	fs = NULL;
	forget();
}

static void other_things_are_refused(void **state)
{
	char label[FAT_LABEL];

	(void)state;
	make("fat12.img", "1440K", "-f 1440");
	load("fat12.img", 512);
	memcpy(disk.bytes + 3, "EXFAT   ", 8);
	assert_false(fat_probe(&disk.d, label));
	assert_int_equal(fat_mount(&disk.d, &fs), -ENOTSUP);
	assert_non_null(strstr(image_log, "exFAT"));
	memcpy(disk.bytes + 3, "MTOO4043", 8);
	disk.bytes[16] = 0;
	assert_false(fat_probe(&disk.d, label));
	disk.bytes[16] = 2;
	assert_true(fat_probe(&disk.d, label));
	disk.d.limits.sectors -= 1;
	assert_true(fat_probe(&disk.d, label));
	assert_int_equal(fat_mount(&disk.d, &fs), -EINVAL);
	assert_non_null(strstr(image_log, "larger than the device"));
	fs = NULL;
	forget();
}

static void errors_and_lack_of_memory_are_told(void **state)
{
	u64 reads;

	(void)state;
	make("fat12.img", "1440K", "-f 1440");
	load("fat12.img", 512);
	assert_int_equal(fat_mount(&disk.d, &fs), 0);
	assert_int_equal(reader_wander(&fat_vfs_ops, fs, 1000), 0);
	reads = disk.reads;
	for (u64 i = 1; i <= reads; i += 1 + i / 16) {
		disk.reads = 0;
		fat_unmount(fs);
		fs = NULL;
		disk.fail_read_at = i;
		if (fat_mount(&disk.d, &fs) == 0)
			(void)reader_wander(&fat_vfs_ops, fs, 60);
	}
	disk.fail_read_at = 0;
	for (u64 i = 0; i < 12; i++) {
		fat_unmount(fs);
		fs = NULL;
		image_memory_left = i;
		if (fat_mount(&disk.d, &fs) == 0)
			assert_true(reader_wander(&fat_vfs_ops, fs, 60) > 0);
		image_memory_left = ~0ull;
	}
	forget();
}

/* Damages what @name has up to byte @end, @times times. */
static void flip(const char *name, u64 end, u32 times)
{
	u64 mounted = 0;
	u8 *pristine;

	load(name, 512);
	pristine = malloc(end);
	memcpy(pristine, disk.bytes, end);
	for (u32 i = 0; i < times; i++) {
		for (u32 k = 0; k < 1 + i % 50; k++)
			disk.bytes[(u64)random() % end] = (u8)random();
		/* Most images would be no FAT at all otherwise. */
		if (i % 4 != 0)
			memcpy(disk.bytes, pristine, 512);
		if (fat_mount(&disk.d, &fs) == 0) {
			struct vfs_statfs all;

			(void)reader_wander(&fat_vfs_ops, fs, 60);
			(void)fat_vfs_ops.statfs(fs, &all);
			fat_unmount(fs);
			mounted++;
		}
		if (i % 8 == 7)
			memcpy(disk.bytes, pristine, end);
	}
	assert_true(mounted > times / 2);
	free(pristine);
	fs = NULL;
	forget();
}

static void flipped_bytes_do_no_harm(void **state)
{
	(void)state;
	srandom(1);
	make("fat12.img", "1440K", "-f 1440");
	flip("fat12.img", 40 * KIB, 2000);
	make("fat32.img", "64M", "-F -T 131072 -h 16 -s 32 -c 1");
	flip("fat32.img", MIB + 300 * KIB, 600);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fat12_is_as_on_the_host),
		cmocka_unit_test(fat16_is_as_on_the_host),
		cmocka_unit_test(fat32_is_as_on_the_host),
		cmocka_unit_test(fat32_uses_all_of_its_fields),
		cmocka_unit_test(large_sectors_are_as_on_the_host),
		cmocka_unit_test(free_room_is_counted),
		cmocka_unit_test(hostile_chains_are_errors),
		cmocka_unit_test(long_names_that_do_not_fit_are_left_out),
		cmocka_unit_test(labels_are_found),
		cmocka_unit_test(other_things_are_refused),
		cmocka_unit_test(errors_and_lack_of_memory_are_told),
		cmocka_unit_test(flipped_bytes_do_no_harm),
	};

	return cmocka_run_group_tests(tests, make_tree, NULL);
}

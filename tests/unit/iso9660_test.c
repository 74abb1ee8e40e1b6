/* SPDX-License-Identifier: MIT */
/*
 * ISO 9660 on images that xorriso makes, with Rock Ridge, with Joliet and with neither, and
 * on such ones that were damaged.
 * sources: rootpart/iso9660/iso9660.c rootpart/iso9660/iso9660_volume.c
 * sources: rootpart/iso9660/iso9660_records.c rootpart/iso9660/iso9660_susp.c
 * sources: rootpart/block/block_bytes.c lib/utf16.c lib/date.c lib/string.c lib/format.c
 * sources: tests/unit/image_disk.c tests/unit/reader_tree.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/errno.h"
#include "lib/utf16.h"
#include "rootpart/iso9660/iso9660.h"
#include "tests/unit/image_disk.h"
#include "tests/unit/reader_tree.h"

#define XORRISO "xorriso -as mkisofs -quiet"

static struct image_disk disk;
static struct iso9660 *fs;

/* A tree with files of odd sizes, deep and long names, and many in one directory. */
static int make_trees(void **state)
{
	const char *f = image_folder();

	(void)state;
	setenv("TZ", "EAST-3", 1); /* discs tell how far it is from UTC */
	assert_int_equal(
		image_command(
			"umask 022; mkdir -p %s/tree/many %s/tree/empty && cd %s/tree && "
			"for n in 0 1 2047 2048 2049 65535 65536 65537 300001; do "
			"head -c $n /dev/urandom >size-$n; done && "
			"for n in $(seq 400); do echo $n >many/file-number-$n.txt; done && "
			"mkdir -p d1/d2/d3/d4/d5/d6/d7/d8/d9/d10 && echo deep "
			">d1/d2/d3/d4/d5/d6/d7/d8/d9/d10/x && "
			"echo 'ü' >'Grüße 日本.txt' && touch -d '2001-02-03 04:05:06 UTC' size-1",
			f, f, f),
		0);
	assert_int_equal(
		image_command("cd %s && cp -a tree rock && cd rock && ln -s ../size-1 link && "
			      "ln -s $(printf '%%0200d/%%0200d' 7 8) long-link && "
			      "echo long >$(printf 'n%%0250d' 1)",
			f),
		0);
	assert_int_equal(image_command("mkdir -p %s/plain/SUB && cd %s/plain && echo a >A.TXT && "
				       "head -c 5000 /dev/urandom >NODOT && echo b >SUB/B.C",
				 f, f),
		0);
	return 0;
}

static void mount_image(const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", image_folder(), name);
	image_disk_load(&disk, path, 2048);
	assert_int_equal(iso9660_mount(&disk.d, &fs), 0);
}

static void forget(void)
{
	iso9660_unmount(fs);
	image_disk_free(&disk);
	assert_int_equal(image_objects, 0);
}

static void make(const char *image, const char *options, const char *tree)
{
	assert_int_equal(image_command("cd %s && " XORRISO " %s -o %s %s", image_folder(), options,
				 image, tree),
		0);
}

static void rock_ridge_is_as_on_the_host(void **state)
{
	struct vfs_stat stat;
	char label[ISO9660_LABEL], host[256];

	(void)state;
	make("rock.iso", "-R -J -joliet-long -V 'My Disc'", "rock");
	mount_image("rock.iso");
	assert_true(iso9660_probe(&disk.d, label));
	assert_string_equal(label, "My Disc");
	snprintf(host, sizeof(host), "%s/rock", image_folder());
	reader_same_tree(&iso9660_vfs_ops, fs, host);
	assert_int_equal(iso9660_vfs_ops.stat(fs, "link", &stat), 0);
	assert_int_equal(stat.type, VFS_FILE);
	assert_int_equal(iso9660_vfs_ops.stat(fs, "link/x", &stat), -ENOTDIR);
	assert_int_equal(iso9660_vfs_ops.stat(fs, "size-1", &stat), 0);
	assert_int_equal(stat.mtime, 981173106);
	assert_int_equal(iso9660_vfs_ops.stat(fs, "many/none", &stat), -ENOENT);
	assert_int_equal(iso9660_vfs_ops.stat(fs, "size-1/x", &stat), -ENOTDIR);
	assert_int_equal(iso9660_vfs_ops.stat(fs, "", &stat), 0);
	assert_int_equal(stat.type, VFS_DIRECTORY);
	forget();
}

static void joliet_is_as_on_the_host(void **state)
{
	char host[256];

	(void)state;
	make("joliet.iso", "-J -joliet-long --norock", "tree");
	mount_image("joliet.iso");
	snprintf(host, sizeof(host), "%s/tree", image_folder());
	reader_same_tree(&iso9660_vfs_ops, fs, host);
	forget();
}

static void plain_names_lose_their_versions(void **state)
{
	char host[256];

	(void)state;
	make("plain.iso", "--norock", "plain");
	mount_image("plain.iso");
	snprintf(host, sizeof(host), "%s/plain", image_folder());
	reader_same_tree(&iso9660_vfs_ops, fs, host);
	forget();
}

/* Below eight levels they lie elsewhere, and are seen where they belong. */
static void relocated_directories_are_in_their_place(void **state)
{
	struct vfs_stat stat;
	char buf[8];

	(void)state;
	assert_int_equal(
		image_command("cd %s && xorriso -compliance deep_paths_off -rr_reloc_dir moved "
			      "-outdev moved.iso -map tree /",
			image_folder()),
		0);
	mount_image("moved.iso");
	assert_int_equal(reader_read(&iso9660_vfs_ops, fs, "d1/d2/d3/d4/d5/d6/d7/d8/d9/d10/x", buf,
				 sizeof(buf)),
		5);
	assert_memory_equal(buf, "deep\n", 5);
	assert_int_equal(iso9660_vfs_ops.stat(fs, "d1/d2/d3/d4/d5/d6/d7/d8", &stat), 0);
	assert_int_equal(stat.type, VFS_DIRECTORY);
	assert_int_equal(iso9660_vfs_ops.stat(fs, "moved/d8", &stat), -ENOENT);
	forget();
}

/* The record of @name in the image, by its 8.3 name. */
static u8 *record_of(const char *name)
{
	size_t len = strlen(name);

	for (u64 at = 17 * 2048; at + 64 < disk.size; at++) {
		u8 *r = disk.bytes + at;

		if (r[32] == len && memcmp(r + 33, name, len) == 0 && r[0] >= 33 + len)
			return r;
	}
	abort();
}

static void put32(u8 *p, u32 v)
{
	for (u32 i = 0; i < 4; i++)
		p[i] = (u8)(v >> 8 * i);
}

/* A.TXT and NODOT made one file: its first extent has 2048 bytes, as all but the last do. */
static void extents_make_one_file(void **state)
{
	static u8 got[8192], first[2048], second[5000];
	struct vfs_stat stat;
	u8 *a, *b;

	(void)state;
	make("plain.iso", "--norock", "plain");
	mount_image("plain.iso");
	a = record_of("A.TXT;1");
	b = a + a[0];
	memcpy(first, disk.bytes + 2048 * (u64)(a[2] | a[3] << 8), sizeof(first));
	memcpy(second, disk.bytes + 2048 * (u64)(b[2] | b[3] << 8), sizeof(second));
	put32(a + 10, 2048);
	a[25] |= 0x80;
	assert_int_equal(iso9660_vfs_ops.stat(fs, "A.TXT", &stat), 0);
	/* What was read at the mount is not read again. */
	iso9660_unmount(fs);
	assert_int_equal(iso9660_mount(&disk.d, &fs), 0);
	assert_int_equal(iso9660_vfs_ops.stat(fs, "A.TXT", &stat), 0);
	assert_int_equal(stat.size, 7048);
	assert_int_equal(iso9660_vfs_ops.stat(fs, "NODOT", &stat), -ENOENT);
	assert_int_equal(reader_read(&iso9660_vfs_ops, fs, "A.TXT", got, sizeof(got)), 7048);
	assert_memory_equal(got, first, 2048);
	assert_memory_equal(got + 2048, second, 5000);
	forget();
}

static void hostile_places_are_errors(void **state)
{
	u8 buf[16];
	struct vfs_stat stat;
	u8 *r;

	(void)state;
	make("plain.iso", "--norock", "plain");
	mount_image("plain.iso");
	iso9660_unmount(fs);
	put32(record_of("A.TXT;1") + 2, 0xfffffff0);
	/* A directory that is its own child: as deep as the path. */
	r = record_of("SUB");
	memcpy(r + 2, disk.bytes + 16 * 2048 + 156 + 2, 16);
	assert_int_equal(iso9660_mount(&disk.d, &fs), 0);
	assert_int_equal(reader_read(&iso9660_vfs_ops, fs, "A.TXT", buf, sizeof(buf)), -EIO);
	assert_non_null(strstr(image_log, "leaves the medium"));
	assert_int_equal(iso9660_vfs_ops.stat(fs, "SUB/SUB/SUB/NODOT", &stat), 0);
	assert_int_equal(stat.size, 5000);
	assert_int_equal(
		iso9660_vfs_ops.open(fs, "NODOT", &(struct vfs_file){ .flags = VFS_WRITE }),
		-EROFS);
	iso9660_unmount(fs);
	/* The root outside of the medium: nothing to be mounted. */
	put32(disk.bytes + 16 * 2048 + 156 + 2, 0x7fffffff);
	assert_int_equal(iso9660_mount(&disk.d, &fs), -EINVAL);
	disk.bytes[16 * 2048 + 1] = 'X';
	assert_false(iso9660_probe(&disk.d, (char[ISO9660_LABEL]){ 0 }));
	image_disk_free(&disk);
	assert_int_equal(image_objects, 0);
}

/* A bad sector takes none of its neighbours along: only the first read of a window fails. */
static void a_bad_sector_is_alone(void **state)
{
	u8 buf[4];

	(void)state;
	make("plain.iso", "--norock", "plain");
	mount_image("plain.iso");
	for (u64 i = 1; i < 4; i++) {
		iso9660_unmount(fs);
		disk.reads = 0;
		disk.fail_read_at = i;
		assert_int_equal(iso9660_mount(&disk.d, &fs), 0);
		assert_int_equal(reader_read(&iso9660_vfs_ops, fs, "SUB/B.C", buf, sizeof(buf)), 2);
	}
	forget();
}

static void errors_and_lack_of_memory_are_told(void **state)
{
	u64 reads;

	(void)state;
	make("rock.iso", "-R -J -joliet-long", "rock");
	mount_image("rock.iso");
	(void)reader_wander(&iso9660_vfs_ops, fs, 60);
	reads = disk.reads;
	for (u64 i = 1; i <= reads; i++) {
		disk.reads = 0;
		iso9660_unmount(fs);
		fs = NULL;
		disk.fail_read_at = i;
		if (iso9660_mount(&disk.d, &fs) == 0)
			(void)reader_wander(&iso9660_vfs_ops, fs, 60);
	}
	disk.fail_read_at = 0;
	for (u64 i = 0; i < 30; i++) {
		iso9660_unmount(fs);
		fs = NULL;
		image_memory_left = i;
		if (iso9660_mount(&disk.d, &fs) == 0)
			assert_true(reader_wander(&iso9660_vfs_ops, fs, 60) > 0);
		image_memory_left = ~0ull;
	}
	forget();
}

/* Thousands of damaged images: they end, and give back all that they took. */
static void flipped_bytes_do_no_harm(void **state)
{
	u64 first = 16 * 2048, mounted = 0;
	u8 *pristine;

	(void)state;
	make("rock.iso", "-R -J -joliet-long -no-pad", "rock");
	mount_image("rock.iso");
	iso9660_unmount(fs);
	pristine = malloc(disk.size);
	memcpy(pristine, disk.bytes, disk.size);
	srandom(1);
	for (u32 i = 0; i < 3000; i++) {
		/* The first quarter has descriptors and directories. */
		u64 end = first + (disk.size - first) / 4;

		for (u32 k = 0; k < 1 + i % 40; k++)
			disk.bytes[first + (u64)random() % (end - first)] = (u8)random();
		if (iso9660_mount(&disk.d, &fs) == 0) {
			(void)reader_wander(&iso9660_vfs_ops, fs, 100);
			iso9660_unmount(fs);
			mounted++;
		}
		if (i % 8 == 7)
			memcpy(disk.bytes, pristine, disk.size);
	}
	assert_true(mounted > 100);
	free(pristine);
	image_disk_free(&disk);
	assert_int_equal(image_objects, 0);
}

static void utf16_becomes_utf8(void **state)
{
	static const u16 text[] = { 'a', 0xe9, 0x20ac, 0xd83d, 0xde00, 0xd800, 'b', 0xdc00 };
	char out[32];

	(void)state;
	assert_int_equal(utf16_to_utf8(text, ARRAY_SIZE(text), out, sizeof(out)), 17);
	assert_string_equal(out, "a\u00e9\u20ac\U0001f600\ufffd"
				 "b\ufffd");
	/* Cut at a character. */
	assert_int_equal(utf16_to_utf8(text, ARRAY_SIZE(text), out, 6), 17);
	assert_string_equal(out, "a\u00e9");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(utf16_becomes_utf8),
		cmocka_unit_test(rock_ridge_is_as_on_the_host),
		cmocka_unit_test(joliet_is_as_on_the_host),
		cmocka_unit_test(plain_names_lose_their_versions),
		cmocka_unit_test(relocated_directories_are_in_their_place),
		cmocka_unit_test(extents_make_one_file),
		cmocka_unit_test(hostile_places_are_errors),
		cmocka_unit_test(a_bad_sector_is_alone),
		cmocka_unit_test(errors_and_lack_of_memory_are_told),
		cmocka_unit_test(flipped_bytes_do_no_harm),
	};

	return cmocka_run_group_tests(tests, make_trees, NULL);
}

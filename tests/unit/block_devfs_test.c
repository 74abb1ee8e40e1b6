/* SPDX-License-Identifier: MIT */
/*
 * Disks as files: reading and writing at any byte against a plain copy, their ends,
 * errors in the middle, who holds what; and looking for partitions.
 * sources: rootpart/block/block_cut.c rootpart/block/block_queue.c rootpart/block/block_piece.c
 * sources: rootpart/block/block_request.c rootpart/block/block_agent.c rootpart/block/block_watch.c
 * sources: rootpart/block/block_check.c
 * sources: rootpart/block/block_sync.c rootpart/block/block_device.c rootpart/block/devfs.c
 * sources: rootpart/block/block_partition.c lib/partition_table.c lib/partition_mbr.c
 * sources: lib/partition_gpt.c lib/crc32.c rootpart/vfs.c rootpart/path.c rootpart/errno_text.c
 * sources: rootpart/time.c lib/format.c lib/string.c tests/unit/fake_root.c
 * cflags: -iquote tests/unit/fake/root -DHEAP_IN_MEMORY
 */
#include "tests/unit/block_machine.h"

#include "rootpart/block/block_partition.h"
#include "rootpart/block/devfs.h"

static u32 bad_piece; /* the one that fails, from 1 on */

static void serve(void)
{
	settle();
	while (under_way_count > 0) {
		finish(0, bad_piece > 0 && --bad_piece == 0 ? -EIO : 0);
		settle();
	}
}

static int setup_devfs(void **state)
{
	int r = setup(state);

	on_task_wait = serve;
	bad_piece = 0;
	return r;
}

static void path_of(const struct block_device *d, char *path)
{
	sprintf(path, "/dev/%s", d->name);
}

static void random_bytes(u32 sector_size)
{
	static u8 copy[DISK_MAX], buf[200000];
	struct vfs_file file;
	char path[32];

	disk_init(sector_size);
	disk_register();
	path_of(&disk, path);
	assert_int_equal(vfs_open(path, VFS_WRITE, &file), 0);
	for (u32 i = 0; i < DISK_MAX; i++)
		copy[i] = medium[i] = (u8)(i * 11 + i / 4096);
	srand(4);
	for (u32 i = 0; i < 300; i++) {
		u32 at = (u32)rand() % DISK_MAX;
		u32 most = rand() % 2 ? 700 : (u32)sizeof(buf);
		u32 len = (u32)rand() % most, left = MIN(len, DISK_MAX - at);

		file.offset = at;
		if (rand() % 2) {
			assert_int_equal(vfs_read(&file, buf, len), left);
			assert_memory_equal(buf, copy + at, left);
			continue;
		}
		for (u32 k = 0; k < len; k++)
			buf[k] = (u8)rand();
		assert_int_equal(vfs_write(&file, buf, len), left);
		memcpy(copy + at, buf, left);
		assert_int_equal(file.offset, at + left);
	}
	vfs_close(&file);
	assert_memory_equal(medium, copy, DISK_MAX);
}

static void bytes_512(void **state)
{
	(void)state;
	random_bytes(512);
}

static void bytes_4096(void **state)
{
	(void)state;
	random_bytes(4096);
}

static void ends(void **state)
{
	struct vfs_file file;
	struct vfs_stat stat;
	char path[32], buf[4];

	(void)state;
	disk.limits.write_cache = true;
	disk_register();
	path_of(&disk, path);
	assert_int_equal(vfs_stat(path, &stat), 0);
	assert_int_equal(stat.size, DISK_MAX);
	assert_int_equal(stat.type, VFS_FILE);
	assert_int_equal(vfs_stat("/dev/nothing", &stat), -ENOENT);
	assert_int_equal(vfs_open("/dev/nothing", VFS_WRITE | VFS_CREATE, &file), -EROFS);
	assert_int_equal(vfs_open("/dev/nothing", VFS_READ, &file), -ENOENT);
	assert_int_equal(vfs_remove(path), -EROFS);
	assert_int_equal(vfs_open(path, VFS_WRITE | VFS_CREATE | VFS_TRUNCATE, &file), 0);
	file.offset = DISK_MAX;
	assert_int_equal(vfs_read(&file, buf, 4), 0);
	assert_int_equal(vfs_write(&file, buf, 4), -ENOSPC);
	file.offset = ~0ull;
	assert_int_equal(vfs_read(&file, buf, 4), 0);
	file.offset = DISK_MAX - 2;
	assert_int_equal(vfs_write(&file, buf, 4), 2);
	assert_int_equal(cached, 1);
	assert_int_equal(vfs_truncate(&file, 0), -ENOTSUP);
	assert_int_equal(vfs_sync(&file), 0);
	assert_int_equal(cached, 0); /* flushed */
	file.offset = 0;
	assert_int_equal(vfs_write(&file, buf, 4), 4);
	assert_true(cached > 0);
	vfs_close(&file);
	assert_int_equal(cached, 0); /* flushed */
}

static void errors(void **state)
{
	static u8 buf[200000];
	struct vfs_file file;
	char path[32];

	(void)state;
	disk_register();
	path_of(&disk, path);
	assert_int_equal(vfs_open(path, VFS_WRITE, &file), 0);
	bad_piece = 1;
	assert_int_equal(vfs_read(&file, buf, sizeof(buf)), -EIO);
	bad_piece = 2;
	assert_int_equal(vfs_read(&file, buf, sizeof(buf)), 64 * KIB);
	file.offset = 100;
	bad_piece = 1; /* the reading of the first sector */
	assert_int_equal(vfs_write(&file, buf, 10), -EIO);
	bad_piece = 2; /* the writing */
	assert_int_equal(vfs_write(&file, buf, 10), -EIO);
	vfs_close(&file);
}

static void holders(void **state)
{
	char path[32], other[BLOCK_HOLDER_SIZE];
	struct block_device *p;
	struct vfs_file file, again;

	(void)state;
	disk_register();
	assert_int_equal(block_add_partition(&disk, 1, 10, 10), 0);
	assert_int_equal(block_add_partition(&disk, 2, 20, 10), 0);
	p = block_next(&disk);
	path_of(&disk, path);
	assert_int_equal(block_hold(p, "VM web", other), 0);
	assert_int_equal(vfs_open(path, VFS_WRITE, &file), -EBUSY);
	assert_int_equal(vfs_open(path, VFS_READ, &file), 0);
	vfs_close(&file);
	assert_int_equal(block_hold(&disk, "VM db", other), -EBUSY);
	assert_string_equal(other, "VM web");
	assert_int_equal(block_hold(block_next(p), "VM db", other), 0);
	block_let_go(block_next(p));
	block_let_go(p);
	assert_int_equal(vfs_open(path, VFS_WRITE, &file), 0);
	assert_int_equal(vfs_open(path, VFS_WRITE, &again), -EBUSY);
	assert_int_equal(block_hold(p, "VM web", other), -EBUSY);
	vfs_close(&file);
	assert_int_equal(block_hold(p, "VM web", other), 0);
	disk.limits.read_only = true;
	block_let_go(p);
	assert_int_equal(vfs_open(path, VFS_WRITE, &file), -EROFS);
	for (u32 i = 0; i < 2; i++) {
		p = block_next(&disk);
		list_remove(&p->link);
		kfree(p);
	}
}

static void listing(void **state)
{
	struct vfs_directory directory;
	struct vfs_entry entry;

	(void)state;
	disk_register();
	assert_int_equal(vfs_opendir("/dev", &directory), 0);
	assert_int_equal(vfs_readdir(&directory, &entry), 1);
	assert_string_equal(entry.name, disk.name);
	assert_int_equal(entry.stat.size, DISK_MAX);
	assert_int_equal(vfs_readdir(&directory, &entry), 0);
}

/* A table with a partition that is good, and one that leaves the disk. */
static void partitions(void **state)
{
	struct block_device *p;
	u8 *e = medium + 446;

	(void)state;
	memset(medium, 0, 512);
	e[4] = e[20] = 0x83;
	e[8] = 64;
	e[12] = 8;
	e[24] = 200;
	memset(e + 28, 0xff, 4);
	memcpy(medium + 510, "\x55\xaa", 2);
	disk_register();
	block_scan_partitions();
	p = block_next(&disk);
	assert_non_null(p);
	assert_int_equal(p->first, 64);
	assert_int_equal(p->limits.sectors, 8);
	assert_null(block_next(p));
	assert_int_equal(log_lines, 1);
	assert_non_null(strstr(log_last, "1 partitions left out"));
	list_remove(&p->link);
	kfree(p);
	bad_piece = 1;
	block_scan_partitions();
	assert_non_null(strstr(log_last, "partitions are not known: input or output failed"));
	assert_null(block_next(&disk));
}

static int mount(void **state)
{
	(void)state;
	devfs_init();
	return 0;
}

#define DEVFS_TEST(name) cmocka_unit_test_setup_teardown(name, setup_devfs, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		DEVFS_TEST(bytes_512),
		DEVFS_TEST(bytes_4096),
		DEVFS_TEST(ends),
		DEVFS_TEST(errors),
		DEVFS_TEST(holders),
		DEVFS_TEST(listing),
		DEVFS_TEST(partitions),
	};

	return cmocka_run_group_tests(tests, mount, NULL);
}

/* SPDX-License-Identifier: MIT */
/*
 * cp, mv, sha256, disk create, volume list and df, as typed, on a memory file system at /vm
 * and one at /other that has no sparse files, fails when the test wants it, and is read.
 * sources: rootpart/cli/dispatch.c rootpart/cli/args.c rootpart/cli/words.c rootpart/cli/out.c
 * sources: rootpart/cli/complete.c rootpart/cli/completion.c rootpart/cli/json.c
 * sources: rootpart/cli/units.c rootpart/cli/sorted.c rootpart/cli/cmd_file.c
 * sources: rootpart/cli/cmd_tree.c rootpart/cli/cmd_copy.c rootpart/cli/copy.c
 * sources: rootpart/cli/progress.c rootpart/cli/cmd_sha256.c rootpart/cli/cmd_volume.c
 * sources: rootpart/cli/cmd_volume_bench.c rootpart/cli/volume_bench.c lib/latency.c
 * sources: rootpart/cli/cmd_disk_create.c rootpart/memfs.c rootpart/memfs_data.c
 * sources: rootpart/vfs.c rootpart/path.c rootpart/errno_text.c lib/format.c lib/string.c
 * sources: lib/date.c lib/sha256.c tests/unit/fake_files.c tests/unit/host_assert.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/errno.h"
#include "rootpart/cli/cmd_disk.h"
#include "rootpart/cli/commands.h"
#include "rootpart/console_input.h"
#include "rootpart/memfs.h"
#include "rootpart/task.h"
#include "rootpart/time.h"
#include "rootpart/volume.h"
#include "tests/unit/cli_typed.h"
#include "tests/unit/fake_files.h"

/* Ctrl-C comes when it was looked for so often; ~0: never. */
static u32 looks_left = ~0u;
static u64 now, per_look;

void task_yield(void)
{
}

bool console_interrupted(void)
{
	now += per_look;
	if (looks_left == 0)
		return true;
	looks_left -= looks_left != ~0u;
	return false;
}

u64 time_ns(void)
{
	return now;
}

static const struct cli_command *const disk_commands[] = { &command_disk_create };
static const struct cli_command group = {
	.name = "disk", .usage = "", .help = "", .commands = disk_commands, .command_count = 1
};
const struct cli_command *const cli_commands[] = {
	&command_cat,
	&command_cp,
	&command_df,
	&group,
	&command_ls,
	&command_mkdir,
	&command_mv,
	&command_rm,
	&command_sha256,
	&command_volume,
};
const u32 cli_command_count = ARRAY_SIZE(cli_commands);

/* Volumes as volume.c tells of them. */
bool volume_get(u32 i, struct volume_info *info)
{
	static const struct volume_info list[] = {
		{ "disk0p1", "ext4", "VMSTORE", 8 * GIB, 3 * GIB, "/vm", false, "", false, true },
		{ "cd0", "iso9660", "", 700 * MIB, 0, "/vol/cd0", true, "only read", false, false },
		{ "disk1", "fat", "X", MIB, 0, "", false, "invalid", false, false },
		{ "cd1", "", "", 2048, 0, "", false, "", true, false },
	};

	if (i >= ARRAY_SIZE(list))
		return false;
	*info = list[i];
	return true;
}

static struct memfs *vm, *inner;

static u8 content[1000003], back[sizeof(content) + 1];

/* At /other: the second memory file system, less what the test takes away. */
static struct vfs_ops other_ops;
static u32 writes_left = ~0u, syncs, reads;
static u64 data_begins, data_ends; /* of all files there */
static int read_error;

static s64 other_write(struct vfs_file *file, const void *buf, size_t len)
{
	if (writes_left == 0)
		return -EIO;
	writes_left -= writes_left != ~0u;
	/* In part, as file systems may. */
	return memfs_ops.write(file, buf, MIN(len, 100000));
}

static s64 other_read(struct vfs_file *file, void *buf, size_t len)
{
	reads++;
	return read_error != 0 ? read_error : memfs_ops.read(file, buf, len);
}

static int other_data(struct vfs_file *file, u64 *offset)
{
	(void)file;
	if (*offset < data_begins)
		*offset = data_begins;
	else if (*offset >= data_ends)
		*offset = MAX(*offset, sizeof(content));
	return 0;
}

static int other_sync(struct vfs_file *file)
{
	(void)file;
	syncs++;
	return 0;
}

static bool other_read_only;

static int other_statfs(void *fs, struct vfs_statfs *out)
{
	if (!other_read_only)
		return -ENOTSUP;
	*out = (struct vfs_statfs){ .read_only = true };
	(void)fs;
	return 0;
}

/* A device: can be written, not made or removed. */
static u8 device[300000];

static int device_stat(void *fs, const char *path, struct vfs_stat *stat)
{
	(void)fs;
	*stat = (struct vfs_stat){ .type = path[0] == '\0' ? VFS_DIRECTORY : VFS_FILE };
	stat->size = sizeof(device);
	return path[0] == '\0' || strcmp(path, "disk0") == 0 ? 0 : -ENOENT;
}

static int device_open(void *fs, const char *path, struct vfs_file *file)
{
	(void)fs;
	(void)file;
	return strcmp(path, "disk0") == 0 ? 0 : -EROFS;
}

static s64 device_write(struct vfs_file *file, const void *buf, size_t len)
{
	if (len > sizeof(device) - file->offset)
		return -ENOSPC;
	memcpy(device + file->offset, buf, len);
	return (s64)len;
}

static const struct vfs_ops device_ops = {
	.stat = device_stat, .open = device_open, .write = device_write
};

static int set_up(void **state)
{
	(void)state;
	vm = memfs_create(8 * MIB);
	inner = memfs_create(8 * MIB);
	other_ops = memfs_ops;
	other_ops.write = other_write;
	other_ops.read = other_read;
	other_ops.truncate = NULL;
	other_ops.statfs = other_statfs;
	other_ops.sync = other_sync;
	other_ops.data = other_data;
	assert_int_equal(vfs_mount("/vm", &memfs_ops, vm), 0);
	assert_int_equal(vfs_mount("/other", &other_ops, inner), 0);
	assert_int_equal(vfs_mount("/dev", &device_ops, NULL), 0);
	return 0;
}

static void put(const char *path, const void *data, size_t len)
{
	struct vfs_file file;

	assert_int_equal(vfs_open(path, VFS_WRITE | VFS_CREATE | VFS_TRUNCATE, &file), 0);
	while (len > 0) {
		s64 n = vfs_write(&file, data, len);

		assert_true(n > 0);
		data = (const u8 *)data + n;
		len -= (size_t)n;
	}
	vfs_close(&file);
}

static size_t get(const char *path)
{
	struct vfs_file file;
	s64 n;

	assert_int_equal(vfs_open(path, VFS_READ, &file), 0);
	n = vfs_read(&file, back, sizeof(back));
	vfs_close(&file);
	assert_true(n >= 0);
	return (size_t)n;
}

static bool is_there(const char *path)
{
	struct vfs_stat stat;

	return vfs_stat(path, &stat) == 0;
}

static int start(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(content); i++)
		content[i] = (u8)(i * 7 + i / 1000);
	put("/vm/a", content, sizeof(content));
	looks_left = ~0u;
	writes_left = ~0u;
	now = per_look = 0;
	read_error = 0;
	syncs = 0;
	data_begins = 0;
	data_ends = ~0ull;
	return 0;
}

/* Removes all below @path. */
static void clear(const char *path)
{
	struct vfs_directory directory;
	struct vfs_entry entry;
	char below[PATH_MAX];

	assert_int_equal(vfs_opendir(path, &directory), 0);
	while (vfs_readdir(&directory, &entry) == 1) {
		assert_int_equal(path_join(path, entry.name, below), 0);
		if (entry.stat.type == VFS_DIRECTORY)
			clear(below);
		assert_int_equal(vfs_remove(below), 0);
	}
}

static int end(void **state)
{
	(void)state;
	read_error = 0;
	clear("/vm");
	clear("/other");
	assert_int_equal(memfs_used(vm), 0);
	assert_int_equal(memfs_used(inner), 0);
	return 0;
}

static void files_are_copied(void **state)
{
	(void)state;
	expect("cp /vm/a /other/b", 0, "");
	assert_int_equal(get("/other/b"), sizeof(content));
	assert_memory_equal(back, content, sizeof(content));
	assert_int_equal(syncs, 1);
	assert_false(is_there("/other/.cp-part"));
	/* Into a directory, over an older file, of nothing. */
	expect("mkdir /vm/d", 0, "");
	expect("cp /vm/a /vm/d", 0, "");
	assert_int_equal(get("/vm/d/a"), sizeof(content));
	put("/vm/small", "x", 1);
	expect("cp /vm/small /vm/d/a", 0, "");
	assert_int_equal(get("/vm/d/a"), 1);
	put("/vm/none", "", 0);
	expect("cp vm/none vm/d/../none2", 0, "");
	assert_int_equal(get("/vm/none2"), 0);
	expect("cp /vm/a /vm/a", -EINVAL, "error: /vm/a: is itself the source\n");
	expect("cp /vm/a /vm/a/b", -ENOTDIR, "error: /vm/a/b: not a directory\n");
	expect("cp /vm/nope /vm/x", -ENOENT, "error: /vm/nope: no such file or directory\n");
	expect("cp /vm/d /vm/x", -EISDIR, "error: /vm/d: is a directory; -r copies it\n");
	expect("cp /vm/a /x", -EROFS, "error: /x: read-only file system\n");
	expect("cp /vm/a /vm/q/x", -ENOENT, "error: /vm/q/x: no such file or directory\n");
	/* With a slash at its end it is a directory. */
	expect("cp /vm/a /vm/q/", -ENOENT, "error: /vm/q/: no such file or directory\n");
	expect("cp /vm/a /vm/small/", -ENOTDIR, "error: /vm/small/: not a directory\n");
	expect("cp /vm/small /vm/d/", 0, "");
	assert_int_equal(get("/vm/d/small"), 1);
	expect("cp -r /vm/d /vm/e/", 0, "");
	assert_int_equal(get("/vm/e/small"), 1);
}

/* 4 MiB of nothing within a file system that has room for no such thing twice. */
static void zeros_take_no_room(void **state)
{
	u64 used = memfs_used(vm);
	struct vfs_stat stat;

	(void)state;
	expect("disk create /vm/disk --size 6M", 0, "");
	assert_int_equal(vfs_stat("/vm/disk", &stat), 0);
	assert_int_equal(stat.size, 6 * MIB);
	expect("cp /vm/disk /vm/copy", 0, "");
	assert_int_equal(vfs_stat("/vm/copy", &stat), 0);
	assert_int_equal(stat.size, 6 * MIB);
	assert_true(memfs_used(vm) - used < 100 * KIB);
}

/* They are not even read. */
static void holes_are_skipped(void **state)
{
	u64 used = memfs_used(vm);

	(void)state;
	memset(content, 0, 700000);
	memset(content + 800000, 0, sizeof(content) - 800000);
	put("/other/holes", content, sizeof(content));
	data_begins = 700000;
	data_ends = 800000;
	reads = 0;
	expect("cp /other/holes /vm/copy", 0, "");
	/* The data in one piece, and the end. */
	assert_int_equal(reads, 2);
	assert_int_equal(get("/vm/copy"), sizeof(content));
	assert_memory_equal(back, content, sizeof(content));
	assert_true(memfs_used(vm) - used < 400000);
	read_error = -EIO;
	expect("cp /other/holes /vm/copy", -EIO, "error: /other/holes: input or output failed\n");
}

static void a_copy_that_fails_leaves_what_was_there(void **state)
{
	(void)state;
	put("/other/b", "old", 3);
	writes_left = 3;
	expect("cp /vm/a /other/b", -EIO, "error: /other/b: input or output failed\n");
	writes_left = ~0u;
	assert_int_equal(get("/other/b"), 3);
	assert_false(is_there("/other/.cp-part"));
	/* Ctrl-C when two pieces are copied. */
	looks_left = 3;
	expect("cp /vm/a /other/b", -EINTR, "");
	looks_left = ~0u;
	assert_int_equal(get("/other/b"), 3);
	assert_false(is_there("/other/.cp-part"));
	read_error = -ETIMEDOUT;
	assert_int_equal(type("cp /other/b /vm/x"), -ETIMEDOUT);
	assert_non_null(strstr(said, "error: /other/b: "));
	assert_false(is_there("/vm/x"));
	read_error = 0;
	expect("cp /vm/a /other/b", 0, "");
	assert_int_equal(get("/other/b"), sizeof(content));
}

/* What a power cut left of a copy: read, it is not written over. */
static void what_is_left_of_a_copy_stays(void **state)
{
	(void)state;
	put("/vm/.cp-part", "half", 4);
	expect("cp /vm/.cp-part /vm/x", -EBUSY, "error: /vm/.cp-part: in use\n");
	assert_int_equal(get("/vm/.cp-part"), 4);
	assert_false(is_there("/vm/x"));
	expect("cp /vm/.cp-part /other/x", 0, "");
	assert_int_equal(get("/other/x"), 4);
	expect("cp /vm/a /vm/x", 0, "");
	assert_int_equal(get("/vm/x"), sizeof(content));
	assert_false(is_there("/vm/.cp-part"));
}

static void devices_are_written_where_they_are(void **state)
{
	(void)state;
	put("/vm/image", content, 200000);
	expect("cp /vm/image /dev/disk0", 0, "");
	assert_memory_equal(device, content, 200000);
	/* Zeros, too. */
	memset(content, 0, 200000);
	put("/vm/image", content, 200000);
	expect("cp /vm/image /dev/disk0", 0, "");
	assert_memory_equal(device, content, 200000);
	/* What does not fit is not begun. */
	expect("cp /vm/a /dev/disk0", -ENOSPC, "error: /dev/disk0: no space left\n");
	assert_memory_equal(device, content, 200000);
	expect("cp /vm/a /dev/disk7", -EROFS, "error: /dev/disk7: read-only file system\n");
}

static void trees_are_copied(void **state)
{
	(void)state;
	assert_int_equal(type("mkdir /vm/t /vm/t/x /vm/t/x/y /vm/t/empty"), 0);
	put("/vm/t/one", "1", 1);
	put("/vm/t/x/y/two", "22", 2);
	expect("cp -r /vm/t /other", 0, "");
	assert_int_equal(get("/other/t/one"), 1);
	assert_int_equal(get("/other/t/x/y/two"), 2);
	assert_true(is_there("/other/t/empty"));
	/* Once more is the same, below another name is not. */
	expect("cp -r /vm/t /other", 0, "");
	expect("cp -r /vm/t /other/u", 0, "");
	assert_int_equal(get("/other/u/x/y/two"), 2);
	expect("cp -r /vm/t /vm/t/x/z", -EINVAL, "error: /vm/t/x/z: is inside of the source\n");
	expect("cp -r /vm/t /vm/a", -ENOTDIR, "error: /vm/a: not a directory\n");
	/* One that cannot be replaced is told, and the others are copied. */
	assert_int_equal(type("rm /other/t/one"), 0);
	assert_int_equal(type("mkdir /other/t/one"), 0);
	put("/other/t/x/y/two", "", 0);
	expect("cp -r /vm/t /other", -EISDIR, "error: /other/t/one: is a directory\n");
	assert_int_equal(get("/other/t/x/y/two"), 2);
	looks_left = 2;
	expect("cp -r /vm/t /other/v", -EINTR, "");
	looks_left = ~0u;
}

static void files_are_moved(void **state)
{
	(void)state;
	expect("mv /vm/a /vm/b", 0, "");
	assert_false(is_there("/vm/a"));
	assert_int_equal(get("/vm/b"), sizeof(content));
	expect("mkdir /vm/d", 0, "");
	expect("mv /vm/b /vm/d", 0, "");
	assert_int_equal(get("/vm/d/b"), sizeof(content));
	/* To another file system, by a copy; not if that fails. */
	writes_left = 1;
	assert_int_equal(type("mv /vm/d/b /other"), -EIO);
	assert_true(is_there("/vm/d/b"));
	writes_left = ~0u;
	expect("mv /vm/d/b /other", 0, "");
	assert_int_equal(get("/other/b"), sizeof(content));
	assert_false(is_there("/vm/d/b"));
	expect("mv /vm/d /other", -EXDEV,
		"error: /other/d: is on another file system; cp -r copies it\n");
	expect("mv /vm/d /vm/e", 0, "");
	assert_true(is_there("/vm/e"));
	expect("mv /other /vm", -EBUSY, "error: /other: in use\n");
	/* From where nothing can be removed nothing is moved. */
	expect("mv /dev/disk0 /vm/disk0", -EROFS, "error: /dev/disk0: read-only file system\n");
	assert_false(is_there("/vm/disk0"));
	other_read_only = true;
	expect("mv /other/b /vm/b", -EROFS, "error: /other/b: read-only file system\n");
	other_read_only = false;
	assert_false(is_there("/vm/b"));
	expect("mv /vm/e /vm/e/f", -EINVAL, "error: /vm/e/f: is inside of the source\n");
}

static void sums_are_printed(void **state)
{
	(void)state;
	put("/vm/abc", "abc", 3);
	expect("sha256 /vm/abc /vm/nope /vm/abc", -ENOENT,
		"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad  /vm/abc\n"
		"error: /vm/nope: no such file or directory\n"
		"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad  /vm/abc\n");
	expect("sha256 /vm", -EISDIR, "error: /vm: is a directory\n");
	looks_left = 1;
	expect("sha256 /vm/a", -EINTR, "");
	looks_left = ~0u;
	/* Parts. */
	put("/vm/xabcx", "xabcx", 5);
	expect("sha256 --offset 1 --length=3 /vm/xabcx", 0,
		"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad  /vm/xabcx\n");
	put("/vm/xabc", "xabc", 4);
	expect("sha256 /vm/xabc --offset 1", 0,
		"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad  /vm/xabc\n");
	expect("sha256 --offset 5 --length 0 /vm/xabcx", 0,
		"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  /vm/xabcx\n");
	expect("sha256 --offset 6 /vm/xabcx", -EINVAL, "error: /vm/xabcx: has only 5 bytes\n");
	expect("sha256 --offset 1 --length 5 /vm/xabcx", -EINVAL,
		"error: /vm/xabcx: has only 5 bytes\n");
	assert_int_equal(type("sha256 --length x /vm/xabcx"), -EINVAL);
}

static void disks_are_made(void **state)
{
	static const char *const no_sizes[] = { "", "0", "511", "-1G", "1.5G", "5 G", "1GB", "17T",
		"99999999999999999999" };
	struct vfs_stat stat;

	(void)state;
	expect("disk create /vm/d", -EINVAL, "error: disk create: --size is missing\n");
	expect("disk create /vm/d --size 513", -EINVAL, "error: --size: not a multiple of 512\n");
	for (u32 i = 0; i < ARRAY_SIZE(no_sizes); i++) {
		char line[64], text[128];

		(void)snprintf(line, sizeof(line), "disk create /vm/d --size \"%s\"", no_sizes[i]);
		(void)snprintf(text, sizeof(text),
			"error: --size: \"%s\" is not from 512 to 16T; K, M, G or T may follow the "
			"number\n",
			no_sizes[i]);
		expect(line, -EINVAL, text);
	}
	assert_false(is_there("/vm/d"));
	expect("disk create /vm/d --size 512", 0, "");
	assert_int_equal(vfs_stat("/vm/d", &stat), 0);
	assert_int_equal(stat.size, 512);
	expect("disk create /vm/d --size 1M", -EEXIST, "error: /vm/d: exists already\n");
	expect("disk create /vm/e --size 1G", -ENOSPC, "error: /vm/e: no space left\n");
	assert_false(is_there("/vm/e"));
	expect("disk create /other/e --size 1M", -ENOTSUP, "error: /other/e: not supported\n");
	assert_false(is_there("/other/e"));
	expect("disk create /vm/f --size 1M --full", -ENOTSUP, "error: /vm/f: not supported\n");
	assert_false(is_there("/vm/f"));
}

static void what_takes_long_is_shown(void **state)
{
	(void)state;
	/* Each piece takes 600 ms: shown from the second one on. */
	per_look = 600 * NS_PER_MS;
	assert_int_equal(type("cp /vm/a /other/b"), 0);
	assert_int_equal(said[0], '\r');
	assert_non_null(strstr(said, "\r[######"));
	assert_non_null(strstr(said, "100 %"));
	assert_string_equal(said + said_len - 3, "/s\n");
}

static void volumes_are_listed(void **state)
{
	(void)state;
	assert_int_equal(type("volume list"), 0);
	assert_non_null(strstr(said, "device     type     label"));
	assert_non_null(strstr(said, "disk0p1    ext4     VMSTORE               8 GiB      3 GiB  "
				     "/vm                  mounted    -\n"));
	assert_non_null(strstr(said, "failed     invalid\n"));
	expect("volume list --json", 0,
		"[{\"device\":\"disk0p1\",\"type\":\"ext4\",\"label\":\"VMSTORE\",\"size\":"
		"8589934592,\"free\":3221225472,\"path\":\"/vm\",\"state\":\"mounted\",\"why\":"
		"null,\"uncommitted\":true},{\"device\":\"cd0\",\"type\":\"iso9660\",\"label\":"
		"null,\"size\":"
		"734003200,\"free\":0,\"path\":\"/vol/cd0\",\"state\":\"read-only\",\"why\":"
		"\"only "
		"read\",\"uncommitted\":false},{\"device\":\"disk1\",\"type\":\"fat\",\"label\":"
		"\"X\",\"size\":"
		"1048576,\"free\":0,\"path\":null,\"state\":\"failed\",\"why\":\"invalid\","
		"\"uncommitted\":false},{\"device\":\"cd1\",\"type\":null,\"label\":null,"
		"\"size\":2048,\"free\":0,\"path\":null,\"state\":\"looking\",\"why\":null,"
		"\"uncommitted\":false}]\n");
}

static void mounts_are_listed(void **state)
{
	(void)state;
	assert_int_equal(type("rm /vm/a"), 0);
	expect("df", 0,
		"      size       used       free  read_only  path\n"
		"     8 MiB        0 B      8 MiB  no         /vm\n"
		"         -          -          -  -          /other\n"
		"         -          -          -  -          /dev\n");
	expect("df --json", 0,
		"[{\"path\":\"/vm\",\"size\":8388608,\"used\":0,\"free\":8388608,"
		"\"read_only\":false},"
		"{\"path\":\"/other\",\"size\":null,\"used\":null,\"free\":null,"
		"\"read_only\":null},"
		"{\"path\":\"/dev\",\"size\":null,\"used\":null,\"free\":null,"
		"\"read_only\":null}]\n");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, start, end)
	const struct CMUnitTest tests[] = {
		TEST(files_are_copied),
		TEST(zeros_take_no_room),
		TEST(holes_are_skipped),
		TEST(a_copy_that_fails_leaves_what_was_there),
		TEST(what_is_left_of_a_copy_stays),
		TEST(devices_are_written_where_they_are),
		TEST(trees_are_copied),
		TEST(files_are_moved),
		TEST(sums_are_printed),
		TEST(disks_are_made),
		TEST(what_takes_long_is_shown),
		TEST(volumes_are_listed),
		TEST(mounts_are_listed),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}

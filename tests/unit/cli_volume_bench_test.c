/* SPDX-License-Identifier: MIT */
/*
 * volume bench, as typed, on a memory file system whose writes and syncs take so long by the
 * test's clock, and fail when it wants them to: what is measured, and that nothing is left.
 * sources: rootpart/cli/dispatch.c rootpart/cli/args.c rootpart/cli/words.c rootpart/cli/out.c
 * sources: rootpart/cli/complete.c rootpart/cli/completion.c rootpart/cli/json.c
 * sources: rootpart/cli/units.c rootpart/cli/sorted.c rootpart/cli/copy.c
 * sources: rootpart/cli/progress.c rootpart/cli/cmd_volume_bench.c rootpart/cli/volume_bench.c
 * sources: lib/latency.c rootpart/memfs.c rootpart/memfs_data.c rootpart/vfs.c
 * sources: rootpart/path.c rootpart/errno_text.c lib/format.c lib/string.c
 * sources: tests/unit/fake_files.c tests/unit/host_assert.c
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
#include "rootpart/cli/commands.h"
#include "rootpart/cli/volume_bench.h"
#include "rootpart/console_input.h"
#include "rootpart/memfs.h"
#include "rootpart/task.h"
#include "rootpart/time.h"
#include "tests/unit/cli_typed.h"
#include "tests/unit/fake_files.h"

#define OWN        "/vm/" VOLUME_BENCH_NAME
#define SMALL      "volume bench /vm --size 1M --files 10"
#define WRITE_TIME NS_PER_MS
#define SYNC_TIME  (2 * NS_PER_MS)
#define ENDLESS    (~0u)

/* Ctrl-C comes when it was looked for so often. */
static u32 looks_left;
static u64 now;

void task_yield(void)
{
}

bool console_interrupted(void)
{
	if (looks_left == 0)
		return true;
	looks_left -= looks_left != ENDLESS;
	return false;
}

u64 time_ns(void)
{
	return now;
}

static const struct cli_command *const volume_commands[] = { &command_volume_bench };
static const struct cli_command group = {
	.name = "volume", .usage = "", .help = "", .commands = volume_commands, .command_count = 1
};
const struct cli_command *const cli_commands[] = { &group };
const u32 cli_command_count = ARRAY_SIZE(cli_commands);

/* The file system: a memory one, less what the test takes away. */
static struct memfs *vm;
static struct vfs_ops ops;
static bool read_only;
static u32 calls_left, writes, syncs, creates;
/* Of the writes of VOLUME_BENCH_WRITE bytes; each must be synced before the next. */
static struct small {
	u64 offset;
	u32 syncs;
} small[64];
static u32 small_count;

/* True if this one is to fail. */
static bool fails(void)
{
	if (calls_left == 0)
		return true;
	calls_left -= calls_left != ENDLESS;
	return false;
}

static s64 slow_write(struct vfs_file *file, const void *buf, size_t len)
{
	if (fails())
		return -EIO;
	now += WRITE_TIME;
	writes++;
	assert_int_not_equal(*(const u8 *)buf, 0);
	if (len == VOLUME_BENCH_WRITE && small_count < ARRAY_SIZE(small))
		small[small_count++] = (struct small){ file->offset, syncs };
	return memfs_ops.write(file, buf, len);
}

static int slow_sync(struct vfs_file *file)
{
	(void)file;
	if (fails())
		return -EIO;
	now += SYNC_TIME;
	syncs++;
	return 0;
}

static int counted_open(void *fs, const char *path, struct vfs_file *file)
{
	if (fails())
		return -EIO;
	creates += path[strlen(VOLUME_BENCH_NAME) + 1] == 'n';
	return memfs_ops.open(fs, path, file);
}

static int statfs(void *fs, struct vfs_statfs *out)
{
	int r = memfs_ops.statfs(fs, out);

	out->read_only = read_only;
	return r;
}

static int set_up(void **state)
{
	(void)state;
	vm = memfs_create(8 * MIB);
	ops = memfs_ops;
	ops.write = slow_write;
	ops.sync = slow_sync;
	ops.open = counted_open;
	ops.statfs = statfs;
	assert_int_equal(vfs_mount("/vm", &ops, vm), 0);
	return 0;
}

static int start(void **state)
{
	(void)state;
	looks_left = calls_left = ENDLESS;
	fake_allocations = FAKE_ENDLESS;
	now = 0;
	writes = syncs = creates = small_count = 0;
	read_only = false;
	return 0;
}

static int end(void **state)
{
	(void)state;
	assert_int_equal(memfs_used(vm), 0);
	return 0;
}

static void put(const char *path)
{
	struct vfs_file file;

	assert_int_equal(vfs_open(path, VFS_WRITE | VFS_CREATE, &file), 0);
	vfs_close(&file);
}

static bool is_there(const char *path)
{
	struct vfs_stat stat;

	return vfs_stat(path, &stat) == 0;
}

static void all_is_measured(void **state)
{
	(void)state;
	assert_int_equal(type(SMALL), 0);
	assert_string_equal(said,
		"test          count  per second          rate   50 % us   99 % us    max us\n"
		"write             1         166     166 MiB/s\n"
		"read              1     1000000     976 GiB/s\n"
		"copy              1         166     166 MiB/s\n"
		"overwrite        10         333     1.3 MiB/s      3000      3000      3000\n"
		"append           10         333     1.3 MiB/s      3000      3000      3000\n"
		"create           10        5000\n"
		"remove           10        5000\n");
	assert_int_equal(syncs, 2 + 2 * 10 + 2);
	assert_int_equal(writes, 2 * 4 + 2 * 10);
	assert_int_equal(creates, 10);
}

/* One behind the other, from the beginning again; each synced by itself. */
static void small_writes_are_synced(void **state)
{
	(void)state;
	assert_int_equal(type("volume bench /vm --size 16K --files 10"), 0);
	assert_int_equal(small_count, 20);
	for (u32 i = 0; i < 20; i++) {
		assert_int_equal(small[i].syncs, 2 + i);
		assert_int_equal(small[i].offset, (i < 10 ? i % 4 : i - 10) * VOLUME_BENCH_WRITE);
	}
}

static void one_alone(void **state)
{
	(void)state;
	/* What it needs is done, and not shown. */
	expect("volume bench /vm --size 1M --test read --json", 0,
		"[{\"test\":\"read\",\"count\":1,\"per_second\":1000000,\"bytes_per_second\":"
		"1048576000000,\"latency_ns\":null,\"latency_50_ns\":null,\"latency_99_ns\":null,"
		"\"latency_max_ns\":null}]\n");
	assert_int_equal(writes, 4);
	expect("volume bench /vm --files 5 --size 4K --test append --json", 0,
		"[{\"test\":\"append\",\"count\":5,\"per_second\":333,\"bytes_per_second\":"
		"1365333,\"latency_ns\":3000000,\"latency_50_ns\":3000000,\"latency_99_ns\":"
		"3000000,\"latency_max_ns\":3000000}]\n");
	assert_int_equal(writes, 4 + 5);
	expect("volume bench /vm --files 7 --size 4K --test remove --json", 0,
		"[{\"test\":\"remove\",\"count\":7,\"per_second\":3500,\"bytes_per_second\":null,"
		"\"latency_ns\":null,\"latency_50_ns\":null,\"latency_99_ns\":null,"
		"\"latency_max_ns\":null}]\n");
	assert_int_equal(creates, 7);
}

static void what_cannot_be_is_refused(void **state)
{
	(void)state;
	expect("volume bench /vm --size 5000", -EINVAL, "error: --size: not a multiple of 4096\n");
	expect("volume bench /vm --files 0", -EINVAL,
		"error: --files: \"0\" is no number from 1 to 100000\n");
	expect("volume bench /vm --test fast", -EINVAL,
		"error: --test: write, read, copy, overwrite, append, create or remove, not "
		"\"fast\"\n");
	expect("volume bench /vm --size 4M --files 1", -ENOSPC,
		"error: /vm: needs 9 MiB, and 8 MiB is free: a smaller --size or --files takes "
		"less\n");
	expect("volume bench /vm/none --size 1M", -ENOENT,
		"error: /vm/none: no such file or directory\n");
	put("/vm/file");
	expect("volume bench /vm/file --size 1M", -ENOTDIR, "error: /vm/file: not a directory\n");
	assert_int_equal(vfs_remove("/vm/file"), 0);
	expect("volume bench /", -EROFS, "error: /: read-only file system\n");
	read_only = true;
	expect(SMALL, -EROFS, "error: /vm: read-only file system\n");
	assert_int_equal(writes, 0);
}

/* At every place where it is looked for. */
static void ctrl_c_leaves_nothing(void **state)
{
	u32 k = 0;

	(void)state;
	for (;; k++) {
		int r;

		looks_left = k;
		r = type(SMALL " --json");
		assert_false(is_there(OWN));
		assert_int_equal(memfs_used(vm), 0);
		if (r == 0)
			break;
		assert_int_equal(r, -EINTR);
		assert_string_equal(said, "");
	}
	assert_int_equal(k, 4 + 5 + 5 + 4 * 10);
}

/* Each open, write and sync; and each allocation. */
static void errors_leave_nothing(void **state)
{
	u32 k = 0;
	int r = -1;

	(void)state;
	for (; r != 0; k++) {
		calls_left = k;
		r = type(SMALL " --json");
		calls_left = ENDLESS;
		assert_false(is_there(OWN));
		assert_int_equal(memfs_used(vm), 0);
		assert_true(r == 0 || r == -EIO);
		if (r != 0) {
			assert_memory_equal(said, "error: " OWN, strlen("error: " OWN));
			assert_ptr_equal(strchr(said, '\n'), said + said_len - 1);
		}
	}
	assert_int_equal(k - 1, 6 + 1 + 7 + 2 * 21 + 12 + 2);
	r = -1;
	for (k = 0; r != 0; k++) {
		fake_allocations = k;
		r = type(SMALL " --json");
		fake_allocations = FAKE_ENDLESS;
		assert_false(is_there(OWN));
		assert_true(r == 0 || r == -ENOMEM || r == -ENOSPC);
		assert_ptr_equal(strchr(said, '\n'), said + said_len - 1);
	}
	assert_true(k > 20);
}

/* What one that was cut off left is taken away; nobody else's file is. */
static void what_was_left_goes(void **state)
{
	(void)state;
	assert_int_equal(vfs_mkdir(OWN), 0);
	put(OWN "/file");
	put(OWN "/.cp-part");
	put(OWN "/n000099");
	assert_int_equal(type(SMALL " --test create"), 0);
	assert_false(is_there(OWN));
	assert_int_equal(vfs_mkdir(OWN), 0);
	put(OWN "/n1st");
	expect(SMALL " --test create --json", -ENOTEMPTY, "error: " OWN ": directory not empty\n");
	assert_true(is_there(OWN "/n1st"));
	assert_int_equal(vfs_remove(OWN "/n1st"), 0);
	assert_int_equal(vfs_remove(OWN), 0);
}

static void tests_are_completed(void **state)
{
	static struct completion c;
	const char *line = "volume bench /vm --test o";

	(void)state;
	completion_begin(&c);
	complete_line(NULL, line, strlen(line), &c);
	assert_int_equal(c.count, 1);
	assert_string_equal(c.common, "overwrite");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, start, end)
	const struct CMUnitTest tests[] = {
		TEST(all_is_measured),
		TEST(small_writes_are_synced),
		TEST(one_alone),
		TEST(what_cannot_be_is_refused),
		TEST(ctrl_c_leaves_nothing),
		TEST(errors_leave_nothing),
		TEST(what_was_left_goes),
		TEST(tests_are_completed),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}

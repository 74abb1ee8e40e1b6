/* SPDX-License-Identifier: MIT */
/*
 * The worker's accessor of child memory: bounds, kinds of regions, and the
 * record of what was written.
 * sources: rootpart/worker/memory.c rootpart/worker/sys.c tests/unit/fake_worker.c
 * sources: tests/unit/host_assert.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/errno.h"
#include "fake_worker.h"
#include "rootpart/worker/memory.h"

#define ROM_GPA  0x800000ull
#define HIGH_GPA (4 * GIB)

/* RAM, RAM right behind it, ROM behind that; RAM above 4 GiB; given out of order. */
static int setup(void **state)
{
	(void)state;
	fake_reset();
	fake_region(HIGH_GPA, 0x100000, WORKER_REGION_RAM);
	fake_region(0x400000, 0x400000, WORKER_REGION_RAM);
	fake_region(0, 0x400000, WORKER_REGION_RAM);
	fake_region(ROM_GPA, 0x2000, WORKER_REGION_ROM);
	return memory_init() ? 0 : -1;
}

static void regions_are_sorted(void **state)
{
	(void)state;
	assert_int_equal(memory_region_count(), 4);
	assert_int_equal(memory_region(0)->gpa, 0);
	assert_int_equal(memory_region(1)->gpa, 0x400000);
	assert_int_equal(memory_region(2)->gpa, ROM_GPA);
	assert_int_equal(memory_region(3)->gpa, HIGH_GPA);
}

static void bounds(void **state)
{
	(void)state;
	assert_ptr_equal(memory_at(0, 0x400000, MEMORY_WRITE), fake_memory(0));
	assert_ptr_equal(memory_at(0x3fffff, 1, MEMORY_WRITE), fake_memory(0x3fffff));
	assert_null(memory_at(0x3fffff, 2, MEMORY_WRITE)); /* two regions */
	assert_null(memory_at(0, 0x400001, MEMORY_WRITE));
	assert_null(memory_at(0, 0, MEMORY_READ));
	assert_null(memory_at(0, UINT64_MAX, MEMORY_READ));
	assert_null(memory_at(0x1000, UINT64_MAX - 0xfff, MEMORY_READ));
	assert_null(memory_at(UINT64_MAX, 1, MEMORY_READ));
	assert_null(memory_at(UINT64_MAX, UINT64_MAX, MEMORY_READ));
	assert_null(memory_at(0x900000, 1, MEMORY_READ));
	assert_null(memory_at(HIGH_GPA - 1, 2, MEMORY_READ));
	assert_ptr_equal(
		memory_at(HIGH_GPA + 0xfffff, 1, MEMORY_READ), fake_memory(HIGH_GPA + 0xfffff));
	assert_null(memory_at(HIGH_GPA + 0xfffff, 2, MEMORY_READ));
}

static void rom_is_read_only(void **state)
{
	u32 v = 0x11223344;

	(void)state;
	assert_non_null(memory_at(ROM_GPA, 0x2000, MEMORY_READ));
	assert_null(memory_at(ROM_GPA, 1, MEMORY_WRITE));
	memcpy(fake_memory(ROM_GPA), "ROM!", 4);
	memory_write(ROM_GPA, &v, sizeof(v));
	memory_read(ROM_GPA, &v, sizeof(v));
	assert_memory_equal(&v, "ROM!", 4);
	assert_false(fake_dirty(ROM_GPA));
	assert_false(memory_fill(ROM_GPA, &v, sizeof(v)));
	assert_false(memory_zero(ROM_GPA, 1));
}

static void writes_are_recorded(void **state)
{
	u8 bytes[0x1002] = { 1 };

	(void)state;
	memory_write(0x5fff, bytes, 1);
	assert_true(fake_dirty(0x5000));
	assert_false(fake_dirty(0x4000) || fake_dirty(0x6000));
	memory_write(0x8fff, bytes, sizeof(bytes));
	assert_true(fake_dirty(0x8000) && fake_dirty(0x9000) && fake_dirty(0xa000));
	assert_false(fake_dirty(0x7000) || fake_dirty(0xb000));
	memory_wrote(HIGH_GPA + 0x1000, 0x1000);
	assert_true(fake_dirty(HIGH_GPA + 0x1000));
	assert_false(fake_dirty(HIGH_GPA) || fake_dirty(HIGH_GPA + 0x2000));
	assert_true(memory_zero(0x10ff0, 0x20));
	assert_true(fake_dirty(0x10000) && fake_dirty(0x11000));
	/* Nothing that is not RAM. */
	memory_wrote(0x20000, 0);
	memory_wrote(0x3ffff0, 0x20);
	memory_wrote(UINT64_MAX - 5, 100);
	assert_false(fake_dirty(0x20000) || fake_dirty(0x3ff000) || fake_dirty(0x400000));
}

/* Reads record nothing; memory that is nowhere reads as ones. */
static void accesses_across_edges(void **state)
{
	const u8 letters[] = "abcdefgh";
	u8 bytes[8];

	(void)state;
	memory_write(0x3ffffc, letters, 8);
	assert_memory_equal(fake_memory(0x3ffffc), letters, 8);
	assert_true(fake_dirty(0x3ff000) && fake_dirty(0x400000));
	memory_write(ROM_GPA - 4, letters, 8);
	memory_read(ROM_GPA - 4, bytes, 8);
	assert_memory_equal(bytes, "abcd\0\0\0\0", 8);
	memset(fake_memory(ROM_GPA + 0x1ffc), 'r', 4);
	memory_write(ROM_GPA + 0x1ffc, letters, 8);
	memory_read(ROM_GPA + 0x1ffc, bytes, 8);
	assert_memory_equal(bytes, "rrrr\xff\xff\xff\xff", 8);
	memory_write(HIGH_GPA - 4, letters, 8);
	memory_read(HIGH_GPA - 4, bytes, 8);
	assert_memory_equal(bytes,
		"\xff\xff\xff\xff"
		"efgh",
		8);
	memory_write(HIGH_GPA + 0xffffe, letters, 8);
	memory_read(HIGH_GPA + 0xffffe, bytes, 8);
	assert_memory_equal(bytes, "ab\xff\xff\xff\xff\xff\xff", 8);
	memory_write(UINT64_MAX - 3, letters, 8);
	memory_read(UINT64_MAX - 3, bytes, 8);
	assert_memory_equal(bytes, "\xff\xff\xff\xff\xff\xff\xff\xff", 8);
}

static void files_are_loaded(void **state)
{
	static u8 file[0x280000];

	(void)state;
	for (u32 i = 0; i < sizeof(file); i++)
		file[i] = (u8)(i * 7 >> 3);
	fake_file(WORKER_FILE_INITRD, file, sizeof(file));
	assert_int_equal(memory_load(WORKER_FILE_INITRD, 1, sizeof(file) - 1, 0x401001), 0);
	assert_memory_equal(fake_memory(0x401001), file + 1, sizeof(file) - 1);
	assert_int_equal(fake.calls[WORKER_FILE_LOAD], 3);
	assert_true(fake_dirty(0x401000) && fake_dirty(0x680000));
	assert_false(fake_dirty(0x400000) || fake_dirty(0x681000));
	/* A kernel that gives less at a time. */
	fake.file_chunk = 0x1234;
	assert_int_equal(memory_load(WORKER_FILE_INITRD, 0, 0x2000, 0x1000), 0);
	assert_memory_equal(fake_memory(0x1000), file, 0x2000);
	assert_int_equal(memory_load(WORKER_FILE_INITRD, 0, sizeof(file) + 1, 0x1000), -EIO);
	assert_int_equal(memory_load(WORKER_FILE_INITRD, 0, 0x1000, 0x3ff001), -EFAULT);
	assert_int_equal(memory_load(WORKER_FILE_INITRD, 0, 0x1000, ROM_GPA), -EFAULT);
	fake.file_error = -EBADF;
	assert_int_equal(memory_load(WORKER_FILE_INITRD, 0, 1, 0x1000), -EBADF);
}

static void senseless_regions_are_refused(void **state)
{
	static const struct worker_region bad[] = {
		{ 0x10000000, 0, WORKER_REGION_RAM, 0 },
		{ 0x10000800, 0x1000, WORKER_REGION_RAM, 0 },
		{ 0x10000000, 0x1800, WORKER_REGION_RAM, 0 },
		{ 0x10000000, 0x1000, 2, 0 },
		{ UINT64_MAX - 0xfff, 0x2000, WORKER_REGION_RAM, 0 },
		{ 0x7ff000, 0x1000, WORKER_REGION_RAM, 0 },
		{ 0x3ff000, 0x2000, WORKER_REGION_RAM, 0 },
		{ HIGH_GPA - 0x1000, 0x2000, WORKER_REGION_RAM, 0 },
		{ 0, 8 * GIB, WORKER_REGION_RAM, 0 },
	};

	(void)state;
	fake.start.region_count++;
	for (u32 i = 0; i < ARRAY_SIZE(bad); i++) {
		fake.start.region[4] = bad[i];
		assert_false(memory_init());
	}
	fake.start.region_count = WORKER_REGIONS_MAX + 1;
	assert_false(memory_init());
	fake.start.region_count = 0;
	assert_true(memory_init());
	assert_null(memory_at(0, 1, MEMORY_READ));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(regions_are_sorted, setup),
		cmocka_unit_test_setup(bounds, setup),
		cmocka_unit_test_setup(rom_is_read_only, setup),
		cmocka_unit_test_setup(writes_are_recorded, setup),
		cmocka_unit_test_setup(accesses_across_edges, setup),
		cmocka_unit_test_setup(files_are_loaded, setup),
		cmocka_unit_test_setup(senseless_regions_are_refused, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

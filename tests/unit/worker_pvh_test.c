/* SPDX-License-Identifier: MIT */
/*
 * Loading PVH kernels, and what all loaders have in common: files, initrd,
 * the memory map, errors.
 * sources: rootpart/worker/load.c rootpart/worker/load_bzimage.c rootpart/worker/load_entry.c
 * sources: rootpart/worker/load_map.c rootpart/worker/load_multiboot.c rootpart/worker/load_pvh.c
 * sources: rootpart/worker/place.c rootpart/worker/kernel_file.c lib/elf.c
 * sources: rootpart/worker/memory.c rootpart/worker/machine.c rootpart/worker/uart.c
 * sources: rootpart/worker/rtc.c lib/date.c rootpart/worker/console.c
 * sources: rootpart/worker/report.c rootpart/worker/sys.c lib/format.c tests/unit/fake_worker.c
 * sources: tests/unit/host_assert.c
 * sources: rootpart/worker/firmware.c rootpart/worker/acpi_tables.c rootpart/worker/acpi_dsdt.c
 * sources: rootpart/worker/ioapic.c
 */
#include "worker_kernel.h"

static const struct pvh_start_info *start_info(void)
{
	u64 gpa = entry_register(HV_X64_REGISTER_RAX + 3);

	/* Low, but not in the first 64 KiB. */
	assert_true(gpa >= 0x10000 && gpa < 0xa0000);
	assert_true(fake_dirty(gpa));
	return (const void *)fake_memory(gpa);
}

static void kernel_of_64_bits(void **state)
{
	const struct pvh_start_info *info;

	(void)state;
	kernel_64();
	kernel_load();
	segments_are_loaded();
	info = start_info();
	entry_is_flat_32(0x100010, 0, (u32)((const u8 *)info - fake_memory(0)));
	assert_int_equal(info->magic, 0x336ec578);
	assert_int_equal(info->version, 1);
	assert_int_equal(info->flags, 0);
	assert_int_equal(info->rsdp, 0xe0000);
	assert_memory_equal(fake_memory(0xe0000), "RSD PTR ", 8);
	assert_string_equal(fake_memory(info->cmdline), "console=ttyS0 a=b");
	assert_int_equal(info->module_count, 0);
	assert_int_equal(info->modules, 0);
	assert_false(fake.loaded); /* the caller says so */
}

static void kernel_of_32_bits(void **state)
{
	(void)state;
	kernel_32();
	put(44, 2, 3);
	memcpy(kernel + 52 + 64, (const u32[]){ 4, NOTE_AT, 0, 0, 20, 20, 4, 4 }, 32);
	put(NOTE_AT, 8, 4 | 4ull << 32);
	put(NOTE_AT + 8, 4, 18);
	memcpy(kernel + NOTE_AT + 12, "Xen", 4);
	put(NOTE_AT + 16, 4, 0x100040);
	kernel_load();
	segments_are_loaded();
	entry_is_flat_32(0x100040, 0, (u32)((const u8 *)start_info() - fake_memory(0)));
}

static void memory_map(void **state)
{
	static const struct pvh_memory want[] = {
		{ 0, 0xa0000, 1, 0 },
		{ 0xa0000, 0x60000, 2, 0 },
		{ 0x100000, 0xf00000, 1, 0 },
		{ 0x1000000, 0x2000, 2, 0 },
		{ 4 * GIB, 0x200000, 1, 0 },
	};
	const struct pvh_start_info *info;

	(void)state;
	kernel_64();
	kernel_load();
	info = start_info();
	assert_int_equal(info->memory_map_entries, ARRAY_SIZE(want));
	assert_memory_equal(fake_memory(info->memory_map), want, sizeof(want));
}

static u8 initrd[0x12345];

static void initrd_goes_high(void **state)
{
	const struct pvh_start_info *info;
	const struct pvh_module *module;

	(void)state;
	memset(initrd, 'i', sizeof(initrd));
	kernel_64();
	fake_file(WORKER_FILE_INITRD, initrd, sizeof(initrd));
	kernel_load();
	info = start_info();
	assert_int_equal(info->module_count, 1);
	module = (const void *)fake_memory(info->modules);
	assert_int_equal(module->address, 0x1000000 - 0x13000);
	assert_int_equal(module->size, sizeof(initrd));
	assert_string_equal(fake_memory(module->cmdline), "initrd");
	assert_memory_equal(fake_memory(module->address), initrd, sizeof(initrd));
	assert_true(fake_dirty(module->address) && fake_dirty(0x1000000 - 0x1000));
}

/* A kernel in the way: things go around it. */
static void kernels_at_odd_places(void **state)
{
	const struct pvh_module *module;

	(void)state;
	kernel_64();
	put_phdr(0, 1, CODE_AT, 0x10000, 0x1000, 0x90000);
	put_phdr(2, 1, CODE_AT + 0x1000, 0xff8000, 0x800, 0x8000);
	put(NOTE_AT + 16, 4, 0x10010);
	fake_file(WORKER_FILE_INITRD, initrd, sizeof(initrd));
	kernel_load();
	assert_int_equal(entry_register(HV_X64_REGISTER_RAX + 3), 0x100000);
	module = (const void *)fake_memory(
		((const struct pvh_start_info *)fake_memory(0x100000))->modules);
	assert_int_equal(module->address, 0xff8000 - 0x13000);
	/* In low memory nothing but the kernel. */
	assert_false(fake_dirty(0xf000) || fake_dirty(0xa0000));
}

static void command_lines(void **state)
{
	u64 gpa;

	(void)state;
	kernel_64();
	memset(fake.start.cmdline, 'c', sizeof(fake.start.cmdline)); /* no end */
	kernel_load();
	gpa = start_info()->cmdline;
	assert_int_equal(strlen((const char *)fake_memory(gpa)), WORKER_CMDLINE_MAX - 1);
}

static void files_that_come_in_pieces(void **state)
{
	(void)state;
	kernel_64();
	fake.file_chunk = 7;
	kernel_load();
	segments_are_loaded();
}

static void headers_cost_few_reads(void **state)
{
	(void)state;
	kernel_64();
	kernel_load();
	assert_true(fake.calls[WORKER_FILE_READ] <= 2);
}

static void nothing_to_load(void **state)
{
	(void)state;
	kernel_refused("KERNEL: there is none; name one with --kernel");
	fake.end_text[0] = '\0';
	fake_file(WORKER_FILE_KERNEL, kernel, 0);
	kernel_refused(
		"KERNEL: not an ELF file; give a bzImage, or a multiboot1 or PVH ELF kernel");
}

static void formats_that_are_not_known(void **state)
{
	(void)state;
	kernel_64();
	memset(kernel, 'x', 64);
	kernel_refused(
		"KERNEL: not an ELF file; give a bzImage, or a multiboot1 or PVH ELF kernel");
	kernel_setup(state);
	kernel_64();
	put(NOTE_AT + 8, 4, 1);
	kernel_refused("KERNEL: an ELF file without multiboot1 header or PVH note; give a "
		       "bzImage, or a multiboot1 or PVH ELF kernel");
	kernel_setup(state);
	kernel_64();
	put(18, 2, 183);
	kernel_refused("KERNEL: not for x86; give a bzImage, or a multiboot1 or PVH ELF kernel");
}

/* Numbers in the headers, one changed each. */
static const struct kernel_damage damages[] = {
	{ PHDR(0) + 8, 8, KERNEL_SIZE - 0xfff,
		"KERNEL: segment beyond end of file; give a bzImage, or a multiboot1 or PVH ELF "
		"kernel" },
	{ PHDR(0) + 8, 8, UINT64_MAX,
		"KERNEL: segment beyond end of file; give a bzImage, or a multiboot1 or PVH ELF "
		"kernel" },
	{ PHDR(0) + 32, 8, 0x1001,
		"KERNEL: segment larger in the file than in memory; give a bzImage, or a "
		"multiboot1 "
		"or PVH ELF kernel" },
	{ PHDR(2) + 24, 8, 0x100fff,
		"KERNEL: segments overlap; give a bzImage, or a multiboot1 or PVH ELF kernel" },
	{ 32, 8, KERNEL_SIZE - 100,
		"KERNEL: program headers beyond end of file; give a bzImage, or a multiboot1 or "
		"PVH ELF kernel" },
	{ NOTE_AT + 4, 4, 0x1000,
		"KERNEL: damaged note; give a bzImage, or a multiboot1 or PVH ELF kernel" },
	{ NOTE_AT + 16, 4, 0x120000,
		"KERNEL: PVH entry outside of the image; give a bzImage, or a multiboot1 or PVH "
		"ELF kernel" },
	{ PHDR(2) + 24, 8, 0xff8001,
		"KERNEL: it wants 64 KiB at 0xff8001, where there is not so much memory; give the "
		"VM more" },
	{ PHDR(2) + 24, 8, 0x1000000,
		"KERNEL: it wants 64 KiB at 0x1000000, where there is not so much memory; give the "
		"VM more" },
	{ PHDR(2) + 24, 8, 0x2000000,
		"KERNEL: it wants 64 KiB at 0x2000000, where there is not so much memory; give the "
		"VM more" },
	{ PHDR(2) + 40, 8, 0xf00000,
		"KERNEL: it wants 15360 KiB at 0x101000, where there is not so much memory; give "
		"the VM more" },
};

static void damage_is_named(void **state)
{
	(void)state;
	damage_refused(kernel_64, damages, ARRAY_SIZE(damages));
}

static void entries_above_4_gib(void **state)
{
	(void)state;
	kernel_64();
	put_phdr(0, 1, CODE_AT, 4 * GIB, 0x1000, 0x1000);
	put_phdr(2, 1, CODE_AT + 0x1000, 4 * GIB + 0x1000, 0x800, 0x1000);
	put(NOTE_AT + 4, 4, 8);
	put(PHDR(1) + 32, 8, 24);
	put(NOTE_AT + 16, 8, 4 * GIB);
	kernel_refused("KERNEL: its PVH entry is above 4 GiB; link it lower");
}

static void entry_in_a_gap(void **state)
{
	(void)state;
	kernel_64();
	put_phdr(2, 1, CODE_AT + 0x1000, 0x104000, 0x800, 0x1000);
	put(NOTE_AT + 16, 4, 0x102000);
	kernel_refused("KERNEL: PVH entry outside of the image; give a bzImage, or a multiboot1 or "
		       "PVH ELF kernel");
}

static void initrds_that_do_not_fit(void **state)
{
	(void)state;
	kernel_64();
	fake_file(WORKER_FILE_INITRD, initrd, 0);
	kernel_refused("INITRD: the file is empty; name another one, or none");
	kernel_setup(state);
	kernel_64();
	fake_file(WORKER_FILE_INITRD, initrd, 0xef0000);
	kernel_refused(
		"INITRD: no room for its 15296 KiB below 4096 MiB beside the kernel; give the "
		"VM more memory");
	kernel_setup(state);
	kernel_64();
	fake_file(WORKER_FILE_INITRD, initrd, UINT64_MAX - 1);
	assert_int_equal(fake_run(load_child), FAKE_ENDED);
	assert_memory_equal(fake.end_text, "INITRD: no room", 15);
}

static void no_room_for_information(void **state)
{
	(void)state;
	kernel_64();
	put_phdr(0, 1, CODE_AT, 0x10000, 0x1000, 0x90000);
	put_phdr(2, 1, CODE_AT + 0x1000, 0x100000, 0x800, 0xf00000);
	put(NOTE_AT + 16, 4, 0x10010);
	kernel_refused("KERNEL: no room for its boot information below 4 GiB; give the VM more "
		       "memory");
}

static void disks_that_fail(void **state)
{
	(void)state;
	kernel_64();
	fake.file_error = -EIO;
	kernel_refused("KERNEL: the file cannot be read; look at the disk");
}

/* Shorter than they were said to be. */
static void files_that_end_early(void **state)
{
	(void)state;
	kernel_64();
	fake.file_end[WORKER_FILE_KERNEL] = CODE_AT + 0x17ff;
	kernel_refused("KERNEL: reading 2048 bytes at 8192 failed (error 5); look at the disk");
	kernel_setup(state);
	kernel_64();
	fake_file(WORKER_FILE_INITRD, initrd, sizeof(initrd));
	fake.file_end[WORKER_FILE_INITRD] = sizeof(initrd) - 1;
	kernel_refused("INITRD: reading 74565 bytes at 0 failed (error 5); look at the disk");
}

static void registers_that_are_refused(void **state)
{
	(void)state;
	kernel_64();
	fake.set_error = -EINVAL;
	kernel_refused("KERNEL: the hypervisor refused the registers that VP 0 starts with");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(kernel_of_64_bits, kernel_setup),
		cmocka_unit_test_setup(kernel_of_32_bits, kernel_setup),
		cmocka_unit_test_setup(memory_map, kernel_setup),
		cmocka_unit_test_setup(initrd_goes_high, kernel_setup),
		cmocka_unit_test_setup(kernels_at_odd_places, kernel_setup),
		cmocka_unit_test_setup(command_lines, kernel_setup),
		cmocka_unit_test_setup(files_that_come_in_pieces, kernel_setup),
		cmocka_unit_test_setup(headers_cost_few_reads, kernel_setup),
		cmocka_unit_test_setup(nothing_to_load, kernel_setup),
		cmocka_unit_test_setup(formats_that_are_not_known, kernel_setup),
		cmocka_unit_test(damage_is_named),
		cmocka_unit_test_setup(entries_above_4_gib, kernel_setup),
		cmocka_unit_test_setup(entry_in_a_gap, kernel_setup),
		cmocka_unit_test_setup(initrds_that_do_not_fit, kernel_setup),
		cmocka_unit_test_setup(no_room_for_information, kernel_setup),
		cmocka_unit_test_setup(disks_that_fail, kernel_setup),
		cmocka_unit_test_setup(files_that_end_early, kernel_setup),
		cmocka_unit_test_setup(registers_that_are_refused, kernel_setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

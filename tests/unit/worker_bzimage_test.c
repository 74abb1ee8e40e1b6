/* SPDX-License-Identifier: MIT */
/*
 * Loading Linux's own format: what stands in the zero page, by its offsets, and
 * how the kernel is entered; then headers that are wrong.
 * sources: rootpart/worker/load.c rootpart/worker/load_bzimage.c rootpart/worker/load_entry.c
 * sources: rootpart/worker/load_map.c rootpart/worker/load_multiboot.c rootpart/worker/load_pvh.c
 * sources: rootpart/worker/place.c rootpart/worker/kernel_file.c lib/elf.c
 * sources: rootpart/worker/memory.c rootpart/worker/machine.c rootpart/worker/uart.c
 * sources: rootpart/worker/rtc.c lib/date.c rootpart/worker/console.c
 * sources: rootpart/worker/report.c rootpart/worker/sys.c lib/format.c tests/unit/fake_worker.c
 * sources: rootpart/worker/firmware.c rootpart/worker/acpi_tables.c rootpart/worker/acpi_dsdt.c
 * sources: rootpart/worker/ioapic.c tests/unit/host_assert.c
 */
#include "worker_kernel.h"

#define SETUP     0x600u  /* bytes before the kernel: two sectors and the first */
#define IMAGE     0x2000u /* of the kernel itself */
#define RUNS_AT   0x400000u
#define INIT_SIZE 0x200000u
#define CMDLINE   "console=ttyS0 a=b"

/* A kernel as small as can be, of protocol 2.15. */
static void kernel_linux(void)
{
	memset(kernel, 0, sizeof(kernel));
	put(0x1f1, 1, 2);
	put(0x1f4, 4, IMAGE / 16);
	put(0x1fa, 2, 0x1234);
	put(0x1fe, 2, 0xaa55);
	put(0x200, 2, 0x6aeb);
	memcpy(kernel + 0x202, "HdrS", 4);
	put(0x206, 2, 0x20f);
	put(0x211, 1, 1);
	put(0x214, 4, 0x100000);
	put(0x22c, 4, 0x7fffffff);
	put(0x230, 4, 0x200000);
	put(0x234, 1, 1);
	put(0x236, 2, 0x7f);
	put(0x238, 4, 2047);
	put(0x250, 8, 0x1122334455667788);
	put(0x258, 8, RUNS_AT);
	put(0x260, 4, INIT_SIZE);
	put(0x268, 4, 0x4b4b4b4b);
	put(0x26c, 4, 0x13131313); /* code, behind the header */
	for (u32 i = SETUP; i < SETUP + IMAGE; i++)
		kernel[i] = (u8)(i >> 3 ^ i * 5);
	fake_file(WORKER_FILE_KERNEL, kernel, SETUP + IMAGE);
}

static const u8 *zero_page(void)
{
	u64 gpa = entry_register(HV_X64_REGISTER_RAX + 6);

	/* Low, but not in the first 64 KiB. */
	assert_true(gpa >= 0x10000 && gpa < 0xa0000);
	assert_int_equal(gpa % PAGE_SIZE, 0);
	assert_true(fake_dirty(gpa));
	return fake_memory(gpa);
}

static u64 field(u32 at, u32 bytes)
{
	u64 v = 0;

	memcpy(&v, zero_page() + at, bytes);
	return v;
}

/* What CR3 says that @linear is. */
static u64 mapped(u64 linear)
{
	u64 table = entry_register(HV_X64_REGISTER_CR3);

	for (u32 level = 4;; level--) {
		u64 entry;

		memcpy(&entry, fake_memory(table + (linear >> (3 + 9 * level) & 511) * 8), 8);
		assert_int_equal(entry & 3, 3);
		if (level == 2) {
			assert_int_equal(entry & 0xfff, 0x83);
			return (entry & ~0xfffull) | (linear & 0x1fffff);
		}
		table = entry & ~0xfffull;
	}
}

static void enters_in_64_bits(void **state)
{
	static const u32 zero[] = { HV_X64_REGISTER_CR2, HV_X64_REGISTER_RAX,
		HV_X64_REGISTER_RAX + 3, HV_X64_REGISTER_RAX + 4, HV_X64_REGISTER_RAX + 5,
		HV_X64_REGISTER_RAX + 7, HV_X64_REGISTER_R15, HV_X64_REGISTER_IDTR };
	union hv_register_value v;

	(void)state;
	kernel_linux();
	kernel_load();
	for (u32 i = 0; i < ARRAY_SIZE(zero); i++)
		assert_int_equal(entry_register(zero[i]), 0);
	assert_int_equal(entry_register(HV_X64_REGISTER_RIP), RUNS_AT + 0x200);
	assert_int_equal(entry_register(HV_X64_REGISTER_RFLAGS), 2);
	assert_int_equal(entry_register(HV_X64_REGISTER_CR0) & 0x80000001, 0x80000001);
	assert_int_equal(entry_register(HV_X64_REGISTER_CR4), 0x20);
	assert_int_equal(entry_register(HV_X64_REGISTER_EFER), 0x500);
	entry_segment(HV_X64_REGISTER_CS, 0x10, 0xa09b);
	for (u32 name = HV_X64_REGISTER_ES; name <= HV_X64_REGISTER_GS; name++)
		if (name != HV_X64_REGISTER_CS)
			entry_segment(name, 0x18, 0xc093);
	assert_true(fake_was_set(0, HV_X64_REGISTER_GDTR, &v));
	assert_int_equal(v.table.limit, 47);
	assert_memory_equal(fake_memory(v.table.base + 16),
		"\xff\xff\0\0\0\x9b\xaf\0"
		"\xff\xff\0\0\0\x93\xcf\0"
		"\x67\0\0\0\0\x8b\0\0"
		"\0\0\0\0\0\0\0\0",
		32);
	assert_int_equal(fake.calls[WORKER_SET_REGISTERS], 1);
	assert_false(fake.loaded); /* the caller says so */
}

static void low_memory_is_mapped_to_itself(void **state)
{
	static const u64 some[] = { 0, 0x1234, 0x3fffff, 0x40000000, 0x7fffffff, 0xc0000000,
		0xffffffff };

	(void)state;
	kernel_linux();
	kernel_load();
	for (u32 i = 0; i < ARRAY_SIZE(some); i++)
		assert_int_equal(mapped(some[i]), some[i]);
}

static void image_is_where_it_runs(void **state)
{
	(void)state;
	kernel_linux();
	kernel_load();
	assert_memory_equal(fake_memory(RUNS_AT), kernel + SETUP, IMAGE);
	assert_true(fake_dirty(RUNS_AT) && fake_dirty(RUNS_AT + IMAGE - 1));
	/* By few calls, and no zeros where there are some already. */
	assert_false(fake_dirty(RUNS_AT + IMAGE));
	assert_int_equal(fake.calls[WORKER_FILE_LOAD], 1);
	assert_true(fake.calls[WORKER_FILE_READ] <= 3);
}

static void zero_page_has_the_header(void **state)
{
	(void)state;
	kernel_linux();
	kernel_load();
	assert_memory_equal(zero_page() + 0x1fc, kernel + 0x1fc, 0x210 - 0x1fc);
	assert_memory_equal(zero_page() + 0x22c, kernel + 0x22c, 0x250 - 0x22c);
	assert_int_equal(field(0x1fa, 2), 0xffff);
	assert_int_equal(field(0x210, 1), 0xff);
	assert_int_equal(field(0x211, 1), 1);
	assert_int_equal(field(0x218, 8), 0); /* no initrd */
	assert_int_equal(field(0x226, 2), 0);
	assert_int_equal(field(0x250, 8), 0);
	assert_int_equal(field(0x258, 8), RUNS_AT);
	assert_int_equal(field(0x268, 4), 0x4b4b4b4b);
	/* To the end that the jump tells, and nothing before. */
	assert_int_equal(field(0x26c, 4), 0);
	assert_int_equal(field(0x1ef, 1), 0);
	assert_string_equal(fake_memory(field(0x228, 4)), CMDLINE);
	assert_int_equal(field(0x0c8, 4), 0);
	for (u32 i = 0; i < 0x70; i++)
		assert_int_equal(field(i, 1), 0);
}

static void memory_map(void **state)
{
	static const struct {
		u64 start, size;
		u32 type;
	} want[] = {
		{ 0, 0xa0000, 1 },
		{ 0xa0000, 0x60000, 2 },
		{ 0x100000, 0xf00000, 1 },
		{ 0x1000000, 0x2000, 2 },
		{ 4 * GIB, 0x200000, 1 },
	};

	(void)state;
	kernel_linux();
	kernel_load();
	assert_int_equal(field(0x1e8, 1), ARRAY_SIZE(want));
	for (u32 i = 0; i < ARRAY_SIZE(want); i++) {
		assert_int_equal(field(0x2d0 + 20 * i, 8), want[i].start);
		assert_int_equal(field(0x2d8 + 20 * i, 8), want[i].size);
		assert_int_equal(field(0x2e0 + 20 * i, 4), want[i].type);
	}
	assert_int_equal(field(0x2d0 + 20 * ARRAY_SIZE(want), 8), 0);
}

static u8 initrd[0x12345];

static void initrd_goes_high(void **state)
{
	u64 gpa = 0x1000000 - 0x13000;

	(void)state;
	memset(initrd, 'i', sizeof(initrd));
	kernel_linux();
	fake_file(WORKER_FILE_INITRD, initrd, sizeof(initrd));
	kernel_load();
	assert_int_equal(field(0x218, 4), gpa);
	assert_int_equal(field(0x21c, 4), sizeof(initrd));
	assert_memory_equal(fake_memory(gpa), initrd, sizeof(initrd));
	/* Not above what the kernel reaches. */
	kernel_setup(state);
	kernel_linux();
	put(0x22c, 4, 0xffefff);
	fake_file(WORKER_FILE_INITRD, initrd, sizeof(initrd));
	kernel_load();
	assert_int_equal(field(0x218, 4), 0xfff000 - 0x13000);
}

static void rsdp_is_told(void **state)
{
	u64 gpa;

	(void)state;
	kernel_linux();
	kernel_load();
	gpa = field(0x70, 8);
	assert_int_equal(gpa, 0xe0000);
	assert_memory_equal(fake_memory(gpa), "RSD PTR ", 8);
}

static void kernels_that_cannot_be_moved(void **state)
{
	(void)state;
	kernel_linux();
	put(0x234, 1, 0);
	put(0x230, 4, 0);
	put(0x258, 8, 0x123000);
	kernel_load();
	assert_int_equal(entry_register(HV_X64_REGISTER_RIP), 0x123200);
	/* One that can be is put where it is aligned. */
	kernel_setup(state);
	kernel_linux();
	put(0x258, 8, 0x123000);
	kernel_load();
	assert_int_equal(entry_register(HV_X64_REGISTER_RIP), 0x200200);
	/* Setup sectors: 0 means 4. */
	kernel_setup(state);
	kernel_linux();
	put(0x1f1, 1, 0);
	put(0x1f4, 4, 0x1000 / 16);
	kernel_load();
	assert_memory_equal(fake_memory(RUNS_AT), kernel + 0xa00, 0x1000);
}

static void command_lines_of_any_length(void **state)
{
	(void)state;
	kernel_linux();
	memset(fake.start.cmdline, 'c', sizeof(fake.start.cmdline)); /* no end */
	kernel_load();
	assert_int_equal(strlen((const char *)fake_memory(field(0x228, 4))), 2047);
	kernel_setup(state);
	kernel_linux();
	put(0x238, 4, sizeof(CMDLINE) - 1);
	kernel_load();
	kernel_setup(state);
	kernel_linux();
	put(0x238, 4, sizeof(CMDLINE) - 2);
	kernel_refused("KERNEL: the command line has 17 characters, and it takes 16; give a "
		       "shorter --cmdline, or name another one with --kernel");
}

#define OTHER "name another one with --kernel"
#define SENSE "make no sense; copy it again, or " OTHER

/* Numbers in the header, one changed each. */
static const struct kernel_damage damages[] = {
	{ 0x206, 2, 0x20b,
		"KERNEL: a Linux bzImage by boot protocol 2.11, and 2.12 is the oldest that can "
		"be loaded; " OTHER },
	{ 0x236, 2, 0x7e, "KERNEL: a Linux bzImage without 64-bit entry; " OTHER },
	{ 0x211, 1, 0, "KERNEL: a Linux bzImage without 64-bit entry; " OTHER },
	{ 0x201, 1, 0x61,
		"KERNEL: the header of the bzImage is cut short; copy it again, or " OTHER },
	{ 0x1f4, 4, IMAGE / 16 + 1,
		"KERNEL: the file has 9728 bytes, and by its header 9744; copy it again, "
		"or " OTHER },
	{ 0x1f1, 1, 255,
		"KERNEL: the file has 9728 bytes, and by its header 139264; copy it again, "
		"or " OTHER },
	{ 0x1f4, 4, 0x20, "KERNEL: the sizes in the header of the bzImage " SENSE },
	{ 0x260, 4, IMAGE - 1, "KERNEL: the sizes in the header of the bzImage " SENSE },
	{ 0x230, 4, 0, "KERNEL: the addresses in the header of the bzImage " SENSE },
	{ 0x230, 4, 0x3000, "KERNEL: the addresses in the header of the bzImage " SENSE },
	{ 0x230, 4, 0x80000000, "KERNEL: the addresses in the header of the bzImage " SENSE },
	{ 0x258, 8, 4 * GIB, "KERNEL: the addresses in the header of the bzImage " SENSE },
	{ 0x258, 8, UINT64_MAX, "KERNEL: the addresses in the header of the bzImage " SENSE },
	{ 0x260, 4, 0xc00001,
		"KERNEL: it needs 12289 KiB from 0x400000 on, where there is not so much memory; "
		"give the VM more" },
	{ 0x260, 4, 0xffffffff,
		"KERNEL: it needs 4194304 KiB from 0x400000 on, where there is not so much "
		"memory; give the VM more" },
	{ 0x258, 8, 0x80000000,
		"KERNEL: it needs 2048 KiB from 0x80000000 on, where there is not so much memory; "
		"give the VM more" },
};

static void damage_is_named(void **state)
{
	(void)state;
	damage_refused(kernel_linux, damages, ARRAY_SIZE(damages));
}

static void files_that_are_cut_short(void **state)
{
	(void)state;
	kernel_linux();
	fake_file(WORKER_FILE_KERNEL, kernel, 0x268);
	kernel_refused("KERNEL: the header of the bzImage is cut short; copy it again, or " OTHER);
	kernel_setup(state);
	kernel_linux();
	fake.file_end[WORKER_FILE_KERNEL] = SETUP + IMAGE - 1;
	kernel_refused("KERNEL: reading 8192 bytes at 1536 failed (error 5); look at the disk");
}

static void initrds_that_do_not_fit(void **state)
{
	(void)state;
	kernel_linux();
	put(0x22c, 4, 0x3fffff);
	fake_file(WORKER_FILE_INITRD, initrd, 0x301000);
	kernel_refused("INITRD: no room for its 3076 KiB below 4 MiB beside the kernel; give the "
		       "VM more memory");
	kernel_setup(state);
	kernel_linux();
	put(0x22c, 4, 0);
	fake_file(WORKER_FILE_INITRD, initrd, 1);
	kernel_refused("INITRD: no room for its 1 KiB below 0 MiB beside the kernel; give the VM "
		       "more memory");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(enters_in_64_bits, kernel_setup),
		cmocka_unit_test_setup(low_memory_is_mapped_to_itself, kernel_setup),
		cmocka_unit_test_setup(image_is_where_it_runs, kernel_setup),
		cmocka_unit_test_setup(zero_page_has_the_header, kernel_setup),
		cmocka_unit_test_setup(memory_map, kernel_setup),
		cmocka_unit_test_setup(initrd_goes_high, kernel_setup),
		cmocka_unit_test_setup(rsdp_is_told, kernel_setup),
		cmocka_unit_test_setup(kernels_that_cannot_be_moved, kernel_setup),
		cmocka_unit_test_setup(command_lines_of_any_length, kernel_setup),
		cmocka_unit_test(damage_is_named),
		cmocka_unit_test_setup(files_that_are_cut_short, kernel_setup),
		cmocka_unit_test_setup(initrds_that_do_not_fit, kernel_setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

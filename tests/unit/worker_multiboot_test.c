/* SPDX-License-Identifier: MIT */
/*
 * Loading multiboot1 kernels, as ELF files and by their header's addresses.
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

#include "boot/multiboot.h"

#define HEADER_AT CODE_AT

static void put_header(u32 at, u32 flags)
{
	put(at, 4, 0x1badb002);
	put(at + 4, 4, flags);
	put(at + 8, 4, 0u - 0x1badb002 - flags);
}

static void put_addresses(u32 at, u32 header, u32 load, u32 load_end, u32 bss_end, u32 entry)
{
	const u32 words[] = { header, load, load_end, bss_end, entry };

	put_header(at, 0x10003);
	memcpy(kernel + at + 12, words, sizeof(words));
}

/* Not an ELF file: all of it from 0x200 on goes to 1 MiB, cleared up to 0x110000. */
static void kernel_flat(void)
{
	kernel_64();
	memset(kernel, 0xee, 0x400);
	put_addresses(0x240, 0x100040, 0x100000, 0x103000, 0x110000, 0x100060);
}

static const struct mb1_info *info(void)
{
	u64 gpa = entry_register(HV_X64_REGISTER_RAX + 3);

	assert_true(gpa >= 0x10000 && gpa < 0xa0000);
	return (const void *)fake_memory(gpa);
}

static const char *text(u32 gpa)
{
	return (const char *)fake_memory(gpa);
}

static void elf_of_32_bits(void **state)
{
	(void)state;
	kernel_32();
	put_header(HEADER_AT, 0);
	kernel_load();
	segments_are_loaded();
	entry_is_flat_32(0x100030, 0x2badb002, (u32)((const u8 *)info() - fake_memory(0)));
	assert_int_equal(info()->flags, 0x24d);
	assert_string_equal(text(info()->cmdline), "console=ttyS0 a=b");
	assert_string_equal(text(info()->loader_name), "Verdigris");
	assert_int_equal(info()->module_count, 0);
	assert_int_equal(info()->mem_lower, 640);
	assert_int_equal(info()->mem_upper, 15 * 1024);
}

/* It is one before it is a PVH kernel. */
static void elf_of_64_bits(void **state)
{
	(void)state;
	kernel_64();
	put_header(HEADER_AT + 0xff4, 3);
	kernel_load();
	segments_are_loaded();
	entry_is_flat_32(0x100020, 0x2badb002, (u32)((const u8 *)info() - fake_memory(0)));
}

static void memory_map(void **state)
{
	static const struct mb1_memory want[] = {
		{ 20, 0, 0xa0000, 1 },
		{ 20, 0xa0000, 0x60000, 2 },
		{ 20, 0x100000, 0xf00000, 1 },
		{ 20, 0x1000000, 0x2000, 2 },
		{ 20, 4 * GIB, 0x200000, 1 },
	};

	(void)state;
	kernel_32();
	put_header(HEADER_AT, 2);
	kernel_load();
	assert_int_equal(info()->map_length, sizeof(want));
	assert_memory_equal(fake_memory(info()->map), want, sizeof(want));
}

static void flat_kernels(void **state)
{
	(void)state;
	kernel_flat();
	kernel_load();
	assert_memory_equal(fake_memory(0x100000), kernel + 0x200, 0x3000);
	for (u32 i = 0x103000; i < 0x110000; i++)
		assert_int_equal(*fake_memory(i), 0);
	assert_int_equal(*fake_memory(0x110000), 0xcc);
	entry_is_flat_32(0x100060, 0x2badb002, (u32)((const u8 *)info() - fake_memory(0)));
	/* Without ends: all of the file, and nothing to clear. */
	kernel_setup(state);
	kernel_flat();
	put_addresses(0x240, 0x100040, 0x100000, 0, 0, 0x100060);
	kernel_load();
	assert_memory_equal(fake_memory(0x100000), kernel + 0x200, KERNEL_SIZE - 0x200);
	assert_int_equal(*fake_memory(0x100000 + KERNEL_SIZE - 0x200), 0xcc);
}

static u8 initrd[0x3001];

static void initrd_is_the_module(void **state)
{
	const struct mb1_module *module;

	(void)state;
	memset(initrd, 'm', sizeof(initrd));
	kernel_32();
	put_header(HEADER_AT, 3);
	fake_file(WORKER_FILE_INITRD, initrd, sizeof(initrd));
	kernel_load();
	assert_int_equal(info()->module_count, 1);
	module = (const void *)fake_memory(info()->modules);
	/* Right behind the kernel. */
	assert_int_equal(module->start, 0x111000);
	assert_int_equal(module->end, 0x111000 + sizeof(initrd));
	assert_string_equal(text(module->text), "initrd");
	assert_int_equal(module->reserved, 0);
	assert_memory_equal(fake_memory(module->start), initrd, sizeof(initrd));
	/* Where there is no room behind it, elsewhere. */
	kernel_setup(state);
	kernel_flat();
	put_addresses(0x240, 0xffe040, 0xffe000, 0x1000000, 0, 0xffe060);
	fake_file(WORKER_FILE_INITRD, initrd, sizeof(initrd));
	kernel_load();
	module = (const void *)fake_memory(info()->modules);
	assert_int_equal(module->start, 0xffa000);
}

/* Anywhere in the first 8 KiB, on a multiple of four, with a right sum. */
static void headers_are_found(void **state)
{
	static const struct {
		u32 at;
		u32 flags;
		bool found;
	} places[] = { { 0, 0, false }, { 0x1ff4, 0, true }, { 0x1ff8, 0, false },
		{ 0x1002, 0, false }, { 0x1004, 0xffff0000, false }, { 0x1004, 0xfffe0003, true } };

	for (u32 i = 0; i < ARRAY_SIZE(places); i++) {
		kernel_setup(state);
		kernel_32();
		if (places[i].at != 0)
			put_header(places[i].at, places[i].flags);
		if (places[i].found)
			kernel_load();
		else
			assert_int_equal(fake_run(load_child), FAKE_ENDED);
	}
	kernel_setup(state);
	kernel_32();
	put_header(HEADER_AT, 0);
	put(HEADER_AT + 8, 4, 0);
	kernel_refused("KERNEL: an ELF file without multiboot1 header or PVH note; give a "
		       "bzImage, or a multiboot1 or PVH ELF kernel");
}

static void demands_that_are_not_known(void **state)
{
	(void)state;
	kernel_32();
	put_header(HEADER_AT, 7);
	kernel_refused("KERNEL: its multiboot header demands what a VM does not have (flags 0x7, "
		       "bit 2 is a video mode); build it without");
	kernel_setup(state);
	kernel_32();
	put_header(HEADER_AT, 0x8000);
	assert_int_equal(fake_run(load_child), FAKE_ENDED);
}

static void elf_files_that_are_wrong(void **state)
{
	(void)state;
	kernel_32();
	put_header(HEADER_AT, 0);
	put(18, 2, 40);
	kernel_refused("KERNEL: a multiboot1 kernel that is to be loaded as an ELF file, but: not "
		       "for x86; build it again");
	kernel_setup(state);
	kernel_32();
	put_header(HEADER_AT, 0);
	put(24, 4, 0x111000);
	kernel_refused("KERNEL: its entry is outside of what is loaded below 4 GiB; build it "
		       "again");
	kernel_setup(state);
	kernel_32();
	put_header(HEADER_AT, 0);
	put(52 + 12, 4, 0xfffff000);
	kernel_refused("KERNEL: a multiboot1 kernel that is to be loaded as an ELF file, but: "
		       "segments span more than 1 GiB; build it again");
}

#define NOT_IN_FILE                                                                            \
	"KERNEL: its multiboot header names a load address that is not in the file; build it " \
	"again"
#define END_WRONG \
	"KERNEL: its multiboot header names a load end that is not in the file; copy it again"
#define ENTRY_WRONG \
	"KERNEL: its multiboot header names an entry outside of what is loaded; build it again"

static const struct {
	u32 header, load, load_end, bss_end, entry;
	const char *why;
} wrong_addresses[] = {
	{ 0x100040, 0x100041, 0x103000, 0x110000, 0x100060, NOT_IN_FILE },
	{ 0x100040, 0x0ffdff, 0x103000, 0x110000, 0x100060, NOT_IN_FILE },
	{ 0xffffffff, 0, 0x103000, 0x110000, 0x100060, NOT_IN_FILE },
	{ 0x100040, 0x100000, 0x100000, 0x110000, 0x100060, END_WRONG },
	{ 0x100040, 0x100000, 0x0fffff, 0x110000, 0x100060, END_WRONG },
	{ 0x100040, 0x100000, 0x103e01, 0x110000, 0x100060, END_WRONG },
	{ 0x100040, 0x100000, 0x103000, 0x102fff, 0x100060,
		"KERNEL: its multiboot header names a bss end before the load end; build it "
		"again" },
	{ 0x100040, 0x100000, 0, 0x103dff, 0x100060,
		"KERNEL: its multiboot header names a bss end before the load end; build it "
		"again" },
	{ 0x100040, 0x100000, 0x103000, 0x110000, 0x0fffff, ENTRY_WRONG },
	{ 0x100040, 0x100000, 0x103000, 0x110000, 0x110000, ENTRY_WRONG },
	{ 0x100040, 0x100000, 0x103000, 0x1000001, 0x100060,
		"KERNEL: it wants 15361 KiB at 0x100000, where there is not so much memory; give "
		"the VM more" },
	{ 0xfffffe40, 0xfffffe00, 0xffffffff, 0, 0xfffffe60,
		"KERNEL: it wants 1 KiB at 0xfffffe00, where there is not so much memory; give "
		"the VM more" },
};

static void addresses_that_are_wrong(void **state)
{
	for (u32 i = 0; i < ARRAY_SIZE(wrong_addresses); i++) {
		kernel_setup(state);
		kernel_flat();
		put_addresses(0x240, wrong_addresses[i].header, wrong_addresses[i].load,
			wrong_addresses[i].load_end, wrong_addresses[i].bss_end,
			wrong_addresses[i].entry);
		kernel_refused(wrong_addresses[i].why);
	}
	/* The addresses end behind the file, or behind the part that is searched. */
	kernel_setup(state);
	kernel_flat();
	fake_file(WORKER_FILE_KERNEL, kernel, 0x240 + 31);
	kernel_refused("KERNEL: its multiboot header is cut short; copy it again");
	kernel_setup(state);
	kernel_flat();
	put(0x240, 4, 0);
	put_addresses(0x1fe4, 0x100040, 0x100000, 0x103000, 0x110000, 0x100060);
	kernel_refused("KERNEL: its multiboot header is cut short; copy it again");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(elf_of_32_bits, kernel_setup),
		cmocka_unit_test_setup(elf_of_64_bits, kernel_setup),
		cmocka_unit_test_setup(memory_map, kernel_setup),
		cmocka_unit_test_setup(flat_kernels, kernel_setup),
		cmocka_unit_test_setup(initrd_is_the_module, kernel_setup),
		cmocka_unit_test(headers_are_found),
		cmocka_unit_test_setup(demands_that_are_not_known, kernel_setup),
		cmocka_unit_test_setup(elf_files_that_are_wrong, kernel_setup),
		cmocka_unit_test(addresses_that_are_wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

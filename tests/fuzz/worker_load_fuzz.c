/* SPDX-License-Identifier: MIT */
/*
 * The worker's loaders on any file. The first byte says whether there is an
 * initrd, and how much one read of the kernel's gives; the rest is the kernel.
 * Whatever the file says, only RAM is written, which is recorded, and the end
 * is a loaded VP 0 or a sentence about KERNEL or INITRD.
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
#include <string.h>

#include "rootpart/worker/load.h"
#include "rootpart/worker/machine.h"
#include "rootpart/worker/memory.h"
#include "tests/unit/fake_worker.h"

/* Little memory, so that all of it can be looked at: the last is where ld puts a stray note. */
static const struct worker_region ram[] = {
	{ .gpa = 0, .size = 0x20000 },
	{ .gpa = 0x100000, .size = 0x20000 },
	{ .gpa = 0x400000, .size = 0x2000 },
};
#define ROM 0x120000u

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

static void require(bool holds)
{
	if (!holds)
		__builtin_trap();
}

/* Pages that are not zero any more have been written. */
static void check_dirty(u64 start, u64 size)
{
	static const u8 zeros[PAGE_SIZE];

	for (u64 gpa = start; gpa < start + size; gpa += PAGE_SIZE)
		require(fake_dirty(gpa) || memcmp(fake_memory(gpa), zeros, PAGE_SIZE) == 0);
}

static u64 set_to(u32 name)
{
	union hv_register_value v = { .u64 = 0 };

	require(fake_was_set(0, name, &v));
	return v.u64;
}

/* Linux finds what it is told by RSI and runs with page tables, others by EBX. */
static void check_entry(void)
{
	bool is_linux = set_to(HV_X64_REGISTER_CR3) != 0;
	u64 told = set_to(HV_X64_REGISTER_RAX + (is_linux ? 6 : 3));

	require(memory_at(set_to(HV_X64_REGISTER_RIP), 1, MEMORY_WRITE) != NULL);
	require(memory_at(told, 64, MEMORY_WRITE) != NULL && told >= 0x10000);
	require(fake_dirty(told));
	if (is_linux)
		require(memory_at(set_to(HV_X64_REGISTER_CR3), 6 * PAGE_SIZE, MEMORY_WRITE));
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	static const u8 initrd[0x1800] = { 1, 2, 3 };

	if (size == 0)
		return 0;
	fake_reset();
	for (u32 i = 0; i < ARRAY_SIZE(ram); i++)
		fake_region(ram[i].gpa, ram[i].size, WORKER_REGION_RAM);
	fake_region(ROM, PAGE_SIZE, WORKER_REGION_ROM);
	fake_file(WORKER_FILE_KERNEL, data + 1, size - 1);
	if (data[0] & 1)
		fake_file(WORKER_FILE_INITRD, initrd, sizeof(initrd));
	if (data[0] & 2)
		fake.file_chunk = data[0];
	machine_init();
	require(memory_init());
	if (fake_run(load_child) == FAKE_RETURNED) {
		check_entry();
	} else {
		require(fake.end == WORKER_END_FAILED);
		require(strncmp(fake.end_text, "KERNEL: ", 8) == 0 ||
			strncmp(fake.end_text, "INITRD: ", 8) == 0);
	}
	for (u32 i = 0; i < ARRAY_SIZE(ram); i++)
		check_dirty(ram[i].gpa, ram[i].size);
	return 0;
}

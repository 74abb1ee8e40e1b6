/* SPDX-License-Identifier: MIT */
/*
 * A multiboot1 kernel: what the loader tells it, and the state that it enters
 * with. Its entry is the one of all test kernels, which leaves EBX to us.
 * machines: none
 * child: svm-smp1-bios vmx-smp1
 * child-options: --memory 32M --initrd /boot/extra/text --cmdline 'one two  "three four"'
 */
#include "boot/multiboot.h"
#include "lib/string.h"
#include "tests/guest/lib/guest.h"

#define RAM  (32 * MIB)
#define TEXT "This is no kernel.\n"

/* guest.ld puts it at the beginning of the file. */
__attribute__((section(".multiboot"), used)) static const struct {
	u32 magic;
	u32 flags;
	u32 checksum;
} header = {
	MB1_HEADER_MAGIC,
	(u32)(MB1_HEADER_PAGE_ALIGN | MB1_HEADER_MEMORY),
	-(u32)(MB1_HEADER_MAGIC + MB1_HEADER_PAGE_ALIGN + MB1_HEADER_MEMORY),
};

extern u32 boot_magic;
extern u8 image_start[], image_end[];

static const struct mb1_info *info;

/* The last byte of RAM by the map, and whether its ranges rise and do not overlap. */
static u64 walk_map(bool *rises)
{
	u64 end = 0, last = 0;

	*rises = true;
	for (u32 at = 0; at < info->map_length;) {
		const struct mb1_memory *m = (const void *)((u64)info->map + at);

		if (m->address < last)
			*rises = false;
		last = m->address + m->length;
		if (m->type == PVH_MEMORY_RAM)
			end = last;
		at += m->size + (u32)sizeof(m->size);
	}
	return end;
}

static void test_memory(void)
{
	bool rises;
	u64 end = walk_map(&rises);

	guest_check(info->flags & MB1_INFO_MEMORY && info->mem_lower == 640 &&
			    info->mem_upper == (RAM - MIB) / KIB,
		"memory-sizes", "%u %u", info->mem_lower, info->mem_upper);
	guest_check(info->flags & MB1_INFO_MAP && rises && end == RAM, "memory-map", "%lx", end);
}

static void test_module(void)
{
	const struct mb1_module *m = (const struct mb1_module *)(u64)info->modules;
	const char *text = (const char *)(u64)m->start;

	guest_check(info->flags & MB1_INFO_MODULES && info->module_count == 1, "module");
	guest_check(IS_ALIGNED(m->start, PAGE_SIZE) && m->start >= guest_phys(image_end),
		"module-place", "%x", m->start);
	guest_check(
		m->end - m->start == 100 * strlen(TEXT) && memcmp(text, TEXT, strlen(TEXT)) == 0 &&
			memcmp((const char *)(u64)m->end - strlen(TEXT), TEXT, strlen(TEXT)) == 0,
		"module-content");
}

static void test_texts(void)
{
	const char *line = (const char *)(u64)info->cmdline;

	guest_check(info->flags & MB1_INFO_CMDLINE && strcmp(line, "one two  \"three four\"") == 0,
		"command-line", "%s", line);
	guest_check(
		info->flags & MB1_INFO_LOADER && strlen((const char *)(u64)info->loader_name) > 0,
		"loader-name");
}

void guest_main(void)
{
	info = (const struct mb1_info *)guest_start_info;
	guest_check(header.magic == MB1_HEADER_MAGIC, "header");
	guest_check(boot_magic == MB1_BOOT_MAGIC, "magic", "%x", boot_magic);
	guest_check(guest_load == 2 * MIB, "load-address", "%lx", guest_load);
	test_memory();
	test_module();
	test_texts();
}

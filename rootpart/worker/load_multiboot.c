/* SPDX-License-Identifier: MIT */
/*
 * Multiboot1 kernels, as ELF files of 32 or 64 bits or by the addresses in
 * their header. The initrd is their one module, the command line is passed as
 * it stands. Multiboot Specification 0.6.96.
 */
#include "boot/multiboot.h"
#include "boot/pvh.h"
#include "lib/string.h"
#include "rootpart/worker/firmware.h"
#include "rootpart/worker/kernel_file.h"
#include "rootpart/worker/load.h"
#include "rootpart/worker/report.h"
#include "worker/abi.h"

#define KNOWN_FLAGS (MB1_HEADER_PAGE_ALIGN | MB1_HEADER_MEMORY)

/* What the kernel finds. */
static struct {
	struct mb1_info info;
	struct mb1_module module;
	struct mb1_memory map[LOAD_MAP_MAX];
	u8 gdt[LOAD_GDT_SIZE] __aligned(8);
	char name[8];
	char loader[16];
	char cmdline[WORKER_CMDLINE_MAX];
} found;

/* Finds the header in the file; ~0 if there is none. */
static u32 header_find(struct mb1_header *h)
{
	for (u32 at = 0; at + MB1_HEADER_SHORT <= MB1_HEADER_SEARCH; at += 4) {
		*h = (struct mb1_header){ 0 };
		if (!kernel_file_read(at, h, MB1_HEADER_SHORT))
			return ~0u;
		if (h->magic == MB1_HEADER_MAGIC && h->magic + h->flags + h->checksum == 0)
			return at;
	}
	return ~0u;
}

static bool recognises(void)
{
	struct mb1_header h;

	return header_find(&h) != ~0u;
}

/* Loads by the header's addresses; gives the entry. */
static u32 load_addresses(struct place *p, u32 at)
{
	struct mb1_header h;
	u64 offset, filesz, memsz;

	if (at + sizeof(h) > MB1_HEADER_SEARCH || !kernel_file_read(at, &h, sizeof(h)))
		report_failure("KERNEL: its multiboot header is cut short; copy it again");
	if (h.load_addr > h.header_addr || h.header_addr - h.load_addr > at)
		report_failure("KERNEL: its multiboot header names a load address that is not in "
			       "the file; build it again");
	offset = at - (h.header_addr - h.load_addr);
	filesz = kernel_file_size() - offset;
	if (h.load_end_addr != 0) {
		if (h.load_end_addr <= h.load_addr || h.load_end_addr - h.load_addr > filesz)
			report_failure("KERNEL: its multiboot header names a load end that is not "
				       "in the file; copy it again");
		filesz = h.load_end_addr - h.load_addr;
	}
	memsz = filesz;
	if (h.bss_end_addr != 0) {
		if (h.bss_end_addr < h.load_addr + filesz)
			report_failure("KERNEL: its multiboot header names a bss end before the "
				       "load end; build it again");
		memsz = h.bss_end_addr - h.load_addr;
	}
	if (h.entry_addr < h.load_addr || h.entry_addr - h.load_addr >= memsz)
		report_failure("KERNEL: its multiboot header names an entry outside of what is "
			       "loaded; build it again");
	load_range(p, offset, filesz, memsz, h.load_addr);
	return h.entry_addr;
}

static u32 load_elf(struct place *p)
{
	struct elf_source source = kernel_file_source();
	struct elf_image elf;
	const char *why;
	u64 entry;

	if (elf_open_source(&elf, &source, &why) != 0)
		report_failure("KERNEL: a multiboot1 kernel that is to be loaded as an ELF file, "
			       "but: %s; build it again",
			why);
	if (elf_entry_phys(&elf, &entry) != 0 || entry > UINT32_MAX)
		report_failure("KERNEL: its entry is outside of what is loaded below 4 GiB; "
			       "build it again");
	load_segments(&elf, p);
	return (u32)entry;
}

/* KiB of RAM from @start up to the first hole. */
static u32 ram_from(const struct load_map *map, u64 start)
{
	u64 end = start;

	for (u32 i = 0; i < map->count; i++)
		if (map->range[i].type == PVH_MEMORY_RAM && map->range[i].start <= end &&
			map->range[i].start + map->range[i].size > end)
			end = map->range[i].start + map->range[i].size;
	return (u32)MIN((end - start) / KIB, UINT32_MAX);
}

static void fill_map(u32 gpa)
{
	struct load_map map;

	load_map(&map);
	found.info.mem_lower = ram_from(&map, 0);
	found.info.mem_upper = ram_from(&map, MIB);
	found.info.map = gpa + (u32)offsetof(typeof(found), map);
	found.info.map_length = map.count * (u32)sizeof(found.map[0]);
	for (u32 i = 0; i < map.count; i++)
		found.map[i] = (struct mb1_memory){ .size = sizeof(found.map[0]) - 4,
			.address = map.range[i].start,
			.length = map.range[i].size,
			.type = map.range[i].type };
}

/* @gpa: where it will lie. */
static void fill(u32 gpa, struct load_initrd initrd)
{
	found.info = (struct mb1_info){
		.flags = MB1_INFO_MEMORY | MB1_INFO_CMDLINE | MB1_INFO_MODULES | MB1_INFO_MAP |
			 MB1_INFO_LOADER,
		.cmdline = gpa + (u32)offsetof(typeof(found), cmdline),
		.modules = gpa + (u32)offsetof(typeof(found), module),
		.loader_name = gpa + (u32)offsetof(typeof(found), loader),
	};
	fill_map(gpa);
	load_cmdline(found.cmdline);
	memcpy(found.loader, "Verdigris", sizeof("Verdigris"));
	if (initrd.size == 0)
		return;
	found.info.module_count = 1;
	found.module = (struct mb1_module){
		.start = (u32)initrd.gpa,
		.end = (u32)(initrd.gpa + initrd.size),
		.text = gpa + (u32)offsetof(typeof(found), name),
	};
	memcpy(found.name, "initrd", sizeof("initrd"));
}

static void load(void)
{
	struct mb1_header h;
	struct place place;
	u32 at = header_find(&h);
	u32 entry;
	u64 gpa;

	if (at == ~0u)
		report_failure("KERNEL: it cannot be read; look at the disk");
	if (h.flags & MB1_HEADER_REQUIRED & ~KNOWN_FLAGS)
		report_failure("KERNEL: its multiboot header demands what a VM does not have "
			       "(flags 0x%x, bit 2 is a video mode); build it without",
			h.flags);
	place_init(&place);
	entry = h.flags & MB1_HEADER_ADDRESSES ? load_addresses(&place, at) : load_elf(&place);
	gpa = load_place_info(&place, sizeof(found));
	/* Behind the kernel, as other loaders do: some map little more than that. */
	fill((u32)gpa, load_initrd(&place, true, 4 * GIB));
	(void)firmware_load(&place); /* its kernel looks for them */
	load_write(gpa, &found, sizeof(found));
	load_entry_32(entry, MB1_BOOT_MAGIC, (u32)gpa, gpa + offsetof(typeof(found), gdt));
}

const struct loader load_multiboot = { recognises, load };

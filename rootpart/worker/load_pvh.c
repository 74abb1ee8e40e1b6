/* SPDX-License-Identifier: MIT */
/*
 * ELF kernels with a PVH entry. Its start information, of which all parts lie
 * in one piece, stands low in memory. Xen "x86/HVM direct boot ABI".
 */
#include "boot/pvh.h"
#include "lib/string.h"
#include "rootpart/worker/firmware.h"
#include "rootpart/worker/kernel_file.h"
#include "rootpart/worker/load.h"
#include "rootpart/worker/report.h"
#include "worker/abi.h"

/* What the kernel finds. */
static struct {
	struct pvh_start_info start;
	struct pvh_module module;
	struct pvh_memory map[LOAD_MAP_MAX];
	u8 gdt[LOAD_GDT_SIZE] __aligned(8);
	char name[8];
	char cmdline[WORKER_CMDLINE_MAX];
} info;

static bool open(struct elf_image *elf, const char **why)
{
	struct elf_source source = kernel_file_source();

	return elf_open_source(elf, &source, why) == 0;
}

static bool recognises(void)
{
	struct elf_image elf;
	const char *why;

	return open(&elf, &why) && elf.pvh_entry != 0;
}

static void fill_map(void)
{
	struct load_map map;

	load_map(&map);
	info.start.memory_map_entries = map.count;
	for (u32 i = 0; i < map.count; i++)
		info.map[i] = (struct pvh_memory){ .address = map.range[i].start,
			.size = map.range[i].size,
			.type = map.range[i].type };
}

/* @gpa: where info will lie. */
static void fill(u64 gpa, struct load_initrd initrd, u64 rsdp)
{
	info.start = (struct pvh_start_info){
		.magic = PVH_START_MAGIC,
		.version = 1,
		.cmdline = gpa + offsetof(typeof(info), cmdline),
		.rsdp = rsdp,
		.memory_map = gpa + offsetof(typeof(info), map),
	};
	fill_map();
	load_cmdline(info.cmdline);
	if (initrd.size == 0)
		return;
	info.start.module_count = 1;
	info.start.modules = gpa + offsetof(typeof(info), module);
	info.module = (struct pvh_module){
		.address = initrd.gpa,
		.size = initrd.size,
		.cmdline = gpa + offsetof(typeof(info), name),
	};
	memcpy(info.name, "initrd", sizeof("initrd"));
}

static void load(void)
{
	struct elf_image elf;
	struct place place;
	const char *why;
	u64 gpa;

	if (!open(&elf, &why))
		report_failure("KERNEL: %s; copy it again", why);
	if (elf.pvh_entry > UINT32_MAX)
		report_failure("KERNEL: its PVH entry is above 4 GiB; link it lower");
	place_init(&place);
	load_segments(&elf, &place);
	gpa = load_place_info(&place, sizeof(info));
	fill(gpa, load_initrd(&place, false, 4 * GIB), firmware_load(&place));
	load_write(gpa, &info, sizeof(info));
	load_entry_32((u32)elf.pvh_entry, 0, (u32)gpa, gpa + offsetof(typeof(info), gdt));
}

const struct loader load_pvh = { recognises, load };

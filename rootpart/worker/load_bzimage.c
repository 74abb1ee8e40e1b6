/* SPDX-License-Identifier: MIT */
/*
 * Linux's own format, entered by its 64-bit entry, where the kernel unpacks
 * itself. It lies where it wants to run, so that it need not move; the initrd
 * as high as it may; what it is told low in memory, in one piece.
 * Linux "The Linux/x86 Boot Protocol", 64-bit boot protocol.
 */
#include "boot/bzimage.h"

#include "lib/string.h"
#include "rootpart/worker/firmware.h"
#include "rootpart/worker/kernel_file.h"
#include "rootpart/worker/load.h"
#include "rootpart/worker/report.h"

#define VERSION_MIN   0x020cu
#define ALIGNMENT_MAX GIB
#define MEMORY_BELOW  (4 * GIB)
#define OTHER         "name another one with --kernel"

/* What the kernel finds. Both begin pages. */
static struct {
	struct bzimage_params params;
	struct load_identity tables;
	u8 gdt[LOAD_GDT_SIZE] __aligned(8);
	char cmdline[WORKER_CMDLINE_MAX];
} info;

static bool header_read(struct bzimage_header *h)
{
	return kernel_file_read(BZIMAGE_HEADER_AT, h, sizeof(*h));
}

static bool recognises(void)
{
	u16 flag;
	u32 magic;

	return kernel_file_read(BZIMAGE_HEADER_AT + offsetof(struct bzimage_header, boot_flag),
		       &flag, sizeof(flag)) &&
	       kernel_file_read(BZIMAGE_HEADER_AT + offsetof(struct bzimage_header, magic), &magic,
		       sizeof(magic)) &&
	       flag == BZIMAGE_BOOT_FLAG && magic == BZIMAGE_MAGIC;
}

/* Where the header ends in the file: the jump at its beginning leads there. */
static u32 header_end(const struct bzimage_header *h)
{
	return BZIMAGE_HEADER_AT + (u32)offsetof(struct bzimage_header, magic) + h->jump_length;
}

static void header_check(const struct bzimage_header *h)
{
	if (h->version < VERSION_MIN)
		report_failure("KERNEL: a Linux bzImage by boot protocol %u.%02u, and 2.12 is the "
			       "oldest that can be loaded; " OTHER,
			h->version >> 8, h->version & 0xffu);
	if (!(h->xload_flags & BZIMAGE_XLF_64) || !(h->load_flags & BZIMAGE_LOADED_HIGH))
		report_failure("KERNEL: a Linux bzImage without 64-bit entry; " OTHER);
	if (header_end(h) < BZIMAGE_HEADER_AT + offsetof(struct bzimage_header, handover_offset))
		report_failure(
			"KERNEL: the header of the bzImage is cut short; copy it again, or " OTHER);
}

/* Its part of the file. */
struct image {
	u64 offset;
	u64 size;
};

static struct image image_find(const struct bzimage_header *h)
{
	u32 sectors = h->setup_sectors != 0 ? h->setup_sectors : BZIMAGE_SETUP_SECTORS;
	struct image image = {
		.offset = (sectors + 1ull) * BZIMAGE_SECTOR,
		.size = h->kernel_size * 16ull,
	};

	if (image.offset > kernel_file_size() || image.size > kernel_file_size() - image.offset)
		report_failure("KERNEL: the file has %lu bytes, and by its header %lu; copy it "
			       "again, or " OTHER,
			kernel_file_size(), image.offset + image.size);
	if (image.size <= BZIMAGE_ENTRY_64 || image.size > h->init_size)
		report_failure("KERNEL: the sizes in the header of the bzImage make no sense; copy "
			       "it again, or " OTHER);
	return image;
}

/* The address that it prefers, or the first one above that is aligned as it must be. */
static u64 image_place(struct place *p, const struct bzimage_header *h)
{
	u64 align = h->relocatable ? h->alignment : 1;
	u64 end = h->relocatable ? MEMORY_BELOW : h->pref_address + h->init_size;
	u64 gpa;

	if (align == 0 || align > ALIGNMENT_MAX || (align & (align - 1)) ||
		h->pref_address >= MEMORY_BELOW)
		report_failure("KERNEL: the addresses in the header of the bzImage make no sense; "
			       "copy it again, or " OTHER);
	if (!place_low(p, h->init_size, align, h->pref_address, end, &gpa))
		report_failure("KERNEL: it needs %lu KiB from 0x%lx on, where there is not so much "
			       "memory; give the VM more",
			(h->init_size + KIB - 1) / KIB, h->pref_address);
	return gpa;
}

static u64 image_load(struct place *p, const struct bzimage_header *h)
{
	struct image image = image_find(h);
	u64 gpa = image_place(p, h);

	load_kernel_part(image.offset, image.size, gpa);
	return gpa;
}

static void fill_map(void)
{
	struct load_map map;

	static_assert(LOAD_MAP_MAX <= BZIMAGE_MEMORY_MAX);
	load_map(&map);
	info.params.memory_count = (u8)map.count;
	for (u32 i = 0; i < map.count; i++)
		info.params.memory[i] = (struct bzimage_memory){ .address = map.range[i].start,
			.size = map.range[i].size,
			.type = map.range[i].type };
}

static void fill_cmdline(const struct bzimage_header *h)
{
	u32 length = load_cmdline(info.cmdline) - 1;

	if (length > h->cmdline_size)
		report_failure("KERNEL: the command line has %u characters, and it takes %u; give "
			       "a shorter --cmdline, or " OTHER,
			length, h->cmdline_size);
}

/* @gpa: where info will lie. */
static void fill(u64 gpa, const struct bzimage_header *h, struct load_initrd initrd, u64 rsdp)
{
	u32 end = MIN(header_end(h), BZIMAGE_HEADER_END);
	struct bzimage_header *told = &info.params.header;

	memset(&info.params, 0, sizeof(info.params));
	if (!kernel_file_read(BZIMAGE_HEADER_AT, (u8 *)&info.params + BZIMAGE_HEADER_AT,
		    end - BZIMAGE_HEADER_AT))
		report_failure("KERNEL: the file cannot be read; look at the disk");
	info.params.rsdp = rsdp;
	told->video_mode = BZIMAGE_VIDEO_NORMAL;
	told->loader_type = BZIMAGE_LOADER_UNKNOWN;
	told->loader_type_high = 0;
	told->loader_version = 0;
	told->initrd = (u32)initrd.gpa;
	told->initrd_size = (u32)initrd.size;
	told->cmdline = (u32)(gpa + offsetof(typeof(info), cmdline));
	told->setup_data = 0;
	fill_map();
	fill_cmdline(h);
	load_identity_fill(&info.tables, gpa + offsetof(typeof(info), tables));
}

static void load(void)
{
	struct bzimage_header h;
	struct load_initrd initrd;
	struct place place;
	u64 kernel, gpa;

	static_assert(offsetof(typeof(info), tables) % PAGE_SIZE == 0);
	if (!header_read(&h))
		report_failure(
			"KERNEL: the header of the bzImage is cut short; copy it again, or " OTHER);
	header_check(&h);
	place_init(&place);
	kernel = image_load(&place, &h);
	initrd = load_initrd(&place, false, MIN(h.initrd_last + 1ull, MEMORY_BELOW));
	gpa = load_place_info(&place, sizeof(info));
	fill(gpa, &h, initrd, firmware_load(&place));
	load_write(gpa, &info, sizeof(info));
	load_entry_64(kernel + BZIMAGE_ENTRY_64, gpa, gpa + offsetof(typeof(info), tables),
		gpa + offsetof(typeof(info), gdt));
}

const struct loader load_bzimage = { recognises, load };

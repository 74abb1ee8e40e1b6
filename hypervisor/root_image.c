/* SPDX-License-Identifier: MIT */
/*
 * Loading the root kernel. Start information lies in the image's own zeroed
 * part, because PVH wants it below 4 GiB; the root sees it read-only.
 */
#include "hypervisor/root_image.h"

#include "base/assert.h"
#include "boot/boot_info.h"
#include "boot/bootinfo.h"
#include "boot/pvh.h"
#include "hypervisor/backtrace.h"
#include "hypervisor/clock.h"
#include "hypervisor/console.h"
#include "hypervisor/cpu.h"
#include "hypervisor/die.h"
#include "hypervisor/frame.h"
#include "hypervisor/log.h"
#include "hypervisor/memory_plan.h"
#include "hypervisor/platform.h"
#include "hypervisor/pool.h"
#include "hypervisor/shared.h"
#include "hypervisor/version.h"
#include "hypervisor/vp.h"
#include "lib/string.h"
#include "x86/cr.h"

#define ROOT_MODULE    "rootpart.elf"
#define ARCHIVE_MODULE "boot.cpio"
#define ARCHIVE_MAX    (8 * MIB)
#define MAP_MAX        (MEMMAP_MAX + 4u)

/* What the root is handed; whole pages, in the image. */
static struct __aligned(4096)
{
	struct pvh_start_info start;
	u8 rsdp[BOOT_RSDP_SIZE];
	struct bootinfo info __aligned(64);
	char cmdline[BOOT_CMDLINE_SIZE];
	struct pvh_module modules[BOOT_MODULES_MAX + 1];
	char names[BOOT_MODULES_MAX + 1][BOOT_MODULE_TEXT_SIZE];
	struct pvh_memory map[MAP_MAX];
}
handed __attribute__((section(".bss.page")));

static_assert(sizeof(handed) % 4096 == 0);

struct bootinfo *root_bootinfo(void)
{
	return &handed.info;
}

static bool is_named(const struct boot_module *m, const char *name)
{
	size_t len = strlen(name);

	return strncmp(m->text, name, len) == 0 && (m->text[len] == '\0' || m->text[len] == ' ');
}

static const struct boot_module *find_module(const struct boot_info *info, const char *name)
{
	for (u32 i = 0; i < info->module_count; i++)
		if (is_named(&info->modules[i], name))
			return &info->modules[i];
	return NULL;
}

static const void *keep(const struct boot_module *m)
{
	u64 size = m->end - m->start;
	void *copy = shared_alloc((size + PAGE_MASK) >> PAGE_SHIFT);

	assert(copy);
	memcpy(copy, (const void *)m->start, size);
	return copy;
}

void root_image_find(
	struct root_image *image, const struct boot_info *info, const struct memory_plan *plan)
{
	const struct boot_module *root = find_module(info, ROOT_MODULE);
	const struct boot_module *archive = find_module(info, ARCHIVE_MODULE);
	struct elf_symtab symbols;
	const char *why;

	memset(image, 0, sizeof(*image));
	if (!root || root->start == root->end)
		refuse("no root module: add the line \"module2 /boot/rootpart.elf rootpart.elf\" "
		       "to GRUB's menu entry");
	image->file = keep(root);
	image->file_size = root->end - root->start;
	if (elf_open(&image->elf, image->file, image->file_size, &why))
		refuse("damaged root module: %s; rebuild rootpart.elf, or copy it again", why);
	if (!image->elf.pvh_entry)
		refuse("damaged root module: no PVH entry note; rebuild rootpart.elf");
	if (archive && archive->end - archive->start > ARCHIVE_MAX)
		refuse("boot archive is larger than 8 MiB: move files to a module extra*.cpio");
	if (archive && archive->end > archive->start) {
		image->archive = keep(archive);
		image->archive_size = archive->end - archive->start;
	}
	image->hole = memory_plan_root_hole(plan, info, image->elf.phys_size);
	if (!image->hole)
		refuse("too little memory: no hole of %lu KiB for the root partition; give the "
		       "machine more",
			image->elf.phys_size / KIB);
	if (!elf_symtab_find(image->file, image->file_size, &symbols))
		backtrace_root_symbols(&symbols);
}

static void load_segments(const struct root_image *image)
{
	struct elf_segment seg;

	for (u32 i = 0; elf_segment_get(&image->elf, i, &seg) == 0; i++) {
		u8 *to = (u8 *)(image->hole + seg.paddr - image->elf.phys_base);

		memcpy(to, seg.data, seg.filesz);
		memset(to + seg.filesz, 0, seg.memsz - seg.filesz);
	}
}

static void add_module(const char *name, u64 address, u64 size)
{
	u32 n = handed.start.module_count++;
	int cut = str_copy(handed.names[n], name, sizeof(handed.names[n]));

	assert(!cut);
	handed.modules[n] = (struct pvh_module){
		.address = address,
		.size = size,
		.cmdline = virt_to_spa(handed.names[n]).a,
	};
}

static void add_modules(const struct root_image *image, const struct boot_info *info)
{
	if (image->archive)
		add_module(ARCHIVE_MODULE, virt_to_spa(image->archive).a, image->archive_size);
	add_module(BOOTINFO_MODULE_NAME, virt_to_spa(&handed.info).a, sizeof(handed.info));
	for (u32 i = 0; i < info->module_count; i++) {
		const struct boot_module *m = &info->modules[i];

		if (strncmp(m->text, "extra", 5) == 0)
			add_module(m->text, m->start, m->end - m->start);
	}
}

static void add_memory(u64 start, u64 end, u32 type)
{
	u32 n = handed.start.memory_map_entries;

	if (start >= end)
		return;
	assert(n < MAP_MAX);
	handed.map[n] = (struct pvh_memory){ .address = start, .size = end - start, .type = type };
	handed.start.memory_map_entries = n + 1;
}

/* Adds [start, end) of RAM without what the hypervisor keeps. */
static void add_ram(u64 start, u64 end, const struct memory_plan *plan)
{
	const u64 kept[2][2] = {
		{ plan->image, plan->image + plan->image_size },
		{ plan->owned, plan->owned + plan->owned_size },
	};
	u32 lower = kept[0][0] < kept[1][0] ? 0 : 1;

	start = ALIGN_UP(start, PAGE_SIZE);
	end = ALIGN_DOWN(end, PAGE_SIZE);
	for (u32 i = 0; i < 2; i++) {
		const u64 *k = kept[i ? 1 - lower : lower];

		if (k[0] >= end || k[1] <= start)
			continue;
		add_memory(start, k[0], PVH_MEMORY_RAM);
		add_memory(k[0], k[1], PVH_MEMORY_RESERVED);
		start = k[1];
	}
	add_memory(start, end, PVH_MEMORY_RAM);
}

static void fill_map(const struct boot_info *info, const struct memory_plan *plan)
{
	for (u32 i = 0; i < info->memory.count; i++) {
		const struct memmap_range *r = &info->memory.range[i];

		if (r->type == MEMMAP_RAM)
			add_ram(r->start, r->end, plan);
		else
			add_memory(r->start, r->end, (u32)r->type);
	}
}

static void fill_bootinfo(const struct root_image *image, const struct memory_plan *plan)
{
	struct bootinfo *b = &handed.info;

	b->magic = BOOTINFO_MAGIC;
	b->version = BOOTINFO_VERSION;
	b->size = sizeof(*b);
	memcpy(b->hypervisor_version, VERDIGRIS_VERSION, sizeof(VERDIGRIS_VERSION));
	memcpy(b->vendor, virt->name, strnlen(virt->name, sizeof(b->vendor) - 1));
	b->tsc_hz = clock_tsc_hz;
	b->boot_tsc = clock_boot_tsc;
	b->memory_total = plan->ram;
	b->memory_hypervisor = plan->image_size + plan->owned_size;
	b->log_ring = shared_log_spa();
	b->log_ring_size = SHARED_LOG_SIZE + sizeof(struct log_ring);
	b->trace_rings = shared_trace_spa();
	b->trace_ring_size = SHARED_TRACE_SIZE;
	b->processors = cpu_count;
	b->serial_port = console_serial_port();
	b->root_image = virt_to_spa(image->file).a;
	b->root_image_size = image->file_size;
	for (u32 i = 0; i < cpu_count; i++)
		b->apic_ids[i] = cpus[i]->apic_id;
}

static void fill_start_info(const struct root_image *image, const struct boot_info *info,
	const struct memory_plan *plan)
{
	struct pvh_start_info *s = &handed.start;
	int cut = str_copy(handed.cmdline, info->cmdline, sizeof(handed.cmdline));

	assert(!cut);
	s->magic = PVH_START_MAGIC;
	s->version = 1;
	memcpy(handed.rsdp, info->rsdp, sizeof(handed.rsdp));
	s->rsdp = virt_to_spa(handed.rsdp).a;
	s->cmdline = virt_to_spa(handed.cmdline).a;
	s->modules = virt_to_spa(handed.modules).a;
	s->memory_map = virt_to_spa(handed.map).a;
	add_modules(image, info);
	fill_map(info, plan);
	fill_bootinfo(image, plan);
	frame_mark(virt_to_spa(&handed), sizeof(handed), FRAME_SHARED, 0);
}

/* Entry state of the PVH ABI: 32-bit protected mode, flat, paging off. */
static const struct {
	u32 name;
	union hv_register_value value;
} entry_state[] = {
	{ HV_X64_REGISTER_CR0, { .u64 = CR0_PE | CR0_ET | CR0_NE } },
	{ HV_X64_REGISTER_CR4, { .u64 = 0 } },
	{ HV_X64_REGISTER_EFER, { .u64 = 0 } },
	{ HV_X64_REGISTER_CS, { .segment = { 0, 0xffffffff, 0x08, 0xc09b } } },
	{ HV_X64_REGISTER_DS, { .segment = { 0, 0xffffffff, 0x10, 0xc093 } } },
	{ HV_X64_REGISTER_ES, { .segment = { 0, 0xffffffff, 0x10, 0xc093 } } },
	{ HV_X64_REGISTER_SS, { .segment = { 0, 0xffffffff, 0x10, 0xc093 } } },
	{ HV_X64_REGISTER_FS, { .segment = { 0, 0xffffffff, 0x10, 0xc093 } } },
	{ HV_X64_REGISTER_GS, { .segment = { 0, 0xffffffff, 0x10, 0xc093 } } },
	{ HV_X64_REGISTER_TR, { .segment = { 0, 0x67, 0, 0x8b } } },
	{ HV_X64_REGISTER_LDTR, { .segment = { 0, 0, 0, 0x82 } } },
	{ HV_X64_REGISTER_GDTR, { .table = { .limit = 0, .base = 0 } } },
	{ HV_X64_REGISTER_IDTR, { .table = { .limit = 0, .base = 0 } } },
};

void root_image_load(const struct root_image *image, const struct boot_info *info,
	const struct memory_plan *plan, struct vp *vp)
{
	load_segments(image);
	fill_start_info(image, info, plan);
	for (u32 i = 0; i < ARRAY_SIZE(entry_state); i++) {
		enum hv_status s = virt->set(vp, entry_state[i].name, &entry_state[i].value);

		assert(s == HV_STATUS_SUCCESS);
	}
	memset(vp->regs.gpr, 0, sizeof(vp->regs.gpr));
	vp->regs.gpr[GPR_RBX] = virt_to_spa(&handed.start).a;
	vp->regs.rflags = 2;
	vp->regs.rip = image->hole + image->elf.pvh_entry - image->elf.phys_base;
	log_info("root: image of %lu KiB at %lx", image->elf.phys_size / KIB, image->hole);
}

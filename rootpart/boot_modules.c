/* SPDX-License-Identifier: MIT */
/*
 * What the loader handed over: copied from start_info before the kernel's own
 * page tables are switched to, because the loader's memory is mapped nowhere
 * afterwards. Contents of modules and rings stay where they are. Boot VP.
 * Xen "x86/HVM direct boot ABI"; include/boot/.
 */
#include "rootpart/boot_modules.h"

#include "base/errno.h"
#include "lib/string.h"
#include "rootpart/paging.h"

#define MEMORY_ENTRIES_MAX 128u
#define CMDLINE_MAX        1024u
#define NAME_MAX           64u
/* entry.S maps no more than this one to one. */
#define IDENTITY_END (4 * GIB)

static struct boot_module modules[BOOT_MODULES_MAX];
static char names[BOOT_MODULES_MAX][NAME_MAX];
static u32 module_count;
static struct pvh_memory memory_map[MEMORY_ENTRIES_MAX];
static u32 memory_entries;
static char cmdline[CMDLINE_MAX];
static u64 rsdp;

static struct {
	const struct bootinfo *info;
	const void *root_image;
	const struct log_ring *log_ring;
	const u8 *trace_rings;
} mapped;

/* The loader's memory as entry.S maps it; NULL if it is out of reach. */
static const void *early_ptr(u64 gpa, u64 size)
{
	if (gpa == 0 || gpa >= IDENTITY_END || size > IDENTITY_END - gpa)
		return NULL;
	return (const void *)gpa;
}

static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

/* The first word of the module's string, without its folders. */
static void copy_name(char *name, u64 gpa)
{
	const char *text = early_ptr(gpa, NAME_MAX);
	char word[NAME_MAX];

	if (text == NULL)
		return;
	(void)str_copy(word, text, sizeof(word));
	for (char *c = word; *c != '\0'; c++) {
		if (*c == ' ')
			*c = '\0';
	}
	(void)str_copy(name, last_part(word), NAME_MAX);
}

static void copy_modules(const struct pvh_start_info *start)
{
	u32 count = MIN(start->module_count, BOOT_MODULES_MAX);
	const struct pvh_module *m = early_ptr(start->modules, count * sizeof(*m));

	if (m == NULL)
		return;
	for (u32 i = 0; i < count; i++) {
		copy_name(names[i], m[i].cmdline);
		modules[i] = (struct boot_module){
			.name = names[i],
			.size = m[i].size,
			.gpa = GPA(m[i].address),
		};
	}
	module_count = count;
}

static int copy_memory_map(const struct pvh_start_info *start)
{
	u32 count = MIN(start->memory_map_entries, MEMORY_ENTRIES_MAX);
	const struct pvh_memory *map = early_ptr(start->memory_map, count * sizeof(*map));

	if (map == NULL || count == 0 || start->version < 1)
		return -EINVAL;
	memcpy(memory_map, map, count * sizeof(*map));
	memory_entries = count;
	return 0;
}

int boot_modules_init(u64 gpa)
{
	const struct pvh_start_info *start = early_ptr(gpa, sizeof(*start));
	const char *line;

	if (start == NULL || start->magic != PVH_START_MAGIC)
		return -EINVAL;
	line = early_ptr(start->cmdline, CMDLINE_MAX);
	if (line != NULL)
		(void)str_copy(cmdline, line, sizeof(cmdline));
	rsdp = start->rsdp;
	copy_modules(start);
	return copy_memory_map(start);
}

static void map_rings(const struct bootinfo *info)
{
	u64 traces = info->trace_ring_size * info->processors;

	if (info->log_ring != 0)
		mapped.log_ring = paging_map_direct(info->log_ring, info->log_ring_size);
	if (info->trace_rings != 0)
		mapped.trace_rings = paging_map_direct(info->trace_rings, traces);
	if (info->root_image != 0)
		mapped.root_image = paging_map_direct(info->root_image, info->root_image_size);
}

void boot_modules_map(void)
{
	const struct boot_module *module;

	for (u32 i = 0; i < module_count; i++) {
		struct boot_module *m = &modules[i];

		m->data = paging_map_direct(m->gpa.a, m->size);
	}
	module = boot_module_find(BOOTINFO_MODULE_NAME);
	if (module == NULL || module->data == NULL || module->size < sizeof(struct bootinfo))
		return;
	mapped.info = module->data;
	if (mapped.info->magic != BOOTINFO_MAGIC || mapped.info->version != BOOTINFO_VERSION) {
		mapped.info = NULL;
		return;
	}
	map_rings(mapped.info);
}

void boot_modules_ranges(void (*use)(u64 gpa, u64 size))
{
	for (u32 i = 0; i < module_count; i++)
		use(modules[i].gpa.a, modules[i].size);
}

const struct boot_module *boot_module_get(u32 index)
{
	return index < module_count ? &modules[index] : NULL;
}

const struct boot_module *boot_module_find(const char *name)
{
	for (u32 i = 0; i < module_count; i++) {
		if (strcmp(modules[i].name, name) == 0)
			return &modules[i];
	}
	return NULL;
}

const char *boot_cmdline(void)
{
	return cmdline;
}

u64 boot_rsdp(void)
{
	return rsdp;
}

const struct pvh_memory *boot_memory_map(u32 *count)
{
	*count = memory_entries;
	return memory_map;
}

const struct bootinfo *boot_info(void)
{
	return mapped.info;
}

const void *boot_root_image(void)
{
	return mapped.root_image;
}

const struct log_ring *boot_log_ring(void)
{
	return mapped.log_ring;
}

const struct trace_ring *boot_trace_ring(u32 index)
{
	if (mapped.trace_rings == NULL || index >= mapped.info->processors)
		return NULL;
	return (const void *)(mapped.trace_rings + index * mapped.info->trace_ring_size);
}

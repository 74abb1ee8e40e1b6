/* SPDX-License-Identifier: MIT */
/*
 * The plan of the hypervisor's memory. Ranges to spare are few, so they are
 * kept in an array and searched from the start.
 */
#include "hypervisor/memory_plan.h"

#include "boot/boot_info.h"
#include "hypervisor/frame.h"
#include "lib/string.h"

#define LOW_LIMIT     (1 * MIB)
#define ADDRESS_4G    (4 * GIB)
#define POOL_BASE     (4 * MIB)
#define POOL_PER_CPU  (384 * KIB)
#define DEVICE_TABLES 192u /* below 4 GiB, carving, and windows of devices above */
#define MAX_SPARED    (BOOT_MODULES_MAX + 5u)

struct range {
	u64 start;
	u64 end;
};

struct spared {
	u32 count;
	struct range range[MAX_SPARED];
};

static void spare(struct spared *s, u64 start, u64 end)
{
	if (start < end)
		s->range[s->count++] = (struct range){ start, end };
}

static const struct range *overlapping(const struct spared *s, u64 start, u64 end)
{
	for (u32 i = 0; i < s->count; i++)
		if (start < s->range[i].end && end > s->range[i].start)
			return &s->range[i];
	return NULL;
}

/* Highest 2 MiB-aligned place for @size bytes of RAM below @limit, or 0. */
static u64 find_high(const struct boot_info *info, const struct spared *s, u64 size, u64 limit)
{
	for (u32 i = info->memory.count; i-- > 0;) {
		const struct memmap_range *r = &info->memory.range[i];
		u64 end = MIN(r->end, limit);
		u64 low = MAX(r->start, LOW_LIMIT);

		while (r->type == MEMMAP_RAM && end > size && end - size >= low) {
			u64 at = ALIGN_DOWN(end - size, PAGE_2M);
			const struct range *hit = overlapping(s, at, at + size);

			if (at < low)
				break;
			if (!hit)
				return at;
			end = hit->start;
		}
	}
	return 0;
}

static u64 find_low(const struct boot_info *info, const struct spared *s, u64 size, u64 limit)
{
	for (u32 i = 0; i < info->memory.count; i++) {
		const struct memmap_range *r = &info->memory.range[i];
		u64 at = ALIGN_UP(MAX(r->start, LOW_LIMIT), PAGE_2M);

		while (r->type == MEMMAP_RAM && at + size <= MIN(r->end, limit)) {
			const struct range *hit = overlapping(s, at, at + size);

			if (!hit)
				return at;
			at = ALIGN_UP(hit->end, PAGE_2M);
		}
	}
	return 0;
}

static void measure(struct memory_plan *plan, const struct boot_info *info)
{
	for (u32 i = 0; i < info->memory.count; i++) {
		const struct memmap_range *r = &info->memory.range[i];

		if (r->type != MEMMAP_RAM)
			continue;
		plan->ram += r->end - r->start;
		plan->top = MAX(plan->top, r->end);
	}
	plan->top = ALIGN_UP(plan->top, PAGE_SIZE);
	plan->frames = plan->top >> PAGE_SHIFT;
	/* All of memory in 4 KiB leaves, the tables above them, and devices. */
	plan->slat_reserve = plan->top / PAGE_2M + plan->top / PAGE_1G + DEVICE_TABLES;
	/* The same once more in our own tables; the last of each level may be half used. */
	plan->direct_reserve =
		plan->top / PAGE_2M + plan->top / PAGE_1G + plan->top / (512 * GIB) + 3;
}

static void spare_modules(struct spared *s, const struct boot_info *info, const char *prefix)
{
	for (u32 i = 0; i < info->module_count; i++)
		if (strncmp(info->modules[i].text, prefix, strlen(prefix)) == 0)
			spare(s, info->modules[i].start, info->modules[i].end);
}

static u64 modules_size(const struct boot_info *info)
{
	u64 size = 0;

	/* Copies are kept of all but the extra ones. */
	for (u32 i = 0; i < info->module_count; i++)
		if (strncmp(info->modules[i].text, "extra", 5) != 0)
			size += ALIGN_UP(info->modules[i].end - info->modules[i].start, PAGE_SIZE);
	return size;
}

bool memory_plan_make(
	struct memory_plan *plan, const struct boot_info *info, u64 load, u64 image_size, u32 cpus)
{
	const struct elf_symtab *sym = &info->symbols;
	struct spared s = { 0 };

	memset(plan, 0, sizeof(*plan));
	measure(plan, info);
	spare(&s, load, load + image_size);
	spare(&s, (u64)sym->symbols, (u64)sym->symbols + sym->symbols_size);
	spare(&s, (u64)sym->strings, (u64)sym->strings + sym->strings_size);
	spare_modules(&s, info, "");
	plan->image_size = ALIGN_UP(image_size, PAGE_SIZE);
	plan->image = find_high(info, &s, plan->image_size, ADDRESS_4G);
	if (!plan->image)
		return false;
	spare(&s, plan->image, plan->image + plan->image_size);
	plan->owned_size = ALIGN_UP(plan->frames * sizeof(struct frame), PAGE_SIZE) +
			   (plan->slat_reserve + plan->direct_reserve) * PAGE_SIZE + POOL_BASE +
			   cpus * POOL_PER_CPU + modules_size(info) + sym->symbols_size +
			   sym->strings_size;
	plan->owned_size = ALIGN_UP(plan->owned_size, PAGE_SIZE);
	plan->owned = find_high(info, &s, plan->owned_size, ~0ull);
	return plan->owned != 0;
}

u64 memory_plan_root_hole(const struct memory_plan *plan, const struct boot_info *info, u64 size)
{
	struct spared s = { 0 };

	spare(&s, plan->image, plan->image + plan->image_size);
	spare(&s, plan->owned, plan->owned + plan->owned_size);
	spare_modules(&s, info, "extra");
	return find_low(info, &s, size, ADDRESS_4G);
}

/* SPDX-License-Identifier: MIT */
/*
 * The kernel's page tables: four levels, kernel half only, global pages. Made
 * at boot from the list of RAM ranges, afterwards only added to, by any task.
 * Tables come from ram.c until page_alloc works. Intel SDM volume 3, 4.5.
 */
#include "rootpart/paging.h"

#include "base/errno.h"
#include "lib/string.h"
#include "rootpart/boot_modules.h"
#include "rootpart/cpu.h"
#include "rootpart/image.h"
#include "rootpart/layout.h"
#include "rootpart/lock.h"
#include "rootpart/page_alloc.h"
#include "rootpart/panic.h"
#include "rootpart/ram.h"
#include "x86/cr.h"
#include "x86/msr.h"
#include "x86/paging.h"

/* The reset value, but for entry 4 (PAT bit alone): write-combining. */
#define PAGING_PAT 0x0007040100070406ull

static struct spinlock lock;
static u64 root_table;   /* physical */
static u64 table_base;   /* where tables are reached: identity, then direct map */
static bool root_closed; /* all its upper entries are there */
static bool early = true;
static u64 device_next = ROOT_DEVICE_BASE;

static const u64 kind_bits[] = {
	[PAGING_DATA] = PTE_P | PTE_W | PTE_G | PTE_NX,
	[PAGING_RODATA] = PTE_P | PTE_G | PTE_NX,
	[PAGING_CODE] = PTE_P | PTE_G,
	[PAGING_DEVICE] = PTE_P | PTE_W | PTE_G | PTE_NX | PTE_PCD | PTE_PWT,
	[PAGING_WRITE_COMBINE] = PTE_P | PTE_W | PTE_G | PTE_NX | PTE_PAT_4K,
};

static u64 *table_ptr(u64 pa)
{
	return (u64 *)(table_base + pa);
}

/* A zeroed table's physical address, or 0. */
static u64 table_alloc(void)
{
	void *p;
	u64 pa;

	if (early) {
		pa = ram_take_page();
		if (pa != 0)
			memset(table_ptr(pa), 0, PAGE_SIZE);
		return pa;
	}
	p = page_alloc_zeroed(0);
	return p != NULL ? gpa_of(p).a : 0;
}

/* Entry for @va in the table of @level; NULL: memory is out, or it would take a
 * new entry of the root table, which address spaces would not have. An entry of
 * a higher level comes back where a large page is in the way. */
static u64 *walk(u64 va, u32 level)
{
	u64 *table = table_ptr(root_table);

	for (u32 l = 4;; l--) {
		u64 *entry = &table[PT_INDEX(va, l)];

		if (l == level || (*entry & PTE_PS))
			return entry;
		if (!(*entry & PTE_P)) {
			u64 pa = l == 4 && root_closed ? 0 : table_alloc();

			if (pa == 0)
				return NULL;
			*entry = pa | PTE_P | PTE_W;
		}
		table = table_ptr(*entry & PTE_ADDR);
	}
}

static u64 leaf_bits(enum paging_kind kind)
{
	u64 bits = kind_bits[kind];

	return cpu_features()->nx ? bits : bits & ~PTE_NX;
}

/* Large leaves are for RAM: their PAT bit is elsewhere and never needed. */
static bool use_large(u64 va, u64 pa, u64 size, enum paging_kind kind)
{
	return kind == PAGING_DATA && IS_ALIGNED(va | pa, PAGE_2M) && size >= PAGE_2M;
}

static int map_locked(u64 va, u64 pa, u64 size, enum paging_kind kind)
{
	u64 bits = leaf_bits(kind);

	while (size > 0) {
		bool large = use_large(va, pa, size, kind);
		u64 span = large ? PAGE_2M : PAGE_SIZE;
		u64 *entry = walk(va, large ? 2 : 1);

		if (entry == NULL)
			return -ENOMEM;
		if (!(*entry & PTE_P))
			*entry = pa | bits | (large ? PTE_PS : 0);
		va += span;
		pa += span;
		size -= MIN(size, span);
	}
	return 0;
}

int paging_map(u64 va, u64 pa, u64 size, enum paging_kind kind)
{
	u64 flags = lock_irq(&lock);
	int r = map_locked(va, pa, size, kind);

	unlock_irq(&lock, flags);
	return r;
}

static _Noreturn void die_without_memory(void)
{
	panic_start("too little memory for the root partition's page tables: "
		    "give the machine more memory");
}

static void map_or_die(u64 va, u64 pa, u64 size, enum paging_kind kind)
{
	if (paging_map(va, pa, size, kind) != 0)
		die_without_memory();
}

static void map_image(u64 load)
{
	u64 base = ROOT_IMAGE_BASE;
	u64 text_end = (u64)image_text_end;
	u64 rodata_end = (u64)image_rodata_end;
	u64 guard = (u64)boot_stack_guard;

	map_or_die(base, load, text_end - base, PAGING_CODE);
	map_or_die(text_end, load + (text_end - base), rodata_end - text_end, PAGING_RODATA);
	map_or_die(rodata_end, load + (rodata_end - base), guard - rodata_end, PAGING_DATA);
	guard += PAGE_SIZE;
	map_or_die(guard, load + (guard - base), (u64)image_end - guard, PAGING_DATA);
}

static void map_ram(void)
{
	u32 count;
	const struct ram_range *r = ram_ranges(&count);

	for (u32 i = 0; i < count; i++)
		map_or_die(ROOT_DIRECT_BASE + r[i].start, r[i].start, r[i].top - r[i].start,
			PAGING_DATA);
}

/* Where the last thing ends that the memory map knows; at least at 4 GiB. */
static u64 memory_end(void)
{
	u32 count;
	const struct pvh_memory *map = boot_memory_map(&count);
	u64 end = 4 * GIB;

	for (u32 i = 0; i < count; i++) {
		if (map[i].size <= ROOT_DIRECT_SIZE &&
			map[i].address <= ROOT_DIRECT_SIZE - map[i].size)
			end = MAX(end, map[i].address + map[i].size);
	}
	return end;
}

/* Address spaces copy the upper half's entries: none may come late. */
static void fill_root_table(void)
{
	u64 end = memory_end();

	if (walk(ROOT_STACK_BASE, 3) == NULL || walk(ROOT_DEVICE_BASE, 3) == NULL ||
		walk(ROOT_IMAGE_BASE, 3) == NULL)
		die_without_memory();
	for (u64 gpa = 0; gpa < end; gpa += PT_SPAN(4)) {
		if (walk(ROOT_DIRECT_BASE + gpa, 3) == NULL)
			die_without_memory();
	}
	root_closed = true;
}

void paging_init(u64 load)
{
	root_closed = false;
	root_table = table_alloc();
	if (root_table == 0)
		die_without_memory();
	fill_root_table();
	map_image(load);
	map_ram();
	paging_load();
	table_base = ROOT_DIRECT_BASE;
}

void paging_use_page_alloc(void)
{
	early = false;
}

void paging_load(void)
{
	msr_write(MSR_PAT, PAGING_PAT);
	cr3_write(root_table);
}

u64 paging_cr3(void)
{
	return root_table;
}

void paging_switch(u64 root)
{
	cr3_write(root);
}

void paging_copy_kernel_half(u64 *root)
{
	memcpy(root + PT_ENTRIES / 2, table_ptr(root_table) + PT_ENTRIES / 2,
		PT_ENTRIES / 2 * sizeof(*root));
}

u64 paging_pat(void)
{
	return PAGING_PAT;
}

volatile void *paging_map_device(u64 gpa, u64 size, enum paging_kind kind)
{
	u64 offset = gpa & PAGE_MASK;
	u64 span = ALIGN_UP(offset + size, PAGE_SIZE);
	u64 flags = lock_irq(&lock);
	u64 va = device_next;
	int r = -ENOMEM;

	if (span <= ROOT_DEVICE_BASE + ROOT_DEVICE_SIZE - va) {
		device_next += span;
		r = map_locked(va, gpa - offset, span, kind);
	}
	unlock_irq(&lock, flags);
	return r == 0 ? (volatile void *)(va + offset) : NULL;
}

const void *paging_map_direct(u64 gpa, u64 size)
{
	u64 offset = gpa & PAGE_MASK;
	u64 start = gpa - offset;

	if (gpa >= ROOT_DIRECT_SIZE || size > ROOT_DIRECT_SIZE - gpa)
		return NULL;
	if (paging_map(ROOT_DIRECT_BASE + start, start, ALIGN_UP(offset + size, PAGE_SIZE),
		    PAGING_RODATA) != 0)
		return NULL;
	return gpa_ptr(GPA(gpa));
}

/* SPDX-License-Identifier: MIT */
/*
 * The hypervisor's page tables. The first tables come from an array in the
 * image, because the pool is not mapped yet when they are made; entries hold
 * the physical addresses that the image will have at its final place.
 * Intel SDM volume 3, 4.5.
 */
#include "hypervisor/paging.h"

#include "base/assert.h"
#include "hypervisor/cpu.h"
#include "hypervisor/layout.h"
#include "hypervisor/pool.h"
#include "lib/string.h"
#include "x86/atomic.h"
#include "x86/cpu.h"
#include "x86/cr.h"
#include "x86/paging.h"
#include "x86/spinlock.h"

#define EARLY_TABLES 64u

extern char image_start[], text_end[], rodata_end[], image_end[];

static u64 early_tables[EARLY_TABLES][PT_ENTRIES] __attribute__((section(".bss.page")))
__aligned(4096);
static u32 early_used;
static u64 *pml4;
static u64 device_next = HV_DEVICE_BASE;
static bool has_page1g;

/* Pages for the tables of deposits, taken at boot and zeroed when they are needed. */
static struct {
	u8 *next;
	u64 left;
	struct spinlock lock; /* and of the deposits' tables */
} reserve;

static u32 epoch; /* batches of deposited pages that were taken out */

static const u64 kind_bits[] = {
	[PAGING_CODE] = PTE_P | PTE_G,
	[PAGING_RODATA] = PTE_P | PTE_G | PTE_NX,
	[PAGING_DATA] = PTE_P | PTE_W | PTE_G | PTE_NX,
	[PAGING_DEVICE] = PTE_P | PTE_W | PTE_G | PTE_NX | PTE_PCD | PTE_PWT,
	[PAGING_BOOT] = PTE_P | PTE_W,
};

static u64 *table_alloc(void)
{
	u64 *t;

	if (early_used < EARLY_TABLES)
		return early_tables[early_used++];
	if (!reserve.left) {
		t = pool_alloc(1);
		assert(t);
		return t;
	}
	t = memset(reserve.next, 0, PAGE_SIZE);
	reserve.next += PAGE_SIZE;
	reserve.left--;
	return t;
}

/* The table below entry @e, made if there is none. */
static u64 *table_below(u64 *e)
{
	u64 *t;

	if (*e & PTE_P) {
		assert(!(*e & PTE_PS));
		return spa_to_virt(SPA(*e & PTE_ADDR));
	}
	t = table_alloc();
	*e = virt_to_spa(t).a | PTE_P | PTE_W;
	return t;
}

/* The entry of @level that maps @va. */
static u64 *entry_at(u64 va, u32 level)
{
	u64 *t = pml4;

	for (u32 l = 4; l > level; l--)
		t = table_below(&t[PT_INDEX(va, l)]);
	return &t[PT_INDEX(va, level)];
}

static u32 level_for(u64 va, u64 spa, u64 size)
{
	if (has_page1g && IS_ALIGNED(va | spa, PAGE_1G) && size >= PAGE_1G)
		return 3;
	return IS_ALIGNED(va | spa, PAGE_2M) && size >= PAGE_2M ? 2 : 1;
}

void paging_map(u64 va, spa_t spa, u64 size, enum paging_kind kind)
{
	u64 end = va + size;

	assert(IS_ALIGNED(va | spa.a | size, PAGE_SIZE));
	while (va < end) {
		u32 level = level_for(va, spa.a, end - va);
		u64 large = level > 1 ? PTE_PS : 0;

		*entry_at(va, level) = spa.a | kind_bits[kind] | large | PTE_A | PTE_D;
		invlpg(va);
		va += PT_SPAN(level);
		spa.a += PT_SPAN(level);
	}
}

volatile void *paging_map_device(u64 spa, u64 size)
{
	u64 offset = spa & PAGE_MASK;
	u64 bytes = ALIGN_UP(offset + size, PAGE_SIZE);
	u64 va = device_next;

	assert(va + bytes <= HV_DEVICE_BASE + HV_DEVICE_SIZE);
	device_next += bytes;
	paging_map(va, SPA(spa - offset), bytes, PAGING_DEVICE);
	return (volatile void *)(va + offset);
}

u64 *paging_entries(u64 va)
{
	return entry_at(va, 1);
}

static void map_section(const char *start, const char *end, enum paging_kind kind)
{
	paging_map((u64)start, virt_to_spa(start), (u64)(end - start), kind);
}

void paging_init(spa_t image, u64 identity_end)
{
	pool_set_image(image);
	has_page1g = (cpuid(0x80000001, 0).edx >> 26) & 1;
	pml4 = table_alloc();
	map_section(image_start, text_end, PAGING_CODE);
	map_section(text_end, rodata_end, PAGING_RODATA);
	map_section(rodata_end, image_end, PAGING_DATA);
	paging_map(0, SPA(0), ALIGN_UP(identity_end, has_page1g ? PAGE_1G : PAGE_2M), PAGING_BOOT);
}

void paging_drop_identity(void)
{
	/* Its entries are the lower half's; none of them is global. */
	for (u32 i = 0; i < PT_ENTRIES / 2; i++)
		pml4[i] = 0;
	cr3_write(cr3_read());
}

u64 paging_cr3(void)
{
	return virt_to_spa(pml4).a;
}

void paging_reserve_deposits(u64 pages)
{
	reserve.next = pool_alloc_raw(pages);
	assert(reserve.next);
	reserve.left = pages;
}

static u64 *deposit_entry(u64 va)
{
	u64 *e;

	spin_lock(&reserve.lock);
	e = entry_at(va, 1);
	spin_unlock(&reserve.lock);
	return e;
}

/* Not global, so that reloading CR3 forgets it. */
void *paging_map_deposit(spa_t spa)
{
	u64 va = HV_DIRECT_BASE + spa.a;

	WRITE_ONCE(*deposit_entry(va), spa.a | PTE_P | PTE_W | PTE_NX | PTE_A | PTE_D);
	return (void *)va;
}

void paging_unmap_deposit(spa_t spa)
{
	u64 va = HV_DIRECT_BASE + spa.a;

	WRITE_ONCE(*deposit_entry(va), 0);
	invlpg(va);
}

void paging_forget(void)
{
	/* Pairs with paging_catch_up(); after the entries were cleared. */
	atomic_fetch_add(&epoch, 1);
	for (u32 i = 0; i < cpu_count; i++)
		cpu_kick(cpus[i]);
}

void paging_catch_up(u32 *seen)
{
	u32 now = load_acquire(&epoch);

	if (likely(*seen == now))
		return;
	*seen = now;
	cr3_write(cr3_read());
}

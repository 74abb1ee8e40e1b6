/* SPDX-License-Identifier: MIT */
/*
 * Stack slots: taken one after the other, mapped on first use, then kept in a
 * list through their lowest word. Called by tasks on any VP; one lock.
 */
#include "rootpart/stack.h"

#include "rootpart/lock.h"
#include "rootpart/page_alloc.h"
#include "rootpart/paging.h"

static struct spinlock lock;
static u64 free_list; /* lowest address of the first free stack, 0 if none */
static u32 next_slot;

static u64 take_free(void)
{
	u64 base = free_list;

	if (base != 0)
		free_list = *(u64 *)base;
	return base;
}

/* Stacks lie at the end of their slots: the guard is what is below. */
static u64 slot_base(u32 slot)
{
	return ROOT_STACK_BASE + (slot + 1) * ROOT_STACK_STRIDE - ROOT_STACK_SIZE;
}

/*
 * Pages are cleared: what a loader's code was once translated from is, for QEMU, slow to write
 * to until all of it was overwritten. On failure the slot and what was mapped of it are
 * lost: memory is out.
 */
static u64 stack_map(u64 base)
{
	for (u64 offset = 0; offset < ROOT_STACK_SIZE; offset += PAGE_SIZE) {
		void *page = page_alloc_zeroed(0);

		if (page == NULL)
			return 0;
		if (paging_map(base + offset, gpa_of(page).a, PAGE_SIZE, PAGING_DATA) != 0) {
			(void)page_free(page, 0);
			return 0;
		}
	}
	return base;
}

u64 stack_alloc(void)
{
	u64 flags = lock_irq(&lock);
	u64 base = take_free();
	u32 slot = ROOT_STACK_SLOTS;

	if (base == 0 && next_slot < ROOT_STACK_SLOTS)
		slot = next_slot++;
	unlock_irq(&lock, flags);

	if (base != 0 || slot == ROOT_STACK_SLOTS)
		return base;
	return stack_map(slot_base(slot));
}

void stack_free(u64 base)
{
	u64 flags = lock_irq(&lock);

	*(u64 *)base = free_list;
	free_list = base;
	unlock_irq(&lock, flags);
}

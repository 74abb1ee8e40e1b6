/* SPDX-License-Identifier: MIT */
/*
 * Memory that a parent deposited for a partition: whole pages of the
 * hypervisor's, mapped at HV_DIRECT_BASE, of which everything is made that
 * the partition makes the hypervisor hold. Pages that are free are linked
 * through their first word. Any processor; one lock inside.
 */
#pragma once

#include "base/addr.h"
#include "base/types.h"
#include "x86/spinlock.h"

struct deposit {
	void *free;
	u64 free_pages;
	u64 used_pages;
	struct spinlock lock;
};

/* A zeroed page, or NULL: the parent must deposit more. */
[[nodiscard]] void *deposit_take(struct deposit *d);
/* Gives a page back that deposit_take() returned. */
void deposit_give(struct deposit *d, void *page);

/* Adds a page that has just become the hypervisor's; its contents do not matter. */
void deposit_add(struct deposit *d, void *page);
/* Takes a free page out for good, zeroed; NULL if there is none. */
[[nodiscard]] void *deposit_remove(struct deposit *d);
/* Both counts, of one moment. */
void deposit_balance(struct deposit *d, u64 *free_pages, u64 *used_pages);

/* SPDX-License-Identifier: MIT */
/*
 * The hypervisor's own page tables: 4 levels, shared by all processors,
 * W^X. Mappings are made at boot; afterwards only windows change, and pages
 * that are deposited and withdrawn.
 */
#pragma once

#include "base/addr.h"
#include "base/types.h"

enum paging_kind {
	PAGING_CODE,   /* read, execute */
	PAGING_RODATA, /* read */
	PAGING_DATA,   /* read, write */
	PAGING_DEVICE, /* read, write, uncached */
	PAGING_BOOT,   /* read, write, execute: the identity map of boot */
};

/*
 * Builds tables for the image at its final place and an identity map of
 * [0, identity_end), while the boot tables are still in use. Once, first.
 */
void paging_init(spa_t image, u64 identity_end);

/* Tables come from the image, then from the pool. Running out asserts. */
void paging_map(u64 va, spa_t spa, u64 size, enum paging_kind kind);

/* Maps device registers or memory in the device area, uncached. */
volatile void *paging_map_device(u64 spa, u64 size);

/* Makes the tables for a range and returns the first of its 4 KiB entries. */
u64 *paging_entries(u64 va);

/*
 * Deposited pages, at HV_DIRECT_BASE + SPA, any processor, each page its
 * caller's own; one lock inside. Boot keeps @pages for the tables of all memory
 * there is, so that mapping cannot fail.
 */
void paging_reserve_deposits(u64 pages);
void *paging_map_deposit(spa_t spa);
/*
 * Takes one out again. Other processors may still have it in their TLBs until
 * paging_forget(), one call per batch, has reached them: a translation that is
 * right as long as it is there, of an address that nothing points to any more.
 */
void paging_unmap_deposit(spa_t spa);
void paging_forget(void);
/* On each processor when it is kicked: forgets what it must. @seen: its own, 0 at first. */
void paging_catch_up(u32 *seen);

/* Drops the identity map of boot; once, before the root runs. */
void paging_drop_identity(void);

/* Value of CR3 for every processor. */
u64 paging_cr3(void);

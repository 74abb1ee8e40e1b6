/* SPDX-License-Identifier: MIT */
/*
 * The hypervisor's own page tables: 4 levels, shared by all processors,
 * W^X. Mappings are made at boot; afterwards only windows change.
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

/* Drops the identity map of boot; once, before the root runs. */
void paging_drop_identity(void);

/* Value of CR3 for every processor. */
u64 paging_cr3(void);

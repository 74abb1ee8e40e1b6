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
	PAGING_WC,     /* read, write, write-combining: framebuffer */
};

/* Tables come from the pool. Asserts on running out: boot only. */
void paging_map(u64 va, spa_t spa, u64 size, enum paging_kind kind);
void paging_unmap(u64 va, u64 size);

/* Maps device registers somewhere in the device area; never fails at boot. */
volatile void *paging_map_device(u64 spa, u64 size);

/* Switches the calling processor to the final tables. */
void paging_activate(void);
/* Drops the identity map of boot; called once, before the root runs. */
void paging_drop_identity(void);
/* Value of CR3 for other processors. */
u64 paging_cr3(void);

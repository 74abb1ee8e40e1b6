/* SPDX-License-Identifier: MIT */
/*
 * The kernel's page tables, shared by all VPs: direct map of RAM, image W^X,
 * stacks, device registers (layout.h). Kernel mappings are only ever added,
 * so there is no TLB shootdown. Lower halves are address_space.h's. Any task; one
 * lock inside.
 */
#pragma once

#include "base/addr.h"
#include "base/types.h"

enum paging_kind {
	PAGING_DATA,          /* read, write */
	PAGING_RODATA,        /* read */
	PAGING_CODE,          /* read, execute */
	PAGING_DEVICE,        /* read, write, uncached */
	PAGING_WRITE_COMBINE, /* read, write; frame buffers */
};

/*
 * Builds the tables from ram.h's ranges and switches to them. @load: GPA of
 * the image. Panics if memory is out. Boot, once.
 */
void paging_init(u64 load);
/* From now on tables come from page_alloc. Boot. */
void paging_use_page_alloc(void);
/* Takes over the tables on a further VP, PAT included. */
void paging_load(void);
/* CR3 and PAT that every VP has. */
u64 paging_cr3(void);
u64 paging_pat(void);

/*
 * Loads the root table @root, the kernel's own or an address space's: what was
 * cached of a lower half is forgotten, the kernel's mappings stay.
 */
void paging_switch(u64 root);
/* Fills the upper half of an address space's root table: as it is, it stays. */
void paging_copy_kernel_half(u64 *root);

/* Maps pages; what is mapped there already stays. 0 or -ENOMEM. */
[[nodiscard]] int paging_map(u64 va, u64 pa, u64 size, enum paging_kind kind);

/*
 * Maps device registers or a frame buffer somewhere in the device area; any
 * alignment of @gpa. NULL when memory or the area is out.
 */
[[nodiscard]] volatile void *paging_map_device(u64 gpa, u64 size, enum paging_kind kind);

/*
 * Makes [gpa, gpa + size) readable in the direct map, where it is not RAM:
 * firmware tables, modules, the hypervisor's rings. Returns its address, NULL
 * when memory is out, or where it lies beyond all that the memory map knows.
 */
[[nodiscard]] const void *paging_map_direct(u64 gpa, u64 size);

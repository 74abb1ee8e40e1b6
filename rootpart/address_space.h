/* SPDX-License-Identifier: MIT */
/*
 * Lower halves: what a process in ring 3 can reach. Each has a root table of
 * its own, whose upper half is the kernel's. Pages are mapped here as they
 * are, or allocated and owned; tables are always owned. The kernel itself
 * never uses an address of a lower half. Tasks only; there is no lock: one at
 * a time per address space. Intel SDM volume 3, 4.5.
 *
 * A space is loaded on the VP of its process only. While that runs, anybody
 * may add mappings, but only its own task may take them away.
 */
#pragma once

#include "base/addr.h"
#include "base/types.h"

/* The first page stays free to catch null pointers, the last one so that no
 * instruction ends where addresses are not canonical. */
#define ADDRESS_SPACE_FIRST PAGE_SIZE
#define ADDRESS_SPACE_END   0x00007ffffffff000ull

struct address_space {
	u64 root; /* GPA of the root table: CR3; 0: none */
};

/* Rights besides reading. */
#define ADDRESS_WRITE   1u
#define ADDRESS_EXECUTE 2u /* not with ADDRESS_WRITE */

/* 0 or -ENOMEM. */
[[nodiscard]] int address_space_create(struct address_space *as);
/* Gives back all tables and owned pages. It is loaded nowhere; none is allowed. */
void address_space_destroy(struct address_space *as);

/*
 * Maps [gpa, gpa + size) at @va, in 2 MiB pages where both addresses and what
 * is left allow. All are whole pages. 0, or, with nothing changed: -EINVAL
 * alignment, rights, or not within the lower half; -EEXIST something is mapped
 * there already; -ENOMEM.
 */
[[nodiscard]] int address_space_map(
	struct address_space *as, u64 va, gpa_t gpa, u64 size, u32 rights);
/* The same with new pages, full of zeroes, that are owned. */
[[nodiscard]] int address_space_alloc(struct address_space *as, u64 va, u64 size, u32 rights);

/*
 * Unmaps what is mapped in [va, va + size), and frees what of it is owned. 0,
 * or, with nothing changed: -EINVAL; -ENOMEM no table to split a large page.
 */
[[nodiscard]] int address_space_unmap(struct address_space *as, u64 va, u64 size);

/* Where the kernel reaches the byte at @va; NULL if it is not mapped. To the page's end. */
void *address_space_ptr(const struct address_space *as, u64 va);

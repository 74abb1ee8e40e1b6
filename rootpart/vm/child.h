/* SPDX-License-Identifier: MIT */
/*
 * A child partition as the root holds it: its id, its memory, its VPs' pages.
 * Made whole or not at all. By one task at a time.
 */
#pragma once

#include "base/addr.h"
#include "base/types.h"
#include "hv/vpset.h"
#include "lib/list.h"
#include "rootpart/vm/vm_config.h"

/* RAM ends here and goes on at 4 GiB: in between are devices. */
#define CHILD_LOW_RAM_END (3 * GIB)

/* A piece of the child's RAM; ours in the direct map, in one piece. */
struct child_block {
	struct list_node link;
	u64 gpa;
	u64 size;
	u8 *memory;
	u32 order;
};

struct child {
	u64 id;                  /* 0: none */
	u32 vps;                 /* created */
	struct list_node blocks; /* struct child_block by GPA */
	u8 **chunks;             /* its RAM by 2 MiB, for child_page() */
	u64 chunk_count;
	struct {
		gpa_t registers; /* the hypervisor's state pages, mapped for us */
		gpa_t intercept;
		const u64 *counters; /* hv/stats.h */
	} vp[HV_MAX_PROCESSORS];
};

/*
 * Makes a partition from @config, with its memory zeroed and mapped, its VPs
 * suspended. 0, or with nothing left: -ENOMEM not enough memory; others as the
 * hypervisor said, with the step in *@what.
 */
[[nodiscard]] int child_create(struct child *c, const struct vm_config *config, const char **what);
/* Ends all of it: on return memory and deposits are back. */
void child_destroy(struct child *c);

/* Lets its VPs run, or stops them: on return they are at rest. */
[[nodiscard]] int child_release(struct child *c);
[[nodiscard]] int child_suspend(struct child *c);

/* Sets its weight, cap and reserve, as it is. */
[[nodiscard]] int child_share(struct child *c, const struct vm_config *config);

/* Our address of its RAM at @gpa, as far as it is in one piece: *@len gets less. NULL: not RAM. */
void *child_piece(const struct child *c, u64 gpa, u64 *len);
/* The same for the page @pfn, in few steps. Any context, as long as the child is there. */
u8 *child_page(const struct child *c, u64 pfn);
/* Bytes that the hypervisor holds for it. */
u64 child_overhead(const struct child *c);

/* SPDX-License-Identifier: MIT */
/*
 * Second-level address translation: GPA to SPA, for EPT and NPT alike. This
 * file knows the radix tree, the vendor's slat_format knows the bits. Pages of
 * 4 KiB, 2 MiB and 1 GiB; a large leaf is split when part of it changes.
 * Changes are under the slat's lock; lookups by the owner's own processors
 * are lock-free. The caller does the TLB shootdown (virt_ops.flush), one per
 * batch.
 */
#pragma once

#include "base/addr.h"
#include "base/types.h"
#include "hv/status.h"
#include "x86/memtype.h"
#include "x86/spinlock.h"

#define SLAT_READ  BIT(0)
#define SLAT_WRITE BIT(1)
#define SLAT_EXEC  BIT(2)
#define SLAT_ALL   (SLAT_READ | SLAT_WRITE | SLAT_EXEC)

struct slat_format {
	/* Entry that points to a lower table. */
	u64 (*table)(u64 spa);
	/* Leaf of @level (1: 4 KiB, 2: 2 MiB, 3: 1 GiB); @access: SLAT_* */
	u64 (*leaf)(u64 spa, u32 level, u32 access, enum memtype type);
	/* SLAT_* of a present entry, 0 for an entry that is not present. */
	u32 (*access)(u64 entry);
	/* Memory type that a leaf was made with. */
	enum memtype (*type)(u64 entry, u32 level);
	u64 large;   /* bit that marks a leaf of level 2 or 3 */
	bool page1g; /* whether 1 GiB leaves exist; set at start-up */
};

/* Where tables come from: a reserve made for one slat, a page at a time. */
struct slat_reserve {
	u8 *fresh; /* never used yet, contiguous */
	u64 fresh_pages;
	void *freed; /* linked through their first word */
	u64 freed_pages;
	u64 total;
};

struct slat {
	const struct slat_format *format;
	u64 *root; /* level 4 table */
	spa_t root_spa;
	struct slat_reserve reserve;
	struct spinlock lock;
	u64 pages[4]; /* leaves by level, for statistics */
};

struct slat_mapping {
	spa_t spa;  /* of the byte asked for */
	u32 access; /* SLAT_* */
	u32 level;
	enum memtype type;
};

/* Takes @reserve pages from the pool. HV_STATUS_INSUFFICIENT_MEMORY if short. */
enum hv_status slat_init(struct slat *slat, const struct slat_format *format, u64 reserve);
/*
 * Maps [gpa, gpa + size) to [spa, ...), in the largest leaves that alignment
 * and @max_level (1 to 3) allow, replacing what was there. Page-aligned.
 * HV_STATUS_INSUFFICIENT_MEMORY: the reserve ran out; what was done stays.
 */
enum hv_status slat_map(struct slat *slat, gpa_t gpa, spa_t spa, u64 size, u32 access,
	enum memtype type, u32 max_level);
/* Same, removing. May split, so it can fail the same way. */
enum hv_status slat_unmap(struct slat *slat, gpa_t gpa, u64 size);
/* False if nothing is mapped there. */
bool slat_lookup(const struct slat *slat, gpa_t gpa, struct slat_mapping *out);

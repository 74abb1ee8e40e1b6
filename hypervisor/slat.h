/* SPDX-License-Identifier: MIT */
/*
 * Second-level address translation: GPA to SPA, for EPT and NPT alike. This
 * file knows the radix tree, the vendor's slat_format knows the bits. Pages of
 * 4 KiB, 2 MiB and 1 GiB; a large leaf is split when part of it changes.
 * Changes are under the slat's lock; lookups by the owner's own processors
 * are lock-free. The caller does the TLB shootdown (partition_flush), one per
 * batch. A table that goes out of use may still be walked until then: it is
 * kept aside, stale, and free only after slat_free().
 */
#pragma once

#include "base/addr.h"
#include "base/types.h"
#include "hv/status.h"
#include "hypervisor/frame.h"
#include "x86/memtype.h"
#include "x86/spinlock.h"

struct deposit;

#define SLAT_GPA_BITS 48u /* what four levels of tables map */

#define SLAT_READ     BIT(0)
#define SLAT_WRITE    BIT(1)
#define SLAT_EXEC     BIT(2)
#define SLAT_ALL      (SLAT_READ | SLAT_WRITE | SLAT_EXEC)

/*
 * While writes are logged: a page that may be written, but whose first write
 * shall be seen, has SLAT_WRITE and SLAT_LOGGED; once it was, SLAT_DIRTY too.
 * A logged page that is not dirty is read-only to the processor.
 */
#define SLAT_LOGGED BIT(3)
#define SLAT_DIRTY  BIT(4)

struct slat_format {
	/* Entry that points to a lower table. */
	u64 (*table)(u64 spa);
	/* Leaf of @level (1: 4 KiB, 2: 2 MiB, 3: 1 GiB); @access: SLAT_ALL's */
	u64 (*leaf)(u64 spa, u32 level, u32 access, enum memtype type);
	/* SLAT_* of a present entry, 0 for an entry that is not present. */
	u32 (*access)(u64 entry);
	/* Memory type that a leaf was made with. */
	enum memtype (*type)(u64 entry, u32 level);
	u64 large;   /* bit that marks a leaf of level 2 or 3 */
	bool page1g; /* whether 1 GiB leaves exist; set at start-up */
};

/* Where the root's tables come from: a reserve made for one slat, a page at a time. */
struct slat_reserve {
	u8 *fresh; /* never used yet, contiguous */
	u64 fresh_pages;
	void *freed; /* linked through their first word */
	u64 freed_pages;
	u64 total;
};

/* How far logging of writes is; slat_log.c. */
enum slat_log_phase {
	SLAT_LOG_OFF,
	SLAT_LOG_SPLITTING,  /* leaves are 4 KiB and stay it, from here */
	SLAT_LOG_PROTECTING, /* what is mapped to be written is logged, from here */
	SLAT_LOG_ON,         /* all is logged; to here */
	SLAT_LOG_ENDING,
};

struct slat {
	const struct slat_format *format;
	u64 *root; /* level 4 table */
	spa_t root_spa;
	struct deposit *deposit; /* pays for the tables; NULL: the reserve */
	struct slat_reserve reserve;
	struct spinlock lock;
	struct frame_list stale; /* tables that a processor may still walk */
	u64 pages[4];            /* leaves by level, for statistics */

	u8 log; /* enum slat_log_phase */
	u64 log_cursor;

	/* What slat_drain() has still to release of the last leaf. */
	u64 drain_spa;
	u64 drain_end;
};

struct slat_mapping {
	spa_t spa;  /* of the byte asked for */
	u32 access; /* SLAT_* */
	u32 level;
	enum memtype type;
};

/* Takes @reserve pages from the pool. HV_STATUS_INSUFFICIENT_MEMORY if short. */
enum hv_status slat_init(struct slat *slat, const struct slat_format *format, u64 reserve);
/* Tables come from @deposit, and go back there. INSUFFICIENT_MEMORY: not even one. */
enum hv_status slat_init_deposit(
	struct slat *slat, const struct slat_format *format, struct deposit *deposit);
/*
 * Maps [gpa, gpa + size) to [spa, ...), in the largest leaves that alignment
 * and @max_level (1 to 3) allow, replacing what was there. Page-aligned.
 * HV_STATUS_INSUFFICIENT_MEMORY: tables ran out; what was done stays. Of a
 * range within one aligned 2 MiB, nothing was done then. While writes are
 * logged, what may be written is logged, and else nothing is.
 */
enum hv_status slat_map(struct slat *slat, gpa_t gpa, spa_t spa, u64 size, u32 access,
	enum memtype type, u32 max_level);
/* Same, removing. May split, so it can fail the same way; not where nothing is. */
enum hv_status slat_unmap(struct slat *slat, gpa_t gpa, u64 size);
/* And puts the frames that were mapped there on @gone. */
enum hv_status slat_remove(struct slat *slat, gpa_t gpa, u64 size, struct frame_list *gone);
/* False if nothing is mapped there; any address may be asked for. */
bool slat_lookup(const struct slat *slat, gpa_t gpa, struct slat_mapping *out);
/*
 * Makes one leaf of the 512 around @gpa if they are contiguous and alike, at
 * both levels. Cheap where a neighbour differs, so it can be tried after each
 * page. Never while writes are logged.
 */
void slat_promote(struct slat *slat, gpa_t gpa);

/*
 * Tables that are stale now, for slat_free() after a flush. partition.h has
 * both in one call.
 */
struct frame_list slat_stale(struct slat *slat);
void slat_free(struct slat *slat, struct frame_list tables);

/*
 * slat_drain.c: releases a part of all that is mapped, frames (frame_release_map)
 * and tables; nobody walks the tables any more. True when nothing is left: the
 * root table is gone as well.
 */
[[nodiscard]] bool slat_drain(struct slat *slat);

/*
 * slat_log.c: logging of writes, of a child's. On and off are called until
 * they are done, a short step each time; the caller flushes at the end (on),
 * or frees stale tables (off). on() gives INSUFFICIENT_MEMORY if the deposit has
 * no tables for what must be split; logging is off then.
 */
enum hv_status slat_log_on(struct slat *slat, bool *done);
[[nodiscard]] bool slat_log_off(struct slat *slat);
/*
 * An access (SLAT_*) that the tables refused: true if it may simply be made
 * again, for a write is seen now, or the tables have changed since.
 */
bool slat_retry(struct slat *slat, gpa_t gpa, u32 access);
/* A write by the hypervisor to a page that is logged and not dirty yet. */
void slat_log_write(struct slat *slat, gpa_t gpa);
/*
 * Tells whether the page was written, then clears or sets that; false if
 * nothing is mapped. After clearing the caller flushes.
 */
bool slat_log_change(struct slat *slat, gpa_t gpa, bool set, bool clear, bool *dirty);

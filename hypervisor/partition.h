/* SPDX-License-Identifier: MIT */
/*
 * A partition: an address space, its virtual processors, its privileges, and
 * the memory that pays for all of it. The root is one that boot makes; its
 * children are made and managed by hypercalls.
 *
 * A child's fields are changed by its parent's calls, one at a time (manage
 * lock), and read by its own VPs; those that both change are under `lock`.
 */
#pragma once

#include "base/addr.h"
#include "base/types.h"
#include "hv/msr.h"
#include "hv/partition.h"
#include "hv/status.h"
#include "hv/vpset.h"
#include "hypervisor/deposit.h"
#include "hypervisor/overlay.h"
#include "hypervisor/policy_cpuid.h"
#include "hypervisor/port.h"
#include "hypervisor/reference_time.h"
#include "hypervisor/slat.h"
#include "lib/list.h"
#include "x86/atomic.h"

struct vp;

enum partition_state {
	PARTITION_CREATED,    /* properties may be set, memory deposited */
	PARTITION_ACTIVE,     /* memory, VPs */
	PARTITION_FINALIZING, /* HvCallFinalizePartition is at it */
	PARTITION_FINALIZED,  /* holds nothing any more; withdraw, delete */
};

/* What a parent asked to see of its child, HvCallInstallIntercept. */
#define PARTITION_CPUID_INTERCEPTS 8u
struct partition_intercepts {
	u32 exceptions; /* bit per vector */
	u8 msr;         /* HV_INTERCEPT_READ, _WRITE */
	u32 cpuid_count;
	u32 cpuid[PARTITION_CPUID_INTERCEPTS]; /* leaves */
};

struct partition {
	u64 id;                     /* HV_PARTITION_ID_ROOT for the root */
	u64 privileges;             /* CPUID 0x40000003 EAX | EBX << 32 */
	struct partition *parent;   /* NULL: the root */
	u64 create_flags;           /* HV_CREATE_* */
	enum partition_state state; /* manage lock */
	struct slat slat;
	struct deposit deposit;
	struct vp *vps[HV_MAX_PROCESSORS];
	u32 vp_count;
	u32 vp_limit; /* one above the highest index of a VP */
	struct reference_time time;
	u64 tsc_hz;    /* told by HV_MSR_TSC_FREQUENCY */
	u8 msr_groups; /* policy_msr.c's: registers that there are */

	/* Of a child: what its VPs see of the processor, settled at creation. */
	struct cpuid_table cpuid;
	u64 processor_features[2]; /* HV_PROPERTY_PROCESSOR_FEATURES_0 and _1 */
	u64 xsave_states;          /* XCR0 components */
	u64 microcode;             /* MSR_BIOS_SIGN_ID */
	bool ignore_msrs;          /* HV_PROPERTY_UNIMPLEMENTED_MSR */

	u64 crash[HV_CRASH_PARAMETERS]; /* HV_MSR_CRASH_P(n); any VP, each for itself */

	/* Of each of its VPs' processor: parts of HV_CPU_ALL, and a weight. */
	u64 cpu_reserve;
	u64 cpu_cap;
	u64 cpu_weight;
	struct partition_intercepts intercepts;

	/* Bitmaps, made from the policy by the back end: one pair for the root,
	 * one for all children. */
	u8 *msr_bitmap; /* the vendor's form */
	u8 *io_bitmap;  /* 64 Kibit + 4, bit set: intercept */

	/* Synthetic MSRs of the whole partition, overlays; any VP, lock. */
	struct spinlock lock;
	u64 guest_os_id;
	u64 hypercall_msr;
	void *hypercall_page; /* lies over the page that hypercall_msr names */
	struct overlay hypercall_overlay;
	u64 reference_tsc_msr;
	void *reference_tsc_page; /* time.page; NULL: was never asked for */
	struct overlay reference_tsc_overlay;
	struct list_node overlays;

	struct port_space port_space;

	u32 references; /* the table's lock */
	bool deleted;   /* manage lock: out of the table, whoever waited must let go */
	struct spinlock manage;
};

extern struct partition *root_partition;

static inline bool partition_is_root(const struct partition *p)
{
	return p->parent == NULL;
}

/*
 * VP @index or NULL, for other VPs of @p, while which its parent may make and
 * delete some: each look may give another answer. What it gives is good until
 * the caller enters the guest or serves a flush.
 */
static inline struct vp *partition_vp(const struct partition *p, u32 index)
{
	/* Pairs with the releases in vp_life.c. */
	return load_acquire(&p->vps[index]);
}

/*
 * The table of partitions, partition_table.c. find() takes a reference, NULL
 * if there is none of that id; put() lets go, and frees what was deleted.
 */
struct partition *partition_find(u64 id);
void partition_put(struct partition *p);

/*
 * Pages for what the partition makes the hypervisor hold: a child's come from
 * its deposit, the root's from the pool. Zeroed. NULL: INSUFFICIENT_MEMORY.
 */
[[nodiscard]] void *partition_page_alloc(struct partition *p);
void partition_page_free(struct partition *p, void *page);

/* Whether a child's address space has page @gpfn, mapped or not. */
bool partition_gpa_exists(u64 gpfn);

/*
 * SPA of a page of the partition that hypervisor code may touch on its
 * behalf: RAM that it owns, never device memory or the hypervisor's.
 * @access: SLAT_* that its own mapping must allow. False if it may not.
 */
bool partition_gpa_to_spa(struct partition *p, gpa_t gpa, u32 access, spa_t *spa);

/*
 * Makes all processors forget mappings of @p that were taken away or replaced:
 * @self, which runs on this processor, at its next entry; the others before
 * this returns, unless they are outside the guest and so forget at theirs.
 * What another VP of @p had under way in the hypervisor has ended by then,
 * too. One call per batch. No lock may be held but the manage lock.
 */
void partition_flush(struct partition *p, struct vp *self);

/* The same, and then frees the tables of @p that had gone out of use before. */
void partition_flush_tables(struct partition *p, struct vp *self);

/*
 * After a change of overlays, by a VP of @p or by one that manages @p: frees the
 * tables, too, unless somebody manages @p, who may be looking at them.
 */
void partition_flush_overlays(struct partition *p, struct vp *self);

/*
 * The same for what VPs of @set, of @self's partition, have cached of their own
 * page tables; those that do not run forget it when they run next.
 */
void partition_flush_guest(struct vp *self, const struct vpset *set);

/*
 * The lock of calls that manage @p, for the caller's VP @self: waits, and
 * meanwhile does what other processors wait for it to do.
 */
void partition_manage(struct partition *p, struct vp *self);
void partition_manage_end(struct partition *p);
/* What @self does while it waits for others who may wait for it. */
void partition_serve_flush(struct vp *self);

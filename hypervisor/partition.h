/* SPDX-License-Identifier: MIT */
/*
 * A partition: an address space, its virtual processors, its privileges.
 * In this state of the project only the root exists.
 */
#pragma once

#include "base/addr.h"
#include "base/types.h"
#include "hv/status.h"
#include "hv/vpset.h"
#include "hypervisor/slat.h"

struct vp;

struct partition {
	u64 id;         /* HV_PARTITION_ID_ROOT for the root */
	u64 privileges; /* CPUID 0x40000003 EAX | EBX << 32 */
	struct slat slat;
	struct vp *vps[HV_MAX_PROCESSORS];
	u32 vp_count;
	u64 start_tsc; /* reference time counts from here */

	/* Bitmaps, made from the policy by the back end with the first VP, for all. */
	u8 *msr_bitmap; /* the vendor's form; NULL: intercept all */
	u8 *io_bitmap;  /* 64 Kibit + 4, bit set: intercept */

	/* Synthetic MSRs of the whole partition; any VP, lock. */
	struct spinlock lock;
	u64 guest_os_id;
	u64 hypercall_msr;
	void *hypercall_page; /* lies over the page that hypercall_msr names */
};

extern struct partition *root_partition;

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
 * One call per batch. No lock may be held.
 */
void partition_flush(struct partition *p, struct vp *self);

/* SPDX-License-Identifier: MIT */
/*
 * Numbers by which processors tag cached translations of a VP. One belongs to
 * one VP on all processors; vmx_load() drops what a former holder left.
 * Intel SDM volume 3, 29.1. Any processor; one lock.
 */
#include "hypervisor/vmx/vmx.h"
#include "lib/bitmap.h"
#include "x86/spinlock.h"

#define VPIDS 4096u

static u64 used[BITMAP_WORDS(VPIDS)] = { 1 }; /* 0 is the hypervisor itself */
static struct spinlock lock;

u16 vmx_vpid_alloc(void)
{
	u32 vpid;

	spin_lock(&lock);
	vpid = bitmap_next_clear(used, VPIDS, 0);
	if (vpid < VPIDS)
		bitmap_set(used, vpid);
	spin_unlock(&lock);
	return vpid < VPIDS ? (u16)vpid : 0;
}

void vmx_vpid_free(u16 vpid)
{
	spin_lock(&lock);
	bitmap_clear(used, vpid);
	spin_unlock(&lock);
}

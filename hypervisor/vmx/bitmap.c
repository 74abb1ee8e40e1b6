/* SPDX-License-Identifier: MIT */
/*
 * Bitmaps of MSRs and I/O ports that exit, made from a partition's policy:
 * one pair for the root, one for all children. Boot.
 * Intel SDM volume 3, 25.6.4 and 25.6.9.
 */
#include "lib/bitmap.h"
#include "hypervisor/partition.h"
#include "hypervisor/policy.h"
#include "hypervisor/pool.h"
#include "hypervisor/vmx/vmx.h"
#include "lib/string.h"

#define MSR_RANGE 0x2000u /* MSRs that one part of the bitmap is about */
#define MSR_HIGH  0xc0000000u

/* Bit numbers at which the parts of the page begin; set: exit. */
#define PART_READ_LOW   0u
#define PART_READ_HIGH  (1 * MSR_RANGE)
#define PART_WRITE_LOW  (2 * MSR_RANGE)
#define PART_WRITE_HIGH (3 * MSR_RANGE)

/* Two pages that the processor reads, and a third because the policy's
 * bitmap has bits for a wide access at the last port. */
#define IO_BITMAP_PAGES 3u

/* MSRs outside both ranges always exit. */
static void pass(void *bitmap, u32 msr, bool read, bool write)
{
	bool high = msr >= MSR_HIGH;
	u32 bit = high ? msr - MSR_HIGH : msr;

	if (bit >= MSR_RANGE)
		return;
	if (read)
		bitmap_clear(bitmap, (high ? PART_READ_HIGH : PART_READ_LOW) + bit);
	if (write)
		bitmap_clear(bitmap, (high ? PART_WRITE_HIGH : PART_WRITE_LOW) + bit);
}

enum hv_status vmx_bitmaps_create(struct partition *p)
{
	p->msr_bitmap = pool_alloc(1);
	p->io_bitmap = pool_alloc(IO_BITMAP_PAGES);
	if (!p->msr_bitmap || !p->io_bitmap)
		return HV_STATUS_INSUFFICIENT_MEMORY;
	memset(p->msr_bitmap, 0xff, PAGE_SIZE);
	policy_msr_pass_through(p, pass, p->msr_bitmap);
	policy_io_bitmap(p, p->io_bitmap, IO_BITMAP_PAGES * PAGE_SIZE);
	return HV_STATUS_SUCCESS;
}

/* SPDX-License-Identifier: MIT */
/*
 * What a partition sees of the processor: const tables for CPUID leaves and
 * MSRs, a row each with its reason.
 */
#pragma once

#include "base/types.h"
#include "x86/cpu.h"
#include "x86/cr.h"

struct hv_creation_properties;
struct partition;
struct vp;

/* CPUID as @vp, loaded here, sees it now (OSXSAVE, APIC id and XCR0 included). */
void policy_cpuid(struct vp *vp, u32 leaf, u32 subleaf, struct cpuid_regs *r);
/* The host's leaf under the policy's masks, without what depends on a VP. */
struct cpuid_regs policy_cpuid_masked(u32 leaf, u32 subleaf);
/* The same of leaf 0xD, subleaf 1 and the components. */
struct cpuid_regs policy_cpuid_xsave(u32 subleaf);
/* The leaf as the partition has it, without what depends on a VP. */
struct cpuid_regs policy_cpuid_of(const struct partition *p, u32 leaf);

/*
 * Settles what the VPs of @p, a child whose create_flags are set, see of the
 * processor: cpuid, processor_features, xsave_states, tsc_hz and microcode.
 * @off: what its parent disabled; bits that name nothing are ignored.
 */
void policy_child_init(struct partition *p, const struct hv_creation_properties *off);

/* Which MSRs there are follows from CPUID; once that of @p is settled. */
void policy_msr_init(struct partition *p);
/*
 * False: #GP for the guest, or an intercept if its parent installed one; else
 * a log line was written. A partition that ignores MSRs that nobody knows
 * reads 0 there, and its writes do nothing.
 */
[[nodiscard]] bool policy_msr_read(struct vp *vp, u32 msr, u64 *v);
[[nodiscard]] bool policy_msr_write(struct vp *vp, u32 msr, u64 v);

/* Whether the parent deals with a write of @msr that policy_msr_write() refused. */
[[nodiscard]] bool policy_msr_tells_parent(const struct vp *vp, u32 msr);

/*
 * Calls @pass for each MSR that the partition may read (write) directly, so
 * that a back end can fill its bitmap; everything else is intercepted.
 */
void policy_msr_pass_through(const struct partition *p,
	void (*pass)(void *ctx, u32 msr, bool read, bool write), void *ctx);

/* Fills @bitmap, of 8 KiB + 1 at least: a bit is set if accesses of the port exit. */
void policy_io_bitmap(const struct partition *p, u8 *bitmap, size_t size);

/* Bits that CR0 has. */
#define POLICY_CR0_BITS                                                                            \
	(CR0_PE | CR0_MP | CR0_EM | CR0_TS | CR0_ET | CR0_NE | CR0_WP | CR0_AM | CR0_NW | CR0_CD | \
		CR0_PG)

/* Values that registers may take, each for itself; else #GP. */
[[nodiscard]] bool policy_cr0_valid(const struct vp *vp, u64 v);
[[nodiscard]] bool policy_cr3_valid(const struct vp *vp, u64 v);
[[nodiscard]] bool policy_cr4_valid(const struct vp *vp, u64 v);
[[nodiscard]] bool policy_efer_valid(const struct vp *vp, u64 v);
[[nodiscard]] bool policy_xcr0_valid(const struct vp *vp, u64 v);
[[nodiscard]] bool policy_pat_valid(u64 v);
/* Whether these three agree on the mode of paging; EFER with LMA as it will be. */
[[nodiscard]] bool policy_mode_valid(u64 cr0, u64 cr4, u64 efer);
/* Components that XCR0 may have for @vp. */
u64 policy_xcr0_mask(const struct vp *vp);

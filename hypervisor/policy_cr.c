/* SPDX-License-Identifier: MIT */
/*
 * Values that a partition may give its control registers, EFER, XCR0 and PAT.
 * Bits follow the partition's CPUID: what that hides cannot be switched on. Called
 * on exits, and by hypercalls that set a VP's registers. Intel SDM volume 3, 2.5, 2.6.
 */
#include "hypervisor/cpu.h"
#include "hypervisor/partition.h"
#include "hypervisor/policy.h"
#include "hypervisor/vp.h"
#include "x86/cr.h"
#include "x86/msr.h"

#define LEAF_ADDRESS_SIZES 0x80000008u

enum { EBX, ECX, EDX };

/* A register's bits and the CPUID bit that allows them. */
struct feature_row {
	u64 bits;
	u32 leaf;
	u8 reg;
	u8 bit;
};

static const struct feature_row cr4_rows[] = {
	{ CR4_VME | CR4_PVI, 0x1, EDX, 1 },
	{ CR4_TSD, 0x1, EDX, 4 },
	{ CR4_DE, 0x1, EDX, 2 },
	{ CR4_PSE, 0x1, EDX, 3 },
	{ CR4_PAE, 0x1, EDX, 6 },
	{ CR4_MCE, 0x1, EDX, 7 },
	{ CR4_PGE, 0x1, EDX, 13 },
	{ CR4_PCE, 0x1, EDX, 5 }, /* allowed where MSRs are; RDPMC still ends in #UD */
	{ CR4_OSFXSR, 0x1, EDX, 24 },
	{ CR4_OSXMMEXCPT, 0x1, EDX, 25 },
	{ CR4_PCIDE, 0x1, ECX, 17 },
	{ CR4_OSXSAVE, 0x1, ECX, 26 },
	{ CR4_FSGSBASE, 0x7, EBX, 0 },
	{ CR4_SMEP, 0x7, EBX, 7 },
	{ CR4_SMAP, 0x7, EBX, 20 },
	{ CR4_UMIP, 0x7, ECX, 2 },
};

static const struct feature_row efer_rows[] = {
	{ EFER_SCE, 0x80000001, EDX, 11 },
	{ EFER_NXE, 0x80000001, EDX, 20 },
	{ EFER_LME | EFER_LMA, 0x80000001, EDX, 29 },
};

static u64 allowed_bits(const struct partition *p, const struct feature_row *rows, size_t count)
{
	struct cpuid_regs r = { 0 };
	u32 leaf = ~0u;
	u64 bits = 0;

	for (size_t i = 0; i < count; i++) {
		u32 v;

		if (rows[i].leaf != leaf) {
			leaf = rows[i].leaf;
			r = policy_cpuid_of(p, leaf);
		}
		v = rows[i].reg == EBX ? r.ebx : rows[i].reg == ECX ? r.ecx : r.edx;
		if (v >> rows[i].bit & 1)
			bits |= rows[i].bits;
	}
	return bits;
}

/* No bits above the partition's physical addresses. */
static bool is_physical(const struct vp *vp, u64 v)
{
	const struct partition *p = vp->partition;
	u32 bits = partition_is_root(p) ? vp->cpu->features.phys_bits
					: policy_cpuid_of(p, LEAF_ADDRESS_SIZES).eax & 0xff;

	return v >> bits == 0;
}

bool policy_cr0_valid(const struct vp *vp, u64 v)
{
	(void)vp;
	if (v >> 32 != 0)
		return false;
	if (v & CR0_PG && !(v & CR0_PE))
		return false;
	return !(v & CR0_NW) || v & CR0_CD;
}

bool policy_cr3_valid(const struct vp *vp, u64 v)
{
	return is_physical(vp, v);
}

bool policy_cr4_valid(const struct vp *vp, u64 v)
{
	return !(v & ~allowed_bits(vp->partition, cr4_rows, ARRAY_SIZE(cr4_rows)));
}

bool policy_efer_valid(const struct vp *vp, u64 v)
{
	return !(v & ~allowed_bits(vp->partition, efer_rows, ARRAY_SIZE(efer_rows)));
}

bool policy_xcr0_valid(const struct vp *vp, u64 v)
{
	const u64 avx512 = 0xe0;

	if (v & ~policy_xcr0_mask(vp) || !(v & XCR0_X87))
		return false;
	if (v & XCR0_AVX && !(v & XCR0_SSE))
		return false;
	return !(v & avx512) || ((v & avx512) == avx512 && v & XCR0_AVX);
}

bool policy_pat_valid(u64 v)
{
	for (u32 i = 0; i < 8; i++) {
		u64 type = v >> (8 * i) & 0xff;

		if (type > 7 || type == 2 || type == 3)
			return false;
	}
	return true;
}

bool policy_mode_valid(u64 cr0, u64 cr4, u64 efer)
{
	bool long_mode = cr0 & CR0_PG && efer & EFER_LME;

	if (long_mode != ((efer & EFER_LMA) != 0))
		return false;
	if (long_mode && !(cr4 & CR4_PAE))
		return false;
	return long_mode || !(cr4 & CR4_PCIDE);
}

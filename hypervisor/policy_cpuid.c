/* SPDX-License-Identifier: MIT */
/*
 * CPUID as the root sees it: the host's values under a mask per leaf. What is
 * not in the tables is zero; a bit is let through only if the hypervisor
 * switches, emulates or leaves alone what it stands for. The same masks are
 * what children's tables are made from (policy_child.c). Also the leaves of
 * the hypervisor itself, for everybody. Runs on each CPUID exit, so leaves are
 * found by index. Intel SDM volume 2, CPUID; AMD APM volume 3, appendix E;
 * TLFS 6.0b chapter 2.
 */
#include "hv/cpuid.h"

#include "hypervisor/cpu.h"
#include "hypervisor/layout.h"
#include "hypervisor/partition.h"
#include "hypervisor/policy.h"
#include "hypervisor/version.h"
#include "hypervisor/vp.h"
#include "x86/cr.h"

#define EXT_FIRST              0x80000000u
#define ALL                    0xffffffffu

#define LEAF_BASIC             0x0u
#define LEAF_FEATURES          0x1u
#define LEAF_EXTENDED_FEATURES 0x7u
#define LEAF_TOPOLOGY          0xbu
#define LEAF_XSAVE             0xdu

/* Leaf 0x80000008 EAX; without LA57 it is 48 whatever the processor has. */
#define LINEAR_BITS(n) ((u32)(n) << 8)

enum special { PLAIN, MAX_LEAF, FEATURES, SUBLEAF_0, TOPOLOGY, XSAVE, ADDRESS_SIZES };

struct cpuid_row {
	struct cpuid_regs mask;
	u8 special; /* what else happens, see adjust() */
	const char *why;
};

/* Leaf 1 ECX. */
#define F1C                                                                                        \
	(u32)(BIT(0) /* SSE3 */ | BIT(1) /* PCLMULQDQ */ | BIT(9) /* SSSE3 */ |                    \
		BIT(12) /* FMA */ | BIT(13) /* CMPXCHG16B */ | BIT(17) /* PCID */ |                \
		BIT(19) /* SSE4.1 */ | BIT(20) /* SSE4.2 */ | BIT(21) /* x2APIC */ |               \
		BIT(22) /* MOVBE */ | BIT(23) /* POPCNT */ | BIT(24) /* TSC deadline */ |          \
		BIT(25) /* AES */ | BIT(26) /* XSAVE */ | BIT(28) /* AVX */ | BIT(29) /* F16C */ | \
		BIT(30) /* RDRAND */)
#define F1C_OSXSAVE    BIT(27)
#define F1C_HYPERVISOR BIT(31)
/* Leaf 1 EDX: without PSN, DS, ACPI, TM, IA64, PBE. */
#define F1D                                                                                        \
	(u32)(BIT(0) /* FPU */ | BIT(1) /* VME */ | BIT(2) /* DE */ | BIT(3) /* PSE */ |           \
		BIT(4) /* TSC */ | BIT(5) /* MSR */ | BIT(6) /* PAE */ | BIT(7) /* MCE */ |        \
		BIT(8) /* CX8 */ | BIT(9) /* APIC */ | BIT(11) /* SEP */ |                         \
		BIT(12) /* MTRR, read only */ | BIT(13) /* PGE */ | BIT(14) /* MCA, no banks */ |  \
		BIT(15) /* CMOV */ | BIT(16) /* PAT */ | BIT(17) /* PSE36 */ |                     \
		BIT(19) /* CLFSH */ | BIT(23) /* MMX */ | BIT(24) /* FXSR */ | BIT(25) /* SSE */ | \
		BIT(26) /* SSE2 */ | BIT(27) /* SS */ | BIT(28) /* HTT */)
/* Leaf 7: instructions without state of their own, SMEP, SMAP, AVX-512. */
#define F7B                                                                                      \
	(u32)(BIT(0) /* FSGSBASE */ | BIT(3) /* BMI1 */ | BIT(5) /* AVX2 */ | BIT(6) /* FDP */ | \
		BIT(7) /* SMEP */ | BIT(8) /* BMI2 */ | BIT(9) /* ERMS */ |                      \
		BIT(10) /* INVPCID */ | BIT(13) /* FPU CS DS */ | BIT(16) /* AVX512F */ |        \
		BIT(17) /* AVX512DQ */ | BIT(18) /* RDSEED */ | BIT(19) /* ADX */ |              \
		BIT(20) /* SMAP */ | BIT(21) /* AVX512_IFMA */ | BIT(23) /* CLFLUSHOPT */ |      \
		BIT(24) /* CLWB */ | BIT(26) /* AVX512PF */ | BIT(27) /* AVX512ER */ |           \
		BIT(28) /* AVX512CD */ | BIT(29) /* SHA */ | BIT(30) /* AVX512BW */ |            \
		BIT(31) /* AVX512VL */)
#define F7C                                                                              \
	(u32)(BIT(1) /* AVX512_VBMI */ | BIT(2) /* UMIP */ | BIT(6) /* AVX512_VBMI2 */ | \
		BIT(8) /* GFNI */ | BIT(9) /* VAES */ | BIT(10) /* VPCLMULQDQ */ |       \
		BIT(11) /* AVX512_VNNI */ | BIT(12) /* AVX512_BITALG */ |                \
		BIT(14) /* AVX512_VPOPCNTDQ */ | BIT(22) /* RDPID */)
#define F7D                                                                                 \
	(u32)(BIT(2) /* AVX512_4VNNIW */ | BIT(3) /* AVX512_4FMAPS */ | BIT(4) /* FSRM */ | \
		BIT(8) /* AVX512_VP2INTERSECT */ | BIT(10) /* MD_CLEAR */ |                 \
		BIT(26) /* IBRS, IBPB */ | BIT(27) /* STIBP */ | BIT(31) /* SSBD */)
/* Leaf 0x80000001. */
#define X1C                                                                            \
	(u32)(BIT(0) /* LAHF */ | BIT(1) /* CMP legacy */ | BIT(4) /* CR8 by LOCK */ | \
		BIT(5) /* ABM */ | BIT(6) /* SSE4A */ | BIT(7) /* misaligned SSE */ |  \
		BIT(8) /* 3DNow prefetch */ | BIT(11) /* XOP */ | BIT(16) /* FMA4 */ | \
		BIT(21) /* TBM */)
#define X1D                                                                                       \
	(u32)(0x0183f3ffu /* as leaf 1 */ | BIT(11) /* SYSCALL */ | BIT(20) /* NX */ |            \
		BIT(22) /* MMX extensions */ | BIT(26) /* 1 GiB pages */ | BIT(27) /* RDTSCP */ | \
		BIT(29) /* long mode */ | BIT(30) | BIT(31) /* 3DNow */)
/* Leaf 0x80000008 EBX: CLZERO, XSAVE error pointers, IBPB, IBRS, STIBP, SSBD. */
#define X8B (u32)(BIT(0) | BIT(2) | BIT(12) | BIT(14) | BIT(15) | BIT(24))
/* Leaf 0xd, subleaf 1: XSAVEOPT, XSAVEC, XGETBV of the components in use; no XSAVES. */
#define FD1A        (u32)(BIT(0) | BIT(1) | BIT(2))
#define FD1A_XSAVEC BIT(1)

/* clang-format off */
static const struct cpuid_row basic[] = {
	[0x0] = { { ALL, ALL, ALL, ALL }, MAX_LEAF, "vendor; leaves end where this table does" },
	[0x1] = { { ALL, ALL, F1C, F1D }, FEATURES, "no MONITOR, VMX, SMX, debug store, thermal, performance" },
	[0x2] = { { ALL, ALL, ALL, ALL }, PLAIN, "caches: VPs are bound to processors" },
	[0x4] = { { ALL, ALL, ALL, ALL }, PLAIN, "caches: VPs are bound to processors" },
	[0x6] = { { BIT(2), 0, 0, 0 }, PLAIN, "APIC timer runs in all sleep states; power is the hypervisor's" },
	[0x7] = { { 0, F7B, F7C, F7D }, SUBLEAF_0, "no TSC_ADJUST, SGX, RTM, PKU, CET, WAITPKG, PT, LA57" },
	[0xb] = { { ALL, ALL, ALL, 0 }, TOPOLOGY, "VPs lie on processors of the same APIC ids" },
	[0xd] = { { 0, ALL, 0, 0 }, XSAVE, "components that are switched between VPs" },
};

static const struct cpuid_row extended[] = {
	[0x0] = { { ALL, ALL, ALL, ALL }, MAX_LEAF, "vendor; leaves end where this table does" },
	[0x1] = { { ALL, ALL, X1C, X1D }, PLAIN, "no SVM, IBS, SKINIT, watchdog, LWP, counters, MONITORX, FFXSR, TCE" },
	[0x2] = { { ALL, ALL, ALL, ALL }, PLAIN, "name" },
	[0x3] = { { ALL, ALL, ALL, ALL }, PLAIN, "name" },
	[0x4] = { { ALL, ALL, ALL, ALL }, PLAIN, "name" },
	[0x5] = { { ALL, ALL, ALL, ALL }, PLAIN, "caches: VPs are bound to processors" },
	[0x6] = { { ALL, ALL, ALL, ALL }, PLAIN, "caches: VPs are bound to processors" },
	[0x7] = { { 0, 0, 0, BIT(8) }, PLAIN, "invariant TSC; power is the hypervisor's" },
	[0x8] = { { ALL, X8B, ALL, 0 }, ADDRESS_SIZES, "address sizes; no RDPRU, no WBNOINVD" },
};
/* clang-format on */

static const struct cpuid_row *row_find(u32 leaf)
{
	if (leaf < ARRAY_SIZE(basic))
		return &basic[leaf];
	if (leaf - EXT_FIRST < ARRAY_SIZE(extended))
		return &extended[leaf - EXT_FIRST];
	return NULL;
}

u64 policy_xcr0_mask(const struct vp *vp)
{
	const struct partition *p = vp->partition;

	return partition_is_root(p) ? vp->cpu->features.xcr0_mask : p->xsave_states;
}

static struct cpuid_regs masked(const struct cpuid_row *row, u32 leaf, u32 subleaf)
{
	struct cpuid_regs r = cpuid(leaf, subleaf);

	r.eax &= row->mask.eax;
	r.ebx &= row->mask.ebx;
	r.ecx &= row->mask.ecx;
	r.edx &= row->mask.edx;
	return r;
}

struct cpuid_regs policy_cpuid_masked(u32 leaf, u32 subleaf)
{
	const struct cpuid_row *row = row_find(leaf);

	return row ? masked(row, leaf, subleaf) : (struct cpuid_regs){ 0 };
}

struct cpuid_regs policy_cpuid_of(const struct partition *p, u32 leaf)
{
	const struct cpuid_regs *r;

	if (partition_is_root(p))
		return policy_cpuid_masked(leaf, 0);
	r = cpuid_table_leaf(&p->cpuid, leaf);
	return r ? *r : (struct cpuid_regs){ 0 };
}

struct cpuid_regs policy_cpuid_xsave(u32 subleaf)
{
	struct cpuid_regs r = cpuid(LEAF_XSAVE, subleaf);

	if (subleaf != 1)
		return r;
	/* The size is that of the compacted form, for those who have it. */
	r.eax &= FD1A;
	return (struct cpuid_regs){ .eax = r.eax, .ebx = r.eax & FD1A_XSAVEC ? r.ebx : 0 };
}

static void adjust_features(struct vp *vp, struct cpuid_regs *r)
{
	r->ebx = (r->ebx & 0x00ffffff) | vp->apic_id << 24;
	r->ecx |= F1C_HYPERVISOR;
	if (r->ecx & BIT(26) && virt->cr4(vp) & CR4_OSXSAVE)
		r->ecx |= F1C_OSXSAVE;
}

/* The sizes in subleaf 0 follow the guest's XCR0, which is in the register. */
static void adjust_xsave(const struct vp *vp, u32 subleaf, struct cpuid_regs *r)
{
	u64 mask = policy_xcr0_mask(vp);

	if (!vp->cpu->features.xsave) {
		*r = (struct cpuid_regs){ 0 };
	} else if (subleaf == 0) {
		r->eax = (u32)mask;
		r->ecx = vp->cpu->features.xsave_size;
		r->edx = (u32)(mask >> 32);
	} else if (subleaf == 1 || (subleaf < 64 && mask >> subleaf & 1)) {
		*r = policy_cpuid_xsave(subleaf);
	} else {
		*r = (struct cpuid_regs){ 0 };
	}
}

/* The rarer ones. */
static void adjust(struct vp *vp, enum special special, u32 leaf, u32 subleaf, struct cpuid_regs *r)
{
	switch (special) {
	case PLAIN:
	case FEATURES:
		break;
	case MAX_LEAF:
		if (leaf == LEAF_BASIC)
			r->eax = MIN(r->eax, (u32)ARRAY_SIZE(basic) - 1);
		else
			r->eax = MIN(r->eax, EXT_FIRST + (u32)ARRAY_SIZE(extended) - 1);
		break;
	case SUBLEAF_0:
		if (subleaf != 0)
			*r = (struct cpuid_regs){ 0 };
		break;
	case TOPOLOGY:
		if (r->ebx != 0)
			r->edx = vp->apic_id;
		break;
	case XSAVE:
		adjust_xsave(vp, subleaf, r);
		break;
	case ADDRESS_SIZES:
		r->eax = (r->eax & ~LINEAR_BITS(0xff)) | LINEAR_BITS(48);
		break;
	}
}

/* Flushes of other VPs and IPIs to many are one exit; what is local needs none at all. */
#define HINTS_ALL                                                                   \
	(u32)(HV_HINT_REMOTE_FLUSH | HV_HINT_RELAXED_TIMING | HV_HINT_NO_AUTO_EOI | \
		HV_HINT_CLUSTER_IPI | HV_HINT_EX_MASKS)
#define HINTS_ROOT         (u32)(HV_HINT_APIC_MSRS | HV_HINT_INTERRUPT_REMAP)
#define NEVER_NOTIFY_SPINS ALL
/* Rounds before NotifyLongSpinWait: with PAUSE some 0.1 ms, many times what that call costs. */
#define CHILD_SPINS 0xfffu
/* MSR bitmaps and second-level translation; no APIC assist, no remapping. */
#define HARDWARE (u32)(BIT(1) | BIT(3))

/* Leaves of the hypervisor itself: constants, but for what privileges decide. */
static const struct cpuid_regs synthetic[] = {
	[0x0] = { HV_CPUID_LAST, HV_VENDOR_EBX, HV_VENDOR_ECX, HV_VENDOR_EDX },
	[0x1] = { HV_INTERFACE_HV1, 0, 0, 0 },
	[0x2] = { VERDIGRIS_BUILD, VERDIGRIS_VERSION_MAJOR << 16 | VERDIGRIS_VERSION_MINOR, 0, 0 },
	[0x3] = { 0, 0, 0, (u32)HV_FEATURE_XMM_INPUT },
	[0x4] = { HINTS_ALL, NEVER_NOTIFY_SPINS, 0, 0 },
	[0x5] = { HV_MAX_CPUS, HV_MAX_CPUS, 0, 0 },
	[0x6] = { HARDWARE, 0, 0, 0 },
	[HV_CPUID_LAST - HV_CPUID_VENDOR] = { 0, 0, 0, 0 },
};

/* What a partition may use is what it is told of. */
static void synthetic_leaf(const struct partition *p, u32 leaf, struct cpuid_regs *r)
{
	*r = synthetic[leaf - HV_CPUID_VENDOR];
	if (leaf == HV_CPUID_FEATURES) {
		r->eax = (u32)p->privileges;
		r->ebx = (u32)(p->privileges >> 32);
		if (p->privileges & HV_ACCESS_FREQUENCY_MSRS)
			r->edx |= (u32)HV_FEATURE_FREQUENCY_MSRS;
		if (p->privileges & HV_ACCESS_SYNTHETIC_TIMER)
			r->edx |= (u32)HV_FEATURE_DIRECT_TIMERS;
		if (!partition_is_root(p))
			r->edx |= (u32)HV_FEATURE_CRASH_MSRS;
	} else if (leaf == HV_CPUID_HINTS && partition_is_root(p)) {
		r->eax |= HINTS_ROOT;
	} else if (leaf == HV_CPUID_HINTS) {
		r->ebx = CHILD_SPINS;
		if (p->privileges & HV_ACCESS_APIC_MSRS)
			r->eax |= (u32)HV_HINT_APIC_MSRS;
	}
}

/* Leaves that are in no table: the hypervisor's own, or nothing. */
static void other_leaf(const struct vp *vp, u32 leaf, struct cpuid_regs *r)
{
	if (leaf - HV_CPUID_VENDOR < ARRAY_SIZE(synthetic))
		synthetic_leaf(vp->partition, leaf, r);
	else
		*r = (struct cpuid_regs){ 0 };
}

void policy_cpuid(struct vp *vp, u32 leaf, u32 subleaf, struct cpuid_regs *r)
{
	const struct cpuid_row *row = row_find(leaf);

	if (!row) {
		other_leaf(vp, leaf, r);
		return;
	}
	if (!partition_is_root(vp->partition)) {
		cpuid_table_read(vp, leaf, subleaf, r);
		return;
	}
	*r = masked(row, leaf, subleaf);
	if (row->special == FEATURES)
		adjust_features(vp, r);
	else if (row->special != PLAIN)
		adjust(vp, row->special, leaf, subleaf, r);
}

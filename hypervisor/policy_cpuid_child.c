/* SPDX-License-Identifier: MIT */
/*
 * CPUID as a child sees it: from the table that its partition got at its
 * creation, and from the VP. One socket, one thread per core, APIC ids are VP
 * indices. On CPUID exits. Intel SDM volume 2, CPUID; volume 1, 13.2; AMD APM
 * volume 3, appendix E.
 */
#include "hypervisor/policy_cpuid.h"

#include "hypervisor/partition.h"
#include "hypervisor/virt.h"
#include "hypervisor/vp.h"
#include "x86/cr.h"

#define EXT_FIRST 0x80000000u

/* Leaf 1. */
#define ECX_XSAVE      BIT(26)
#define ECX_OSXSAVE    BIT(27)
#define ECX_HYPERVISOR BIT(31)
#define EDX_HTT        BIT(28)
/* Leaf 4 EAX: type of the cache, 0 behind the last, and its level. */
#define CACHE_TYPE(eax)  ((eax)&0x1f)
#define CACHE_LEVEL(eax) ((eax) >> 5 & 7)
#define CACHE_FIXED      0x3fffu
/* Leaf 0xB ECX. */
#define LEVEL_SMT  (1u << 8)
#define LEVEL_CORE (2u << 8)
/* Leaf 0xD, subleaf 1 EAX. */
#define EAX_XSAVEC BIT(1)
/* Leaf 0x80000001 ECX. */
#define ECX_CMP_LEGACY BIT(1)

const struct cpuid_regs *cpuid_table_leaf(const struct cpuid_table *t, u32 leaf)
{
	if (leaf < CPUID_TABLE_BASIC)
		return &t->basic[leaf];
	if (leaf - EXT_FIRST < CPUID_TABLE_EXTENDED)
		return &t->extended[leaf - EXT_FIRST];
	return NULL;
}

static bool is_intel(const struct cpuid_table *t)
{
	return t->basic[0].ebx == CPUID_INTEL_EBX;
}

/* APIC ids that there are: up to that of the last VP. */
static u32 ids(const struct partition *p)
{
	return MAX(p->vp_limit, 1u);
}

/* Bits that hold numbers below @n. */
static u32 width(u32 n)
{
	return n > 1 ? 32 - (u32)__builtin_clz(n - 1) : 0;
}

static void features(struct vp *vp, struct cpuid_regs *r)
{
	u32 n = ids(vp->partition);

	r->ebx = (r->ebx & 0xffff) | 1u << width(n) << 16 | vp->apic_id << 24;
	r->ecx |= ECX_HYPERVISOR;
	if (n > 1)
		r->edx |= EDX_HTT;
	if (r->ecx & ECX_XSAVE && virt->cr4(vp) & CR4_OSXSAVE)
		r->ecx |= ECX_OSXSAVE;
}

/* Caches up to level 2 are a core's own, higher ones the socket's. */
static void caches(const struct partition *p, u32 subleaf, struct cpuid_regs *r)
{
	u32 all = (1u << width(ids(p))) - 1;

	*r = (struct cpuid_regs){ 0 };
	if (subleaf >= CPUID_TABLE_CACHES || !CACHE_TYPE(p->cpuid.caches[subleaf].eax))
		return;
	*r = p->cpuid.caches[subleaf];
	r->eax = (r->eax & CACHE_FIXED) | all << 26;
	if (CACHE_LEVEL(r->eax) > 2)
		r->eax |= all << 14;
}

static void topology(const struct vp *vp, u32 subleaf, struct cpuid_regs *r)
{
	u32 n = ids(vp->partition);

	if (vp->partition->cpuid.basic[0].eax < 0xb)
		return;
	*r = (struct cpuid_regs){ .ecx = subleaf & 0xff, .edx = vp->apic_id };
	if (subleaf == 0) {
		r->ebx = 1;
		r->ecx |= LEVEL_SMT;
	} else if (subleaf == 1) {
		r->eax = width(n);
		r->ebx = n;
		r->ecx |= LEVEL_CORE;
	}
}

/* The guest's XCR0 is in the register. */
static void xsave_leaf(const struct cpuid_table *t, u32 subleaf, struct cpuid_regs *r)
{
	*r = (struct cpuid_regs){ 0 };
	if (subleaf >= CPUID_TABLE_XSAVE || !(t->basic[1].ecx & ECX_XSAVE))
		return;
	*r = t->xsave[subleaf];
	if (subleaf == 0)
		r->ebx = cpuid_table_xsave_size(t, xcr0_read());
	else if (subleaf == 1)
		r->ebx = r->eax & EAX_XSAVEC
				 ? cpuid_table_compacted(t, xcr0_read(), CPUID_TABLE_XSAVE)
				 : 0;
}

/* Where AMD has its cores, besides leaf 1. */
static void extended_cores(const struct partition *p, u32 leaf, struct cpuid_regs *r)
{
	u32 n = ids(p);

	if (is_intel(&p->cpuid))
		return;
	if (leaf == EXT_FIRST + 1 && n > 1)
		r->ecx |= ECX_CMP_LEGACY;
	else if (leaf == EXT_FIRST + 8)
		r->ecx = (n - 1) | width(n) << 12;
}

void cpuid_table_read(struct vp *vp, u32 leaf, u32 subleaf, struct cpuid_regs *r)
{
	const struct partition *p = vp->partition;
	const struct cpuid_regs *there = cpuid_table_leaf(&p->cpuid, leaf);

	*r = there ? *there : (struct cpuid_regs){ 0 };
	switch (leaf) {
	case 0x1:
		features(vp, r);
		break;
	case 0x4:
		caches(p, subleaf, r);
		break;
	case 0x7:
		if (subleaf != 0)
			*r = (struct cpuid_regs){ 0 };
		break;
	case 0xb:
		topology(vp, subleaf, r);
		break;
	case 0xd:
		xsave_leaf(&p->cpuid, subleaf, r);
		break;
	case EXT_FIRST + 1:
	case EXT_FIRST + 8:
		extended_cores(p, leaf, r);
		break;
	default:
		break;
	}
}

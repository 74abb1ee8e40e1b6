/* SPDX-License-Identifier: MIT */
/*
 * Walks of guests' page tables through windows of this processor, which need
 * not be the VP's: its registers tell the way, the partition's memory has the
 * tables. The copies of PDPTEs that a processor in PAE mode keeps are not
 * looked at. Intel SDM volume 3, chapter 4.
 */
#include "hypervisor/guest_walk.h"

#include "hypervisor/cpu.h"
#include "hypervisor/partition.h"
#include "hypervisor/vp.h"
#include "hypervisor/window.h"
#include "x86/atomic.h"
#include "x86/cr.h"
#include "x86/desc.h"
#include "x86/msr.h"
#include "x86/paging.h"

/* The forms of page tables. */
struct paging {
	u32 levels; /* 0: paging is off */
	u32 index_bits;
	bool wide; /* entries of 8 bytes */
};

static const struct paging paging_off = { 0, 9, true };
static const struct paging paging_32 = { 2, 10, false };
static const struct paging paging_pae = { 3, 9, true };
static const struct paging paging_long = { 4, 9, true };

static const struct paging *paging_of(const struct vp_mode *mode)
{
	if (!(mode->cr0 & CR0_PG))
		return &paging_off;
	if (!(mode->cr4 & CR4_PAE))
		return &paging_32;
	return mode->efer & EFER_LMA ? &paging_long : &paging_pae;
}

static bool fault_pf(
	struct guest_fault *fault, const struct vp_mode *mode, gva_t gva, u32 access, u32 error)
{
	bool tells_fetch = mode->cr4 & CR4_SMEP || (mode->cr4 & CR4_PAE && mode->efer & EFER_NXE);

	if (access & ACCESS_WRITE)
		error |= PF_W;
	if (mode->cpl == 3)
		error |= PF_U;
	if (access & ACCESS_EXEC && tells_fetch)
		error |= PF_FETCH;
	*fault = (struct guest_fault){ .vector = VEC_PF, .error = error, .address = gva.a };
	return false;
}

/* Bits from @low up to and without @high. */
static u64 bits(u32 low, u32 high)
{
	return high > low ? (BIT(high - low) - 1) << low : 0;
}

/* Bits that must be zero in a present entry. */
static u64 reserved_bits(const struct vp *vp, const struct vp_mode *mode,
	const struct paging *paging, u32 level, bool large)
{
	const struct cpu_features *f = &vp->cpu->features;
	u64 reserved;

	if (!paging->wide)
		return large ? BIT(21) | bits(13 + MAX(f->phys_bits, 32u) - 32, 21) : 0;
	if (paging->levels == 3 && level == 3)
		return bits(f->phys_bits, 63) | PTE_NX | bits(5, 9) | bits(1, 3);
	reserved = bits(f->phys_bits, paging->levels == 4 ? 52 : 63);
	if (!(mode->efer & EFER_NXE))
		reserved |= PTE_NX;
	if (level == 4 || (level == 3 && !f->page1g))
		reserved |= PTE_PS;
	if (large)
		reserved |= bits(13, 12 + paging->index_bits * (level - 1));
	return reserved;
}

/* Whether a present entry of @level maps a page rather than a table. */
static bool is_leaf(const struct vp_mode *mode, const struct paging *paging, u32 level, u64 entry)
{
	if (level == 1)
		return true;
	if (!(entry & PTE_PS) || level == 4 || (paging->levels == 3 && level == 3))
		return false;
	return paging->wide || mode->cr4 & CR4_PSE;
}

static u64 leaf_address(const struct paging *paging, u32 level, u64 entry, u64 gva)
{
	u64 span = 1ull << (12 + paging->index_bits * (level - 1));
	u64 base = entry & (paging->wide ? PTE_ADDR : 0xfffff000ull);

	if (!paging->wide && level == 2)
		base |= (entry & bits(13, 21)) << (32 - 13);
	return (base & ~(span - 1)) | (gva & (span - 1));
}

/* Whether the rights of all levels together allow the access. */
static bool rights_allow(const struct vp_mode *mode, u64 allowed, bool nx, u32 access)
{
	bool user = mode->cpl == 3;

	if (user && !(allowed & PTE_U))
		return false;
	if (!user && allowed & PTE_U && access & ~(u32)ACCESS_EXEC && mode->cr4 & CR4_SMAP)
		return false;
	if (access & ACCESS_WRITE && !(allowed & PTE_W) && (user || mode->cr0 & CR0_WP))
		return false;
	if (access & ACCESS_EXEC)
		return !nx && (user || !(allowed & PTE_U) || !(mode->cr4 & CR4_SMEP));
	return true;
}

/* GPA of the entry for @gva in the table at @table. */
static u64 entry_address(const struct paging *paging, u64 table, u64 gva, u32 level)
{
	u64 index =
		gva >> (12 + paging->index_bits * (level - 1)) & ((1u << paging->index_bits) - 1);

	return table + index * (paging->wide ? 8 : 4);
}

/* Of the table that @entry points to. */
static u64 table_of(const struct paging *paging, u64 entry)
{
	return entry & (paging->wide ? PTE_ADDR : 0xfffff000ull);
}

/* Reads the entry for @gva in the table at @table; false: no RAM of the partition. */
static bool entry_read(struct vp *vp, const struct paging *paging, u64 table, u64 gva, u32 level,
	struct guest_walk *w)
{
	u32 depth = paging->levels - level;
	u64 address = entry_address(paging, table, gva, level);
	const u8 *page;
	spa_t spa;

	if (!partition_gpa_to_spa(vp->partition, GPA(address), SLAT_READ, &spa))
		return false;
	spa.a = ALIGN_DOWN(spa.a, PAGE_SIZE);
	page = window_map(w->window + depth, spa);
	page += address & PAGE_MASK;
	w->entry[depth] = (const u64 *)(const void *)page;
	if (paging->wide)
		w->value[depth] = READ_ONCE(*w->entry[depth]);
	else
		w->value[depth] = READ_ONCE(*(const u32 *)(const void *)page);
	return true;
}

static u64 table_base(const struct vp_mode *mode, const struct paging *paging)
{
	if (paging == &paging_pae)
		return mode->cr3 & 0xffffffe0ull;
	return mode->cr3 & (paging->wide ? PTE_ADDR : 0xfffff000ull);
}

bool guest_walk(struct vp *vp, const struct vp_mode *mode, gva_t gva, u32 access,
	struct guest_walk *w, struct guest_fault *fault)
{
	const struct paging *paging = paging_of(mode);
	u64 allowed = PTE_W | PTE_U;
	u64 table = table_base(mode, paging);
	bool nx = false;

	w->levels = paging->levels;
	w->gpa = gva.a;
	for (u32 level = paging->levels; level > 0; level--) {
		u64 entry;
		bool leaf;

		if (!entry_read(vp, paging, table, gva.a, level, w))
			return guest_fault_gp(fault);
		entry = w->value[paging->levels - level];
		if (!(entry & PTE_P))
			return fault_pf(fault, mode, gva, access, 0);
		leaf = is_leaf(mode, paging, level, entry);
		if (entry & reserved_bits(vp, mode, paging, level, leaf && level > 1))
			return fault_pf(fault, mode, gva, access, PF_P | PF_RSVD);
		if (paging->levels != 3 || level != 3) {
			allowed &= entry;
			nx |= paging->wide && entry & PTE_NX;
		}
		if (leaf) {
			w->levels = paging->levels - level + 1;
			w->gpa = leaf_address(paging, level, entry, gva.a);
			break;
		}
		table = table_of(paging, entry);
	}
	/* Levels that there are none of always hold. */
	for (u32 i = w->levels; i < GUEST_LEVELS; i++)
		w->entry[i] = &w->value[i];
	if (paging->levels > 0 && !rights_allow(mode, allowed, nx, access))
		return fault_pf(fault, mode, gva, access, PF_P);
	return true;
}

/* Whether the partition may write each table on the way. */
static bool tables_writable(
	struct vp *vp, const struct paging *paging, u64 table, u64 gva, const struct guest_walk *w)
{
	for (u32 i = 0; i < w->levels; i++) {
		spa_t spa;

		if (!partition_gpa_to_spa(vp->partition,
			    GPA(entry_address(paging, table, gva, paging->levels - i)), SLAT_WRITE,
			    &spa))
			return false;
		table = table_of(paging, w->value[i]);
	}
	return true;
}

/* One entry, as a processor does it: only if it is still what led here. */
static bool entry_mark(const struct paging *paging, struct guest_walk *w, u32 depth, u64 bits)
{
	u64 *wide = (u64 *)(u64)w->entry[depth];
	u32 *narrow = (u32 *)(void *)wide;
	u64 old = w->value[depth];
	u32 old_narrow = (u32)old;
	bool ok;

	if (!(bits & ~old))
		return true;
	if (paging->wide)
		ok = atomic_compare_exchange(wide, &old, old | bits);
	else
		ok = atomic_compare_exchange(narrow, &old_narrow, old_narrow | (u32)bits);
	if (ok)
		w->value[depth] |= bits;
	return ok;
}

enum guest_mark guest_walk_mark(
	struct vp *vp, const struct vp_mode *mode, gva_t gva, struct guest_walk *w, bool write)
{
	const struct paging *paging = paging_of(mode);

	if (!paging->levels)
		return GUEST_MARKED;
	if (!tables_writable(vp, paging, table_base(mode, paging), gva.a, w))
		return GUEST_MARK_READ_ONLY;
	for (u32 i = 0; i < w->levels; i++) {
		bool last = i == w->levels - 1;

		/* PDPTEs of PAE paging have no such bits. */
		if (paging->levels == 3 && i == 0)
			continue;
		if (!entry_mark(paging, w, i, PTE_A | (last && write ? PTE_D : 0)))
			return GUEST_MARK_CHANGED;
	}
	return GUEST_MARKED;
}

/* SPDX-License-Identifier: MIT */
/*
 * A guest's memory through its own page tables and through ours, on the VP's
 * processor, interrupts off. Where the processor does not tell instruction
 * lengths, guest_fetch() runs on nearly every exit: its last translation is
 * remembered with the value of each entry that led to it, and holds as long
 * as the entries do. The segment limit of CS is not checked, nor the copies of
 * PDPTEs that a processor in PAE mode keeps. Intel SDM volume 3, chapter 4.
 */
#include "hypervisor/guest.h"

#include "base/errno.h"
#include "hypervisor/cpu.h"
#include "hypervisor/partition.h"
#include "hypervisor/vp.h"
#include "hypervisor/window.h"
#include "lib/string.h"
#include "x86/cr.h"
#include "x86/desc.h"
#include "x86/msr.h"
#include "x86/paging.h"

#define MAX_LEVELS 4u

/* A translation and the entries it was made from. */
struct walk {
	u64 gpa;
	u32 levels;
	const u64 *entry[MAX_LEVELS];
	u64 value[MAX_LEVELS];
};

/* A code page of a processor, in a window of its own, and an instruction there. */
struct fetch_memo {
	u64 key; /* vp->memo_key of whose it is; 0: nothing remembered */
	struct vp_mode mode;
	u64 page;  /* linear address */
	u64 frame; /* in the window */
	const u8 *code;
	struct walk walk;
	u64 rip; /* of the instruction, or NO_RIP */
	const u64 *bytes;
	u64 mask;
	u64 value;
	u8 length;
} __aligned(256); /* a power of two to index by */

#define NO_RIP (~0ull)

static struct fetch_memo memos[HV_MAX_CPUS][WINDOW_CODES];

/* By RIP: exits come from a few places over and over. */
static u32 memo_index(const struct vp *vp)
{
	return (u32)(vp->regs.rip >> 4) % WINDOW_CODES;
}

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

static bool fault_gp(struct guest_fault *fault)
{
	*fault = (struct guest_fault){ .vector = VEC_GP };
	return false;
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
	if (access & ACCESS_WRITE && !(allowed & PTE_W) && (user || mode->cr0 & CR0_WP))
		return false;
	if (access & ACCESS_EXEC)
		return !nx && (user || !(allowed & PTE_U) || !(mode->cr4 & CR4_SMEP));
	return true;
}

/* Their way leads through a window that is about to change. */
static void memos_forget(const struct cpu *cpu)
{
	for (u32 i = 0; i < WINDOW_CODES; i++)
		memos[cpu->index][i].key = 0;
}

/* Reads the entry for @gva in the table at @table; false: no RAM of the partition. */
static bool entry_read(
	struct vp *vp, const struct paging *paging, u64 table, u64 gva, u32 level, struct walk *w)
{
	u32 depth = paging->levels - level;
	u64 index =
		gva >> (12 + paging->index_bits * (level - 1)) & ((1u << paging->index_bits) - 1);
	u64 address = table + index * (paging->wide ? 8 : 4);
	const u8 *page;
	spa_t spa;

	if (!partition_gpa_to_spa(vp->partition, GPA(address), SLAT_READ, &spa))
		return false;
	spa.a = ALIGN_DOWN(spa.a, PAGE_SIZE);
	if (vp->cpu->windows[WINDOW_WALK + depth].frame != spa.a)
		memos_forget(vp->cpu);
	page = window_map(WINDOW_WALK + depth, spa);
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

/* guest_translate(), leaving its way in *w. */
static bool walk(struct vp *vp, const struct vp_mode *mode, gva_t gva, u32 access, struct walk *w,
	struct guest_fault *fault)
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
			return fault_gp(fault);
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
		table = entry & (paging->wide ? PTE_ADDR : 0xfffff000ull);
	}
	/* Levels that there are none of always hold. */
	for (u32 i = w->levels; i < MAX_LEVELS; i++)
		w->entry[i] = &w->value[i];
	if (paging->levels > 0 && !rights_allow(mode, allowed, nx, access))
		return fault_pf(fault, mode, gva, access, PF_P);
	return true;
}

static bool is_canonical(u64 a)
{
	return (u64)((s64)(a << 16) >> 16) == a;
}

/* What of an address counts in the mode; false if none does. */
static bool address_valid(const struct vp_mode *mode, gva_t *gva)
{
	if (mode->efer & EFER_LMA && mode->cs_long)
		return is_canonical(gva->a);
	gva->a = (u32)gva->a;
	return true;
}

bool guest_translate(struct vp *vp, const struct vp_mode *mode, gva_t gva, u32 access, gpa_t *gpa,
	struct guest_fault *fault)
{
	struct walk w;

	if (!address_valid(mode, &gva))
		return fault_gp(fault);
	if (!walk(vp, mode, gva, access, &w, fault))
		return false;
	*gpa = GPA(w.gpa);
	return true;
}

/* Whether the entries that led to the page still say the same. */
static inline __attribute__((always_inline)) bool walk_holds(const struct walk *w)
{
	static_assert(MAX_LEVELS == 4);
	return READ_ONCE(*w->entry[0]) == w->value[0] && READ_ONCE(*w->entry[1]) == w->value[1] &&
	       READ_ONCE(*w->entry[2]) == w->value[2] && READ_ONCE(*w->entry[3]) == w->value[3];
}

static inline __attribute__((always_inline)) bool memo_holds(
	const struct fetch_memo *m, struct vp *vp, u32 index)
{
	return m->key == vp->memo_key && vp->cpu->windows[WINDOW_CODE + index].frame == m->frame &&
	       virt->mode_is(vp, &m->mode) && walk_holds(&m->walk);
}

/* The page of code at linear address @page, in a window. NULL: *fault. */
static const u8 *code_page(
	struct vp *vp, const struct vp_mode *mode, u64 page, struct guest_fault *fault)
{
	u32 index = memo_index(vp);
	struct fetch_memo *m = &memos[vp->cpu->index][index];
	spa_t spa;

	if (m->page == page && memo_holds(m, vp, index))
		return m->code;
	m->key = 0;
	m->rip = NO_RIP;
	if (!walk(vp, mode, GVA(page), ACCESS_EXEC, &m->walk, fault))
		return NULL;
	if (!partition_gpa_to_spa(vp->partition, GPA(m->walk.gpa), SLAT_EXEC, &spa)) {
		fault_gp(fault);
		return NULL;
	}
	m->code = window_map(WINDOW_CODE + index, spa);
	m->frame = spa.a;
	m->page = page;
	m->mode = *mode;
	/* Entries of 4 bytes are not compared, so nothing is remembered. */
	if (mode->cr4 & CR4_PAE || !(mode->cr0 & CR0_PG))
		m->key = vp->memo_key;
	return m->code;
}

static enum insn_mode insn_mode(const struct vp_mode *mode)
{
	if (mode->cs_long)
		return INSN_64;
	return mode->cs_db ? INSN_32 : INSN_16;
}

/* An instruction that may reach over the end of its page. */
static bool fetch_crossing(struct vp *vp, const struct vp_mode *mode, gva_t gva, struct insn *insn,
	struct guest_fault *fault)
{
	u8 bytes[INSN_MAX];
	u32 here = MIN((u32)(PAGE_SIZE - (gva.a & PAGE_MASK)), INSN_MAX);
	gva_t next = GVA(gva.a + here);
	const u8 *code = code_page(vp, mode, ALIGN_DOWN(gva.a, PAGE_SIZE), fault);
	int err;

	if (!code)
		return false;
	for (u32 i = 0; i < here; i++)
		bytes[i] = code[(gva.a & PAGE_MASK) + i];
	err = insn_decode(insn, bytes, here, insn_mode(mode));
	if (err != -EAGAIN)
		return err == 0 || fault_gp(fault);
	if (!address_valid(mode, &next))
		return fault_gp(fault);
	code = code_page(vp, mode, next.a, fault);
	if (!code)
		return false;
	for (u32 i = here; i < INSN_MAX; i++)
		bytes[i] = code[i - here];
	return insn_decode(insn, bytes, INSN_MAX, insn_mode(mode)) == 0 || fault_gp(fault);
}

bool guest_fetch(struct vp *vp, struct insn *insn, struct guest_fault *fault)
{
	u64 bytes[2];
	struct vp_mode mode;
	const u8 *code;
	gva_t gva;

	virt->mode(vp, &mode);
	gva = GVA(mode.cs_long ? vp->regs.rip : mode.cs_base + vp->regs.rip);
	if (!address_valid(&mode, &gva))
		return fault_gp(fault);
	if (unlikely((gva.a & PAGE_MASK) > PAGE_SIZE - sizeof(bytes)))
		return fetch_crossing(vp, &mode, gva, insn, fault);
	code = code_page(vp, &mode, ALIGN_DOWN(gva.a, PAGE_SIZE), fault);
	if (!code)
		return false;
	/* Copied once: the guest may change its code while we look at it. */
	__builtin_memcpy(bytes, code + (gva.a & PAGE_MASK), sizeof(bytes));
	if (insn_decode(insn, (const u8 *)bytes, INSN_MAX, insn_mode(&mode)) != 0)
		return fault_gp(fault);
	return true;
}

u8 guest_code(struct vp *vp, u8 bytes[16])
{
	struct guest_fault fault;
	struct vp_mode mode;
	u8 count = 0;
	gva_t gva;

	virt->mode(vp, &mode);
	gva = GVA(mode.cs_long ? vp->regs.rip : mode.cs_base + vp->regs.rip);
	while (count < 16 && address_valid(&mode, &gva)) {
		const u8 *code = code_page(vp, &mode, ALIGN_DOWN(gva.a, PAGE_SIZE), &fault);
		u32 here = (u32)MIN(PAGE_SIZE - (gva.a & PAGE_MASK), 16u - count);

		if (!code)
			break;
		memcpy(bytes + count, code + (gva.a & PAGE_MASK), here);
		count += (u8)here;
		gva.a += here;
	}
	return count;
}

/* Remembers an instruction of up to 8 bytes, which lies whole in its page. */
static void memo_keep(struct vp *vp, u8 length)
{
	struct fetch_memo *m = &memos[vp->cpu->index][memo_index(vp)];
	u64 offset = (m->mode.cs_long ? vp->regs.rip : m->mode.cs_base + vp->regs.rip) & PAGE_MASK;

	if (length > 8 || offset > PAGE_SIZE - 8)
		return;
	m->rip = vp->regs.rip;
	m->bytes = (const u64 *)(const void *)(m->code + offset);
	m->mask = ~0ull >> (64 - 8 * length);
	m->value = READ_ONCE(*m->bytes) & m->mask;
	m->length = length;
}

u8 guest_length_known(struct vp *vp)
{
	u32 index = memo_index(vp);
	const struct fetch_memo *m = &memos[vp->cpu->index][index];

	if (unlikely(m->rip != vp->regs.rip || !memo_holds(m, vp, index) ||
		     (READ_ONCE(*m->bytes) & m->mask) != m->value))
		return 0;
	return m->length;
}

bool guest_length(struct vp *vp, u8 *length, struct guest_fault *fault)
{
	struct insn insn;

	if (!guest_fetch(vp, &insn, fault))
		return false;
	*length = insn.length;
	memo_keep(vp, insn.length);
	return true;
}

/* Window onto @gpa for @len bytes, or NULL if that is not allowed. */
static void *guest_window(struct vp *vp, gpa_t gpa, size_t len, u32 access)
{
	u64 offset = gpa.a & PAGE_MASK;
	spa_t spa;

	if (len > PAGE_SIZE - offset || !partition_gpa_to_spa(vp->partition, gpa, access, &spa))
		return NULL;
	return (u8 *)window_map(WINDOW_COPY, SPA(ALIGN_DOWN(spa.a, PAGE_SIZE))) + offset;
}

bool guest_read(struct vp *vp, gpa_t gpa, void *buf, size_t len)
{
	const void *p = guest_window(vp, gpa, len, SLAT_READ);

	if (p)
		memcpy(buf, p, len);
	return p;
}

bool guest_write(struct vp *vp, gpa_t gpa, const void *buf, size_t len)
{
	void *p = guest_window(vp, gpa, len, SLAT_WRITE);

	if (p)
		memcpy(p, buf, len);
	return p;
}

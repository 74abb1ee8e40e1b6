/* SPDX-License-Identifier: MIT */
/*
 * A guest's memory, and its code, on the VP's processor, interrupts off. Where
 * the processor does not tell instruction lengths, guest_fetch() runs on nearly
 * every exit: its last translation is remembered with the value of each entry
 * that led to it, and holds as long as the entries do. The segment limit of CS
 * is not checked.
 */
#include "hypervisor/guest.h"

#include "base/errno.h"
#include "hypervisor/cpu.h"
#include "hypervisor/guest_walk.h"
#include "hypervisor/partition.h"
#include "hypervisor/pool.h"
#include "hypervisor/vp.h"
#include "hypervisor/window.h"
#include "lib/string.h"
#include "x86/cr.h"
#include "x86/desc.h"
#include "x86/msr.h"
#include "x86/paging.h"

/* A code page of a processor, in a window of its own, and an instruction there. */
struct fetch_memo {
	u64 key; /* vp->memo_key of whose it is; 0: nothing remembered */
	struct vp_mode mode;
	u64 page; /* linear address */
	const u8 *code;
	struct guest_walk walk;
	u64 rip; /* of the instruction, or NO_RIP */
	const u64 *bytes;
	u64 mask;
	u64 value;
	u8 length;
} __aligned(256); /* a power of two to index by */

static_assert(WINDOW_CODE_WALK + WINDOW_CODES * GUEST_LEVELS <= HV_WINDOW_SLOTS);
#define MEMO_PAGES ((WINDOW_CODES * sizeof(struct fetch_memo) + PAGE_MASK) >> PAGE_SHIFT)

#define NO_RIP     (~0ull)

/*
 * Exits come from a few places over and over. Those of different kinds, and those of
 * the root and of children, shall not drive out each other wherever they are.
 */
static u32 memo_index(const struct vp *vp)
{
	u32 place = (u32)(vp->regs.rip >> 4) % 4 ^ (u32)vp->memo_key % 8;

	return (vp->exit.kind * 8u + place) % WINDOW_CODES;
}

struct fetch_memo *guest_memos_alloc(void)
{
	return pool_alloc(MEMO_PAGES);
}

void guest_memos_forget(struct cpu *cpu)
{
	for (u32 i = 0; i < WINDOW_CODES; i++)
		cpu->memos[i].key = 0;
}

/* What of an address counts in the mode; false if none does. */
static bool address_valid(const struct vp_mode *mode, gva_t *gva)
{
	if (mode->efer & EFER_LMA && mode->cs_long)
		return linear_is_canonical(gva->a);
	gva->a = (u32)gva->a;
	return true;
}

bool guest_translate(struct vp *vp, const struct vp_mode *mode, gva_t gva, u32 access, gpa_t *gpa,
	struct guest_fault *fault)
{
	struct guest_walk w = { .window = WINDOW_WALK };

	if (!address_valid(mode, &gva))
		return guest_fault_gp(fault);
	if (!guest_walk(vp, mode, gva, access, &w, fault))
		return false;
	*gpa = GPA(w.gpa);
	return true;
}

/* Its windows, of the code and of the tables, are nobody else's. */
static inline __attribute__((always_inline)) bool memo_holds(
	const struct fetch_memo *m, struct vp *vp)
{
	return m->key == vp->memo_key && virt->mode_is(vp, &m->mode) && guest_walk_holds(&m->walk);
}

/* The page of code at linear address @page, in a window. NULL: *fault. */
static const u8 *code_page(
	struct vp *vp, const struct vp_mode *mode, u64 page, struct guest_fault *fault)
{
	u32 index = memo_index(vp);
	struct fetch_memo *m = &vp->cpu->memos[index];
	spa_t spa;

	if (m->page == page && memo_holds(m, vp))
		return m->code;
	m->key = 0;
	m->rip = NO_RIP;
	m->walk.window = WINDOW_CODE_WALK + index * GUEST_LEVELS;
	if (!guest_walk(vp, mode, GVA(page), ACCESS_EXEC, &m->walk, fault))
		return NULL;
	if (!partition_gpa_to_spa(vp->partition, GPA(m->walk.gpa), SLAT_EXEC, &spa)) {
		*fault = (struct guest_fault){ .vector = VEC_GP };
		return NULL;
	}
	m->code = window_map(WINDOW_CODE + index, spa);
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
		return err == 0 || guest_fault_gp(fault);
	if (!address_valid(mode, &next))
		return guest_fault_gp(fault);
	code = code_page(vp, mode, next.a, fault);
	if (!code)
		return false;
	for (u32 i = here; i < INSN_MAX; i++)
		bytes[i] = code[i - here];
	return insn_decode(insn, bytes, INSN_MAX, insn_mode(mode)) == 0 || guest_fault_gp(fault);
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
		return guest_fault_gp(fault);
	if (unlikely((gva.a & PAGE_MASK) > PAGE_SIZE - sizeof(bytes)))
		return fetch_crossing(vp, &mode, gva, insn, fault);
	code = code_page(vp, &mode, ALIGN_DOWN(gva.a, PAGE_SIZE), fault);
	if (!code)
		return false;
	/* Copied once: the guest may change its code while we look at it. */
	__builtin_memcpy(bytes, code + (gva.a & PAGE_MASK), sizeof(bytes));
	if (insn_decode(insn, (const u8 *)bytes, INSN_MAX, insn_mode(&mode)) != 0)
		return guest_fault_gp(fault);
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
	struct fetch_memo *m = &vp->cpu->memos[memo_index(vp)];
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
	const struct fetch_memo *m = &vp->cpu->memos[memo_index(vp)];

	if (unlikely(m->rip != vp->regs.rip || !memo_holds(m, vp) ||
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

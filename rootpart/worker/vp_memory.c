/* SPDX-License-Identifier: MIT */
/*
 * A stopped VP's memory by linear address: translation by the hypervisor, page
 * faults as the guest's processor would raise them, instruction bytes.
 * Intel SDM volume 3, 4.7; TLFS 6.0b, HvCallTranslateVirtualAddress.
 */
#include "base/errno.h"
#include "rootpart/worker/bus.h"
#include "rootpart/worker/sys.h"
#include "rootpart/worker/vp.h"
#include "x86/cr.h"
#include "x86/msr.h"
#include "x86/paging.h"

/* The hypervisor says why not; a page fault's error code says the same. */
static void page_fault(const struct vp *vp, u64 linear, u64 access, u32 why, struct vp_fault *fault)
{
	bool tells_fetch =
		vp->regs->cr4 & CR4_SMEP || (vp->regs->cr4 & CR4_PAE && vp->regs->efer & EFER_NXE);
	u64 error = 0;

	if (why != HV_TRANSLATE_NOT_PRESENT)
		error |= PF_P;
	if (why == HV_TRANSLATE_INVALID_FLAGS)
		error |= PF_RSVD;
	if (access & HV_TRANSLATE_WRITE)
		error |= PF_W;
	if (HV_EXECUTION_CPL(vp->why->execution) == 3)
		error |= PF_U;
	if (access & HV_TRANSLATE_EXEC && tells_fetch)
		error |= PF_FETCH;
	*fault = (struct vp_fault){ VEC_PF, (u32)error, linear };
}

/*
 * GPA of one linear address. Where the guest's tables lead to a place that has
 * no memory, or ROM for a write, the access goes there all the same.
 */
static bool translate(const struct vp *vp, u64 linear, u64 access, u64 *gpa, struct vp_fault *fault)
{
	u64 flags = access | HV_TRANSLATE_SET_BITS;
	u32 why;

	if (!(vp->regs->cr0 & CR0_PG)) {
		*gpa = linear;
		return true;
	}
	if (sys_translate(vp->index, linear, flags, gpa, &why) == 0)
		return true;
	if (why == HV_TRANSLATE_GPA_NO_WRITE &&
		sys_translate(vp->index, linear, HV_TRANSLATE_READ, gpa, &why) == 0)
		return true;
	switch (why) {
	case HV_TRANSLATE_NOT_PRESENT:
	case HV_TRANSLATE_PRIVILEGE:
	case HV_TRANSLATE_INVALID_FLAGS:
		page_fault(vp, linear, access, why, fault);
		return false;
	default:
		*gpa = VP_GPA_NOTHING;
		return true;
	}
}

/* translate(), from *pages if it is the page that was translated last. */
static bool translate_again(const struct vp *vp, u64 linear, u64 access, struct vp_pages *pages,
	u64 *gpa, struct vp_fault *fault)
{
	u64 page = ALIGN_DOWN(linear, PAGE_SIZE);

	if (pages == NULL)
		return translate(vp, linear, access, gpa, fault);
	if (!pages->valid || pages->page != page) {
		pages->valid = translate(vp, page, access, &pages->gpa, fault);
		pages->page = page;
		/* The guest's handler learns the address, not the page. */
		fault->address = linear;
		if (!pages->valid)
			return false;
	}
	*gpa = pages->gpa == VP_GPA_NOTHING ? pages->gpa : pages->gpa + (linear & PAGE_MASK);
	return true;
}

bool vp_span(const struct vp *vp, u64 linear, u32 len, u64 access, struct vp_pages *pages,
	struct vp_span *span, struct vp_fault *fault)
{
	u32 first = (u32)MIN(len, PAGE_SIZE - (linear & PAGE_MASK));
	u64 next = linear + first;

	span->parts = first < len ? 2 : 1;
	span->part[0].len = first;
	if (!translate_again(vp, linear, access, pages, &span->part[0].gpa, fault))
		return false;
	if (first == len)
		return true;
	if (vp_mode(vp) != INSN_64)
		next = (u32)next;
	span->part[1].len = len - first;
	return translate_again(vp, next, access, pages, &span->part[1].gpa, fault);
}

void vp_span_read(const struct vp_span *span, void *to)
{
	u8 *at = to;

	for (u32 i = 0; i < span->parts; at += span->part[i++].len)
		bus_read(span->part[i].gpa, at, span->part[i].len);
}

void vp_span_write(const struct vp_span *span, const void *from)
{
	const u8 *at = from;

	for (u32 i = 0; i < span->parts; at += span->part[i++].len)
		bus_write(span->part[i].gpa, at, span->part[i].len);
}

/* One byte of code at CS:RIP + @i. */
static bool fetch_byte(
	const struct vp *vp, u32 i, struct vp_pages *pages, u8 *byte, struct vp_fault *fault)
{
	u64 rip = vp->regs->rip + i;
	struct vp_span span;
	u64 linear;

	if (vp_mode(vp) != INSN_64)
		rip = (u32)rip;
	if (!vp_linear(vp, INSN_CS, rip, 1, false, &linear, fault) ||
		!vp_span(vp, linear, 1, HV_TRANSLATE_EXEC, pages, &span, fault))
		return false;
	vp_span_read(&span, byte);
	return true;
}

int vp_decode(struct vp *vp, const u8 *bytes, u32 count, struct insn *insn, struct vp_fault *fault)
{
	struct vp_pages pages = { .valid = false };
	u8 code[INSN_MAX];
	int err = insn_decode(insn, bytes, MIN(count, INSN_MAX), vp_mode(vp));

	/* Byte by byte: what follows the instruction need not be there. */
	for (u32 i = 0; err == -EAGAIN && i < sizeof(code); i++) {
		if (!fetch_byte(vp, i, &pages, &code[i], fault))
			return -EFAULT;
		err = insn_decode(insn, code, i + 1, vp_mode(vp));
	}
	return err;
}

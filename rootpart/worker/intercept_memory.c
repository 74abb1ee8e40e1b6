/* SPDX-License-Identifier: MIT */
/*
 * Accesses to GPAs without memory, and writes to ROM: to devices that have
 * registers there, or to nothing. The operand's place is worked out anew by the
 * guest's tables, for an access may begin in one page and end in the next.
 */
#include "base/errno.h"
#include "hv/memory.h"
#include "lib/mmio_emulate.h"
#include "rootpart/worker/intercept.h"
#include "rootpart/worker/report.h"
#include "x86/desc.h"
#include "x86/paging.h"

/* The GPA is that of a page table, and not of what was accessed. */
static bool is_walk(const struct hv_memory_intercept *m)
{
	return !(m->info & HV_MEMORY_GVA_GPA_VALID);
}

/* The operand of @op; by the message alone if it lies in one page. */
static bool operand_span(struct vp *vp, const struct hv_memory_intercept *m,
	const struct insn *insn, const struct mmio_op *op, struct vp_span *span,
	struct vp_fault *fault)
{
	u64 offset = insn_address(insn, vp->regs->gpr, vp->regs->rip);
	u64 access = op->stores ? HV_TRANSLATE_WRITE : HV_TRANSLATE_READ;
	u32 size = op->how.size;
	u64 linear;

	if (!vp_linear(vp, insn_segment(insn), offset, size, op->stores, &linear, fault))
		return false;
	if (!is_walk(m) && (linear & PAGE_MASK) == (m->gpa & PAGE_MASK) &&
		(linear & PAGE_MASK) + size <= PAGE_SIZE) {
		*span = (struct vp_span){ .parts = 1, .part[0] = { m->gpa, size } };
		return true;
	}
	return vp_span(vp, linear, size, access, NULL, span, fault);
}

/* -EINVAL: not an instruction that we emulate; -EFAULT: *fault. */
static int emulate(struct vp *vp, const struct hv_memory_intercept *m, const struct insn *insn,
	struct vp_fault *fault)
{
	struct hv_register_page *regs = vp->regs;
	struct vp_span span;
	struct mmio_op op;
	u64 v = 0;

	if (mmio_decode(&op, insn, regs->gpr) != 0)
		return string_run(vp, insn, 0);
	if (!operand_span(vp, m, insn, &op, &span, fault))
		return -EFAULT;
	if (op.loads)
		vp_span_read(&span, &v);
	v = mmio_apply(&op, v, regs->gpr, &regs->rflags);
	if (op.stores)
		vp_span_write(&span, &v);
	vp_gprs_changed(vp);
	vp_rflags_changed(vp);
	vp_advance(vp, insn->length);
	return 0;
}

/*
 * Tables that are nowhere read as ones: present, with reserved bits set. Of an
 * instruction that we do not know, whose access may be another than the walk's.
 */
static void walk_fault(struct vp *vp, const struct hv_memory_intercept *m)
{
	u64 error = PF_P | PF_RSVD;

	if (m->header.access == HV_ACCESS_WRITE)
		error |= PF_W;
	if (HV_EXECUTION_CPL(m->header.execution) == 3)
		error |= PF_U;
	vp_inject_fault(vp, &(struct vp_fault){ VEC_PF, (u32)error, m->gva });
}

void intercept_memory(struct vp *vp, const void *payload)
{
	const struct hv_memory_intercept *m = payload;
	struct vp_fault fault;
	struct insn insn;
	int err;

	if (m->header.execution & HV_EXECUTION_PENDING)
		report_failure("VP %u: the delivery of an interrupt or exception touched 0x%lx, "
			       "where no memory is, at RIP 0x%lx",
			vp->index, m->gpa, m->header.rip);
	/* Ones, which are what is there, are no instruction. */
	if (!is_walk(m) && m->header.access == HV_ACCESS_EXECUTE) {
		vp_inject(vp, VEC_UD, false, 0);
		return;
	}
	err = vp_decode(vp, m->bytes, m->byte_count, &insn, &fault);
	if (err == 0)
		err = emulate(vp, m, &insn, &fault);
	if (err == -EFAULT)
		vp_inject_fault(vp, &fault);
	else if (err != 0 && is_walk(m) && m->info & HV_MEMORY_GVA_VALID)
		walk_fault(vp, m);
	else if (err != 0)
		intercept_refuse(vp, "instruction on a place without memory", m->bytes);
}

/* SPDX-License-Identifier: MIT */
/*
 * String instructions, between ports, memory and rAX. Each round first
 * translates what it needs and only then reads and writes, so that a fault
 * leaves all rounds before it done and nothing of its own. Registers are as
 * the processor leaves them between rounds. Intel SDM volume 2, REP.
 */
#include "base/errno.h"
#include "hv/memory.h"
#include "lib/mmio_emulate.h"
#include "lib/string.h"
#include "rootpart/worker/console.h"
#include "rootpart/worker/intercept.h"
#include "rootpart/worker/machine.h"
#include "rootpart/worker/ports.h"
#include "x86/cpu.h"

#define ROUNDS_MAX 1024u

enum { RAX = 0, RCX = 1, RSI = 6, RDI = 7 };

enum place { PORT, MEMORY, ACCUMULATOR };

struct string_form {
	u8 opcode; /* the one for bytes; that behind it is for the operand size */
	u8 from;   /* enum place; MEMORY: at rSI */
	u8 to;     /* MEMORY: at ES:rDI */
};

static const struct string_form forms[] = {
	{ 0x6c, PORT, MEMORY },        /* INS */
	{ 0x6e, MEMORY, PORT },        /* OUTS */
	{ 0xa4, MEMORY, MEMORY },      /* MOVS */
	{ 0xaa, ACCUMULATOR, MEMORY }, /* STOS */
	{ 0xac, MEMORY, ACCUMULATOR }, /* LODS */
};

/* An instruction under way. */
struct string_op {
	struct vp *vp;
	const struct insn *insn;
	const struct string_form *form;
	u16 port;
	u8 size;
	struct vp_pages from_pages;
	struct vp_pages to_pages;
	struct vp_fault fault;
};

static const struct string_form *form_of(const struct insn *insn)
{
	if (insn->map != INSN_MAP_1B)
		return NULL;
	for (u32 i = 0; i < ARRAY_SIZE(forms); i++)
		if ((insn->opcode & ~1u) == forms[i].opcode)
			return &forms[i];
	return NULL;
}

static u8 size_of(const struct insn *insn, const struct string_form *form)
{
	if (!(insn->opcode & 1))
		return 1;
	/* Ports are at most four bytes wide. */
	return form->from == PORT || form->to == PORT ? MIN(insn->opsize, 4) : insn->opsize;
}

static bool map(struct string_op *op, enum insn_seg seg, u8 gpr, bool write, struct vp_pages *pages,
	struct vp_span *span)
{
	u64 offset = insn_address_cut(op->vp->regs->gpr[gpr], op->insn->addrsize);
	u64 access = write ? HV_TRANSLATE_WRITE : HV_TRANSLATE_READ;
	u64 linear;

	return vp_linear(op->vp, seg, offset, op->size, write, &linear, &op->fault) &&
	       vp_span(op->vp, linear, op->size, access, pages, span, &op->fault);
}

static enum insn_seg source_segment(const struct insn *insn)
{
	return insn->seg == INSN_SEG_DEFAULT ? INSN_DS : (enum insn_seg)insn->seg;
}

static u64 source_read(const struct string_op *op, const struct vp_span *span)
{
	u64 v = 0;

	switch (op->form->from) {
	case PORT:
		return port_read(&machine, op->port, op->size);
	case MEMORY:
		vp_span_read(span, &v);
		return v;
	default:
		return op->vp->regs->gpr[RAX];
	}
}

static void target_write(const struct string_op *op, const struct vp_span *span, u64 v)
{
	u64 *rax = &op->vp->regs->gpr[RAX];

	switch (op->form->to) {
	case PORT:
		port_write(&machine, op->port, op->size, (u32)v);
		console_settle();
		break;
	case MEMORY:
		vp_span_write(span, &v);
		break;
	default:
		*rax = mmio_merge(*rax, v, op->size);
		break;
	}
}

static void step(struct string_op *op, u8 gpr, u64 by)
{
	u64 *r = &op->vp->regs->gpr[gpr];

	*r = mmio_merge(*r, *r + by, op->insn->addrsize);
}

/* One round. False: op->fault, and nothing was done. */
static bool one_round(struct string_op *op)
{
	u64 by = op->vp->regs->rflags & RFLAGS_DF ? -(u64)op->size : op->size;
	const struct string_form *form = op->form;
	struct vp_span from, to;

	if (form->from == MEMORY &&
		!map(op, source_segment(op->insn), RSI, false, &op->from_pages, &from))
		return false;
	if (form->to == MEMORY && !map(op, INSN_ES, RDI, true, &op->to_pages, &to))
		return false;
	target_write(op, &to, source_read(op, &from));
	if (form->from == MEMORY)
		step(op, RSI, by);
	if (form->to == MEMORY)
		step(op, RDI, by);
	return true;
}

static bool rounds_left(const struct string_op *op)
{
	return insn_address_cut(op->vp->regs->gpr[RCX], op->insn->addrsize) != 0;
}

/* Rounds up to the end, a fault or the limit. False: op->fault. */
static bool all_rounds(struct string_op *op)
{
	for (u32 i = 0; i < ROUNDS_MAX && rounds_left(op); i++) {
		if (!one_round(op))
			return false;
		step(op, RCX, -1ull);
		if (machine.power.wish != POWER_GO_ON)
			break;
	}
	return true;
}

int string_run(struct vp *vp, const struct insn *insn, u16 port)
{
	bool repeated = insn->prefixes & (INSN_PREFIX_REP | INSN_PREFIX_REPNE);
	struct string_op op = { .vp = vp, .insn = insn, .form = form_of(insn), .port = port };
	bool ok;

	if (op.form == NULL)
		return -EINVAL;
	op.size = size_of(insn, op.form);
	ok = repeated ? all_rounds(&op) : one_round(&op);
	vp_gprs_changed(vp);
	if (!ok)
		vp_inject_fault(vp, &op.fault);
	else if (!repeated || !rounds_left(&op))
		vp_advance(vp, insn->length);
	return 0;
}

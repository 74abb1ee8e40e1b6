/* SPDX-License-Identifier: MIT */
/*
 * Decoding of exits: the table, and inline, because every exit comes through
 * here, the case of a row that has nothing to decode.
 */
#pragma once

#include "base/types.h"
#include "hypervisor/svm/svm.h"
#include "hypervisor/vp.h"

/* What an exit code means. */
struct svm_exit_row {
	u8 kind;          /* EXIT_NONE: not expected, or decode_other()'s */
	bool instruction; /* next_rip is that of the instruction after it */
	/* NULL: there is nothing but the kind. */
	void (*decode)(struct vp *vp, const struct vmcb_control *c, struct exit *exit);
};

#define SVM_EXIT_ROWS (VMEXIT_XSETBV + 1)

extern const struct svm_exit_row svm_exit_rows[SVM_EXIT_ROWS];

/* Distance to the next instruction, 0 where the processor leaves it open. */
static inline u8 svm_instruction_length(const struct vp *vp, const struct vmcb_control *c)
{
	u64 length = c->next_rip - vp->regs.rip;

	return length <= 15 ? (u8)length : 0;
}

bool svm_exit_decode_more(struct vp *vp, struct exit *exit, const struct svm_exit_row *row);

/*
 * Fills @exit from the VMCB. False: it was the back end's own business, the
 * guest can be entered again.
 */
static inline bool svm_exit_decode(struct vp *vp, struct exit *exit)
{
	const struct svm_vp *s = svm_of(vp);
	const struct vmcb_control *c = &s->vmcb->control;
	u32 code = (u32)c->exit_code;
	const struct svm_exit_row *row = &svm_exit_rows[code < SVM_EXIT_ROWS ? code : 0];

	if (unlikely(row->decode || !row->kind || s->flags))
		return svm_exit_decode_more(vp, exit, row);
	exit->kind = row->kind;
	exit->length = row->instruction ? svm_instruction_length(vp, c) : 0;
	return true;
}

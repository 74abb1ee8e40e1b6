/* SPDX-License-Identifier: MIT */
/*
 * Hypercalls: one const table of code, sizes, privilege and handler. The
 * dispatcher decodes the control word and copies the input once; a handler
 * checks the copy (decode) and then does the work, which cannot fail (commit).
 * TLFS 6.0b chapter 3.
 */
#pragma once

#include "base/types.h"
#include "hv/hypercall.h"
#include "hv/status.h"
#include "hypervisor/frame.h"

struct exit;
struct partition;
struct vp;

/* Room for the largest input and output there is, without elements; bytes. */
#define HYPERCALL_INPUT_MAX  832u
#define HYPERCALL_OUTPUT_MAX 200u

/* Elements of a rep call, 8-byte units. */
#define HYPERCALL_ELEMENT_IN  4u
#define HYPERCALL_ELEMENT_OUT 2u

/*
 * A handler's result, no status: its simple call has more to do than it may at
 * a time. The guest makes it again, and the handler finds where it was by itself.
 */
#define HYPERCALL_AGAIN ((enum hv_status)0xffff)

/* One call, as the dispatcher hands it to its handler. */
struct hypercall {
	struct vp *vp;
	const void *input; /* copy; fixed part, then the variable header */
	u32 input_size;
	void *output;                         /* zeroed; copied to the guest after success */
	u64 element_in[HYPERCALL_ELEMENT_IN]; /* rep: this element's input */
	u32 rep_index;
	u32 rep_first; /* rep: the first element of this stay in the hypervisor */
	/* Rep, for the handler and its finish: */
	bool flush;               /* mappings shrank */
	struct frame_list moving; /* frames that are out of use after the flush */
	/*
	 * The partition that the call manages, with a reference and its manage
	 * lock, by hc_target(); the dispatcher gives both back.
	 */
	struct partition *target;
	struct vp *held; /* one of its VPs, see vp_hold(); likewise */
	/* The registers of the call, whatever the ABI. */
	u64 control;
	union {
		struct {
			u64 input_gpa;
			u64 output_gpa;
		};
		u64 fast[2]; /* a fast call's input */
	};
	u64 input_block[HYPERCALL_INPUT_MAX / 8];
	u64 output_block[HYPERCALL_OUTPUT_MAX / 8];
};

/* EXIT_HYPERCALL: moves RIP, reads registers, calls, writes RAX. */
void hypercall_handle(struct vp *vp, const struct exit *exit);

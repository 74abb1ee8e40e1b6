/* SPDX-License-Identifier: MIT */
/*
 * The control word of a hypercall against what the call is: pure, so that
 * every rule is a unit test. TLFS 6.0b, 3.7 to 3.10.
 */
#pragma once

#include "base/types.h"
#include "hypervisor/hypercall.h"

/* What one call is; a row of the table in hypercall.c. */
struct hypercall_row {
	const char *name;
	u16 input_size;  /* bytes, without elements and variable header */
	u16 output_size; /* bytes, without elements */
	u8 rep_in;       /* bytes per element; either makes it a rep call */
	u8 rep_out;
	bool rep;       /* a rep call of which neither input nor output is a list */
	bool variable;  /* a variable header may follow the input */
	bool fast;      /* simple, at most 16 bytes in, nothing out: the dispatcher's fast path */
	u64 privileges; /* bits of struct partition's mask, all needed */
	enum hv_status (*handle)(struct hypercall *call);
	/*
	 * Rep calls, may be NULL: after the last element of a stay, elements
	 * rep_first to rep_index - 1 having been done; what one flush or one look
	 * at the end can do for all. Cannot fail.
	 */
	void (*finish)(struct hypercall *call);
};

/* The control word taken apart. */
struct hypercall_control {
	bool fast;
	bool rep;
	u32 header_size; /* bytes of the variable header */
	u32 rep_count;
	u32 rep_start;
	u32 input_size; /* bytes of all parameters, elements included */
	u32 output_size;
};

#define HYPERCALL_FAST_MAX 112u /* bytes of input in registers: two general ones, XMM0 to 5 */

/* INVALID_HYPERCALL_INPUT if @control breaks a rule. *out is filled on success. */
enum hv_status hypercall_control_decode(
	const struct hypercall_row *row, u64 control, struct hypercall_control *out);

/*
 * Addresses of the parameter blocks: INVALID_ALIGNMENT if one is not on 8
 * bytes, INVALID_PARAMETER if one crosses a page or they overlap.
 */
enum hv_status hypercall_blocks_check(const struct hypercall_control *c, u64 input, u64 output);

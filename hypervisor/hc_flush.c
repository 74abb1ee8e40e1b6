/* SPDX-License-Identifier: MIT */
/*
 * Hypercalls by which a VP makes VPs of its own partition forget translations
 * of their page tables. What is asked for in part, one address space or a
 * list of pages, is answered in full: the TLB is one VP's alone, and so is the
 * loss. TLFS 6.0b, 12.4.
 */
#include "hypervisor/hc.h"
#include "hypervisor/vp.h"
#include "lib/vpset.h"

#define FLAGS_SPACE (HV_FLUSH_ALL_PROCESSORS | HV_FLUSH_ALL_SPACES | HV_FLUSH_NON_GLOBAL)
#define FLAGS_LIST  (HV_FLUSH_ALL_PROCESSORS | HV_FLUSH_ALL_SPACES)

static const struct vpset everybody = { { ~0ull } };

static enum hv_status flush(struct hypercall *call, u64 known)
{
	const struct hv_flush_input *in = call->input;
	struct vpset set = { { in->processor_mask } };

	if (in->flags & ~known)
		return HV_STATUS_INVALID_PARAMETER;
	partition_flush_guest(call->vp, in->flags & HV_FLUSH_ALL_PROCESSORS ? &everybody : &set);
	return HV_STATUS_SUCCESS;
}

static enum hv_status flush_ex(struct hypercall *call, u64 known)
{
	const struct hv_flush_ex_input *in = call->input;
	struct vpset set = everybody;
	u32 count;
	const u64 *banks = hc_variable_header(call, sizeof(*in), &count);

	if (in->flags & ~known)
		return HV_STATUS_INVALID_PARAMETER;
	if (!(in->flags & HV_FLUSH_ALL_PROCESSORS) && !vpset_decode(&in->set, banks, count, &set))
		return HV_STATUS_INVALID_PARAMETER;
	partition_flush_guest(call->vp, &set);
	return HV_STATUS_SUCCESS;
}

enum hv_status hc_flush_space(struct hypercall *call)
{
	return flush(call, FLAGS_SPACE);
}

enum hv_status hc_flush_space_ex(struct hypercall *call)
{
	return flush_ex(call, FLAGS_SPACE);
}

/* With the first element of a stay the others are done, too. */
enum hv_status hc_flush_list(struct hypercall *call)
{
	return call->rep_index == call->rep_first ? flush(call, FLAGS_LIST) : HV_STATUS_SUCCESS;
}

enum hv_status hc_flush_list_ex(struct hypercall *call)
{
	return call->rep_index == call->rep_first ? flush_ex(call, FLAGS_LIST) : HV_STATUS_SUCCESS;
}

/* SPDX-License-Identifier: MIT */
/*
 * Binary trace records.
 */
#include "hypervisor/trace.h"

#include "hypervisor/cpu.h"
#include "hypervisor/vp.h"
#include "x86/cpu.h"

void trace(enum trace_event event, const struct vp *vp, u64 a, u64 b)
{
	trace_record(this_cpu()->trace, rdtsc(), vp ? vp->tag : 0, event, a, b);
}

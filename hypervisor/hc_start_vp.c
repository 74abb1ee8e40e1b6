/* SPDX-License-Identifier: MIT */
/*
 * HvCallStartVirtualProcessor, of the caller's own partition or of a child:
 * checks every register of the context as the processor's entry checks would
 * (a VP that cannot be entered would end the root), then gives them to the VP
 * that waits, which may run then; a child's only if its parent has released it.
 * The caller's processor. TLFS 6.0b, 7.10; entry checks: Intel SDM volume 3, 27.3.1.
 */
#include "hypervisor/cpu.h"
#include "hypervisor/hc.h"
#include "hypervisor/log.h"
#include "hypervisor/partition.h"
#include "hypervisor/policy.h"
#include "hypervisor/sched.h"
#include "hypervisor/segment.h"
#include "hypervisor/trace.h"
#include "hypervisor/vp.h"
#include "x86/atomic.h"
#include "x86/cpu.h"
#include "x86/cr.h"
#include "x86/msr.h"
#include "x86/paging.h"

/* Flags that exist, VM aside: these VPs start in no virtual-8086 mode. */
#define RFLAGS_KNOWN 0x3d7fd7ull
#define RFLAGS_ZEROS (~RFLAGS_KNOWN)

/* Of a segment's attributes. */
#define SEG_TYPE(a) ((a)&0xfu)
#define SEG_TSS_64  11u

/* Valid, and as it is once it was loaded. */
static bool segment_ready(enum segment_kind kind, const struct hv_segment *s)
{
	return segment_valid(kind, s) && segment_loaded(kind, s).attributes == s->attributes;
}

/* The VP starts at CPL 0. */
static bool is_kernel(const struct hv_segment *s)
{
	return HV_SEG_DPL(s->attributes) == 0 && (s->selector & 3) == 0;
}

static bool code_valid(const struct hv_segment *s, bool long_mode)
{
	bool wide = s->attributes & HV_SEG_LONG;

	if (wide && (!long_mode || s->attributes & HV_SEG_DB))
		return false;
	return segment_ready(SEGMENT_CODE, s) && is_kernel(s);
}

static bool data_valid(enum segment_kind kind, const struct hv_segment *s)
{
	bool there = s->attributes & HV_SEG_PRESENT;

	return segment_ready(kind, s) && (!there || HV_SEG_DPL(s->attributes) >= (s->selector & 3));
}

/* A TSS of 64 bits in long mode. */
static bool task_valid(const struct hv_segment *s, bool long_mode)
{
	return segment_ready(SEGMENT_TASK, s) &&
	       (!long_mode || SEG_TYPE(s->attributes) == SEG_TSS_64);
}

static bool segments_valid(const struct hv_initial_vp_context *c, bool long_mode)
{
	return code_valid(&c->cs, long_mode) && segment_ready(SEGMENT_STACK, &c->ss) &&
	       is_kernel(&c->ss) && data_valid(SEGMENT_DATA, &c->ds) &&
	       data_valid(SEGMENT_DATA, &c->es) && data_valid(SEGMENT_WIDE, &c->fs) &&
	       data_valid(SEGMENT_WIDE, &c->gs) && task_valid(&c->tr, long_mode) &&
	       segment_ready(SEGMENT_LOCAL_TABLE, &c->ldtr) && linear_is_canonical(c->gdtr.base) &&
	       linear_is_canonical(c->idtr.base);
}

static bool control_valid(const struct vp *vp, const struct hv_initial_vp_context *c)
{
	return policy_cr0_valid(vp, c->cr0) && !(c->cr0 & ~POLICY_CR0_BITS) &&
	       policy_cr3_valid(vp, c->cr3) && policy_cr4_valid(vp, c->cr4) &&
	       policy_efer_valid(vp, c->efer) && policy_mode_valid(c->cr0, c->cr4, c->efer) &&
	       policy_pat_valid(c->pat);
}

static bool context_valid(const struct vp *vp, const struct hv_initial_vp_context *c)
{
	bool long_mode = c->efer & EFER_LMA;
	bool wide = long_mode && c->cs.attributes & HV_SEG_LONG;

	return control_valid(vp, c) && segments_valid(c, long_mode) &&
	       (wide ? linear_is_canonical(c->rip) : c->rip >> 32 == 0) &&
	       c->rflags & RFLAGS_FIXED && !(c->rflags & RFLAGS_ZEROS);
}

/*
 * Where the registers that set() knows stand in the context. Paging is
 * switched on, by CR0, when all that it needs is there.
 */
static const struct {
	u32 name;
	u16 offset;
	u16 size;
} parts[] = {
#define PART(n, field)                                                              \
	{                                                                           \
		HV_X64_REGISTER_##n, offsetof(struct hv_initial_vp_context, field), \
			sizeof(((struct hv_initial_vp_context *)NULL)->field)       \
	}
	PART(CR4, cr4),
	PART(CR3, cr3),
	PART(EFER, efer),
	PART(CR0, cr0),
	PART(PAT, pat),
	PART(CS, cs),
	PART(DS, ds),
	PART(ES, es),
	PART(FS, fs),
	PART(GS, gs),
	PART(SS, ss),
	PART(TR, tr),
	PART(LDTR, ldtr),
	PART(IDTR, idtr),
	PART(GDTR, gdtr),
#undef PART
};

/* A value that a back end refuses beyond our checks leaves the VP stopped. */
static enum hv_status context_set(struct vp *vp, const struct hv_initial_vp_context *c)
{
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		union hv_register_value v = { 0 };
		enum hv_status status;

		__builtin_memcpy(&v, (const u8 *)c + parts[i].offset, parts[i].size);
		status = virt->set(vp, parts[i].name, &v);
		if (status != HV_STATUS_SUCCESS)
			return HV_STATUS_INVALID_REGISTER_VALUE;
	}
	vp->regs.rip = c->rip;
	vp->regs.rflags = c->rflags;
	vp->regs.gpr[GPR_RSP] = c->rsp;
	return HV_STATUS_SUCCESS;
}

/*
 * One of the caller's own, under its partition's manage lock, so that nobody
 * starts it, or sets its registers, at the same time. Who holds the lock may
 * wait for this very VP to stop: not to be waited for in here.
 */
static enum hv_status own_vp(struct hypercall *call, u32 index, struct vp **vp)
{
	struct partition *p = call->vp->partition;

	if (index >= HV_MAX_PROCESSORS || !load_acquire(&p->vps[index]))
		return HV_STATUS_INVALID_VP_INDEX;
	if (!spin_trylock(&p->manage))
		return HYPERCALL_AGAIN;
	*vp = p->vps[index];
	if (*vp)
		return HV_STATUS_SUCCESS;
	spin_unlock(&p->manage);
	return HV_STATUS_INVALID_VP_INDEX;
}

static enum hv_status check(const struct vp *vp, const struct hv_start_vp_input *in)
{
	if (in->target_vtl || !HC_IS_ZERO(in->reserved))
		return HV_STATUS_INVALID_PARAMETER;
	return context_valid(vp, &in->context) ? HV_STATUS_SUCCESS
					       : HV_STATUS_INVALID_REGISTER_VALUE;
}

static enum hv_status start(struct vp *vp, const struct hv_start_vp_input *in)
{
	enum hv_status status = check(vp, in);

	if (status != HV_STATUS_SUCCESS)
		return status;
	if (!vp_startup_claim(vp))
		return HV_STATUS_INVALID_VP_STATE;
	status = context_set(vp, &in->context);
	if (status != HV_STATUS_SUCCESS) {
		vp_startup_set(vp, true);
		return status;
	}
	/* As on a real one, an NMI from before the start is none. */
	atomic_fetch_and(&vp->work, ~(u32)VP_WORK_NMI);
	trace(TRACE_VP_START, vp, vp->index, vp->regs.rip);
	/* Pairs with the load of stop in sched.c on the VP's processor. */
	atomic_fetch_and(&vp->stop, ~(u32)VP_STOP_STARTUP);
	sched_wake(vp);
	return HV_STATUS_SUCCESS;
}

/* Held, so that no SIPI starts it; it may be on its way out from before its INIT. */
static enum hv_status start_own(struct vp *vp, const struct hv_start_vp_input *in)
{
	enum hv_status status = check(vp, in);

	if (status != HV_STATUS_SUCCESS)
		return status;
	/* One that runs is left alone. */
	if (!(load_acquire(&vp->stop) & VP_STOP_STARTUP))
		return HV_STATUS_INVALID_VP_STATE;
	vp_hold(vp);
	status = sched_is_stopped(vp) ? start(vp, in) : HYPERCALL_AGAIN;
	vp_hold_end(vp);
	return status;
}

enum hv_status hc_start_virtual_processor(struct hypercall *call)
{
	const struct hv_start_vp_input *in = call->input;
	enum hv_status status;
	struct vp *vp;

	if (!hc_is_own_partition(call, in->partition_id)) {
		status = hc_child_vp_stopped(call, in->partition_id, in->vp_index, &vp);
		return status == HV_STATUS_SUCCESS ? start(vp, in) : status;
	}
	status = own_vp(call, in->vp_index, &vp);
	if (status != HV_STATUS_SUCCESS)
		return status;
	status = start_own(vp, in);
	spin_unlock(&call->vp->partition->manage);
	return status;
}

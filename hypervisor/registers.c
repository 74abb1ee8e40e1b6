/* SPDX-License-Identifier: MIT */
/*
 * The table of registers, and those that back ends or struct vp keep plainly.
 */
#include "base/assert.h"
#include "hv/msr.h"
#include "hypervisor/cpu.h"
#include "hypervisor/partition.h"
#include "hypervisor/policy.h"
#include "hypervisor/registers_impl.h"
#include "hypervisor/segment.h"
#include "hypervisor/vp.h"
#include "x86/cr.h"
#include "x86/paging.h"

/* Flags that exist beside the fixed one. */
#define RFLAGS_EXIST 0x3f7fd5ull

static bool any_valid(const struct vp *vp, u64 v)
{
	(void)vp;
	(void)v;
	return true;
}

static bool low_half_valid(const struct vp *vp, u64 v)
{
	(void)vp;
	return v >> 32 == 0;
}

static bool address_valid(const struct vp *vp, u64 v)
{
	(void)vp;
	return linear_is_canonical(v);
}

static bool cr0_valid(const struct vp *vp, u64 v)
{
	return policy_cr0_valid(vp, v) && !(v & ~POLICY_CR0_BITS);
}

static bool cr8_valid(const struct vp *vp, u64 v)
{
	(void)vp;
	return v <= 15;
}

static bool pat_valid(const struct vp *vp, u64 v)
{
	(void)vp;
	return policy_pat_valid(v);
}

static bool zero_valid(const struct vp *vp, u64 v)
{
	(void)vp;
	return v == 0;
}

/* Exceptions that processors raise: others cannot be delivered by an entry. */
#define EXCEPTIONS 0x003f7dfbu /* not NMI, 9, 15, and from 22 on */

static bool pending_valid(const struct vp *vp, u64 v)
{
	u32 type = v >> 1 & 7;
	u32 vector = v >> 16 & 0xffff;

	(void)vp;
	return !(v & 1) || type != EVENT_EXCEPTION || (vector < 32 && EXCEPTIONS >> vector & 1);
}

static void virt_get(struct vp *vp, u32 name, union hv_register_value *v)
{
	enum hv_status status = virt->get(vp, name, v);

	assert(status == HV_STATUS_SUCCESS);
}

static void gpr_get(struct vp *vp, u32 name, union hv_register_value *v)
{
	v->u64 = vp->regs.gpr[name - HV_X64_REGISTER_RAX];
}

static enum hv_status gpr_set(
	struct vp *vp, u32 name, const union hv_register_value *v, struct vp *self)
{
	(void)self;
	vp->regs.gpr[name - HV_X64_REGISTER_RAX] = v->u64;
	return HV_STATUS_SUCCESS;
}

static void rip_get(struct vp *vp, u32 name, union hv_register_value *v)
{
	(void)name;
	v->u64 = vp->regs.rip;
}

/* It may stand right behind the last canonical address. */
static enum hv_status rip_set(
	struct vp *vp, u32 name, const union hv_register_value *v, struct vp *self)
{
	u64 high = v->u64 >> 48;

	(void)name;
	(void)self;
	if (high != 0 && high != 0xffff)
		return HV_STATUS_INVALID_REGISTER_VALUE;
	vp->regs.rip = v->u64;
	return HV_STATUS_SUCCESS;
}

static void rflags_get(struct vp *vp, u32 name, union hv_register_value *v)
{
	(void)name;
	v->u64 = vp->regs.rflags;
}

static enum hv_status rflags_set(
	struct vp *vp, u32 name, const union hv_register_value *v, struct vp *self)
{
	(void)name;
	(void)self;
	if ((v->u64 & ~RFLAGS_EXIST) != RFLAGS_FIXED)
		return HV_STATUS_INVALID_REGISTER_VALUE;
	vp->regs.rflags = v->u64;
	return HV_STATUS_SUCCESS;
}

static void dr_get(struct vp *vp, u32 name, union hv_register_value *v)
{
	v->u64 = vp->dr[name - HV_X64_REGISTER_DR0];
}

static enum hv_status dr_set(
	struct vp *vp, u32 name, const union hv_register_value *v, struct vp *self)
{
	(void)self;
	vp->dr[name - HV_X64_REGISTER_DR0] = v->u64;
	return HV_STATUS_SUCCESS;
}

static enum hv_status segment_set(
	struct vp *vp, u32 name, const union hv_register_value *v, struct vp *self)
{
	enum segment_kind kind = segment_kind_of(name);
	union hv_register_value loaded;

	(void)self;
	if (!segment_valid(kind, &v->segment))
		return HV_STATUS_INVALID_REGISTER_VALUE;
	loaded.segment = segment_loaded(kind, &v->segment);
	return virt->set(vp, name, &loaded);
}

static enum hv_status table_set(
	struct vp *vp, u32 name, const union hv_register_value *v, struct vp *self)
{
	const struct hv_table_register *t = &v->table;

	(void)self;
	if (t->pad[0] || t->pad[1] || t->pad[2] || !linear_is_canonical(t->base))
		return HV_STATUS_INVALID_REGISTER_VALUE;
	return virt->set(vp, name, v);
}

/* The partition's: no VP has one of its own. */
static void tsc_get(struct vp *vp, u32 name, union hv_register_value *v)
{
	(void)name;
	v->u64 = reference_time_guest_tsc(&vp->partition->time);
}

/* The page's last one: for HvCallRestorePartitionTime. */
static void sequence_get(struct vp *vp, u32 name, union hv_register_value *v)
{
	(void)name;
	v->u64 = vp->partition->time.page_sequence;
}

static void tsc_aux_get(struct vp *vp, u32 name, union hv_register_value *v)
{
	(void)name;
	v->u64 = vp->tsc_aux;
}

static enum hv_status tsc_aux_set(
	struct vp *vp, u32 name, const union hv_register_value *v, struct vp *self)
{
	(void)name;
	(void)self;
	if (v->u64 >> 32 || (v->u64 && !vp->cpu->features.tsc_aux))
		return HV_STATUS_INVALID_REGISTER_VALUE;
	vp->tsc_aux = v->u64;
	return HV_STATUS_SUCCESS;
}

/* No child has SPEC_CTRL. */
static void zero_get(struct vp *vp, u32 name, union hv_register_value *v)
{
	(void)vp;
	(void)name;
	v->u64 = 0;
}

static enum hv_status zero_set(
	struct vp *vp, u32 name, const union hv_register_value *v, struct vp *self)
{
	(void)name;
	(void)self;
	return zero_valid(vp, v->u64) ? HV_STATUS_SUCCESS : HV_STATUS_INVALID_REGISTER_VALUE;
}

#define NAME(n)             HV_REGISTER_##n, HV_REGISTER_##n
#define X64(n)              HV_X64_REGISTER_##n, HV_X64_REGISTER_##n
#define OWN(what)           0, 0, register_##what##_get, register_##what##_set, NULL
#define LIVE(flags, what)   flags, 0, register_##what##_get, register_##what##_set, NULL
#define HERE(what)          0, 0, what##_get, what##_set, NULL
#define VIRT(check)         0, 0, virt_get, NULL, check##_valid
#define VIRT_SET(what)      0, 0, virt_get, what##_set, NULL
#define MSR(msr, what)      0, msr, register_##what##_get, register_##what##_set, NULL
#define MSR_READ(msr, what) 0, msr, register_##what##_get, NULL, NULL
#define REGISTER_LIVE       (REGISTER_LIVE_GET | REGISTER_LIVE_SET)

/* clang-format off */
/* Sorted by name. */
static const struct register_row rows[] = {
	{ NAME(EXPLICIT_SUSPEND), LIVE(REGISTER_LIVE, explicit) },
	{ NAME(INTERCEPT_SUSPEND), LIVE(REGISTER_LIVE_GET, intercept) },
	{ NAME(INTERNAL_ACTIVITY), OWN(activity) },
	{ HV_X64_REGISTER_CRASH_P0, HV_X64_REGISTER_CRASH_CTL, MSR(HV_MSR_CRASH_P(0), synthetic) },
	{ NAME(PENDING_INTERRUPTION), VIRT(pending) },
	{ NAME(INTERRUPT_STATE), VIRT(any) },
	{ NAME(PENDING_EVENT0), OWN(pending_event) },
	{ NAME(DELIVERABILITY_NOTIFICATIONS), LIVE(REGISTER_LIVE, notifications) },
	{ HV_X64_REGISTER_RAX, HV_X64_REGISTER_R15, HERE(gpr) },
	{ X64(RIP), HERE(rip) },
	{ X64(RFLAGS), HERE(rflags) },
	{ HV_X64_REGISTER_XMM0, HV_X64_REGISTER_XMM15, OWN(xmm) },
	{ HV_X64_REGISTER_FP_MMX0, HV_X64_REGISTER_FP_MMX7, OWN(st) },
	{ X64(FP_CONTROL), OWN(fp_control) },
	{ X64(XMM_CONTROL), OWN(xmm_control) },
	{ X64(CR0), VIRT(cr0) },
	{ X64(CR2), VIRT(any) },
	{ X64(CR3), VIRT(policy_cr3) },
	{ X64(CR4), VIRT(policy_cr4) },
	{ X64(CR8), VIRT(cr8) },
	{ X64(XFEM), OWN(xfem) },
	{ HV_X64_REGISTER_DR0, HV_X64_REGISTER_DR3, HERE(dr) },
	{ X64(DR6), VIRT(low_half) },
	{ X64(DR7), VIRT(low_half) },
	{ HV_X64_REGISTER_ES, HV_X64_REGISTER_TR, VIRT_SET(segment) },
	{ HV_X64_REGISTER_IDTR, HV_X64_REGISTER_GDTR, VIRT_SET(table) },
	{ X64(TSC), 0, 0, tsc_get, NULL, NULL },
	{ X64(EFER), VIRT(policy_efer) },
	{ X64(KERNEL_GS_BASE), VIRT(address) },
	{ X64(APIC_BASE), OWN(apic_base) },
	{ X64(PAT), VIRT(pat) },
	{ X64(SYSENTER_CS), VIRT(low_half) },
	{ X64(SYSENTER_EIP), VIRT(address) },
	{ X64(SYSENTER_ESP), VIRT(address) },
	{ X64(STAR), VIRT(any) },
	{ X64(LSTAR), VIRT(address) },
	{ X64(CSTAR), VIRT(address) },
	{ X64(SFMASK), VIRT(low_half) },
	{ X64(INITIAL_APIC_ID), OWN(apic_id) },
	{ X64(TSC_AUX), HERE(tsc_aux) },
	{ X64(SPEC_CTRL), HERE(zero) },
	{ X64(TSC_DEADLINE), OWN(deadline) },
	{ NAME(VP_RUNTIME), MSR_READ(HV_MSR_VP_RUNTIME, synthetic) },
	{ NAME(HYPERCALL), MSR(HV_MSR_HYPERCALL, synthetic) },
	{ NAME(GUEST_OS_ID), MSR(HV_MSR_GUEST_OS_ID, synthetic) },
	{ NAME(VP_INDEX), MSR_READ(HV_MSR_VP_INDEX, synthetic) },
	{ NAME(TIME_REF_COUNT), MSR_READ(HV_MSR_TIME_REF_COUNT, synthetic) },
	{ NAME(VP_ASSIST_PAGE), MSR(HV_MSR_VP_ASSIST_PAGE, synthetic) },
	{ NAME(REFERENCE_TSC), MSR(HV_MSR_REFERENCE_TSC, synthetic) },
	{ NAME(REFERENCE_TSC_SEQUENCE), 0, 0, sequence_get, NULL, NULL },
	{ HV_REGISTER_SINT0, HV_REGISTER_SINT15, MSR(HV_MSR_SINT(0), synic) },
	{ NAME(SCONTROL), MSR(HV_MSR_SCONTROL, synic) },
	{ NAME(SVERSION), MSR_READ(HV_MSR_SVERSION, synic) },
	{ HV_REGISTER_SIEFP, HV_REGISTER_EOM, MSR(HV_MSR_SIEFP, synic) },
	{ HV_REGISTER_STIMER0_CONFIG, HV_REGISTER_STIMER3_COUNT, MSR(HV_MSR_STIMER_CONFIG(0), stimer) },
};
/* clang-format on */

static_assert(HV_REGISTER_EOM - HV_REGISTER_SIEFP == HV_MSR_EOM - HV_MSR_SIEFP);
static_assert(HV_X64_REGISTER_CRASH_CTL - HV_X64_REGISTER_CRASH_P0 ==
	      HV_MSR_CRASH_CTL - HV_MSR_CRASH_P(0));
static_assert(HV_REGISTER_STIMER3_COUNT - HV_REGISTER_STIMER0_CONFIG ==
	      HV_MSR_STIMER_LAST - HV_MSR_STIMER_CONFIG(0));

static const struct register_row *row_find(u32 name)
{
	size_t low = 0, high = ARRAY_SIZE(rows);

	while (low < high) {
		size_t middle = (low + high) / 2;
		const struct register_row *row = &rows[middle];

		if (name > row->last)
			low = middle + 1;
		else if (name < row->first)
			high = middle;
		else
			return row;
	}
	return NULL;
}

enum hv_status register_get(struct vp *vp, u32 name, union hv_register_value *v)
{
	const struct register_row *row = row_find(name);

	*v = (union hv_register_value){ .wide = { 0, 0 } };
	if (!row)
		return HV_STATUS_UNKNOWN_REGISTER_NAME;
	row->get(vp, name, v);
	return HV_STATUS_SUCCESS;
}

enum hv_status register_set(
	struct vp *vp, u32 name, const union hv_register_value *v, struct vp *self)
{
	const struct register_row *row = row_find(name);

	if (!row)
		return HV_STATUS_UNKNOWN_REGISTER_NAME;
	if (row->set)
		return row->set(vp, name, v, self);
	if (!row->valid)
		return HV_STATUS_ACCESS_DENIED;
	if (!row->valid(vp, v->u64))
		return HV_STATUS_INVALID_REGISTER_VALUE;
	return virt->set(vp, name, v);
}

bool register_is_live(u32 name, bool write)
{
	const struct register_row *row = row_find(name);

	return row && row->live & (write ? REGISTER_LIVE_SET : REGISTER_LIVE_GET);
}

u32 register_msr(u32 name)
{
	const struct register_row *row = row_find(name);

	return row && row->msr ? row->msr + (name - row->first) : 0;
}

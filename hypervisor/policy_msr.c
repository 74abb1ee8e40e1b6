/* SPDX-License-Identifier: MIT */
/*
 * MSRs as the root sees them: one sorted const table, a row per register or
 * range with its reason. What passes through never exits; what is not in the
 * table is #GP and a log line. Runs on RDMSR and WRMSR exits on the VP's
 * processor. Intel SDM volume 4; AMD APM volume 2 appendix A; TLFS 6.0b
 * appendix C.
 */
#include "hv/cpuid.h"
#include "hv/msr.h"
#include "hypervisor/cpu.h"
#include "hypervisor/log.h"
#include "hypervisor/partition.h"
#include "hypervisor/policy.h"
#include "hypervisor/synthetic.h"
#include "hypervisor/trap.h"
#include "hypervisor/vp.h"
#include "x86/apic.h"
#include "x86/cpu.h"
#include "x86/cr.h"
#include "x86/msr.h"

#define PASS_READ           BIT(0)
#define PASS_WRITE          BIT(1)
#define PASS                (PASS_READ | PASS_WRITE)

#define MISC_ENABLE_MONITOR BIT(18)

struct msr_row {
	u32 first;
	u32 last;
	u8 pass;
	u32 reg;        /* for register_read and _write: TLFS register name */
	u64 privileges; /* all of them are needed */
	bool (*read)(struct vp *vp, const struct msr_row *row, u32 msr, u64 *v);
	bool (*write)(struct vp *vp, const struct msr_row *row, u32 msr, u64 v);
	const char *why;
};

static bool is_canonical(u64 a)
{
	return (u64)((s64)(a << 16) >> 16) == a;
}

/* Registers in the control block, reached by name. */
static bool register_read(struct vp *vp, const struct msr_row *row, u32 msr, u64 *v)
{
	union hv_register_value value;

	(void)msr;
	if (virt->get(vp, row->reg, &value) != HV_STATUS_SUCCESS)
		return false;
	*v = value.u64;
	return true;
}

static bool register_write(struct vp *vp, const struct msr_row *row, u32 msr, u64 v)
{
	union hv_register_value value = { .u64 = v };

	(void)msr;
	return virt->set(vp, row->reg, &value) == HV_STATUS_SUCCESS;
}

static bool address_write(struct vp *vp, const struct msr_row *row, u32 msr, u64 v)
{
	return is_canonical(v) && register_write(vp, row, msr, v);
}

static bool base_read(struct vp *vp, const struct msr_row *row, u32 msr, u64 *v)
{
	union hv_register_value value;

	(void)msr;
	if (virt->get(vp, row->reg, &value) != HV_STATUS_SUCCESS)
		return false;
	*v = value.segment.base;
	return true;
}

static bool base_write(struct vp *vp, const struct msr_row *row, u32 msr, u64 v)
{
	union hv_register_value value;

	(void)msr;
	if (!is_canonical(v) || virt->get(vp, row->reg, &value) != HV_STATUS_SUCCESS)
		return false;
	value.segment.base = v;
	return virt->set(vp, row->reg, &value) == HV_STATUS_SUCCESS;
}

static bool pat_write(struct vp *vp, const struct msr_row *row, u32 msr, u64 v)
{
	return policy_pat_valid(v) && register_write(vp, row, msr, v);
}

/* LMA is the processor's; LME stays as it is while paging is on. */
static bool efer_write(struct vp *vp, const struct msr_row *row, u32 msr, u64 v)
{
	struct vp_mode mode;

	virt->mode(vp, &mode);
	v = (v & ~EFER_LMA) | (mode.efer & EFER_LMA);
	if (!policy_efer_valid(vp, v))
		return false;
	if (mode.cr0 & CR0_PG && (v ^ mode.efer) & EFER_LME)
		return false;
	return register_write(vp, row, msr, v);
}

/* By RDTSC: not every emulated processor has the MSR. */
static bool tsc_read(struct vp *vp, const struct msr_row *row, u32 msr, u64 *v)
{
	(void)vp;
	(void)row;
	(void)msr;
	*v = rdtsc();
	return true;
}

/* The processor's own, which the hypervisor neither uses nor switches here. */
static bool live_read(struct vp *vp, const struct msr_row *row, u32 msr, u64 *v)
{
	(void)vp;
	(void)row;
	return msr_read_safe(msr, v);
}

static bool live_write(struct vp *vp, const struct msr_row *row, u32 msr, u64 v)
{
	(void)vp;
	(void)row;
	return msr_write_safe(msr, v);
}

static bool zero_read(struct vp *vp, const struct msr_row *row, u32 msr, u64 *v)
{
	(void)vp;
	(void)row;
	(void)msr;
	*v = 0;
	return true;
}

static bool zero_write(struct vp *vp, const struct msr_row *row, u32 msr, u64 v)
{
	(void)vp;
	(void)row;
	(void)msr;
	return v == 0;
}

static bool feature_control_read(struct vp *vp, const struct msr_row *row, u32 msr, u64 *v)
{
	(void)row;
	(void)msr;
	*v = FEATURE_CONTROL_LOCKED;
	return vp->cpu->features.intel;
}

static bool misc_enable_read(struct vp *vp, const struct msr_row *row, u32 msr, u64 *v)
{
	(void)row;
	if (!vp->cpu->features.intel || !msr_read_safe(msr, v))
		return false;
	*v &= ~MISC_ENABLE_MONITOR;
	return true;
}

/* Writing back what was read is harmless and common. */
static bool same_write(struct vp *vp, const struct msr_row *row, u32 msr, u64 v)
{
	u64 now;

	return row->read(vp, row, msr, &now) && v == now;
}

static bool apic_read(struct vp *vp, const struct msr_row *row, u32 msr, u64 *v)
{
	(void)row;
	return vlapic_msr_read(vp, msr, v);
}

static bool apic_write(struct vp *vp, const struct msr_row *row, u32 msr, u64 v)
{
	(void)row;
	return vlapic_msr_write(vp, msr, v);
}

static bool deadline_read(struct vp *vp, const struct msr_row *row, u32 msr, u64 *v)
{
	(void)row;
	return vp->cpu->features.tsc_deadline && vlapic_msr_read(vp, msr, v);
}

static bool deadline_write(struct vp *vp, const struct msr_row *row, u32 msr, u64 v)
{
	(void)row;
	return vp->cpu->features.tsc_deadline && vlapic_msr_write(vp, msr, v);
}

static bool tlfs_read(struct vp *vp, const struct msr_row *row, u32 msr, u64 *v)
{
	(void)row;
	return synthetic_read(vp, msr, v);
}

static bool tlfs_write(struct vp *vp, const struct msr_row *row, u32 msr, u64 v)
{
	(void)row;
	return synthetic_write(vp, msr, v);
}

static bool sint_read(struct vp *vp, const struct msr_row *row, u32 msr, u64 *v)
{
	(void)row;
	return synic_msr_read(vp, msr, v);
}

static bool sint_write(struct vp *vp, const struct msr_row *row, u32 msr, u64 v)
{
	(void)row;
	return synic_msr_write(vp, msr, v);
}

/* Kept by us, because the processor's is exchanged with the VP. */
static bool tsc_aux_read(struct vp *vp, const struct msr_row *row, u32 msr, u64 *v)
{
	(void)row;
	(void)msr;
	*v = vp->tsc_aux;
	return vp->cpu->features.tsc_aux;
}

static bool tsc_aux_write(struct vp *vp, const struct msr_row *row, u32 msr, u64 v)
{
	(void)row;
	(void)msr;
	if (!vp->cpu->features.tsc_aux || v >> 32)
		return false;
	vp->tsc_aux = v;
	vp_tsc_aux_load(vp);
	return true;
}

#define ONE(msr)         (msr), (msr)
#define REG(name)        HV_X64_REGISTER_##name
#define MTRR_PHYS_LAST   MSR_MTRR_PHYS_MASK(15)
#define MTRR_FIX4K_F8000 0x26fu
#define X2APIC_FIRST     0x800u
#define X2APIC_LAST      0x8ffu

/* clang-format off */
static const struct msr_row rows[] = {
	{ ONE(MSR_TSC), 0, 0, 0, tsc_read, NULL, "read freely; reference time stands on it, so no writes" },
	{ ONE(MSR_APIC_BASE), 0, 0, 0, apic_read, apic_write, "of the virtual APIC" },
	{ ONE(MSR_FEATURE_CONTROL), 0, 0, 0, feature_control_read, NULL, "locked without VMX" },
	{ ONE(MSR_SPEC_CTRL), PASS, 0, 0, live_read, live_write, "the guest's own defence; the hypervisor leaves it" },
	{ ONE(MSR_PRED_CMD), PASS_WRITE, 0, 0, NULL, live_write, "a barrier harms nobody" },
	{ ONE(MSR_BIOS_SIGN_ID), 0, 0, 0, live_read, zero_write, "microcode revision, as probed by writing 0 first" },
	{ ONE(MSR_MTRR_CAP), 0, 0, 0, live_read, NULL, "memory types are the hypervisor's, to be read" },
	{ ONE(MSR_SYSENTER_CS), PASS, REG(SYSENTER_CS), 0, register_read, register_write, "in the control block" },
	{ ONE(MSR_SYSENTER_ESP), PASS, REG(SYSENTER_ESP), 0, register_read, address_write, "in the control block" },
	{ ONE(MSR_SYSENTER_EIP), PASS, REG(SYSENTER_EIP), 0, register_read, address_write, "in the control block" },
	{ ONE(MSR_MCG_CAP), 0, 0, 0, zero_read, NULL, "no banks: machine checks are the hypervisor's" },
	{ ONE(MSR_MCG_STATUS), 0, 0, 0, zero_read, zero_write, "no machine check ever happened" },
	{ ONE(MSR_MISC_ENABLE), 0, 0, 0, misc_enable_read, same_write, "as firmware set it, without MONITOR" },
	{ MSR_MTRR_PHYS_BASE(0), MTRR_PHYS_LAST, 0, 0, 0, live_read, NULL, "second-level tables are made from them" },
	{ ONE(MSR_MTRR_FIX64K_00000), 0, 0, 0, live_read, NULL, "second-level tables are made from them" },
	{ MSR_MTRR_FIX16K_80000, MSR_MTRR_FIX16K_A0000, 0, 0, 0, live_read, NULL, "second-level tables are made from them" },
	{ MSR_MTRR_FIX4K_C0000, MTRR_FIX4K_F8000, 0, 0, 0, live_read, NULL, "second-level tables are made from them" },
	{ ONE(MSR_PAT), 0, REG(PAT), 0, register_read, pat_write, "the guest's, if its types exist" },
	{ ONE(MSR_MTRR_DEF_TYPE), 0, 0, 0, live_read, NULL, "second-level tables are made from it" },
	{ ONE(MSR_TSC_DEADLINE), 0, 0, 0, deadline_read, deadline_write, "timer of the virtual APIC, where the host has it" },
	{ X2APIC_FIRST, X2APIC_LAST, 0, 0, 0, apic_read, apic_write, "the virtual APIC's registers" },
	{ ONE(HV_MSR_GUEST_OS_ID), 0, 0, HV_ACCESS_HYPERCALL_MSRS, tlfs_read, tlfs_write, "who the guest is" },
	{ ONE(HV_MSR_HYPERCALL), 0, 0, HV_ACCESS_HYPERCALL_MSRS, tlfs_read, tlfs_write, "where the hypercall page lies" },
	{ ONE(HV_MSR_VP_INDEX), 0, 0, HV_ACCESS_VP_INDEX, tlfs_read, NULL, "a constant" },
	{ ONE(HV_MSR_VP_RUNTIME), 0, 0, HV_ACCESS_VP_RUNTIME, tlfs_read, NULL, "a counter" },
	{ ONE(HV_MSR_TIME_REF_COUNT), 0, 0, HV_ACCESS_REFERENCE_COUNT, tlfs_read, NULL, "a clock" },
	{ ONE(HV_MSR_TSC_FREQUENCY), 0, 0, HV_ACCESS_FREQUENCY_MSRS, tlfs_read, NULL, "measured at boot" },
	{ ONE(HV_MSR_APIC_FREQUENCY), 0, 0, HV_ACCESS_FREQUENCY_MSRS, tlfs_read, NULL, "of the virtual APIC's timer" },
	{ ONE(HV_MSR_EOI), 0, 0, HV_ACCESS_APIC_MSRS, NULL, apic_write, "a short way to the virtual APIC" },
	{ ONE(HV_MSR_ICR), 0, 0, HV_ACCESS_APIC_MSRS, apic_read, apic_write, "a short way to the virtual APIC" },
	{ ONE(HV_MSR_TPR), 0, 0, HV_ACCESS_APIC_MSRS, apic_read, apic_write, "a short way to the virtual APIC" },
	{ ONE(HV_MSR_VP_ASSIST_PAGE), 0, 0, 0, tlfs_read, tlfs_write, "guests write it unasked; the page stays theirs" },
	{ HV_MSR_SCONTROL, HV_MSR_EOM, 0, 0, HV_ACCESS_SYNIC, sint_read, sint_write, "the SynIC" },
	{ HV_MSR_SINT(0), HV_MSR_SINT(15), 0, 0, HV_ACCESS_SYNIC, sint_read, sint_write, "its interrupt sources" },
	{ ONE(MSR_EFER), 0, REG(EFER), 0, register_read, efer_write, "only bits that CPUID shows" },
	{ ONE(MSR_STAR), PASS, REG(STAR), 0, register_read, register_write, "the hypervisor uses no SYSCALL" },
	{ ONE(MSR_LSTAR), PASS, REG(LSTAR), 0, register_read, address_write, "the hypervisor uses no SYSCALL" },
	{ ONE(MSR_CSTAR), PASS, REG(CSTAR), 0, register_read, address_write, "the hypervisor uses no SYSCALL" },
	{ ONE(MSR_SFMASK), PASS, REG(SFMASK), 0, register_read, register_write, "the hypervisor uses no SYSCALL" },
	{ ONE(MSR_FS_BASE), PASS, REG(FS), 0, base_read, base_write, "in the control block" },
	{ ONE(MSR_GS_BASE), PASS, REG(GS), 0, base_read, base_write, "in the control block" },
	{ ONE(MSR_KERNEL_GS_BASE), PASS, REG(KERNEL_GS_BASE), 0, register_read, address_write, "switched with the VP" },
	{ ONE(MSR_TSC_AUX), 0, 0, 0, tsc_aux_read, tsc_aux_write, "switched with the VP" },
};
/* clang-format on */

static const struct msr_row *row_find(const struct vp *vp, u32 msr)
{
	size_t low = 0, high = ARRAY_SIZE(rows);

	while (low < high) {
		size_t middle = (low + high) / 2;
		const struct msr_row *row = &rows[middle];

		if (msr > row->last)
			low = middle + 1;
		else if (msr < row->first)
			high = middle;
		else if (row->privileges & ~vp->partition->privileges)
			return NULL;
		else
			return row;
	}
	return NULL;
}

bool policy_msr_read(struct vp *vp, u32 msr, u64 *v)
{
	const struct msr_row *row = row_find(vp, msr);

	if (likely(row && row->read && row->read(vp, row, msr, v)))
		return true;
	log_limited(LOG_WARN, "msr: p%u.v%u: refused read msr=0x%x rip=0x%lx",
		(u32)vp->partition->id, vp->index, msr, vp->regs.rip);
	return false;
}

bool policy_msr_write(struct vp *vp, u32 msr, u64 v)
{
	const struct msr_row *row = row_find(vp, msr);

	if (likely(row && row->write && row->write(vp, row, msr, v)))
		return true;
	log_limited(LOG_WARN, "msr: p%u.v%u: refused write msr=0x%x value=0x%lx rip=0x%lx",
		(u32)vp->partition->id, vp->index, msr, v, vp->regs.rip);
	return false;
}

void policy_msr_pass_through(const struct partition *p,
	void (*pass)(void *ctx, u32 msr, bool read, bool write), void *ctx)
{
	(void)p;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		for (u32 msr = rows[i].first; rows[i].pass && msr <= rows[i].last; msr++)
			pass(ctx, msr, rows[i].pass & PASS_READ, rows[i].pass & PASS_WRITE);
}

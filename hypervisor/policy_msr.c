/* SPDX-License-Identifier: MIT */
/*
 * MSRs as partitions see them: sorted const tables, a row per register or
 * range, for the root, its children or both, with its reason. What passes
 * through never exits; what is not in a table is #GP and a log line, or goes
 * to a child's parent. Nothing of a child's is the processor's but what is
 * exchanged with the VP. Runs on RDMSR and WRMSR exits on the VP's processor.
 * Intel SDM volume 4; AMD APM volume 2 appendix A; TLFS 6.0b appendix C.
 */
#include "hv/cpuid.h"
#include "hv/msr.h"
#include "hv/vp.h"
#include "hypervisor/cpu.h"
#include "hypervisor/log.h"
#include "hypervisor/partition.h"
#include "hypervisor/policy.h"
#include "hypervisor/reference_time.h"
#include "hypervisor/synthetic.h"
#include "hypervisor/trap.h"
#include "hypervisor/vp.h"
#include "x86/apic.h"
#include "x86/cr.h"
#include "x86/msr.h"
#include "x86/paging.h"

#define PASS_READ           BIT(0)
#define PASS_WRITE          BIT(1)
#define PASS                (PASS_READ | PASS_WRITE)

#define MISC_ENABLE_MONITOR BIT(18)
/* Fast strings; no branch trace, no precise events. */
#define MISC_ENABLE_CHILD (BIT(0) | BIT(11) | BIT(12))
/* Fixed ranges, no variable ones; all of it write-back, and switched on. */
#define MTRR_CAP_CHILD  BIT(8)
#define MTRR_ALL_WB     0x0606060606060606ull
#define MTRR_TYPE_CHILD (BIT(11) | BIT(10) | 6)
/* The TSC counts at one rate in all performance states. */
#define HWCR_TSC_FIXED BIT(24)

/* Whose row it is. */
enum { ROOT = 1, CHILD = 2, ALL = 3 };
/* What the partition's CPUID must show, or it must have, else there is no such register: msr_groups. */
enum { ANY = 0, INTEL = 1, AMD = 2, APIC = 4, TSC_AUX = 8, PARENT = 16 };

struct msr_row {
	u32 first;
	u32 last;
	u8 who;
	u8 need;
	u8 pass;
	/* register_: TLFS name; constant_: the value; in synthetic[]: privileges, all needed. */
	u64 arg;
	bool (*read)(struct vp *vp, const struct msr_row *row, u32 msr, u64 *v);
	bool (*write)(struct vp *vp, const struct msr_row *row, u32 msr, u64 v);
	const char *why;
};

/* Registers in the control block, reached by name. */
static bool register_read(struct vp *vp, const struct msr_row *row, u32 msr, u64 *v)
{
	union hv_register_value value;

	(void)msr;
	if (virt->get(vp, (u32)row->arg, &value) != HV_STATUS_SUCCESS)
		return false;
	*v = value.u64;
	return true;
}

static bool register_write(struct vp *vp, const struct msr_row *row, u32 msr, u64 v)
{
	union hv_register_value value = { .u64 = v };

	(void)msr;
	return virt->set(vp, (u32)row->arg, &value) == HV_STATUS_SUCCESS;
}

static bool address_write(struct vp *vp, const struct msr_row *row, u32 msr, u64 v)
{
	return linear_is_canonical(v) && register_write(vp, row, msr, v);
}

static bool base_read(struct vp *vp, const struct msr_row *row, u32 msr, u64 *v)
{
	union hv_register_value value;

	(void)msr;
	if (virt->get(vp, (u32)row->arg, &value) != HV_STATUS_SUCCESS)
		return false;
	*v = value.segment.base;
	return true;
}

static bool base_write(struct vp *vp, const struct msr_row *row, u32 msr, u64 v)
{
	union hv_register_value value;

	(void)msr;
	if (!linear_is_canonical(v) || virt->get(vp, (u32)row->arg, &value) != HV_STATUS_SUCCESS)
		return false;
	value.segment.base = v;
	return virt->set(vp, (u32)row->arg, &value) == HV_STATUS_SUCCESS;
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

static bool tsc_read(struct vp *vp, const struct msr_row *row, u32 msr, u64 *v)
{
	(void)row;
	(void)msr;
	*v = reference_time_guest_tsc(&vp->partition->time);
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

/* What a partition is told instead of what the processor has. */
static bool constant_read(struct vp *vp, const struct msr_row *row, u32 msr, u64 *v)
{
	(void)vp;
	(void)msr;
	*v = row->arg;
	return true;
}

static bool zero_write(struct vp *vp, const struct msr_row *row, u32 msr, u64 v)
{
	(void)vp;
	(void)row;
	(void)msr;
	return v == 0;
}

static bool dropped_write(struct vp *vp, const struct msr_row *row, u32 msr, u64 v)
{
	(void)vp;
	(void)row;
	(void)msr;
	(void)v;
	return true;
}

static bool microcode_read(struct vp *vp, const struct msr_row *row, u32 msr, u64 *v)
{
	(void)row;
	(void)msr;
	*v = vp->partition->microcode;
	return true;
}

static bool misc_enable_read(struct vp *vp, const struct msr_row *row, u32 msr, u64 *v)
{
	(void)vp;
	(void)row;
	if (!msr_read_safe(msr, v))
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

static bool tlfs_read(struct vp *vp, const struct msr_row *row, u32 msr, u64 *v)
{
	(void)row;
	return synthetic_read(vp, msr, v);
}

static bool tlfs_write(struct vp *vp, const struct msr_row *row, u32 msr, u64 v)
{
	(void)row;
	return synthetic_write(vp, msr, v, vp);
}

static bool stimer_read(struct vp *vp, const struct msr_row *row, u32 msr, u64 *v)
{
	(void)row;
	return stimer_msr_read(vp, msr, v);
}

static bool stimer_write(struct vp *vp, const struct msr_row *row, u32 msr, u64 v)
{
	(void)row;
	return stimer_msr_write(vp, msr, v, vp);
}

/*
 * Waits for an interrupt, unless there is one. Whether it could be taken now does not matter: Linux waits here for a
 * kick out of a lock's queue, also in a handler whose interrupt has the kick's priority.
 */
static bool idle_read(struct vp *vp, const struct msr_row *row, u32 msr, u64 *v)
{
	(void)row;
	(void)msr;
	*v = 0;
	if (vlapic_highest_irr(&vp->vlapic) == VLAPIC_NONE) {
		vp->idle = true;
		atomic_fetch_or(&vp->stop, (u32)VP_STOP_HALT);
	}
	return true;
}

/* What the partition's parent has to do: policy_msr_tells_parent(). */
static bool told_write(struct vp *vp, const struct msr_row *row, u32 msr, u64 v)
{
	(void)vp;
	(void)row;
	return !(v & (msr == HV_MSR_RESET ? HV_RESET_PARTITION : HV_CRASH_NOTIFY));
}

static bool sint_read(struct vp *vp, const struct msr_row *row, u32 msr, u64 *v)
{
	(void)row;
	return synic_msr_read(vp, msr, v);
}

static bool sint_write(struct vp *vp, const struct msr_row *row, u32 msr, u64 v)
{
	(void)row;
	return synic_msr_write(vp, msr, v, vp);
}

/* Kept by us, because the processor's is exchanged with the VP. */
static bool tsc_aux_read(struct vp *vp, const struct msr_row *row, u32 msr, u64 *v)
{
	(void)row;
	(void)msr;
	*v = vp->tsc_aux;
	return true;
}

static bool tsc_aux_write(struct vp *vp, const struct msr_row *row, u32 msr, u64 v)
{
	(void)row;
	(void)msr;
	if (v >> 32)
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
/* A register that the root and children see differently has two rows in a row. */
static const struct msr_row rows[] = {
	{ ONE(MSR_TSC), ALL, ANY, 0, 0, tsc_read, NULL, "read freely; reference time stands on it, so no writes" },
	{ ONE(MSR_PLATFORM_ID), CHILD, INTEL, 0, 0, constant_read, NULL, "looked up with the microcode revision" },
	{ ONE(MSR_APIC_BASE), ALL, APIC, 0, 0, apic_read, apic_write, "of the virtual APIC" },
	{ ONE(MSR_FEATURE_CONTROL), ALL, INTEL, 0, FEATURE_CONTROL_LOCKED, constant_read, NULL, "locked without VMX" },
	{ ONE(MSR_SPEC_CTRL), ROOT, ANY, PASS, 0, live_read, live_write, "the guest's own defence; the hypervisor leaves it" },
	{ ONE(MSR_PRED_CMD), ROOT, ANY, PASS_WRITE, 0, NULL, live_write, "a barrier harms nobody" },
	{ ONE(MSR_BIOS_SIGN_ID), ROOT, ANY, 0, 0, live_read, zero_write, "microcode revision, as probed by writing 0 first" },
	{ ONE(MSR_BIOS_SIGN_ID), CHILD, ANY, 0, 0, microcode_read, zero_write, "of the processor that the child was made on" },
	{ ONE(MSR_MTRR_CAP), ROOT, ANY, 0, 0, live_read, NULL, "memory types are the hypervisor's, to be read" },
	{ ONE(MSR_MTRR_CAP), CHILD, ANY, 0, MTRR_CAP_CHILD, constant_read, NULL, "fixed ranges alone say enough" },
	{ ONE(MSR_SYSENTER_CS), ALL, ANY, PASS, REG(SYSENTER_CS), register_read, register_write, "in the control block" },
	{ ONE(MSR_SYSENTER_ESP), ALL, ANY, PASS, REG(SYSENTER_ESP), register_read, address_write, "in the control block" },
	{ ONE(MSR_SYSENTER_EIP), ALL, ANY, PASS, REG(SYSENTER_EIP), register_read, address_write, "in the control block" },
	{ ONE(MSR_MCG_CAP), ALL, ANY, 0, 0, constant_read, NULL, "no banks: machine checks are the hypervisor's" },
	{ ONE(MSR_MCG_STATUS), ALL, ANY, 0, 0, constant_read, zero_write, "no machine check ever happened" },
	{ ONE(MSR_MISC_ENABLE), ROOT, INTEL, 0, 0, misc_enable_read, same_write, "as firmware set it, without MONITOR" },
	{ ONE(MSR_MISC_ENABLE), CHILD, INTEL, 0, MISC_ENABLE_CHILD, constant_read, same_write, "what kernels look for there" },
	{ ONE(MSR_DEBUGCTL), CHILD, ANY, 0, 0, constant_read, zero_write, "no branch records, no stepping by branches" },
	{ MSR_MTRR_PHYS_BASE(0), MTRR_PHYS_LAST, ROOT, ANY, 0, 0, live_read, NULL, "second-level tables are made from them" },
	{ ONE(MSR_MTRR_FIX64K_00000), ROOT, ANY, 0, 0, live_read, NULL, "second-level tables are made from them" },
	{ ONE(MSR_MTRR_FIX64K_00000), CHILD, ANY, 0, MTRR_ALL_WB, constant_read, dropped_write, "second-level tables decide" },
	{ MSR_MTRR_FIX16K_80000, MSR_MTRR_FIX16K_A0000, ROOT, ANY, 0, 0, live_read, NULL, "second-level tables are made from them" },
	{ MSR_MTRR_FIX16K_80000, MSR_MTRR_FIX16K_A0000, CHILD, ANY, 0, MTRR_ALL_WB, constant_read, dropped_write, "second-level tables decide" },
	{ MSR_MTRR_FIX4K_C0000, MTRR_FIX4K_F8000, ROOT, ANY, 0, 0, live_read, NULL, "second-level tables are made from them" },
	{ MSR_MTRR_FIX4K_C0000, MTRR_FIX4K_F8000, CHILD, ANY, 0, MTRR_ALL_WB, constant_read, dropped_write, "second-level tables decide" },
	{ ONE(MSR_PAT), ALL, ANY, 0, REG(PAT), register_read, pat_write, "the guest's, if its types exist" },
	{ ONE(MSR_MTRR_DEF_TYPE), ROOT, ANY, 0, 0, live_read, NULL, "second-level tables are made from it" },
	{ ONE(MSR_MTRR_DEF_TYPE), CHILD, ANY, 0, MTRR_TYPE_CHILD, constant_read, dropped_write, "kernels switch MTRRs off and on again at start" },
	{ ONE(MSR_TSC_DEADLINE), ALL, APIC, 0, 0, apic_read, apic_write, "timer of the virtual APIC, where CPUID shows it" },
	{ ONE(MSR_EFER), ALL, ANY, 0, REG(EFER), register_read, efer_write, "only bits that CPUID shows" },
	{ ONE(MSR_STAR), ALL, ANY, PASS, REG(STAR), register_read, register_write, "the hypervisor uses no SYSCALL" },
	{ ONE(MSR_LSTAR), ALL, ANY, PASS, REG(LSTAR), register_read, address_write, "the hypervisor uses no SYSCALL" },
	{ ONE(MSR_CSTAR), ALL, ANY, PASS, REG(CSTAR), register_read, address_write, "the hypervisor uses no SYSCALL" },
	{ ONE(MSR_SFMASK), ALL, ANY, PASS, REG(SFMASK), register_read, register_write, "the hypervisor uses no SYSCALL" },
	{ ONE(MSR_FS_BASE), ALL, ANY, PASS, REG(FS), base_read, base_write, "in the control block" },
	{ ONE(MSR_GS_BASE), ALL, ANY, PASS, REG(GS), base_read, base_write, "in the control block" },
	{ ONE(MSR_KERNEL_GS_BASE), ALL, ANY, PASS, REG(KERNEL_GS_BASE), register_read, address_write, "switched with the VP" },
	{ ONE(MSR_TSC_AUX), ALL, TSC_AUX, 0, 0, tsc_aux_read, tsc_aux_write, "switched with the VP" },
	{ ONE(MSR_AMD_SYSCFG), CHILD, AMD, 0, 0, constant_read, zero_write, "read without a guard; no second top of memory" },
	{ ONE(MSR_AMD_HWCR), CHILD, AMD, 0, HWCR_TSC_FIXED, constant_read, dropped_write, "read without a guard, for the TSC's rate" },
	{ ONE(MSR_AMD_NB_CFG), CHILD, AMD, 0, 0, constant_read, dropped_write, "written without a guard, for PCI configuration by port" },
	{ ONE(MSR_AMD_INT_PENDING), CHILD, AMD, 0, 0, constant_read, zero_write, "read without a guard; the APIC's timer never stops" },
};

static const struct msr_row synthetic[] = {
	{ ONE(HV_MSR_GUEST_OS_ID), ALL, ANY, 0, HV_ACCESS_HYPERCALL_MSRS, tlfs_read, tlfs_write, "who the guest is" },
	{ ONE(HV_MSR_HYPERCALL), ALL, ANY, 0, HV_ACCESS_HYPERCALL_MSRS, tlfs_read, tlfs_write, "where the hypercall page lies" },
	{ ONE(HV_MSR_VP_INDEX), ALL, ANY, 0, HV_ACCESS_VP_INDEX, tlfs_read, NULL, "a constant" },
	{ ONE(HV_MSR_RESET), CHILD, PARENT, 0, HV_ACCESS_RESET, tlfs_read, told_write, "its parent does it" },
	{ ONE(HV_MSR_VP_RUNTIME), ALL, ANY, 0, HV_ACCESS_VP_RUNTIME, tlfs_read, NULL, "a counter" },
	{ ONE(HV_MSR_TIME_REF_COUNT), ALL, ANY, 0, HV_ACCESS_REFERENCE_COUNT, tlfs_read, NULL, "a clock" },
	{ ONE(HV_MSR_REFERENCE_TSC), ALL, ANY, 0, HV_ACCESS_REFERENCE_TSC, tlfs_read, tlfs_write, "where the page lies that has the clock" },
	{ ONE(HV_MSR_TSC_FREQUENCY), ALL, ANY, 0, HV_ACCESS_FREQUENCY_MSRS, tlfs_read, NULL, "measured at boot" },
	{ ONE(HV_MSR_APIC_FREQUENCY), ALL, ANY, 0, HV_ACCESS_FREQUENCY_MSRS, tlfs_read, NULL, "of the virtual APIC's timer" },
	{ ONE(HV_MSR_VP_ASSIST_PAGE), ALL, ANY, 0, 0, tlfs_read, tlfs_write, "guests write it unasked; the page stays zero" },
	{ HV_MSR_SCONTROL, HV_MSR_EOM, ALL, ANY, 0, HV_ACCESS_SYNIC, sint_read, sint_write, "the SynIC" },
	{ HV_MSR_SINT(0), HV_MSR_SINT(15), ALL, ANY, 0, HV_ACCESS_SYNIC, sint_read, sint_write, "its interrupt sources" },
	{ HV_MSR_STIMER_CONFIG(0), HV_MSR_STIMER_LAST, ALL, ANY, 0, HV_ACCESS_SYNTHETIC_TIMER, stimer_read, stimer_write, "the VP's timers" },
	{ ONE(HV_MSR_GUEST_IDLE), ALL, ANY, 0, HV_ACCESS_GUEST_IDLE, idle_read, NULL, "a HLT that needs no interrupt flag" },
	{ HV_MSR_CRASH_P(0), HV_MSR_CRASH_P(4), CHILD, PARENT, 0, 0, tlfs_read, tlfs_write, "what the guest tells of its crash" },
	{ ONE(HV_MSR_CRASH_CTL), CHILD, PARENT, 0, 0, tlfs_read, told_write, "its parent hears of the crash" },
};

/* Nearly all accesses are to these and the next, so they stand apart, found by their number. */
static const struct msr_row synthetic_apic[] = {
	{ ONE(HV_MSR_EOI), ALL, APIC, 0, HV_ACCESS_APIC_MSRS, NULL, apic_write, "a short way to the virtual APIC" },
	{ ONE(HV_MSR_ICR), ALL, APIC, 0, HV_ACCESS_APIC_MSRS, apic_read, apic_write, "a short way to the virtual APIC" },
	{ ONE(HV_MSR_TPR), ALL, APIC, 0, HV_ACCESS_APIC_MSRS, apic_read, apic_write, "a short way to the virtual APIC" },
};

static const struct msr_row x2apic =
	{ X2APIC_FIRST, X2APIC_LAST, ALL, APIC, 0, 0, apic_read, apic_write, "the virtual APIC's registers" };
/* clang-format on */

static bool is_synthetic(u32 msr)
{
	return msr >= HV_MSR_FIRST && msr <= HV_MSR_LAST;
}

void policy_msr_init(struct partition *p)
{
	bool intel = policy_cpuid_of(p, 0).ebx == CPUID_INTEL_EBX;
	bool aux = policy_cpuid_of(p, 0x80000001u).edx & BIT(27) ||
		   policy_cpuid_of(p, 7).ecx & BIT(22);
	/* The root's is virtual, too, whatever the processor's is. */
	bool apic = partition_is_root(p) || policy_cpuid_of(p, 1).edx & BIT(9);

	p->msr_groups = (u8)((intel ? INTEL : AMD) | (apic ? APIC : 0) | (aux ? TSC_AUX : 0) |
			     (partition_is_root(p) ? 0 : PARENT));
}

static const struct msr_row *table_find(const struct msr_row *table, size_t count, u32 msr)
{
	size_t low = 0, high = count;

	while (low < high) {
		size_t middle = (low + high) / 2;
		const struct msr_row *row = &table[middle];

		if (msr > row->last)
			low = middle + 1;
		else if (msr < row->first)
			high = middle;
		else
			return row;
	}
	return NULL;
}

static const struct msr_row *synthetic_find(const struct partition *p, u32 msr)
{
	const struct msr_row *row;

	if (likely(msr - HV_MSR_EOI < ARRAY_SIZE(synthetic_apic)))
		row = &synthetic_apic[msr - HV_MSR_EOI];
	else
		row = table_find(synthetic, ARRAY_SIZE(synthetic), msr);
	return row && row->arg & ~p->privileges ? NULL : row;
}

static const struct msr_row *plain_find(const struct partition *p, u32 msr)
{
	u8 who = partition_is_root(p) ? ROOT : CHILD;
	const struct msr_row *row;

	if (msr >= X2APIC_FIRST && msr <= X2APIC_LAST)
		return &x2apic;
	row = table_find(rows, ARRAY_SIZE(rows), msr);
	if (!row || likely(row->who & who))
		return row;
	/* The other one's: its own, if there is one, stands beside it. */
	if (row > rows && row[-1].last >= msr)
		return &row[-1];
	if (row + 1 < rows + ARRAY_SIZE(rows) && row[1].first <= msr)
		return &row[1];
	return NULL;
}

static const struct msr_row *row_find(const struct vp *vp, u32 msr)
{
	const struct partition *p = vp->partition;
	const struct msr_row *row = is_synthetic(msr) ? synthetic_find(p, msr) : plain_find(p, msr);

	return row && !(row->need & ~p->msr_groups) ? row : NULL;
}

bool policy_msr_tells_parent(const struct vp *vp, u32 msr)
{
	const struct msr_row *row = row_find(vp, msr);

	return row && row->write == told_write;
}

/* Of registers that nobody knows; what has a privilege is known. */
static bool is_ignored(const struct vp *vp, const struct msr_row *row, u32 msr)
{
	return vp->partition->ignore_msrs && !row && !is_synthetic(msr);
}

bool policy_msr_read(struct vp *vp, u32 msr, u64 *v)
{
	const struct msr_row *row = row_find(vp, msr);

	if (likely(row && row->read && row->read(vp, row, msr, v)))
		return true;
	if (is_ignored(vp, row, msr)) {
		*v = 0;
		return true;
	}
	if (!(vp->partition->intercepts.msr & HV_INTERCEPT_READ))
		log_limited(LOG_WARN, "msr: p%u.v%u: refused read msr=0x%x rip=0x%lx",
			(u32)vp->partition->id, vp->index, msr, vp->regs.rip);
	return false;
}

bool policy_msr_write(struct vp *vp, u32 msr, u64 v)
{
	const struct msr_row *row = row_find(vp, msr);

	if (likely(row && row->write && row->write(vp, row, msr, v)))
		return true;
	if (is_ignored(vp, row, msr))
		return true;
	if (!(vp->partition->intercepts.msr & HV_INTERCEPT_WRITE) &&
		!policy_msr_tells_parent(vp, msr))
		log_limited(LOG_WARN, "msr: p%u.v%u: refused write msr=0x%x value=0x%lx rip=0x%lx",
			(u32)vp->partition->id, vp->index, msr, v, vp->regs.rip);
	return false;
}

/* Does not ask for @need: all children share what this makes. */
void policy_msr_pass_through(const struct partition *p,
	void (*pass)(void *ctx, u32 msr, bool read, bool write), void *ctx)
{
	u8 who = partition_is_root(p) ? ROOT : CHILD;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		for (u32 msr = rows[i].first;
			rows[i].who & who && rows[i].pass && msr <= rows[i].last; msr++)
			pass(ctx, msr, rows[i].pass & PASS_READ, rows[i].pass & PASS_WRITE);
}

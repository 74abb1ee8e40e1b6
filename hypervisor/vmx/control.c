/* SPDX-License-Identifier: MIT */
/*
 * The guest's CR0, CR3, CR4 and EFER, which depend on each other: what VT-x
 * forces is hidden by masks and read shadows, EFER.LMA and the entry control
 * for long mode follow CR0.PG, PAE paging gets its four PDPTEs. A value that
 * no processor would take is refused. What the policy forbids, and values that
 * contradict each other, are the caller's to refuse to a running guest; those
 * of a VP at rest may be set in any order and mean the same in the end, and an
 * entry with what still contradicts fails. SDM volume 3, 2.5, 24.8, 27.3.
 */
#include "hypervisor/cpu.h"
#include "hypervisor/guest.h"
#include "hypervisor/policy.h"
#include "hypervisor/vmx/vmx.h"
#include "x86/cr.h"
#include "x86/msr.h"

/*
 * Never set while the guest runs: the cache is not one VP's to switch off,
 * and neither entries nor exits would undo it.
 */
#define CR0_WITHHELD (CR0_CD | CR0_NW)
#define CR0_DEFINED                                                                                \
	(CR0_PE | CR0_MP | CR0_EM | CR0_TS | CR0_ET | CR0_NE | CR0_WP | CR0_AM | CR0_NW | CR0_CD | \
		CR0_PG)
#define CR0_RESET     (CR0_CD | CR0_NW | CR0_ET)
#define EFER_SETTABLE (EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE)
#define CR3_NO_FLUSH  BIT(63)

#define PDPTES        4u
#define PDPTE_P       BIT(0)
#define PDPTE_LOW_MBZ 0x1e6ull

/* An unrestricted guest is free in PE and PG. */
static u64 cr0_forced(void)
{
	return vmx_caps.cr0_fixed0 & ~(CR0_PE | CR0_PG);
}

/* A machine check is ours, and with CR4.MCE clear it would be a shutdown. */
static u64 cr4_forced(void)
{
	return vmx_caps.cr4_fixed0 | (CR4_MCE & vmx_caps.cr4_fixed1);
}

static u64 cr0_mask(void)
{
	return cr0_forced() | CR0_WITHHELD;
}

u64 vmx_cr0(void)
{
	u64 mask = cr0_mask();

	return (vmcs_read(VMCS_GUEST_CR0) & ~mask) | (vmcs_read(VMCS_CR0_SHADOW) & mask);
}

u64 vmx_cr4(struct vp *vp)
{
	u64 forced = cr4_forced();

	return (vmcs_read(VMCS_GUEST_CR4) & ~forced) | (vmx_of(vp)->cr4_shadow & forced);
}

/* CR0.PG or EFER.LME changed: EFER.LMA is their conjunction. */
static void long_mode_update(u64 cr0, u64 efer)
{
	bool lma = (efer & EFER_LME) && (cr0 & CR0_PG);
	u64 entry = vmcs_read(VMCS_ENTRY_CONTROLS) & ~(u64)ENTRY_CTL_LONG_MODE;

	vmcs_write(VMCS_GUEST_EFER, (efer & ~EFER_LMA) | (lma ? EFER_LMA : 0));
	vmcs_write(VMCS_ENTRY_CONTROLS, entry | (lma ? ENTRY_CTL_LONG_MODE : 0));
}

static bool pdpte_valid(u64 pdpte)
{
	return !(pdpte & PDPTE_LOW_MBZ) && !(pdpte >> this_cpu()->features.phys_bits);
}

/*
 * Loads the PDPTEs if PAE paging is on now. One that cannot be read, or that
 * the processor would refuse, is made not present.
 */
static void pdptes_update(struct vp *vp)
{
	u64 pdpte[PDPTES] = { 0 };
	gpa_t at = GPA(vmcs_read(VMCS_GUEST_CR3) & 0xffffffe0);

	if (!(vmcs_read(VMCS_GUEST_CR0) & CR0_PG) || !(vmcs_read(VMCS_GUEST_CR4) & CR4_PAE) ||
		(vmcs_read(VMCS_GUEST_EFER) & EFER_LMA))
		return;
	if (!guest_read(vp, at, pdpte, sizeof(pdpte)))
		pdpte[0] = pdpte[1] = pdpte[2] = pdpte[3] = 0;
	for (u32 i = 0; i < PDPTES; i++) {
		bool usable = (pdpte[i] & PDPTE_P) && pdpte_valid(pdpte[i]);

		vmcs_write((u32)VMCS_GUEST_PDPTE(i), usable ? pdpte[i] : 0);
	}
}

/* What every change here ends with. */
static enum hv_status paging_changed(struct vp *vp)
{
	pdptes_update(vp);
	vmx_of(vp)->pending |= VMX_FLUSH_VPID;
	return HV_STATUS_SUCCESS;
}

static bool cr0_possible(u64 v)
{
	return !(v >> 32) && !((v & CR0_NW) && !(v & CR0_CD)) && !((v & CR0_PG) && !(v & CR0_PE));
}

enum hv_status vmx_cr0_set(struct vp *vp, u64 v)
{
	if (!cr0_possible(v))
		return HV_STATUS_INVALID_REGISTER_VALUE;
	v = (v & CR0_DEFINED) | CR0_ET;
	vmcs_write(VMCS_CR0_SHADOW, v);
	vmcs_write(VMCS_GUEST_CR0, (v & ~CR0_WITHHELD) | cr0_forced());
	long_mode_update(v, vmcs_read(VMCS_GUEST_EFER));
	return paging_changed(vp);
}

enum hv_status vmx_cr3_set(struct vp *vp, u64 v)
{
	v &= ~CR3_NO_FLUSH;
	if (v >> this_cpu()->features.phys_bits)
		return HV_STATUS_INVALID_REGISTER_VALUE;
	vmcs_write(VMCS_GUEST_CR3, v);
	return paging_changed(vp);
}

enum hv_status vmx_cr4_set(struct vp *vp, u64 v)
{
	if (v & ~vmx_caps.cr4_fixed1)
		return HV_STATUS_INVALID_REGISTER_VALUE;
	vmx_of(vp)->cr4_shadow = v;
	vmcs_write(VMCS_CR4_SHADOW, v);
	vmcs_write(VMCS_GUEST_CR4, v | cr4_forced());
	return paging_changed(vp);
}

enum hv_status vmx_efer_set(struct vp *vp, u64 v)
{
	if (v & ~EFER_SETTABLE)
		return HV_STATUS_INVALID_REGISTER_VALUE;
	long_mode_update(vmcs_read(VMCS_GUEST_CR0), v);
	return paging_changed(vp);
}

/* Bits of CR4 that the policy lets the guest have are the guest's own. */
static u64 cr4_mask(const struct vp *vp)
{
	u64 owned = 0;

	for (u32 bit = 0; bit < 32; bit++)
		if (policy_cr4_valid(vp, BIT(bit)))
			owned |= BIT(bit);
	return ~(owned & vmx_caps.cr4_fixed1) | cr4_forced();
}

void vmx_masks_setup(struct vp *vp)
{
	vmcs_write(VMCS_CR0_MASK, cr0_mask());
	vmcs_write(VMCS_CR0_SHADOW, CR0_RESET);
	vmcs_write(VMCS_GUEST_CR0, (CR0_RESET & ~CR0_WITHHELD) | cr0_forced());
	vmx_of(vp)->cr4_shadow = 0;
	vmcs_write(VMCS_CR4_SHADOW, 0);
	vmcs_write(VMCS_GUEST_CR4, cr4_forced());
	vmcs_write(VMCS_CR4_MASK, cr4_mask(vp));
}

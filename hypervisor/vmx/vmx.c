/* SPDX-License-Identifier: MIT */
/*
 * The VT-x back end: its table of operations, and turning VMX operation on
 * and off for the calling processor. The other files of this folder each own
 * one concern; vmx.h lists them. Intel SDM volume 3, 24.6 to 24.8 and 32.5.
 */
#include "hypervisor/vmx/vmx.h"

#include "hypervisor/cpu.h"
#include "hypervisor/log.h"
#include "hypervisor/pool.h"
#include "hypervisor/slat.h"
#include "lib/string.h"
#include "x86/cpu.h"
#include "x86/cr.h"
#include "x86/msr.h"

#define CPUID_1_ECX_VMX BIT(5)

struct vmx_caps vmx_caps;
struct vmx_controls vmx_controls;
static bool caps_known;

/* Capability MSRs that the processor does not have are not read. */
static void caps_read(struct vmx_caps *c)
{
	bool true_form;

	*c = (struct vmx_caps){ .vmx = cpuid(1, 0).ecx & CPUID_1_ECX_VMX };
	if (!c->vmx)
		return;
	c->feature_control = msr_read(MSR_FEATURE_CONTROL);
	c->basic = msr_read(MSR_VMX_BASIC);
	c->misc = msr_read(MSR_VMX_MISC);
	true_form = c->basic & VMX_BASIC_TRUE;
	c->pin = msr_read(true_form ? MSR_VMX_TRUE_PIN_CTLS : MSR_VMX_PIN_CTLS);
	c->proc = msr_read(true_form ? MSR_VMX_TRUE_PROC_CTLS : MSR_VMX_PROC_CTLS);
	c->exit = msr_read(true_form ? MSR_VMX_TRUE_EXIT_CTLS : MSR_VMX_EXIT_CTLS);
	c->entry = msr_read(true_form ? MSR_VMX_TRUE_ENTRY_CTLS : MSR_VMX_ENTRY_CTLS);
	c->cr0_fixed0 = msr_read(MSR_VMX_CR0_FIXED0);
	c->cr4_fixed0 = msr_read(MSR_VMX_CR4_FIXED0);
	c->cr4_fixed1 = msr_read(MSR_VMX_CR4_FIXED1);
	if ((c->proc >> 32) & PROC_SECONDARY)
		c->proc2 = msr_read(MSR_VMX_PROC_CTLS2);
	if ((c->proc2 >> 32) & (PROC2_EPT | PROC2_VPID))
		c->ept_vpid = msr_read(MSR_VMX_EPT_VPID_CAP);
}

static const char *unsupported(void)
{
	struct vmx_caps caps;

	caps_read(&caps);
	return vmx_caps_unsupported(&caps);
}

/*
 * The first processor's capabilities are everybody's, because a VP may run on
 * any. What lies before basic is not about VMX operation itself.
 */
static bool caps_agree(const struct vmx_caps *caps)
{
	const size_t start = offsetof(struct vmx_caps, basic);

	if (!caps_known) {
		vmx_caps = *caps;
		vmx_caps_controls(&vmx_caps, &vmx_controls);
		caps_known = true;
		return true;
	}
	return memcmp(&caps->basic, &vmx_caps.basic, sizeof(*caps) - start) == 0;
}

static void feature_control_lock(u64 v)
{
	if (!(v & FEATURE_CONTROL_LOCKED))
		msr_write(MSR_FEATURE_CONTROL, v | FEATURE_CONTROL_LOCKED | FEATURE_CONTROL_VMX);
}

/* Nothing that ran before us may have left translations behind. */
static enum hv_status caches_drop(void)
{
	bool ok = true;

	if (vmx_caps.ept_vpid & EPT_CAP_INVEPT_ALL)
		ok = vmx_inv_ept(VMX_INV_ALL, 0);
	if ((vmx_controls.proc2 & PROC2_VPID) && (vmx_caps.ept_vpid & VPID_CAP_ALL))
		ok = vmx_inv_vpid(VMX_INV_ALL, 0) && ok;
	return ok ? HV_STATUS_SUCCESS : HV_STATUS_OPERATION_FAILED;
}

static enum hv_status cpu_start(struct cpu *cpu)
{
	struct vmx_caps caps;

	caps_read(&caps);
	if (vmx_caps_unsupported(&caps) || !caps_agree(&caps)) {
		log_error("vmx: processor %u differs from the first", cpu->index);
		return HV_STATUS_FEATURE_UNAVAILABLE;
	}
	if (!(caps.ept_vpid & EPT_CAP_1G))
		vmx_slat_format.page1g = false;
	feature_control_lock(caps.feature_control);
	cr0_write(cr0_read() | caps.cr0_fixed0);
	cr4_write(cr4_read() | caps.cr4_fixed0);
	*(u32 *)cpu->virt_page = VMX_BASIC_REVISION(caps.basic);
	cpu->virt_host = NULL;
	if (!vmx_on(virt_to_spa(cpu->virt_page).a)) {
		cr4_write(cr4_read() & ~CR4_VMXE);
		log_error("vmx: VMXON failed on processor %u", cpu->index);
		return HV_STATUS_OPERATION_FAILED;
	}
	return caches_drop();
}

/* CR4.VMXE is set exactly while VMX operation is on. */
static void cpu_stop(void)
{
	if (!(cr4_read() & CR4_VMXE))
		return;
	if (vmx_off())
		cr4_write(cr4_read() & ~CR4_VMXE);
}

static const u8 hypercall_text[] = { 0x0f, 0x01, 0xc1, 0xc3 }; /* VMCALL; RET */

const struct virt_ops vmx_ops = {
	.name = "vmx",
	.hypercall_text = hypercall_text,
	.hypercall_text_size = sizeof(hypercall_text),
	.unsupported = unsupported,
	.slat = &vmx_slat_format,
	.cpu_start = cpu_start,
	.cpu_stop = cpu_stop,
	.bitmaps_create = vmx_bitmaps_create,
	.vp_create = vmx_vp_create,
	.vp_delete = vmx_vp_delete,
	.run = vmx_run,
	.load = vmx_load,
	.save = vmx_save,
	.tsc_offset = vmx_tsc_offset,
	.get = vmx_get,
	.set = vmx_set,
	.mode = vmx_mode,
	.mode_is = vmx_mode_is,
	.in_kernel64 = vmx_in_kernel64,
	.cr4 = vmx_cr4,
	.intercept_header = vmx_intercept_header,
	.register_page = vmx_register_page,
	.tpr = vmx_tpr,
	.tpr_set = vmx_tpr_set,
	.can_interrupt = vmx_can_interrupt,
	.can_nmi = vmx_can_nmi,
	.interrupt_window = vmx_interrupt_window,
	.nmi_window = vmx_nmi_window,
	.flush = vmx_flush,
	.flush_guest = vmx_flush_guest,
	.advance = vmx_advance,
	.dump = vmx_dump,
};

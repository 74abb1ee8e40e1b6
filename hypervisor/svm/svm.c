/* SPDX-License-Identifier: MIT */
/*
 * The AMD-V back end: its operations, and switching the extension on and off
 * on the calling processor. Everything else is in the files beside it; the
 * only symbol for the rest of the hypervisor is svm_ops.
 * AMD APM volume 2, 15.4 and 15.30.
 */
#include "hypervisor/svm/svm.h"

#include "hypervisor/cpu.h"
#include "hypervisor/pool.h"
#include "hypervisor/slat.h"
#include "hypervisor/svm/caps.h"
#include "x86/cpu.h"
#include "x86/msr.h"
#include "x86/svm.h"

/* VMMCALL; RET */
static const u8 hypercall_text[] = { 0x0f, 0x01, 0xd9, 0xc3 };

static const char *unsupported(void)
{
	struct svm_caps caps;

	svm_caps_read(&caps);
	return svm_caps_unsupported(&caps);
}

static enum hv_status cpu_start(struct cpu *cpu)
{
	struct svm_cpu *c = pool_alloc(2);

	if (!c)
		return HV_STATUS_INSUFFICIENT_MEMORY;
	c->host_spa = virt_to_spa(&c->host).a;
	c->asid_count = cpuid(CPUID_SVM_LEAF, 0).ebx;
	/* The first VP finds no ASID left, and so flushes what is older. */
	c->asid_next = c->asid_count;
	c->generation = 1;
	c->delivers_twice = svm_caps_delivers_twice();
	msr_write(MSR_EFER, msr_read(MSR_EFER) | EFER_SVME);
	msr_write(MSR_AMD_VM_HSAVE_PA, virt_to_spa(cpu->virt_page).a);
	svm_vmsave(c->host_spa);
	cpu->virt_host = c;
	svm_slat_format.page1g = cpu->features.page1g;
	return HV_STATUS_SUCCESS;
}

/* The pages stay: the dying free nothing. */
static void cpu_stop(void)
{
	u64 efer = msr_read(MSR_EFER);

	if (!(efer & EFER_SVME))
		return;
	svm_stgi();
	msr_write(MSR_EFER, efer & ~EFER_SVME);
}

const struct virt_ops svm_ops = {
	.name = "svm",
	.hypercall_text = hypercall_text,
	.hypercall_text_size = sizeof(hypercall_text),
	.unsupported = unsupported,
	.slat = &svm_slat_format,
	.cpu_start = cpu_start,
	.cpu_stop = cpu_stop,
	.bitmaps_create = svm_bitmaps_create,
	.vp_create = svm_vp_create,
	.vp_delete = svm_vp_delete,
	.run = svm_run,
	.load = svm_load,
	.save = svm_save,
	.tsc_offset = svm_tsc_offset,
	.get = svm_get,
	.set = svm_set,
	.mode = svm_mode,
	.mode_is = svm_mode_is,
	.in_kernel64 = svm_in_kernel64,
	.cr4 = svm_cr4,
	.intercept_header = svm_intercept_header,
	.register_page = svm_register_page,
	.tpr = svm_tpr,
	.tpr_set = svm_tpr_set,
	.can_interrupt = svm_can_interrupt,
	.can_nmi = svm_can_nmi,
	.interrupt_window = svm_interrupt_window,
	.nmi_window = svm_nmi_window,
	.flush = svm_flush,
	.flush_guest = svm_flush, /* another ASID has neither */
	.advance = svm_advance,
	.dump = svm_vmcb_dump,
	.catch_up = svm_catch_up,
};

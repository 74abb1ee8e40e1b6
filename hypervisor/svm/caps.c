/* SPDX-License-Identifier: MIT */
/*
 * The checks before AMD-V is switched on: present, allowed by the firmware,
 * nested paging. Next-RIP, decode assists, flush by ASID and clean bits are
 * not asked for: what they tell is found out by other means.
 * Called on each processor as it starts. AMD APM volume 2, 15.4.
 */
#include "hypervisor/svm/caps.h"

#include "hypervisor/trap.h"
#include "x86/cpu.h"
#include "x86/msr.h"
#include "x86/svm.h"

#define CPUID_HYPERVISOR      BIT(31) /* leaf 1 ECX */
#define CPUID_HYPERVISOR_LEAF 0x40000000u
/* "TCGTCGTCGTCG" */
#define QEMU_EBX 0x54474354u
#define QEMU_ECX 0x43544743u
#define QEMU_EDX 0x47435447u

void svm_caps_read(struct svm_caps *caps)
{
	*caps = (struct svm_caps){ .max_extended_leaf = cpuid(0x80000000, 0).eax };
	if (caps->max_extended_leaf < 0x80000001)
		return;
	caps->extended_ecx = cpuid(0x80000001, 0).ecx;
	if (!(caps->extended_ecx & CPUID_SVM))
		return;
	/* An emulator may lack it: then nothing is switched off. */
	if (!msr_read_safe(MSR_AMD_VM_CR, &caps->vm_cr))
		caps->vm_cr = 0;
	if (caps->max_extended_leaf >= CPUID_SVM_LEAF) {
		struct cpuid_regs r = cpuid(CPUID_SVM_LEAF, 0);

		caps->asids = r.ebx;
		caps->features = r.edx;
	}
}

const char *svm_caps_unsupported(const struct svm_caps *caps)
{
	if (caps->max_extended_leaf < 0x80000001 || !(caps->extended_ecx & CPUID_SVM))
		return "this processor has no AMD-V (SVM): choose another machine, "
		       "or if it is a virtual one, give it AMD-V";
	if (caps->vm_cr & VM_CR_SVMDIS)
		return "AMD-V is switched off in firmware: enable SVM in the BIOS setup";
	if (caps->max_extended_leaf < CPUID_SVM_LEAF || !(caps->features & CPUID_SVM_NPT))
		return "this processor's AMD-V has no nested paging: choose another machine, "
		       "or if it is a virtual one, give it nested paging";
	/* ASID 0 is the host's. */
	if (caps->asids < 2)
		return "this processor's AMD-V has no address space for a guest: "
		       "choose another machine";
	return NULL;
}

bool svm_caps_delivers_twice(void)
{
	struct cpuid_regs r;

	if (!(cpuid(1, 0).ecx & CPUID_HYPERVISOR))
		return false;
	r = cpuid(CPUID_HYPERVISOR_LEAF, 0);
	return r.ebx == QEMU_EBX && r.ecx == QEMU_ECX && r.edx == QEMU_EDX;
}

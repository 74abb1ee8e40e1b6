/* SPDX-License-Identifier: MIT */
/*
 * Exchange of FPU state. Called by vp_run() on the VP's processor, interrupts
 * off, once per run and not per exit. Intel SDM volume 1, chapter 13.
 */
#include "hypervisor/fpu.h"

#include "hypervisor/cpu.h"
#include "hypervisor/vp.h"
#include "x86/cr.h"
#include "x86/xsave.h"

size_t fpu_size(const struct cpu *cpu)
{
	return cpu->features.xsave ? cpu->features.xsave_size : FXSAVE_SIZE;
}

void fpu_init(struct vp *vp)
{
	u8 *area = vp->fpu;

	/* An empty XSTATE_BV gives initial values for all but MXCSR. */
	*(u16 *)(area + FXSAVE_FCW) = FCW_DEFAULT;
	*(u32 *)(area + FXSAVE_MXCSR) = MXCSR_DEFAULT;
	vp->xcr0 = XCR0_X87;
}

/*
 * XCR0 is read back rather than trusted to vp->xcr0: one emulator lets XSETBV
 * of an SVM guest through without an exit.
 */
static void save(const struct cpu *cpu, struct vp *vp)
{
	if (!cpu->features.xsave) {
		fxsave(vp->fpu);
		return;
	}
	vp->xcr0 = xcr0_read();
	xcr0_write(cpu->features.xcr0_mask);
	xsave(vp->fpu, cpu->features.xcr0_mask);
}

/*
 * Older AMD processors load x87's error pointers only if an exception is
 * pending, and would show the next VP those of the last. AMD APM volume 2, 11.4.4.
 */
static void restore(const struct cpu *cpu, const struct vp *vp)
{
	if (unlikely(cpu->features.x87_pointers_stay))
		x87_pointers_forget();
	if (!cpu->features.xsave) {
		fxrstor(vp->fpu);
		return;
	}
	xcr0_write(cpu->features.xcr0_mask);
	xrstor(vp->fpu, cpu->features.xcr0_mask);
	xcr0_write(vp->xcr0);
}

void fpu_unload(struct cpu *cpu)
{
	if (!cpu->fpu_owner)
		return;
	save(cpu, cpu->fpu_owner);
	cpu->fpu_owner = NULL;
}

void fpu_switch(struct cpu *cpu, struct vp *vp)
{
	if (cpu->fpu_owner == vp)
		return;
	fpu_unload(cpu);
	restore(cpu, vp);
	cpu->fpu_owner = vp;
}

/* SPDX-License-Identifier: MIT */
/*
 * The run loop of a processor.
 */
#include "hypervisor/sched.h"

#include "hypervisor/cpu.h"
#include "hypervisor/vp.h"
#include "x86/atomic.h"
#include "x86/cpu.h"

static bool can_run(struct vp *vp)
{
	/* Pairs with the release that starts a VP from another processor. */
	enum vp_state state = load_acquire(&vp->state);

	return state == VP_RUNNABLE || (state == VP_HALTED && vp_wakes(vp));
}

_Noreturn void sched_loop(void)
{
	struct cpu *cpu = this_cpu();

	for (;;) {
		struct vp *vp = cpu->root_vp;

		if (vp && can_run(vp)) {
			vp_run(vp);
			continue;
		}
		/* Interrupts are off: a kick since can_run() ends the HLT at once. */
		irq_wait();
	}
}

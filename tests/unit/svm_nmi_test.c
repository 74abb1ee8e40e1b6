/* SPDX-License-Identifier: MIT */
/*
 * How AMD-V without virtual NMIs keeps them apart: the mask until IRET, the
 * step past it, windows.
 * sources: hypervisor/svm/run.c hypervisor/svm/exit.c hypervisor/svm/event.c
 * sources: hypervisor/svm/step.c hypervisor/svm/refused.c
 * cflags: -Itests/unit/fake_cr
 */
#include "tests/unit/svm_machine.h"

static void nmi_taken(struct vmcb *v)
{
	assert_int_equal(v->control.inject, 1ull << 31 | 2 << 8 | 2);
	assert_int_equal(v->control.intercept_1 & (1 << 20), 1 << 20);
	v->control.exit_code = VMEXIT_CPUID;
}

static void nmi_iret(struct vmcb *v)
{
	assert_int_equal(v->control.intercept_1 & (1 << 20), 1 << 20);
	v->control.exit_code = VMEXIT_IRET;
}

/* One instruction with TF: IRET completes and loads the guest's own flags. */
static void step_iret(struct vmcb *v)
{
	assert_int_equal(v->control.intercept_1 & (1 << 20), 0);
	assert_true(v->save.rflags & TF);
	assert_int_equal(v->control.intercept_exception & 0x7c02, 0x7c02);
	v->save.rip = 0x500000;
	v->save.rflags = 2 | IF;
	v->save.dr6 |= 1 << 14;
	v->control.exit_code = VMEXIT_EXCEPTION + 1;
}

/* The same, but IRET faults on its stack. */
static void step_iret_fault(struct vmcb *v)
{
	assert_true(v->save.rflags & TF);
	v->control.exit_code = VMEXIT_EXCEPTION + 14;
	v->control.exit_info_1 = 4;
	v->control.exit_info_2 = 0x7000;
}

static void step_intr(struct vmcb *v)
{
	assert_true(v->save.rflags & TF);
	v->control.exit_code = VMEXIT_INTR;
}

static void nmi_inject(void)
{
	vp.event = (struct event){ .valid = true, .type = EVENT_NMI, .vector = 2 };
	s.vmcb->save.dr6 = 0xffff0ff1;
	run();
	assert_false(svm_can_nmi(&vp));
}

static void test_nmi_window_after_iret(void **state)
{
	(void)state;
	script[0] = nmi_taken;
	script[1] = nmi_iret;
	script[2] = step_iret;
	nmi_inject();
	svm_nmi_window(&vp, true);
	run();
	assert_int_equal(entries, 3);
	assert_int_equal(exit_.kind, EXIT_NMI_WINDOW);
	assert_int_equal(vp.regs.rip, 0x500000);
	assert_int_equal(vp.regs.rflags, 2 | IF);
	assert_int_equal(s.vmcb->save.dr6, 0xffff0ff1);
	assert_int_equal(s.vmcb->control.intercept_exception, 1 << 18);
	assert_false(iret_intercepted());
	assert_true(svm_can_nmi(&vp));
	assert_int_equal(kicks, 0);
}

static void test_iret_without_window_is_silent(void **state)
{
	(void)state;
	script[0] = nmi_taken;
	script[1] = nmi_iret;
	script[2] = step_iret;
	script[3] = exit_cpuid;
	nmi_inject();
	run();
	assert_int_equal(entries, 4);
	assert_int_equal(exit_.kind, EXIT_CPUID);
	assert_int_equal(s.flags, 0);
}

static void test_iret_fault_keeps_the_mask(void **state)
{
	(void)state;
	script[0] = nmi_taken;
	script[1] = nmi_iret;
	script[2] = step_iret_fault;
	script[3] = nmi_iret;
	script[4] = step_intr;
	script[5] = nmi_iret;
	script[6] = step_iret;
	script[7] = exit_cpuid;
	nmi_inject();
	run();
	assert_int_equal(exit_.kind, EXIT_EXCEPTION);
	assert_int_equal(exit_.exception.vector, 14);
	assert_int_equal(exit_.exception.error, 4);
	assert_true(exit_.exception.has_error);
	assert_int_equal(exit_.exception.address, 0x7000);
	assert_int_equal(vp.regs.rflags & TF, 0);
	assert_int_equal(s.vmcb->save.dr6, 0xffff0ff1);
	assert_true(iret_intercepted());
	assert_false(svm_can_nmi(&vp));
	run();
	assert_int_equal(exit_.kind, EXIT_INTERRUPT);
	assert_int_equal(vp.regs.rflags & TF, 0);
	assert_true(iret_intercepted());
	run();
	assert_int_equal(exit_.kind, EXIT_CPUID);
	assert_true(svm_can_nmi(&vp));
}

/* A guest that steps its own handler gets its trap, too. */
static void test_guest_steps_iret(void **state)
{
	(void)state;
	script[0] = nmi_taken;
	script[1] = nmi_iret;
	script[2] = step_iret;
	nmi_inject();
	vp.regs.rflags |= TF;
	run();
	assert_int_equal(exit_.kind, EXIT_EXCEPTION);
	assert_int_equal(exit_.exception.vector, 1);
	assert_int_equal(s.vmcb->save.dr6, 0xffff4ff1);
	assert_true(svm_can_nmi(&vp));
}

static void step_iret_no_reason(struct vmcb *v)
{
	step_iret(v);
	v->save.dr6 = 0xffff0ff0;
}

static void test_guest_steps_iret_without_reason(void **state)
{
	(void)state;
	script[0] = nmi_taken;
	script[1] = nmi_iret;
	script[2] = step_iret_no_reason;
	nmi_inject();
	vp.regs.rflags |= TF;
	run();
	assert_int_equal(exit_.kind, EXIT_EXCEPTION);
	assert_int_equal(s.vmcb->save.dr6, 0xffff4ff1);
}

static void step_shadow(struct vmcb *v)
{
	assert_true(v->save.rflags & TF);
	v->save.rip += 3;
	v->save.dr6 |= 1 << 14;
	v->control.interrupt_state = 0;
	v->control.exit_code = VMEXIT_EXCEPTION + 1;
}

static void test_nmi_window_after_shadow(void **state)
{
	(void)state;
	script[0] = step_shadow;
	s.vmcb->control.interrupt_state = 1;
	svm_nmi_window(&vp, true);
	run();
	assert_int_equal(exit_.kind, EXIT_NMI_WINDOW);
	assert_int_equal(vp.regs.rip, RIP + 3);
	assert_int_equal(vp.regs.rflags & TF, 0);
}

static void test_nmi_window_after_event(void **state)
{
	(void)state;
	script[0] = exit_intr;
	vp.event = (struct event){ .valid = true, .type = EVENT_EXTERNAL, .vector = 0x30 };
	svm_nmi_window(&vp, true);
	run();
	assert_int_equal(kicks, 1);
	assert_int_equal(exit_.kind, EXIT_NMI_WINDOW);
	svm_nmi_window(&vp, false);
	script[1] = exit_intr;
	run();
	assert_int_equal(kicks, 1);
	assert_int_equal(exit_.kind, EXIT_INTERRUPT);
}

static void test_interrupted_nmi_is_not_masked(void **state)
{
	(void)state;
	script[0] = interrupt_it;
	script[1] = nmi_taken;
	vp.event = (struct event){ .valid = true, .type = EVENT_NMI, .vector = 2 };
	run();
	assert_int_equal(vp.event.type, EVENT_NMI);
	assert_false(iret_intercepted());
	run();
	assert_true(iret_intercepted());
}

/* A physical interrupt in the guest's shadow, after STI. */
static void intr_in_shadow(struct vmcb *v)
{
	v->control.interrupt_state = VMCB_INTERRUPT_SHADOW;
	exit_intr(v);
}

/* The processor forgot the shadow: TF is what holds the window back. */
static void step_before_window(struct vmcb *v)
{
	assert_true(v->save.rflags & RFLAGS_TF);
	assert_false(v->control.intercept_1 & VMCB_INTERCEPT_1_VINTR);
	assert_false(v->control.interrupt_control & VMCB_V_IRQ);
	v->control.interrupt_state = 0;
	v->save.rip++;
	v->save.dr6 = 0xffff4ff0;
	v->control.exit_code = VMEXIT_EXCEPTION + VEC_DB;
}

static void window_after_step(struct vmcb *v)
{
	assert_false(v->save.rflags & RFLAGS_TF);
	assert_true(v->control.interrupt_control & VMCB_V_IRQ);
	v->control.exit_code = VMEXIT_VINTR;
}

static void test_shadow_outlives_an_interrupt(void **state)
{
	(void)state;
	script[0] = intr_in_shadow;
	run();
	assert_int_equal(exit_.kind, EXIT_INTERRUPT);
	assert_false(svm_can_interrupt(&vp));
	svm_interrupt_window(&vp, true, 5);
	script[1] = step_before_window;
	script[2] = window_after_step;
	run();
	assert_int_equal(exit_.kind, EXIT_INTERRUPT_WINDOW);
	assert_int_equal(entries, 3);
}

/* One interrupt follows the other, and the processor has forgotten the shadow by then. */
static void intr_before_step(struct vmcb *v)
{
	assert_true(v->save.rflags & RFLAGS_TF);
	v->control.interrupt_state = 0;
	exit_intr(v);
}

static void test_shadow_outlives_two_interrupts(void **state)
{
	(void)state;
	script[0] = intr_in_shadow;
	run();
	script[1] = intr_before_step;
	run();
	assert_int_equal(exit_.kind, EXIT_INTERRUPT);
	assert_false(svm_can_interrupt(&vp));
	svm_interrupt_window(&vp, true, 5);
	script[2] = step_before_window;
	script[3] = window_after_step;
	run();
	assert_int_equal(exit_.kind, EXIT_INTERRUPT_WINDOW);
	assert_int_equal(entries, 4);
}

/* JMP to itself right after STI: RIP is where it was, but the step is over. */
static void step_jump(struct vmcb *v)
{
	assert_true(v->save.rflags & RFLAGS_TF);
	v->control.interrupt_state = 0;
	v->save.dr6 = 0xffff4ff0;
	v->control.exit_code = VMEXIT_EXCEPTION + VEC_DB;
}

static void test_step_of_a_jump_to_itself(void **state)
{
	(void)state;
	script[0] = intr_in_shadow;
	run();
	svm_interrupt_window(&vp, true, 5);
	script[1] = step_jump;
	script[2] = window_after_step;
	run();
	assert_int_equal(exit_.kind, EXIT_INTERRUPT_WINDOW);
	assert_int_equal(entries, 3);
}

/* HLT exits before it could end the step, and is emulated. */
static void step_hlt(struct vmcb *v)
{
	assert_true(v->save.rflags & RFLAGS_TF);
	v->control.exit_code = VMEXIT_HLT;
}

static void test_step_ends_at_hlt(void **state)
{
	(void)state;
	script[0] = intr_in_shadow;
	run();
	script[1] = step_hlt;
	run();
	assert_int_equal(exit_.kind, EXIT_HLT);
	assert_false(vp.regs.rflags & RFLAGS_TF);
	assert_false(s.flags & SVM_STEP);
}

static u8 fault;

/* Intercepted, or the guest would find TF in the frame. */
static void step_faults(struct vmcb *v)
{
	assert_true(v->save.rflags & RFLAGS_TF);
	assert_true(v->control.intercept_exception >> fault & 1);
	v->control.exit_code = VMEXIT_EXCEPTION + fault;
}

static void test_step_ends_at_faults(void **state)
{
	static const u8 faults[] = { VEC_DE, VEC_BR, VEC_UD, VEC_NM, VEC_TS, VEC_NP, VEC_SS, VEC_GP,
		VEC_PF, VEC_MF, VEC_AC, VEC_XM };

	for (u32 i = 0; i < sizeof(faults); i++) {
		setup(state);
		fault = faults[i];
		script[0] = intr_in_shadow;
		script[1] = step_faults;
		run();
		run();
		assert_int_equal(exit_.kind, EXIT_EXCEPTION);
		assert_int_equal(exit_.exception.vector, fault);
		assert_false(vp.regs.rflags & RFLAGS_TF);
		assert_int_equal(s.vmcb->control.intercept_exception, 1 << VEC_MC);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_shadow_outlives_an_interrupt, setup),
		cmocka_unit_test_setup(test_shadow_outlives_two_interrupts, setup),
		cmocka_unit_test_setup(test_step_of_a_jump_to_itself, setup),
		cmocka_unit_test_setup(test_step_ends_at_hlt, setup),
		cmocka_unit_test_setup(test_step_ends_at_faults, setup),
		cmocka_unit_test_setup(test_nmi_window_after_iret, setup),
		cmocka_unit_test_setup(test_iret_without_window_is_silent, setup),
		cmocka_unit_test_setup(test_iret_fault_keeps_the_mask, setup),
		cmocka_unit_test_setup(test_guest_steps_iret, setup),
		cmocka_unit_test_setup(test_guest_steps_iret_without_reason, setup),
		cmocka_unit_test_setup(test_nmi_window_after_shadow, setup),
		cmocka_unit_test_setup(test_nmi_window_after_event, setup),
		cmocka_unit_test_setup(test_interrupted_nmi_is_not_masked, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/*
 * Entries and exits of an AMD-V VP against a made-up processor, which takes
 * the place of VMRUN: exit records, events interrupted and delivered again,
 * windows, the end of an NMI's handler, ASIDs.
 * sources: hypervisor/svm/run.c hypervisor/svm/exit.c hypervisor/svm/event.c
 * sources: hypervisor/svm/step.c hypervisor/svm/refused.c
 * cflags: -Itests/unit/fake_cr
 */
#include "tests/unit/svm_machine.h"

static struct partition child = { .parent = &root };

/* --- Records --- */

static void regs_change(struct vmcb *v)
{
	assert_int_equal(v->save.rax, 0x11);
	assert_int_equal(v->save.rsp, 0x22);
	assert_int_equal(v->save.rip, RIP);
	assert_int_equal(v->save.cr2, 0x33);
	v->save.rax = 0x44;
	v->save.rsp = 0x55;
	v->save.rip = 0x66;
	v->save.rflags = 0x77;
	v->save.cr2 = 0x88;
	v->control.exit_code = VMEXIT_HLT;
	v->control.next_rip = 0x67;
}

static void test_registers_go_both_ways(void **state)
{
	(void)state;
	script[0] = regs_change;
	vp.regs.gpr[GPR_RAX] = 0x11;
	vp.regs.gpr[GPR_RSP] = 0x22;
	s.vmcb->save.cr2 = 0x33;
	run();
	assert_int_equal(exit_.kind, EXIT_HLT);
	assert_int_equal(exit_.length, 1);
	assert_int_equal(vp.regs.gpr[GPR_RAX], 0x44);
	assert_int_equal(vp.regs.gpr[GPR_RSP], 0x55);
	assert_int_equal(vp.regs.rip, 0x66);
	assert_int_equal(vp.regs.rflags, 0x77);
	assert_int_equal(s.vmcb->save.cr2, 0x88);
}

static void exit_next_rip_far(struct vmcb *v)
{
	v->control.exit_code = VMEXIT_CPUID;
	v->control.next_rip = RIP + 16;
}

static void test_length_unknown(void **state)
{
	(void)state;
	script[0] = exit_cpuid;
	script[1] = exit_next_rip_far;
	run();
	assert_int_equal(exit_.kind, EXIT_CPUID);
	assert_int_equal(exit_.length, 0);
	run();
	assert_int_equal(exit_.length, 0);
}

static void exit_io(struct vmcb *v)
{
	v->control.exit_code = VMEXIT_IO;
	v->control.exit_info_1 = 0x3f8ull << 16 | 1 << 4 | 1 << 3 | 1 << 2 | 1;
	v->control.exit_info_2 = RIP + 2;
}

static void exit_wrmsr(struct vmcb *v)
{
	v->control.exit_code = VMEXIT_MSR;
	v->control.exit_info_1 = 1;
}

static void exit_cr4(struct vmcb *v)
{
	v->control.exit_code = VMEXIT_CR4_WRITE;
}

static void exit_cr4_decoded(struct vmcb *v)
{
	v->control.exit_code = VMEXIT_CR4_WRITE;
	v->control.exit_info_1 = 1ull << 63 | 9;
}

static void test_instruction_records(void **state)
{
	(void)state;
	script[0] = exit_io;
	script[1] = exit_wrmsr;
	script[2] = exit_cr4;
	script[3] = exit_cr4_decoded;
	run();
	assert_int_equal(exit_.kind, EXIT_IO);
	assert_int_equal(exit_.io.port, 0x3f8);
	assert_int_equal(exit_.io.size, 1);
	assert_true(exit_.io.in && exit_.io.string && exit_.io.rep);
	assert_int_equal(exit_.length, 2);
	vp.regs.gpr[GPR_RCX] = 0xffffffff00000174ull;
	run();
	assert_int_equal(exit_.kind, EXIT_WRMSR);
	assert_int_equal(exit_.msr.msr, 0x174);
	run();
	assert_int_equal(exit_.kind, EXIT_CR_ACCESS);
	assert_int_equal(exit_.cr.cr, 4);
	assert_true(exit_.cr.write && !exit_.cr.known);
	run();
	assert_true(exit_.cr.known);
	assert_int_equal(exit_.cr.gpr, 9);
}

static void exit_npf_write_walk(struct vmcb *v)
{
	v->control.exit_code = VMEXIT_NPF;
	v->control.exit_info_1 = 1ull << 33 | 2;
	v->control.exit_info_2 = 0xfee00010;
}

static void exit_npf_fetch(struct vmcb *v)
{
	v->control.exit_code = VMEXIT_NPF;
	v->control.exit_info_1 = 1ull << 32 | 1 << 4 | 1;
}

static void exit_npf_read(struct vmcb *v)
{
	v->control.exit_code = VMEXIT_NPF;
	v->control.exit_info_1 = 1ull << 32;
}

static void test_nested_faults(void **state)
{
	(void)state;
	script[0] = exit_npf_write_walk;
	script[1] = exit_npf_fetch;
	script[2] = exit_npf_read;
	run();
	assert_int_equal(exit_.kind, EXIT_SLAT_FAULT);
	assert_int_equal(exit_.slat.gpa.a, 0xfee00010);
	assert_int_equal(exit_.slat.access, ACCESS_WRITE);
	assert_true(exit_.slat.walk && !exit_.slat.gva_valid);
	assert_int_equal(exit_.length, 0);
	run();
	assert_int_equal(exit_.slat.access, ACCESS_EXEC);
	assert_false(exit_.slat.walk);
	run();
	assert_int_equal(exit_.slat.access, ACCESS_READ);
}

static void exit_invalid_32(struct vmcb *v)
{
	v->control.exit_code = 0xffffffffull;
}

static void exit_invalid_64(struct vmcb *v)
{
	v->control.exit_code = ~0ull;
}

static void exit_unknown(struct vmcb *v)
{
	v->control.exit_code = 0x7d;
	v->control.exit_info_1 = 0x1234;
}

static void exit_beyond(struct vmcb *v)
{
	v->control.exit_code = 0x401;
}

static void test_unexpected_codes(void **state)
{
	(void)state;
	script[0] = exit_invalid_32;
	script[1] = exit_invalid_64;
	script[2] = exit_unknown;
	script[3] = exit_beyond;
	run();
	assert_int_equal(exit_.kind, EXIT_ENTRY_FAILED);
	run();
	assert_int_equal(exit_.kind, EXIT_ENTRY_FAILED);
	run();
	assert_int_equal(exit_.kind, EXIT_INTERNAL);
	assert_int_equal(exit_.raw.reason, 0x7d);
	assert_int_equal(exit_.raw.info, 0x1234);
	run();
	assert_int_equal(exit_.kind, EXIT_INTERNAL);
	assert_int_equal(exit_.raw.reason, 0x401);
}

/* MOV to CR3 that the emulator did not like; of CR0 that is no reason. */
static void test_invalid_cr3_write(void **state)
{
	(void)state;
	script[0] = script[1] = exit_invalid_32;
	code = (struct insn){ .length = 4, .map = INSN_MAP_0F, .opcode = 0x22, .reg = 3, .rm = 9 };
	run();
	assert_int_equal(exit_.kind, EXIT_CR_ACCESS);
	assert_int_equal(exit_.cr.cr, 3);
	assert_int_equal(exit_.cr.gpr, 9);
	assert_int_equal(exit_.length, 4);
	assert_true(exit_.cr.write && exit_.cr.known && !exit_.cr.clts && !exit_.cr.lmsw);
	code.reg = 0;
	run();
	assert_int_equal(exit_.kind, EXIT_ENTRY_FAILED);
}

/* What VMRUN refused comes back as it was, though the processor left its own there. */
static void refuse_and_spoil(struct vmcb *v)
{
	assert_int_equal(v->control.inject, 1ull << 31 | 1 << 11 | 3 << 8 | 13 | 0x18ull << 32);
	memset(&v->save, 0xee, sizeof(v->save));
	v->control.exit_code = 0xffffffff;
}

static void test_refused(void **state)
{
	struct vmcb_save before;

	(void)state;
	vp.partition = &child;
	s.vmcb->save.cr2 = 0x4321;
	s.vmcb->save.cr3 = 0x1000;
	s.vmcb->save.debug_control = 7;
	vp.regs.gpr[0] = 0x11;
	vp.regs.gpr[4] = 0x22;
	vp.event = (struct event){ true, EVENT_EXCEPTION, 13, true, 0, 0x18 };
	s.cpu = NULL;
	svm_load(&vp);
	assert_int_equal(fake_cr2, 0x4321);
	before = s.vmcb->save;
	script[0] = refuse_and_spoil;
	script[1] = exit_cpuid;
	script[2] = refuse_and_spoil;
	run();
	assert_int_equal(exit_.kind, EXIT_ENTRY_FAILED);
	assert_int_equal(vp.regs.rip, RIP);
	assert_int_equal(vp.regs.rflags, 2);
	assert_int_equal(vp.regs.gpr[0], 0x11);
	assert_int_equal(vp.regs.gpr[4], 0x22);
	assert_int_equal(s.vmcb->save.cr3, before.cr3);
	assert_int_equal(s.vmcb->save.cr2, before.cr2);
	assert_int_equal(s.vmcb->save.debug_control, 7);
	assert_true(vp.event.valid && vp.event.has_error);
	assert_int_equal(vp.event.vector, 13);
	assert_int_equal(vp.event.error, 0x18);
	assert_int_equal(s.flags, 0);
	/* Only the first entry is somebody else's making; until something is set. */
	svm_load(&vp);
	assert_int_equal(s.flags, 0);
	svm_entry_doubt(&vp);
	assert_int_equal(s.flags, SVM_FRESH);
	vp.event.valid = false;
	run();
	assert_int_equal(exit_.kind, EXIT_CPUID);
	assert_int_equal(s.flags, 0);
	vp.event = (struct event){ true, EVENT_EXCEPTION, 13, true, 0, 0x18 };
	run();
	assert_int_equal(exit_.kind, EXIT_ENTRY_FAILED);
	assert_int_equal(s.vmcb->save.cr3, 0xeeeeeeeeeeeeeeeeull);
}

/* An NMI that was refused is not under way. */
static void refuse(struct vmcb *v)
{
	v->control.exit_code = 0xffffffff;
}

static void test_refused_nmi(void **state)
{
	(void)state;
	vp.partition = &child;
	svm_entry_doubt(&vp);
	vp.event = (struct event){ true, EVENT_NMI, 2, false, 0, 0 };
	script[0] = refuse;
	run();
	assert_int_equal(exit_.kind, EXIT_ENTRY_FAILED);
	assert_true(vp.event.valid);
	assert_int_equal(vp.event.type, EVENT_NMI);
	assert_false(iret_intercepted());
	assert_int_equal(s.flags, 0);
}

/* --- Events --- */

static void test_injection_is_once(void **state)
{
	(void)state;
	script[0] = take_injection;
	script[1] = take_injection;
	vp.event = (struct event){ .valid = true,
		.type = EVENT_EXCEPTION,
		.vector = 13,
		.has_error = true,
		.error = 0x18 };
	run();
	assert_int_equal(injected, 0x18ull << 32 | 1ull << 31 | 1 << 11 | 3 << 8 | 13);
	assert_false(vp.event.valid);
	run();
	assert_int_equal(injected, 0);
}

static void test_interrupted_is_injected_again(void **state)
{
	(void)state;
	script[0] = interrupt_it;
	script[1] = take_injection;
	vp.event = (struct event){
		.valid = true, .type = EVENT_EXCEPTION, .vector = 14, .has_error = true, .error = 2
	};
	run();
	assert_true(vp.event.valid && vp.event.has_error);
	assert_int_equal(vp.event.vector, 14);
	assert_int_equal(vp.event.error, 2);
	assert_false(svm_can_nmi(&vp));
	run();
	assert_int_equal(injected, 2ull << 32 | 1ull << 31 | 1 << 11 | 3 << 8 | 14);
	assert_false(vp.event.valid);
}

static void interrupt_int80(struct vmcb *v)
{
	v->control.exit_code = VMEXIT_NPF;
	v->control.exit_event = 1ull << 31 | 4 << 8 | 0x80;
}

static void interrupt_int3(struct vmcb *v)
{
	v->control.exit_code = VMEXIT_NPF;
	v->control.exit_event = 1ull << 31 | 3 << 8 | 3;
}

/* RIP is still at the instruction, which simply runs again. */
static void test_software_events_run_again(void **state)
{
	(void)state;
	script[0] = interrupt_int80;
	script[1] = interrupt_int3;
	script[2] = take_injection;
	run();
	assert_false(vp.event.valid);
	run();
	assert_false(vp.event.valid);
	vp.event = (struct event){
		.valid = true, .type = EVENT_SOFTWARE_INT, .vector = 0x80, .length = 2
	};
	run();
	assert_int_equal(injected, 0);
	assert_false(vp.event.valid);
	assert_int_equal(vp.regs.rip, RIP);
}

/* --- Windows --- */

static u32 seen_intercept_1, seen_intercept_cr, seen_control;

static void look(struct vmcb *v)
{
	seen_intercept_1 = v->control.intercept_1;
	seen_intercept_cr = v->control.intercept_cr;
	seen_control = v->control.interrupt_control;
	/* As the emulator does: a virtual interrupt that waits is dropped. */
	v->control.interrupt_control &= ~(1u << 8);
	v->control.exit_code = VMEXIT_VINTR;
}

static void test_interrupt_window(void **state)
{
	(void)state;
	script[0] = script[1] = script[2] = script[3] = script[4] = look;
	svm_interrupt_window(&vp, true, 3);
	for (u32 i = 0; i < 2; i++) {
		run();
		assert_int_equal(exit_.kind, EXIT_INTERRUPT_WINDOW);
		assert_int_equal(seen_intercept_1 & (1 << 4), 1 << 4);
		assert_int_equal(seen_control & 0xf0100, 3 << 16 | 1 << 8);
		assert_int_equal(seen_intercept_cr & (1 << 24), 0);
	}
	/* Equal is not enough: wait for a lower TPR. */
	svm_interrupt_window(&vp, true, 3);
	s.vmcb->control.interrupt_control |= 3;
	run();
	assert_int_equal(seen_intercept_1 & (1 << 4), 0);
	assert_int_equal(seen_control & (1 << 8), 0);
	assert_int_equal(seen_intercept_cr & (1 << 24), 1 << 24);
	/* None at all. */
	svm_interrupt_window(&vp, true, VIRT_WINDOW_ANY);
	s.vmcb->control.interrupt_control |= 15;
	run();
	assert_int_equal(seen_intercept_1 & (1 << 4), 1 << 4);
	assert_int_equal(seen_control & 0x1f010f, 1 << 20 | 15 << 16 | 1 << 8 | 15);
	assert_int_equal(seen_intercept_cr & (1 << 24), 0);
	s.vmcb->control.interrupt_control &= ~15u;
	s.vmcb->control.interrupt_control |= 3;
	svm_interrupt_window(&vp, false, 0);
	run();
	assert_int_equal(seen_intercept_1 & (1 << 4), 0);
	assert_int_equal(seen_control, 3);
	assert_int_equal(seen_intercept_cr, 0);
}

static void exit_with_if_off(struct vmcb *v)
{
	seen_control = v->control.interrupt_control;
	v->save.rflags &= ~IF;
	v->control.exit_code = VMEXIT_INTR;
}

static void exit_with_if_on(struct vmcb *v)
{
	exit_with_if_off(v);
	v->save.rflags |= IF;
}

/* Any exit with IF on may be where the interrupt that waits can be injected. */
static void test_window_found_open(void **state)
{
	(void)state;
	script[0] = script[2] = exit_with_if_off;
	script[1] = exit_with_if_on;
	svm_interrupt_window(&vp, true, 3);
	run();
	assert_int_equal(exit_.kind, EXIT_INTERRUPT);
	assert_int_equal(vp.work & VP_WORK_INTERRUPT, 0);
	run();
	assert_int_equal(exit_.kind, EXIT_INTERRUPT);
	assert_int_equal(vp.work & VP_WORK_INTERRUPT, VP_WORK_INTERRUPT);
	run();
	assert_int_equal(seen_control & (1 << 8), 0);
}

static void test_can_interrupt(void **state)
{
	(void)state;
	assert_false(svm_can_interrupt(&vp));
	vp.regs.rflags |= IF;
	assert_true(svm_can_interrupt(&vp));
	s.vmcb->control.interrupt_state = 1;
	assert_false(svm_can_interrupt(&vp));
	assert_false(svm_can_nmi(&vp));
	s.vmcb->control.interrupt_state = 0;
	vp.event.valid = true;
	assert_false(svm_can_interrupt(&vp));
}

/* --- ASIDs --- */

static u32 seen_asid, seen_flush;

static void look_asid(struct vmcb *v)
{
	seen_asid = v->control.asid;
	seen_flush = v->control.tlb_control;
	v->control.exit_code = VMEXIT_CPUID;
}

static void expect_asid(u32 asid, u32 flush)
{
	script[0] = look_asid;
	entries = 0;
	run();
	assert_int_equal(seen_asid, asid);
	assert_int_equal(seen_flush, flush);
}

static void test_asids(void **state)
{
	static struct svm_cpu other = {
		.host_spa = 0x2000, .generation = 1, .asid_next = 2, .asid_count = 4
	};

	(void)state;
	expect_asid(1, 1);
	expect_asid(1, 0);
	svm_flush(&vp);
	expect_asid(2, 0);
	svm_load(&vp);
	expect_asid(2, 0);
	svm_flush(&vp);
	expect_asid(3, 0);
	svm_flush(&vp);
	expect_asid(1, 1);
	/* Another processor, and back again. */
	cpu.virt_host = &other;
	svm_load(&vp);
	expect_asid(2, 0);
	cpu.virt_host = &sc;
	svm_load(&vp);
	expect_asid(2, 0);
	expect_asid(2, 0);
	/* A generation that another VP started. */
	sc.generation++;
	sc.asid_next = 2;
	expect_asid(2, 0);
	assert_int_equal(sc.asid_next, 3);
}

/* What a parent wants to see of its child may have changed since the last stay. */
static void test_child_takes_its_exceptions_along(void **state)
{
	struct partition child = { .id = 2, .parent = &root };

	(void)state;
	assert_int_equal(exception_updates, 0);
	vp.partition = &child;
	svm_load(&vp);
	assert_int_equal(exception_updates, 1);
}

static void exit_intr_delivered(struct vmcb *v)
{
	assert_int_equal(v->control.inject, 0x80000041);
	v->control.exit_code = VMEXIT_INTR;
}

/* Where the processor would deliver it twice, an exit follows the injection. */
static void an_interrupt_may_need_an_exit_after_it(void **state)
{
	(void)state;
	for (u32 i = 0; i < 2; i++) {
		sc.delivers_twice = i;
		vp.event = (struct event){ .valid = true, .type = EVENT_EXTERNAL, .vector = 0x41 };
		script[entries] = exit_intr_delivered;
		run();
		assert_int_equal(kicks, i);
		assert_false(vp.event.valid);
	}
	/* Exceptions are delivered once anyway. */
	vp.event = (struct event){ .valid = true, .type = EVENT_EXCEPTION, .vector = 6 };
	script[entries] = exit_cpuid;
	run();
	assert_int_equal(kicks, 1);
}

static u8 vector_;

static void exit_exception(struct vmcb *v)
{
	v->control.exit_code = VMEXIT_EXCEPTION + vector_;
	v->control.exit_info_1 = 0x1234;
	v->control.exit_info_2 = 0x7000;
}

/* Any of them can be asked for; a page fault has not reached CR2. */
static void test_exceptions(void **state)
{
	for (vector_ = 0; vector_ < 32; vector_++) {
		setup(state);
		s.vmcb->save.cr2 = 0x88;
		script[0] = exit_exception;
		run();
		assert_int_equal(exit_.kind, EXIT_EXCEPTION);
		assert_int_equal(exit_.length, 0);
		assert_int_equal(exit_.exception.vector, vector_);
		/* #DF, #TS to #PF, #AC, #CP */
		assert_int_equal(exit_.exception.has_error, 0x227d00 >> vector_ & 1);
		assert_int_equal(exit_.exception.error, exit_.exception.has_error ? 0x1234 : 0);
		assert_int_equal(exit_.exception.address, vector_ == 14 ? 0x7000 : 0);
		assert_int_equal(s.vmcb->save.cr2, 0x88);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(an_interrupt_may_need_an_exit_after_it, setup),
		cmocka_unit_test_setup(test_exceptions, setup),
		cmocka_unit_test_setup(test_registers_go_both_ways, setup),
		cmocka_unit_test_setup(test_length_unknown, setup),
		cmocka_unit_test_setup(test_instruction_records, setup),
		cmocka_unit_test_setup(test_nested_faults, setup),
		cmocka_unit_test_setup(test_unexpected_codes, setup),
		cmocka_unit_test_setup(test_invalid_cr3_write, setup),
		cmocka_unit_test_setup(test_refused, setup),
		cmocka_unit_test_setup(test_refused_nmi, setup),
		cmocka_unit_test_setup(test_injection_is_once, setup),
		cmocka_unit_test_setup(test_interrupted_is_injected_again, setup),
		cmocka_unit_test_setup(test_software_events_run_again, setup),
		cmocka_unit_test_setup(test_interrupt_window, setup),
		cmocka_unit_test_setup(test_window_found_open, setup),
		cmocka_unit_test_setup(test_can_interrupt, setup),
		cmocka_unit_test_setup(test_asids, setup),
		cmocka_unit_test_setup(test_child_takes_its_exceptions_along, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

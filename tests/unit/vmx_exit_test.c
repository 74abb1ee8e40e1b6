/* SPDX-License-Identifier: MIT */
/*
 * hypervisor/vmx/exit.c and event.c against a made-up VMCS: what each exit
 * becomes, events that an exit interrupted or an entry delivers, windows.
 * sources: tests/unit/host_assert.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "vmx_fake.h"

#include "hypervisor/vmx/event.c"
#include "hypervisor/vmx/exit.c"

static u32 turns;

/* vmcs.c's, which needs a clock. */
void vmx_turn_begin(void)
{
	turns++;
}

static u8 vapic[4096];
static struct vp vp;
#define own (*vmx_of(&vp))
static struct exit ex;

static int setup(void **state)
{
	(void)state;
	fake_reset();
	memset(vapic, 0, sizeof(vapic));
	memset(&vp, 0, sizeof(vp));
	memset(&ex, 0xcc, sizeof(ex));
	own = (struct vmx){ .vapic = vapic, .proc = 0xb2000080 };
	fake_write(VMCS_VECTORING, 0);
	fake_write(VMCS_INTERRUPTIBILITY, 0);
	fake_write(VMCS_GUEST_CR0, CR0_PE | CR0_NE);
	return 0;
}

static void leave(u32 reason, u64 qualification)
{
	fake_write(VMCS_EXIT_REASON, reason);
	fake_write(VMCS_QUALIFICATION, qualification);
	vmx_exit_decode(&vp, &ex);
}

static void plain_exits(void **state)
{
	static const struct {
		u32 reason;
		enum exit_kind kind;
		bool length;
	} rows_expected[] = {
		{ 1, EXIT_INTERRUPT, false },
		{ 2, EXIT_TRIPLE_FAULT, false },
		{ 3, EXIT_INTERNAL, false },
		{ 7, EXIT_INTERRUPT_WINDOW, false },
		{ 8, EXIT_NMI_WINDOW, false },
		{ 10, EXIT_CPUID, true },
		{ 11, EXIT_FORBIDDEN, true },
		{ 12, EXIT_HLT, true },
		{ 13, EXIT_CACHE, true },
		{ 14, EXIT_INTERNAL, false },
		{ 15, EXIT_FORBIDDEN, true },
		{ 18, EXIT_HYPERCALL, true },
		{ 19, EXIT_FORBIDDEN, true },
		{ 27, EXIT_FORBIDDEN, true },
		{ 36, EXIT_FORBIDDEN, true },
		{ 39, EXIT_FORBIDDEN, true },
		{ 49, EXIT_INTERNAL, false },
		{ 50, EXIT_FORBIDDEN, true },
		{ 52, EXIT_PREEMPT, false },
		{ 53, EXIT_FORBIDDEN, true },
		{ 54, EXIT_CACHE, true },
		{ 55, EXIT_XSETBV, true },
		{ 59, EXIT_FORBIDDEN, true },
		{ 60, EXIT_INTERNAL, false },
		{ 0xffff, EXIT_INTERNAL, false },
	};

	(void)state;
	turns = 0;
	for (size_t i = 0; i < ARRAY_SIZE(rows_expected); i++) {
		/* A prefixed instruction is longer than its opcode. */
		fake_write(VMCS_EXIT_LENGTH, 5);
		leave(rows_expected[i].reason, 0x77);
		assert_int_equal(ex.kind, rows_expected[i].kind);
		assert_int_equal(ex.length, rows_expected[i].length ? 5 : 0);
		if (ex.kind == EXIT_INTERNAL || ex.kind == EXIT_FORBIDDEN) {
			assert_int_equal(ex.raw.reason, rows_expected[i].reason);
			assert_int_equal(ex.raw.info, 0x77);
		}
		assert_false(vp.event.valid);
		/* The timer that ended the turn stands at 0 until it is set again. */
		assert_int_equal(turns, rows_expected[i].reason >= 52);
	}
}

static void msr_exits(void **state)
{
	(void)state;
	vp.regs.gpr[GPR_RCX] = 0xffffffffc0000080;
	fake_write(VMCS_EXIT_LENGTH, 2);
	leave(31, 0);
	assert_int_equal(ex.kind, EXIT_RDMSR);
	assert_int_equal(ex.msr.msr, 0xc0000080);
	leave(32, 0);
	assert_int_equal(ex.kind, EXIT_WRMSR);
	assert_int_equal(ex.msr.msr, 0xc0000080);
}

static void io_exits(void **state)
{
	(void)state;
	fake_write(VMCS_EXIT_LENGTH, 2);
	leave(30, 0x0cf80003); /* OUT to 0xcf8, 4 bytes */
	assert_int_equal(ex.kind, EXIT_IO);
	assert_int_equal(ex.io.port, 0xcf8);
	assert_int_equal(ex.io.size, 4);
	assert_false(ex.io.in || ex.io.string || ex.io.rep);
	leave(30, 0x01f00039); /* REP INSW from 0x1f0 */
	assert_int_equal(ex.io.size, 2);
	assert_true(ex.io.in && ex.io.string && ex.io.rep);
	leave(30, 0x00800048); /* IN AL, 0x80 by immediate */
	assert_int_equal(ex.io.port, 0x80);
	assert_int_equal(ex.io.size, 1);
	assert_true(ex.io.in && !ex.io.string);
}

static void cr_exits(void **state)
{
	(void)state;
	fake_write(VMCS_EXIT_LENGTH, 3);
	leave(28, 0x0904); /* MOV CR4, R9 */
	assert_int_equal(ex.kind, EXIT_CR_ACCESS);
	assert_int_equal(ex.length, 3);
	assert_int_equal(ex.cr.cr, 4);
	assert_int_equal(ex.cr.gpr, GPR_R9);
	assert_true(ex.cr.write && ex.cr.known && !ex.cr.clts && !ex.cr.lmsw);
	leave(28, 0x0313); /* MOV RBX, CR3 */
	assert_int_equal(ex.cr.cr, 3);
	assert_int_equal(ex.cr.gpr, GPR_RBX);
	assert_false(ex.cr.write);
	leave(28, 0x0020); /* CLTS */
	assert_true(ex.cr.clts && ex.cr.write);
	leave(28, 0xfff10030); /* LMSW */
	assert_true(ex.cr.lmsw && ex.cr.write);
	assert_int_equal(ex.cr.lmsw_source, 0xfff1);
}

static void ept_violations(void **state)
{
	(void)state;
	fake_write(VMCS_GUEST_PHYSICAL, 0xfee00300);
	fake_write(VMCS_GUEST_LINEAR, 0xffffffff81000300);
	leave(48, 0x182);
	assert_int_equal(ex.kind, EXIT_SLAT_FAULT);
	assert_int_equal(ex.length, 0);
	assert_int_equal(ex.slat.gpa.a, 0xfee00300);
	assert_int_equal(ex.slat.access, ACCESS_WRITE);
	assert_true(ex.slat.gva_valid && !ex.slat.walk);
	assert_int_equal(ex.slat.gva.a, 0xffffffff81000300);
	/* A walk that also sets an accessed bit reads and writes. */
	leave(48, 0x083);
	assert_int_equal(ex.slat.access, ACCESS_READ | ACCESS_WRITE);
	assert_true(ex.slat.gva_valid && ex.slat.walk);
	/* PDPTEs at MOV CR3. */
	leave(48, 0x001);
	assert_true(!ex.slat.gva_valid && ex.slat.walk);
	assert_int_equal(ex.slat.gva.a, 0);
	leave(48, 0x18c);
	assert_int_equal(ex.slat.access, ACCESS_EXEC);
}

static void interrupted_hardware_exception(void **state)
{
	(void)state;
	fake_write(VMCS_GUEST_PHYSICAL, 0x1000);
	fake_write(VMCS_GUEST_LINEAR, 0x1000);
	fake_write(VMCS_VECTORING, 0x80000b0d);
	fake_write(VMCS_VECTORING_ERROR, 0x18);
	leave(48, 0x182);
	assert_int_equal(ex.kind, EXIT_SLAT_FAULT);
	assert_true(vp.event.valid && vp.event.has_error);
	assert_int_equal(vp.event.type, EVENT_EXCEPTION);
	assert_int_equal(vp.event.vector, 13);
	assert_int_equal(vp.event.error, 0x18);
	/* The next entry delivers it again. */
	vmx_event_inject(&vp);
	assert_false(vp.event.valid);
	assert_int_equal(fake_read(VMCS_ENTRY_EVENT), 0x80000b0d);
	assert_int_equal(fake_read(VMCS_ENTRY_EVENT_ERROR), 0x18);
}

static void interrupted_software_interrupt(void **state)
{
	(void)state;
	fake_write(VMCS_GUEST_PHYSICAL, 0x1000);
	fake_write(VMCS_GUEST_LINEAR, 0x1000);
	fake_write(VMCS_VECTORING, 0x80000480);
	fake_write(VMCS_EXIT_LENGTH, 2);
	leave(48, 0x181);
	assert_true(vp.event.valid && !vp.event.has_error);
	assert_int_equal(vp.event.type, EVENT_SOFTWARE_INT);
	assert_int_equal(vp.event.vector, 0x80);
	assert_int_equal(vp.event.length, 2);
	vmx_event_inject(&vp);
	assert_int_equal(fake_read(VMCS_ENTRY_EVENT), 0x80000480);
	assert_int_equal(fake_read(VMCS_ENTRY_EVENT_LENGTH), 2);
}

static void interrupted_nmi_ends_its_blocking(void **state)
{
	(void)state;
	fake_write(VMCS_GUEST_PHYSICAL, 0x1000);
	fake_write(VMCS_GUEST_LINEAR, 0x1000);
	fake_write(VMCS_INTERRUPTIBILITY, INTERRUPTIBILITY_NMI);
	fake_write(VMCS_VECTORING, 0x80000202);
	leave(48, 0x182);
	assert_true(vp.event.valid);
	assert_int_equal(vp.event.type, EVENT_NMI);
	assert_int_equal(fake_read(VMCS_INTERRUPTIBILITY), 0);
}

static void broken_iret_blocks_nmis_again(void **state)
{
	(void)state;
	fake_write(VMCS_GUEST_PHYSICAL, 0x1000);
	fake_write(VMCS_GUEST_LINEAR, 0x1000);
	leave(48, 0x1181);
	assert_int_equal(fake_read(VMCS_INTERRUPTIBILITY), INTERRUPTIBILITY_NMI);
	assert_false(vmx_can_nmi(&vp));
	/* In the middle of an event, the bit means nothing. */
	fake_write(VMCS_INTERRUPTIBILITY, 0);
	fake_write(VMCS_VECTORING, 0x80000030);
	leave(48, 0x1181);
	assert_int_equal(fake_read(VMCS_INTERRUPTIBILITY), 0);
}

static void exceptions(void **state)
{
	(void)state;
	fake_write(VMCS_EXIT_EVENT, 0x80000202);
	leave(0, 0);
	assert_int_equal(ex.kind, EXIT_NMI);
	fake_write(VMCS_EXIT_EVENT, 0x80000b11);
	fake_write(VMCS_EXIT_EVENT_ERROR, 0);
	leave(0, 0);
	assert_int_equal(ex.kind, EXIT_EXCEPTION);
	assert_int_equal(ex.exception.vector, VEC_AC);
	assert_true(ex.exception.has_error);
	fake_write(VMCS_EXIT_EVENT, 0x80000312);
	leave(0, 0);
	assert_int_equal(ex.exception.vector, VEC_MC);
	assert_false(ex.exception.has_error);
	fake_write(VMCS_EXIT_EVENT, 0x80000b0e);
	fake_write(VMCS_EXIT_EVENT_ERROR, 6);
	leave(0, 0x1234567000);
	assert_int_equal(ex.exception.address, 0x1234567000);
	assert_int_equal(ex.exception.error, 6);
}

/* DR6 and DR7 as if the exception had been delivered. */
static void debug_exceptions(void **state)
{
	(void)state;
	fake_dr6 = 0xffff4ff3;
	fake_write(VMCS_GUEST_DR7, 0x2400);
	fake_write(VMCS_EXIT_EVENT, 0x80000301);
	leave(0, 0x2004);
	assert_int_equal(ex.exception.vector, VEC_DB);
	assert_int_equal(fake_dr6, 0xffff6ff4);
	assert_int_equal(fake_read(VMCS_GUEST_DR7), 0x400);
}

/* Else RFLAGS.TF in a shadow, and a fault there, would be a failed entry. */
static void delivery_ends_a_shadow(void **state)
{
	(void)state;
	vp.regs.rflags = RFLAGS_TF | RFLAGS_FIXED;
	fake_write(VMCS_INTERRUPTIBILITY, INTERRUPTIBILITY_STI | INTERRUPTIBILITY_NMI);
	vp.event = (struct event){ true, EVENT_EXCEPTION, VEC_GP, true, 0, 0 };
	vmx_event_inject(&vp);
	assert_int_equal(fake_read(VMCS_INTERRUPTIBILITY), INTERRUPTIBILITY_NMI);
}

/* INT1 must not come back to itself, nor look like a breakpoint. */
static void int1_goes_on_behind_itself(void **state)
{
	(void)state;
	fake_write(VMCS_EXIT_EVENT, 0x80000501);
	fake_write(VMCS_EXIT_LENGTH, 1);
	leave(0, 0);
	assert_int_equal(ex.kind, EXIT_NONE);
	assert_true(vp.event.valid);
	assert_int_equal(fake_dr6, 0xffff0ff0);
	vmx_event_inject(&vp);
	assert_int_equal(fake_read(VMCS_ENTRY_EVENT), 0x80000501);
	assert_int_equal(fake_read(VMCS_ENTRY_EVENT_LENGTH), 1);
}

static void failed_entry(void **state)
{
	(void)state;
	fake_write(VMCS_ENTRY_EVENT, 0x80000030);
	leave(0x80000021, 3);
	assert_int_equal(ex.kind, EXIT_ENTRY_FAILED);
	assert_int_equal(ex.raw.reason, 0x80000021);
	assert_int_equal(ex.raw.info, 3);
	assert_int_equal(fake_read(VMCS_ENTRY_EVENT), 0);
	/* The event is the VP's again. */
	assert_true(vp.event.valid && !vp.event.has_error);
	assert_int_equal(vp.event.type, EVENT_EXTERNAL);
	assert_int_equal(vp.event.vector, 0x30);
	vp.event.valid = false;
	leave(0x80000021, 3);
	assert_false(vp.event.valid);
	fake_write(VMCS_ENTRY_EVENT, 0x80000b0d);
	fake_write(VMCS_ENTRY_EVENT_ERROR, 0x18);
	leave(0x80000021, 3);
	assert_true(vp.event.valid && vp.event.has_error);
	assert_int_equal(vp.event.vector, VEC_GP);
	assert_int_equal(vp.event.error, 0x18);
	fake_write(VMCS_ENTRY_EVENT, 0x80000480);
	fake_write(VMCS_ENTRY_EVENT_LENGTH, 2);
	leave(0x80000021, 3);
	assert_int_equal(vp.event.type, EVENT_SOFTWARE_INT);
	assert_int_equal(vp.event.length, 2);
}

/* An entry fails if the error code is not there exactly where it must be. */
static void error_codes_by_mode(void **state)
{
	(void)state;
	vp.event = (struct event){ true, EVENT_EXCEPTION, VEC_GP, true, 0, 0x10 };
	fake_write(VMCS_GUEST_CR0, CR0_NE);
	vmx_event_inject(&vp);
	assert_int_equal(fake_read(VMCS_ENTRY_EVENT), 0x8000030d);
	vp.event = (struct event){ true, EVENT_EXCEPTION, VEC_GP, false, 0, 0 };
	fake_write(VMCS_GUEST_CR0, CR0_PE | CR0_NE);
	vmx_event_inject(&vp);
	assert_int_equal(fake_read(VMCS_ENTRY_EVENT), 0x80000b0d);
	assert_int_equal(fake_read(VMCS_ENTRY_EVENT_ERROR), 0);
	vp.event = (struct event){ true, EVENT_EXCEPTION, VEC_UD, true, 0, 7 };
	vmx_event_inject(&vp);
	assert_int_equal(fake_read(VMCS_ENTRY_EVENT), 0x80000306);
	vp.event = (struct event){ true, EVENT_EXTERNAL, 0x0d, false, 0, 0 };
	vmx_event_inject(&vp);
	assert_int_equal(fake_read(VMCS_ENTRY_EVENT), 0x8000000d);
}

static void pending_interruption_round_trip(void **state)
{
	static const struct event events[] = {
		{ false, 0, 0, false, 0, 0 },
		{ true, EVENT_EXTERNAL, 0xff, false, 0, 0 },
		{ true, EVENT_NMI, 2, false, 0, 0 },
		{ true, EVENT_EXCEPTION, 14, true, 0, 0xffffffff },
		{ true, EVENT_SOFTWARE_INT, 0x80, false, 15, 0 },
		{ true, EVENT_SOFTWARE_EXCEPTION, 3, false, 1, 0 },
	};
	struct event back;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(events); i++) {
		assert_true(vmx_event_unpack(vmx_event_pack(&events[i]), &back));
		assert_int_equal(back.valid, events[i].valid);
		assert_int_equal(back.type, events[i].type);
		assert_int_equal(back.vector, events[i].vector);
		assert_int_equal(back.has_error, events[i].has_error);
		assert_int_equal(back.length, events[i].length);
		assert_int_equal(back.error, events[i].error);
	}
	assert_int_equal(vmx_event_pack(&events[3]), 0xffffffff000e0017);
}

static void impossible_events_are_refused(void **state)
{
	static const u64 bad[] = {
		1 | 1 << 1,                       /* type 1 */
		1 | 7 << 1,                       /* type 7 */
		1 | 2 << 1 | 3 << 16,             /* NMI with vector 3 */
		1 | 3 << 1 | 32 << 16,            /* exception 32 */
		1 | 3 << 1 | 2 << 16,             /* NMI as an exception */
		1 | 4 << 1 | 0x80 << 16,          /* INT of no length */
		1 | 6 << 1 | 1 << 5 | 0x80 << 16, /* INT3 with vector 0x80 */
		1 | 0x130 << 16,                  /* vector 0x130 */
	};
	struct event e;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_false(vmx_event_unpack(bad[i], &e));
}

static void injectable(void **state)
{
	(void)state;
	assert_false(vmx_can_interrupt(&vp));
	assert_true(vmx_can_nmi(&vp));
	vp.regs.rflags = RFLAGS_IF;
	assert_true(vmx_can_interrupt(&vp));
	for (u32 shadow = 1; shadow <= 2; shadow++) {
		fake_write(VMCS_INTERRUPTIBILITY, shadow);
		assert_false(vmx_can_interrupt(&vp));
		assert_false(vmx_can_nmi(&vp));
	}
	fake_write(VMCS_INTERRUPTIBILITY, INTERRUPTIBILITY_NMI);
	assert_true(vmx_can_interrupt(&vp));
	assert_false(vmx_can_nmi(&vp));
	fake_write(VMCS_INTERRUPTIBILITY, 0);
	vp.event.valid = true;
	assert_false(vmx_can_interrupt(&vp));
	assert_false(vmx_can_nmi(&vp));
}

static void windows(void **state)
{
	(void)state;
	vmx_interrupt_window(&vp, true, 5);
	assert_int_equal(fake_read(VMCS_PROC_CONTROLS), 0xb2000084);
	vmx_nmi_window(&vp, true);
	assert_int_equal(fake_read(VMCS_PROC_CONTROLS), 0xb2400084);
	vmx_interrupt_window(&vp, false, 0);
	vmx_nmi_window(&vp, false);
	assert_int_equal(fake_read(VMCS_PROC_CONTROLS), 0xb2000080);
	assert_int_equal(own.pending, 0);
}

/* Held back by the TPR: wait for that first, and never leave a threshold above it. */
static void windows_behind_the_tpr(void **state)
{
	(void)state;
	vmx_tpr_set(&vp, 9);
	assert_int_equal(vmx_tpr(&vp), 9);
	assert_int_equal(vapic[0x80], 0x90);
	vmx_interrupt_window(&vp, true, 9);
	assert_false(fake_written[VMCS_PROC_CONTROLS]);
	assert_int_equal(own.tpr_threshold, 9);
	assert_int_equal(own.pending, VMX_TPR_THRESHOLD);
	/* The guest lowers it: its MOV to CR8 went to the page. */
	vapic[0x80] = 0x40;
	leave(43, 0);
	assert_int_equal(ex.kind, EXIT_INTERRUPT_WINDOW);
	assert_int_equal(own.tpr_threshold, 0);
	vmx_interrupt_window(&vp, true, 9);
	assert_int_equal(fake_read(VMCS_PROC_CONTROLS), 0xb2000084);
	assert_int_equal(own.tpr_threshold, 0);
	/* Lowered by us. */
	vmx_tpr_set(&vp, 12);
	vmx_interrupt_window(&vp, true, 9);
	assert_int_equal(own.tpr_threshold, 9);
	vmx_tpr_set(&vp, 8);
	assert_int_equal(own.tpr_threshold, 0);
}

#define TEST(f) cmocka_unit_test_setup(f, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(plain_exits),
		TEST(msr_exits),
		TEST(io_exits),
		TEST(cr_exits),
		TEST(ept_violations),
		TEST(interrupted_hardware_exception),
		TEST(interrupted_software_interrupt),
		TEST(interrupted_nmi_ends_its_blocking),
		TEST(broken_iret_blocks_nmis_again),
		TEST(exceptions),
		TEST(debug_exceptions),
		TEST(int1_goes_on_behind_itself),
		TEST(delivery_ends_a_shadow),
		TEST(failed_entry),
		TEST(error_codes_by_mode),
		TEST(pending_interruption_round_trip),
		TEST(impossible_events_are_refused),
		TEST(injectable),
		TEST(windows),
		TEST(windows_behind_the_tpr),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

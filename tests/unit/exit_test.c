/* SPDX-License-Identifier: MIT */
/*
 * Which exits are settled here, which end the root, and which a child's parent
 * settles: the handlers of exit.c between stand-ins for what they call.
 * sources: hypervisor/exit.c tests/unit/fake_vp.c tests/unit/fake/fake.c
 * cflags: -Itests/unit/fake
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <string.h>

#include "fake/fake.h"
#include "fake_vp.h"
#include "hypervisor/control.h"
#include "hypervisor/die.h"
#include "hypervisor/exit.h"
#include "hypervisor/hypercall.h"
#include "hypervisor/intercept.h"
#include "hypervisor/mmio.h"
#include "hypervisor/policy.h"
#include "hypervisor/root.h"
#include "hypervisor/trace.h"
#include "x86/cpu.h"
#include "x86/desc.h"

static struct partition parent;
static u64 *gpr = fake_vp.regs.gpr;

/* What was called last, a letter each. */
static char calls[16];

static void called(char c)
{
	calls[strlen(calls)] = c;
}

#define HANDLER(name, letter)                             \
	void name(struct vp *vp, const struct exit *exit) \
	{                                                 \
		assert_ptr_equal(vp, &fake_vp);           \
		assert_non_null(exit);                    \
		called(letter);                           \
	}
HANDLER(hypercall_handle, 'h')
HANDLER(control_access, 'c')
HANDLER(control_xsetbv, 'x')
HANDLER(mmio_handle, 'm')
HANDLER(intercept_io, 'I')
HANDLER(intercept_memory, 'M')

static bool apic_page, device, wanted, logs_writes;

static u32 retried;

bool slat_retry(struct slat *slat, gpa_t gpa, u32 access)
{
	assert_ptr_equal(slat, &fake_partition.slat);
	assert_int_equal(gpa.a & ~PAGE_MASK, 0x7000);
	retried = access;
	called('l');
	return logs_writes;
}

bool mmio_is_apic(const struct vp *vp, const struct exit *exit)
{
	(void)vp;
	(void)exit;
	return apic_page;
}

bool root_map_device(struct partition *p, gpa_t gpa, u32 access)
{
	assert_true(partition_is_root(p));
	assert_int_equal(gpa.a, 0x7000);
	assert_int_equal(access, ACCESS_WRITE);
	called('d');
	return device;
}

bool intercept_msr(struct vp *vp, const struct exit *exit, u8 length, bool write)
{
	(void)vp;
	assert_int_equal(exit->msr.msr, 0x1234);
	assert_int_equal(length, FAKE_INSN_LENGTH);
	called(write ? 'W' : 'R');
	return wanted;
}

bool intercept_cpuid(struct vp *vp, const struct exit *exit)
{
	(void)vp;
	(void)exit;
	called('C');
	return wanted;
}

bool intercept_exception(struct vp *vp, const struct exit *exit)
{
	(void)vp;
	(void)exit;
	called('E');
	return wanted;
}

static int irr_highest;

int vlapic_highest_irr(const struct vlapic *l)
{
	assert_ptr_equal(l, &fake_vp.vlapic);
	return irr_highest;
}

void intercept_halt(struct vp *vp)
{
	/* The VP halts when it is resumed. */
	assert_true(vp->stop & VP_STOP_HALT);
	called('H');
}

void vp_triple_fault(struct vp *vp)
{
	(void)vp;
	called('t');
}

void vp_fail(struct vp *vp, const char *why)
{
	(void)vp;
	assert_non_null(why);
	called('f');
}

static jmp_buf died;

_Noreturn void die(const struct trap_frame *frame, const char *fmt, ...)
{
	(void)frame;
	(void)fmt;
	longjmp(died, 1);
}

bool dying(void)
{
	return false;
}

static bool msr_known;

bool policy_msr_read(struct vp *vp, u32 msr, u64 *v)
{
	(void)vp;
	assert_int_equal(msr, 0x1234);
	*v = 0x1122334455667788ull;
	return msr_known;
}

bool policy_msr_write(struct vp *vp, u32 msr, u64 v)
{
	(void)vp;
	assert_int_equal(msr, 0x1234);
	assert_int_equal(v, 0xaaaaaaaabbbbbbbbull);
	return msr_known;
}

void policy_cpuid(struct vp *vp, u32 leaf, u32 subleaf, struct cpuid_regs *r)
{
	(void)vp;
	assert_int_equal(leaf, 0x40000001);
	assert_int_equal(subleaf, 7);
	*r = (struct cpuid_regs){ .eax = 1, .ebx = 2, .ecx = 3, .edx = 4 };
}

void trace(enum trace_event event, const struct vp *vp, u64 a, u64 b)
{
	(void)event;
	(void)vp;
	(void)a;
	(void)b;
}

static void take_pending(void)
{
	called('i');
}

static u32 dumps;

static void fake_dump(struct vp *vp)
{
	(void)vp;
	dumps++;
}

static int setup(void **state)
{
	static struct virt_ops with_dump;

	(void)state;
	fake_vp_reset();
	with_dump = *virt;
	with_dump.dump = fake_dump;
	virt = &with_dump;
	fake_vp.regs.rip = 0x1000;
	memset(calls, 0, sizeof(calls));
	apic_page = device = wanted = msr_known = logs_writes = false;
	irr_highest = VLAPIC_NONE;
	dumps = 0;
	fake_on_irq_take_pending = take_pending;
	return 0;
}

static int setup_child(void **state)
{
	setup(state);
	fake_partition.id = 2;
	fake_partition.parent = &parent;
	return 0;
}

static void handle(struct exit exit)
{
	memset(calls, 0, sizeof(calls));
	exit_handle(&fake_vp, &exit);
}

static void moved(bool on)
{
	assert_int_equal(fake_vp.regs.rip, on ? 0x1000 + FAKE_INSN_LENGTH : 0x1000);
	fake_vp.regs.rip = 0x1000;
}

static void injected(u8 vector)
{
	assert_int_equal(fake_injected, 1);
	assert_int_equal(fake_event.vector, vector);
	fake_injected = 0;
	moved(false);
}

/* The same for both. */
static void test_delegation(void **state)
{
	(void)state;
	handle((struct exit){ .kind = EXIT_NONE });
	assert_string_equal(calls, "");
	/* The end of a long stay: an interrupt may wait that ended none. */
	handle((struct exit){ .kind = EXIT_PREEMPT });
	assert_string_equal(calls, "i");
	handle((struct exit){ .kind = EXIT_INTERRUPT });
	assert_string_equal(calls, "i");
	handle((struct exit){ .kind = EXIT_HYPERCALL });
	assert_string_equal(calls, "h");
	handle((struct exit){ .kind = EXIT_CR_ACCESS });
	assert_string_equal(calls, "c");
	handle((struct exit){ .kind = EXIT_XSETBV });
	assert_string_equal(calls, "x");
	handle((struct exit){ .kind = EXIT_TRIPLE_FAULT });
	assert_string_equal(calls, "t");
	handle((struct exit){ .kind = EXIT_FORBIDDEN });
	injected(VEC_UD);
	apic_page = true;
	handle((struct exit){ .kind = EXIT_SLAT_FAULT });
	assert_string_equal(calls, "m");
}

/* --- The root --- */

static void test_root_is_refused(void **state)
{
	(void)state;
	handle((struct exit){ .kind = EXIT_IO, .io = { .port = 0x20, .size = 1 } });
	assert_string_equal(calls, "");
	injected(VEC_GP);
	handle((struct exit){
		.kind = EXIT_SLAT_FAULT, .slat = { .gpa = GPA(0x7000), .access = ACCESS_WRITE } });
	assert_string_equal(calls, "d");
	injected(VEC_GP);
	device = true;
	handle((struct exit){
		.kind = EXIT_SLAT_FAULT, .slat = { .gpa = GPA(0x7000), .access = ACCESS_WRITE } });
	assert_int_equal(fake_injected, 0);
	moved(false);
}

static void test_root_fails(void **state)
{
	(void)state;
	handle((struct exit){ .kind = EXIT_INTERNAL });
	assert_string_equal(calls, "f");
	assert_int_equal(dumps, 1);
	handle((struct exit){ .kind = EXIT_ENTRY_FAILED });
	assert_string_equal(calls, "f");
	assert_int_equal(dumps, 2);
}

static void test_root_halts(void **state)
{
	(void)state;
	handle((struct exit){ .kind = EXIT_HLT });
	assert_int_equal(fake_vp.stop, VP_STOP_HALT);
	assert_string_equal(calls, "");
	moved(true);
	/* A trap behind the HLT comes first. */
	fake_vp.stop = 0;
	fake_vp.event.valid = true;
	handle((struct exit){ .kind = EXIT_HLT });
	assert_int_equal(fake_vp.stop, 0);
}

/* --- A child --- */

static void test_child_io_and_memory(void **state)
{
	(void)state;
	handle((struct exit){ .kind = EXIT_IO, .io = { .port = 0x20, .size = 1 } });
	assert_string_equal(calls, "I");
	handle((struct exit){
		.kind = EXIT_SLAT_FAULT, .slat = { .gpa = GPA(0x7000), .access = ACCESS_EXEC } });
	assert_string_equal(calls, "lM");
	assert_int_equal(retried, ACCESS_EXEC);
	/* What the tables allow by now is made again, and the parent hears nothing. */
	handle((struct exit){
		.kind = EXIT_SLAT_FAULT, .slat = { .gpa = GPA(0x7000), .access = ACCESS_WRITE } });
	assert_string_equal(calls, "lM");
	logs_writes = true;
	handle((struct exit){
		.kind = EXIT_SLAT_FAULT, .slat = { .gpa = GPA(0x7000), .access = ACCESS_WRITE } });
	assert_string_equal(calls, "l");
	apic_page = true;
	handle((struct exit){ .kind = EXIT_SLAT_FAULT, .slat = { .gpa = GPA(0x7000) } });
	assert_string_equal(calls, "m");
	assert_int_equal(fake_injected, 0);
	moved(false);
}

/* To a page whose writes are logged; to its hypercall page; to any other. */
static void test_child_writes(void **state)
{
	const struct exit write = { .kind = EXIT_SLAT_FAULT,
		.slat = { .gpa = GPA(0x7123), .access = ACCESS_WRITE } };

	(void)state;
	handle(write);
	assert_string_equal(calls, "lM");
	logs_writes = true;
	handle(write);
	assert_string_equal(calls, "l");
	logs_writes = false;
	fake_partition.hypercall_overlay.gpa = GPA(0x7000);
	handle(write);
	assert_string_equal(calls, "lM");
	assert_int_equal(fake_injected, 0);
	fake_partition.hypercall_overlay.on = true;
	handle(write);
	assert_string_equal(calls, "l");
	injected(VEC_GP);
	fake_partition.hypercall_overlay.gpa = GPA(0x8000);
	handle(write);
	assert_string_equal(calls, "lM");
	moved(false);
}

/* Its own end only; the dump of its control block is not for the log. */
static void test_child_fails(void **state)
{
	(void)state;
	handle((struct exit){ .kind = EXIT_INTERNAL });
	assert_string_equal(calls, "f");
	handle((struct exit){ .kind = EXIT_ENTRY_FAILED });
	assert_string_equal(calls, "f");
	assert_int_equal(dumps, 0);
}

/* Where only an NMI could wake it the parent hears of it. */
static void test_child_halts(void **state)
{
	(void)state;
	fake_vp.regs.rflags = RFLAGS_FIXED | RFLAGS_IF;
	handle((struct exit){ .kind = EXIT_HLT });
	assert_string_equal(calls, "");
	assert_int_equal(fake_vp.stop, VP_STOP_HALT);
	fake_vp.regs.rflags = RFLAGS_FIXED;
	handle((struct exit){ .kind = EXIT_HLT });
	assert_string_equal(calls, "H");
	assert_int_equal(fake_vp.stop, VP_STOP_HALT);
}

/* An interrupt that came before STI was looked at then, and its work bit taken. */
static void test_child_halts_with_interrupt(void **state)
{
	(void)state;
	fake_vp.regs.rflags = RFLAGS_FIXED | RFLAGS_IF;
	handle((struct exit){ .kind = EXIT_HLT });
	assert_int_equal(fake_vp.work, 0);
	irr_highest = 0x51;
	handle((struct exit){ .kind = EXIT_HLT });
	assert_int_equal(fake_vp.stop, VP_STOP_HALT);
	assert_int_equal(fake_vp.work, VP_WORK_INTERRUPT);
}

static void test_child_msrs(void **state)
{
	(void)state;
	gpr[GPR_RAX] = 0x99999999bbbbbbbbull;
	gpr[GPR_RDX] = 0x99999999aaaaaaaaull;
	/* Nobody knows it: #GP, unless the parent wants to. */
	handle((struct exit){ .kind = EXIT_WRMSR, .msr = { 0x1234 } });
	assert_string_equal(calls, "W");
	injected(VEC_GP);
	handle((struct exit){ .kind = EXIT_RDMSR, .msr = { 0x1234 } });
	assert_string_equal(calls, "R");
	injected(VEC_GP);
	wanted = true;
	handle((struct exit){ .kind = EXIT_WRMSR, .msr = { 0x1234 } });
	handle((struct exit){ .kind = EXIT_RDMSR, .msr = { 0x1234 } });
	assert_int_equal(fake_injected, 0);
	moved(false);
	assert_int_equal(gpr[GPR_RAX], 0x99999999bbbbbbbbull);
	/* What is known here the parent does not see. */
	msr_known = true;
	handle((struct exit){ .kind = EXIT_WRMSR, .msr = { 0x1234 } });
	assert_string_equal(calls, "");
	moved(true);
	handle((struct exit){ .kind = EXIT_RDMSR, .msr = { 0x1234 } });
	assert_string_equal(calls, "");
	moved(true);
	assert_int_equal(gpr[GPR_RAX], 0x55667788);
	assert_int_equal(gpr[GPR_RDX], 0x11223344);
}

static void test_child_cpuid(void **state)
{
	(void)state;
	gpr[GPR_RAX] = 0xffffffff40000001ull;
	gpr[GPR_RCX] = 7;
	fake_partition.intercepts.cpuid_count = 1;
	wanted = true;
	handle((struct exit){ .kind = EXIT_CPUID });
	assert_string_equal(calls, "C");
	assert_int_equal(gpr[GPR_RAX], 0xffffffff40000001ull);
	moved(false);
	wanted = false;
	handle((struct exit){ .kind = EXIT_CPUID });
	assert_string_equal(calls, "C");
	moved(true);
	assert_int_equal(gpr[GPR_RAX], 1);
	assert_int_equal(gpr[GPR_RBX], 2);
	assert_int_equal(gpr[GPR_RCX], 3);
	assert_int_equal(gpr[GPR_RDX], 4);
	/* None is asked for: not even looked. */
	gpr[GPR_RAX] = 0x40000001;
	gpr[GPR_RCX] = 7;
	fake_partition.intercepts.cpuid_count = 0;
	handle((struct exit){ .kind = EXIT_CPUID });
	assert_string_equal(calls, "");
}

static struct exit exception(u8 vector)
{
	return (struct exit){ .kind = EXIT_EXCEPTION,
		.exception = {
			.vector = vector, .has_error = true, .error = 5, .address = 0x6000 } };
}

static void test_child_exceptions(void **state)
{
	(void)state;
	for (u8 vector = 0; vector < 32; vector++) {
		if (vector == VEC_MC)
			continue;
		fake_partition.intercepts.exceptions = ~(1u << vector);
		handle(exception(vector));
		assert_string_equal(calls, "");
		if (vector == VEC_BP || vector == VEC_OF) {
			assert_int_equal(fake_injected, 0);
		} else {
			assert_int_equal(fake_event.error, 5);
			injected(vector);
		}
		fake_partition.intercepts.exceptions = 1u << vector;
		wanted = true;
		handle(exception(vector));
		assert_string_equal(calls, "E");
		assert_int_equal(fake_injected, 0);
		wanted = false;
	}
	handle(exception(VEC_PF));
	assert_int_equal(fake_fault_address, 0x6000);
}

/* Whoever runs, and whatever its parent wants. */
static void test_machine_check(void **state)
{
	(void)state;
	fake_partition.intercepts.exceptions = ~0u;
	wanted = true;
	if (!setjmp(died)) {
		handle(exception(VEC_MC));
		fail();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_delegation, setup),
		cmocka_unit_test_setup(test_delegation, setup_child),
		cmocka_unit_test_setup(test_root_is_refused, setup),
		cmocka_unit_test_setup(test_root_fails, setup),
		cmocka_unit_test_setup(test_root_halts, setup),
		cmocka_unit_test_setup(test_child_io_and_memory, setup_child),
		cmocka_unit_test_setup(test_child_writes, setup_child),
		cmocka_unit_test_setup(test_child_fails, setup_child),
		cmocka_unit_test_setup(test_child_halts, setup_child),
		cmocka_unit_test_setup(test_child_halts_with_interrupt, setup_child),
		cmocka_unit_test_setup(test_child_msrs, setup_child),
		cmocka_unit_test_setup(test_child_cpuid, setup_child),
		cmocka_unit_test_setup(test_child_exceptions, setup_child),
		cmocka_unit_test_setup(test_machine_check, setup_child),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

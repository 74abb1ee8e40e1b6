/* SPDX-License-Identifier: MIT */
/*
 * The worker's answers to intercepts of each kind but strings and memory.
 * sources: rootpart/worker/intercept.c rootpart/worker/intercept_io.c
 * sources: rootpart/worker/intercept_memory.c rootpart/worker/intercept_string.c
 * sources: rootpart/worker/vp.c rootpart/worker/vp_memory.c rootpart/worker/ports.c
 * sources: rootpart/worker/power.c lib/insn.c lib/insn_access.c lib/insn_address.c
 * sources: lib/mmio_emulate.c rootpart/worker/memory.c rootpart/worker/machine.c
 * sources: rootpart/worker/uart.c rootpart/worker/rtc.c lib/date.c
 * sources: rootpart/worker/console.c rootpart/worker/report.c rootpart/worker/sys.c lib/format.c
 * sources: tests/unit/fake_worker.c tests/unit/host_assert.c
 * sources: rootpart/worker/ioapic.c rootpart/worker/bus.c rootpart/worker/crash.c
 */
#include "worker_child.h"

#include "base/errno.h"
#include "hv/msr.h"

#define DIRTY(what) assert_int_equal(regs->dirty, (what))

static const u8 in_al_dx[] = { 0xec }, out_dx_al[] = { 0xee }, in_ax_dx[] = { 0x66, 0xed };

static void port_reads(void **state)
{
	static const struct {
		u8 size;
		u64 rax;
	} samples[] = { { 1, 0x11223344556677ffull }, { 2, 0x112233445566ffffull },
		{ 4, 0xffffffff } };

	for (u32 i = 0; i < ARRAY_SIZE(samples); i++) {
		child_setup(state);
		gpr[RAX] = 0x1122334455667788ull;
		child_port(0x80, HV_ACCESS_READ, samples[i].size, in_al_dx, 1)->header.length_cr8 =
			0xf3;
		child_run();
		assert_int_equal(gpr[RAX], samples[i].rax);
		assert_int_equal(regs->rip, RIP + 3);
		DIRTY(HV_DIRTY_GPRS | HV_DIRTY_RIP);
	}
	/* From a device, and with the length by the decoder. */
	child_setup(state);
	gpr[RAX] = ~0ull;
	child_port(0x3fd, HV_ACCESS_READ, 1, in_al_dx, 1);
	child_run();
	assert_int_equal(gpr[RAX], 0xffffffffffffff60ull);
	assert_int_equal(regs->rip, RIP + 1);
	child_port(0x3fd, HV_ACCESS_READ, 2, in_ax_dx, 2);
	child_run();
	assert_int_equal(gpr[RAX], 0xffffffffffffb060ull);
	assert_int_equal(regs->rip, RIP + 3);
	assert_int_equal(fake.calls[WORKER_SET_REGISTERS], 0);
}

static void port_writes(void **state)
{
	(void)state;
	gpr[RAX] = 0xdeadbeef00000000ull | 'H';
	child_port(0x3f8, HV_ACCESS_WRITE, 1, out_dx_al, 1)->header.length_cr8 = 1;
	child_run();
	assert_int_equal(machine.uart.tx[0], 'H');
	assert_int_equal(regs->rip, RIP + 1);
	DIRTY(HV_DIRTY_RIP);
	/* Wider ones fall apart: IER, IIR, and the divisor once more. */
	gpr[RAX] = 0x0b000000 | '\n';
	child_port(0x3f8, HV_ACCESS_WRITE, 4, out_dx_al, 1)->header.length_cr8 = 1;
	child_run();
	assert_int_equal(machine.uart.lcr, 0x0b);
	assert_int_equal(fake.console_size, 2);
	assert_memory_equal(fake.console, "H\n", 2);
	child_port(0x3f8, HV_ACCESS_WRITE, 3, out_dx_al, 1);
	fake.resumed[0] = 0;
	child_ends(0, WORKER_END_FAILED, "VP 0: port access of 3 bytes");
}

/* Bytes that the message lacks are fetched. */
static void lengths_are_found_out(void **state)
{
	(void)state;
	memcpy(fake_memory(RIP), "\x66\x66\xee", 3);
	child_port(0x80, HV_ACCESS_WRITE, 1, NULL, 0);
	child_run();
	assert_int_equal(regs->rip, RIP + 3);
	assert_int_equal(fake.last_flags, HV_TRANSLATE_EXEC | HV_TRANSLATE_SET_BITS);
	/* The last byte in another page, which is not mapped. */
	regs->rip = 0x2fff;
	*fake_memory(0x2fff) = 0x66;
	fake_map(0x3000, 0, HV_TRANSLATE_NOT_PRESENT, 0);
	child_port(0x80, HV_ACCESS_WRITE, 1, (const u8 *)"\x66", 1);
	child_run();
	regs->rip = RIP;
	child_takes_pf(0x3000, 0);
	assert_int_equal(machine.uart.tx_count, 0);
	/* What no decoder knows. */
	child_setup(state);
	child_port(0x80, HV_ACCESS_WRITE, 1, (const u8 *)"\x62\xff\xff\xff", 4);
	child_run();
	child_takes(VEC_GP, 0);
	assert_string_equal(fake.log, "VP 0: instruction on a port not emulated, #GP at RIP "
				      "0x1000, bytes 62 ff ff ff\n");
}

static void rip_wraps_outside_of_64_bit_mode(void **state)
{
	(void)state;
	child_32();
	regs->rip = 0xffffffff;
	child_port(0x80, HV_ACCESS_WRITE, 1, out_dx_al, 1)->header.length_cr8 = 1;
	child_run();
	assert_int_equal(regs->rip, 0);
}

static void flags_of_an_instruction_carried_out(void **state)
{
	union hv_register_value v;

	(void)state;
	/* RF is done with; a shadow ends. */
	regs->rflags = RFLAGS_FIXED | RFLAGS_RF | RFLAGS_IF;
	regs->interrupt_state = HV_INTERRUPT_STATE_SHADOW | HV_INTERRUPT_STATE_NMI_MASKED;
	child_port(0x80, HV_ACCESS_WRITE, 1, out_dx_al, 1)->header.execution = HV_EXECUTION_SHADOW;
	child_run();
	assert_int_equal(regs->rflags, RFLAGS_FIXED | RFLAGS_IF);
	DIRTY(HV_DIRTY_RIP | HV_DIRTY_RFLAGS);
	assert_true(fake_was_set(0, HV_REGISTER_INTERRUPT_STATE, &v));
	assert_int_equal(v.u64, HV_INTERRUPT_STATE_NMI_MASKED);
	child_takes_nothing();
	/* TF traps behind it. */
	regs->rflags |= RFLAGS_TF;
	child_port(0x80, HV_ACCESS_WRITE, 1, out_dx_al, 1);
	child_run();
	assert_int_equal(regs->rip, RIP + 2);
	regs->rip = RIP;
	child_takes(VEC_DB, ~0u);
	assert_true(fake_was_set(0, HV_X64_REGISTER_DR6, &v));
	assert_int_equal(v.u64, 0x4000);
}

static void writes_that_end_the_child(void **state)
{
	(void)state;
	machine.uart.tx[0] = '$';
	machine.uart.tx_count = 1;
	gpr[RAX] = 0x34;
	child_port(0x600, HV_ACCESS_WRITE, 1, out_dx_al, 1);
	child_ends(0, WORKER_END_POWEROFF, "VP 0 switched the machine off");
	/* What it had printed comes out. */
	assert_int_equal(fake.console_size, 1);
	child_setup(state);
	gpr[RAX] = 0xfe;
	child_port(0x64, HV_ACCESS_WRITE, 1, out_dx_al, 1);
	child_ends(0, WORKER_END_RESET, "VP 0 reset the machine");
}

static void msrs_fault(void **state)
{
	(void)state;
	child_message(0, HV_MESSAGE_MSR, sizeof(struct hv_msr_intercept));
	child_run();
	child_takes(VEC_GP, 0);
	DIRTY(0);
	/* Real mode pushes no error code. */
	child_setup(state);
	child_16();
	child_message(0, HV_MESSAGE_MSR, sizeof(struct hv_msr_intercept));
	child_run();
	child_takes(VEC_GP, ~0u);
}

static void msr_written(u32 msr, u64 v)
{
	struct hv_msr_intercept *m = child_message(0, HV_MESSAGE_MSR, sizeof(*m));

	m->header.access = HV_ACCESS_WRITE;
	m->header.length_cr8 = 2;
	m->msr = msr;
	/* The upper halves of the registers are not meant. */
	m->rax = 0xeeeeeeee00000000 | (u32)v;
	m->rdx = v >> 32;
}

static void reset_by_msr(void **state)
{
	(void)state;
	msr_written(HV_MSR_RESET, 1);
	child_ends(0, WORKER_END_RESET, "VP 0: reset by MSR");
}

static void set_crash(u32 i, u64 v)
{
	fake.set[fake.set_count++] =
		(struct fake_set){ 0, HV_X64_REGISTER_CRASH_P0 + i, { .u64 = v } };
}

/* The child goes on behind the instruction; its words come through, printable. */
static void crash_is_told(void **state)
{
	static const char text[] = "Kernel panic\n\x1b[2Jnot \x9bsyncing";

	(void)state;
	for (u32 i = 0; i < 5; i++)
		set_crash(i, 0x10 + i);
	msr_written(HV_MSR_CRASH_CTL, HV_CRASH_NOTIFY);
	child_run();
	assert_int_equal(regs->rip, RIP + 2);
	child_takes_nothing();
	for (u32 i = 0; i < 5; i++)
		assert_int_equal(fake.crash.parameter[i], 0x10 + i);
	assert_string_equal(fake.crash_text, "");
	assert_string_equal(fake.log, "VP 0: the guest crashed: 0x10 0x11 0x12 0x13 0x14\n");
	/* With text. */
	memcpy(fake_memory(0x3000), text, sizeof(text));
	set_crash(3, 0x3000);
	set_crash(4, sizeof(text) - 1);
	msr_written(HV_MSR_CRASH_CTL, HV_CRASH_NOTIFY | HV_CRASH_MESSAGE);
	child_run();
	assert_string_equal(fake.crash_text, "Kernel panic\n [2Jnot  syncing");
}

/* Of the text only 4 KiB, and nothing from where there is no memory. */
static void crash_lies(void **state)
{
	static const struct {
		u64 at, size;
		u32 text;
	} rows[] = {
		{ 0x2000, 4096, 4096 },
		{ 0x2000, 4097, 4096 },
		{ 0x2000, ~0ull, 4096 },
		{ CHILD_RAM - 4096, 4096, 4096 },
		{ CHILD_RAM - 4095, 4096, 0 }, /* ROM behind it is another region */
		{ NOWHERE, 100, 0 },
		{ ~0ull - 50, 100, 0 },
		{ 0x2000, 0, 0 },
	};

	for (u32 i = 0; i < ARRAY_SIZE(rows); i++) {
		child_setup(state);
		memset(fake_memory(0x2000), 'a', 8192);
		memset(fake_memory(CHILD_RAM - 4096), 'b', 4096);
		set_crash(3, rows[i].at);
		set_crash(4, rows[i].size);
		msr_written(HV_MSR_CRASH_CTL, HV_CRASH_NOTIFY | HV_CRASH_MESSAGE);
		child_run();
		assert_int_equal(strlen(fake.crash_text), rows[i].text);
		assert_int_equal(fake.calls[WORKER_CRASH], 1);
	}
}

static void cpuid_gives_the_default(void **state)
{
	struct hv_cpuid_intercept *c = child_message(0, HV_MESSAGE_CPUID, sizeof(*c));

	(void)state;
	c->default_rax = 1;
	c->default_rbx = 2;
	c->default_rcx = 3;
	c->default_rdx = 4;
	c->header.length_cr8 = 2;
	child_run();
	assert_int_equal(gpr[RAX], 1);
	assert_int_equal(gpr[RBX], 2);
	assert_int_equal(gpr[RCX], 3);
	assert_int_equal(gpr[RDX], 4);
	assert_int_equal(regs->rip, RIP + 2);
	DIRTY(HV_DIRTY_GPRS | HV_DIRTY_RIP);
	/* Without a length it must stand there. */
	c->header.length_cr8 = 0;
	memcpy(fake_memory(RIP + 2), "\xf3\x0f\xa2", 3);
	child_run();
	assert_int_equal(regs->rip, RIP + 5);
	fake.resumed[0] = 0;
	child_ends(0, WORKER_END_FAILED, "VP 0: no CPUID at RIP 0x1005");
}

static void exceptions_are_passed_on(void **state)
{
	struct hv_exception_intercept *e = child_message(0, HV_MESSAGE_EXCEPTION, sizeof(*e));
	union hv_register_value v;

	(void)state;
	e->vector = VEC_UD;
	child_run();
	child_takes(VEC_UD, ~0u);
	e->vector = VEC_GP;
	e->info = HV_EXCEPTION_HAS_ERROR;
	e->error = 0x1234;
	child_run();
	child_takes(VEC_GP, 0x1234);
	e->vector = VEC_PF;
	e->error = 6;
	e->parameter = 0xffff800000001234ull;
	child_run();
	child_takes_pf(0xffff800000001234ull, 6);
	e->vector = VEC_BP;
	e->info = HV_EXCEPTION_SOFTWARE;
	e->header.length_cr8 = 1;
	child_run();
	assert_true(fake_was_set(0, HV_REGISTER_PENDING_INTERRUPTION, &v));
	assert_int_equal(v.u64, 1 | 6 << 1 | 1 << 5 | VEC_BP << 16);
}

static void triple_fault_resets(void **state)
{
	(void)state;
	child_message(0, HV_MESSAGE_TRIPLE_FAULT, sizeof(struct hv_intercept_header));
	fake_registers[0].valid = 0;
	child_ends(0, WORKER_END_RESET, "VP 0: triple fault at RIP 0x1000");
	assert_string_equal(fake.log, "VP 0: triple fault at RIP 0x1000\n");
}

static void halts(u32 vp)
{
	child_message(vp, HV_MESSAGE_HALT, sizeof(struct hv_intercept_header));
}

static void last_vp_to_halt_switches_off(void **state)
{
	(void)state;
	fake.start.vp_count = 3;
	fake.activity[2] = HV_ACTIVITY_STARTUP_SUSPEND;
	fake.running = BIT(1);
	halts(0);
	child_run();
	assert_int_equal(regs->rip, RIP);
	DIRTY(0);
	assert_int_equal(fake.set_count, 0);
	/* An NMI wakes it, it asks for something, and halts again. */
	fake.running = BIT(1);
	child_port(0x80, HV_ACCESS_WRITE, 1, out_dx_al, 1);
	child_run();
	fake.running = BIT(0);
	halts(1);
	child_vp = 1;
	assert_int_equal(fake_run(child_stops), FAKE_RETURNED);
	fake.running = BIT(1);
	fake.resumed[0] = 0;
	halts(0);
	child_ends(0, WORKER_END_POWEROFF, "all VPs halted with interrupts off");
}

/* VP 1 waits for its worker, too, but for something else. */
static void stopped_is_not_halted(void **state)
{
	(void)state;
	halts(0);
	child_run();
	fake.start.vp_count = 1;
	fake.resumed[0] = 0;
	child_ends(0, WORKER_END_POWEROFF, "all VPs halted with interrupts off");
}

static void what_cannot_go_on(void **state)
{
	struct hv_unsupported_feature *u;

	(void)state;
	child_message(0, HV_MESSAGE_INVALID_REGISTER, sizeof(struct hv_invalid_register));
	child_ends(0, WORKER_END_FAILED,
		"VP 0: the processor refuses to run it with the registers it has");
	child_setup(state);
	u = child_message(1, HV_MESSAGE_UNSUPPORTED_FEATURE, sizeof(*u));
	u->code = 2;
	u->parameter = 0x28;
	child_ends(1, WORKER_END_FAILED,
		"VP 1: feature 2 of the processor is not supported, parameter 0x28");
	child_setup(state);
	child_message(0, 0x80010009, 40);
	child_ends(
		0, WORKER_END_FAILED, "VP 0: intercept of unknown type 0x80010009 with 40 bytes");
	child_setup(state);
	child_message(0, HV_MESSAGE_IO_PORT, sizeof(struct hv_io_intercept) - 1);
	child_ends(
		0, WORKER_END_FAILED, "VP 0: intercept of unknown type 0x80010000 with 127 bytes");
	child_setup(state);
	child_port(0x80, HV_ACCESS_WRITE, 1, out_dx_al, 1);
	regs->valid = 0;
	child_ends(0, WORKER_END_FAILED, "VP 0: intercept of type 0x80010000 without registers");
	child_setup(state);
	child_message(0, HV_MESSAGE_MSR, sizeof(struct hv_msr_intercept));
	fake.set_error = -EINVAL;
	child_ends(0, WORKER_END_FAILED,
		"VP 0: the hypervisor refused value 0xd0017 for register 0x10002");
}

static void log_lines_are_limited(void **state)
{
	u32 lines = 0;

	(void)state;
	for (u32 i = 0; i < 1000; i++) {
		child_port(0x80, HV_ACCESS_WRITE, 1, (const u8 *)"\x62\xff\xff\xff", 4);
		child_run();
	}
	for (const char *p = fake.log; *p; p++)
		lines += *p == '\n';
	assert_int_equal(lines, 21);
	fake.time += 10000000000ull;
	child_run();
	assert_int_equal(fake.calls[WORKER_LOG], 22);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(port_reads),
		cmocka_unit_test_setup(port_writes, child_setup),
		cmocka_unit_test_setup(lengths_are_found_out, child_setup),
		cmocka_unit_test_setup(rip_wraps_outside_of_64_bit_mode, child_setup),
		cmocka_unit_test_setup(flags_of_an_instruction_carried_out, child_setup),
		cmocka_unit_test_setup(writes_that_end_the_child, child_setup),
		cmocka_unit_test_setup(msrs_fault, child_setup),
		cmocka_unit_test_setup(reset_by_msr, child_setup),
		cmocka_unit_test_setup(crash_is_told, child_setup),
		cmocka_unit_test_setup(crash_lies, child_setup),
		cmocka_unit_test_setup(cpuid_gives_the_default, child_setup),
		cmocka_unit_test_setup(exceptions_are_passed_on, child_setup),
		cmocka_unit_test_setup(triple_fault_resets, child_setup),
		cmocka_unit_test_setup(last_vp_to_halt_switches_off, child_setup),
		cmocka_unit_test_setup(stopped_is_not_halted, child_setup),
		cmocka_unit_test_setup(what_cannot_go_on, child_setup),
		cmocka_unit_test_setup(log_lines_are_limited, child_setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/*
 * String instructions on ports and on places without memory: all sizes, both
 * directions, address sizes, segments, page crossings, faults, and the limit.
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

#define COM1 0x3f8
#define SCR  0x3ff
#define ONCE 0
#define RW   (HV_TRANSLATE_READ | HV_TRANSLATE_WRITE)

/* One stop of an instruction of these bytes. */
#define PORT_OUT(port, size, ...)                                           \
	port_stop(port, HV_ACCESS_WRITE, size, (const u8[]){ __VA_ARGS__ }, \
		sizeof((const u8[]){ __VA_ARGS__ }))
#define PORT_IN(port, size, ...)                                           \
	port_stop(port, HV_ACCESS_READ, size, (const u8[]){ __VA_ARGS__ }, \
		sizeof((const u8[]){ __VA_ARGS__ }))
#define TOUCH(access, ...) \
	touch_stop(access, (const u8[]){ __VA_ARGS__ }, sizeof((const u8[]){ __VA_ARGS__ }))

static void port_stop(u16 port, u8 access, u8 size, const u8 *bytes, size_t count)
{
	child_port(port, access, size | HV_IO_STRING, bytes, count);
	child_run();
}

static void touch_stop(u8 access, const u8 *bytes, size_t count)
{
	child_touches(NOWHERE, access, bytes, count);
	child_run();
}

static void outs_of_each_size(void **state)
{
	(void)state;
	memcpy(fake_memory(0x5000), "abcdefgh", 8);
	gpr[RSI] = 0x5000;
	PORT_OUT(COM1, 1, 0x6e); /* outsb */
	assert_int_equal(machine.uart.tx[0], 'a');
	assert_int_equal(gpr[RSI], 0x5001);
	assert_int_equal(regs->rip, RIP + 1);
	assert_int_equal(regs->dirty, HV_DIRTY_GPRS | HV_DIRTY_RIP);
	PORT_OUT(SCR - 1, 2, 0x66, 0x6f); /* outsw */
	assert_int_equal(machine.uart.scr, 'c');
	assert_int_equal(gpr[RSI], 0x5003);
	PORT_OUT(SCR - 3, 4, 0x6f); /* outsd */
	assert_int_equal(machine.uart.scr, 'g');
	assert_int_equal(gpr[RSI], 0x5007);
	/* REX.W makes it no wider. */
	PORT_OUT(SCR - 3, 4, 0x48, 0x6f);
	assert_int_equal(gpr[RSI], 0x500b);
	assert_int_equal(regs->rip, RIP + 6);
	assert_false(fake_dirty(0x5000));
}

static void ins_of_each_size(void **state)
{
	(void)state;
	machine.uart.scr = 'S';
	gpr[RDI] = 0x6000;
	PORT_IN(SCR, 1, 0x6c);
	PORT_IN(SCR - 1, 2, 0x66, 0x6d);
	PORT_IN(SCR - 3, 4, 0x6d);
	assert_memory_equal(fake_memory(0x6000), "S\xb0S\x00\x60\xb0S\0", 8);
	assert_int_equal(gpr[RDI], 0x6007);
	assert_true(fake_dirty(0x6000));
	assert_int_equal(regs->rip, RIP + 4);
}

static void repeated_output_is_a_line(void **state)
{
	(void)state;
	memcpy(fake_memory(0x5000), "hello\n", 6);
	gpr[RSI] = 0x5000;
	gpr[RCX] = 6;
	PORT_OUT(COM1, 1, 0xf3, 0x6e);
	assert_int_equal(fake.console_size, 6);
	assert_memory_equal(fake.console, "hello\n", 6);
	assert_int_equal(fake.calls[WORKER_CONSOLE_WRITE], 1);
	assert_int_equal(gpr[RCX], 0);
	assert_int_equal(gpr[RSI], 0x5006);
	assert_int_equal(regs->rip, RIP + 2);
	/* REPNE repeats the same way; a count of 0 does nothing. */
	gpr[RCX] = 2;
	PORT_OUT(COM1, 1, 0xf2, 0x6e);
	assert_int_equal(gpr[RSI], 0x5008);
	PORT_OUT(COM1, 1, 0xf3, 0x6e);
	assert_int_equal(gpr[RSI], 0x5008);
	assert_int_equal(regs->rip, RIP + 6);
}

static void backwards(void **state)
{
	(void)state;
	memcpy(fake_memory(0x4ffa), "0123456789ab", 12);
	regs->rflags |= RFLAGS_DF;
	gpr[RSI] = 0x5004;
	gpr[RCX] = 4;
	PORT_OUT(COM1, 1, 0xf3, 0x6e);
	assert_memory_equal(machine.uart.tx, "a987", 4);
	assert_int_equal(gpr[RSI], 0x5000);
	machine.uart.scr = 'z';
	gpr[RDI] = 0x7004;
	gpr[RCX] = 3;
	PORT_IN(SCR - 3, 4, 0xf3, 0x6d);
	assert_int_equal(gpr[RDI], 0x6ff8);
	assert_memory_equal(fake_memory(0x6ffc), "\x00\x60\xb0z\x00\x60\xb0z\x00\x60\xb0z", 12);
	assert_true(fake_dirty(0x6000) && fake_dirty(0x7000));
}

/* The rest is done when the guest comes back. */
static void long_ones_are_cut(void **state)
{
	u32 stops = 0;

	(void)state;
	gpr[RDI] = 0x100000;
	gpr[RCX] = 5000;
	do {
		u64 before = gpr[RCX];

		PORT_IN(0x80, 1, 0xf3, 0x6c);
		stops++;
		assert_true(before - gpr[RCX] <= 1024);
		assert_int_equal(gpr[RDI], 0x100000 + 5000 - gpr[RCX]);
		assert_int_equal(regs->rip, gpr[RCX] ? RIP : RIP + 2);
	} while (gpr[RCX]);
	assert_int_equal(stops, 5);
	assert_int_equal(*fake_memory(0x100000 + 4999), 0xff);
	assert_int_equal(*fake_memory(0x100000 + 5000), 0);
	/* Each page was translated once per stop. */
	assert_true(fake.calls[WORKER_TRANSLATE] <= 2 * stops);
}

static void faults_in_the_middle(void **state)
{
	(void)state;
	memcpy(fake_memory(0x5ffd), "xyz", 3);
	fake_map(0x6000, 0, HV_TRANSLATE_NOT_PRESENT, 0);
	gpr[RSI] = 0x5ffd;
	gpr[RCX] = 10;
	PORT_OUT(COM1, 1, 0xf3, 0x6e);
	assert_memory_equal(machine.uart.tx, "xyz", 3);
	assert_int_equal(machine.uart.tx_count, 3);
	assert_int_equal(gpr[RCX], 7);
	assert_int_equal(gpr[RSI], 0x6000);
	child_takes_pf(0x6000, 0);
	assert_int_equal(regs->dirty, HV_DIRTY_GPRS);
	/* The guest maps it, and the instruction goes on. */
	fake.page_count = 0;
	memcpy(fake_memory(0x6000), "1234567", 7);
	PORT_OUT(COM1, 1, 0xf3, 0x6e);
	assert_memory_equal(machine.uart.tx, "xyz1234567", 10);
	assert_int_equal(regs->rip, RIP + 2);
}

/* A byte is not taken from a device before there is a place for it. */
static void ins_reads_after_translating(void **state)
{
	(void)state;
	uart_receive(&machine.uart, (const u8 *)"K", 1);
	gpr[RDI] = 0x8000;
	fake_map(0x8000, 0x8000, HV_TRANSLATE_SUCCESS, HV_TRANSLATE_READ);
	fake_intercepts[0].payload[0] = 0;
	child_port(COM1, HV_ACCESS_READ, 1 | HV_IO_STRING, (const u8[]){ 0x6c }, 1)
		->header.execution = 3;
	child_run();
	child_takes_pf(0x8000, 7); /* present, write, user */
	assert_int_equal(machine.uart.rx_count, 1);
	assert_int_equal(fake.last_flags, HV_TRANSLATE_WRITE | HV_TRANSLATE_SET_BITS);
	/* Half of it in a page that is not there. */
	gpr[RDI] = 0x8fff;
	fake.page_count = 0;
	fake_map(0x9000, 0, HV_TRANSLATE_INVALID_FLAGS, 0);
	PORT_IN(COM1, 2, 0x66, 0x6d);
	child_takes_pf(0x9000, 0xb);
	assert_int_equal(machine.uart.rx_count, 1);
	assert_int_equal(*fake_memory(0x8fff), 0);
	assert_int_equal(gpr[RDI], 0x8fff);
}

static void pages_need_not_follow_each_other(void **state)
{
	(void)state;
	fake_map(0xffff800000001000, 0x20000, HV_TRANSLATE_SUCCESS, RW);
	fake_map(0xffff800000002000, 0x10000, HV_TRANSLATE_SUCCESS, RW);
	memcpy(fake_memory(0x20ffe), "ab", 2);
	memcpy(fake_memory(0x10000), "cd", 2);
	gpr[RSI] = 0xffff800000001ffe;
	gpr[RCX] = 4;
	PORT_OUT(COM1, 1, 0xf3, 0x6e);
	assert_memory_equal(machine.uart.tx, "abcd", 4);
	gpr[RSI] = 0xffff800000001ffe;
	PORT_OUT(SCR - 3, 4, 0x6f);
	assert_int_equal(machine.uart.scr, 'd');
	gpr[RDI] = 0xffff800000001fff;
	PORT_IN(SCR - 3, 4, 0x6d);
	assert_int_equal(*fake_memory(0x20fff), 'a' & 0x1f); /* MCR has five bits */
	assert_memory_equal(fake_memory(0x10000),
		"\x60\xb0"
		"d",
		3);
	assert_true(fake_dirty(0x20000) && fake_dirty(0x10000));
}

static void address_sizes(void **state)
{
	(void)state;
	*fake_memory(0x5000) = 'q';
	/* ECX counts, ESI points, and both lose what is above. */
	gpr[RCX] = 0xffffffff00000001;
	gpr[RSI] = 0x1234567800005000;
	PORT_OUT(COM1, 1, 0xf3, 0x67, 0x6e);
	assert_int_equal(machine.uart.tx[0], 'q');
	assert_int_equal(gpr[RCX], 0);
	assert_int_equal(gpr[RSI], 0x5001);
	/* CX and SI keep it; SI goes around. */
	child_16();
	regs->ds.base = 0x10000;
	*fake_memory(0x1ffff) = 'r';
	*fake_memory(0x10000) = 's';
	gpr[RCX] = 0xabc0002;
	gpr[RSI] = 0xabcffff;
	PORT_OUT(COM1, 1, 0xf3, 0x6e);
	assert_memory_equal(machine.uart.tx, "qrs", 3);
	assert_int_equal(gpr[RCX], 0xabc0000);
	assert_int_equal(gpr[RSI], 0xabc0001);
	assert_int_equal(fake.calls[WORKER_TRANSLATE], 1); /* none without paging */
}

static void segments(void **state)
{
	(void)state;
	regs->gs.base = 0x30000;
	regs->ds.base = 0x40000; /* means nothing in 64-bit mode */
	*fake_memory(0x30010) = 'g';
	*fake_memory(0x10) = 'd';
	gpr[RSI] = 0x10;
	PORT_OUT(COM1, 1, 0x65, 0x6e);
	gpr[RSI] = 0x10;
	PORT_OUT(COM1, 1, 0x6e);
	assert_memory_equal(machine.uart.tx, "gd", 2);
	child_32();
	regs->ss.base = 0x50000;
	regs->es.base = 0xfffff000;
	*fake_memory(0x50010) = 's';
	gpr[RSI] = 0x10;
	PORT_OUT(COM1, 1, 0x36, 0x6e);
	assert_int_equal(machine.uart.tx[2], 's');
	gpr[RDI] = 0x2000; /* beyond 4 GiB it begins again */
	PORT_IN(SCR - 1, 1, 0x6c);
	assert_int_equal(*fake_memory(0x1000), 0xb0);
}

static void refused_by_segment(u8 vector, u32 error)
{
	union hv_register_value v;

	child_takes(vector, error);
	assert_false(fake_was_set(0, HV_X64_REGISTER_CR2, &v));
	assert_int_equal(machine.uart.tx_count, 0);
	fake.set_count = 0;
}

static void segment_limits_and_rights(void **state)
{
	(void)state;
	gpr[RSI] = 0x00007fffffffffff;
	PORT_OUT(COM1, 2, 0x66, 0x6f); /* the second byte is not canonical */
	refused_by_segment(VEC_GP, 0);
	child_32();
	regs->ds.limit = 0x5000;
	gpr[RSI] = 0x5001;
	PORT_OUT(COM1, 1, 0x6e);
	refused_by_segment(VEC_GP, 0);
	gpr[RSI] = 0x4ffe;
	PORT_OUT(COM1, 4, 0x6f);
	refused_by_segment(VEC_GP, 0);
	regs->ss.limit = 0;
	PORT_OUT(COM1, 1, 0x36, 0x6e);
	refused_by_segment(VEC_SS, 0);
	regs->ds.attributes = 0x4013; /* not present */
	gpr[RSI] = 0;
	PORT_OUT(COM1, 1, 0x6e);
	refused_by_segment(VEC_GP, 0);
	gpr[RDI] = 0x8000;
	regs->es.attributes = 0xc091; /* read only */
	PORT_IN(COM1, 1, 0x6c);
	refused_by_segment(VEC_GP, 0);
	regs->es.attributes = 0xc09b; /* code */
	PORT_IN(COM1, 1, 0x6c);
	refused_by_segment(VEC_GP, 0);
	/* Expand down: what is above the limit. */
	regs->ds = (struct hv_segment){ .limit = 0xfff, .attributes = 0x4097 };
	gpr[RSI] = 0xfff;
	PORT_OUT(COM1, 1, 0x6e);
	refused_by_segment(VEC_GP, 0);
	regs->ds.attributes = 0x0097;
	gpr[RSI] = 0xffff;
	PORT_OUT(COM1, 2, 0x66, 0x6f);
	refused_by_segment(VEC_GP, 0);
	*fake_memory(0x1000) = 'v';
	gpr[RSI] = 0x1000;
	PORT_OUT(COM1, 1, 0x6e);
	assert_int_equal(machine.uart.tx[0], 'v');
	/* Real mode knows limits only. */
	child_16();
	regs->ds = (struct hv_segment){ .limit = 0x10, .attributes = 0 };
	regs->rip = RIP;
	machine.uart.tx_count = 0;
	gpr[RSI] = 0x11;
	PORT_OUT(COM1, 1, 0x6e);
	refused_by_segment(VEC_GP, ~0u);
	gpr[RSI] = 0x10;
	PORT_OUT(COM1, 1, 0x6e);
	assert_int_equal(machine.uart.tx_count, 1);
}

static void rom_and_nothing(void **state)
{
	(void)state;
	memcpy(fake_memory(CHILD_ROM), "rom!", 4);
	gpr[RSI] = CHILD_ROM;
	gpr[RDI] = CHILD_ROM;
	gpr[RCX] = 4;
	fake_map(CHILD_ROM, CHILD_ROM, HV_TRANSLATE_GPA_NO_WRITE, RW);
	PORT_OUT(COM1, 1, 0xf3, 0x6e);
	assert_memory_equal(machine.uart.tx, "rom!", 4);
	PORT_IN(COM1, 1, 0x6c);
	assert_memory_equal(fake_memory(CHILD_ROM), "rom!", 4);
	fake_map(NOWHERE, NOWHERE, HV_TRANSLATE_GPA_UNMAPPED, RW);
	gpr[RSI] = gpr[RDI] = NOWHERE;
	PORT_OUT(SCR, 1, 0x6e);
	assert_int_equal(machine.uart.scr, 0xff);
	PORT_IN(SCR, 1, 0x6c);
	child_takes_nothing();
}

/* What the child asks for on the way is granted at once. */
static void output_may_end_the_child(void **state)
{
	(void)state;
	memcpy(fake_memory(0x5000), "ShutdownShutdown", 16);
	gpr[RSI] = 0x5000;
	gpr[RCX] = 16;
	child_port(0x8900, HV_ACCESS_WRITE, 1 | HV_IO_STRING, (const u8[]){ 0xf3, 0x6e }, 2);
	child_ends(0, WORKER_END_POWEROFF, "VP 0 switched the machine off");
	assert_int_equal(gpr[RCX], 8);
}

/* The message calls it a string instruction, its bytes do not. */
static void other_instructions_are_refused(void **state)
{
	(void)state;
	PORT_OUT(COM1, 1, 0xee);
	child_takes(VEC_GP, 0);
	fake.set_count = 0;
	gpr[RSI] = gpr[RDI] = 0x5000;
	PORT_OUT(COM1, 1, 0xa4);
	child_takes(VEC_GP, 0);
	fake.set_count = 0;
	PORT_OUT(COM1, 1, 0x0f, 0x6e, 0xc0);
	child_takes(VEC_GP, 0);
	assert_int_equal(machine.uart.tx_count, 0);
	assert_int_equal(fake.calls[WORKER_LOG], 3);
}

static void moves_from_and_to_nowhere(void **state)
{
	(void)state;
	fake_map(NOWHERE, 0, HV_TRANSLATE_GPA_UNMAPPED, 0);
	memset(fake_memory(0x5000), 'm', 64);
	gpr[RSI] = NOWHERE;
	gpr[RDI] = 0x5004;
	gpr[RCX] = 3;
	TOUCH(HV_ACCESS_READ, 0xf3, 0x48, 0xa5); /* rep movsq */
	for (u32 i = 0; i < 24; i++)
		assert_int_equal(*fake_memory(0x5004 + i), 0xff);
	assert_int_equal(*fake_memory(0x5003), 'm');
	assert_int_equal(*fake_memory(0x501c), 'm');
	assert_int_equal(gpr[RSI], NOWHERE + 24);
	assert_int_equal(gpr[RDI], 0x501c);
	assert_int_equal(gpr[RCX], 0);
	assert_int_equal(regs->rip, RIP + 3);
	assert_true(fake_dirty(0x5000));
	gpr[RSI] = 0x5000;
	gpr[RDI] = NOWHERE;
	TOUCH(HV_ACCESS_WRITE, 0xa4); /* movsb */
	assert_int_equal(gpr[RDI], NOWHERE + 1);
	child_takes_nothing();
}

static void stores_and_loads(void **state)
{
	(void)state;
	fake_map(NOWHERE, 0, HV_TRANSLATE_GPA_UNMAPPED, 0);
	gpr[RAX] = 0x1122334455667788ull;
	gpr[RDI] = NOWHERE;
	gpr[RCX] = 2;
	TOUCH(HV_ACCESS_WRITE, 0xf3, 0xaa); /* rep stosb */
	assert_int_equal(gpr[RDI], NOWHERE + 2);
	gpr[RSI] = NOWHERE;
	TOUCH(HV_ACCESS_READ, 0xac); /* lodsb */
	assert_int_equal(gpr[RAX], 0x11223344556677ffull);
	TOUCH(HV_ACCESS_READ, 0x66, 0xad); /* lodsw */
	assert_int_equal(gpr[RAX], 0x112233445566ffffull);
	TOUCH(HV_ACCESS_READ, 0xad); /* lodsd */
	assert_int_equal(gpr[RAX], 0xffffffff);
	TOUCH(HV_ACCESS_READ, 0x48, 0xad); /* lodsq */
	assert_int_equal(gpr[RAX], ~0ull);
	assert_int_equal(gpr[RSI], NOWHERE + 15);
	/* Into RAM behind which there is nothing. */
	fake.page_count = 0;
	fake_map(CHILD_ROM, CHILD_ROM, HV_TRANSLATE_GPA_NO_WRITE, RW);
	gpr[RAX] = 0x2222222222222222ull;
	gpr[RDI] = CHILD_RAM - 4;
	TOUCH(HV_ACCESS_WRITE, 0x48, 0xab); /* stosq */
	assert_memory_equal(fake_memory(CHILD_RAM - 4), "\x22\x22\x22\x22\0\0\0\0", 8);
	assert_true(fake_dirty(CHILD_RAM - 4));
}

static void a_move_that_faults(void **state)
{
	(void)state;
	fake_map(NOWHERE, 0, HV_TRANSLATE_GPA_UNMAPPED, 0);
	fake_map(0x6000, 0, HV_TRANSLATE_NOT_PRESENT, 0);
	gpr[RSI] = NOWHERE;
	gpr[RDI] = 0x5ffa;
	gpr[RCX] = 4;
	TOUCH(HV_ACCESS_READ, 0xf3, 0xa5); /* rep movsd */
	child_takes_pf(0x6000, 2);
	assert_int_equal(gpr[RCX], 3);
	assert_int_equal(gpr[RSI], NOWHERE + 4);
	assert_int_equal(gpr[RDI], 0x5ffe);
	assert_memory_equal(fake_memory(0x5ffa), "\xff\xff\xff\xff\0\0", 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(outs_of_each_size, child_setup),
		cmocka_unit_test_setup(ins_of_each_size, child_setup),
		cmocka_unit_test_setup(repeated_output_is_a_line, child_setup),
		cmocka_unit_test_setup(backwards, child_setup),
		cmocka_unit_test_setup(long_ones_are_cut, child_setup),
		cmocka_unit_test_setup(faults_in_the_middle, child_setup),
		cmocka_unit_test_setup(ins_reads_after_translating, child_setup),
		cmocka_unit_test_setup(pages_need_not_follow_each_other, child_setup),
		cmocka_unit_test_setup(address_sizes, child_setup),
		cmocka_unit_test_setup(segments, child_setup),
		cmocka_unit_test_setup(segment_limits_and_rights, child_setup),
		cmocka_unit_test_setup(rom_and_nothing, child_setup),
		cmocka_unit_test_setup(output_may_end_the_child, child_setup),
		cmocka_unit_test_setup(other_instructions_are_refused, child_setup),
		cmocka_unit_test_setup(moves_from_and_to_nowhere, child_setup),
		cmocka_unit_test_setup(stores_and_loads, child_setup),
		cmocka_unit_test_setup(a_move_that_faults, child_setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/*
 * The worker's IOAPIC: registers as Linux reads and writes them, edges and
 * levels, ends of interrupts, the serial port's line, and the child's way there.
 * sources: rootpart/worker/ioapic.c rootpart/worker/bus.c rootpart/worker/machine.c
 * sources: rootpart/worker/intercept.c rootpart/worker/intercept_io.c
 * sources: rootpart/worker/intercept_memory.c rootpart/worker/intercept_string.c
 * sources: rootpart/worker/vp.c rootpart/worker/vp_memory.c rootpart/worker/ports.c
 * sources: rootpart/worker/power.c lib/insn.c lib/insn_access.c lib/insn_address.c
 * sources: lib/mmio_emulate.c rootpart/worker/memory.c rootpart/worker/uart.c
 * sources: rootpart/worker/rtc.c lib/date.c rootpart/worker/console.c
 * sources: rootpart/worker/report.c rootpart/worker/sys.c lib/format.c
 * sources: rootpart/worker/crash.c tests/unit/fake_worker.c tests/unit/host_assert.c
 */
#include "rootpart/worker/ioapic.h"

#include "base/errno.h"
#include "rootpart/worker/bus.h"
#include "rootpart/worker/console.h"
#include "rootpart/worker/ports.h"
#include "worker_child.h"

#define MASKED  0x10000u
#define LEVEL   0x8000u
#define IRR     0x4000u
#define LOGICAL 0x800u

static struct ioapic *const io = &machine.ioapic;

static u32 rd(u8 reg)
{
	ioapic_write(io, 0, reg);
	return ioapic_read(io, 0x10);
}

static void wr(u8 reg, u32 v)
{
	ioapic_write(io, 0, reg);
	ioapic_write(io, 0x10, v);
}

static void program(u32 pin, u32 low, u8 destination)
{
	wr((u8)(0x11 + 2 * pin), (u32)destination << 24);
	wr((u8)(0x10 + 2 * pin), low);
}

/* The interrupts since the last look were this one alone. */
static void sent(u32 destination, u8 vector, u32 how)
{
	assert_int_equal(fake.interrupt_count, 1);
	assert_int_equal(fake.interrupt[0].destination, destination);
	assert_int_equal(fake.interrupt[0].vector, vector);
	assert_int_equal(fake.interrupt[0].how, how);
	fake.interrupt_count = 0;
}

static void nothing_sent(void)
{
	assert_int_equal(fake.interrupt_count, 0);
}

static void after_reset(void **state)
{
	(void)state;
	assert_int_equal(rd(0), 0);
	assert_int_equal(rd(1), 0x00170020);
	assert_int_equal(rd(2), 0);
	for (u8 reg = 0x10; reg < 0x40; reg += 2) {
		assert_int_equal(rd(reg), MASKED);
		assert_int_equal(rd(reg + 1), 0);
	}
	assert_int_equal(rd(0x40), 0);
	assert_int_equal(rd(0xff), 0);
	assert_int_equal(ioapic_read(io, 4), ~0u);
	assert_int_equal(ioapic_read(io, 0x40), ~0u);
}

static void registers(void **state)
{
	(void)state;
	wr(0, 0xffffffff);
	assert_int_equal(rd(0), 0x0f000000);
	assert_int_equal(rd(2), 0x0f000000);
	wr(1, 0);
	assert_int_equal(rd(1), 0x00170020);
	wr(0x3e, 0xffffffff);
	wr(0x3f, 0xffffffff);
	assert_int_equal(rd(0x3e), 0x1afff);
	assert_int_equal(rd(0x3f), 0xff000000);
	assert_int_equal(rd(0x3c), MASKED);
	wr(0x40, 0); /* behind the last pin */
	wr(0x0f, 0);
	ioapic_write(io, 0, 0x12345601);
	assert_int_equal(ioapic_read(io, 0), 1);
	nothing_sent();
}

static void edges(void **state)
{
	(void)state;
	program(4, 0x24, 3);
	ioapic_line(io, 4, true);
	sent(3, 0x24, 0);
	ioapic_line(io, 4, true);
	nothing_sent();
	ioapic_line(io, 4, false);
	nothing_sent();
	ioapic_line(io, 4, true);
	sent(3, 0x24, 0);
	/* Polarity is the pin's own business: a line is asserted or not. */
	program(5, 0x2025, 0);
	ioapic_line(io, 5, true);
	sent(0, 0x25, 0);
	/* No EOI is waited for, and a stray one means nothing. */
	ioapic_eoi(io, 0x24);
	nothing_sent();
	assert_int_equal(rd(0x18), 0x24);
}

/* As the data sheet has it: such an edge is not kept. */
static void edges_of_masked_pins_are_lost(void **state)
{
	(void)state;
	program(4, 0x24 | MASKED, 0);
	ioapic_line(io, 4, true);
	program(4, 0x24, 0);
	nothing_sent();
	ioapic_line(io, 4, false);
	ioapic_line(io, 4, true);
	sent(0, 0x24, 0);
}

static void levels(void **state)
{
	(void)state;
	program(9, 0x39 | LEVEL, 1);
	nothing_sent();
	ioapic_line(io, 9, true);
	sent(1, 0x39, WORKER_INTERRUPT_LEVEL);
	assert_int_equal(rd(0x22), 0x39 | LEVEL | IRR);
	/* Nothing more before its end, whatever the line does. */
	ioapic_line(io, 9, false);
	ioapic_line(io, 9, true);
	wr(0x22, 0x39 | LEVEL);
	nothing_sent();
	assert_int_equal(rd(0x22), 0x39 | LEVEL | IRR);
	ioapic_eoi(io, 0x38);
	nothing_sent();
	/* Still asserted: once more. */
	ioapic_eoi(io, 0x39);
	sent(1, 0x39, WORKER_INTERRUPT_LEVEL);
	ioapic_line(io, 9, false);
	ioapic_eoi(io, 0x39);
	nothing_sent();
	assert_int_equal(rd(0x22), 0x39 | LEVEL);
}

static void masked_levels_wait(void **state)
{
	(void)state;
	program(9, 0x39 | LEVEL | MASKED, 1);
	ioapic_line(io, 9, true);
	nothing_sent();
	wr(0x22, 0x39 | LEVEL);
	sent(1, 0x39, WORKER_INTERRUPT_LEVEL);
	/* Masked in between: the end is taken note of. */
	wr(0x22, 0x39 | LEVEL | MASKED);
	ioapic_eoi(io, 0x39);
	nothing_sent();
	assert_int_equal(rd(0x22), 0x39 | LEVEL | MASKED);
	wr(0x22, 0x39 | LEVEL);
	sent(1, 0x39, WORKER_INTERRUPT_LEVEL);
}

/* Linux' ways to end a level at the IOAPIC itself: its register, and edge for a moment. */
static void ends_by_the_child(void **state)
{
	(void)state;
	program(9, 0x39 | LEVEL, 0);
	program(10, 0x39 | LEVEL, 0);
	ioapic_line(io, 9, true);
	sent(0, 0x39, WORKER_INTERRUPT_LEVEL);
	ioapic_line(io, 9, false);
	ioapic_write(io, 0x40, 0x139);
	assert_int_equal(rd(0x22), 0x39 | LEVEL);
	ioapic_line(io, 9, true);
	sent(0, 0x39, WORKER_INTERRUPT_LEVEL);
	wr(0x22, 0x39 | MASKED);
	assert_int_equal(rd(0x22), 0x39 | MASKED);
	wr(0x22, 0x39 | LEVEL | MASKED);
	assert_int_equal(rd(0x22), 0x39 | LEVEL | MASKED);
	wr(0x22, 0x39 | LEVEL);
	sent(0, 0x39, WORKER_INTERRUPT_LEVEL);
	/* One end is that of all pins with this vector. */
	ioapic_line(io, 10, true);
	sent(0, 0x39, WORKER_INTERRUPT_LEVEL);
	ioapic_line(io, 9, false);
	ioapic_line(io, 10, false);
	ioapic_eoi(io, 0x39);
	assert_int_equal(rd(0x22), 0x39 | LEVEL);
	assert_int_equal(rd(0x24), 0x39 | LEVEL);
}

static void modes(void **state)
{
	static const struct {
		u32 low;
		bool is_sent;
		u32 how;
	} rows[] = {
		{ 0x141, true, 1 },
		{ 0x841, true, WORKER_INTERRUPT_LOGICAL },
		{ 0x941, true, 1 | WORKER_INTERRUPT_LOGICAL },
		{ 0x400, true, 4 },
		{ 0x8400, true, 4 }, /* an NMI has no level */
		{ 0x500, true, 5 },
		{ 0x241, false, 0 }, /* SMI */
		{ 0x341, false, 0 },
		{ 0x641, false, 0 },
		{ 0x741, false, 0 }, /* no 8259 answers */
		{ 0x00f, false, 0 },
		{ 0x10f, false, 0 },
		{ 0x800f, false, 0 },
		{ 0x010, true, 0 },
		{ 0x0ff, true, 0 },
	};

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(rows); i++) {
		program(7, rows[i].low, 0xff);
		ioapic_line(io, 7, true);
		if (rows[i].is_sent)
			sent(0xff, (u8)rows[i].low, rows[i].how);
		nothing_sent();
		assert_int_equal(rd(0x1e), rows[i].low);
		ioapic_line(io, 7, false);
	}
}

/* Told once; a level that was refused is not waited for, and tried again. */
static void refusals(void **state)
{
	(void)state;
	fake.interrupt_error = -ENOSYS;
	program(4, 0x24, 2);
	ioapic_line(io, 4, true);
	program(9, 0x39 | LEVEL, 0);
	ioapic_line(io, 9, true);
	ioapic_line(io, 4, false);
	ioapic_line(io, 4, true);
	assert_int_equal(fake.calls[WORKER_LOG], 1);
	assert_string_equal(fake.log, "the interrupt of IOAPIC pin 4 was refused (error 38): "
				      "destination 2, vector 36; more of these are not told\n");
	assert_int_equal(rd(0x22), 0x39 | LEVEL);
	fake.interrupt_error = 0;
	wr(0x22, 0x39 | LEVEL);
	sent(0, 0x39, WORKER_INTERRUPT_LEVEL);
}

static void serial_port_has_pin_4(void **state)
{
	(void)state;
	program(4, 0x24, 0);
	port_write(&machine, 0x3f9, 1, 0x01); /* received bytes */
	console_input((const u8 *)"a", 1);
	nothing_sent(); /* OUT2 is off */
	port_write(&machine, 0x3fc, 1, 0x0b);
	sent(0, 0x24, 0);
	console_input((const u8 *)"b", 1);
	nothing_sent();
	(void)port_read(&machine, 0x3f8, 1);
	(void)port_read(&machine, 0x3f8, 1);
	console_input((const u8 *)"c", 1);
	sent(0, 0x24, 0);
	(void)port_read(&machine, 0x3f8, 1);
	/* The holding register: its interrupt ends when it is told, and comes with each byte. */
	port_write(&machine, 0x3f9, 1, 0x02);
	sent(0, 0x24, 0);
	(void)port_read(&machine, 0x3fa, 1);
	nothing_sent();
	port_write(&machine, 0x3f8, 1, 'x');
	sent(0, 0x24, 0);
	port_write(&machine, 0x3f8, 1, 'y');
	nothing_sent();
}

static void accesses_of_all_sizes(void **state)
{
	u64 v = 0;

	(void)state;
	bus_write(IOAPIC_BASE, (const u8[]){ 1 }, 1);
	bus_read(IOAPIC_BASE + 0x10, &v, 4);
	assert_int_equal(v, 0x00170020);
	v = 0;
	bus_read(IOAPIC_BASE + 0x10, &v, 1);
	assert_int_equal(v, 0x20);
	v = 0;
	bus_read(IOAPIC_BASE + 0x10, &v, 2);
	assert_int_equal(v, 0x20);
	/* What is no register: ones, and nothing. */
	bus_read(IOAPIC_BASE + 0x10, &v, 8);
	assert_int_equal(v, ~0ull);
	v = 0;
	bus_read(IOAPIC_BASE + 0x12, &v, 2);
	assert_int_equal(v, 0xffff);
	v = 0;
	bus_read(IOAPIC_BASE + 0xffc, &v, 4);
	assert_int_equal(v, 0xffffffff);
	bus_write(IOAPIC_BASE, (const u8[8]){ 0x10 }, 8);
	bus_write(IOAPIC_BASE + 1, (const u8[]){ 0x10 }, 1);
	bus_read(IOAPIC_BASE, &v, 4);
	assert_int_equal((u32)v, 1);
	/* Its neighbours are nothing. */
	bus_read(IOAPIC_BASE - 4, &v, 4);
	assert_int_equal((u32)v, ~0u);
	bus_read(IOAPIC_BASE + PAGE_SIZE, &v, 4);
	assert_int_equal((u32)v, ~0u);
}

static void from_the_childs_instructions(void **state)
{
	(void)state;
	gpr[RBX] = IOAPIC_BASE;
	gpr[RAX] = 1;
	child_touches(IOAPIC_BASE, HV_ACCESS_WRITE, (const u8[]){ 0x89, 0x03 }, 2);
	child_run(); /* mov [rbx], eax */
	child_touches(IOAPIC_BASE + 0x10, HV_ACCESS_READ, (const u8[]){ 0x8b, 0x43, 0x10 }, 3);
	child_run(); /* mov eax, [rbx + 0x10] */
	assert_int_equal(gpr[RAX], 0x00170020);
	assert_int_equal(regs->rip, RIP + 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(after_reset, child_setup),
		cmocka_unit_test_setup(registers, child_setup),
		cmocka_unit_test_setup(edges, child_setup),
		cmocka_unit_test_setup(edges_of_masked_pins_are_lost, child_setup),
		cmocka_unit_test_setup(levels, child_setup),
		cmocka_unit_test_setup(masked_levels_wait, child_setup),
		cmocka_unit_test_setup(ends_by_the_child, child_setup),
		cmocka_unit_test_setup(modes, child_setup),
		cmocka_unit_test_setup(refusals, child_setup),
		cmocka_unit_test_setup(serial_port_has_pin_4, child_setup),
		cmocka_unit_test_setup(accesses_of_all_sizes, child_setup),
		cmocka_unit_test_setup(from_the_childs_instructions, child_setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

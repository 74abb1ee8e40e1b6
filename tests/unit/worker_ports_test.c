/* SPDX-License-Identifier: MIT */
/*
 * The child's ports: who answers to which access, and the ways to switch off
 * and to reset.
 * sources: rootpart/worker/ports.c rootpart/worker/power.c rootpart/worker/uart.c
 * sources: rootpart/worker/rtc.c lib/date.c rootpart/worker/machine.c
 * sources: rootpart/worker/sys.c tests/unit/fake_worker.c tests/unit/host_assert.c
 * sources: rootpart/worker/ioapic.c rootpart/worker/report.c rootpart/worker/console.c
 * sources: lib/format.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fake_worker.h"
#include "rootpart/worker/machine.h"
#include "rootpart/worker/ports.h"

static int setup(void **state)
{
	(void)state;
	fake_reset();
	machine_init();
	return 0;
}

static void nothing_reads_as_ones(void **state)
{
	static const u16 nowhere[] = { 0, 0x20, 0x43, 0x60, 0x63, 0x72, 0x80, 0xe9, 0xf4, 0x2f8,
		0x3f0, 0x3f7, 0x400, 0x5ff, 0x602, 0xcf8, 0xcfc, 0x88ff, 0x8901, 0xffff };

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(nowhere); i++) {
		assert_int_equal(port_read(&machine, nowhere[i], 1), 0xff);
		port_write(&machine, nowhere[i], 1, 0xfe);
		assert_int_equal(machine.power.wish, POWER_GO_ON);
	}
	assert_int_equal(port_read(&machine, 0xcfc, 4), 0xffffffff);
	assert_int_equal(port_read(&machine, 0x20, 2), 0xffff);
	/* Behind the last port there is none. */
	assert_int_equal(port_read(&machine, 0xfffe, 4), 0xffffffff);
	port_write(&machine, 0xfffe, 4, 0);
}

static void some_read_as_zero(void **state)
{
	static const u16 zero[] = { 0x61, 0x64, 0x600, 0x601, 0xcf9, 0x8900 };

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(zero); i++)
		assert_int_equal(port_read(&machine, zero[i], 1), 0);
	port_write(&machine, 0x61, 1, 0xff);
	assert_int_equal(port_read(&machine, 0x61, 1), 0);
}

static void wide_accesses_come_apart(void **state)
{
	(void)state;
	port_write(&machine, 0x3f8 + 7, 1, 0x5a);
	/* LCR and MCR by one word; LSR, MSR, and two bytes of which one is SCR. */
	port_write(&machine, 0x3fb, 2, 0x0b03);
	assert_int_equal(port_read(&machine, 0x3fb, 2), 0x0b03);
	assert_int_equal(port_read(&machine, 0x3fd, 4), 0xff5ab060);
	port_write(&machine, 0x3f8, 2, 0x0041);
	assert_int_equal(machine.uart.tx_count, 1);
	port_write(&machine, 0x70, 2, 0x770e);
	assert_int_equal(port_read(&machine, 0x70, 2), 0x77ff);
	assert_int_equal(machine.rtc.nv[0x0e], 0x77);
}

static void sleep_control(void **state)
{
	(void)state;
	port_write(&machine, 0x601, 1, 0x80); /* Linux clears the wake status first */
	port_write(&machine, 0x600, 1, 5 << 2);
	port_write(&machine, 0x600, 1, 0x20 | 3 << 2);
	assert_int_equal(machine.power.wish, POWER_GO_ON);
	port_write(&machine, 0x600, 2, 0x34);
	assert_int_equal(machine.power.wish, POWER_GO_ON);
	port_write(&machine, 0x600, 1, 0x34);
	assert_int_equal(machine.power.wish, POWER_OFF);
}

static void keyboard_reset(void **state)
{
	(void)state;
	port_write(&machine, 0x64, 1, 0xd1);
	port_write(&machine, 0x60, 1, 0xfe);
	assert_int_equal(machine.power.wish, POWER_GO_ON);
	port_write(&machine, 0x64, 1, 0xfe);
	assert_int_equal(machine.power.wish, POWER_RESET);
}

static void reset_control(void **state)
{
	(void)state;
	port_write(&machine, 0xcf9, 1, 0x02);
	assert_int_equal(port_read(&machine, 0xcf9, 1), 0x02);
	assert_int_equal(machine.power.wish, POWER_GO_ON);
	/* PCI configuration addresses go by, whatever is in their second byte. */
	port_write(&machine, 0xcf8, 4, 0x8000ff04);
	port_write(&machine, 0xcf8, 2, 0xffff);
	port_write(&machine, 0xcf9, 2, 0xffff);
	assert_int_equal(machine.power.wish, POWER_GO_ON);
	port_write(&machine, 0xcf9, 1, POWER_RESET_VALUE);
	assert_int_equal(machine.power.wish, POWER_RESET);
	machine.power.wish = POWER_GO_ON;
	port_write(&machine, 0xcf9, 1, 0x0e); /* still set: no edge */
	assert_int_equal(machine.power.wish, POWER_GO_ON);
}

static void say(const char *word)
{
	for (; *word; word++)
		port_write(&machine, 0x8900, 1, (u8)*word);
}

static void shutdown_word(void **state)
{
	(void)state;
	say("Shutdow Shutdowm hutdown shutdown ");
	assert_int_equal(machine.power.wish, POWER_GO_ON);
	say("SShutdow");
	assert_int_equal(machine.power.wish, POWER_GO_ON);
	say("n");
	assert_int_equal(machine.power.wish, POWER_OFF);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(nothing_reads_as_ones, setup),
		cmocka_unit_test_setup(some_read_as_zero, setup),
		cmocka_unit_test_setup(wide_accesses_come_apart, setup),
		cmocka_unit_test_setup(sleep_control, setup),
		cmocka_unit_test_setup(keyboard_reset, setup),
		cmocka_unit_test_setup(reset_control, setup),
		cmocka_unit_test_setup(shutdown_word, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

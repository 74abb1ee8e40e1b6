/* SPDX-License-Identifier: MIT */
/*
 * The worker's serial port, register by register, and as drivers probe it.
 * sources: rootpart/worker/uart.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "rootpart/worker/uart.h"

/* Offsets and bits once more, from the data sheet. */
enum { DATA, IER, IIR, LCR, MCR, LSR, MSR, SCR };

static struct uart u;

static int setup(void **state)
{
	(void)state;
	memset(&u, 0, sizeof(u));
	return 0;
}

static u8 rd(u16 offset)
{
	return uart_read(&u, offset);
}

static void wr(u16 offset, u8 v)
{
	uart_write(&u, offset, v);
}

static void type(const char *text)
{
	uart_receive(&u, (const u8 *)text, (u32)strlen(text));
}

static void after_reset(void **state)
{
	(void)state;
	assert_int_equal(rd(IER), 0);
	assert_int_equal(rd(IIR), 0x01);
	assert_int_equal(rd(LCR), 0);
	assert_int_equal(rd(MCR), 0);
	assert_int_equal(rd(LSR), 0x60);
	assert_int_equal(rd(MSR), 0xb0);
	assert_int_equal(rd(DATA), 0);
	assert_false(uart_line(&u));
	assert_false(uart_output_due(&u));
}

static void divisor_hides_data_and_ier(void **state)
{
	(void)state;
	wr(IER, 0xff);
	assert_int_equal(rd(IER), 0x0f);
	wr(LCR, 0x83);
	assert_int_equal(rd(LCR), 0x83);
	wr(DATA, 0x0c);
	wr(IER, 0x01);
	assert_int_equal(rd(DATA), 0x0c);
	assert_int_equal(rd(IER), 0x01);
	assert_int_equal(u.tx_count, 0);
	wr(LCR, 0x03);
	assert_int_equal(rd(IER), 0x0f);
	wr(SCR, 0xa5);
	assert_int_equal(rd(SCR), 0xa5);
	/* Status registers are read only. */
	wr(LSR, 0xff);
	wr(MSR, 0xff);
	assert_int_equal(rd(LSR), 0x60);
	assert_int_equal(rd(MSR), 0xb0);
}

static void output_waits_for_a_line(void **state)
{
	(void)state;
	for (u32 i = 0; i < 63; i++) {
		wr(DATA, 'x');
		assert_false(uart_output_due(&u));
		assert_int_equal(rd(LSR), 0x60);
	}
	wr(DATA, 'x');
	assert_true(uart_output_due(&u));
	setup(state);
	wr(DATA, 'a');
	wr(DATA, '\n');
	assert_true(uart_output_due(&u));
	assert_memory_equal(u.tx, "a\n", 2);
	/* What nobody takes away is not written past. */
	for (u32 i = 0; i < 1000; i++)
		wr(DATA, 'y');
	assert_int_equal(u.tx_count, UART_TX_SIZE);
}

static void input_without_fifo(void **state)
{
	(void)state;
	type("abc");
	assert_int_equal(rd(LSR), 0x61);
	assert_int_equal(rd(DATA), 'a');
	assert_int_equal(rd(DATA), 'b');
	assert_int_equal(rd(LSR), 0x61);
	assert_int_equal(rd(DATA), 'c');
	assert_int_equal(rd(LSR), 0x60);
	wr(IER, 1);
	assert_int_equal(rd(IIR), 0x01);
	type("d");
	assert_int_equal(rd(IIR), 0x04);
	/* Commands of the FIFO mean nothing while it is off. */
	wr(IIR, 0x02);
	assert_int_equal(rd(IIR), 0x04);
	assert_int_equal(rd(DATA), 'd');
	assert_int_equal(rd(IIR), 0x01);
}

static void fifo_trigger_levels(void **state)
{
	static const u8 levels[] = { 1, 4, 8, 14 };

	for (u8 i = 0; i < 4; i++) {
		setup(state);
		wr(IIR, (u8)(i << 6 | 1));
		assert_int_equal(rd(IIR), 0xc1);
		wr(IER, 1);
		for (u8 n = 1; n <= 16; n++) {
			type("x");
			assert_int_equal(rd(IIR), n >= levels[i] ? 0xc4 : 0xcc);
		}
	}
}

static void clearing_keeps_what_waits_behind_the_fifo(void **state)
{
	char line[21] = "0123456789abcdefghij";

	(void)state;
	wr(IIR, 0x01);
	type(line);
	wr(IIR, 0x03);
	assert_int_equal(rd(DATA), 'g');
	wr(IIR, 0x00); /* off: the FIFO's three are gone */
	assert_int_equal(rd(LSR), 0x60);
	assert_int_equal(rd(IIR), 0x01);
}

static void too_much_input_is_an_overrun(void **state)
{
	static u8 many[UART_RX_SIZE];

	(void)state;
	memset(many, 'm', sizeof(many));
	type("first");
	rd(DATA); /* so that the buffer goes around its end */
	uart_receive(&u, many, sizeof(many) - 4);
	assert_int_equal(rd(LSR), 0x61);
	type("no");
	wr(IER, 4);
	assert_int_equal(rd(IIR), 0x06);
	assert_int_equal(rd(LSR), 0x63);
	assert_int_equal(rd(LSR), 0x61);
	assert_int_equal(rd(IIR), 0x01);
	assert_int_equal(rd(DATA), 'i');
	for (u32 i = 0; i < 3; i++)
		rd(DATA);
	for (u32 i = 0; i < sizeof(many) - 4; i++)
		assert_int_equal(rd(DATA), 'm');
	assert_int_equal(rd(LSR), 0x60);
}

/* As Linux tests for lost interrupts of the holding register. */
static void holding_register_interrupts(void **state)
{
	(void)state;
	wr(IER, 2);
	assert_int_equal(rd(IIR), 0x02);
	assert_int_equal(rd(IIR), 0x01); /* told once */
	wr(IER, 0);
	wr(IER, 2);
	assert_int_equal(rd(IIR), 0x02);
	wr(IER, 2); /* no change, no news */
	assert_int_equal(rd(IIR), 0x01);
	wr(DATA, 'x');
	assert_int_equal(rd(IIR), 0x02);
}

static void most_important_cause_first(void **state)
{
	(void)state;
	wr(IER, 0x0f);
	type("x");
	u.lsr_error = 0x02;
	wr(MCR, 0x10); /* loop: CTS, DSR and DCD fall */
	assert_int_equal(rd(IIR), 0x06);
	rd(LSR);
	assert_int_equal(rd(IIR), 0x04);
	rd(DATA);
	assert_int_equal(rd(IIR), 0x02);
	assert_int_equal(rd(IIR), 0x00);
	assert_int_equal(rd(MSR), 0x0b);
	assert_int_equal(rd(IIR), 0x01);
	assert_int_equal(rd(MSR), 0x00);
}

static void loopback(void **state)
{
	(void)state;
	wr(MCR, 0x1a); /* loop, RTS, OUT2: as Linux probes */
	assert_int_equal(rd(MSR) & 0xf0, 0x90);
	wr(MCR, 0x1f);
	assert_int_equal(rd(MSR) & 0xf0, 0xf0);
	wr(MCR, 0x1b); /* RI ends */
	assert_int_equal(rd(MSR), 0xb4);
	wr(DATA, 'L');
	assert_int_equal(u.tx_count, 0);
	assert_int_equal(rd(LSR), 0x61);
	assert_int_equal(rd(DATA), 'L');
	wr(MCR, 0xff);
	assert_int_equal(rd(MCR), 0x1f);
}

static void line_needs_out2(void **state)
{
	(void)state;
	wr(IER, 2);
	assert_false(uart_line(&u));
	wr(MCR, 8);
	assert_true(uart_line(&u));
	wr(MCR, 0x18);
	assert_false(uart_line(&u));
	wr(MCR, 8);
	rd(IIR);
	wr(IER, 2);
	assert_false(uart_line(&u));
}

/* A 16550A, not one of its larger successors. */
static void probed_as_16550a(void **state)
{
	(void)state;
	wr(IIR, 0x01);
	assert_int_equal(rd(IIR) >> 6, 3);
	wr(LCR, 0x80);
	wr(IIR, 0x21);
	assert_int_equal(rd(IIR) & 0x20, 0);
	wr(LCR, 0);
	wr(IER, 0x40);
	assert_int_equal(rd(IER), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(after_reset, setup),
		cmocka_unit_test_setup(divisor_hides_data_and_ier, setup),
		cmocka_unit_test_setup(output_waits_for_a_line, setup),
		cmocka_unit_test_setup(input_without_fifo, setup),
		cmocka_unit_test_setup(fifo_trigger_levels, setup),
		cmocka_unit_test_setup(clearing_keeps_what_waits_behind_the_fifo, setup),
		cmocka_unit_test_setup(too_much_input_is_an_overrun, setup),
		cmocka_unit_test_setup(holding_register_interrupts, setup),
		cmocka_unit_test_setup(most_important_cause_first, setup),
		cmocka_unit_test_setup(loopback, setup),
		cmocka_unit_test_setup(line_needs_out2, setup),
		cmocka_unit_test_setup(probed_as_16550a, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

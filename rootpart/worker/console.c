/* SPDX-License-Identifier: MIT */
/*
 * When the serial port's output goes to the kernel. The worker's one timer is
 * the console's. It is never put off: one that comes with nothing to hand over
 * costs less than telling the kernel each time.
 */
#include "rootpart/worker/console.h"

#include "rootpart/worker/machine.h"
#include "rootpart/worker/sys.h"

#define DELAY_NS 4000000u

void console_flush(void)
{
	struct uart *u = &machine.uart;

	if (u->tx_count > 0)
		sys_console_write(u->tx, u->tx_count);
	u->tx_count = 0;
	u->tx_line = false;
}

void console_settle(void)
{
	if (machine.uart.tx_count == 0)
		return;
	if (uart_output_due(&machine.uart)) {
		console_flush();
	} else if (!machine.console_timer) {
		machine.console_timer = true;
		sys_timer(sys_time() + DELAY_NS);
	}
}

void console_timer(void)
{
	machine.console_timer = false;
	console_flush();
}

void console_input(const u8 *bytes, u32 count)
{
	uart_receive(&machine.uart, bytes, count);
	machine_lines(&machine);
}

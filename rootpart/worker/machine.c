/* SPDX-License-Identifier: MIT */
/*
 * The child's machine, one per worker.
 */
#include "rootpart/worker/machine.h"

struct machine machine;

void machine_init(void)
{
	machine = (struct machine){ .power = { .wish = POWER_GO_ON } };
	rtc_init(&machine.rtc);
	ioapic_init(&machine.ioapic);
}

void machine_lines(struct machine *m)
{
	ioapic_line(&m->ioapic, IOAPIC_PIN_UART, uart_line(&m->uart));
}

/* SPDX-License-Identifier: MIT */
/*
 * All that is remembered of the child from one event to the next.
 */
#pragma once

#include "base/types.h"
#include "rootpart/worker/ioapic.h"
#include "rootpart/worker/power.h"
#include "rootpart/worker/rtc.h"
#include "rootpart/worker/uart.h"

struct machine {
	struct uart uart;
	struct rtc rtc;
	struct power power;
	struct ioapic ioapic;
	bool console_timer; /* it is set, see console.c */
	/*
	 * VPs that halted with interrupts off, and have not been heard of
	 * since: an NMI or INIT may have woken one without our learning of it.
	 */
	u64 halted;
};

extern struct machine machine;

/* State after power-on. */
void machine_init(void);
/* After a device may have changed its interrupt line. */
void machine_lines(struct machine *m);

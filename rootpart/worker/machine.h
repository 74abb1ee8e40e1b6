/* SPDX-License-Identifier: MIT */
/*
 * All that the child's devices remember.
 */
#pragma once

#include "base/types.h"
#include "rootpart/worker/power.h"
#include "rootpart/worker/rtc.h"
#include "rootpart/worker/uart.h"

struct machine {
	struct uart uart;
	struct rtc rtc;
	struct power power;
};

extern struct machine machine;

/* State after power-on. */
void machine_init(void);

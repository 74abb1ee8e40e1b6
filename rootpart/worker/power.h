/* SPDX-License-Identifier: MIT */
/*
 * Power and reset: the child's ways to switch itself off and to start again.
 * Nothing here ends the worker: what the child asked for stands in wish, and
 * whoever carried the access out looks at it. The whole state is in struct
 * power. ACPI 6.5, 4.8.3.7 (sleep control and status of hardware-reduced
 * machines); reset control register and keyboard controller as PCs have them.
 */
#pragma once

#include "base/types.h"

/* ACPI sleep type of S5, for the DSDT's \_S5. */
#define POWER_S5_TYPE 5u
/* Written to PORT_RESET by who resets, for the FADT. */
#define POWER_RESET_VALUE 0x06u

enum power_wish { POWER_GO_ON, POWER_OFF, POWER_RESET };

struct power {
	u8 wish;          /* enum power_wish */
	u8 reset_control; /* as last written */
	u8 word_matched;  /* letters of "Shutdown" that came in a row */
};

/* By port number, see ports.h. */
u8 power_read(struct power *p, u16 port);
void power_write(struct power *p, u16 port, u8 v);

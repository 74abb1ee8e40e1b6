/* SPDX-License-Identifier: MIT */
/*
 * Switching the machine off and on again, by the FADT and the static names of
 * the DSDT; ACPI 6.5, chapters 4.8 and 16. Any task.
 */
#pragma once

#include "base/types.h"

/* Finds SLP_TYP of S5. Boot, after firmware_init(). */
void power_init(void);
/*
 * Soft off. With "test-exit" on the command line writes 1 to port 0xF4 first.
 * A machine without S5 gets a message and halts.
 */
_Noreturn void power_off(void);
/* Reset register of the FADT, port 0xCF9, keyboard controller, triple fault. */
_Noreturn void power_reboot(void);

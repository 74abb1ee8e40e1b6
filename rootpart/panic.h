/* SPDX-License-Identifier: MIT */
/*
 * The end: says what happened on the console, with registers and a backtrace
 * with names, and halts every VP. Any context; the first VP that comes wins.
 */
#pragma once

#include "base/types.h"

struct trap_frame;

_Noreturn void panic(const char *fmt, ...) __printf(1, 2);
_Noreturn void panic_trap(const struct trap_frame *frame);
/* One "error: ..." line for a bad start, without backtrace; then halts. */
_Noreturn void panic_start(const char *fmt, ...) __printf(1, 2);
/* True once some VP panicked: an NMI then means: halt. */
bool panic_active(void);

/* SPDX-License-Identifier: MIT */
/*
 * Between the child's serial port and the VM's console. Output is handed over
 * at the end of a line, when much waits, and otherwise after a few
 * milliseconds, so that a child that writes text costs one system call a line.
 */
#pragma once

#include "base/types.h"

/* After the child may have written a byte: hands it over, or sees to it. */
void console_settle(void);
/* The timer came. */
void console_timer(void);
/* Hands over all there is, for the end. */
void console_flush(void);
/* Typed bytes. */
void console_input(const u8 *bytes, u32 count);

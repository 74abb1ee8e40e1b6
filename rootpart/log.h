/* SPDX-License-Identifier: MIT */
/*
 * The root kernel's log: lines "area: text key=value" in a ring that the CLI
 * shows, and on the console: at once, on a line of their own, or, while a
 * person types, when the CLI comes to it. Any VP, any context.
 */
#pragma once

#include "base/types.h"
#include "boot/log_ring.h"

/* One line, no newline at its end; at most LOG_LINE - 2 characters. */
void log_printf(const char *fmt, ...) __printf(1, 2);
/* The same, but not on the console: for what nobody waits for. */
void log_quiet(const char *fmt, ...) __printf(1, 2);

const struct log_ring *log_ring_own(void);

/*
 * From now on lines wait for log_show(), and @nudge is called for each; NULL:
 * they go to the console at once again, also those that waited. CLI's task.
 */
void log_defer(void (*nudge)(void));
bool log_waiting(void);
/* Writes the lines that wait to the console. */
void log_show(void);
/* The same for the dying: no lock, through @write. */
void log_show_panic(void (*write)(const char *text, size_t len));

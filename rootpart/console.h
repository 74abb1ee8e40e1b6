/* SPDX-License-Identifier: MIT */
/*
 * Text output of the root kernel. Until a real console registers itself by
 * console_set_sink(), text goes to COM1, polled (early_console.c). All calls
 * work on any VP and in interrupt handlers.
 */
#pragma once

#include <stdarg.h>

#include "base/types.h"

struct console_sink {
	/* Writes text; "\n" alone ends a line. Any VP, any context. */
	void (*write)(const char *text, size_t len);
	/* The same while dying: no locks, no interrupts, polled. */
	void (*write_panic)(const char *text, size_t len);
	/* Returns when all that was written is out, or cannot get out; may be NULL. */
	void (*flush)(void);
};

void console_write(const char *text, size_t len);
/* A line of at most 511 bytes; what is longer is cut. */
void console_printf(const char *fmt, ...) __printf(1, 2);
void console_vprintf(const char *fmt, va_list args) __printf(1, 0);

/* Waits until all text is out; before the machine goes off. */
void console_flush(void);

/* From now on text goes to @sink, which must live for ever. */
void console_set_sink(const struct console_sink *sink);
/* From now on text goes to write_panic, on whatever VP. For panic.c. */
void console_panic_mode(void);

/* Polled output on the UART at I/O port @port (0: none); 115200 8N1. */
void early_console_init(u16 port);
void early_console_write(const char *text, size_t len);
/* The same without the lock that keeps VPs' texts apart. */
void early_console_write_panic(const char *text, size_t len);
void early_console_flush(void);

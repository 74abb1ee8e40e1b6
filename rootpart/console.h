/* SPDX-License-Identifier: MIT */
/*
 * Text output of the root kernel. Until the real console registers itself by
 * console_set_sink(), text goes to COM1, polled (early_console.c); afterwards
 * to serial line and screen (console_output.c). All calls work on any VP and
 * in interrupt handlers, where nothing else is said.
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

/*
 * The real console: UART at @serial_port (0: none) and screen @fb become the
 * sink. Output only, polled, and to the serial line only, until
 * console_start(). Boot.
 */
struct bootinfo_framebuffer;
void console_init(u16 serial_port, const struct bootinfo_framebuffer *fb);
/*
 * Output by interrupts, input, keyboard, and the screen's task, all on the
 * calling task's VP. What does not work gets a log line.
 */
void console_start(void);

/* For tasks: the same as console_write(), but waits while much waits to be sent. */
void console_write_wait(const char *text, size_t len);
/* Whole lines that may come between others' text: they begin a line. */
void console_write_line(const char *text, size_t len);
/* Ends the line if one is begun. */
void console_fresh_line(void);

/* console_input.c took bytes out of its queue. */
void console_input_taken(void);

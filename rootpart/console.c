/* SPDX-License-Identifier: MIT */
/*
 * Where text output goes: the sink that registered itself, or the early
 * console. Owns no device. Any VP, any context.
 */
#include "rootpart/console.h"

#include "lib/format.h"
#include "x86/atomic.h"

#define CONSOLE_LINE 512

static const struct console_sink early_sink = {
	.write = early_console_write,
	.write_panic = early_console_write_panic,
	.flush = early_console_flush,
};

static const struct console_sink *sink = &early_sink;
static bool dying;

void console_set_sink(const struct console_sink *s)
{
	/* Pairs with the acquire in console_write(): *s is complete. */
	store_release(&sink, s);
}

void console_panic_mode(void)
{
	store_relaxed(&dying, true);
}

void console_write(const char *text, size_t len)
{
	const struct console_sink *s = load_acquire(&sink);

	if (load_relaxed(&dying))
		s->write_panic(text, len);
	else
		s->write(text, len);
}

void console_flush(void)
{
	const struct console_sink *s = load_acquire(&sink);

	if (s->flush != NULL)
		s->flush();
}

void console_vprintf(const char *fmt, va_list args)
{
	char line[CONSOLE_LINE];
	int len = format_va(line, sizeof(line), fmt, args);

	console_write(line, MIN((size_t)len, sizeof(line) - 1));
}

void console_printf(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	console_vprintf(fmt, args);
	va_end(args);
}

/* SPDX-License-Identifier: MIT */
/*
 * Log lines, a few per interval, and the end.
 */
#include "rootpart/worker/report.h"

#include <stdarg.h>

#include "lib/format.h"
#include "rootpart/worker/console.h"
#include "rootpart/worker/sys.h"

#define INTERVAL_NS    10000000000ull
#define INTERVAL_LINES 20u

static u64 interval_start;
static u32 interval_lines;

/* Whether one more line may go out; the last one of an interval says so. */
static bool may_report(void)
{
	u64 now = sys_time();

	if (interval_lines == 0 || now - interval_start >= INTERVAL_NS) {
		interval_start = now;
		interval_lines = 0;
	}
	if (++interval_lines == INTERVAL_LINES + 1)
		sys_log("more lines are left out for some seconds");
	return interval_lines <= INTERVAL_LINES;
}

void report(const char *fmt, ...)
{
	char text[REPORT_MAX];
	va_list args;

	if (!may_report())
		return;
	va_start(args, fmt);
	format_va(text, sizeof(text), fmt, args);
	va_end(args);
	sys_log(text);
}

_Noreturn static void end(enum worker_end end, const char *fmt, va_list args)
{
	char text[REPORT_MAX];

	console_flush();
	format_va(text, sizeof(text), fmt, args);
	sys_end(end, text);
}

_Noreturn void report_end(enum worker_end how, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	end(how, fmt, args);
}

_Noreturn void report_failure(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	end(WORKER_END_FAILED, fmt, args);
}

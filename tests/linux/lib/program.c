/* SPDX-License-Identifier: MIT */
/*
 * System calls and output of the test programs under Linux.
 */
#include "tests/linux/lib/program.h"

#include "lib/format.h"
#include "lib/string.h"
#include "tests/linux/lib/vdso.h"

#define SYS_WRITE             1u
#define SYS_SCHED_YIELD       24u
#define SYS_FORK              57u
#define SYS_WAIT4             61u
#define SYS_SCHED_SETAFFINITY 203u
#define SYS_SCHED_GETAFFINITY 204u
#define SYS_CLOCK_GETTIME     228u
#define SYS_CLOCK_NANOSLEEP   230u
#define SYS_EXIT_GROUP        231u
#define SYS_GETCPU            309u

#define NUMBERS_MAX           8u
#define LINE_MAX              256u

struct timespec {
	s64 seconds;
	s64 ns;
};

/* The compiler's names for its stack protector. */
extern u64 __stack_chk_guard;
u64 __stack_chk_guard = 0x5ca1ab1e0000aa00;

void __stack_chk_fail(void);
void program_start(const u64 *stack);

static vdso_clock_gettime *fast;

void __stack_chk_fail(void)
{
	__builtin_trap();
}

/* @stack: the count of arguments, they, 0, the environment, 0, the auxiliary vector. */
void program_start(const u64 *stack)
{
	const char *const *arguments = (const char *const *)(stack + 1);
	u64 numbers[NUMBERS_MAX];
	u32 count = 0;
	const u64 *p = stack + 1 + stack[0] + 1;

	while (count < NUMBERS_MAX && count + 1 < stack[0]) {
		if (str_to_u64(arguments[count + 1], false, &numbers[count]) != 0)
			leave(2);
		count++;
	}
	while (*p != 0)
		p++;
	fast = vdso_find(p + 1);
	leave(program_main(count, numbers));
}

static void write_text(const char *text, size_t len)
{
	(void)system_call(SYS_WRITE, 1, (u64)text, len, 0);
}

static void write_line(const char *fmt, va_list args)
{
	char line[LINE_MAX];
	int len = format_va(line, sizeof(line) - 1, fmt, args);
	size_t kept = MIN((size_t)len, sizeof(line) - 2);

	line[kept] = '\n';
	write_text(line, kept + 1);
}

void say(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	write_line(fmt, args);
	va_end(args);
}

int verdict(const char *name, bool good, const char *fmt, ...)
{
	va_list args;

	if (good) {
		say("PASS %s", name);
		return 0;
	}
	write_text("FAIL ", 5);
	write_text(name, strlen(name));
	write_text(" ", 1);
	va_start(args, fmt);
	write_line(fmt, args);
	va_end(args);
	return 1;
}

static u64 in_ns(const struct timespec *t)
{
	return (u64)t->seconds * NS_PER_S + (u64)t->ns;
}

u64 clock_slow(u32 clock)
{
	struct timespec t = { 0, 0 };

	(void)system_call(SYS_CLOCK_GETTIME, clock, (u64)&t, 0, 0);
	return in_ns(&t);
}

u64 clock_fast(u32 clock)
{
	struct timespec t = { 0, 0 };

	if (fast == NULL || fast((int)clock, &t) != 0)
		return clock_slow(clock);
	return in_ns(&t);
}

bool clock_is_fast(void)
{
	return fast != NULL;
}

void sleep_ns(u64 ns)
{
	struct timespec t = { (s64)(ns / NS_PER_S), (s64)(ns % NS_PER_S) };

	(void)system_call(SYS_CLOCK_NANOSLEEP, CLOCK_MONOTONIC, 0, (u64)&t, 0);
}

u64 cpus_allowed(void)
{
	u64 cpus = 0;

	(void)system_call(SYS_SCHED_GETAFFINITY, 0, sizeof(cpus), (u64)&cpus, 0);
	return cpus;
}

void run_on(u64 cpus)
{
	(void)system_call(SYS_SCHED_SETAFFINITY, 0, sizeof(cpus), (u64)&cpus, 0);
}

u32 cpu_now(void)
{
	u32 cpu = ~0u;

	(void)system_call(SYS_GETCPU, (u64)&cpu, 0, 0, 0);
	return cpu;
}

s64 split(void)
{
	return system_call(SYS_FORK, 0, 0, 0, 0);
}

void leave(int status)
{
	(void)system_call(SYS_EXIT_GROUP, (u64)(u32)status, 0, 0, 0);
	__builtin_trap();
}

u32 wait_for_all(u32 children)
{
	u32 bad = 0;

	while (children-- > 0) {
		u32 status = ~0u;

		(void)system_call(SYS_WAIT4, ~0ull, (u64)&status, 0, 0);
		bad += status != 0;
	}
	return bad;
}

void let_others_run(void)
{
	(void)system_call(SYS_SCHED_YIELD, 0, 0, 0, 0);
}

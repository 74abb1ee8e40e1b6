/* SPDX-License-Identifier: MIT */
/*
 * What the test programs under Linux have: they are static, without a C
 * library, so each is a few KiB in the initrd. A program is program_main(); it prints PASS
 * or FAIL with its name by verdict(), and other lines by say().
 */
#pragma once

#include "base/types.h"

#define NS_PER_S        1000000000ull
#define CLOCK_REALTIME  0u
#define CLOCK_MONOTONIC 1u
#define CLOCK_BOOTTIME  7u
#define CPUS_MAX        64u

/* What the program is; the value is its exit status. */
int program_main(u32 count, const u64 *numbers);

/* A system call: its result, or a negative error number. */
s64 system_call(u64 number, u64 a, u64 b, u64 c, u64 d);

/* One line on standard output. */
void say(const char *fmt, ...) __printf(1, 2);

/* "PASS name", or "FAIL name" with what went wrong. Returns the exit status. */
int verdict(const char *name, bool good, const char *fmt, ...) __printf(3, 4);

/* Nanoseconds of a clock: by the vDSO where it has that, and always by the kernel. */
u64 clock_fast(u32 clock);
u64 clock_slow(u32 clock);

/* Whether the kernel gave us a vDSO that knows the time. */
bool clock_is_fast(void);

/* At least so long by CLOCK_MONOTONIC; an interrupted sleep ends early, but nobody sends signals. */
void sleep_ns(u64 ns);

/* Processors that this process may run on, a bit for each; and the choice of some. */
u64 cpus_allowed(void);
void run_on(u64 cpus);
u32 cpu_now(void);

/* Another process: 0 in the child, which ends by leave(); wait_for_all() adds up exit statuses. */
s64 split(void);
__attribute__((noreturn)) void leave(int status);
u32 wait_for_all(u32 children);
void let_others_run(void);

/* SPDX-License-Identifier: MIT */
/*
 * Frame of the test programs in ring 3: runs the one that the VM is named
 * after, and ends with what it says. Without one it is the real worker.
 */
#include "tests/worker/lib/worker.h"

#include "lib/string.h"
#include "x86/cpu.h"

void worker_main(void);
void __stack_chk_fail(void);

/* The compiler's names for its stack protector. */
extern u64 __stack_chk_guard;
u64 __stack_chk_guard = 0x5ca1ab1e0000aa00;

void __stack_chk_fail(void)
{
	__builtin_trap();
}

s64 worker_submit(u64 operation, u64 a, u64 b, u64 c)
{
	return worker_call(WORKER_SUBMIT, operation, a, b, c);
}

void worker_spin(u64 ms)
{
	for (u64 i = 0; i < ms; i++) {
		u64 end = rdtsc() + worker_start()->tsc_hz / 1000;

		(void)worker_submit(
			WORKER_TIMER, (u64)worker_submit(WORKER_TIME, 0, 0, 0) + 500000, 0, 0);
		while (rdtsc() < end)
			;
	}
}

/* Begins anew, on an empty stack. */
_Noreturn void real_worker_entry(void);

static const struct worker_program *program(void)
{
	char name[WORKER_NAME_MAX];

	memcpy(name, (const char *)worker_start()->name, sizeof(name));
	for (const struct worker_program *p = worker_programs; p->name; p++)
		if (strncmp(p->name, name, sizeof(name)) == 0)
			return p;
	real_worker_entry();
}

void worker_main(void)
{
	const char *why = program()->test();

	if (why == NULL)
		why = "survived";
	memcpy((void *)WORKER_MAILBOX, why, strlen(why));
	(void)worker_submit(WORKER_END, WORKER_END_FAILED, strlen(why), 0);
}

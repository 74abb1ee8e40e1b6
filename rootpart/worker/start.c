/* SPDX-License-Identifier: MIT */
/*
 * Between entry.S and worker_run(): what the compiler wants of an image.
 */
#include "base/assert.h"
#include "lib/format.h"
#include "rootpart/worker/main.h"
#include "rootpart/worker/report.h"
#include "rootpart/worker/sys.h"
#include "x86/cpu.h"

#define CPUID1_ECX_RDRAND BIT(30)

/* The stack protector's; the compiler names them. */
extern u64 __stack_chk_guard;
_Noreturn void __stack_chk_fail(void);
_Noreturn void worker_main(void);

u64 __stack_chk_guard;

/* No console is flushed here: what it holds may be what is wrong. */
_Noreturn void assert_failed(const char *expr, const char *file, int line)
{
	char text[REPORT_MAX];

	format(text, sizeof(text), "the worker is wrong: %s (%s:%d)", expr, file, line);
	sys_end(WORKER_END_FAILED, text);
}

_Noreturn void __stack_chk_fail(void)
{
	sys_end(WORKER_END_FAILED, "the worker is wrong: a stack frame was overwritten");
}

/* Its caller never returns: no frame holds the old value when it changes. */
__attribute__((no_stack_protector)) static void guard_init(void)
{
	u64 random = 0;

	if (cpuid(1, 0).ecx & CPUID1_ECX_RDRAND)
		(void)rdrand(&random);
	/* A zero byte ends strings that run over. */
	__stack_chk_guard = (random ^ rdtsc() * 0x9e3779b97f4a7c15ull) & ~0xffull;
}

_Noreturn void worker_main(void)
{
	guard_init();
	worker_run();
}

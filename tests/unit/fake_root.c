/* SPDX-License-Identifier: MIT */
/*
 * What host tests of the root kernel share: state of the fake processor, an
 * assert_failed() that a test can expect, and memory for page_alloc.
 */
#include "tests/unit/fake_root.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

bool fake_irq_on = true;
/* fake.c's where a test has that, too. */
__attribute__((weak)) u64 fake_tsc;
u64 fake_direct_base;

#define CHILD_ASSERTED 77

static bool in_child;

_Noreturn void assert_failed(const char *expr, const char *file, int line)
{
	if (in_child)
		_exit(CHILD_ASSERTED);
	fprintf(stderr, "%s:%d: assertion failed: %s\n", file, line, expr);
	abort();
}

int fake_assert_try(void)
{
	int child = fork();

	if (child < 0)
		abort();
	in_child = child == 0;
	return child;
}

_Noreturn void fake_assert_missed(void)
{
	_exit(0);
}

bool fake_assert_result(int child)
{
	int status;

	return waitpid(child, &status, 0) == child && WIFEXITED(status) &&
	       WEXITSTATUS(status) == CHILD_ASSERTED;
}

/* Memory is given by the host on first touch, so size costs nothing. */
void fake_memory(u64 size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		abort();
	fake_direct_base = (u64)p;
}

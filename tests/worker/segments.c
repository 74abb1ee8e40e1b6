/* SPDX-License-Identifier: MIT */
/*
 * Loads every segment register with all that it may, is interrupted and
 * makes system calls.
 * why: survived
 */
#include "tests/worker/lib/worker.h"

#include "base/errno.h"

const char *worker_test(void)
{
	static const u32 selectors[] = { 0, 1, 2, 3, 0x18, 0x1b };

	for (u32 i = 0; i < ARRAY_SIZE(selectors); i++) {
		__asm__ volatile("movl %0, %%ds; movl %0, %%es; movl %0, %%fs; movl %0, %%gs"
				 :
				 : "r"(selectors[i])
				 : "memory");
		worker_spin(3);
		if (worker_call(99, 0, 0, 0, 0) != -ENOSYS)
			return "a system call that does not exist did something";
	}
	return NULL;
}

/* SPDX-License-Identifier: MIT */
/*
 * System calls of all numbers with wild arguments and a wild mailbox; none
 * may do harm, and what does not exist says so.
 * why: survived
 */
#include "tests/worker/lib/worker.h"

#include "base/errno.h"

static u64 state = 1;

/* Small numbers and those around powers of two, as often as any others. */
static u64 wild(void)
{
	state = state * 6364136223846793005ull + 1442695040888963407ull;
	switch (state >> 60) {
	case 0 ... 5:
		return state >> 40 & 15;
	case 6 ... 9:
		return BIT(state >> 40 & 63) - (state >> 50 & 1);
	default:
		return state ^ state >> 32;
	}
}

static void fill_mailbox(void)
{
	volatile u64 *box = (volatile u64 *)WORKER_MAILBOX;

	for (u32 i = 0; i < WORKER_MAILBOX_SIZE / sizeof(u64); i += 1 + (u32)(wild() % 16))
		box[i] = wild();
}

const char *worker_test(void)
{
	if (worker_call(0, 0, 0, 0, 0) != -ENOSYS || worker_call(~0ull, 0, 0, 0, 0) != -ENOSYS)
		return "a system call that does not exist did something";
	for (u32 i = 0; i < 3000; i++) {
		u64 operation = wild() % 20;

		fill_mailbox();
		/* One that ends it is not wanted, nor one that lets the child run. */
		if (operation == WORKER_END || operation == WORKER_LOADED)
			operation = wild() | 0x100;
		(void)worker_submit(operation, wild(), wild(), wild());
		(void)worker_call(wild() | 4, wild(), wild(), wild(), wild());
	}
	return NULL;
}

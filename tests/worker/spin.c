/* SPDX-License-Identifier: MIT */
/*
 * Starts its child, which stops at once, for there is nothing to execute, and
 * never answers it.
 * why: did not answer for 5 s
 */
#include "tests/worker/lib/worker.h"

const char *worker_test(void)
{
	if (worker_submit(WORKER_LOADED, 0, 0, 0) != 0)
		return "it was not loaded";
	if (worker_call(WORKER_WAIT, 0, 0, 0, 0) != WORKER_EVENT_INTERCEPT)
		return "nothing came";
	for (;;)
		;
}

/* SPDX-License-Identifier: MIT */
/*
 * Never answers.
 * why: did not answer for [0-9]+ s
 */
#include "tests/worker/lib/worker.h"

const char *worker_test(void)
{
	for (;;)
		;
}

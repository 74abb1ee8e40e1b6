/* SPDX-License-Identifier: MIT */
/*
 * The worker's life, from its entry in start.c: loads the child, then answers
 * events until the child ends.
 */
#pragma once

_Noreturn void worker_run(void);

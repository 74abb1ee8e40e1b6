/* SPDX-License-Identifier: MIT */
/*
 * What the worker tells people: lines of the root's log, and its last words.
 * Text is cut to REPORT_MAX characters.
 */
#pragma once

#include "base/types.h"
#include "worker/abi.h"

#define REPORT_MAX 256u

/* A line of the log. Of those that a child could cause without end, only some come through. */
void report(const char *fmt, ...) __printf(1, 2);
/* The end, after what the console still holds. @fmt: why, one sentence. */
_Noreturn void report_end(enum worker_end end, const char *fmt, ...) __printf(2, 3);
/* report_end(WORKER_END_FAILED, ...). */
_Noreturn void report_failure(const char *fmt, ...) __printf(1, 2);

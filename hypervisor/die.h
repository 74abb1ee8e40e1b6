/* SPDX-License-Identifier: MIT */
/*
 * The end: of the hypervisor by its own fault, by NMI or machine check, or of
 * the root by a triple fault. Says what happened on every console, with
 * registers, a symbolised backtrace and the log's tail, then stops all
 * processors. This is also where the root will be restarted one day.
 */
#pragma once

#include "base/types.h"

struct trap_frame;
struct vp;

/* @frame may be NULL: then the caller's own stack is shown. */
_Noreturn void die(const struct trap_frame *frame, const char *fmt, ...) __printf(2, 3);
/* The root partition cannot go on: its registers instead of ours. @vp is the caller's. */
_Noreturn void die_root(struct vp *vp, const char *why);
/*
 * A bad start: one line on every console, "error: ..." that says what is
 * missing and what to do; then halt.
 */
_Noreturn void refuse(const char *fmt, ...) __printf(1, 2);
/* True once any processor is in die(); NMIs then just halt. */
bool dying(void);

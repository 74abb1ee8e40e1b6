/* SPDX-License-Identifier: MIT */
/*
 * What a processor runs: its root VP while that has work, else nothing, in
 * HLT.
 */
#pragma once

#include "base/types.h"

/* The calling processor's life from start-up on. Interrupts off, on its own stack. */
_Noreturn void sched_loop(void);

/* SPDX-License-Identifier: MIT */
/*
 * Two VPs that take turns on the host's one thread, for the tests of tasks and
 * of their processes: timers, interrupts between VPs, stacks and tables are
 * counted or played; halting advances the clock.
 */
#pragma once

#include "rootpart/cpu.h"
#include "rootpart/task.h"
#include "tests/unit/fake_root.h"

#define VPS        2
#define KERNEL_CR3 0x1000ull

extern struct cpu vps[VPS];
extern struct cpu *running;
extern u64 hardware[VPS]; /* what the VP's timer stands at, TIME_NEVER if it does not run */
extern u64 loaded[VPS];   /* CR3 */
extern u32 loads;         /* of CR3 */
extern u32 ipis;

/* What tasks leave by mark(); setup() empties it. */
extern char trail[64];
void mark(char c);

/* Runs @vp until it has nothing to do and no timer. */
void run(u32 vp);

/* Around each test; teardown() wants all that was allocated back. */
int setup(void **state);
int teardown(void **state);

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

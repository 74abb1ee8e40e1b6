/* SPDX-License-Identifier: MIT */
/*
 * What test programs of ring 3 share. Each tests/worker/NAME.c stands in for
 * the worker of a VM that is called NAME; the line "why: REGEX" in its first
 * comment is what the VM must say of its end. One that lives through what it
 * does ends itself with "survived".
 */
#pragma once

#include "base/types.h"
#include "worker/abi.h"

/* All general registers but RSP as they were at the entry point, ORed. */
extern u64 worker_entry_bits;

/* The program; what it returns is "survived" if NULL, else what went wrong. */
const char *worker_test(void);

/* All programs, by name; NULL behind the last. The build makes it. */
struct worker_program {
	const char *name;
	const char *(*test)(void);
};
extern const struct worker_program worker_programs[];

/* A system call by number, from entry.S. */
s64 worker_call(u64 number, u64 a, u64 b, u64 c, u64 d);

/* submit(): an operation with its arguments. */
s64 worker_submit(u64 operation, u64 a, u64 b, u64 c);

/* Interrupts this processor while the caller spins: about one a millisecond, @ms times. */
void worker_spin(u64 ms);

/* WORKER_START as the kernel wrote it. */
static inline const volatile struct worker_start *worker_start(void)
{
	return (const volatile struct worker_start *)WORKER_START;
}

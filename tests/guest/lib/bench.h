/* SPDX-License-Identifier: MIT */
/*
 * Pieces of machine code to be measured: each runs as it is, and with its
 * exiting instruction replaced by one NOP, and the difference is what the
 * hypervisor adds, without anything of the guest's own. For tests/guest/bench*.c.
 */
#pragma once

#include "tests/guest/lib/guest.h"

#define BENCH_BATCHES  10u
#define BENCH_ROUNDS   100u /* of a batch */
#define BENCH_CODE_MAX 16u

/* A function in machine code; the exiting instruction stands first. */
struct bench_code {
	u8 size;
	u8 exiting; /* bytes of the exiting instruction */
	u8 bytes[BENCH_CODE_MAX];
};

extern const struct bench_code bench_cpuid, bench_rdmsr, bench_wrmsr;
extern const struct bench_code bench_load;  /* MOV EAX, [RSI] */
extern const struct bench_code bench_store; /* MOV [RSI], EAX */
extern const struct bench_code bench_in;    /* IN AL, DX */
extern const struct bench_code bench_rdtsc; /* exits nowhere */
/* STI, HLT, CLI: an interrupt that came before is not missed. */
extern const struct bench_code bench_halt;
/* An interrupt at BENCH_VECTOR, without an exit. */
#define BENCH_VECTOR 0x50u
extern const struct bench_code bench_int;
/* VMCALL or VMMCALL. */
const struct bench_code *bench_call(void);

/*
 * Where each piece of code runs. What the hypervisor remembers of code, where
 * the processor does not tell lengths, depends on addresses: these are fixed.
 */
enum { BENCH_FIRST, BENCH_HALT, BENCH_EOI, BENCH_CALL, BENCH_PLACES };
void bench_put(u32 where, const struct bench_code *c, bool without);
/* Runs what stands there with a copy of @in; what it leaves in RDX and RAX, as RDTSC does. */
u64 bench_run(u32 where, const struct guest_regs *in);

/* Ticks of one round of @c at BENCH_FIRST, the least of some batches' means. */
u64 bench_measure(const struct bench_code *c, bool without, const struct guest_regs *in);
/* The same of whatever @once gives. */
u64 bench_best(u64 (*once)(void));
/* "BENCH name": what the exiting instruction of @c adds. */
void bench_row(const char *name, const struct bench_code *c, const struct guest_regs *in);

/*
 * The guest's own part of a way from a look at the clock to a handler that looks at
 * it first, into bench_fired: ticks up to the first instruction at BENCH_FIRST,
 * and from the handler's first one on. INT BENCH_VECTOR must lead there.
 */
extern volatile u64 bench_fired;
struct bench_own {
	u64 before, behind;
};
struct bench_own bench_own(void);

/* SPDX-License-Identifier: MIT */
/*
 * Between the fuzzer, fuzz.c, and what its calls and accesses are made of,
 * fuzz_input.c. Nobody else includes it.
 */
#pragma once

#include "base/types.h"
#include "tests/guest/lib/fuzz.h"

#define FUZZ_SCRATCH_PAGES 6u

/* Every other page is offered; those between must not change. */
extern u8 fuzz_pages[2 * FUZZ_SCRATCH_PAGES + 1][PAGE_SIZE];

/* Any number; one below @n. */
u64 fuzz_any(struct fuzz *f);
static inline u64 fuzz_below(struct fuzz *f, u64 n)
{
	return (fuzz_any(f) >> 20) % n;
}
static inline bool fuzz_one_in(struct fuzz *f, u64 n)
{
	return fuzz_below(f, n) == 0;
}

/* A page that is offered. */
u64 fuzz_scratch(struct fuzz *f);
/* The one that is never written: pages of the hypervisor may lie over it. */
u64 fuzz_covered(void);
/* An address: of those, of gifts, or where there is nothing. */
u64 fuzz_gpa(struct fuzz *f);

/* A call that there is, or may be soon, and a control word, mostly as it wants it. */
struct fuzz_shape;
const struct fuzz_shape *fuzz_shape(struct fuzz *f);
u64 fuzz_control(struct fuzz *f, const struct fuzz_shape *shape);
/* Word @i of its input. */
u64 fuzz_input_word(struct fuzz *f, const struct fuzz_shape *shape, u32 i);

u32 fuzz_msr(struct fuzz *f);
u64 fuzz_msr_value(struct fuzz *f, u32 msr);

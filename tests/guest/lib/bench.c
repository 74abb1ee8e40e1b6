/* SPDX-License-Identifier: MIT */
/*
 * The pieces, where they stand, and their time.
 */
#include "tests/guest/lib/bench.h"

#include "base/assert.h"
#include "lib/string.h"
#include "x86/cpu.h"

const struct bench_code bench_cpuid = { 3, 2, { 0x0f, 0xa2, 0xc3 } };
const struct bench_code bench_rdmsr = { 3, 2, { 0x0f, 0x32, 0xc3 } };
const struct bench_code bench_wrmsr = { 3, 2, { 0x0f, 0x30, 0xc3 } };
const struct bench_code bench_load = { 3, 2, { 0x8b, 0x06, 0xc3 } };
const struct bench_code bench_store = { 3, 2, { 0x89, 0x06, 0xc3 } };
const struct bench_code bench_in = { 2, 1, { 0xec, 0xc3 } };
const struct bench_code bench_rdtsc = { 3, 0, { 0x0f, 0x31, 0xc3 } };
const struct bench_code bench_halt = { 4, 0, { 0xfb, 0xf4, 0xfa, 0xc3 } };
const struct bench_code bench_int = { 3, 2, { 0xcd, BENCH_VECTOR, 0xc3 } };

const struct bench_code *bench_call(void)
{
	static const struct bench_code vmcall = { 4, 3, { 0x0f, 0x01, 0xc1, 0xc3 } };
	static const struct bench_code vmmcall = { 4, 3, { 0x0f, 0x01, 0xd9, 0xc3 } };

	return guest_is_vmx() ? &vmcall : &vmmcall;
}

static u8 places[BENCH_PLACES][BENCH_CODE_MAX] __aligned(PAGE_SIZE);

/* One instruction for one: NOP with as many bytes. */
static void write_nop(u8 *at, u8 size)
{
	static const u8 nops[][3] = { { 0x90 }, { 0x66, 0x90 }, { 0x0f, 0x1f, 0x00 } };

	assert(size >= 1 && size <= ARRAY_SIZE(nops));
	memcpy(at, nops[size - 1], size);
}

void bench_put(u32 where, const struct bench_code *c, bool without)
{
	memcpy(places[where], c->bytes, c->size);
	if (without)
		write_nop(places[where], c->exiting);
}

u64 bench_run(u32 where, const struct guest_regs *in)
{
	struct guest_regs r = *in;

	guest_execute(places[where], &r);
	return (u32)r.rax | r.rdx << 32;
}

static u64 batch(const struct guest_regs *in)
{
	u64 start = rdtsc();

	for (u32 i = 0; i < BENCH_ROUNDS; i++)
		(void)bench_run(BENCH_FIRST, in);
	return rdtsc() - start;
}

/*
 * The best of some batches: the first one fills what remembers (the decoder's
 * lengths, TLBs), and a child shares its processor with the root.
 */
u64 bench_measure(const struct bench_code *c, bool without, const struct guest_regs *in)
{
	u64 best = ~0ull;

	bench_put(BENCH_FIRST, c, without);
	for (u32 i = 0; i < BENCH_BATCHES; i++)
		best = MIN(best, batch(in));
	return best / BENCH_ROUNDS;
}

u64 bench_best(u64 (*once)(void))
{
	u64 best = ~0ull;

	for (u32 i = 0; i < BENCH_BATCHES; i++) {
		u64 sum = 0;

		for (u32 k = 0; k < BENCH_ROUNDS; k++)
			sum += once();
		best = MIN(best, sum);
	}
	return best / BENCH_ROUNDS;
}

void bench_row(const char *name, const struct bench_code *c, const struct guest_regs *in)
{
	u64 with = bench_measure(c, false, in);

	guest_bench(name, with - bench_measure(c, true, in));
}

volatile u64 bench_fired;

static u64 look(void)
{
	const struct guest_regs none = { 0 };
	u64 start = rdtsc();

	return bench_run(BENCH_FIRST, &none) - start;
}

static u64 cause(void)
{
	const struct guest_regs none = { 0 };
	u64 start = rdtsc();

	(void)bench_run(BENCH_FIRST, &none);
	return bench_fired - start;
}

struct bench_own bench_own(void)
{
	struct bench_own own;

	bench_put(BENCH_FIRST, &bench_rdtsc, false);
	own.before = bench_best(look);
	bench_put(BENCH_FIRST, &bench_int, false);
	own.behind = bench_best(cause) - own.before;
	return own;
}

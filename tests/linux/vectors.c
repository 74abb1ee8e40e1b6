/* SPDX-License-Identifier: MIT */
/*
 * vectors PROCESSES MS: processes on all processors hold patterns of their
 * own in x87, SSE, AVX and whatever else XCR0 has, while they yield and are
 * preempted; none may lose its own.
 */
#include "lib/string.h"
#include "tests/linux/lib/program.h"
#include "x86/cpu.h"
#include "x86/cr.h"
#include "x86/xsave.h"

#define AREA_SIZE  8192u
#define AVX        2u
#define OSXSAVE    BIT(27)
#define COMPONENTS 8u /* x87, SSE, AVX, MPX, AVX-512; not PKRU, which would lock us out */
#define MASK       0xe7u

static u8 pattern[AREA_SIZE] __aligned(64), seen[AREA_SIZE] __aligned(64);
static u64 mask;

static void fill(u32 seed, u32 offset, u32 size)
{
	for (u32 i = offset; i < offset + size; i++)
		pattern[i] = (u8)((i * 37 + seed * 101) ^ (i >> 8));
}

static void make_pattern(u32 seed)
{
	*(u16 *)(void *)(pattern + FXSAVE_FCW) = FCW_DEFAULT;
	*(u32 *)(void *)(pattern + FXSAVE_MXCSR) = MXCSR_DEFAULT;
	pattern[4] = 0xff; /* all of x87's registers are in use */
	for (u32 i = 0; i < 8; i++)
		fill(seed, FXSAVE_ST0 + 16 * i, 10);
	fill(seed, FXSAVE_XMM0, 256);
	for (u32 i = AVX; i < COMPONENTS; i++) {
		struct cpuid_regs r = cpuid(0xd, i);

		if (mask >> i & 1)
			fill(seed, r.ebx, r.eax);
	}
	*(u64 *)(void *)(pattern + XSAVE_BV) = mask;
}

static bool same(u32 offset, u32 size)
{
	return memcmp(pattern + offset, seen + offset, size) == 0;
}

static bool kept(void)
{
	bool ok = same(FXSAVE_XMM0, 256);

	for (u32 i = 0; i < 8; i++)
		ok = ok && same(FXSAVE_ST0 + 16 * i, 10);
	for (u32 i = AVX; i < COMPONENTS; i++) {
		struct cpuid_regs r = cpuid(0xd, i);

		if (mask >> i & 1)
			ok = ok && same(r.ebx, r.eax);
	}
	return ok;
}

/* Between these two the registers are nobody else's: the compiler uses none of them. */
static bool turn(u64 until)
{
	xrstor(pattern, mask);
	do {
		let_others_run();
		for (u32 i = 0; i < 10000; i++)
			barrier();
		memset(seen, 0, sizeof(seen));
		xsave(seen, mask);
		if (!kept())
			return false;
	} while (clock_slow(CLOCK_MONOTONIC) < until);
	return true;
}

int program_main(u32 count, const u64 *numbers)
{
	u32 processes = count > 0 ? (u32)numbers[0] : 4, lost;
	u64 until = clock_slow(CLOCK_MONOTONIC) + (count > 1 ? numbers[1] : 1000) * 1000000;

	if (!(cpuid(1, 0).ecx & OSXSAVE))
		return verdict("vectors", false, "the kernel uses no XSAVE");
	mask = xcr0_read() & MASK;
	if (cpuid(0xd, 0).ebx > AREA_SIZE)
		return verdict("vectors", false, "an area of %u bytes", cpuid(0xd, 0).ebx);
	for (u32 i = 0; i < processes; i++) {
		if (split() != 0)
			continue;
		make_pattern(i + 1);
		leave(turn(until) ? 0 : 1);
	}
	lost = wait_for_all(processes);
	say("components %#llx", (unsigned long long)mask);
	return verdict("vectors", lost == 0, "%u of %u processes lost some", lost, processes);
}

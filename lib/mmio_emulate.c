/* SPDX-License-Identifier: MIT */
/*
 * Arithmetic of emulated memory accesses. No state; called on any processor,
 * in ring -1 and in ring 3. Intel SDM volume 1, 3.4.1 and appendix A.
 */
#include "lib/mmio_emulate.h"

#include "x86/cpu.h"

#define STATUS_FLAGS (RFLAGS_CF | RFLAGS_PF | RFLAGS_AF | RFLAGS_ZF | RFLAGS_SF | RFLAGS_OF)

static u64 flags_of(u64 result, u8 size)
{
	u64 flags = 0;

	if (result == 0)
		flags |= RFLAGS_ZF;
	if (result >> (8 * size - 1) & 1)
		flags |= RFLAGS_SF;
	if (!__builtin_parity((u8)result))
		flags |= RFLAGS_PF;
	return flags;
}

/* Flags of r = a + b or, with @subtract, r = a - b. */
static u64 carry_flags(u64 a, u64 b, u64 r, u8 size, bool subtract)
{
	u64 overflow = subtract ? (a ^ b) & (a ^ r) : (a ^ r) & (b ^ r);
	u64 flags = (a ^ b ^ r) & RFLAGS_AF;

	if (subtract ? a < b : r < a)
		flags |= RFLAGS_CF;
	if (overflow >> (8 * size - 1) & 1)
		flags |= RFLAGS_OF;
	return flags;
}

u64 mmio_alu(u8 op, u64 a, u64 b, u8 size, u64 *rflags)
{
	u64 mask = mmio_mask(size);
	u64 flags = 0, r;

	a &= mask;
	b &= mask;
	switch (op) {
	case MMIO_ADD:
		r = (a + b) & mask;
		flags = carry_flags(a, b, r, size, false);
		break;
	case MMIO_SUB:
	case MMIO_CMP:
		r = (a - b) & mask;
		flags = carry_flags(a, b, r, size, true);
		break;
	case MMIO_OR:
		r = a | b;
		break;
	case MMIO_XOR:
		r = a ^ b;
		break;
	case MMIO_AND:
	case MMIO_TEST:
		r = a & b;
		break;
	case MMIO_BT:
		*rflags &= ~RFLAGS_CF;
		*rflags |= a >> (b % (8 * size)) & 1;
		return a;
	default: /* XCHG: flags stay */
		return b;
	}
	*rflags = (*rflags & ~STATUS_FLAGS) | flags | flags_of(r, size);
	return r;
}

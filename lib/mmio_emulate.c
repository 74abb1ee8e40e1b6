/* SPDX-License-Identifier: MIT */
/*
 * Arithmetic of emulated memory accesses. No state; called on any processor,
 * in ring -1 and in ring 3. Intel SDM volume 1, 3.4.1 and appendix A.
 */
#include "lib/mmio_emulate.h"

#include "base/errno.h"
#include "x86/cpu.h"

#define OP_ADD       0u
#define OP_OR        1u
#define OP_AND       4u
#define OP_SUB       5u
#define OP_XOR       6u
#define OP_CMP       7u
#define OP_XCHG      8u
#define OP_TEST      9u
#define OP_BT        10u

#define STATUS_FLAGS (RFLAGS_CF | RFLAGS_PF | RFLAGS_AF | RFLAGS_ZF | RFLAGS_SF | RFLAGS_OF)

static u64 size_mask(u8 size)
{
	return size >= 8 ? ~0ull : BIT(8 * size) - 1;
}

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
	u64 mask = size_mask(size);
	u64 flags = 0, r;

	a &= mask;
	b &= mask;
	switch (op) {
	case OP_ADD:
		r = (a + b) & mask;
		flags = carry_flags(a, b, r, size, false);
		break;
	case OP_SUB:
	case OP_CMP:
		r = (a - b) & mask;
		flags = carry_flags(a, b, r, size, true);
		break;
	case OP_OR:
		r = a | b;
		break;
	case OP_XOR:
		r = a ^ b;
		break;
	case OP_AND:
	case OP_TEST:
		r = a & b;
		break;
	case OP_BT:
		*rflags &= ~RFLAGS_CF;
		*rflags |= a >> (b % (8 * size)) & 1;
		return a;
	default: /* XCHG: flags stay */
		return b;
	}
	*rflags = (*rflags & ~STATUS_FLAGS) | flags | flags_of(r, size);
	return r;
}

u64 mmio_merge(u64 old, u64 v, u8 size)
{
	u64 mask = size_mask(size);

	return size >= 4 ? v & mask : (old & ~mask) | (v & mask);
}

static u64 register_read(const u64 *gpr, const struct insn_access *how)
{
	return how->high_byte ? gpr[how->reg - 4] >> 8 : gpr[how->reg];
}

static void register_write(u64 *gpr, const struct insn_access *how, u64 v)
{
	if (how->high_byte)
		gpr[how->reg - 4] = (gpr[how->reg - 4] & ~0xff00ull) | (v & 0xff) << 8;
	else
		gpr[how->reg] = mmio_merge(gpr[how->reg], v, how->dst_size);
}

static u64 sign_extend(u64 v, u8 size)
{
	u32 unused = 64 - 8u * size;

	return (u64)((s64)(v << unused) >> unused);
}

int mmio_decode(struct mmio_op *op, const struct insn *insn, const u64 *gpr)
{
	if (insn_access(insn, &op->how) != 0)
		return -EINVAL;
	switch (op->how.kind) {
	case INSN_LOAD:
	case INSN_TEST:
	case INSN_LOAD_OP:
		op->loads = true;
		op->stores = false;
		break;
	case INSN_STORE:
		op->loads = false;
		op->stores = true;
		break;
	case INSN_RMW:
		op->loads = op->stores = true;
		break;
	default:
		return -EINVAL;
	}
	op->source = op->how.source_imm ? insn->imm : register_read(gpr, &op->how);
	return 0;
}

u64 mmio_apply(const struct mmio_op *op, u64 loaded, u64 *gpr, u64 *rflags)
{
	const struct insn_access *how = &op->how;
	u64 v;

	switch (how->kind) {
	case INSN_LOAD:
		loaded &= size_mask(how->size);
		register_write(gpr, how, how->sign ? sign_extend(loaded, how->size) : loaded);
		return 0;
	case INSN_STORE:
		return op->source & size_mask(how->size);
	case INSN_RMW:
		v = mmio_alu(how->op, loaded, op->source, how->size, rflags);
		if (how->op == OP_XCHG)
			register_write(gpr, how, loaded);
		return v;
	case INSN_LOAD_OP:
		v = mmio_alu(how->op, op->source, loaded, how->size, rflags);
		if (how->op != OP_CMP)
			register_write(gpr, how, v);
		return 0;
	default: /* INSN_TEST */
		mmio_alu(how->op, loaded, op->source, how->size, rflags);
		return 0;
	}
}

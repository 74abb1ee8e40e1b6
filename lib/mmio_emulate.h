/* SPDX-License-Identifier: MIT */
/*
 * What an instruction that moves data to or from memory does to registers and
 * flags, for whoever carries out its access: the local APIC's page in the
 * hypervisor, MMIO of children in their workers. Pure: callers load and store.
 * Inline, because an exit of the APIC page has few instructions beside these.
 *
 *	if (mmio_decode(&op, insn, gpr) != 0)
 *		not one of these instructions;
 *	if (op.loads)
 *		v = what stands there, op.how.size bytes;
 *	v = mmio_apply(&op, v, gpr, &rflags);
 *	if (op.stores)
 *		v goes there, op.how.size bytes;
 */
#pragma once

#include "base/errno.h"
#include "base/types.h"
#include "lib/insn.h"

/* Operations, as struct insn_access numbers them. */
enum mmio_alu_op {
	MMIO_ADD = 0,
	MMIO_OR = 1,
	MMIO_AND = 4,
	MMIO_SUB = 5,
	MMIO_XOR = 6,
	MMIO_CMP = 7,
	MMIO_XCHG = 8,
	MMIO_TEST = 9,
	MMIO_BT = 10,
};

struct mmio_op {
	struct insn_access how;
	u64 source; /* the register's value, or the immediate */
	bool loads;
	bool stores;
};

/*
 * Result of an ALU operation of @size bytes on a and b, with the status flags
 * in *rflags as the instruction leaves them.
 */
u64 mmio_alu(u8 op, u64 a, u64 b, u8 size, u64 *rflags);

static inline u64 mmio_mask(u8 size)
{
	return size >= 8 ? ~0ull : BIT(8 * size) - 1;
}

/*
 * A register of value @old after @size bytes of @v were written to it: 4 bytes
 * clear the upper half, 1 and 2 keep the rest.
 */
static inline u64 mmio_merge(u64 old, u64 v, u8 size)
{
	u64 mask = mmio_mask(size);

	return size >= 4 ? v & mask : (old & ~mask) | (v & mask);
}

static inline u64 mmio_register_read(const u64 *gpr, const struct insn_access *how)
{
	return how->high_byte ? gpr[how->reg - 4] >> 8 : gpr[how->reg];
}

static inline void mmio_register_write(u64 *gpr, const struct insn_access *how, u64 v)
{
	if (how->high_byte)
		gpr[how->reg - 4] = (gpr[how->reg - 4] & ~0xff00ull) | (v & 0xff) << 8;
	else
		gpr[how->reg] = mmio_merge(gpr[how->reg], v, how->dst_size);
}

static inline u64 mmio_sign_extend(u64 v, u8 size)
{
	u32 unused = 64 - 8u * size;

	return (u64)((s64)(v << unused) >> unused);
}

/*
 * Reads the sources of @insn from @gpr (16, in the order of encoding). Returns
 * 0, or -EINVAL for what insn_access() refuses and for string instructions,
 * whose second operand is in memory, too.
 */
[[nodiscard]] static inline int mmio_decode(
	struct mmio_op *op, const struct insn *insn, const u64 *gpr)
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
	op->source = op->how.source_imm ? insn->imm : mmio_register_read(gpr, &op->how);
	return 0;
}

/*
 * Changes registers and flags as the instruction does, and returns what it
 * stores. @loaded counts if op->loads.
 */
static inline u64 mmio_apply(const struct mmio_op *op, u64 loaded, u64 *gpr, u64 *rflags)
{
	const struct insn_access *how = &op->how;
	u64 v;

	switch (how->kind) {
	case INSN_LOAD:
		loaded &= mmio_mask(how->size);
		mmio_register_write(
			gpr, how, how->sign ? mmio_sign_extend(loaded, how->size) : loaded);
		return 0;
	case INSN_STORE:
		return op->source & mmio_mask(how->size);
	case INSN_RMW:
		v = mmio_alu(how->op, loaded, op->source, how->size, rflags);
		if (how->op == MMIO_XCHG)
			mmio_register_write(gpr, how, loaded);
		return v;
	case INSN_LOAD_OP:
		v = mmio_alu(how->op, op->source, loaded, how->size, rflags);
		if (how->op != MMIO_CMP)
			mmio_register_write(gpr, how, v);
		return 0;
	default: /* INSN_TEST */
		mmio_alu(how->op, loaded, op->source, how->size, rflags);
		return 0;
	}
}

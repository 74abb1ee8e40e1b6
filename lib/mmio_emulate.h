/* SPDX-License-Identifier: MIT */
/*
 * What an instruction that moves data to or from memory does to registers and
 * flags, for whoever carries out its access: the local APIC's page in the
 * hypervisor, MMIO of children in their workers. Pure: callers load and store.
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

#include "base/types.h"
#include "lib/insn.h"

struct mmio_op {
	struct insn_access how;
	u64 source; /* the register's value, or the immediate */
	bool loads;
	bool stores;
};

/*
 * Reads the sources of @insn from @gpr (16, in the order of encoding). Returns
 * 0, or -EINVAL for what insn_access() refuses and for string instructions,
 * whose second operand is in memory, too.
 */
[[nodiscard]] int mmio_decode(struct mmio_op *op, const struct insn *insn, const u64 *gpr);
/*
 * Changes registers and flags as the instruction does, and returns what it
 * stores. @loaded counts if op->loads.
 */
u64 mmio_apply(const struct mmio_op *op, u64 loaded, u64 *gpr, u64 *rflags);

/*
 * Result of an ALU operation of @size bytes on a and b, with the status flags
 * in *rflags as the instruction leaves them. @op: as in struct insn_access.
 */
u64 mmio_alu(u8 op, u64 a, u64 b, u8 size, u64 *rflags);
/*
 * A register of value @old after @size bytes of @v were written to it: 4 bytes
 * clear the upper half, 1 and 2 keep the rest.
 */
u64 mmio_merge(u64 old, u64 v, u8 size);

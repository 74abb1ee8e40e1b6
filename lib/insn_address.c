/* SPDX-License-Identifier: MIT */
/*
 * Where an instruction's memory operand lies within its segment, and which
 * segment that is. Called by whoever emulates an access. Intel SDM volume 1,
 * 3.7.5 and 3.3.7.
 */
#include "lib/insn.h"

#define REG_SP 4
#define REG_BP 5

/* MOV between rAX and an address that stands in the instruction itself. */
static bool is_moffs(const struct insn *insn)
{
	return insn->map == INSN_MAP_1B && insn->opcode >= 0xa0 && insn->opcode <= 0xa3;
}

u64 insn_address_cut(u64 address, u8 addrsize)
{
	return addrsize >= 8 ? address : address & (BIT(8 * addrsize) - 1);
}

u64 insn_address(const struct insn *insn, const u64 *gpr, u64 rip)
{
	u64 address = (u64)(s64)insn->disp;

	if (is_moffs(insn))
		return insn->imm;
	if (insn->rip_relative)
		address += rip + insn->length;
	if (insn->has_base)
		address += gpr[insn->base];
	if (insn->has_index)
		address += gpr[insn->index] * insn->scale;
	return insn_address_cut(address, insn->addrsize);
}

enum insn_seg insn_segment(const struct insn *insn)
{
	bool stack = insn->base == REG_BP || (insn->base == REG_SP && insn->addrsize > 2);

	if (insn->seg != INSN_SEG_DEFAULT)
		return insn->seg;
	return insn->has_base && stack ? INSN_SS : INSN_DS;
}

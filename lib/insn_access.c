/* SPDX-License-Identifier: MIT */
/*
 * What a decoded instruction does to its memory operand. Called by whoever
 * emulates an access that faulted: the local APIC page, MMIO of children. It
 * computes no address and touches nothing. Intel SDM volume 2.
 */
#include "lib/insn.h"

#include "base/errno.h"

#define OP_ADC  2
#define OP_SBB  3
#define OP_CMP  7
#define OP_XCHG 8
#define OP_TEST 9
#define OP_BT   10

#define BYTE    0x01 /* one byte in memory, else the operand size */
#define WORD    0x02 /* two bytes */
#define DWORD   0x04 /* at most four */
#define WIDEN   0x08 /* a load into a register of the operand size */
#define SIGN    0x10
#define IMM     0x20 /* the source is the immediate */
#define ACCUM   0x40 /* the register is rAX; there need not be a ModRM */
#define GROUP   0x80 /* ModRM.reg says more */

/* @op is meant by RMW, TEST and LOAD_OP alone. */
struct form {
	bool known;
	u8 kind; /* enum insn_access_kind */
	u8 op;
	u8 flags;
};

#define FORM(k, o, f)                                               \
	{                                                           \
		.known = true, .kind = (k), .op = (o), .flags = (f) \
	}

/* An arithmetic operation's forms with a memory operand. */
#define ALU_TO_MEMORY(k, o) FORM(k, o, BYTE), FORM(k, o, 0)
#define ALU_FROM_MEMORY(o)  FORM(INSN_LOAD_OP, o, BYTE), FORM(INSN_LOAD_OP, o, 0)

static const struct form forms_1b[256] = {
	[0x00] = ALU_TO_MEMORY(INSN_RMW, 0),
	[0x02] = ALU_FROM_MEMORY(0),
	[0x08] = ALU_TO_MEMORY(INSN_RMW, 1),
	[0x0a] = ALU_FROM_MEMORY(1),
	[0x20] = ALU_TO_MEMORY(INSN_RMW, 4),
	[0x22] = ALU_FROM_MEMORY(4),
	[0x28] = ALU_TO_MEMORY(INSN_RMW, 5),
	[0x2a] = ALU_FROM_MEMORY(5),
	[0x30] = ALU_TO_MEMORY(INSN_RMW, 6),
	[0x32] = ALU_FROM_MEMORY(6),
	[0x38] = ALU_TO_MEMORY(INSN_TEST, OP_CMP),
	[0x3a] = ALU_FROM_MEMORY(OP_CMP),
	[0x63] = FORM(INSN_LOAD, 0, DWORD | WIDEN | SIGN),
	[0x80] = FORM(INSN_RMW, 0, BYTE | IMM | GROUP),
	[0x81] = FORM(INSN_RMW, 0, IMM | GROUP),
	[0x82] = FORM(INSN_RMW, 0, BYTE | IMM | GROUP),
	[0x83] = FORM(INSN_RMW, 0, IMM | GROUP),
	[0x84] = FORM(INSN_TEST, OP_TEST, BYTE),
	[0x85] = FORM(INSN_TEST, OP_TEST, 0),
	[0x86] = FORM(INSN_RMW, OP_XCHG, BYTE),
	[0x87] = FORM(INSN_RMW, OP_XCHG, 0),
	[0x88] = FORM(INSN_STORE, 0, BYTE),
	[0x89] = FORM(INSN_STORE, 0, 0),
	[0x8a] = FORM(INSN_LOAD, 0, BYTE),
	[0x8b] = FORM(INSN_LOAD, 0, 0),
	[0xa0] = FORM(INSN_LOAD, 0, BYTE | ACCUM),
	[0xa1] = FORM(INSN_LOAD, 0, ACCUM),
	[0xa2] = FORM(INSN_STORE, 0, BYTE | ACCUM),
	[0xa3] = FORM(INSN_STORE, 0, ACCUM),
	[0xa4] = FORM(INSN_MOVS, 0, BYTE | ACCUM),
	[0xa5] = FORM(INSN_MOVS, 0, ACCUM),
	[0xaa] = FORM(INSN_STOS, 0, BYTE | ACCUM),
	[0xab] = FORM(INSN_STOS, 0, ACCUM),
	[0xac] = FORM(INSN_LODS, 0, BYTE | ACCUM),
	[0xad] = FORM(INSN_LODS, 0, ACCUM),
	[0xc6] = FORM(INSN_STORE, 0, BYTE | IMM | GROUP),
	[0xc7] = FORM(INSN_STORE, 0, IMM | GROUP),
	[0xf6] = FORM(INSN_TEST, OP_TEST, BYTE | IMM | GROUP),
	[0xf7] = FORM(INSN_TEST, OP_TEST, IMM | GROUP),
};

static const struct form forms_0f[256] = {
	[0xb6] = FORM(INSN_LOAD, 0, BYTE | WIDEN),
	[0xb7] = FORM(INSN_LOAD, 0, WORD | WIDEN),
	[0xba] = FORM(INSN_TEST, OP_BT, IMM | GROUP),
	[0xbe] = FORM(INSN_LOAD, 0, BYTE | WIDEN | SIGN),
	[0xbf] = FORM(INSN_LOAD, 0, WORD | WIDEN | SIGN),
	[0xc3] = FORM(INSN_STORE, 0, 0), /* MOVNTI */
};

static struct form form_find(const struct insn *insn)
{
	const struct form none = { .known = false };

	if (insn->map == INSN_MAP_0F && !(insn->prefixes & INSN_PREFIX_VEX))
		return forms_0f[insn->opcode];
	if (insn->map != INSN_MAP_1B)
		return none;
	/* Without REX.W this may as well be the ARPL of other modes. */
	if (insn->opcode == 0x63 && !(insn->rex & 8))
		return none;
	return forms_1b[insn->opcode];
}

/* Settles forms whose operation is in ModRM.reg; *form changes or is refused. */
static int group_settle(struct form *form, u8 reg)
{
	switch (form->kind) {
	case INSN_RMW:
		/* What these do depends on the guest's carry flag. */
		if (reg == OP_ADC || reg == OP_SBB)
			return -EINVAL;
		form->op = reg;
		if (reg == OP_CMP)
			form->kind = INSN_TEST;
		return 0;
	case INSN_STORE:
		return reg == 0 ? 0 : -EINVAL;
	default:
		if (form->op == OP_BT)
			return reg == 4 ? 0 : -EINVAL;
		return reg <= 1 ? 0 : -EINVAL;
	}
}

static u8 memory_size(const struct insn *insn, u8 flags)
{
	if (flags & BYTE)
		return 1;
	if (flags & WORD)
		return 2;
	if (flags & DWORD)
		return MIN(insn->opsize, 4);
	return insn->opsize;
}

/* Bytes of the register that takes part. */
static u8 register_size(const struct insn *insn, const struct form *form)
{
	return form->flags & WIDEN ? insn->opsize : memory_size(insn, form->flags);
}

int insn_access(const struct insn *insn, struct insn_access *acc)
{
	struct form form = form_find(insn);
	bool has_memory = form.flags & ACCUM || (insn->has_modrm && insn->mod != 3);
	u8 reg = form.flags & ACCUM ? 0 : insn->reg;

	if (!form.known || !has_memory)
		return -EINVAL;
	if (form.flags & GROUP && group_settle(&form, insn->reg & 7) != 0)
		return -EINVAL;
	*acc = (struct insn_access){
		.kind = form.kind,
		.size = memory_size(insn, form.flags),
		.dst_size = register_size(insn, &form),
		.sign = form.flags & SIGN,
		.source_imm = form.flags & IMM,
		.op = form.op,
	};
	if (acc->source_imm)
		return 0;
	acc->reg = reg;
	acc->high_byte = acc->dst_size == 1 && insn->rex == 0 && reg >= 4;
	return 0;
}

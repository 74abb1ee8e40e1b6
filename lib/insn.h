/* SPDX-License-Identifier: MIT */
/*
 * Decoder of x86 instructions, the one of the whole project: gives length,
 * prefixes, opcode, ModRM fields and immediate, and for the instructions that
 * move data to or from memory what an emulator of MMIO needs. It reads no
 * guest state but what it is handed, and executes nothing.
 * Intel SDM volume 2, chapters 2 and appendix A.
 */
#pragma once

#include "base/types.h"

#define INSN_MAX 15u

enum insn_mode { INSN_16, INSN_32, INSN_64 };

enum insn_map { INSN_MAP_1B, INSN_MAP_0F, INSN_MAP_0F38, INSN_MAP_0F3A };

#define INSN_PREFIX_OPSIZE   BIT(0)
#define INSN_PREFIX_ADDRSIZE BIT(1)
#define INSN_PREFIX_LOCK     BIT(2)
#define INSN_PREFIX_REP      BIT(3) /* F3 */
#define INSN_PREFIX_REPNE    BIT(4) /* F2 */
#define INSN_PREFIX_VEX      BIT(5)

/* Segment register numbers as in ModRM; INSN_SEG_DEFAULT: no override. */
enum insn_seg { INSN_ES, INSN_CS, INSN_SS, INSN_DS, INSN_FS, INSN_GS, INSN_SEG_DEFAULT };

struct insn {
	u8 length; /* bytes, 1 to 15 */
	u8 map;    /* enum insn_map */
	u8 opcode;
	u8 rex;       /* 0x40..0x4F, or 0 */
	u16 prefixes; /* INSN_PREFIX_* */
	u8 seg;       /* enum insn_seg: override, or INSN_SEG_DEFAULT */
	u8 opsize;    /* operand size in bytes by prefixes and mode: 2, 4, 8; that
			 some instructions default to 8 in 64-bit mode is not in it */
	u8 addrsize;  /* 2, 4, 8 */
	bool has_modrm;
	u8 mod;
	u8 reg; /* with REX.R */
	u8 rm;  /* with REX.B; base or direct register */
	bool rip_relative;
	bool has_base;
	bool has_index;
	u8 base;  /* with REX.B */
	u8 index; /* with REX.X */
	u8 scale; /* 1, 2, 4, 8 */
	s32 disp;
	bool has_imm;
	/*
	 * Sign-extended as the instruction does. MOV A0 to A3: the address. Far
	 * pointers: selector above the offset. ENTER: level in bits 23:16.
	 */
	u64 imm;
};

/*
 * Decodes one instruction from @len bytes (more than 15 are not looked at).
 * Returns 0; -EAGAIN if the bytes end before the instruction does; -EINVAL if
 * it is longer than 15 bytes or not an instruction that the tables know (EVEX
 * and XOP are not). *insn means nothing after an error. VEX fills rex as a REX
 * prefix with the same bits would.
 */
[[nodiscard]] int insn_decode(struct insn *insn, const u8 *bytes, size_t len, enum insn_mode mode);

/* What a memory access by MOV and its relatives does; for MMIO emulation. */
enum insn_access_kind {
	INSN_LOAD,  /* register <- memory, zero- or sign-extended to dst_size */
	INSN_STORE, /* memory <- register or immediate */
	INSN_RMW,  /* memory <- memory OP source: OR AND ADD SUB XOR XCHG; result also sets flags */
	INSN_TEST, /* flags only: CMP, TEST, BT */
	INSN_MOVS,
	INSN_STOS,
	INSN_LODS,
	INSN_LOAD_OP, /* register <- register OP memory; CMP: flags only */
};

struct insn_access {
	enum insn_access_kind kind;
	u8 size;         /* bytes in memory: 1, 2, 4, 8 */
	u8 dst_size;     /* loads: bytes of the register that change, 4 clears the upper half */
	bool sign;       /* loads: sign-extend */
	bool source_imm; /* stores, RMW, tests: source is insn.imm, else register @reg */
	u8 reg;          /* GPR number 0 to 15 */
	bool high_byte;  /* reg names AH CH DH BH (reg 4 to 7 without REX) */
	/*
	 * RMW, TEST, LOAD_OP: ModRM.reg style ALU number 0 ADD 1 OR 4 AND 5 SUB
	 * 6 XOR 7 CMP; 8 XCHG, 9 TEST, 10 BT (bit imm modulo 8 * size).
	 */
	u8 op;
};

/*
 * Classifies a decoded instruction with a memory operand. Returns 0, or
 * -EINVAL if it is none of the kinds above: among others ADC and SBB, BT with
 * a register, MOVSXD without REX.W. lib/insn_access.c.
 */
[[nodiscard]] int insn_access(const struct insn *insn, struct insn_access *acc);

/*
 * Offset of the operand in memory of a decoded instruction that has one, other
 * than of string instructions, cut to its address size. @gpr: 16, in the order
 * of encoding; @rip: of the instruction. lib/insn_address.c.
 */
u64 insn_address(const struct insn *insn, const u64 *gpr, u64 rip);
/* The segment that the operand is in. */
enum insn_seg insn_segment(const struct insn *insn);
/* What of an address counts with an address size of 2, 4 or 8 bytes. */
u64 insn_address_cut(u64 address, u8 addrsize);

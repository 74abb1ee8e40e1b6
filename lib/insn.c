/* SPDX-License-Identifier: MIT */
/*
 * Decoder of x86 instructions: prefixes, opcode, ModRM, immediate, length.
 * Called on exits of any processor for instructions whose length or operands
 * the hardware does not give; no state. Short instructions without prefixes
 * are what exits are made of, so their path is straight. Intel SDM volume 2,
 * chapter 2 and appendix A.
 */
#include "lib/insn.h"

#include "base/errno.h"

/* Kinds of immediates. */
enum imm {
	IMM_NONE,
	IMM_B,     /* 8 bits, sign-extended */
	IMM_UB,    /* 8 bits */
	IMM_W,     /* 16 bits */
	IMM_Z,     /* 16 or 32 bits by operand size, sign-extended */
	IMM_V,     /* 16, 32 or 64 bits by operand size */
	IMM_J,     /* as Z, but always 32 bits in 64-bit mode */
	IMM_FAR,   /* Z and a selector */
	IMM_MOFFS, /* as wide as an address */
	IMM_ENTER, /* W and UB */
};

/* What follows an opcode. */
#define ATTR_IMM     0x000f
#define ATTR_MODRM   0x0010
#define ATTR_PREFIX  0x0020
#define ATTR_REX     0x0040 /* a prefix in 64-bit mode only */
#define ATTR_NOT64   0x0080
#define ATTR_UNKNOWN 0x0100
#define ATTR_REGS    0x0200 /* ModRM names registers whatever its mod says */
#define ATTR_GROUP3  0x0400 /* the immediate belongs to ModRM.reg 0 and 1 */
#define ATTR_SPECIAL 0x0800 /* special_decode() knows more */
#define ATTR_ESCAPE  0x1000 /* another opcode byte follows */

/*
 * Short names for the tables: M with ModRM, N not in 64-bit mode, G group 3,
 * and the kind of immediate.
 */
/* clang-format off */
#define NO 0
#define MO ATTR_MODRM
#define MB (ATTR_MODRM | IMM_B)
#define MU (ATTR_MODRM | IMM_UB)
#define MZ (ATTR_MODRM | IMM_Z)
#define MR (ATTR_MODRM | ATTR_REGS)
#define MS (ATTR_MODRM | ATTR_SPECIAL)
#define MN (ATTR_MODRM | ATTR_NOT64 | IMM_B)
#define GB (ATTR_MODRM | ATTR_GROUP3 | IMM_B)
#define GZ (ATTR_MODRM | ATTR_GROUP3 | IMM_Z)
#define IB IMM_B
#define UB IMM_UB
#define IW IMM_W
#define IZ IMM_Z
#define IV IMM_V
#define IJ IMM_J
#define AD IMM_MOFFS
#define EN IMM_ENTER
#define FP (ATTR_NOT64 | IMM_FAR)
#define N6 ATTR_NOT64
#define NU (ATTR_NOT64 | IMM_UB)
#define PR ATTR_PREFIX
#define RX ATTR_REX
#define ES ATTR_ESCAPE
#define UD ATTR_UNKNOWN

static const u16 map_1b[256] = {
	/*      0   1   2   3   4   5   6   7   8   9   a   b   c   d   e   f */
	/* 0 */ MO, MO, MO, MO, IB, IZ, N6, N6, MO, MO, MO, MO, IB, IZ, N6, ES,
	/* 1 */ MO, MO, MO, MO, IB, IZ, N6, N6, MO, MO, MO, MO, IB, IZ, N6, N6,
	/* 2 */ MO, MO, MO, MO, IB, IZ, PR, N6, MO, MO, MO, MO, IB, IZ, PR, N6,
	/* 3 */ MO, MO, MO, MO, IB, IZ, PR, N6, MO, MO, MO, MO, IB, IZ, PR, N6,
	/* 4 */ RX, RX, RX, RX, RX, RX, RX, RX, RX, RX, RX, RX, RX, RX, RX, RX,
	/* 5 */ NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO,
	/* 6 */ N6, N6, MS, MO, PR, PR, PR, PR, IZ, MZ, IB, MB, NO, NO, NO, NO,
	/* 7 */ IB, IB, IB, IB, IB, IB, IB, IB, IB, IB, IB, IB, IB, IB, IB, IB,
	/* 8 */ MB, MZ, MN, MB, MO, MO, MO, MO, MO, MO, MO, MO, MO, MO, MO, MS,
	/* 9 */ NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, FP, NO, NO, NO, NO, NO,
	/* a */ AD, AD, AD, AD, NO, NO, NO, NO, IB, IZ, NO, NO, NO, NO, NO, NO,
	/* b */ IB, IB, IB, IB, IB, IB, IB, IB, IV, IV, IV, IV, IV, IV, IV, IV,
	/* c */ MU, MU, IW, NO, MS, MS, MB, MZ, EN, NO, IW, NO, NO, UB, N6, NO,
	/* d */ MO, MO, MO, MO, NU, NU, N6, NO, MO, MO, MO, MO, MO, MO, MO, MO,
	/* e */ IB, IB, IB, IB, UB, UB, UB, UB, IJ, IJ, FP, IB, NO, NO, NO, NO,
	/* f */ PR, NO, PR, PR, NO, NO, GB, GZ, NO, NO, NO, NO, NO, NO, MO, MO,
};

static const u16 map_0f[256] = {
	/*      0   1   2   3   4   5   6   7   8   9   a   b   c   d   e   f */
	/* 0 */ MO, MO, MO, MO, UD, NO, NO, NO, NO, NO, UD, NO, UD, MO, NO, MU,
	/* 1 */ MO, MO, MO, MO, MO, MO, MO, MO, MO, MO, MO, MO, MO, MO, MO, MO,
	/* 2 */ MR, MR, MR, MR, UD, UD, UD, UD, MO, MO, MO, MO, MO, MO, MO, MO,
	/* 3 */ NO, NO, NO, NO, NO, NO, UD, NO, ES, UD, ES, UD, UD, UD, UD, UD,
	/* 4 */ MO, MO, MO, MO, MO, MO, MO, MO, MO, MO, MO, MO, MO, MO, MO, MO,
	/* 5 */ MO, MO, MO, MO, MO, MO, MO, MO, MO, MO, MO, MO, MO, MO, MO, MO,
	/* 6 */ MO, MO, MO, MO, MO, MO, MO, MO, MO, MO, MO, MO, MO, MO, MO, MO,
	/* 7 */ MU, MU, MU, MU, MO, MO, MO, NO, MS, MO, UD, UD, MO, MO, MO, MO,
	/* 8 */ IJ, IJ, IJ, IJ, IJ, IJ, IJ, IJ, IJ, IJ, IJ, IJ, IJ, IJ, IJ, IJ,
	/* 9 */ MO, MO, MO, MO, MO, MO, MO, MO, MO, MO, MO, MO, MO, MO, MO, MO,
	/* a */ NO, NO, NO, MO, MU, MO, UD, UD, NO, NO, NO, MO, MU, MO, MO, MO,
	/* b */ MO, MO, MO, MO, MO, MO, MO, MO, MO, MO, MU, MO, MO, MO, MO, MO,
	/* c */ MO, MO, MU, MO, MU, MU, MU, MO, NO, NO, NO, NO, NO, NO, NO, NO,
	/* d */ MO, MO, MO, MO, MO, MO, MO, MO, MO, MO, MO, MO, MO, MO, MO, MO,
	/* e */ MO, MO, MO, MO, MO, MO, MO, MO, MO, MO, MO, MO, MO, MO, MO, MO,
	/* f */ MO, MO, MO, MO, MO, MO, MO, MO, MO, MO, MO, MO, MO, MO, MO, MO,
};

/* clang-format on */

/* In the maps behind 0F 38 and 0F 3A all have the same form. */
#define MAP_0F38_ATTR ATTR_MODRM
#define MAP_0F3A_ATTR (ATTR_MODRM | IMM_UB)

#define REX_W         8u
#define REX_R         4u
#define REX_X         2u
#define REX_B         1u

/* Bytes not yet read. */
struct cursor {
	const u8 *at;
	const u8 *end;
};

/* Reads @n bytes, at most 8, as a little-endian number. */
static int take(struct cursor *c, u32 n, u64 *value)
{
	if ((size_t)(c->end - c->at) < n)
		return -EAGAIN;
	*value = 0;
	/* Sizes known to the compiler become plain loads. */
	switch (n) {
	case 1:
		*value = *c->at;
		break;
	case 4:
		__builtin_memcpy(value, c->at, 4);
		break;
	default:
		for (u32 k = 0; k < n; k++)
			*value |= (u64)c->at[k] << (8 * k);
		break;
	}
	c->at += n;
	return 0;
}

static int take_byte(struct cursor *c, u8 *value)
{
	if (c->at == c->end)
		return -EAGAIN;
	*value = *c->at++;
	return 0;
}

static u64 sign_extend(u64 value, u32 bytes)
{
	u32 unused = 64 - 8 * bytes;

	return (u64)((s64)(value << unused) >> unused);
}

/* Of F2 and F3, and of several segments, the last one counts. */
static void prefix_use(struct insn *insn, u8 byte, enum insn_mode mode)
{
	switch (byte) {
	case 0x26:
	case 0x2e:
	case 0x36:
	case 0x3e:
		/* 64-bit mode ignores these, even behind FS or GS. */
		if (mode != INSN_64)
			insn->seg = byte >> 3 & 3;
		break;
	case 0x64:
	case 0x65:
		insn->seg = byte == 0x64 ? INSN_FS : INSN_GS;
		break;
	case 0x66:
		insn->prefixes |= INSN_PREFIX_OPSIZE;
		break;
	case 0x67:
		insn->prefixes |= INSN_PREFIX_ADDRSIZE;
		break;
	case 0xf0:
		insn->prefixes |= INSN_PREFIX_LOCK;
		break;
	case 0xf2:
		insn->prefixes &= (u16)~INSN_PREFIX_REP;
		insn->prefixes |= INSN_PREFIX_REPNE;
		break;
	case 0xf3:
		insn->prefixes &= (u16)~INSN_PREFIX_REPNE;
		insn->prefixes |= INSN_PREFIX_REP;
		break;
	}
}

/* Reads prefixes and the byte behind them, which goes to insn->opcode. */
static int prefixes_decode(struct insn *insn, struct cursor *c, enum insn_mode mode)
{
	for (;;) {
		u8 byte;

		if (take_byte(c, &byte) != 0)
			return -EAGAIN;
		if (map_1b[byte] & ATTR_PREFIX) {
			/* REX counts only right before the opcode. */
			insn->rex = 0;
			prefix_use(insn, byte, mode);
		} else if (map_1b[byte] & ATTR_REX && mode == INSN_64) {
			insn->rex = byte;
		} else {
			insn->opcode = byte;
			return 0;
		}
	}
}

/* Reads the opcode's other bytes. Returns its attributes or an error. */
static int opcode_decode(struct insn *insn, struct cursor *c)
{
	u16 attr = map_1b[insn->opcode];

	if (likely(!(attr & ATTR_ESCAPE)))
		return attr;
	if (take_byte(c, &insn->opcode) != 0)
		return -EAGAIN;
	insn->map = INSN_MAP_0F;
	attr = map_0f[insn->opcode];
	if (likely(!(attr & ATTR_ESCAPE)))
		return attr;
	insn->map = insn->opcode == 0x38 ? INSN_MAP_0F38 : INSN_MAP_0F3A;
	if (take_byte(c, &insn->opcode) != 0)
		return -EAGAIN;
	return insn->map == INSN_MAP_0F38 ? MAP_0F38_ATTR : MAP_0F3A_ATTR;
}

/* By mode, and by whether there is a prefix. */
static const u8 op_sizes[][2] = {
	[INSN_16] = { 2, 4 },
	[INSN_32] = { 4, 2 },
	[INSN_64] = { 4, 2 },
};
static const u8 addr_sizes[][2] = {
	[INSN_16] = { 2, 4 },
	[INSN_32] = { 4, 2 },
	[INSN_64] = { 8, 4 },
};

static void sizes_set(struct insn *insn, enum insn_mode mode)
{
	insn->opsize = op_sizes[mode][(insn->prefixes & INSN_PREFIX_OPSIZE) != 0];
	insn->addrsize = addr_sizes[mode][(insn->prefixes & INSN_PREFIX_ADDRSIZE) != 0];
	if (insn->rex & REX_W)
		insn->opsize = 8;
}

/* What follows an opcode in a VEX map. Returns attributes or -EINVAL. */
static int vex_attr(u32 map, u8 opcode)
{
	switch (map) {
	case 1:
		if (opcode == 0x77)
			return 0;
		if (!(map_0f[opcode] & ATTR_MODRM))
			return -EINVAL;
		return map_0f[opcode] & (ATTR_MODRM | ATTR_IMM);
	case 2:
		return MAP_0F38_ATTR;
	case 3:
		return MAP_0F3A_ATTR;
	default:
		return -EINVAL;
	}
}

/*
 * The rest of a VEX prefix, C4 or C5 having been read, and the opcode.
 * Returns attributes or an error.
 */
static int vex_decode(struct insn *insn, struct cursor *c, enum insn_mode mode)
{
	static const u16 implied[] = { 0, INSN_PREFIX_OPSIZE, INSN_PREFIX_REP, INSN_PREFIX_REPNE };
	u8 rxb_map = 0x61; /* C5: X and B as if not set, map 1 */
	u8 last;

	if (insn->rex != 0 || (insn->prefixes & (u16)~INSN_PREFIX_ADDRSIZE) != 0)
		return -EINVAL;
	if (insn->opcode == 0xc4 && take_byte(c, &rxb_map) != 0)
		return -EAGAIN;
	if (take_byte(c, &last) != 0)
		return -EAGAIN;
	if (insn->opcode == 0xc5)
		rxb_map |= last & 0x80;
	else if (last & 0x80)
		insn->rex |= REX_W;
	if (take_byte(c, &insn->opcode) != 0)
		return -EAGAIN;
	insn->map = rxb_map & 0x1f;
	insn->prefixes |= implied[last & 3] | INSN_PREFIX_VEX;
	/* R, X and B are stored inverted. */
	if (mode == INSN_64)
		insn->rex |= 0x40 | (~rxb_map >> 5 & 7);
	else
		insn->rex = 0;
	return vex_attr(insn->map, insn->opcode);
}

static_assert(INSN_MAP_0F == 1 && INSN_MAP_0F38 == 2 && INSN_MAP_0F3A == 3);

/*
 * Opcodes whose meaning hangs on the byte behind them or on prefixes. Returns
 * their attributes or an error.
 */
static int special_decode(struct insn *insn, struct cursor *c, enum insn_mode mode)
{
	u8 next;

	if (c->at == c->end)
		return -EAGAIN;
	next = *c->at;
	if (insn->map == INSN_MAP_0F) /* 78: EXTRQ, INSERTQ have two bytes more, VMREAD none */
		return insn->prefixes & (INSN_PREFIX_OPSIZE | INSN_PREFIX_REPNE)
			       ? ATTR_MODRM | IMM_W
			       : ATTR_MODRM;
	switch (insn->opcode) {
	case 0x62: /* BOUND with a memory operand, else EVEX */
		return mode != INSN_64 && next < 0xc0 ? ATTR_MODRM : -EINVAL;
	case 0x8f: /* POP with reg 0, else XOP */
		return (next & 0x38) == 0 ? ATTR_MODRM : -EINVAL;
	default: /* C4, C5: LES, LDS with a memory operand, else VEX */
		if (mode != INSN_64 && next < 0xc0)
			return ATTR_MODRM;
		return vex_decode(insn, c, mode);
	}
}

static int displacement_decode(struct insn *insn, struct cursor *c, u32 bytes)
{
	u64 value;

	if (take(c, bytes, &value) != 0)
		return -EAGAIN;
	insn->disp = (s32)sign_extend(value, bytes);
	return 0;
}

/* Memory operands of 16-bit addressing: pairs of BX, BP, SI and DI. */
static int memory16_decode(struct insn *insn, struct cursor *c)
{
	static const u8 bases[] = { 3, 3, 5, 5, 6, 7, 5, 3 };
	static const u8 indices[] = { 6, 7, 6, 7 };
	bool direct = insn->mod == 0 && insn->rm == 6;

	insn->has_base = !direct;
	insn->base = bases[insn->rm];
	insn->has_index = insn->rm < ARRAY_SIZE(indices);
	insn->index = insn->has_index ? indices[insn->rm] : 0;
	insn->scale = 1;
	if (insn->mod == 2 || direct)
		return displacement_decode(insn, c, 2);
	return insn->mod == 1 ? displacement_decode(insn, c, 1) : 0;
}

static int sib_decode(struct insn *insn, struct cursor *c)
{
	u8 sib;

	if (take_byte(c, &sib) != 0)
		return -EAGAIN;
	insn->scale = (u8)(1 << (sib >> 6));
	insn->index = (sib >> 3 & 7) | ((insn->rex & REX_X) ? 8 : 0);
	insn->has_index = insn->index != 4;
	insn->base = (sib & 7) | (insn->rm & 8);
	insn->has_base = insn->mod != 0 || (sib & 7) != 5;
	return 0;
}

/* Memory operands of 32-bit and 64-bit addressing. */
static int memory_decode(struct insn *insn, struct cursor *c, enum insn_mode mode)
{
	insn->has_base = true;
	insn->base = insn->rm;
	insn->scale = 1;
	if ((insn->rm & 7) == 4 && sib_decode(insn, c) != 0)
		return -EAGAIN;
	if ((insn->rm & 7) == 5 && insn->mod == 0) {
		insn->has_base = false;
		insn->rip_relative = mode == INSN_64;
	}
	if (insn->mod == 2 || !insn->has_base)
		return displacement_decode(insn, c, 4);
	return insn->mod == 1 ? displacement_decode(insn, c, 1) : 0;
}

static int modrm_decode(struct insn *insn, struct cursor *c, enum insn_mode mode, int attr)
{
	u8 modrm;

	if (take_byte(c, &modrm) != 0)
		return -EAGAIN;
	insn->has_modrm = true;
	insn->mod = modrm >> 6;
	insn->reg = (modrm >> 3 & 7) | ((insn->rex & REX_R) ? 8 : 0);
	insn->rm = (modrm & 7) | ((insn->rex & REX_B) ? 8 : 0);
	if (attr & ATTR_REGS)
		insn->mod = 3;
	if (insn->mod == 3)
		return 0;
	if (insn->addrsize == 2)
		return memory16_decode(insn, c);
	return memory_decode(insn, c, mode);
}

static u32 imm_bytes(const struct insn *insn, enum imm kind, enum insn_mode mode)
{
	u32 word = MIN(insn->opsize, 4u);

	switch (kind) {
	case IMM_NONE:
		return 0;
	case IMM_B:
	case IMM_UB:
		return 1;
	case IMM_W:
		return 2;
	case IMM_Z:
		return word;
	case IMM_V:
		return insn->opsize;
	case IMM_J:
		return mode == INSN_64 ? 4 : word;
	case IMM_FAR:
		return word + 2;
	case IMM_MOFFS:
		return insn->addrsize;
	case IMM_ENTER:
		return 3;
	}
	return 0;
}

static int imm_decode(struct insn *insn, struct cursor *c, enum insn_mode mode, enum imm kind)
{
	u32 bytes = imm_bytes(insn, kind, mode);

	if (take(c, bytes, &insn->imm) != 0)
		return -EAGAIN;
	if (kind == IMM_B || kind == IMM_Z || kind == IMM_J)
		insn->imm = sign_extend(insn->imm, bytes);
	insn->has_imm = true;
	return 0;
}

static int parts_decode(struct insn *insn, struct cursor *c, enum insn_mode mode)
{
	int attr;

	if (prefixes_decode(insn, c, mode) != 0)
		return -EAGAIN;
	attr = opcode_decode(insn, c);
	if (attr >= 0 && attr & ATTR_SPECIAL)
		attr = special_decode(insn, c, mode);
	if (attr < 0)
		return attr;
	if (attr & ATTR_UNKNOWN || (attr & ATTR_NOT64 && mode == INSN_64))
		return -EINVAL;
	sizes_set(insn, mode);
	if (attr & ATTR_MODRM && modrm_decode(insn, c, mode, attr) != 0)
		return -EAGAIN;
	if (attr & ATTR_GROUP3 && (insn->reg & 7) > 1)
		return 0;
	if (attr & ATTR_IMM)
		return imm_decode(insn, c, mode, attr & ATTR_IMM);
	return 0;
}

/* Kept apart so that its frame costs plain_decode() nothing. */
__attribute__((noinline)) static int full_decode(
	struct insn *insn, const u8 *bytes, size_t len, enum insn_mode mode)
{
	struct cursor c = { .at = bytes, .end = bytes + MIN(len, (size_t)INSN_MAX) };
	int err;

	*insn = (struct insn){ .seg = INSN_SEG_DEFAULT };
	err = parts_decode(insn, &c, mode);
	if (err != 0)
		return err == -EAGAIN && len >= INSN_MAX ? -EINVAL : err;
	insn->length = (u8)(c.at - bytes);
	return 0;
}

/*
 * One or two opcode bytes and at most registers in a ModRM: CPUID, HLT, RDMSR,
 * VMCALL, MOV to CR3 and most of the others that exit often. Returns false if
 * it is not so simple. Looks at three bytes.
 */
static bool plain_decode(struct insn *insn, const u8 *bytes, enum insn_mode mode)
{
	bool two = map_1b[bytes[0]] == ATTR_ESCAPE;
	u16 attr = two ? map_0f[bytes[1]] : map_1b[bytes[0]];
	u8 modrm = bytes[1 + two];
	bool has_modrm = attr != 0;

	if (has_modrm && ((attr & ~ATTR_REGS) != ATTR_MODRM || modrm < 0xc0))
		return false;
	*insn = (struct insn){
		.length = (u8)(1 + two + has_modrm),
		.map = two ? INSN_MAP_0F : INSN_MAP_1B,
		.opcode = bytes[two],
		.seg = INSN_SEG_DEFAULT,
		.opsize = op_sizes[mode][0],
		.addrsize = addr_sizes[mode][0],
		.has_modrm = has_modrm,
	};
	if (has_modrm) {
		insn->mod = 3;
		insn->reg = modrm >> 3 & 7;
		insn->rm = modrm & 7;
	}
	return true;
}

int insn_decode(struct insn *insn, const u8 *bytes, size_t len, enum insn_mode mode)
{
	if (len >= 3 && plain_decode(insn, bytes, mode))
		return 0;
	return full_decode(insn, bytes, len, mode);
}

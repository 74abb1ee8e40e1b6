/* SPDX-License-Identifier: MIT */
/*
 * Evaluation of MTRRs. Called at boot by the first processor, for the leaves
 * of the root's second-level map. Intel SDM volume 3, 12.11.4.1: fixed ranges
 * come before variable ones, those before the default type.
 *
 * The unit of all of it is the block: a power of two, aligned to itself. A
 * variable range covers a block wholly or not at all if its mask compares no
 * address bit inside of the block; else, if the bits above agree, a part of
 * it, whatever the mask's shape. So blocks are halved until none is covered
 * in part; that is exact for masks with gaps, too.
 */
#include "hypervisor/memtype.h"

#define FIXED_END     0x100000u
#define FIXED_64K_END 0x80000u
#define FIXED_16K_END 0xc0000u
#define FIXED_PER_MSR 8u

/* Sets of types: a bit for each, by its encoding. */
#define TYPE_BIT(type) (1u << (type))
#define TYPES_VALID                                                           \
	(TYPE_BIT(MEMTYPE_UC) | TYPE_BIT(MEMTYPE_WC) | TYPE_BIT(MEMTYPE_WT) | \
		TYPE_BIT(MEMTYPE_WP) | TYPE_BIT(MEMTYPE_WB))

enum cover { COVER_NONE, COVER_PART, COVER_ALL };

static enum memtype type_of(u64 encoding)
{
	u64 type = encoding & MTRR_TYPE_MASK;

	return type <= MEMTYPE_WB && TYPES_VALID & TYPE_BIT(type) ? (enum memtype)type : MEMTYPE_UC;
}

static bool fixed_enabled(const struct mtrr_set *set)
{
	return set->cap & MTRR_CAP_FIXED && set->def_type & MTRR_DEF_FIXED_ENABLE;
}

/* Bytes that one fixed range covers at @spa. */
static u64 fixed_span(u64 spa)
{
	if (spa < FIXED_64K_END)
		return 64 * KIB;
	return spa < FIXED_16K_END ? 16 * KIB : 4 * KIB;
}

/* Ranges lie in the array by address, eight to a register, lowest byte first. */
static enum memtype fixed_type(const struct mtrr_set *set, u64 spa)
{
	u64 range;

	if (spa < FIXED_64K_END)
		range = spa / (64 * KIB);
	else if (spa < FIXED_16K_END)
		range = FIXED_PER_MSR + (spa - FIXED_64K_END) / (16 * KIB);
	else
		range = 3 * FIXED_PER_MSR + (spa - FIXED_16K_END) / (4 * KIB);
	return type_of(set->fixed[range / FIXED_PER_MSR] >> (range % FIXED_PER_MSR * 8));
}

static enum cover var_cover(
	const struct mtrr_set *set, const struct mtrr_var *var, u64 base, u64 size)
{
	u64 mask = var->mask & (BIT(set->phys_bits) - PAGE_SIZE);

	if (!(var->mask & MTRR_MASK_VALID) || (base ^ var->base) & mask & ~(size - 1))
		return COVER_NONE;
	return mask & (size - 1) ? COVER_PART : COVER_ALL;
}

/* 12.11.4.1: one type is itself; UC wins; WT beats WB; the rest is undefined. */
static enum memtype combine(u32 types, enum memtype def)
{
	if (!types)
		return def;
	if (types == TYPE_BIT(MEMTYPE_WC))
		return MEMTYPE_WC;
	if (types == TYPE_BIT(MEMTYPE_WP))
		return MEMTYPE_WP;
	if (types == TYPE_BIT(MEMTYPE_WB))
		return MEMTYPE_WB;
	if (!(types & ~(TYPE_BIT(MEMTYPE_WT) | TYPE_BIT(MEMTYPE_WB))))
		return MEMTYPE_WT;
	return MEMTYPE_UC;
}

/* A block that is UC as a whole is so whatever covers a part of it. */
static bool var_type(const struct mtrr_set *set, u64 base, u64 size, enum memtype *type)
{
	u32 count = MIN(MTRR_CAP_VCNT(set->cap), MTRR_VAR_MAX);
	u32 types = 0;
	bool part = false;

	for (u32 i = 0; i < count; i++) {
		enum cover cover = var_cover(set, &set->var[i], base, size);

		part |= cover == COVER_PART;
		if (cover == COVER_ALL)
			types |= TYPE_BIT(type_of(set->var[i].base));
	}
	*type = combine(types, type_of(set->def_type));
	return !part || types & TYPE_BIT(MEMTYPE_UC);
}

/* Type of a block; false if it has to be halved first. */
static bool block_type(const struct mtrr_set *set, u64 base, u64 size, enum memtype *type)
{
	*type = MEMTYPE_UC;
	if (!(set->def_type & MTRR_DEF_ENABLE))
		return true;
	if (base >= FIXED_END || !fixed_enabled(set))
		return var_type(set, base, size, type);
	*type = fixed_type(set, base);
	return size <= fixed_span(base);
}

enum memtype memtype_at(const struct mtrr_set *set, u64 spa)
{
	enum memtype type;

	(void)block_type(set, ALIGN_DOWN(spa, PAGE_SIZE), PAGE_SIZE, &type);
	return type;
}

/* Largest block that begins at @base and is no longer than @size. */
static u64 block_at(u64 base, u64 size)
{
	u64 block = BIT(63 - __builtin_clzll(size));

	return base ? MIN(block, base & -base) : block;
}

bool memtype_uniform(const struct mtrr_set *set, u64 base, u64 size, enum memtype *type)
{
	enum memtype first = memtype_at(set, base);

	for (u64 done = 0, block; done < size; done += block) {
		enum memtype here;

		block = block_at(base + done, size - done);
		while (!block_type(set, base + done, block, &here))
			block /= 2;
		if (here != first)
			return false;
	}
	*type = first;
	return true;
}

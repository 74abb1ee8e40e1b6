/* SPDX-License-Identifier: MIT */
/*
 * Checks of segments, from HvCallStartVirtualProcessor and from register
 * values. A segment that is not present has no rights to check, but for CS and
 * TR, which must be there.
 */
#include "hypervisor/segment.h"

#include "x86/paging.h"

#define TYPE(a)       ((a)&0xfu)
#define TYPE_ACCESSED BIT(0)
#define TYPE_READABLE BIT(1) /* code; of data: writable */
#define TYPE_DOWN     BIT(2) /* data that grows down */
#define TYPE_CODE     BIT(3)
#define TYPE_LDT      2u
#define TYPE_TSS_16   1u
#define TYPE_TSS      9u
#define TYPE_BUSY     BIT(1)
#define ATTR_S        BIT(4) /* code or data */
#define ATTR_G        BIT(15)
#define ATTR_RESERVED 0x0f00u
#define SEL_LOCAL     BIT(2) /* selector of the local table */

/* A limit that granularity can stand for: low or high 12 bits speak. */
static bool limit_valid(const struct hv_segment *s)
{
	if (s->attributes & ATTR_G)
		return (s->limit & 0xfff) == 0xfff;
	return s->limit >> 20 == 0;
}

/* Code, or data as real mode has it in CS. */
static bool code_type(u32 type)
{
	return type & TYPE_CODE || (type & TYPE_READABLE && !(type & TYPE_DOWN));
}

static bool stack_type(u32 type)
{
	return !(type & TYPE_CODE) && type & TYPE_READABLE;
}

static bool data_type(u32 type)
{
	return !(type & TYPE_CODE) || type & TYPE_READABLE;
}

static bool memory_valid(enum segment_kind kind, const struct hv_segment *s)
{
	u32 type = TYPE(s->attributes);

	if (!(s->attributes & ATTR_S))
		return false;
	if (kind == SEGMENT_CODE)
		return code_type(type);
	return kind == SEGMENT_STACK ? stack_type(type) : data_type(type);
}

static bool system_valid(enum segment_kind kind, const struct hv_segment *s)
{
	u32 type = TYPE(s->attributes);

	if (s->attributes & ATTR_S || s->selector & SEL_LOCAL)
		return false;
	if (kind == SEGMENT_LOCAL_TABLE)
		return type == TYPE_LDT;
	type &= ~(u32)TYPE_BUSY;
	return type == TYPE_TSS || type == TYPE_TSS_16;
}

static bool base_valid(enum segment_kind kind, const struct hv_segment *s)
{
	bool narrow = kind == SEGMENT_CODE || kind == SEGMENT_STACK || kind == SEGMENT_DATA;

	return narrow ? s->base >> 32 == 0 : linear_is_canonical(s->base);
}

enum segment_kind segment_kind_of(u32 name)
{
	switch (name) {
	case HV_X64_REGISTER_CS:
		return SEGMENT_CODE;
	case HV_X64_REGISTER_SS:
		return SEGMENT_STACK;
	case HV_X64_REGISTER_FS:
	case HV_X64_REGISTER_GS:
		return SEGMENT_WIDE;
	case HV_X64_REGISTER_LDTR:
		return SEGMENT_LOCAL_TABLE;
	case HV_X64_REGISTER_TR:
		return SEGMENT_TASK;
	default:
		return SEGMENT_DATA;
	}
}

bool segment_valid(enum segment_kind kind, const struct hv_segment *s)
{
	if (s->attributes & ATTR_RESERVED || !linear_is_canonical(s->base))
		return false;
	if (!(s->attributes & HV_SEG_PRESENT))
		return kind != SEGMENT_CODE && kind != SEGMENT_TASK;
	if (!base_valid(kind, s) || !limit_valid(s))
		return false;
	if (kind == SEGMENT_LOCAL_TABLE || kind == SEGMENT_TASK)
		return system_valid(kind, s);
	return memory_valid(kind, s);
}

struct hv_segment segment_loaded(enum segment_kind kind, const struct hv_segment *s)
{
	struct hv_segment loaded = *s;

	if (!(s->attributes & HV_SEG_PRESENT) || kind == SEGMENT_LOCAL_TABLE)
		return loaded;
	loaded.attributes |= (u16)(kind == SEGMENT_TASK ? TYPE_BUSY : TYPE_ACCESSED);
	return loaded;
}

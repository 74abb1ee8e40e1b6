/* SPDX-License-Identifier: MIT */
/*
 * First-fit search around the ranges taken, in either direction. Each step
 * passes one of them, so a search ends soon.
 */
#include "rootpart/worker/place.h"

#include "base/assert.h"
#include "rootpart/worker/memory.h"

#define LOW_END    (64 * KIB)
#define LEGACY     (640 * KIB)
#define LEGACY_END MIB
/* Ranges that place_init() takes. */
#define INITIAL 2u

void place_init(struct place *p)
{
	p->count = 0;
	place_take(p, 0, LOW_END);
	place_take(p, LEGACY, LEGACY_END - LEGACY);
}

void place_take(struct place *p, u64 start, u64 size)
{
	assert(p->count < PLACE_MAX);
	p->taken[p->count].start = start;
	p->taken[p->count++].end = start + size;
}

bool place_firmware_free(const struct place *p)
{
	for (u32 i = INITIAL; i < p->count; i++)
		if (p->taken[i].start < PLACE_FIRMWARE_END && p->taken[i].end > PLACE_FIRMWARE)
			return false;
	return memory_at(PLACE_FIRMWARE, PLACE_FIRMWARE_END - PLACE_FIRMWARE, MEMORY_WRITE) != NULL;
}

u64 place_top(const struct place *p)
{
	u64 top = 0;

	for (u32 i = 0; i < p->count; i++)
		top = MAX(top, p->taken[i].end);
	return top;
}

/* Number of a range that meets [start, start + size), or PLACE_MAX. */
static u32 taken_at(const struct place *p, u64 start, u64 size)
{
	for (u32 i = 0; i < p->count; i++)
		if (start < p->taken[i].end && p->taken[i].start < start + size)
			return i;
	return PLACE_MAX;
}

/* The lowest place within [low, high), which is RAM. */
static bool search_low(const struct place *p, u64 size, u64 align, u64 low, u64 high, u64 *start)
{
	u64 at = ALIGN_UP(low, align);

	while (at >= low && at < high && size <= high - at) {
		u32 i = taken_at(p, at, size);

		if (i == PLACE_MAX) {
			*start = at;
			return true;
		}
		at = ALIGN_UP(p->taken[i].end, align);
	}
	return false;
}

/* The highest one. */
static bool search_high(const struct place *p, u64 size, u64 align, u64 low, u64 high, u64 *start)
{
	while (high > low && size <= high - low) {
		u64 at = ALIGN_DOWN(high - size, align);
		u32 i = taken_at(p, at, size);

		if (at < low)
			return false;
		if (i == PLACE_MAX) {
			*start = at;
			return true;
		}
		high = p->taken[i].start;
	}
	return false;
}

bool place_low(struct place *p, u64 size, u64 align, u64 from, u64 to, u64 *start)
{
	for (u32 i = 0; i < memory_region_count(); i++) {
		const struct worker_region *r = memory_region(i);
		u64 low = MAX(r->gpa, from);
		u64 high = MIN(r->gpa + r->size, to);

		if (r->type != WORKER_REGION_RAM || !search_low(p, size, align, low, high, start))
			continue;
		place_take(p, *start, size);
		return true;
	}
	return false;
}

bool place_high(struct place *p, u64 size, u64 align, u64 from, u64 to, u64 *start)
{
	for (u32 i = memory_region_count(); i-- > 0;) {
		const struct worker_region *r = memory_region(i);
		u64 low = MAX(r->gpa, from);
		u64 high = MIN(r->gpa + r->size, to);

		if (r->type != WORKER_REGION_RAM || !search_high(p, size, align, low, high, start))
			continue;
		place_take(p, *start, size);
		return true;
	}
	return false;
}

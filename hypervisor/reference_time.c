/* SPDX-License-Identifier: MIT */
/*
 * Reference time: the TSC by a factor, and an offset. One writer at a time;
 * readers look again if the sequence changed under them, those of the page by
 * the page's. A writer makes the page invalid before it looks at the TSC, so
 * that what anybody has read there is never later than the time that follows.
 */
#include "hypervisor/reference_time.h"

#include "hypervisor/clock.h"
#include "x86/atomic.h"
#include "x86/cpu.h"
#include "x86/divide.h"

static u64 units(const struct reference_time *t, u64 tsc)
{
	return (u64)((unsigned __int128)tsc * t->scale >> 64);
}

/* Full barriers, which pair with the loads in reference_time() and the page's readers. */
static void write_begin(struct reference_time *t)
{
	if (t->page)
		store_relaxed(&t->page->sequence, HV_TSC_INVALID);
	atomic_fetch_add(&t->sequence, 1);
}

static u32 next_sequence(u32 last)
{
	return last + 1 < HV_TSC_INVALID_V2 ? last + 1 : 1;
}

static void page_tell(struct reference_time *t)
{
	struct hv_reference_tsc_page *page = t->page;

	if (!page || t->frozen)
		return;
	store_relaxed(&page->scale, t->scale);
	store_relaxed(&page->offset, t->offset);
	t->page_sequence = next_sequence(t->page_sequence);
	/* Pairs with the guest's first look at it. */
	store_release(&page->sequence, t->page_sequence);
}

static void write_end(struct reference_time *t)
{
	atomic_fetch_add(&t->sequence, 1);
	page_tell(t);
}

void reference_time_start(struct reference_time *t)
{
	u64 rest;

	*t = (struct reference_time){ .scale = ~0ull };
	if (clock_tsc_hz > HV_TIME_PER_SEC)
		t->scale = divide_wide(HV_TIME_PER_SEC, 0, clock_tsc_hz, &rest);
	t->offset = -units(t, rdtsc_ordered());
}

/* What is needed of *@t together, and the TSC with it; gives the time. */
static u64 look(const struct reference_time *t, struct reference_time *copy, u64 *tsc)
{
	u32 before;

	copy->scale = t->scale;
	do {
		before = load_acquire(&t->sequence);
		copy->frozen = load_acquire(&t->frozen);
		copy->value = load_acquire(&t->value);
		copy->offset = load_acquire(&t->offset);
		*tsc = rdtsc_ordered();
	} while (unlikely(before & 1 || load_relaxed(&t->sequence) != before));
	return copy->frozen ? copy->value : units(copy, *tsc) + copy->offset;
}

u64 reference_time(const struct reference_time *t)
{
	struct reference_time copy;
	u64 tsc;

	return look(t, &copy, &tsc);
}

void reference_time_freeze(struct reference_time *t, bool frozen)
{
	u64 now;

	if (frozen == t->frozen)
		return;
	write_begin(t);
	now = units(t, rdtsc_ordered());
	if (frozen)
		t->value = now + t->offset;
	else
		t->offset = t->value - now;
	t->frozen = frozen;
	write_end(t);
}

void reference_time_set(struct reference_time *t, u64 v)
{
	write_begin(t);
	t->value = v;
	write_end(t);
}

void reference_time_page(struct reference_time *t, struct hv_reference_tsc_page *page)
{
	t->page = page;
	page_tell(t);
}

/* The quotient, rounded up: the first tick of which the product reaches that far. */
bool reference_time_tsc(const struct reference_time *t, u64 when, u64 *tsc)
{
	struct reference_time copy;
	u64 now = look(t, &copy, tsc);
	u64 target, rest;

	if (when <= now)
		return true;
	if (copy.frozen || __builtin_add_overflow(now - copy.offset, when - now, &target) ||
		target >= copy.scale)
		return false;
	*tsc = divide_wide(target, 0, copy.scale, &rest);
	if (rest)
		++*tsc;
	return *tsc != 0;
}

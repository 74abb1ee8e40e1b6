/* SPDX-License-Identifier: MIT */
/*
 * The clock: the processor's TSC and an offset are the guest's TSC, which by a
 * factor and an offset is the time. One writer at a time; readers look again if
 * the sequence changed under them, those of the page by the page's. A writer
 * makes the page invalid before it looks at the TSC, so that what anybody has
 * read there is never later than the time that follows.
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

/* Full barriers, which pair with the loads in look() and the page's readers. */
static void write_begin(struct reference_time *t)
{
	if (t->page)
		store_relaxed(&t->page->sequence, HV_TSC_INVALID);
	atomic_fetch_add(&t->sequence, 1);
}

static u32 next_sequence(u32 last)
{
	return last < HV_TSC_INVALID_V2 - 1 ? last + 1 : 1;
}

static void page_tell(struct reference_time *t)
{
	struct hv_reference_tsc_page *page = t->page;

	if (!page || t->frozen || t->settling)
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
}

void reference_time_start(struct reference_time *t)
{
	u64 rest;

	*t = (struct reference_time){ .scale = ~0ull };
	if (clock_tsc_hz > HV_TIME_PER_SEC)
		t->scale = divide_wide(HV_TIME_PER_SEC, 0, clock_tsc_hz, &rest);
	t->offset = -units(t, rdtsc_ordered());
}

/* The guest's TSC, what is needed of *@t together with it, and the processor's. */
static u64 look(const struct reference_time *t, struct reference_time *copy, u64 *host)
{
	u32 before;

	copy->scale = t->scale;
	do {
		before = load_acquire(&t->sequence);
		copy->frozen = load_acquire(&t->frozen);
		copy->tsc = load_acquire(&t->tsc);
		copy->tsc_offset = load_acquire(&t->tsc_offset);
		copy->offset = load_acquire(&t->offset);
		*host = rdtsc_ordered();
	} while (unlikely(before & 1 || load_relaxed(&t->sequence) != before));
	return copy->frozen ? copy->tsc : *host + copy->tsc_offset;
}

u64 reference_time(const struct reference_time *t)
{
	struct reference_time copy;
	u64 host, guest = look(t, &copy, &host);

	return units(&copy, guest) + copy.offset;
}

u64 reference_time_guest_tsc(const struct reference_time *t)
{
	struct reference_time copy;
	u64 host;

	return look(t, &copy, &host);
}

void reference_time_freeze(struct reference_time *t)
{
	if (t->frozen)
		return;
	write_begin(t);
	t->tsc = rdtsc_ordered() + t->tsc_offset;
	t->frozen = true;
	write_end(t);
}

void reference_time_thaw(struct reference_time *t)
{
	if (!t->frozen)
		return;
	write_begin(t);
	t->tsc_offset = t->tsc - rdtsc_ordered();
	t->frozen = false;
	t->settling = true;
	write_end(t);
}

void reference_time_settled(struct reference_time *t)
{
	t->settling = false;
	page_tell(t);
}

void reference_time_set(struct reference_time *t, u64 v)
{
	write_begin(t);
	t->offset = v - units(t, t->tsc);
	write_end(t);
}

void reference_time_restore(struct reference_time *t, u64 v, u64 tsc, u32 page_sequence)
{
	write_begin(t);
	t->tsc = tsc;
	t->offset = v - units(t, tsc);
	t->page_sequence = page_sequence;
	write_end(t);
}

void reference_time_page(struct reference_time *t, struct hv_reference_tsc_page *page)
{
	t->page = page;
	page_tell(t);
}

/* The processor's TSC at which the guest's, now @now with @host, is @guest. */
static bool host_tsc(const struct reference_time *copy, u64 now, u64 guest, u64 *host)
{
	if (guest <= now)
		return true;
	return !copy->frozen && !__builtin_add_overflow(*host, guest - now, host);
}

bool reference_time_host_tsc(const struct reference_time *t, u64 guest, u64 *tsc)
{
	struct reference_time copy;
	u64 now = look(t, &copy, tsc);

	return host_tsc(&copy, now, guest, tsc);
}

/* The quotient, rounded up: the first tick of which the product reaches that far. */
bool reference_time_tsc(const struct reference_time *t, u64 when, u64 *tsc)
{
	struct reference_time copy;
	u64 guest = look(t, &copy, tsc);
	u64 now = units(&copy, guest) + copy.offset;
	u64 target, rest, quotient;

	if (when <= now)
		return true;
	if (copy.frozen || __builtin_add_overflow(now - copy.offset, when - now, &target) ||
		target >= copy.scale)
		return false;
	quotient = divide_wide(target, 0, copy.scale, &rest);
	if (rest)
		quotient++;
	return quotient != 0 && host_tsc(&copy, guest, quotient, tsc);
}

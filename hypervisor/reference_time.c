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

/* The clock at one moment. */
struct moment {
	u64 host; /* the processor's TSC */
	u64 guest;
	u64 offset;
	bool frozen;
};

/* Inlined, since VPs ask often: so all of it stays in registers. */
__attribute__((always_inline)) static inline struct moment look(const struct reference_time *t)
{
	struct moment m;
	u64 tsc, tsc_offset;
	u32 before;

	do {
		before = load_acquire(&t->sequence);
		m.frozen = load_acquire(&t->frozen);
		m.offset = load_acquire(&t->offset);
		tsc = load_acquire(&t->tsc);
		tsc_offset = load_acquire(&t->tsc_offset);
		m.host = rdtsc_ordered();
	} while (unlikely(before & 1 || load_relaxed(&t->sequence) != before));
	m.guest = unlikely(m.frozen) ? tsc : m.host + tsc_offset;
	return m;
}

u64 reference_time(const struct reference_time *t)
{
	struct moment m = look(t);

	return units(t, m.guest) + m.offset;
}

u64 reference_time_guest_tsc(const struct reference_time *t)
{
	return look(t).guest;
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

static bool host_tsc(const struct moment *m, u64 guest, u64 *tsc)
{
	*tsc = m->host;
	if (guest <= m->guest)
		return true;
	return !m->frozen && !__builtin_add_overflow(m->host, guest - m->guest, tsc);
}

bool reference_time_host_tsc(const struct reference_time *t, u64 guest, u64 *tsc)
{
	struct moment m = look(t);

	return host_tsc(&m, guest, tsc);
}

/* The quotient, rounded up: the first tick of which the product reaches that far. */
bool reference_time_tsc(const struct reference_time *t, u64 when, u64 *tsc)
{
	struct moment m = look(t);
	u64 now = units(t, m.guest) + m.offset;
	u64 target, rest, quotient;

	*tsc = m.host;
	if (when <= now)
		return true;
	if (m.frozen || __builtin_add_overflow(now - m.offset, when - now, &target) ||
		target >= t->scale)
		return false;
	quotient = divide_wide(target, 0, t->scale, &rest);
	if (rest)
		quotient++;
	return quotient != 0 && host_tsc(&m, quotient, tsc);
}

/* SPDX-License-Identifier: MIT */
/*
 * Logging of writes: while it is on, all leaves are pages of 4 KiB, and one
 * that may be written is read-only to the processor until its first write has
 * been seen. Turning it on and off walks all tables, one for each call of
 * slat_log_on() and slat_log_off(), while the VPs go on running.
 */
#include "hypervisor/deposit.h"
#include "hypervisor/slat_impl.h"

/* The next table of the last level at or after the cursor; large leaves are passed over. */
static u64 *next_table(struct slat *slat)
{
	while (slat->log_cursor < SLAT_GPA_END) {
		u32 at;
		u64 e = *slat_walk(slat, slat->log_cursor, 2, &at);

		if (slat_is_present(slat, e) && !slat_is_leaf(slat, e, at))
			return slat_below(e);
		slat->log_cursor = ALIGN_DOWN(slat->log_cursor, PT_SPAN(at)) + PT_SPAN(at);
	}
	return NULL;
}

/* The same for leaves that are to be split. */
static u64 *next_large(struct slat *slat, u32 *level)
{
	while (slat->log_cursor < SLAT_GPA_END) {
		u64 *e = slat_walk(slat, slat->log_cursor, 2, level);

		if (slat_is_present(slat, *e) && slat_is_leaf(slat, *e, *level))
			return e;
		slat->log_cursor = ALIGN_DOWN(slat->log_cursor, PT_SPAN(*level)) + PT_SPAN(*level);
	}
	return NULL;
}

static void phase_begin(struct slat *slat, enum slat_log_phase phase)
{
	slat->log = (u8)phase;
	slat->log_cursor = 0;
}

/* Whether there are tables for all that must be split. */
static enum hv_status split_begin(struct slat *slat)
{
	u64 tables = slat->pages[2] + slat->pages[3] * (1 + PT_ENTRIES);
	u64 free_pages, used_pages;

	deposit_balance(slat->deposit, &free_pages, &used_pages);
	if (free_pages < tables)
		return HV_STATUS_INSUFFICIENT_MEMORY;
	phase_begin(slat, SLAT_LOG_SPLITTING);
	return HV_STATUS_SUCCESS;
}

static enum hv_status split_some(struct slat *slat)
{
	u32 level;
	u64 *e = next_large(slat, &level);
	enum hv_status status;

	if (!e) {
		phase_begin(slat, SLAT_LOG_PROTECTING);
		return HV_STATUS_SUCCESS;
	}
	status = slat_split(slat, e, level);
	if (status != HV_STATUS_SUCCESS)
		slat->log = SLAT_LOG_OFF;
	return status;
}

/* Gives leaf *e other flags, its rights following from them. */
static void change(const struct slat *slat, u64 *e, u32 set, u32 clear)
{
	u32 access = (slat_leaf_access(slat, *e) & ~clear) | set;

	WRITE_ONCE(*e, slat_leaf(slat, slat_leaf_spa(*e, 1), 1, access, slat->format->type(*e, 1)));
}

/* Goes through the next table; false: there is none any more. */
static bool change_some(struct slat *slat, bool on)
{
	u64 *t = next_table(slat);

	if (!t)
		return false;
	for (u32 i = 0; i < PT_ENTRIES; i++) {
		if (!slat_is_present(slat, t[i]))
			continue;
		if (!on)
			change(slat, &t[i], 0, SLAT_LOGGED | SLAT_DIRTY);
		else if (slat_leaf_access(slat, t[i]) & SLAT_WRITE)
			change(slat, &t[i], SLAT_LOGGED, SLAT_DIRTY);
	}
	return true;
}

static void protect_some(struct slat *slat)
{
	if (change_some(slat, true))
		slat->log_cursor += PAGE_2M;
	else
		slat->log = SLAT_LOG_ON;
}

enum hv_status slat_log_on(struct slat *slat, bool *done)
{
	enum hv_status status = HV_STATUS_SUCCESS;

	spin_lock(&slat->lock);
	switch ((enum slat_log_phase)slat->log) {
	case SLAT_LOG_OFF:
	case SLAT_LOG_ENDING:
		status = split_begin(slat);
		break;
	case SLAT_LOG_SPLITTING:
		status = split_some(slat);
		break;
	case SLAT_LOG_PROTECTING:
		protect_some(slat);
		break;
	case SLAT_LOG_ON:
		break;
	}
	*done = slat->log == SLAT_LOG_ON;
	spin_unlock(&slat->lock);
	return status;
}

static void release_some(struct slat *slat)
{
	if (!change_some(slat, false)) {
		slat->log = SLAT_LOG_OFF;
		return;
	}
	slat_promote_locked(slat, slat->log_cursor);
	slat->log_cursor += PAGE_2M;
}

bool slat_log_off(struct slat *slat)
{
	bool off;

	spin_lock(&slat->lock);
	if (slat->log != SLAT_LOG_OFF && slat->log != SLAT_LOG_ENDING)
		phase_begin(slat, SLAT_LOG_ENDING);
	if (slat->log == SLAT_LOG_ENDING)
		release_some(slat);
	off = slat->log == SLAT_LOG_OFF;
	spin_unlock(&slat->lock);
	return off;
}

/* The leaf of the last level for @gpa, if it is there. */
static u64 *page_at(struct slat *slat, gpa_t gpa)
{
	u32 at;
	u64 *e = slat_walk(slat, gpa.a, 1, &at);

	return at == 1 && slat_is_present(slat, *e) ? e : NULL;
}

bool slat_retry(struct slat *slat, gpa_t gpa, u32 access)
{
	u32 at, rights = 0;
	u64 *e;

	spin_lock(&slat->lock);
	e = slat_walk(slat, gpa.a, 1, &at);
	if (slat_is_present(slat, *e) && slat_is_leaf(slat, *e, at))
		rights = slat_leaf_access(slat, *e);
	/* Another processor's write may have been seen before this one. */
	if (access & SLAT_WRITE && rights & SLAT_LOGGED)
		change(slat, e, SLAT_DIRTY, 0);
	spin_unlock(&slat->lock);
	return rights && !(access & ~rights);
}

void slat_log_write(struct slat *slat, gpa_t gpa)
{
	(void)slat_retry(slat, gpa, SLAT_WRITE);
}

bool slat_log_change(struct slat *slat, gpa_t gpa, bool set, bool clear, bool *dirty)
{
	u64 *e;

	spin_lock(&slat->lock);
	e = page_at(slat, gpa);
	if (e) {
		*dirty = slat_leaf_access(slat, *e) & SLAT_DIRTY;
		change(slat, e, set ? SLAT_DIRTY : 0, clear ? SLAT_DIRTY : 0);
	}
	spin_unlock(&slat->lock);
	return e;
}

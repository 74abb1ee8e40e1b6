/* SPDX-License-Identifier: MIT */
/*
 * Arithmetic of `top`. No state; any task.
 */
#include "rootpart/cli/top.h"

#include "lib/format.h"

#define KIND_NAME(id, name) name,
const char *const exit_kind_names[EXIT_KIND_COUNT] = { EXIT_KINDS(KIND_NAME) };
#undef KIND_NAME

void top_take(struct top_sample *s, const u64 *counters, u64 tsc)
{
	s->tsc = tsc;
	s->run = READ_ONCE(counters[HV_VP_COUNTER_TOTAL_RUN_TIME]);
	s->hypervisor = READ_ONCE(counters[HV_VP_COUNTER_HYPERVISOR_TIME]);
	for (u32 i = 0; i < EXIT_KIND_COUNT; i++)
		s->exits[i] = READ_ONCE(counters[HV_VP_COUNTER_EXITS + 2 * i]);
}

u32 top_share(u64 part, u64 whole)
{
	if (part >= whole)
		return whole > 0 ? 1000 : 0;
	/* So that the product fits; there is no 128-bit division here. */
	while (whole >> 53 != 0) {
		part >>= 1;
		whole >>= 1;
	}
	return (u32)(part * 1000 / whole);
}

/* Counters are read one by one while they move, so differences may be odd. */
static u64 difference(u64 old, u64 new)
{
	return new > old ? new - old : 0;
}

/* @tsc_hz is below 2^34. */
static u64 rate(u64 count, u64 ticks, u64 tsc_hz)
{
	while (count >> 29 != 0) {
		count >>= 1;
		ticks >>= 1;
	}
	return ticks > 0 ? (count * tsc_hz + ticks / 2) / ticks : 0;
}

void top_compare(
	struct top_row *row, const struct top_sample *old, const struct top_sample *new, u64 tsc_hz)
{
	u64 ticks = difference(old->tsc, new->tsc);
	u64 run = difference(old->run, new->run);
	u64 hypervisor = difference(old->hypervisor, new->hypervisor);
	u64 exits = 0;

	row->guest = top_share(difference(hypervisor, run), ticks);
	row->hypervisor = top_share(hypervisor, ticks);
	row->idle = row->guest + row->hypervisor < 1000 ? 1000 - row->guest - row->hypervisor : 0;
	row->busy = rate(run, ticks, tsc_hz);
	for (u32 i = 0; i < EXIT_KIND_COUNT; i++) {
		u64 count = difference(old->exits[i], new->exits[i]);

		row->kinds[i] = rate(count, ticks, tsc_hz);
		exits += count;
	}
	row->exits = rate(exits, ticks, tsc_hz);
}

/* The kind with the highest rate among those not in @done; -1 if none is left. */
static int highest(const struct top_row *row, u64 done)
{
	int best = -1;

	for (int i = 0; i < (int)EXIT_KIND_COUNT; i++) {
		if (!(done & BIT(i)) && row->kinds[i] > (best < 0 ? 0 : row->kinds[best]))
			best = i;
	}
	return best;
}

void top_kinds(const struct top_row *row, u32 max, char *text, size_t size)
{
	size_t len = 0;
	u64 done = 0;

	text[0] = '\0';
	for (u32 n = 0; n < max && len < size; n++) {
		int kind = highest(row, done);

		if (kind < 0)
			return;
		done |= BIT(kind);
		len += (size_t)format(text + len, size - len, "%s%s %llu", n > 0 ? ", " : "",
			exit_kind_names[kind], (unsigned long long)row->kinds[kind]);
	}
}

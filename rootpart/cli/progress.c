/* SPDX-License-Identifier: MIT */
/*
 * See progress.h. A carriage return writes the line over; it never gets shorter.
 */
#include "rootpart/cli/progress.h"

#include "lib/format.h"
#include "rootpart/cli/units.h"
#include "rootpart/time.h"

#define BAR     24u
#define STEP_NS (NS_PER_S / 4)

void progress_begin(struct progress *p, struct cli *cli, u64 total)
{
	*p = (struct progress){ .cli = cli, .total = total, .begin_ns = time_ns() };
}

static void show(struct progress *p, u64 now)
{
	u64 parts = p->done >= p->total ? 100 : p->done / (p->total / 100 + 1);
	u64 ms = (now - p->begin_ns) / NS_PER_MS;
	char bar[BAR + 1], done[UNITS_TEXT], rate[UNITS_TEXT];

	for (u32 i = 0; i < BAR; i++)
		bar[i] = i < parts * BAR / 100 ? '#' : '.';
	bar[BAR] = '\0';
	cli_printf(p->cli, "\r[%s] %3u %%  %10s  %10s/s", bar, (u32)parts,
		units_bytes(p->done, done), units_bytes(ms > 0 ? p->done / ms * 1000 : 0, rate));
	p->shown_ns = now;
}

void progress_add(struct progress *p, u64 bytes)
{
	u64 now = time_ns();

	p->done += bytes;
	if (now - p->begin_ns >= NS_PER_S && now - p->shown_ns >= STEP_NS)
		show(p, now);
}

void progress_end(struct progress *p)
{
	if (p->shown_ns == 0)
		return;
	show(p, time_ns());
	cli_text(p->cli, "\n");
	p->shown_ns = 0;
}

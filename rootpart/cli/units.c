/* SPDX-License-Identifier: MIT */
/*
 * Quantities as text. No state.
 */
#include "rootpart/cli/units.h"

#include "lib/format.h"

static const char *const names[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };

const char *units_bytes(u64 bytes, char *text)
{
	u64 unit = 1;
	u32 i = 0, tenths;

	while (bytes / unit >= 1024 && i + 1 < ARRAY_SIZE(names)) {
		unit *= 1024;
		i++;
	}
	tenths = (u32)(bytes % unit * 10 / unit);
	if (tenths == 0 || bytes / unit >= 100)
		(void)format(text, UNITS_TEXT, "%u %s", (u32)(bytes / unit), names[i]);
	else
		(void)format(text, UNITS_TEXT, "%u.%u %s", (u32)(bytes / unit), tenths, names[i]);
	return text;
}

const char *units_time(u64 ms, char *text)
{
	u32 s = (u32)(ms / 1000), min = s / 60, h = min / 60;

	if (min == 0)
		(void)format(text, UNITS_TEXT, "%u.%03u s", s, (u32)(ms % 1000));
	else if (h == 0)
		(void)format(text, UNITS_TEXT, "%u min %u s", min, s % 60);
	else if (h < 24)
		(void)format(text, UNITS_TEXT, "%u h %u min %u s", h, min % 60, s % 60);
	else
		(void)format(text, UNITS_TEXT, "%u d %u h %u min", h / 24, h % 24, min % 60);
	return text;
}

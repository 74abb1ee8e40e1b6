/* SPDX-License-Identifier: MIT */
/*
 * Rows for people or for programs. CLI's task; no state.
 */
#include "rootpart/cli/rows.h"

#include "lib/format.h"
#include "rootpart/cli/units.h"

/* Values may be longer than what cli_printf() takes. */
static void print(const struct rows *r, const char *name, const char *value)
{
	cli_printf(r->cli, "%-18s ", name);
	cli_text(r->cli, value);
	cli_text(r->cli, "\n");
}

void rows_text(const struct rows *r, const char *name, const char *value)
{
	if (r->json != NULL)
		json_string(r->json, name, value);
	else
		print(r, name, value != NULL ? value : "-");
}

void rows_number(const struct rows *r, const char *name, u64 value, const char *text)
{
	if (r->json != NULL)
		json_number(r->json, name, value);
	else
		print(r, name, text);
}

void rows_count(const struct rows *r, const char *name, u64 value)
{
	char text[UNITS_TEXT];

	(void)format(text, sizeof(text), "%llu", (unsigned long long)value);
	rows_number(r, name, value, text);
}

void rows_bytes(const struct rows *r, const char *name, u64 bytes)
{
	char text[UNITS_TEXT];

	rows_number(r, name, bytes, units_bytes(bytes, text));
}

void rows_hz(const struct rows *r, const char *name, u64 hz)
{
	char text[UNITS_TEXT];

	(void)format(
		text, sizeof(text), "%u.%03u MHz", (u32)(hz / 1000000), (u32)(hz / 1000 % 1000));
	rows_number(r, name, hz, text);
}

void rows_time(const struct rows *r, const char *name, u64 ms)
{
	char text[UNITS_TEXT];

	if (r->json != NULL)
		json_decimal(r->json, name, ms, 3);
	else
		print(r, name, units_time(ms, text));
}

void rows_bool(const struct rows *r, const char *name, bool value)
{
	if (r->json != NULL)
		json_bool(r->json, name, value);
	else
		print(r, name, value ? "yes" : "no");
}

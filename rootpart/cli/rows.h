/* SPDX-License-Identifier: MIT */
/*
 * One thing, row by row: "name  value" for people, or the members of a JSON
 * object for programs, from the same calls, so that their names agree.
 */
#pragma once

#include "rootpart/cli/command.h"

struct rows {
	struct cli *cli;
	struct json *json; /* NULL: for people */
};

/* NULL: there is none: "-", or null. */
void rows_text(const struct rows *r, const char *name, const char *value);
/* @text is the number for people. */
void rows_number(const struct rows *r, const char *name, u64 value, const char *text);
void rows_count(const struct rows *r, const char *name, u64 value);
void rows_bytes(const struct rows *r, const char *name, u64 bytes);
void rows_hz(const struct rows *r, const char *name, u64 hz);
/* Seconds in JSON. */
void rows_time(const struct rows *r, const char *name, u64 ms);
void rows_bool(const struct rows *r, const char *name, bool value);

/* SPDX-License-Identifier: MIT */
/*
 * Writes one JSON document on one line (RFC 8259), as it is called: nothing
 * is kept but where commas go. Members of objects have a key, elements of
 * arrays NULL. Text that is not UTF-8 has U+FFFD for each bad byte.
 */
#pragma once

#include "base/types.h"
#include "rootpart/cli/out.h"

#define JSON_DEPTH 16u

struct json {
	struct out *out;
	u32 depth;
	u32 arrays;   /* bit per level: it is an array */
	u32 nonempty; /* bit per level: a comma comes first */
	/* Collects, so that the output is not written byte by byte. */
	u32 held;
	char buffer[256];
};

void json_begin(struct json *j, struct out *out);
/* Ends the line; every object and array was closed. */
void json_end(struct json *j);

void json_object(struct json *j, const char *key);
void json_array(struct json *j, const char *key);
/* Closes the innermost object or array. */
void json_close(struct json *j);

/* NULL gives null. */
void json_string(struct json *j, const char *key, const char *value);
void json_string_len(struct json *j, const char *key, const char *value, size_t len);
void json_number(struct json *j, const char *key, u64 value);
/* @value / 10^@decimals, as 12.3 for (123, 1). */
void json_decimal(struct json *j, const char *key, u64 value, u32 decimals);
void json_bool(struct json *j, const char *key, bool value);

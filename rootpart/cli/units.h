/* SPDX-License-Identifier: MIT */
/*
 * Quantities as people read them.
 */
#pragma once

#include "base/types.h"

#define UNITS_TEXT 24u

/* Bytes: "512 MiB", "1.5 GiB", "17 B". @text has UNITS_TEXT bytes; returned. */
const char *units_bytes(u64 bytes, char *text);
/* Milliseconds: "12.345 s", "1 h 2 min 3 s", "2 d 1 h 0 min". */
const char *units_time(u64 ms, char *text);

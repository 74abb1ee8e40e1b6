/* SPDX-License-Identifier: MIT */
/*
 * Segments in TLFS form: whether a processor could have one loaded. For all
 * who set a VP's segment registers from outside. No state.
 * Intel SDM volume 3, 27.3.1.2.
 */
#pragma once

#include "base/types.h"
#include "hv/registers.h"

enum segment_kind {
	SEGMENT_CODE,
	SEGMENT_STACK,
	SEGMENT_DATA,
	SEGMENT_WIDE, /* FS and GS, whose base has 64 bits */
	SEGMENT_LOCAL_TABLE,
	SEGMENT_TASK,
};

/* Of HV_X64_REGISTER_ES to _TR. */
enum segment_kind segment_kind_of(u32 name);
/*
 * Whether some mode has such a segment: type, rights, limit and base by
 * themselves. What depends on other registers is left to the entry.
 */
[[nodiscard]] bool segment_valid(enum segment_kind kind, const struct hv_segment *s);
/* @s with the bits that loading it sets in its descriptor: accessed, or busy. */
struct hv_segment segment_loaded(enum segment_kind kind, const struct hv_segment *s);

/* SPDX-License-Identifier: MIT */
/*
 * Records of the binary trace as words (boot/trace_ring.h). Pure.
 */
#pragma once

#include "base/types.h"
#include "boot/trace_ring.h"

/* Name of the event; "unknown" for one that is not ours. */
const char *trace_event_name(u32 event);
/* What the record's two numbers mean: "hlt rip=0x1234". */
void trace_detail(const struct trace_record *r, char *text, size_t size);

/*
 * Copies the newest records of @ring, at most @max, oldest first, to @out.
 * Records that the writer overtakes meanwhile are left out. Returns how many.
 */
u32 trace_copy(const struct trace_ring *ring, struct trace_record *out, u32 max);

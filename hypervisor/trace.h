/* SPDX-License-Identifier: MIT */
/*
 * Binary trace, always on: a record costs some ten instructions. Written by
 * each processor to its own ring; layout in boot/trace_ring.h.
 */
#pragma once

#include "base/types.h"
#include "boot/trace_ring.h"

struct vp;

/* @vp may be NULL. Interrupts off. */
void trace(enum trace_event event, const struct vp *vp, u64 a, u64 b);

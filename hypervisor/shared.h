/* SPDX-License-Identifier: MIT */
/*
 * What the root may read of the hypervisor's memory: boot information, log
 * and trace rings, VP counters, the pristine images. All of it comes from
 * here, so that one call maps it all, read-only.
 */
#pragma once

#include "base/types.h"

struct trace_ring;

#define SHARED_LOG_SIZE   (64 * KIB)
#define SHARED_TRACE_SIZE (32 * KIB) /* per processor */

/* Zeroed pages that the root may read, marked so in the frame table. NULL if short. */
[[nodiscard]] void *shared_alloc(u64 pages);

/* Allocates rings for @cpus processors and moves the log. Once. */
void shared_rings_init(u32 cpus);
struct trace_ring *shared_trace_ring(u32 cpu);
/* Physical addresses of both, for the root. */
u64 shared_log_spa(void);
u64 shared_trace_spa(void);

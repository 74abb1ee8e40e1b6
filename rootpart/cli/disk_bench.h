/* SPDX-License-Identifier: MIT */
/*
 * A measurement of a disk: so many requests under way all the time, each end
 * starting the next. How long each took goes into a histogram.
 */
#pragma once

#include "lib/latency.h"
#include "rootpart/vdisk/vdisk.h"

#define BENCH_DEPTH_MAX 256u

struct bench_slot {
	struct vdisk_request request;
	struct block_segment segment;
	struct bench *bench;
	u64 started;
};

/* The queue's VP, once it runs, but where it says. */
struct bench {
	struct vdisk *disk; /* constant, as what follows up to depth */
	bool write;
	bool random;
	u32 size;
	u32 depth;
	u64 count; /* requests, if the time suffices; at least 1 */
	u64 end;   /* time_ns() */
	u64 begin; /* bench_run()'s: when the first started, */
	u64 last;  /* and when the last ended */

	bool stop; /* any VP, atomic */
	u32 under_way;
	int error; /* the first */
	u64 next;  /* sector */
	u64 seed;
	u64 started;
	struct latency latency; /* of requests that completed */
	struct bench_slot slots[BENCH_DEPTH_MAX];
};

/*
 * Fills slots with memory and runs for @ns, or until the count, or Ctrl-C: -EINTR;
 * -ENOMEM; or the first request's error that had one. All of it is over when it returns.
 */
[[nodiscard]] int bench_run(struct bench *b, u64 ns);

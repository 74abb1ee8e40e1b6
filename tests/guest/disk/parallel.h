/* SPDX-License-Identifier: MIT */
/*
 * All VPs at one disk at once: each has areas of its own, with a request under way in every one of them by its own
 * channel, which writes, reads back and compares, again and again.
 */
#pragma once

#include "tests/guest/disk/lun.h"

/* Memory for so many VPs; once. */
void parallel_begin(u32 vps);
/*
 * @rounds in each area, by the channels that are open. What was wrong first, or NULL; *@done: writes and reads that were
 * right.
 */
const char *parallel_run(const struct lun *l, u64 seed, u32 rounds, u64 *done);

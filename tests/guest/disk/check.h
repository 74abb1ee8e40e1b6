/* SPDX-License-Identifier: MIT */
/*
 * What a disk must do, checked from a guest: PASS and FAIL lines, named by the unit.
 */
#pragma once

#include "tests/guest/disk/lun.h"

/* Memory of the checks; once. */
void check_begin(void);
/* All sizes and places in memory: the whole disk holds the pattern of @seed afterwards. */
void check_data(struct storvsc *s, const struct lun *l, u64 seed);
/* It holds it still. */
void check_kept(struct storvsc *s, const struct lun *l, u64 seed);
/* Flush, FUA, what has nothing to move, reset; over what check_data() left, which it leaves so. */
void check_commands(struct storvsc *s, const struct lun *l, u64 seed);
/* Sense data of what cannot be. */
void check_errors(struct storvsc *s, const struct lun *l);
void check_read_only(struct storvsc *s, const struct lun *l);
/* Where it unmaps: what is beside stays, and what was unmapped can be written again. */
void check_unmap(struct storvsc *s, const struct lun *l, u64 seed);
/* "SUM word lun …": what stands on it. */
void check_sum(struct storvsc *s, const struct lun *l, const char *word);

/* A result by the name "lunN-what". */
void check_is(bool ok, const struct lun *l, const char *what, s64 got);

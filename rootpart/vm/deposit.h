/* SPDX-License-Identifier: MIT */
/*
 * Pages that are given to the hypervisor for children, and come back. They are
 * taken from blocks of 2 MiB, so that the root's second-level map splits
 * little; a block whose pages are all back is free memory again. Tasks; one
 * sleeping lock inside.
 */
#pragma once

#include "base/types.h"

/* Deposits @count pages for partition @id. 0; -ENOMEM; or what the call said: none is lost. */
[[nodiscard]] int deposit_give(u64 id, u32 count);
/* True if a call that took from the deposit of @id, and came back with @r, is worth making again. */
bool deposit_more(u64 id, int r);
/* Takes back all that @id does not use; gives the number of pages. */
u32 deposit_take_back(u64 id);
/* Pages that children have now, all together. */
u64 deposit_pages_out(void);

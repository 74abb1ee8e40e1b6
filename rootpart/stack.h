/* SPDX-License-Identifier: MIT */
/*
 * Stacks of tasks and of exceptions: ROOT_STACK_SIZE bytes, each above a page
 * that is never mapped. Freed ones keep their pages and are used again, so
 * that nothing is ever unmapped. Any task.
 */
#pragma once

#include "base/types.h"
#include "rootpart/layout.h"

/* Returns the lowest address; 0 when memory or slots are out. */
[[nodiscard]] u64 stack_alloc(void);
void stack_free(u64 base);

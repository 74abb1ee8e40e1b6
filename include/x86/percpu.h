/* SPDX-License-Identifier: MIT */
/*
 * Per-processor data by GS: the first word at the GS base points to the
 * structure itself.
 */
#pragma once

#include "base/types.h"

static inline void *percpu_self(void)
{
	void *p;

	__asm__("movq %%gs:0, %0" : "=r"(p));
	return p;
}

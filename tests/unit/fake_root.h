/* SPDX-License-Identifier: MIT */
/*
 * Harness of the root kernel's host tests; the headers below fake/root/ stand
 * in for those of the same name.
 */
#pragma once

#include "base/assert.h"
#include "base/types.h"
#include "x86/cpu.h"

extern u64 fake_direct_base;

/* GPAs 0 to @size exist from now on. */
void fake_memory(u64 size);

/* True if @statement ends in a failed assert; tried in a child process. */
#define fails_assert(statement)                 \
	({                                      \
		int child_ = fake_assert_try(); \
		if (child_ == 0) {              \
			statement;              \
			fake_assert_missed();   \
		}                               \
		fake_assert_result(child_);     \
	})

/* The pieces of the macro: fork(); the child's end; its result. */
int fake_assert_try(void);
_Noreturn void fake_assert_missed(void);
bool fake_assert_result(int child);

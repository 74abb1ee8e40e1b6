/* SPDX-License-Identifier: MIT */
/*
 * Stands in for rootpart/layout.h in host tests: the direct map is wherever
 * the test has its memory. Stacks are larger, for the sanitizers' sake.
 */
#pragma once

#include "base/types.h"

extern u64 fake_direct_base;

#define ROOT_DIRECT_BASE fake_direct_base
#define ROOT_DIRECT_SIZE (64ull << 40)
#define ROOT_STACK_SIZE  (256 * KIB)

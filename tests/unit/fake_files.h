/* SPDX-License-Identifier: MIT */
/*
 * What host tests of file systems share: a heap and pages that run out when
 * a test wants it, and sleeping locks that only look whether they are used
 * rightly.
 */
#pragma once

#include "base/types.h"

/* Allocations that still succeed; FAKE_ENDLESS: all of them. */
#define FAKE_ENDLESS (~0u)
extern u32 fake_allocations;

/* SPDX-License-Identifier: MIT */
/*
 * assert() is in every build and means a bug of ours. Nothing that a guest
 * controls may reach one. Each image, and the host test harness, supplies
 * assert_failed(); it does not return.
 */
#pragma once

#include "base/types.h"

_Noreturn void assert_failed(const char *expr, const char *file, int line);

#define assert(e) (likely(e) ? (void)0 : assert_failed(#e, __FILE__, __LINE__))

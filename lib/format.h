/* SPDX-License-Identifier: MIT */
/*
 * printf-style formatting into a bounded buffer. No allocation, no floating
 * point, no locale; safe in any context, also while dying.
 * Conversions: d i u x X c s p %, flags - 0 + space #, width and precision
 * (numbers or *), lengths hh h l ll z. Anything else is printed as it stands.
 */
#pragma once

#include <stdarg.h>

#include "base/types.h"

/*
 * Writes at most size - 1 characters and a terminator (none if size is 0).
 * Returns the length that the whole text has, whatever fitted.
 */
int format_va(char *buf, size_t size, const char *fmt, va_list args) __printf(3, 0);
int format(char *buf, size_t size, const char *fmt, ...) __printf(3, 4);

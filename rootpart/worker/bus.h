/* SPDX-License-Identifier: MIT */
/*
 * The child's GPA space as its processors find it: memory, and devices that
 * have registers there. Bytes that are nowhere read as ones, and writes of
 * them, and of ROM, are dropped.
 */
#pragma once

#include "base/types.h"

/* An access of at most 8 bytes that lies in one page. */
void bus_read(u64 gpa, void *to, size_t len);
void bus_write(u64 gpa, const void *from, size_t len);

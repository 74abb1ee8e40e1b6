/* SPDX-License-Identifier: MIT */
/*
 * Reads lines out of a log ring (boot/log_ring.h) while its writer goes on:
 * the hypervisor's, shared read-only, and the root's own. Pure; any task.
 */
#pragma once

#include "base/types.h"
#include "boot/log_ring.h"

#define LOG_LINE 256u /* the longest line, with its end; longer ones are cut */

/* Position of the oldest line that is whole. */
u64 log_reader_start(const struct log_ring *ring);
/*
 * Copies the line at *@position to @line (@size bytes, no newline) and moves
 * *@position behind it. If the writer has overtaken, goes on with the oldest
 * whole line. False if there is no further one.
 */
bool log_reader_next(const struct log_ring *ring, u64 *position, char *line, size_t size);

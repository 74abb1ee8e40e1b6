/* SPDX-License-Identifier: MIT */
/*
 * The hypervisor's log as a ring of text, shared read-only with the root.
 * The writer appends whole lines; a reader copies from its own position and
 * finds out by the head that it was overtaken: what lies more than size bytes
 * behind head is gone.
 */
#pragma once

#include "base/types.h"

#define LOG_RING_MAGIC 0x474f4c56u /* "VLOG" */

struct log_ring {
	u32 magic;
	u32 size;    /* bytes of text, a power of two */
	u64 head;    /* bytes ever written; text[head % size] comes next */
	u64 dropped; /* lines that rate limits held back */
	u8 reserved[40];
	char text[];
};

static_assert(offsetof(struct log_ring, text) == 64);

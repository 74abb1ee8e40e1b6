/* SPDX-License-Identifier: MIT */
/*
 * Signals of children: each has an event flag of a VP of the root, a port for it, and a connection by which
 * the child sets it. HvCallSignalEvent at one end, a call in an interrupt at the other. TLFS 6.0b, 11.8 to 11.11.
 */
#pragma once

#include "base/types.h"

struct vm_signal {
	/* It was signalled, once or more often. In an interrupt of its VP; not behind vm_signal_close(). */
	void (*raised)(struct vm_signal *s);
	u32 vp;         /* of the root */
	u64 from;       /* partition */
	u32 connection; /* of it */
	u32 flag;
};

/* Boot, once all VPs are up. Panics without memory. */
void vm_signal_init(void);
/*
 * Partition @from may signal @s at VP @vp through @connection from now on. -ENOSPC: that VP has no flag
 * left; -EBUSY: there is such a connection; -ENOMEM. Tasks.
 */
[[nodiscard]] int vm_signal_open(struct vm_signal *s, u64 from, u32 connection, u32 vp);
/* Tasks. */
void vm_signal_close(struct vm_signal *s);

/* For synic.h: some of @flags, of the calling VP, are set. */
void vm_signal_events(u64 *flags);

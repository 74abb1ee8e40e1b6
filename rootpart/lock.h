/* SPDX-License-Identifier: MIT */
/*
 * Spin locks that interrupt handlers may share: taken with interrupts off.
 * Held for a few dozen instructions, never across a wait or a task switch.
 */
#pragma once

#include "base/types.h"
#include "x86/cpu.h"
#include "x86/spinlock.h"

/* Turns interrupts off; returns what irq_restore() needs. Nests. */
static inline u64 irq_save(void)
{
	u64 flags = rflags_read();

	irq_disable();
	return flags;
}

static inline void irq_restore(u64 flags)
{
	if (flags & RFLAGS_IF)
		irq_enable();
}

[[nodiscard]] static inline u64 lock_irq(struct spinlock *l)
{
	u64 flags = irq_save();

	spin_lock(l);
	return flags;
}

static inline void unlock_irq(struct spinlock *l, u64 flags)
{
	spin_unlock(l);
	irq_restore(flags);
}

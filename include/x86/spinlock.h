/* SPDX-License-Identifier: MIT */
/*
 * Ticket spin lock: first come, first served. The holder must not be
 * preempted: the hypervisor runs with interrupts off, the root kernel takes
 * locks that interrupt handlers share only with interrupts off.
 */
#pragma once

#include "base/types.h"
#include "x86/atomic.h"
#include "x86/cpu.h"

struct spinlock {
	u32 next;
	u32 owner;
};

static inline void spin_lock(struct spinlock *l)
{
	u32 ticket = atomic_fetch_add(&l->next, 1u);

	/* Pairs with the release in spin_unlock(). */
	while (load_acquire(&l->owner) != ticket)
		cpu_pause();
}

static inline void spin_unlock(struct spinlock *l)
{
	store_release(&l->owner, l->owner + 1);
}

/* Takes the lock if it is free, and never waits: for the dying, and who has to do meanwhile. */
static inline bool spin_trylock(struct spinlock *l)
{
	u32 ticket = load_acquire(&l->owner);

	return atomic_compare_exchange(&l->next, &ticket, ticket + 1);
}

/* SPDX-License-Identifier: MIT */
/*
 * Halting a port, so that its commands and registers are a task's own, and
 * going on. Work that comes meanwhile does nothing.
 */
#include "base/errno.h"
#include "rootpart/drivers/ahci/ahci.h"
#include "rootpart/lock.h"
#include "x86/atomic.h"

/* How often a command may be cut short by what is not known to be its own error. */
#define TRIES 4u

void ahci_trouble(struct ahci_port *p, u32 events)
{
	p->halted = true;
	p->trouble |= events & EVENTS_BAD;
	/* Pairs with the exchange in the task. */
	store_release(&p->hba->attention, true);
	wait_wake_all(&p->hba->wake);
}

void ahci_halt(struct ahci_port *p)
{
	u64 flags = lock_irq(&p->lock);
	u32 events = 0;
	u32 done = 0;

	p->halted = true;
	/* After a reset of the adapter its registers say nothing of what ran. */
	if ((p->trouble & EVENT_RESET) == 0)
		done = ahci_collect(p, &events);
	p->trouble |= events;
	unlock_irq(&p->lock, flags);
	ahci_end(p, done, 0);
}

static u32 take_all(struct ahci_port *p)
{
	u64 flags = lock_irq(&p->lock);
	u32 all = p->running;

	for (u32 i = 0; i < p->count; i++)
		all |= (u32)BIT(p->order[(p->head + i) % AHCI_SLOTS]);
	p->running = 0;
	p->count = 0;
	unlock_irq(&p->lock, flags);
	return all;
}

void ahci_end_all(struct ahci_port *p, int error)
{
	ahci_end(p, take_all(p), error);
}

/* Before those that wait already. */
static void push_front(struct ahci_port *p, u32 slot)
{
	p->head = (p->head + AHCI_SLOTS - 1) % AHCI_SLOTS;
	p->count++;
	p->order[p->head] = (u8)slot;
}

/* Returns those that were tried too often. */
static u32 wait_again(struct ahci_port *p, bool alone)
{
	u32 hopeless = 0;

	for (u32 slot = AHCI_SLOTS; slot-- > 0;) {
		struct ahci_slot *s = &p->slots[slot];

		if ((p->running & BIT(slot)) == 0)
			continue;
		s->alone |= alone;
		if (++s->tries < TRIES)
			push_front(p, slot);
		else
			hopeless |= (u32)BIT(slot);
	}
	if (hopeless != 0)
		p->fruitless = 0;
	p->running = 0;
	return hopeless;
}

void ahci_resume(struct ahci_port *p, bool alone)
{
	u64 flags = lock_irq(&p->lock);
	u32 hopeless = wait_again(p, alone);

	p->trouble = 0;
	store_relaxed(&p->idle, 0u);
	p->halted = false;
	port_write(p, PORT_IE, PORT_IE_ALL);
	ahci_pump(p);
	unlock_irq(&p->lock, flags);
	ahci_end(p, hopeless, -EIO);
}

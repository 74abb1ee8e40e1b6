/* SPDX-License-Identifier: MIT */
/*
 * Interrupts, and the work that they ask for: completions. AHCI 1.3.1, 5.6.2.
 */
#include "rootpart/drivers/ahci/ahci.h"
#include "rootpart/lock.h"
#include "x86/atomic.h"

static void port_interrupt(struct ahci_port *p)
{
	u32 events = port_read(p, PORT_IS);

	port_write(p, PORT_IS, events);
	events &= PORT_IE_ALL;
	if (atomic_fetch_add(&p->idle, 1u) >= AHCI_STORM) {
		port_write(p, PORT_IE, 0);
		events |= EVENT_STORM;
	}
	/* Pairs with the exchange in the work. */
	atomic_fetch_or(&p->events, events);
	work_ask(&p->work);
}

/* The port's register first: what is set in it sets the adapter's. */
void ahci_interrupt(void *ctx)
{
	struct ahci *h = ctx;
	u32 pending = hba_read(h, AHCI_IS) & h->used;

	for (u32 left = pending; left != 0; left &= left - 1)
		port_interrupt(h->ports[__builtin_ctz(left)]);
	if (pending != 0)
		hba_write(h, AHCI_IS, pending);
}

void ahci_work(struct work *w)
{
	struct ahci_port *p = container_of(w, struct ahci_port, work);
	u32 events = atomic_exchange(&p->events, 0u);
	u32 done = 0;
	u64 flags = lock_irq(&p->lock);

	if (!p->halted) {
		done = ahci_collect(p, &events);
		if (done != 0) {
			store_relaxed(&p->idle, 0u);
			p->fruitless = 0;
		}
		if ((events & EVENTS_BAD) != 0)
			ahci_trouble(p, events);
		ahci_pump(p);
	}
	unlock_irq(&p->lock, flags);
	ahci_end(p, done, 0);
}

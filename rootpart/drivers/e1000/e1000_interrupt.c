/* SPDX-License-Identifier: MIT */
/*
 * Interrupts: the handler masks the device and asks for work; the work unmasks it when
 * nothing is left, so a storm is as fast as the work. While it is masked, causes
 * stay in the device, or come to us if another device on the pin has the handler read them.
 */
#include "rootpart/drivers/e1000/e1000.h"
#include "x86/atomic.h"

#define GONE (~0u)

/* A pin may be shared, so whose interrupt it is has to be known first. */
static bool take_shared(struct e1000 *e, u32 *causes)
{
	*causes = e1000_read(e, E1000_ICR);
	if (*causes == 0 || *causes == GONE)
		return false;
	e1000_write(e, E1000_IMC, ~0u);
	return true;
}

/* With MSI-X reading clears the causes only while all are masked. */
static bool take_own(struct e1000 *e, u32 *causes)
{
	e1000_write(e, E1000_IMC, ~0u);
	*causes = e1000_read(e, E1000_ICR);
	return *causes != GONE;
}

void e1000_interrupt(void *ctx)
{
	struct e1000 *e = ctx;
	u32 causes;

	if (!(e->shared ? take_shared(e, &causes) : take_own(e, &causes)))
		return;
	/* Pairs with the exchange in e1000_work(). */
	(void)atomic_fetch_or(&e->causes, causes);
	work_ask(&e->work);
}

void e1000_fail(struct e1000 *e, const char *why)
{
	e->down = true;
	nic_ask_recover(&e->nic, why);
}

/* What the device had no buffer for, and what it found damaged. */
static void count_lost(struct e1000 *e)
{
	e->nic.stats.receive_dropped += e1000_read(e, E1000_MPC);
	e->nic.stats.receive_errors += e1000_read(e, E1000_CRCERRS) + e1000_read(e, E1000_RXERRC);
}

static void look_at_link(struct e1000 *e)
{
	u32 mbit;
	bool up = e1000_link_up(e, &mbit);

	nic_link(&e->nic, up, mbit);
}

void e1000_work(struct work *w)
{
	struct e1000 *e = container_of(w, struct e1000, work);
	u32 causes;

	if (e->down)
		return;
	/* Pairs with the OR in e1000_interrupt(). */
	causes = atomic_exchange(&e->causes, 0);
	if (causes & (INT_RXO | INT_LSC))
		count_lost(e);
	if (causes & INT_LSC)
		look_at_link(e);
	e1000_tx_reap(e);
	if (e1000_rx_turn(e))
		work_ask(&e->work);
	else if (!e->down)
		e1000_write(e, E1000_IMS, e->irqs);
}

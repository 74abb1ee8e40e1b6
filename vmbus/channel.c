/* SPDX-License-Identifier: MIT */
/*
 * Packets of an open channel. Whatever the guest does to its rings ends here.
 */
#include "vmbus/channel.h"

#include "base/errno.h"
#include "vmbus/host.h"
#include "vmbus/server.h"
#include "x86/atomic.h"

static const struct vmbus_host *host_of(const struct vmbus_channel *c)
{
	return c->server->host;
}

/* Of what only one at a time does. */
static void count(u64 *counter)
{
	store_relaxed(counter, load_relaxed(counter) + 1);
}

static void interrupt(struct vmbus_channel *c)
{
	const struct vmbus_host *host = host_of(c);
	u32 vp = load_relaxed(&c->vp);

	if (vp == VMBUS_NO_VP)
		return;
	/* Who answers, and who reads: two places at a time. */
	(void)atomic_fetch_add(&c->interrupts, 1ull);
	host->interrupt(host->context, vp, c->relid);
}

/* The server closes it; once. */
static int ring_broken(struct vmbus_channel *c)
{
	/* Pairs with the acquire in the server. */
	if (!load_relaxed(&c->broken)) {
		store_release(&c->broken, true);
		host_of(c)->attend(host_of(c)->context);
	}
	return -EPROTO;
}

/* A hint to who reads: what really counts is whether he has left. */
static bool is_shut(const struct vmbus_channel *c)
{
	return load_relaxed(&c->gate) & VMBUS_CHANNEL_SHUT;
}

int vmbus_channel_read(struct vmbus_channel *c, struct vmbus_packet *p, void *buf, u32 size)
{
	int r;

	if (is_shut(c))
		return 0;
	r = load_relaxed(&c->broken) ? -EPROTO : vmbus_ring_read(&c->from_guest, p, buf, size);
	if (r == -EPROTO)
		return ring_broken(c);
	if (r == 1)
		count(&c->packets_in);
	else if (r == -EMSGSIZE)
		count(&c->malformed);
	return r;
}

bool vmbus_channel_release(struct vmbus_channel *c)
{
	int r = vmbus_ring_release(&c->from_guest);

	if (r < 0)
		(void)ring_broken(c);
	if (r == 1)
		interrupt(c);
	return r >= 0;
}

bool vmbus_channel_pause(struct vmbus_channel *c)
{
	s64 waiting;

	if (!vmbus_channel_release(c))
		return false;
	vmbus_ring_want_signals(&c->from_guest, true);
	waiting = vmbus_ring_waiting(&c->from_guest);
	if (waiting < 0)
		(void)ring_broken(c);
	if (waiting <= 0 || is_shut(c))
		return false;
	vmbus_ring_want_signals(&c->from_guest, false);
	return true;
}

void vmbus_channel_resume(struct vmbus_channel *c)
{
	vmbus_ring_want_signals(&c->from_guest, false);
}

int vmbus_channel_write(struct vmbus_channel *c, const struct vmbus_message *m)
{
	int r = load_relaxed(&c->broken) ? -EPROTO : vmbus_ring_write(&c->to_guest, m);

	if (r == -EPROTO)
		return ring_broken(c);
	if (r < 0)
		return r;
	count(&c->packets_out);
	if (r == 1)
		interrupt(c);
	return 0;
}

void vmbus_channel_closed(struct vmbus_channel *c)
{
	const struct vmbus_host *host = host_of(c);

	/* Pairs with the acquire in the server: with it the channel may be gone. */
	store_release(&c->closed, true);
	host->attend(host->context);
}

void vmbus_channel_rests(struct vmbus_channel *c)
{
	if (is_shut(c))
		host_of(c)->attend(host_of(c)->context);
}

/*
 * Who signals is counted before he looks whether it is shut; who shuts it looks at the count afterwards, and
 * one of both sees the other. Who leaves a channel that is shut says so, and by then it may be gone.
 */
void vmbus_channel_signalled(struct vmbus_channel *c)
{
	const struct vmbus_host *host = host_of(c);

	/* Pair, as below, with vmbus_channel_shut() and vmbus_channel_is_still(). */
	if (!(atomic_fetch_add(&c->gate, 1u) & VMBUS_CHANNEL_SHUT))
		c->provider->signalled(c);
	if (atomic_fetch_add(&c->gate, -1u) & VMBUS_CHANNEL_SHUT)
		host->attend(host->context);
}

void vmbus_channel_shut(struct vmbus_channel *c)
{
	(void)atomic_fetch_or(&c->gate, VMBUS_CHANNEL_SHUT);
}

void vmbus_channel_let_in(struct vmbus_channel *c)
{
	(void)atomic_fetch_and(&c->gate, ~VMBUS_CHANNEL_SHUT);
}

bool vmbus_channel_is_still(struct vmbus_channel *c)
{
	return load_acquire(&c->gate) == VMBUS_CHANNEL_SHUT;
}

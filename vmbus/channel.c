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

static void interrupt(struct vmbus_channel *c)
{
	const struct vmbus_host *host = host_of(c);
	u32 vp = load_relaxed(&c->vp);

	if (vp == VMBUS_NO_VP)
		return;
	c->interrupts++;
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

int vmbus_channel_read(struct vmbus_channel *c, struct vmbus_packet *p, void *buf, u32 size)
{
	int r = load_relaxed(&c->broken) ? -EPROTO : vmbus_ring_read(&c->from_guest, p, buf, size);

	if (r == -EPROTO)
		return ring_broken(c);
	c->packets_in += r == 1;
	c->malformed += r == -EMSGSIZE;
	return r;
}

bool vmbus_channel_pause(struct vmbus_channel *c)
{
	int r = vmbus_ring_release(&c->from_guest);
	s64 waiting;

	if (r < 0) {
		(void)ring_broken(c);
		return false;
	}
	if (r == 1)
		interrupt(c);
	vmbus_ring_want_signals(&c->from_guest, true);
	waiting = vmbus_ring_waiting(&c->from_guest);
	if (waiting < 0)
		(void)ring_broken(c);
	if (waiting <= 0)
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
	c->packets_out++;
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

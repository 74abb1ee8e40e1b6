/* SPDX-License-Identifier: MIT */
/* See bus_echo.h. */
#include "tests/unit/bus_echo.h"

/* In one call. A guest may put its rings where its answers are its packets: that would never end. */
#define LOOKS_MAX 2000u

static struct bus_echo *echo_of(struct vmbus_channel *c)
{
	return container_of(c, struct bus_echo, c);
}

static int echo_open(struct vmbus_channel *c)
{
	struct bus_echo *e = echo_of(c);

	BUS_MUST(!e->closing && e->opened == e->closes);
	if (e->refuses != 0)
		return e->refuses;
	e->opened++;
	e->has = false;
	return 0;
}

static void echo_close(struct vmbus_channel *c)
{
	struct bus_echo *e = echo_of(c);

	BUS_MUST(!e->closing && e->opened == e->closes + 1);
	e->closes++;
	e->closing = e->busy;
	if (!e->busy)
		vmbus_channel_closed(c);
}

static void echo_released(struct vmbus_channel *c)
{
	struct bus_echo *e = echo_of(c);

	BUS_MUST(!e->closing && e->opened == e->closes && e->released == 0);
	e->released++;
}

/* False: there is no room for it, or it cannot be sent at all. */
static bool send_back(struct bus_echo *e)
{
	const struct vmbus_packet *p = &e->packet;
	const struct vmbus_message m = { .type = VMBUS_PACKET_COMPLETION,
		.transaction = p->transaction,
		.payload = { e->bytes + p->header, p->length - p->header } };
	int r = vmbus_channel_write(&e->c, &m);

	e->has = r == -EAGAIN;
	return r == 0 || r == -EMSGSIZE;
}

/* 1: there is one; 0; an error. */
static int next_packet(struct bus_echo *e)
{
	int r;

	if (++e->looks > LOOKS_MAX)
		return -EBUSY;
	if (e->has)
		return 1;
	do {
		if (e->before_read != NULL)
			e->before_read(e);
		r = vmbus_channel_read(&e->c, &e->packet, e->bytes, sizeof(e->bytes));
		BUS_MUST(r != 1 || (e->packet.header >= sizeof(struct vmbus_descriptor) &&
					   e->packet.header <= e->packet.length &&
					   e->packet.length <= sizeof(e->bytes)));
	} while (r == -EMSGSIZE);
	return r;
}

static bool run(struct bus_echo *e)
{
	int r;

	while ((r = next_packet(e)) == 1)
		if (!send_back(e))
			return false;
	return r == 0;
}

static void echo_signalled(struct vmbus_channel *c)
{
	struct bus_echo *e = echo_of(c);
	bool all;

	BUS_MUST(e->opened == e->closes + 1);
	e->looks = 0;
	vmbus_channel_resume(c);
	do
		all = run(e);
	while (all && vmbus_channel_pause(c));
}

static const struct vmbus_provider provider = {
	.open = echo_open,
	.close = echo_close,
	.signalled = echo_signalled,
	.released = echo_released,
};

int bus_echo_offer(struct bus_echo *e, struct bus_guest *g, u8 instance, struct bus_echo *primary,
	u16 subchannel)
{
	*e = (struct bus_echo){ .c = { .provider = &provider,
					.interface = { { 1, 2, 3 } },
					.instance = { { instance } },
					.primary = primary != NULL ? &primary->c : NULL,
					.subchannel = subchannel },
		.g = g };
	return vmbus_server_offer(&g->server, &e->c);
}

void bus_echo_end(struct bus_echo *e)
{
	e->busy = false;
	if (!e->closing)
		return;
	e->closing = false;
	vmbus_channel_closed(&e->c);
	bus_attend(e->g);
}

bool bus_echo_works(struct bus_end *end, u64 id, u32 bytes)
{
	_Alignas(8) u8 data[BUS_ECHO_MAX], buf[BUS_ECHO_MAX];
	const struct vmbus_message m = {
		.type = VMBUS_PACKET_INBAND, .transaction = id, .payload = { data, bytes }
	};
	struct vmbus_packet p;

	BUS_MUST(bytes % 8 == 0 && bytes <= BUS_ECHO_MAX - 16);
	for (u32 i = 0; i < bytes; i++)
		data[i] = (u8)(id * 7 + i);
	return bus_end_write(end, &m) >= 0 && bus_end_read(end, &p, buf, sizeof(buf)) == 1 &&
	       p.type == VMBUS_PACKET_COMPLETION && p.transaction == id &&
	       p.length == p.header + bytes && memcmp(buf + p.header, data, bytes) == 0 &&
	       bus_end_read(end, &p, buf, sizeof(buf)) == 0;
}

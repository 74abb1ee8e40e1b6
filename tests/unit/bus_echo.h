/* SPDX-License-Identifier: MIT */
/*
 * A provider for tests: sends back what comes, each packet as one answer with the same number and payload, and keeps
 * a packet for which there is no room. With bus_guest.h.
 */
#pragma once

#include "tests/unit/bus_guest.h"

#define BUS_ECHO_MAX 1024u /* bytes of a packet */

struct bus_echo {
	struct vmbus_channel c;
	struct bus_guest *g;
	u32 opened, closes, released;
	bool busy;    /* does not end at once when it is closed */
	bool closing; /* it has not ended */
	int refuses;  /* an errno for the guest that opens it */
	/* NULL: nothing. Called before each look at the ring. */
	void (*before_read)(struct bus_echo *e);
	bool has; /* a packet that waits for room */
	struct vmbus_packet packet;
	_Alignas(8) u8 bytes[BUS_ECHO_MAX];
	u32 looks; /* in one call of signalled() */
};

/* Offers it; what it was before must be over. -ENOSPC. */
int bus_echo_offer(struct bus_echo *e, struct bus_guest *g, u8 instance, struct bus_echo *primary,
	u16 subchannel);
/* Ends what busy held up. */
void bus_echo_end(struct bus_echo *e);
/* Sends one packet of @bytes of payload through the channel and takes its answer: whether that is right. */
bool bus_echo_works(struct bus_end *end, u64 id, u32 bytes);

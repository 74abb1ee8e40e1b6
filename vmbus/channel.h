/* SPDX-License-Identifier: MIT */
/*
 * A channel as its provider has it: what is offered, its two rings while it is open, and the calls
 * that move packets. The server (server.h) opens and closes it as the guest says.
 *
 * A provider runs where it likes, but for each channel in one place at a time, and takes no
 * part in the server's lock; open(), close() and released() are called under that. Its signalled() may
 * run at the very time when close() is called: the channel is shut then, so that it finds no more packets,
 * and what it uses stays until it has returned.
 */
#pragma once

#include "lib/list.h"
#include "vmbus/protocol.h"
#include "vmbus/ring.h"

struct vmbus_channel;
struct vmbus_server;
struct vmbus_gpadl;
struct vmbus_provider_state;

struct vmbus_provider {
	/* The rings are there: packets may be read and written from now on. Not 0: the guest is refused. */
	int (*open)(struct vmbus_channel *c);
	/*
	 * No more of both, but for what ends requests that are under way. When none is,
	 * vmbus_channel_closed(), at once or later: till then the guest's memory stays.
	 */
	void (*close)(struct vmbus_channel *c);
	/* There may be packets, or room. A hint; on the channel's place, and only while it is open. */
	void (*signalled)(struct vmbus_channel *c);
	/* Nobody knows of it any more: it may be freed. */
	void (*released)(struct vmbus_channel *c);
	/* How it is saved (server_state.h); NULL: it cannot be. */
	const struct vmbus_provider_state *state;
};

enum vmbus_channel_state {
	VMBUS_CHANNEL_NEW,     /* the guest does not know of it */
	VMBUS_CHANNEL_OFFERED, /* closed */
	VMBUS_CHANNEL_OPEN,
	VMBUS_CHANNEL_CLOSING,   /* the provider ends what is under way */
	VMBUS_CHANNEL_RESCINDED, /* until the guest has let go of it */
};

#define VMBUS_CHANNEL_SHUT 0x80000000u /* in gate: signalled() is not called, and reads nothing */

struct vmbus_channel {
	/* By the provider, before it is offered; constant. */
	const struct vmbus_provider *provider;
	struct guid interface;
	struct guid instance;
	u16 flags;
	u16 subchannel;                /* 0: a primary */
	u8 user[120];                  /* of the offer */
	struct vmbus_channel *primary; /* of a sub-channel */

	/* The server's; its owner's lock. */
	struct vmbus_server *server;
	struct list_node link;
	enum vmbus_channel_state state;
	bool withdrawn; /* not to be offered again */
	u32 relid;      /* 0: none */
	u32 connection;
	struct vmbus_gpadl *gpadl;
	u8 open_user[120]; /* of the guest's OPEN_CHANNEL */

	/* Calls of signalled() that go on, and VMBUS_CHANNEL_SHUT. Atomic. */
	u32 gate;

	/* While it is open: the provider's place. */
	struct vmbus_ring from_guest;
	struct vmbus_ring to_guest;
	u32 vp;      /* to be interrupted; atomic: the guest may change it */
	bool broken; /* atomic: a ring made no sense */
	bool closed; /* atomic: nothing is under way */

	/* Counters; atomic, who shows them reads them anywhere. */
	u64 packets_in, packets_out, interrupts, signals, malformed;
};

/*
 * The next packet, as vmbus_ring_read(): 1; 0; -EMSGSIZE, passed over and counted. -EPROTO: the ring
 * is broken, the server is told and closes the channel.
 */
[[nodiscard]] int vmbus_channel_read(
	struct vmbus_channel *c, struct vmbus_packet *p, void *buf, u32 size);
/*
 * All packets that were read are done with; true: others came meanwhile, read on. While a provider
 * reads, it is not signalled.
 */
[[nodiscard]] bool vmbus_channel_pause(struct vmbus_channel *c);
/* The same, but the provider comes back by itself, soon, and is not signalled till then. False: the ring is broken. */
bool vmbus_channel_release(struct vmbus_channel *c);
/* Before the first packet is read again. */
void vmbus_channel_resume(struct vmbus_channel *c);
/* Writes @m, and interrupts the guest if need be. 0; -EAGAIN: no room, signalled() comes; -EMSGSIZE; -EPROTO as above. */
[[nodiscard]] int vmbus_channel_write(struct vmbus_channel *c, const struct vmbus_message *m);

/* The answer to close(). Any context. */
void vmbus_channel_closed(struct vmbus_channel *c);

/* Nothing is under way at the moment: who waits for that is told. Any context in which the channel is there. */
void vmbus_channel_rests(struct vmbus_channel *c);

/* ---- for the server; its owner's lock, but for the first one ---- */

/* Calls the provider's signalled(), unless the channel is shut. On its place. */
void vmbus_channel_signalled(struct vmbus_channel *c);
/* What runs then ends soon, and host->attend() follows. */
void vmbus_channel_shut(struct vmbus_channel *c);
void vmbus_channel_let_in(struct vmbus_channel *c);
/* Shut, and nothing runs. */
bool vmbus_channel_is_still(struct vmbus_channel *c);

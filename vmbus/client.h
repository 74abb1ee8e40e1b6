/* SPDX-License-Identifier: MIT */
/*
 * The client end of the bus, for a guest of ours: agrees on a version, takes offers, opens channels and closes
 * them. Small and synchronous: each call posts a message and waits for its answer; offers and rescinds
 * that come meanwhile are noted. What comes from the host is trusted as a machine is, but checked for length.
 *
 * One processor at a time, that to which the messages come. But each channel's packets are moved (vmbus_client_write()
 * and _read()) by a processor of its own, if one likes, while it is open: they touch nothing of the client's.
 */
#pragma once

#include "vmbus/protocol.h"
#include "vmbus/ring.h"

#define VMBUS_CLIENT_OFFERS     32u
#define VMBUS_CLIENT_RING_PAGES 64u /* of both rings of a channel, at most */

/* What it needs of the guest. */
struct vmbus_client_host {
	void *context;
	/* HvCallPostMessage, until the host has taken it: 0; -ENOENT: there is no such connection. */
	int (*post)(void *context, u32 connection, const void *message, u32 size);
	/* The next message for VMBUS_SINT, which is waited for: its size, no more than VMBUS_MESSAGE_MAX. */
	u32 (*receive)(void *context, void *message);
	/* HvCallSignalEvent. On whatever processor a channel is written or read. */
	void (*signal)(void *context, u32 connection);
	/* The number of the page that @p begins. Likewise. */
	u64 (*pfn)(void *context, const void *p);
};

struct vmbus_client_offer {
	struct guid interface;
	struct guid instance;
	u16 subchannel;
	u32 relid; /* 0: it was rescinded, or there is none */
	u32 connection;
};

struct vmbus_client {
	const struct vmbus_client_host *host; /* constant */
	u32 vp;                               /* where messages come; constant */
	u32 version;
	u32 connection; /* for messages */
	u32 next_gpadl;
	struct vmbus_client_offer offers[VMBUS_CLIENT_OFFERS];
	u64 lost; /* messages that there was no room for, or no sense in */
};

/* A channel that is open: rings in memory of the caller's. */
struct vmbus_client_channel {
	const struct vmbus_client_offer *offer;
	u32 relid; /* the offer's: it has another one when the channel was rescinded */
	u32 connection;
	u32 gpadl;
	u8 *pages[VMBUS_CLIENT_RING_PAGES];
	struct vmbus_ring to_host;
	struct vmbus_ring from_host;
};

/* Agrees on the newest version that both know, and takes the offers that there are. -ENOTSUP: on none. */
[[nodiscard]] int vmbus_client_connect(
	struct vmbus_client *c, const struct vmbus_client_host *host, u32 vp);
/* The first offer of that interface with that sub-channel index, NULL: there is none. */
const struct vmbus_client_offer *vmbus_client_find(
	const struct vmbus_client *c, const struct guid *interface, u16 subchannel);
/* The offer of sub-channel @index, 1 or more, of the device that @primary belongs to, which is waited for. */
const struct vmbus_client_offer *vmbus_client_wait_subchannel(
	struct vmbus_client *c, const struct vmbus_client_offer *primary, u16 index);
/*
 * Opens it with @count pages at @memory, zeroed, the first half for what goes to the host, whose interrupts come to @vp.
 * -EINVAL: too many, or less than four; -EIO: the host refused.
 */
[[nodiscard]] int vmbus_client_open(struct vmbus_client *c, struct vmbus_client_channel *ch,
	const struct vmbus_client_offer *offer, u8 *memory, u32 count, u32 vp);
/*
 * The memory is the caller's again. Sub-channels are closed before their primary: with that their offers end, which
 * is waited for. Of a channel that the host took back nothing is said, as it is closed already.
 */
void vmbus_client_close(struct vmbus_client *c, struct vmbus_client_channel *ch);
/* Shares memory besides: @bytes from @memory, which begins a page. The GPADL's number, or -EIO. */
[[nodiscard]] s64 vmbus_client_share(
	struct vmbus_client *c, const struct vmbus_client_offer *offer, u8 *memory, u32 bytes);
void vmbus_client_unshare(
	struct vmbus_client *c, const struct vmbus_client_offer *offer, u32 gpadl);
/* Notes what has come, and waits for nothing; of a message that was received elsewhere. */
void vmbus_client_note(struct vmbus_client *c, const void *message, u32 size);
/* Everything is given up: the host may be connected to anew. */
void vmbus_client_unload(struct vmbus_client *c);

/* Writes to the host, and signals it if need be. As vmbus_ring_write(), but never 1. */
[[nodiscard]] int vmbus_client_write(
	struct vmbus_client *c, struct vmbus_client_channel *ch, const struct vmbus_message *m);
/* As vmbus_ring_read(); the room is given back at once. */
[[nodiscard]] int vmbus_client_read(struct vmbus_client *c, struct vmbus_client_channel *ch,
	struct vmbus_packet *p, void *buf, u32 size);

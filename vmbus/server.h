/* SPDX-License-Identifier: MIT */
/*
 * The server end of the bus for one guest: versions 2.4 to 5.3 as Linux negotiates them, offers,
 * GPADLs, opening and closing of channels, rescind, unload. It is told of each message that
 * the guest posts, and answers by the host's send(); it never waits. What the guest says is hostile: a message
 * that makes no sense is counted and changes nothing.
 *
 * All calls are made under one lock of the owner's, in which they may nest only as they say.
 */
#pragma once

#include "vmbus/channel.h"
#include "vmbus/gpadl.h"
#include "vmbus/host.h"

#define VMBUS_CHANNELS_MAX     256u     /* and no channel's number is larger */
#define VMBUS_CONNECTION_FIRST 0x10000u /* a channel's: this and its relid */

struct vmbus_server {
	const struct vmbus_host *host; /* constant */
	u32 vps;                       /* of the guest; constant */
	struct vmbus_gpadls gpadls;
	struct list_node channels;
	u32 channel_count;
	u64 relids[(VMBUS_RELID_MAX + 1) / 64]; /* in use */
	u32 version;                            /* 0: not connected */
	u32 vp;                                 /* where messages go */
	bool offers_wanted;
	bool stopped; /* channels that are opened stay shut (server_state.h) */
	/* All channels are being closed, for this message, which then is answered. */
	bool resetting;
	struct vmbus_contact contact; /* or only its header */
	u64 malformed;                /* messages */
};

/* One that the server speaks. */
bool vmbus_is_version(u32 version);

void vmbus_server_init(struct vmbus_server *s, const struct vmbus_host *host, u32 vps);
/*
 * The guest is gone: channels are closed as if it had said so, and then released. True if that is
 * so; else after more vmbus_server_attend(), which says so.
 */
[[nodiscard]] bool vmbus_server_end(struct vmbus_server *s);

/* The guest posted @size bytes. */
void vmbus_server_message(struct vmbus_server *s, const void *message, u32 size);
/*
 * The guest signalled the channel, or its provider asked for it. On the channel's place, without the lock: the owner
 * sees to it that the channel is there, from connect() on until disconnect() has returned.
 */
void vmbus_server_signalled(struct vmbus_channel *c);
/* The channel that the guest knows by that number, or NULL. */
struct vmbus_channel *vmbus_server_find(struct vmbus_server *s, u32 relid);
/* As host->attend() asked. */
void vmbus_server_attend(struct vmbus_server *s);

/*
 * Offers @c, which lives until released(). -ENOSPC: too many. A sub-channel's primary is open; it is
 * withdrawn by itself when that is closed.
 */
[[nodiscard]] int vmbus_server_offer(struct vmbus_server *s, struct vmbus_channel *c);
/* Takes the offer back: closed first if it is open; released() when the guest has let go. */
void vmbus_server_withdraw(struct vmbus_channel *c);

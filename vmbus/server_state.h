/* SPDX-License-Identifier: MIT */
/*
 * A server's state in bytes, of which another one is made, here or elsewhere, with the same memory of the guest's and the
 * same devices; and traffic goes on. A saved state does not say how it ends: who keeps it knows its size, and keeps with
 * it what is the owner's: the guest's memory, its VPs with their SynICs, messages that wait to be sent to it.
 *
 * Saving: the guest's VPs do not run, and each message that it posted has been given to the server. Then
 *   vmbus_server_stop(), until it is 0: nothing is read from rings, and requests under way have ended. Their answers
 *     are in the guest's rings, or, where those are full, part of the state, as is a packet that waits for others;
 *   the guest's memory is kept, as it does not change from now on, and vmbus_server_save();
 *   vmbus_server_start(), if this one is to go on; or vmbus_server_end().
 * Loading: a new server, whose devices are offered as they were before; vmbus_server_load(); vmbus_server_start();
 * then the guest's VPs run.
 *
 * All under the owner's lock, as calls of server.h. What is loaded is checked as what a guest says, since it may come
 * from anywhere.
 */
#pragma once

#include "vmbus/server.h"
#include "vmbus/state.h"

#define VMBUS_STATE_MAGIC  0x53424d56u /* "VMBS" */
#define VMBUS_STATE_FORMAT 1u

/* ---- the format: a server, its GPADLs, its channels that the guest knows of; each primary before its sub-channels ---- */

struct vmbus_saved_server {
	u32 magic;
	u32 format;
	u32 version;       /* of the bus; 0: not connected: there are no offers, GPADLs, channels */
	u32 vp;            /* where messages go */
	u32 offers_wanted; /* 0 or 1 */
	u32 gpadls;
	u32 channels;
} __packed;

/* The message that would tell all pages of it that were told so far follows: struct vmbus_gpadl_header, page numbers. */
struct vmbus_saved_gpadl {
	u32 bytes;     /* of that message */
	u32 torn_down; /* 0 or 1: the guest wants it back, and a channel still has its rings there */
} __packed;

/* The provider's @bytes follow. */
struct vmbus_saved_channel {
	struct guid interface; /* these three say which one it is */
	struct guid instance;
	u32 subchannel;
	u32 relid;
	u32 state; /* enum vmbus_channel_state: OFFERED, OPEN or RESCINDED */
	/* Of one that is open; else 0. */
	u32 gpadl;
	u32 downstream;
	u32 vp;
	u32 read;           /* of the ring from the guest: where our next packet is */
	u32 read_published; /* what the guest knows of that */
	u32 write;          /* of the ring to the guest: where our next packet goes */
	u8 open_user[120];

	u32 bytes;
} __packed;

static_assert(sizeof(struct vmbus_saved_server) == 28);
static_assert(sizeof(struct vmbus_saved_gpadl) == 8);
static_assert(sizeof(struct vmbus_saved_channel) == 192);

/* ---- what a provider has to do with it; under the owner's lock, while its signalled() does not run ---- */

struct vmbus_provider_state {
	/*
	 * Of an open channel: nothing is under way but answers that wait for room. When that
	 * becomes true later: vmbus_channel_rests().
	 */
	bool (*is_idle)(struct vmbus_channel *c);
	/* Of an open channel, which is let in again: signalled() soon, as nobody was told of what came meanwhile. */
	void (*start)(struct vmbus_channel *c);
	/* Writes what it has; changes nothing, and writes the same if it is called again. */
	void (*save)(struct vmbus_channel *c, struct vmbus_state_writer *w);
	/*
	 * The channel is as it was, with its rings if it is open. May offer sub-channels that are loaded next. @r: what
	 * save() wrote, or nonsense; all of it is to be read. A negative errno: the channel is forgotten: it is opened
	 * anew some day, or released.
	 */
	int (*load)(struct vmbus_channel *c, struct vmbus_state_reader *r);
};

/* ---- for the owner ---- */

/*
 * No channel's packets are read any more. 0: and nothing is under way, so that the state may be saved, and the guest's memory
 * does not change. -EBUSY: not yet: to be called again when host->attend() asked, for as long as the owner has patience;
 * requests that a back end never ends are a reason to start again. -ENOTSUP: a provider cannot do it; nothing is changed.
 */
[[nodiscard]] int vmbus_server_stop(struct vmbus_server *s);
/* Traffic goes on, after stop() or load(). */
void vmbus_server_start(struct vmbus_server *s);

/*
 * Puts the state of a server that is stopped. 0; -ENOSPC: it has no room, w->size says how much there is.
 * -EBUSY: as vmbus_server_stop(). Changes nothing.
 */
[[nodiscard]] int vmbus_server_save(struct vmbus_server *s, struct vmbus_state_writer *w);

/*
 * Makes of @s, to which no guest ever spoke and whose primaries are offered, what was saved; stopped. All or nothing:
 * after an error it is as before, and a guest may begin with it. -EBUSY: a guest has spoken to it, or not only
 * primaries are offered; -EINVAL, -EEXIST, -EPROTO: @bytes are no state, are cut short or make no sense; -ENOTSUP: they are of
 * another format; -ENODEV: other channels than those that are offered, or, by a provider, other devices behind them;
 * -EFAULT: a page that is no RAM of the guest's; -ENOSPC, -ENOMEM: too much; what host->connect() says.
 */
[[nodiscard]] int vmbus_server_load(struct vmbus_server *s, const void *bytes, u64 size);

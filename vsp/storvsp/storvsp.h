/* SPDX-License-Identifier: MIT */
/*
 * A SCSI controller of a guest: the provider behind its channel and sub-channels, whose LUNs are disks. Data
 * moves between a disk and the guest's pages with no copy. Each packet of a guest's ends with one answer, on
 * the channel that it came by; no more are under way than there are slots, and the rest waits in the ring.
 *
 * Packets of a channel are read in one place at a time, where it is signalled; disks' requests end anywhere. What
 * both touch is under the channel's lock.
 */
#pragma once

#include "vmbus/channel.h"
#include "vmbus/vstor.h"
#include "vsp/disk.h"

#define STORVSP_LUNS         64u
#define STORVSP_CHANNELS_MAX 16u
#define STORVSP_SLOTS        128u /* packets under way, of a channel */
#define STORVSP_FEW          8u   /* segments that each slot has room for itself */
#define STORVSP_LISTS        16u  /* longer lists, of a channel */
#define STORVSP_PACKET_MAX   2304u

struct storvsp;
struct storvsp_slot;
struct storvsp_list;

/* What it needs besides its channels' server. */
struct storvsp_host {
	void *context;
	void *(*alloc)(size_t size); /* zeroed, aligned to 16; NULL */
	void (*free)(void *p);
	/* Where the guest's page @pfn lies, as for vsp_segment, and its address; false: no RAM of the guest's. */
	bool (*resolve)(void *context, u64 pfn, gpa_t *gpa, void **address);
	/* A lock for few instructions, which whoever ends a disk's request may take. */
	u64 (*lock)(void *context, struct vmbus_channel *c);
	void (*unlock)(void *context, struct vmbus_channel *c, u64 state);
	/* Has signalled() of @c called soon, in its place. Lock held. */
	void (*again)(void *context, struct vmbus_channel *c);
	/*
	 * Has signalled() of @c called in its place within 100 us. In its place. NULL: nobody can, and a guest is
	 * told to signal whenever its packets were read.
	 */
	void (*look_later)(void *context, struct vmbus_channel *c);
	/* The guest wants @count sub-channels: storvsp_offer_channels() soon, not at once, under the server's lock. */
	void (*want_channels)(void *context, struct storvsp *s, u32 count);
	/*
	 * The last request to a disk that was taken away has ended. Any context. Also called, for nothing, after
	 * requests to a unit that is not there.
	 */
	void (*lun_left)(void *context, struct storvsp *s, u32 lun);
};

/* How far the guest has come. */
enum storvsp_step {
	STORVSP_NEW,
	STORVSP_BEGUN,
	STORVSP_VERSION,
	STORVSP_PROPERTIES,
	STORVSP_READY
};

struct storvsp_channel {
	struct vmbus_channel c;
	struct storvsp *s;
	u32 index; /* 0: the primary */

	/* Its place's. */
	u8 packet_bytes[STORVSP_PACKET_MAX]; /* a copy of the one that is looked at */
	struct vmbus_packet packet;
	bool has_packet;          /* it waits for a slot, or for a list */
	struct vsp_disk *plugged; /* NULL: none */
	u32 plugged_lun;          /* of which the channel is a user */

	/* Its lock's. */
	struct storvsp_slot *slots; /* memory */
	u8 *private;                /* of the back ends */
	struct storvsp_list *lists;
	struct list_node free;
	struct list_node free_lists;
	struct list_node answers; /* that have no room in the ring yet */
	u32 under_way;            /* slots that are taken */
	u32 waiting;              /* those among them that are in answers */
	bool stalled;             /* the place waits for one of them */
	bool looks;      /* it looks by itself when one has ended: the guest does not signal */
	bool look_again; /* the guest is to be told so */
	bool closing;
};

struct storvsp_stats {
	u64 reads, writes, flushes, discards;
	u64 read_bytes, written_bytes;
	u64 errors;    /* requests that ended otherwise than well */
	u64 malformed; /* packets that made no sense */
	u64 stalls;    /* waits for a slot */
};

struct storvsp {
	const struct storvsp_host *host;
	struct vmbus_server *server;
	u32 request_bytes; /* the largest of any back end */
	u32 max_subchannels;
	u32 wanted;                          /* sub-channels, until all are offered; atomic */
	enum storvsp_step step;              /* the primary's place sets it; atomic */
	struct vsp_disk *luns[STORVSP_LUNS]; /* atomic */
	u32 lun_users[STORVSP_LUNS]; /* requests under way, channels that have it plugged; atomic */
	struct storvsp_stats stats;  /* atomic */
	struct storvsp_channel *channels[STORVSP_CHANNELS_MAX];
};

/*
 * Makes one and offers its primary as @instance. @request_bytes: of every disk that it will have;
 * @max_subchannels: besides the primary. -ENOMEM; -ENOSPC. Under the server's lock. Its
 * channels are given back when they are released, at the latest by the server's end.
 */
[[nodiscard]] int storvsp_create(struct storvsp *s, const struct storvsp_host *host,
	struct vmbus_server *server, const struct guid *instance, u32 request_bytes,
	u32 max_subchannels);
/* As host->want_channels() asked. */
void storvsp_offer_channels(struct storvsp *s, u32 count);

/*
 * The disk is LUN @lun from now on, NULL: there is none. The guest, if it is ready, is told to look. What is under
 * way to the one before goes on: storvsp_lun_busy() says so, and
 * host->lun_left() when it has ended. -EINVAL; -EBUSY: there is another. Under the server's lock.
 */
[[nodiscard]] int storvsp_set_lun(struct storvsp *s, u32 lun, struct vsp_disk *d);
bool storvsp_lun_busy(const struct storvsp *s, u32 lun);

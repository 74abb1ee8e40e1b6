/* SPDX-License-Identifier: MIT */
/*
 * The disk client of a guest of ours: a SCSI controller by its VMBus channels. Commands are submitted, up to
 * STORVSC_DEPTH of a channel at a time, and waited for; the short cuts do one and wait for it. The example to read for
 * someone who ports another system: Linux' does the same.
 *
 * A struct storvsc is one channel, the primary or a sub-channel, and one processor's; opening and closing is the client's,
 * on its processor. A sub-channel is open once its primary is ready, and knows no beginning of its own.
 */
#pragma once

#include "vmbus/client.h"
#include "vmbus/vstor.h"

#define STORVSC_RING_PAGES 16u /* of both rings */
#define STORVSC_BYTES_MAX  (64 * KIB)
#define STORVSC_DEPTH      32u /* of the longest requests fewer than the ring has room for */
#define STORVSC_CDB_MAX    16u

enum storvsc_direction { STORVSC_NONE, STORVSC_IN, STORVSC_OUT };

/* A command; all of it is the driver's from submit until it is done. */
struct storvsc_request {
	/* Of the caller. */
	u8 lun;
	u8 cdb_size;
	u8 cdb[STORVSC_CDB_MAX];
	enum storvsc_direction direction;
	void *data; /* bytes that follow without gaps, in guest memory as well as in ours */
	u32 bytes;
	/* Of the answer. */
	bool done;
	u8 srb_status;
	u8 sense[VSTOR_SENSE_ROOM]; /* with -EIO */
	s64 result; /* bytes that were moved; -EIO: it failed; -ENODEV: no such unit; -EPROTO */
};

struct storvsc {
	struct vmbus_client *client;
	struct vmbus_client_channel channel;
	/* Waits for an interrupt; packets may have come. */
	void (*wait)(void *context);
	void *context;
	u16 version;
	u16 max_subchannels;
	u32 max_transfer; /* bytes */
	struct storvsc_request *under_way[STORVSC_DEPTH];
	bool look_again; /* the provider said that disks have come or gone; the user's to clear */
	/* The answer to a step of the beginning. */
	struct vstor_packet step;
	bool stepped;
	/* The answer to the last short cut that the disk failed. */
	u8 srb_status;
	u8 sense[VSTOR_SENSE_ROOM];
	_Alignas(32) u8 buffer[32]; /* answers of its own, within a page */
};

/*
 * Opens the first controller that is offered, with STORVSC_RING_PAGES pages at @memory, zeroed, and goes through its
 * beginning; s->wait and s->context are set. -ENODEV: none is offered; -EIO, -EPROTO, -ENOTSUP: the provider's.
 */
[[nodiscard]] int storvsc_open(struct storvsc *s, struct vmbus_client *client, u8 *memory, u32 vp);
/* Nothing is under way, and all its sub-channels are closed. */
void storvsc_close(struct storvsc *s);

/* Asks for @count sub-channels, numbered from 1 on. -ENOTSUP: the provider has not so many. */
[[nodiscard]] int storvsc_ask_subchannels(struct storvsc *s, u32 count);
/* Opens sub-channel @index of those that were asked for; as storvsc_open(), @s is the new one. */
[[nodiscard]] int storvsc_open_subchannel(
	struct storvsc *s, const struct storvsc *primary, u16 index, u8 *memory, u32 vp);

/* 0; -EINVAL: too long; -EAGAIN: as many are under way as can be, try again when one is done; -EPROTO. */
[[nodiscard]] int storvsc_submit(struct storvsc *s, struct storvsc_request *r);
/* Takes what has come: how many requests are done by that, or -EPROTO: no more will. */
[[nodiscard]] int storvsc_poll(struct storvsc *s);
/* Waits until @r is done; gives its result. -EPROTO: it never will be, and is the caller's. */
[[nodiscard]] s64 storvsc_finish(struct storvsc *s, struct storvsc_request *r);
/* Ends when nothing else of this channel is under way. */
[[nodiscard]] int storvsc_reset(struct storvsc *s);

/* ---- short cuts, storvsc_disk.c: one command, waited for ---- */

/* A command of @cdb_size bytes, as a request has it: its result; s->sense says why it failed. -EINVAL as above. */
[[nodiscard]] s64 storvsc_command(struct storvsc *s, u8 lun, const u8 *cdb, u8 cdb_size,
	enum storvsc_direction direction, void *data, u32 bytes);

struct storvsc_disk {
	u64 sectors;
	u32 sector_size;
};
/* READ CAPACITY(16), READ(16), WRITE(16), SYNCHRONIZE CACHE(16). Errors as above. */
[[nodiscard]] int storvsc_capacity(struct storvsc *s, u8 lun, struct storvsc_disk *d);
[[nodiscard]] int storvsc_read(struct storvsc *s, u8 lun, const struct storvsc_disk *d, u64 sector,
	void *data, u32 sectors);
[[nodiscard]] int storvsc_write(struct storvsc *s, u8 lun, const struct storvsc_disk *d, u64 sector,
	const void *data, u32 sectors);
[[nodiscard]] int storvsc_flush(struct storvsc *s, u8 lun);

/* Fills in a READ(16), or a WRITE(16). */
void storvsc_transfer(struct storvsc_request *r, u8 lun, const struct storvsc_disk *d, bool write,
	u64 sector, void *data, u32 sectors);

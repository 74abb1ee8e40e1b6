/* SPDX-License-Identifier: MIT */
/*
 * The disk client of a guest of ours: a SCSI controller by its VMBus channel, one request at a time, each waited
 * for. The example to read for someone who ports another system: Linux' does the same with many under way.
 */
#pragma once

#include "vmbus/client.h"
#include "vmbus/vstor.h"

#define STORVSC_RING_PAGES 16u /* of both rings */
#define STORVSC_BYTES_MAX  (64 * KIB)

struct storvsc {
	struct vmbus_client *client;
	struct vmbus_client_channel channel;
	/* Waits for an interrupt; packets may have come. */
	void (*wait)(void *context);
	void *context;
	u16 version;
	u16 max_subchannels;
	u32 max_transfer; /* bytes */
	u64 next_id;
	/* The answer to the last request that the disk failed. */
	u8 srb_status;
	u8 sense[VSTOR_SENSE_ROOM];
	_Alignas(32) u8 buffer[32]; /* answers of its own, within a page */
};

/*
 * Opens the first controller that is offered, with STORVSC_RING_PAGES pages at @memory, zeroed, and goes through its
 * beginning. -ENODEV: none is offered; -EIO, -EPROTO, -ENOTSUP: the provider's.
 */
[[nodiscard]] int storvsc_open(struct storvsc *s, struct vmbus_client *client, u8 *memory, u32 vp);
void storvsc_close(struct storvsc *s);

enum storvsc_direction { STORVSC_NONE, STORVSC_IN, STORVSC_OUT };

/*
 * A command of @cdb_size bytes, with @bytes from @data on, in memory that follows without gaps, to or from the unit. How many
 * were moved, or -EIO: it failed, and s->sense says why; -ENODEV: there is no such unit; -EPROTO.
 */
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

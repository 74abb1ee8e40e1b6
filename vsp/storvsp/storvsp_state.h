/* SPDX-License-Identifier: MIT */
/*
 * What a SCSI controller's channels put in the saved state of their server (server_state.h). The disks' contents are the
 * owner's, and so is that the controller is made again with the same instance and with the same disks as its LUNs.
 *
 * Requests under way end before anything is saved. What may be left of each channel: answers that have no room in the
 * ring, one packet that was read and waits for what is under way, news of the bus that the guest was not told.
 * Not kept: statistics, and which of the protocol's versions the guest speaks, as all are answered alike.
 */
#pragma once

#include "vmbus/server_state.h"
#include "vmbus/vstor.h"

#define STORVSP_STATE_FORMAT 1u

/* ---- the format: of each channel, then the controller's by its primary ---- */

/* The packet, with its @packet bytes, and answers follow. */
struct storvsp_saved_channel {
	u32 format;
	u32 look_again; /* 0 or 1 */
	u32 has_packet; /* 0 or 1 */
	u32 answers;
} __packed;

/* Its @length bytes follow. One that was too long is only what is here: its header and length are 0. */
struct storvsp_saved_packet {
	u16 type;
	u16 flags;
	u32 header;
	u32 length;
	u64 transaction;
} __packed;

struct storvsp_saved_answer {
	u64 transaction;
	struct vstor_packet packet;
} __packed;

/* LUNs follow, in order. */
struct storvsp_saved_controller {
	u32 step;     /* enum storvsp_step */
	u32 wanted;   /* sub-channels that the guest asked for, until all are offered */
	u32 channels; /* bit n: sub-channel n is there; bit 0 is 0 */
	u32 luns;
} __packed;

struct storvsp_saved_lun {
	u32 lun;
	u32 sector_size;
	u64 sectors;
	u32 read_only; /* 0 or 1 */
	u8 id[16];
} __packed;

static_assert(sizeof(struct storvsp_saved_channel) == 16);
static_assert(sizeof(struct storvsp_saved_packet) == 20);
static_assert(sizeof(struct storvsp_saved_answer) == 72);
static_assert(sizeof(struct storvsp_saved_controller) == 16);
static_assert(sizeof(struct storvsp_saved_lun) == 36);

/*
 * Of each channel of a controller; for storvsp.c. load(): -EINVAL: it makes no sense; -ENOTSUP: another format;
 * -ENODEV: other disks; -ENOMEM and -ENOSPC as storvsp_create().
 */
extern const struct vmbus_provider_state storvsp_provider_state;

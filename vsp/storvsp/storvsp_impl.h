/* SPDX-License-Identifier: MIT */
/*
 * What the files of the controller share: storvsp.c has its channels, storvsp_slot.c slots and answers,
 * storvsp_packet.c what packets ask for.
 */
#pragma once

#include "lib/list.h"
#include "vsp/storvsp/scsi.h"
#include "vsp/storvsp/storvsp.h"

struct storvsp_list {
	struct list_node link;
	struct vsp_segment segments[VSP_DISK_SEGMENTS_MAX];
};

/* The guest's memory that a packet names: pages as they stand in the copy of it. */
struct storvsp_pages {
	u32 length; /* bytes; 0: none */
	u32 offset; /* of the first, in its page */
	const u8 *pfns;
};

/* A packet under way, from the ring to its answer. */
struct storvsp_slot {
	struct list_node link; /* free, or answers */
	struct storvsp_channel *channel;
	u64 transaction;
	struct vstor_packet answer; /* begins as the packet that came */
	/* Of one that the disk has. */
	struct scsi_command command;
	struct vsp_disk *disk;
	u32 lun;
	struct vsp_disk_request request;
	struct storvsp_list *list; /* NULL: few */
	struct vsp_segment few[STORVSP_FEW];
};

/* ---- storvsp_slot.c; the lock is taken there ---- */

/* NULL: there is none now; the place hears of the next one by signalled(). */
struct storvsp_slot *storvsp_slot_take(struct storvsp_channel *ch);
/* Room for @count segments; NULL as above. The slot has it until it is free. */
struct vsp_segment *storvsp_slot_segments(struct storvsp_slot *slot, u32 count);
/* Whether no other is under way; else the place hears when one has ended. */
bool storvsp_is_alone(struct storvsp_slot *slot);
/* It goes back as if it had not been taken. */
void storvsp_slot_give_back(struct storvsp_slot *slot);
/* Sends slot->answer, now or when there is room; the slot is free then. */
void storvsp_answer(struct storvsp_slot *slot);
/* What waits for room. */
void storvsp_send_waiting(struct storvsp_channel *ch);
/* No more of the guest's: closed() when none is under way. */
void storvsp_begin_close(struct storvsp_channel *ch);
/* The guest is to look at the bus again. */
void storvsp_look_again(struct storvsp_channel *ch);

/* ---- storvsp_packet.c ---- */

/* What ch->packet asks for. False: it waits for a slot or a list, and is to be looked at again. */
bool storvsp_packet(struct storvsp_channel *ch);
/* Begins what was submitted since. */
void storvsp_unplug(struct storvsp_channel *ch);

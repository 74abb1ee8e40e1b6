/* SPDX-License-Identifier: MIT */
/*
 * What the files of the controller share: storvsp.c has its channels, storvsp_slot.c slots and answers,
 * storvsp_packet.c what packets ask for, storvsp_control.c the steps by which a guest begins, storvsp_state.c how all
 * that is saved.
 */
#pragma once

#include "lib/list.h"
#include "vsp/storvsp/scsi.h"
#include "vsp/storvsp/storvsp.h"

/* Packets that a place takes in one go: a guest that never stops writing is not alone on its processor. */
#define STORVSP_TURN 256u
#define STORVSP_BUSY 2u /* requests under way: more of them come soon */

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

/* ---- storvsp.c ---- */

/* Makes the channel and offers it. -ENOMEM; -ENOSPC. Under the server's lock. */
[[nodiscard]] int storvsp_offer(struct storvsp *s, u32 index, const struct guid *instance);

/* ---- storvsp_slot.c; the lock is taken there ---- */

/* NULL: there is none now, and the place hears of the next one by signalled(); or the channel is being closed. */
struct storvsp_slot *storvsp_slot_take(struct storvsp_channel *ch);
/* Room for @count segments; NULL as above. The slot has it until it is free. */
struct vsp_segment *storvsp_slot_segments(struct storvsp_slot *slot, u32 count);
/* Whether no other is under way; else the place hears when one has ended. */
bool storvsp_is_alone(struct storvsp_slot *slot);
/* It goes back as if it had not been taken. */
void storvsp_slot_give_back(struct storvsp_slot *slot);
/* Sends slot->answer, now or when there is room; the slot is free then. */
void storvsp_answer(struct storvsp_slot *slot);
/* Its answer is one that waits for room. */
void storvsp_slot_wait(struct storvsp_slot *slot);
/* Nothing is under way but answers that wait for room. */
bool storvsp_is_idle(struct storvsp_channel *ch);
/* Of a channel that is opened. */
void storvsp_begin_anew(struct storvsp_channel *ch);
/* What waits for room. */
void storvsp_send_waiting(struct storvsp_channel *ch);
/* No more of the guest's: closed() when none is under way. */
void storvsp_begin_close(struct storvsp_channel *ch);
/*
 * True: so much is under way that the place looks at the ring by itself, when the next one has ended, and soon in any
 * case, and needs no signals. It would get one for each packet of a guest that it interrupts by coming.
 */
bool storvsp_is_busy(struct storvsp_channel *ch);
/* signalled() is called soon. */
void storvsp_ask_again(struct storvsp_channel *ch);
/* The guest is to look at the bus again. */
void storvsp_look_again(struct storvsp_channel *ch);

/* ---- storvsp_packet.c ---- */

/* What ch->packet asks for. False: it waits for a slot or a list, and is to be looked at again. */
bool storvsp_packet(struct storvsp_channel *ch);
/* Begins what was submitted since. */
void storvsp_unplug(struct storvsp_channel *ch);

/* ---- storvsp_control.c ---- */

/* One of those steps, or no known operation: its status; @p may be filled in as the answer. */
u32 storvsp_control(struct storvsp_channel *ch, struct vstor_packet *p);

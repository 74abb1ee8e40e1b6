/* SPDX-License-Identifier: MIT */
/*
 * A guest that means harm, or is broken: what its cases share. Each does something to the bus that no driver does, and
 * checks what it can see of it; hostile_recover() then wants a new connection and good I/O from the same guest.
 */
#pragma once

#include "tests/guest/disk/bus.h"

#define HOSTILE_PAGES 64u /* of memory that the host may be told of */

/* Of the command line. */
extern u32 hostile_count; /* how often, where that can be chosen */
extern bool hostile_hold; /* stop where it hurts, until a key comes */
extern u32 hostile_vps;
extern u8 *hostile_memory; /* HOSTILE_PAGES pages that are of no other use */

union hostile_message {
	struct vmbus_header header;
	struct vmbus_offer offer;
	struct vmbus_relid relid;
	struct vmbus_open_result opened;
	struct vmbus_gpadl_created created;
	struct vmbus_gpadl_torndown torndown;
	struct vmbus_version_response version;
	struct vmbus_modify_response modified;
	u64 words[VMBUS_MESSAGE_MAX / 8];
};

/* The cases; the table is disk_hostile.c's. */
void hostile_flip(void);
void hostile_indices(void);
void hostile_lengths(void);
void hostile_packets(void);
void hostile_gpadls(void);
void hostile_many_gpadls(void);
void hostile_overlap(void);
void hostile_opens(void);
void hostile_teardown(void);
void hostile_connections(void);
void hostile_messages(void);
void hostile_fuzz(void);
void hostile_posts(void);
void hostile_signals(void);
void hostile_stuck(void);
void hostile_races(void);

/* ---- for them ---- */

/* A connection; and an open controller with it. False: it failed, and that was said. */
bool hostile_connect(void);
bool hostile_open(void);
/* "HOLD @name", and a key, if that was asked for. */
void hostile_wait_for_key(const char *name);
/* Gives everything up and connects anew; does good I/O: PASS or FAIL "@name-recovers". */
void hostile_recover(const char *name);

/* The first unit that can be written, which is looked for when it is first asked for: its size. */
const struct storvsc_disk *hostile_disk(void);
u8 hostile_lun(void);

/* A post to the bus is to be tried again: there is no room, or the host has taken the connection away for a while. */
bool hostile_is_later(enum hv_status status);
/* Posts, again while the host has no room; if that lasts, messages of the host's are thrown away. False: it is refused. */
bool hostile_post(const void *message, u32 size);
/* The next message, within some seconds; false: there is none. */
bool hostile_receive(union hostile_message *m, u32 *size);
/* The next message, which is to be of @type; false: it is not. */
bool hostile_expect(union hostile_message *m, u32 type);
/* Nothing has come from the host so far: the next message is the answer to one that is posted now. */
bool hostile_is_quiet(void);

/* Time is over; it begins with hostile_deadline(). */
#define HOSTILE_SECONDS 30u
u64 hostile_deadline(u32 seconds);
bool hostile_is_late(u64 deadline);
/* A while, in HLT. */
void hostile_nap(void);

/* The host has closed the channel by itself, within some seconds: its connection is gone. */
bool hostile_is_cut_off(u32 connection);
/* The answer to number @id, within some seconds; others are thrown away. False: there is none. */
bool hostile_answer(struct storvsc *s, u64 id, struct vstor_packet *p);

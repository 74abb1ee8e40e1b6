/* SPDX-License-Identifier: MIT */
/*
 * One direction of a channel: packets through a ring of bytes in memory that the other end
 * shares, and that it may change at any time, to anything.
 *
 * The rule: an index of the other end's is loaded once, and checked before it is used; a packet
 * is copied out before anybody looks at it; our own index is kept here and never read back. No
 * pointer into the ring leaves ring.c. What does not hold is a broken ring, -EPROTO: its channel is to
 * be closed. The data area may be scattered: it is a list of pages.
 *
 * Both ends use this file, server and client; each direction has one producer and one consumer.
 * No lock: each end's owner has one. Layout as Linux and OpenVMM have it.
 */
#pragma once

#include "base/types.h"

/* The page in front of the data. Each index is a byte offset there, below its size, a multiple of 8. */
struct vmbus_ring_control {
	u32 write;          /* the producer's */
	u32 read;           /* the consumer's */
	u32 interrupt_mask; /* the consumer's: 1: it wants no signals */
	u32 pending_send;   /* the producer's: bytes that it waits for; 0: it does not */
	u32 reserved[12];
	u32 features;
	u32 reserved2[1007];
};
#define VMBUS_RING_PENDING_SEND BIT(0) /* in features: pending_send has a meaning */

enum vmbus_packet_type {
	VMBUS_PACKET_INBAND = 0x6,
	VMBUS_PACKET_TRANSFER_PAGES = 0x7,
	VMBUS_PACKET_GPA_DIRECT = 0x9,
	VMBUS_PACKET_COMPLETION = 0xb,
};
#define VMBUS_PACKET_WANTS_COMPLETION BIT(0)

/* How each packet begins. What is between it and the payload belongs to its type. */
struct vmbus_descriptor {
	u16 type;
	u16 header8; /* where the payload begins, in units of 8 bytes */
	u16 length8; /* all of it */
	u16 flags;
	u64 transaction;
};

struct vmbus_ring {
	struct vmbus_ring_control *control;
	u8 *const *pages; /* of the data */
	u32 size;         /* bytes of it */
	u32 index;        /* where our next packet is, or goes */
	u32 published;    /* the consumer's: what the producer knows of it */
};

/*
 * Begins where @control says, which is the other end's to set. @pages: @count of them, at least one,
 * for as long as the ring is used. -EPROTO.
 */
[[nodiscard]] int vmbus_ring_init(
	struct vmbus_ring *r, struct vmbus_ring_control *control, u8 *const *pages, u32 count);

/* Bytes between both indices, as its memory has them now: for listings. 0 where they make no sense. */
u32 vmbus_ring_used(const struct vmbus_ring *r);
/* Goes on where another one was: with its @index and @published. -EPROTO: they are none. */
[[nodiscard]] int vmbus_ring_resume(struct vmbus_ring *r, struct vmbus_ring_control *control,
	u8 *const *pages, u32 count, u32 index, u32 published);

/* ---- for the consumer ---- */

/* A packet that was copied out. */
struct vmbus_packet {
	u16 type;
	u16 flags;
	u64 transaction;
	u32 header; /* bytes in front of the payload, descriptor included */
	u32 length; /* bytes, padded to 8 */
};

/*
 * The next packet, all of it, to @buf of @size bytes: 1; 0: there is none; -EMSGSIZE: it has more,
 * is passed over, and @p says what it was. -EPROTO.
 */
[[nodiscard]] int vmbus_ring_read(
	struct vmbus_ring *r, struct vmbus_packet *p, void *buf, u32 size);
/*
 * The producer may have the room of what was read. 1: it waits for that, and is to be signalled;
 * 0; -EPROTO.
 */
[[nodiscard]] int vmbus_ring_release(struct vmbus_ring *r);
/* Whether the producer signals new packets. Turned on: look once more, what came meanwhile was not signalled. */
void vmbus_ring_want_signals(struct vmbus_ring *r, bool want);
/* Bytes that wait to be read. -EPROTO. */
[[nodiscard]] s64 vmbus_ring_waiting(const struct vmbus_ring *r);

/* ---- for the producer ---- */

struct vmbus_part {
	const void *data;
	u32 len;
};

/* A packet to be written: what belongs to its type, if anything, in whole units of 8 bytes; payload. */
struct vmbus_message {
	u16 type;
	u16 flags;
	u64 transaction;
	struct vmbus_part header;
	struct vmbus_part payload;
};

/*
 * Writes it: 0, or 1: the consumer is to be signalled. -EAGAIN: there is no room now, and the
 * consumer is to signal when there is: then it is tried again. -EMSGSIZE: there never is. -EPROTO.
 */
[[nodiscard]] int vmbus_ring_write(struct vmbus_ring *r, const struct vmbus_message *m);

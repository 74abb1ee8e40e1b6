/* SPDX-License-Identifier: MIT */
/*
 * One NIC's part of `nic test`: frames of test_frame.h are sent, or echoed, and what comes
 * is looked at, byte by byte. The NIC's VP receives and ends frames; the CLI's task
 * does all else, and is woken by console_wake().
 */
#pragma once

#include "rootpart/net/nic.h"
#include "rootpart/net/test_frame.h"

/* What is sent waits for its echo; what is echoed comes as fast as the peer likes. */
#define EXCHANGE_WINDOW 32u
#define EXCHANGE_SLOTS  128u

struct exchange_options {
	u64 count; /* frames to be sent, or to be echoed */
	u64 size_min;
	u64 size_max; /* sizes go from one to the other, again and again */
	u64 pieces;   /* of memory that each lies in */
	u64 cut;      /* TCP: bytes of each segment */
	u64 mtu;      /* 0: as it is */
	bool echo;
	bool json;
	enum test_frame_kind kind;
};

struct exchange;

/* A frame that is sent, or free. */
struct exchange_slot {
	struct nic_frame frame;
	struct nic_segment segments[NIC_SEGMENTS_MAX];
	struct list_node link; /* the exchange's lock */
	u8 *data;
	struct exchange *exchange;
};

struct exchange {
	struct nic_user user;
	struct nic *nic;
	const struct exchange_options *options;
	bool open;
	u8 peer[6];
	u32 order; /* of each slot's block */

	struct spinlock lock; /* the list; interrupts off */
	struct list_node free;
	u32 busy; /* slots; atomic */
	/* The NIC's VP, atomic. */
	u64 good;      /* frames that came as they should be, */
	u64 bad;       /* and those that did not */
	u64 errors;    /* frames that could not be sent */
	u64 dropped;   /* frames that no slot was left for */
	u64 sent;      /* the CLI's task */
	u8 *assembled; /* a frame that came in pieces */
	struct exchange_slot slots[EXCHANGE_SLOTS];
};

/*
 * Opens @n, and tells the peer if this is to echo. -ENOMEM, and those of nic_open() and
 * nic_set_mtu(). @o stays as it is until the end.
 */
[[nodiscard]] int exchange_open(
	struct nic *n, const struct exchange_options *o, struct exchange **out);
/* Waits until no frame is under way. */
void exchange_close(struct exchange *t);
/* Frames that have come, or were to be sent and could not be. */
u64 exchange_came(const struct exchange *t);
bool exchange_is_done(const struct exchange *t);
/* No more are under way than the window, so none is lost in a peer's buffers. */
bool exchange_can_send(const struct exchange *t);
void exchange_send_some(struct exchange *t);

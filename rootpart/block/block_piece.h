/* SPDX-License-Identifier: MIT */
/*
 * Pieces: from the next bytes of a request to the driver, and back. The queue's
 * lock is held.
 */
#pragma once

#include "rootpart/block/block_queue.h"

/* Starts the next piece of @r, on a slot that is free. False: it waits for another's end. */
bool block_piece_start(struct block_queue *q, struct block_request *r);
/* Nothing more of @r begins; what is under way ends it. @error, if it had none before. */
void block_request_stop(struct block_queue *q, struct block_request *r, int error);
/*
 * The driver did not give @slot's memory back: its request ends without it, memory
 * and slot are never used again.
 */
void block_piece_abandon(struct block_queue *q, struct block_slot *slot);

/* Bytes that are in no piece yet. */
static inline u64 block_request_left(const struct block_request *r)
{
	return r->op == BLOCK_FLUSH ? 0 : r->bytes - r->next;
}

/* SPDX-License-Identifier: MIT */
/*
 * The root's end of the SynIC: the message page of each VP, and the pump that
 * hands what comes at SINT 0 on to the owner of the partition it is about.
 * TLFS 6.0b chapter 11.
 */
#pragma once

#include "base/types.h"
#include "hv/message.h"

/*
 * Called for each message in an interrupt of the VP that got it, interrupts
 * off: marks and wakes. @m is the slot itself, until it returns.
 */
typedef void (*synic_handler)(const struct hv_message *m);

/* Who gets the messages from now on; before the first child is made. */
void synic_set_handler(synic_handler handler);
/* Enables the calling VP's SynIC. Panics without memory. */
void synic_init_vp(void);
/* Body of the interrupt at VECTOR_SYNIC. */
void synic_interrupt(void);

/* SPDX-License-Identifier: MIT */
/*
 * The root's end of the SynIC: message and event pages of each VP, and the pumps that hand on what comes: at
 * SINT 0 what the hypervisor says of partitions, to their owner; at SINT 2 what children send and signal
 * themselves. TLFS 6.0b chapter 11.
 */
#pragma once

#include "base/types.h"
#include "hv/message.h"

#define SYNIC_BUS_SINT 2u

/*
 * Called for each message in an interrupt of the VP that got it, interrupts
 * off: marks and wakes. @m is the slot itself, until it returns.
 */
typedef void (*synic_handler)(const struct hv_message *m);

/* What comes at SYNIC_BUS_SINT, in interrupts of the VP that got it. */
struct synic_bus {
	synic_handler message;
	/* Some of the HV_EVENT_FLAGS @flags, which others set meanwhile. */
	void (*events)(u64 *flags);
};

/* Who gets the messages from now on; before the first child is made. */
void synic_set_handler(synic_handler handler);
void synic_set_bus(const struct synic_bus *bus);
/* Enables the calling VP's SynIC. Panics without memory. */
void synic_init_vp(void);
/* Bodies of the interrupts at VECTOR_SYNIC and VECTOR_BUS. */
void synic_interrupt(void);
void synic_bus_interrupt(void);

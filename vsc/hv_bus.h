/* SPDX-License-Identifier: MIT */
/*
 * What the bus needs of the hypervisor, for a guest: on each VP a page of message slots, a page of event flags and
 * SINT 2, by which both interrupt; messages to the host, signals to it. With this file, the bus' client
 * (vmbus/client.h) and the disk's (storvsc.h) a kernel has disks: the example to read for someone who ports
 * another system. It brings its hypercall page, some pages and an interrupt handler. TLFS 6.0b chapter 11.
 *
 * A struct hv_bus_vp is its VP's: all calls are made there, with interrupts off, which are taken only where it
 * waits. There may be one for each VP; the client's messages come to the one that it is connected from.
 */
#pragma once

#include "hv/port.h"
#include "hv/status.h"
#include "vmbus/client.h"

#define HV_BUS_PAGES 3u /* of each VP */

/* The kernel's part. */
struct hv_bus_system {
	/* A hypercall, the page of which is enabled: its result word. */
	u64 (*hypercall)(u64 control, u64 input, u64 output);
	/* Where @p lies in the guest's physical memory. */
	u64 (*gpa)(const void *p);
};

struct hv_bus_vp {
	const struct hv_bus_system *system;
	struct hv_message_page *messages;
	struct hv_event_flags_page *events;
	struct hv_post_message_input *input; /* of HvCallPostMessage */
	bool writes_eoi;                     /* the interrupt does not end by itself */
	u64 busy;                            /* messages that the host had no room for yet */
};

/* Turns it on, with HV_BUS_PAGES zeroed pages at @pages; interrupts come at @vector. */
void hv_bus_start(struct hv_bus_vp *v, const struct hv_bus_system *system, void *pages, u8 vector);
/* The pages are the caller's again; what had come is lost. */
void hv_bus_stop(struct hv_bus_vp *v);
/* For the handler of @vector: all that it has to do, as whoever waits looks for himself. */
void hv_bus_interrupt(const struct hv_bus_vp *v);

/* Once. INVALID_CONNECTION_ID: there is no such connection; INSUFFICIENT_BUFFERS, _MEMORY: later. */
enum hv_status hv_bus_post(
	struct hv_bus_vp *v, u32 connection, u32 type, const void *message, u32 size);
enum hv_status hv_bus_signal(const struct hv_bus_vp *v, u32 connection);
/* The message in the slot, VMBUS_MESSAGE_MAX bytes at most; the next one may come. False: there is none. */
bool hv_bus_take_message(struct hv_bus_vp *v, void *message, u32 *size);
/* The relid of a channel that the host signalled, once for each signal; 0: there is none. */
u32 hv_bus_next_event(struct hv_bus_vp *v);

/*
 * Until some channel was signalled, or any interrupt came; flags are taken, so look at all rings of this VP
 * afterwards. @context is the struct hv_bus_vp, as storvsc.wait() has it.
 */
void hv_bus_wait(void *context);

/*
 * What the client needs, by this VP. A message is posted again, without a pause, while the host has no room for it, or
 * has taken the connection away, as ours does from a guest that sends more than it reads: it is the host's to read
 * them, which it does while its answers are read. For the first contact no connection is an answer: -ENOENT.
 */
void hv_bus_client_host(struct hv_bus_vp *v, struct vmbus_client_host *host);

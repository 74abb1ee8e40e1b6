/* SPDX-License-Identifier: MIT */
/*
 * Ports and connections for test kernels in the root's place: stubs as in
 * child.h, and the root's own end at one SINT, of the calling VP.
 */
#pragma once

#include "hv/port.h"
#include "tests/guest/lib/child_vp.h"

#define PORT_SINT   2u
#define PORT_VECTOR 0x62u

u64 port_create(const struct hv_create_port_input *in);
u64 port_connect(const struct hv_connect_port_input *in);
u64 port_delete(u64 partition, u32 port);
u64 port_disconnect(u64 partition, u32 connection);
/* By the calling partition itself. */
u64 port_post(u32 connection, u32 type, const void *payload, u32 size);
u64 port_signal(u32 connection, u16 flag);
/* To VP 0 of a child. */
u64 port_post_direct(u64 id, u8 sint, const struct hv_message *m);
u64 port_signal_direct(u64 id, u8 sint, u16 flag, u64 *newly);

/*
 * A port @port of @to at PORT_SINT of its VP 0, and a connection of the same number
 * of @from to it; pages for both are deposited. Messages; or 8 event flags from
 * PORT_FLAGS on.
 */
#define PORT_FLAGS 64u
void port_open(u64 to, u64 from, u32 port);
void port_open_events(u64 to, u64 from, u32 port);

/* Turns PORT_SINT on, interrupts counted; messages.h has the SynIC as such. */
void port_receive_init(void);
extern volatile u32 port_interrupts;
extern struct hv_event_flags_page *port_flags;
/* The slot; whoever has read it says so. */
struct hv_message *port_slot(void);
void port_slot_done(void);

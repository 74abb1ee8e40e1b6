/* SPDX-License-Identifier: MIT */
/*
 * What the files of ports share: port.c makes and ends them, port_send.c sends.
 * Nobody else includes it.
 */
#pragma once

#include "hypervisor/port.h"
#include "hypervisor/synic.h"

/* A port's messages: two pages of them. */
#define PAGE_BUFFERS 8u
#define BUFFER_PAGES (HV_PORT_BUFFERS / PAGE_BUFFERS)

struct buffers {
	u32 used; /* bit per message; atomic */
	struct synic_message message[PAGE_BUFFERS];
};

/* An entry of port_space.ports. Constant, but for the list. */
struct port {
	struct id_entry entry;
	struct port_target target;
	u64 connection_partition;
	struct partition *owner;
	struct list_node connections; /* the lock of their partition */
	struct buffers *buffers[BUFFER_PAGES];
};

/* An entry of port_space.connections. */
struct connection {
	struct id_entry entry;
	struct list_node link; /* on its port's list, or on none */
	struct port *port;     /* NULL: it has ended */
};

static_assert(sizeof(struct buffers) <= PAGE_SIZE);
static_assert(sizeof(struct port) <= ID_TABLE_ENTRY);
static_assert(sizeof(struct connection) <= ID_TABLE_ENTRY);

/*
 * The refill() of a port's messages: it is in its slot, or dropped, and free to
 * be posted again. Any processor.
 */
bool port_buffer_give(struct synic_message *m);

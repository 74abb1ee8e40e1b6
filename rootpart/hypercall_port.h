/* SPDX-License-Identifier: MIT */
/*
 * Typed stubs of the hypercalls of ports and connections, and of those that
 * send. Each returns 0 or the negative errno of the status. Any task, and
 * interrupts too. -ENOMEM: the deposit of who owns what is made is short, the
 * root's own (HV_PARTITION_SELF) or the child's; nothing was changed.
 */
#pragma once

#include "base/types.h"
#include "hv/port.h"

/* A port of @owner for connections of partition @from; ids are 24 bits and not 0. */
struct hypercall_port {
	u64 owner; /* HV_PARTITION_SELF or a child */
	u64 from;
	u32 id;
	u8 sint; /* 1 to 15 */
	u32 vp;  /* of the owner, or HV_VP_ANY */
};
/* -EBUSY: there is one of that id. */
[[nodiscard]] int hypercall_create_message_port(const struct hypercall_port *port);
/* For @count event flags from @first on. */
[[nodiscard]] int hypercall_create_event_port(
	const struct hypercall_port *port, u16 first, u16 count);
/* With the messages that wait; connections to it stay, and lead nowhere. -ENOENT. */
[[nodiscard]] int hypercall_delete_port(u64 owner, u32 id);

/* Connection @id of @from to @port, of @type. -EBUSY: there is one of that id. */
[[nodiscard]] int hypercall_connect_port(
	u64 from, u32 id, const struct hypercall_port *port, enum hv_port_type type);
[[nodiscard]] int hypercall_disconnect_port(u64 from, u32 id);

/*
 * Through a connection of the root's own. -EAGAIN: the receiver has not read
 * enough yet; -ENOENT: no connection, no port, or no VP. @size: HV_MESSAGE_PAYLOAD_MAX at most.
 */
[[nodiscard]] int hypercall_post_message(u32 connection, u32 type, const void *payload, u32 size);
/* -ENOTCONN: the receiver's SynIC, page or SINT is off. */
[[nodiscard]] int hypercall_signal_event(u32 connection, u16 flag);

/* To a child's VP, past all ports. -EBUSY: the slot is not free; -ENOTCONN as above. */
[[nodiscard]] int hypercall_post_message_direct(
	u64 id, u32 vp, u8 sint, const struct hv_message *message);
/* *@newly (NULL: unasked): the flag was clear. */
[[nodiscard]] int hypercall_signal_event_direct(u64 id, u32 vp, u8 sint, u16 flag, bool *newly);
/*
 * Asks for a message HV_MESSAGE_SINT_DELIVERABLE at SINT 0 once each of @sints can
 * take a message, in place of those asked for before.
 */
[[nodiscard]] int hypercall_notify_deliverable(u64 id, u32 vp, u16 sints);

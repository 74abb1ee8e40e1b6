/* SPDX-License-Identifier: MIT */
/*
 * Ports and connections. A port belongs to the partition that receives, a
 * connection to the one that sends; both are paid by their owner's deposit and
 * found by their ids in tables of its. Whoever holds a lock here holds it for a
 * bounded time with interrupts off, and none of them is ever taken for good by
 * what a child does. TLFS 6.0b, 11.6 and 11.9 to 11.12.
 *
 * Locks, from the outside in: port.c's own, of all that makes and ends ports and
 * connections, so never of a child's calls; the sender's port_space.lock; the
 * receiver's port_space.vps_lock; a SynIC's.
 */
#pragma once

#include "base/types.h"
#include "hv/port.h"
#include "hv/status.h"
#include "hypervisor/id_table.h"
#include "x86/spinlock.h"

struct partition;
struct vp;

/* What a partition has of them. All zero: nothing. */
struct port_space {
	struct id_table ports;       /* port.c's lock */
	struct id_table connections; /* its lock, and to change it port.c's as well */
	struct spinlock lock;
	/* Held by those who send to a child's VP that they found: it does not end meanwhile. */
	struct spinlock vps_lock;
};

/* Where a port leads. */
struct port_target {
	u8 type; /* HV_PORT_MESSAGE or _EVENT */
	u8 sint;
	u32 vp; /* index, or HV_VP_ANY */
	u16 base_flag;
	u16 flag_count;
};

/* The parent's calls. @owner and @from: manage lock, if they are children. */

/*
 * Makes port @id of @owner, for connections of partition @connection_partition.
 * OBJECT_IN_USE, INSUFFICIENT_MEMORY.
 */
enum hv_status port_create(struct partition *owner, u32 id, const struct port_target *target,
	u64 connection_partition);
/*
 * Ends it, with the messages that wait; its connections stay and lead nowhere.
 * INVALID_PORT_ID.
 */
enum hv_status port_delete(struct partition *owner, u32 id);
/*
 * Makes connection @id of @from, to port @port_id of @owner, which must be of
 * @type. INVALID_PORT_ID; ACCESS_DENIED: the port is for another partition's;
 * INVALID_PARAMETER: of another type; OBJECT_IN_USE, INSUFFICIENT_MEMORY.
 */
enum hv_status port_connect(
	struct partition *from, u32 id, struct partition *owner, u32 port_id, u32 type);
/* INVALID_CONNECTION_ID. */
enum hv_status port_disconnect(struct partition *from, u32 id);
/* Ends one port or connection of @p's, whose end it is; false: there was none. */
[[nodiscard]] bool port_end_one(struct partition *p);
/*
 * @vp is not to be found any more: returns when nobody who sends still has it,
 * and nothing waits for it.
 */
void port_vp_end(struct vp *vp);

/*
 * Sends from partition @from, by a call of its VP that runs here.
 * INVALID_CONNECTION_ID; INVALID_PORT_ID: the port has ended, or is of another
 * type; INVALID_VP_INDEX: nobody is there to receive; and
 */
/* INSUFFICIENT_BUFFERS: all the port's messages wait. */
enum hv_status port_post(struct partition *from, const struct hv_post_message_input *message);
/* INVALID_PARAMETER: the port has no such flag; INVALID_SYNIC_STATE, as synic_signal(). */
enum hv_status port_signal(struct partition *from, u32 connection, u16 flag);

/* SPDX-License-Identifier: MIT */
/*
 * The bus of a machine: the server end of VMBus (vmbus/server.h) for its child, run by a task of its own
 * on one VP of the root. The child's messages come to that VP; signals of channels spread over all, and each
 * channel's packets are taken in work of its VP.
 *
 * What the child does is bounded: if it sends more messages than are taken, its connections are gone until they were,
 * which it hears; and none is taken while it does not read its answers.
 */
#pragma once

#include "base/types.h"
#include "hv/message.h"
#include "lib/list.h"
#include "rootpart/mutex.h"
#include "rootpart/vm/child.h"
#include "rootpart/waitq.h"
#include "vmbus/host.h"
#include "vmbus/server.h"

#define VM_BUS_INBOX 64u

struct vm_bus_channel; /* vm_bus_channel.c's */

/* A device on the bus, of which the bus' task takes care as well. */
struct vm_bus_device {
	/* vm_bus_attend() was called. In the bus' task, lock held. */
	void (*attend)(struct vm_bus_device *d);
	struct list_node link;
};

struct vm_bus {
	struct child *child; /* constant, as what follows */
	u32 vp;              /* of the root: its task's, and the child's messages' */
	struct vmbus_host host;

	struct mutex lock; /* of what follows: the server's */
	struct vmbus_server server;
	struct list_node devices;
	struct vm_bus_channel *channels[VMBUS_CHANNELS_MAX + 1]; /* by relid, those that are open */
	struct list_node outbox;                                 /* messages to the child */
	u32 outbox_count;
	u64 messages_in, messages_out;

	/* The task's VP's, interrupts off. */
	struct hv_message inbox[VM_BUS_INBOX];
	u32 inbox_first, inbox_count;
	bool connected; /* the child may send messages */

	/* Any VP, atomic. */
	bool attend;
	bool deliverable; /* the child's slot may be free */
	bool stop;
	bool ended;
	struct wait_queue wake;
};

/* Boot. */
void vm_bus_init(void);
/* Makes it for @child, which does not run yet. -ENOMEM; others as the hypervisor said; nothing is left then. */
[[nodiscard]] int vm_bus_start(struct vm_bus *b, struct child *child, u32 vp);
/*
 * The child does not run any more. Closes all channels, waits for what is under way, and releases all that was
 * offered.
 */
void vm_bus_stop(struct vm_bus *b);

/* Puts @d's attend() on the list. Lock held, or before the child runs. */
void vm_bus_add(struct vm_bus *b, struct vm_bus_device *d);
/* The task is to look. Any context. */
void vm_bus_attend(struct vm_bus *b);
/* Has signalled() of the channel called soon, if it is open. Lock of a provider's that close() takes, too. */
void vm_bus_again(struct vm_bus *b, const struct vmbus_channel *c);
/* The same, within 100 us. On the channel's VP, as long as it is open. */
void vm_bus_look_later(struct vm_bus *b, const struct vmbus_channel *c);

/* For vm_events.c; in interrupts. A message of the child's, on the bus' VP. */
void vm_bus_message(struct vm_bus *b, const struct hv_message *m);
/* The child's slot may be free. */
void vm_bus_deliverable(struct vm_bus *b);

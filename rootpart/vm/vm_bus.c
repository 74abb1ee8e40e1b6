/* SPDX-License-Identifier: MIT */
/*
 * The task: what the child says goes to the server in order, one message at a time, and what the server and its
 * providers have left to be done is done in between.
 */
#include "rootpart/vm/vm_bus.h"

#include "base/errno.h"
#include "hv/port.h"
#include "lib/string.h"
#include "rootpart/heap.h"
#include "rootpart/hypercall.h"
#include "rootpart/hypercall_port.h"
#include "rootpart/lock.h"
#include "rootpart/synic.h"
#include "rootpart/task.h"
#include "rootpart/vm/deposit.h"
#include "rootpart/vm/vm_bus_impl.h"
#include "x86/atomic.h"

/* Behind so many there is room for one in the slot, and for those in the port's buffers. */
#define INBOX_MANY (VM_BUS_INBOX - HV_PORT_BUFFERS - 1)

/* Of nobody's memory: who wakes may come after the bus has gone. */
static struct wait_queue ends = WAIT_QUEUE_INIT(ends);

/* ---- what the server needs ---- */

static u8 *host_page(void *context, u64 pfn)
{
	const struct vm_bus *b = context;

	return child_page(b->child, pfn);
}

static void host_attend(void *context)
{
	vm_bus_attend(context);
}

static const struct vmbus_host host_calls = {
	.alloc = kzalloc,
	.free = kfree,
	.send = vm_bus_send,
	.page = host_page,
	.connect = vm_bus_connect,
	.disconnect = vm_bus_disconnect,
	.interrupt = vm_bus_interrupt,
	.attend = host_attend,
};

/* ---- messages of the child ---- */

/* Interrupts are off. */
static void disconnect(struct vm_bus *b)
{
	if (!b->connected)
		return;
	b->connected = false;
	(void)hypercall_disconnect_port(b->child->id, VMBUS_CONNECTION_MESSAGE);
	(void)hypercall_disconnect_port(b->child->id, VMBUS_CONNECTION_CONTACT);
}

void vm_bus_message(struct vm_bus *b, const struct hv_message *m)
{
	/* There is room for all that is on its way. */
	if (b->inbox_count == VM_BUS_INBOX)
		return;
	b->inbox[(b->inbox_first + b->inbox_count++) % VM_BUS_INBOX] = *m;
	if (b->inbox_count == INBOX_MANY)
		disconnect(b);
	wait_wake_all(&b->wake);
}

/* The next one; false: there is none. On the task's VP. */
static bool take_message(struct vm_bus *b, struct hv_message *m)
{
	u64 flags = irq_save();
	bool any = b->inbox_count > 0;

	if (any) {
		*m = b->inbox[b->inbox_first];
		b->inbox_first = (b->inbox_first + 1) % VM_BUS_INBOX;
		b->inbox_count--;
	}
	irq_restore(flags);
	return any;
}

void vm_bus_deliverable(struct vm_bus *b)
{
	store_release(&b->deliverable, true);
	wait_wake_all(&b->wake);
}

void vm_bus_attend(struct vm_bus *b)
{
	/* Pairs with the exchange in serve(). */
	store_release(&b->attend, true);
	wait_wake_all(&b->wake);
}

/* ---- the connections ---- */

static struct hypercall_port message_port(const struct vm_bus *b)
{
	/* By its number the message is told from others': see vm_events.c. */
	return (struct hypercall_port){
		.owner = HV_PARTITION_SELF,
		.from = b->child->id,
		.id = (u32)b->child->id,
		.sint = SYNIC_BUS_SINT,
		.vp = b->vp,
	};
}

static int connect_one(const struct vm_bus *b, u32 connection)
{
	const struct hypercall_port port = message_port(b);
	int r;

	do
		r = hypercall_connect_port(b->child->id, connection, &port, HV_PORT_MESSAGE);
	while (deposit_more(b->child->id, r));
	return r;
}

static int connect(struct vm_bus *b)
{
	int r;

	store_relaxed(&b->connected, true);
	r = connect_one(b, VMBUS_CONNECTION_MESSAGE);
	return r == 0 ? connect_one(b, VMBUS_CONNECTION_CONTACT) : r;
}

static int port_open(const struct vm_bus *b)
{
	const struct hypercall_port port = message_port(b);
	int r;

	do
		r = hypercall_create_message_port(&port);
	while (deposit_more(HV_PARTITION_SELF, r));
	return r;
}

static void port_close(struct vm_bus *b)
{
	u64 flags = irq_save();

	disconnect(b);
	irq_restore(flags);
	(void)hypercall_delete_port(HV_PARTITION_SELF, message_port(b).id);
}

/* ---- the task ---- */

static bool is_wanted(struct vm_bus *b)
{
	return load_acquire(&b->attend) || load_acquire(&b->deliverable) ||
	       load_acquire(&b->stop) ||
	       (load_relaxed(&b->inbox_count) > 0 && !vm_bus_is_behind(b));
}

static void attend_all(struct vm_bus *b)
{
	vmbus_server_attend(&b->server);
	list_for_each(l, &b->devices)
	{
		struct vm_bus_device *d = list_entry(l, struct vm_bus_device, link);

		d->attend(d);
	}
}

/* Lock held. */
static void serve(struct vm_bus *b)
{
	struct hv_message m;

	(void)atomic_exchange(&b->deliverable, false);
	if (atomic_exchange(&b->attend, false))
		attend_all(b);
	while (!vm_bus_is_behind(b) && take_message(b, &m)) {
		b->messages_in++;
		vmbus_server_message(&b->server, m.payload, m.header.size);
	}
	vm_bus_deliver(b);
	if (!load_relaxed(&b->connected) && load_relaxed(&b->inbox_count) == 0 &&
		!load_relaxed(&b->stop))
		(void)connect(b);
}

/* Lock held. True: all is closed and released. */
static bool is_over(struct vm_bus *b)
{
	return load_acquire(&b->stop) && vmbus_server_end(&b->server);
}

static void run(void *arg)
{
	struct vm_bus *b = arg;
	bool over = false;

	while (!over) {
		wait_event(&b->wake, is_wanted(b));
		mutex_lock(&b->lock);
		serve(b);
		over = is_over(b);
		mutex_unlock(&b->lock);
		/* What is left to be done then is told by attend, and stop alone is no reason to look again. */
		if (!over && load_relaxed(&b->stop))
			wait_event(&b->wake, load_acquire(&b->attend));
	}
	port_close(b);
	/* Pairs with the acquire in vm_bus_stop(); then it is gone. */
	store_release(&b->ended, true);
	wait_wake_all(&ends);
}

/* ---- its life ---- */

int vm_bus_start(struct vm_bus *b, struct child *child, u32 vp)
{
	int r;

	memset(b, 0, sizeof(*b));
	b->child = child;
	b->vp = vp;
	b->host = host_calls;
	b->host.context = b;
	mutex_init(&b->lock);
	wait_queue_init(&b->wake);
	list_init(&b->devices);
	list_init(&b->outbox);
	vmbus_server_init(&b->server, &b->host, child->vps);
	r = port_open(b);
	if (r == 0) {
		r = connect(b);
		if (r == 0 && task_create_on(vp, "bus", run, b) == NULL)
			r = -ENOMEM;
		if (r != 0)
			port_close(b);
	}
	if (r != 0)
		b->child = NULL;
	return r;
}

void vm_bus_stop(struct vm_bus *b)
{
	if (b->child == NULL)
		return;
	/* Pairs with the acquires of the task, which shuts the port on its VP. */
	store_release(&b->stop, true);
	wait_wake_all(&b->wake);
	wait_event(&ends, load_acquire(&b->ended));
	vm_bus_drop_all(b);
	b->child = NULL;
}

void vm_bus_add(struct vm_bus *b, struct vm_bus_device *d)
{
	list_push_back(&b->devices, &d->link);
}

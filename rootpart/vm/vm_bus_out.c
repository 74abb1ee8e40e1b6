/* SPDX-License-Identifier: MIT */
/*
 * Messages to the child: a queue, of which the first goes into the slot of the VP that the child named. There is
 * one slot; that it is free again comes as a message of the hypervisor's.
 */
#include "base/errno.h"
#include "lib/string.h"
#include "rootpart/heap.h"
#include "rootpart/hypercall_port.h"
#include "rootpart/vm/deposit.h"
#include "rootpart/vm/vm_bus_impl.h"
#include "x86/atomic.h"

/* Above it the child's own messages wait: each has few answers, and all offers are less than a hundred KiB. */
#define OUTBOX_MANY 64u

struct outgoing {
	struct list_node link;
	u32 vp;
	u32 size;
	u8 message[VMBUS_MESSAGE_MAX];
};

void vm_bus_send(void *context, u32 vp, const void *message, u32 size)
{
	struct vm_bus *b = context;
	struct outgoing *o = load_relaxed(&b->stop) ? NULL : kmalloc(sizeof(*o));

	/* Nobody reads them any more, or the root has no memory: the child waits for it in vain. */
	if (o == NULL)
		return;
	list_init(&o->link);
	o->vp = vp;
	o->size = size;
	memcpy(o->message, message, size);
	list_push_back(&b->outbox, &o->link);
	b->outbox_count++;
}

static int post(const struct vm_bus *b, const struct outgoing *o)
{
	struct hv_message m = { .header = { .type = VMBUS_MESSAGE_TYPE,
					.size = (u8)o->size,
					.sender = VMBUS_CONNECTION_MESSAGE } };

	memcpy(m.payload, o->message, o->size);
	return hypercall_post_message_direct(b->child->id, o->vp, VMBUS_SINT, &m);
}

/* Asks to be told; if it cannot, the message stays until something else happens. */
static void ask(const struct vm_bus *b, u32 vp)
{
	int r;

	do
		r = hypercall_notify_deliverable(b->child->id, vp, BIT(VMBUS_SINT));
	while (deposit_more(b->child->id, r));
}

void vm_bus_deliver(struct vm_bus *b)
{
	while (!list_empty(&b->outbox)) {
		struct outgoing *o = list_entry(b->outbox.next, struct outgoing, link);
		int r = post(b, o);

		if (r == -EBUSY || r == -ENOTCONN) {
			ask(b, o->vp);
			return;
		}
		list_remove(&o->link);
		b->outbox_count--;
		b->messages_out += r == 0;
		kfree(o);
	}
}

bool vm_bus_is_behind(const struct vm_bus *b)
{
	return b->outbox_count > OUTBOX_MANY;
}

void vm_bus_drop_all(struct vm_bus *b)
{
	struct list_node *n;

	while ((n = list_pop_front(&b->outbox)) != NULL)
		kfree(list_entry(n, struct outgoing, link));
	b->outbox_count = 0;
}

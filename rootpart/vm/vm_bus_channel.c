/* SPDX-License-Identifier: MIT */
/*
 * Channels that are open: each has a signal, and work on the signal's VP in which its provider takes packets. Where
 * providers come back by themselves, a timer for all channels of a VP sees to it that none waits long.
 */
#include "base/errno.h"
#include "rootpart/cpu.h"
#include "rootpart/heap.h"
#include "rootpart/hypercall_port.h"
#include "rootpart/lock.h"
#include "rootpart/time.h"
#include "rootpart/timer.h"
#include "rootpart/vm/vm_bus_impl.h"
#include "rootpart/vm/vm_signal.h"
#include "rootpart/work.h"
#include "x86/atomic.h"

#define LATER_NS (100 * NS_PER_US)

struct vm_bus_channel {
	struct vm_signal signal;
	struct work work;
	struct vmbus_channel *channel;
	struct list_node later; /* its VP's list, under that lock */
};

/* Of a VP, which alone starts its timer. */
static struct later {
	struct spinlock lock;
	struct list_node channels;
	struct timer timer;
} laters[HV_MAX_PROCESSORS];

static void run(struct work *w)
{
	vmbus_server_signalled(container_of(w, struct vm_bus_channel, work)->channel);
}

static void ask(struct vm_bus_channel *c)
{
	work_ask_on(&c->work, c->signal.vp);
}

static void raised(struct vm_signal *s)
{
	ask(container_of(s, struct vm_bus_channel, signal));
}

static void later_fire(struct timer *t)
{
	struct later *l = container_of(t, struct later, timer);
	u64 flags = lock_irq(&l->lock);
	struct list_node *n;

	while ((n = list_pop_front(&l->channels)) != NULL)
		ask(list_entry(n, struct vm_bus_channel, later));
	unlock_irq(&l->lock, flags);
}

void vm_bus_init(void)
{
	for (u32 vp = 0; vp < HV_MAX_PROCESSORS; vp++) {
		list_init(&laters[vp].channels);
		timer_init(&laters[vp].timer, later_fire);
	}
}

/* One that is on the list already is early enough; and so is a timer that runs. */
void vm_bus_look_later(struct vm_bus *b, const struct vmbus_channel *channel)
{
	struct vm_bus_channel *c = b->channels[channel->relid];
	struct later *l = &laters[c->signal.vp];
	u64 flags = lock_irq(&l->lock);

	if (list_empty(&c->later))
		list_push_back(&l->channels, &c->later);
	if (!l->timer.armed)
		timer_start(&l->timer, time_ns() + LATER_NS);
	unlock_irq(&l->lock, flags);
}

static void forget_later(struct vm_bus_channel *c)
{
	struct later *l = &laters[c->signal.vp];
	u64 flags = lock_irq(&l->lock);

	list_remove(&c->later);
	unlock_irq(&l->lock, flags);
}

/* They spread over the root's VPs. */
int vm_bus_connect(void *context, u32 connection, u32 relid)
{
	struct vm_bus *b = context;
	struct vm_bus_channel *c = kzalloc(sizeof(*c));
	int r;

	if (c == NULL)
		return -ENOMEM;
	c->signal.raised = raised;
	c->channel = vmbus_server_find(&b->server, relid);
	list_init(&c->later);
	work_init(&c->work, run);
	r = vm_signal_open(&c->signal, b->child->id, connection, (b->vp + relid) % cpu_count);
	if (r != 0) {
		kfree(c);
		return r;
	}
	/* Pairs with the acquire in vm_bus_again(). */
	store_release(&b->channels[relid], c);
	return 0;
}

/* Afterwards its packets are nobody's. */
void vm_bus_disconnect(void *context, u32 connection, u32 relid)
{
	struct vm_bus *b = context;
	struct vm_bus_channel *c = b->channels[relid];

	(void)connection;
	vm_signal_close(&c->signal);
	store_release(&b->channels[relid], NULL);
	forget_later(c);
	work_drain(&c->work);
	kfree(c);
}

void vm_bus_again(struct vm_bus *b, const struct vmbus_channel *channel)
{
	struct vm_bus_channel *c = load_acquire(&b->channels[channel->relid]);

	if (c != NULL)
		ask(c);
}

void vm_bus_interrupt(void *context, u32 vp, u32 relid)
{
	const struct vm_bus *b = context;

	/* A VP that takes none has its SynIC off, and looks when it turns it on. */
	(void)hypercall_signal_event_direct(b->child->id, vp, VMBUS_SINT, (u16)relid, NULL);
}

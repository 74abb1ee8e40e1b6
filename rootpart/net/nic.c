/* SPDX-License-Identifier: MIT */
/*
 * Registry of network interfaces, who uses each, and what comes in. NICs are
 * registered at boot and stay for ever. Sending is in nic_send.c.
 */
#include "rootpart/net/nic.h"

#include "base/errno.h"
#include "lib/format.h"
#include "lib/string.h"
#include "rootpart/lock.h"
#include "rootpart/log.h"
#include "rootpart/net/nic_impl.h"
#include "rootpart/task.h"
#include "x86/atomic.h"

#define MTU_DEFAULT 1500u
#define MTU_MIN     68u /* RFC 791 */

static struct spinlock registry_lock; /* to add; links are release-stored */
static struct list_node nics = LIST_INIT(nics);
static u32 count;

static void add(struct nic *n)
{
	u64 flags = lock_irq(&registry_lock);

	(void)format(n->name, sizeof(n->name), "nic%u", count++);
	n->link.next = &nics;
	n->link.prev = nics.prev;
	/* Pairs with the acquire in nic_next(). */
	store_release(&nics.prev->next, &n->link);
	nics.prev = &n->link;
	unlock_irq(&registry_lock, flags);
}

void nic_register(struct nic *n)
{
	n->mtu = MIN(MTU_DEFAULT, n->max_mtu);
	n->lock = (struct spinlock){ 0 };
	list_init(&n->waiting);
	list_init(&n->refused);
	wait_queue_init(&n->wake);
	mutex_init(&n->control);
	add(n);
	if (nic_watch_start(n) != 0) {
		n->offline = true;
		log_printf("nic: %s: off line: no memory for its task", n->name);
	}
}

struct nic *nic_next(const struct nic *n)
{
	/* Pairs with the release in add(). */
	struct list_node *next = load_acquire(n != NULL ? &n->link.next : &nics.next);

	return next != &nics ? list_entry(next, struct nic, link) : NULL;
}

struct nic *nic_find(const char *name)
{
	struct nic *n = nic_next(NULL);

	while (n != NULL && strcmp(n->name, name) != 0)
		n = nic_next(n);
	return n;
}

int nic_open(struct nic *n, struct nic_user *u)
{
	struct nic_user *nobody = NULL;

	if (load_relaxed(&n->offline))
		return -ENODEV;
	return atomic_compare_exchange(&n->user, &nobody, u) ? 0 : -EBUSY;
}

void nic_close(struct nic *n)
{
	/* Pairs with the exchange in user_begin(): one of both sees the other. */
	(void)atomic_exchange(&n->user, NULL);
	while (load_acquire(&n->receiving))
		task_yield();
	(void)nic_filter(n, false, false);
}

int nic_filter(struct nic *n, bool promiscuous, bool all_multicast)
{
	int error;

	mutex_lock(&n->control);
	error = n->offline ? -ENODEV : n->ops->filter(n, promiscuous, all_multicast);
	mutex_unlock(&n->control);
	return error;
}

int nic_set_mtu(struct nic *n, u32 mtu)
{
	int error;

	if (mtu < MTU_MIN || mtu > n->max_mtu)
		return -EINVAL;
	mutex_lock(&n->control);
	error = n->offline ? -ENODEV : n->ops->set_mtu(n, mtu);
	if (error == 0)
		store_relaxed(&n->mtu, mtu);
	mutex_unlock(&n->control);
	return error;
}

static struct nic_user *user_begin(struct nic *n)
{
	/* Pairs with the exchange in nic_close(). */
	(void)atomic_exchange(&n->receiving, true);
	return load_relaxed(&n->user);
}

static void user_end(struct nic *n)
{
	/* Pairs with the acquire in nic_close(). */
	store_release(&n->receiving, false);
}

void nic_receive(struct nic *n, const struct nic_received *f)
{
	struct nic_user *u = user_begin(n);

	n->stats.received++;
	n->stats.received_bytes += f->bytes;
	if (u != NULL && !load_relaxed(&n->offline))
		u->receive(u, f);
	else
		n->stats.receive_dropped++;
	user_end(n);
}

static void log_link(const struct nic *n, bool up, u32 mbit)
{
	if (up)
		log_printf("nic: %s: link up, %u Mbit/s", n->name, mbit);
	else
		log_printf("nic: %s: link down", n->name);
}

static void tell_user(struct nic *n, bool up)
{
	struct nic_user *u = user_begin(n);

	if (u != NULL && u->link != NULL)
		u->link(u, up);
	user_end(n);
}

void nic_link(struct nic *n, bool up, u32 mbit)
{
	u64 flags = lock_irq(&n->lock);
	bool changed;

	up = up && !n->offline;
	changed = n->link_up != up;
	store_relaxed(&n->link_mbit, up ? mbit : 0);
	store_relaxed(&n->link_up, up);
	if (!up)
		nic_refuse_waiting(n, -ENETDOWN);
	unlock_irq(&n->lock, flags);
	if (!changed)
		return;
	log_link(n, up, mbit);
	tell_user(n, up);
}

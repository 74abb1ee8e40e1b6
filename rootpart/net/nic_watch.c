/* SPDX-License-Identifier: MIT */
/*
 * Each NIC's task, on its VP: ends frames that were refused, looks whether sending
 * ends, and recovers the device. Whoever sends wakes it only if it does not look
 * already, so traffic costs one wake-up per look, and silence none.
 */
#include "base/errno.h"
#include "rootpart/lock.h"
#include "rootpart/log.h"
#include "rootpart/net/nic_impl.h"
#include "rootpart/task.h"
#include "rootpart/time.h"
#include "x86/atomic.h"

void nic_watch_taken(struct nic *n)
{
	if (n->watched)
		return;
	store_relaxed(&n->watched, true);
	wait_wake_all(&n->wake);
}

void nic_ask_recover(struct nic *n, const char *why)
{
	/* Pairs with the exchange in recover(). */
	store_release(&n->broken, why);
	wait_wake_all(&n->wake);
}

static struct nic_frame *take_refused(struct nic *n)
{
	u64 flags = lock_irq(&n->lock);
	struct list_node *node = list_pop_front(&n->refused);

	unlock_irq(&n->lock, flags);
	return node != NULL ? list_entry(node, struct nic_frame, link) : NULL;
}

static void end_refused(struct nic *n)
{
	struct nic_frame *f;

	while ((f = take_refused(n)) != NULL) {
		n->stats.send_errors++;
		f->done(f);
	}
}

static void look(struct nic *n)
{
	u64 flags = lock_irq(&n->lock);
	bool idle = n->offline || n->taken == load_relaxed(&n->ended);

	if (idle)
		store_relaxed(&n->watched, false);
	else if (n->look_at != TIME_NEVER && load_relaxed(&n->ended) == n->looked)
		store_relaxed(&n->broken, "sending does not end");
	unlock_irq(&n->lock, flags);
	n->looked = load_relaxed(&n->ended);
	n->look_at = idle ? TIME_NEVER : time_ns() + NIC_SEND_LIMIT_NS;
}

static void set_stopped(struct nic *n, bool stopped)
{
	u64 flags = lock_irq(&n->lock);

	n->stopped = stopped;
	nic_pump(n);
	unlock_irq(&n->lock, flags);
}

static void go_offline(struct nic *n)
{
	u64 flags = lock_irq(&n->lock);

	store_relaxed(&n->offline, true);
	nic_refuse_waiting(n, -ENETDOWN);
	unlock_irq(&n->lock, flags);
	nic_link(n, false, 0);
	log_printf("nic: %s: off line", n->name);
}

/* Resets that follow each other closely do not help. */
static bool hopeless(struct nic *n)
{
	u64 now = time_ns();

	n->resets = n->resets > 0 && now - n->reset_at < NIC_SOON_NS ? n->resets + 1 : 1;
	n->reset_at = now;
	return n->resets >= NIC_RESETS_MAX;
}

static void recover(struct nic *n)
{
	const char *why = atomic_exchange(&n->broken, NULL);
	bool last = hopeless(n);
	int error;

	mutex_lock(&n->control);
	set_stopped(n, true);
	n->stats.resets++;
	log_printf("nic: %s: %s: reset", n->name, why);
	error = n->ops->recover(n);
	if (error != 0 || last)
		go_offline(n);
	else
		set_stopped(n, false);
	mutex_unlock(&n->control);
	n->look_at = TIME_NEVER;
}

static bool asked(struct nic *n)
{
	return !list_empty(&n->refused) || (load_acquire(&n->broken) != NULL && !n->offline);
}

static void nic_task(void *arg)
{
	struct nic *n = arg;

	for (;;) {
		(void)wait_event_until(&n->wake,
			asked(n) || (n->look_at == TIME_NEVER && load_relaxed(&n->watched)),
			n->look_at);
		end_refused(n);
		if (load_relaxed(&n->watched) &&
			(n->look_at == TIME_NEVER || time_ns() >= n->look_at))
			look(n);
		if (load_acquire(&n->broken) != NULL && !n->offline)
			recover(n);
	}
}

int nic_watch_start(struct nic *n)
{
	n->look_at = TIME_NEVER;
	return task_create_on(n->vp, n->name, nic_task, n) != NULL ? 0 : -ENOMEM;
}

/* SPDX-License-Identifier: MIT */
/*
 * Frames that go out: checked, given to the driver in order, waiting while it has no
 * room. What cannot be sent is ended by the NIC's task, since done() is never called
 * inside nic_send(), and on the NIC's VP only.
 */
#include "base/errno.h"
#include "rootpart/lock.h"
#include "rootpart/net/nic_impl.h"
#include "x86/atomic.h"

#define CSUM_SIZE 2u
#define TCP_MIN   20u

/* Segments that are not empty, and are @f->bytes in all. */
static bool segments_are_valid(const struct nic_frame *f)
{
	u64 sum = 0;

	if (f->segment_count == 0 || f->segment_count > NIC_SEGMENTS_MAX)
		return false;
	for (u32 i = 0; i < f->segment_count; i++) {
		if (f->segments[i].len == 0)
			return false;
		sum += f->segments[i].len;
	}
	return sum == f->bytes;
}

static bool checksum_is_valid(const struct nic_frame *f)
{
	const struct nic_offload *o = &f->offload;

	return o->csum_start >= NIC_HEADER &&
	       (u32)o->csum_start + o->csum_offset + CSUM_SIZE <= f->bytes;
}

/* A device that cuts the frame works with these offsets. */
static bool cutting_is_valid(const struct nic *n, const struct nic_frame *f)
{
	const struct nic_offload *o = &f->offload;

	return (o->ipv6 ? n->can_segment_ipv6 : n->can_segment) && o->checksum &&
	       o->ip_start >= NIC_HEADER && o->ip_start < o->csum_start &&
	       (u32)o->csum_start + TCP_MIN <= o->header_size && o->header_size < f->bytes &&
	       (n->max_csum == 0 || o->header_size <= n->max_csum);
}

static int frame_error(const struct nic *n, const struct nic_frame *f)
{
	const struct nic_offload *o = &f->offload;
	u32 max = load_relaxed(&n->mtu) + NIC_HEADER + NIC_TAG;

	if (f->bytes < NIC_HEADER || !segments_are_valid(f))
		return -EINVAL;
	if (o->checksum && !checksum_is_valid(f))
		return -EINVAL;
	if (o->segment_size == 0)
		return f->bytes > max ? -EMSGSIZE : 0;
	if (!cutting_is_valid(n, f))
		return -EINVAL;
	return f->bytes > NIC_TSO_MAX || (u32)o->header_size + o->segment_size > max ? -EMSGSIZE
										     : 0;
}

static bool take(struct nic *n, struct nic_frame *f)
{
	if (!n->ops->send(n, f))
		return false;
	n->taken++;
	nic_watch_taken(n);
	return true;
}

static void kick(struct nic *n)
{
	if (n->ops->kick != NULL)
		n->ops->kick(n);
}

void nic_pump(struct nic *n)
{
	bool some = false;

	if (n->stopped)
		return;
	while (!list_empty(&n->waiting)) {
		struct nic_frame *f = list_entry(n->waiting.next, struct nic_frame, link);

		/* Its link is the driver's as soon as that takes it. */
		list_remove(&f->link);
		if (!take(n, f)) {
			list_push_front(&n->waiting, &f->link);
			break;
		}
		some = true;
	}
	if (some)
		kick(n);
}

void nic_refuse(struct nic *n, struct nic_frame *f, int error)
{
	f->error = error;
	list_push_back(&n->refused, &f->link);
	wait_wake_all(&n->wake);
}

void nic_refuse_waiting(struct nic *n, int error)
{
	struct list_node *node;

	while ((node = list_pop_front(&n->waiting)) != NULL)
		nic_refuse(n, list_entry(node, struct nic_frame, link), error);
}

/* The send lock is held. */
static void send_or_wait(struct nic *n, struct nic_frame *f)
{
	if (n->stopped || !list_empty(&n->waiting) || !take(n, f))
		list_push_back(&n->waiting, &f->link);
	else
		kick(n);
}

void nic_send(struct nic *n, struct nic_frame *f)
{
	int error = frame_error(n, f);
	struct nic_frame *sent = f;
	u64 flags;

	if (error == 0 && nic_needs_bounce(n, f)) {
		sent = nic_bounce(n, f);
		if (sent == NULL) {
			sent = f;
			error = -ENOMEM;
		}
	}
	flags = lock_irq(&n->lock);
	if (error == 0 && (n->offline || !n->link_up))
		error = -ENETDOWN;
	if (error != 0)
		nic_refuse(n, sent, error);
	else
		send_or_wait(n, sent);
	unlock_irq(&n->lock, flags);
}

static void count(struct nic *n, const struct nic_frame *f, int error)
{
	if (error != 0) {
		n->stats.send_errors++;
		return;
	}
	n->stats.sent++;
	n->stats.sent_bytes += f->bytes;
}

void nic_sent(struct nic *n, struct nic_frame *f, int error)
{
	u64 flags;

	count(n, f, error);
	store_relaxed(&n->ended, n->ended + 1);
	f->error = error;
	f->done(f);
	flags = lock_irq(&n->lock);
	nic_pump(n);
	unlock_irq(&n->lock, flags);
}

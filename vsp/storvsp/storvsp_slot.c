/* SPDX-License-Identifier: MIT */
/*
 * Slots of a channel, and their answers. A slot is free, under way, or waits with its answer for room in the ring;
 * when the channel is being closed an answer for which there is no room is dropped: nobody reads it.
 */
#include "base/errno.h"
#include "vsp/storvsp/storvsp_impl.h"

static u64 lock(struct storvsp_channel *ch)
{
	return ch->s->host->lock(ch->s->host->context, &ch->c);
}

static void unlock(struct storvsp_channel *ch, u64 state)
{
	ch->s->host->unlock(ch->s->host->context, &ch->c, state);
}

struct storvsp_slot *storvsp_slot_take(struct storvsp_channel *ch)
{
	u64 state = lock(ch);
	/* Once it is being closed, what ends is waited for, and nothing begins. */
	struct list_node *l = ch->closing ? NULL : list_pop_front(&ch->free);

	if (l != NULL)
		ch->under_way++;
	else
		ch->stalled = true;
	unlock(ch, state);
	return l != NULL ? list_entry(l, struct storvsp_slot, link) : NULL;
}

struct vsp_segment *storvsp_slot_segments(struct storvsp_slot *slot, u32 count)
{
	struct storvsp_channel *ch = slot->channel;
	struct list_node *l;
	u64 state;

	if (count <= STORVSP_FEW)
		return slot->few;
	state = lock(ch);
	l = list_pop_front(&ch->free_lists);
	if (l == NULL)
		ch->stalled = true;
	unlock(ch, state);
	if (l == NULL)
		return NULL;
	slot->list = list_entry(l, struct storvsp_list, link);
	return slot->list->segments;
}

bool storvsp_is_alone(struct storvsp_slot *slot)
{
	struct storvsp_channel *ch = slot->channel;
	u64 state = lock(ch);
	bool alone = ch->under_way == 1;

	ch->stalled = ch->stalled || !alone;
	unlock(ch, state);
	return alone;
}

/* Lock held. Whether nothing is under way on a channel that is to be closed. */
static bool is_over(const struct storvsp_channel *ch)
{
	return ch->closing && ch->under_way == 0;
}

/* Lock held. True: with it the channel is over. */
static bool free_slot(struct storvsp_channel *ch, struct storvsp_slot *slot)
{
	if (slot->list != NULL)
		list_push_front(&ch->free_lists, &slot->list->link);
	slot->list = NULL;
	list_push_front(&ch->free, &slot->link);
	if (ch->stalled && !ch->closing)
		ch->s->host->again(ch->s->host->context, &ch->c);
	ch->stalled = false;
	ch->under_way--;
	return is_over(ch);
}

/* Lock held. The place that looks by itself has reason to. */
static void look(struct storvsp_channel *ch)
{
	if (ch->looks && !ch->closing)
		ch->s->host->again(ch->s->host->context, &ch->c);
	ch->looks = false;
}

/* Lock held. */
static void wait_for_room(struct storvsp_slot *slot)
{
	list_push_back(&slot->channel->answers, &slot->link);
	slot->channel->waiting++;
}

/* Lock held. The first one that waits. */
static struct storvsp_slot *next_waiting(struct storvsp_channel *ch)
{
	struct list_node *l = list_pop_front(&ch->answers);

	ch->waiting -= l != NULL;
	return l != NULL ? list_entry(l, struct storvsp_slot, link) : NULL;
}

void storvsp_slot_give_back(struct storvsp_slot *slot)
{
	struct storvsp_channel *ch = slot->channel;
	u64 state = lock(ch);
	bool stalled = ch->stalled, last;

	/* Who gives back waits itself. */
	ch->stalled = false;
	last = free_slot(ch, slot);
	ch->stalled = stalled;
	unlock(ch, state);
	if (last)
		vmbus_channel_closed(&ch->c);
}

static int write(
	struct storvsp_channel *ch, u16 type, u64 transaction, const struct vstor_packet *p)
{
	const struct vmbus_message m = {
		.type = type, .transaction = transaction, .payload = { p, sizeof(*p) }
	};

	return vmbus_channel_write(&ch->c, &m);
}

/* Lock held. False: there is no room. A broken ring takes everything. */
static bool send_answer(struct storvsp_channel *ch, const struct storvsp_slot *slot)
{
	return write(ch, VMBUS_PACKET_COMPLETION, slot->transaction, &slot->answer) != -EAGAIN ||
	       ch->closing;
}

/* Lock held. */
static void send_look_again(struct storvsp_channel *ch)
{
	const struct vstor_packet p = { .operation = VSTOR_ENUMERATE_BUS };

	if (ch->look_again && !ch->closing)
		ch->look_again = write(ch, VMBUS_PACKET_INBAND, 0, &p) == -EAGAIN;
}

void storvsp_answer(struct storvsp_slot *slot)
{
	struct storvsp_channel *ch = slot->channel;
	bool last = false;
	u64 state;

	slot->answer.operation = VSTOR_COMPLETE_IO;
	state = lock(ch);
	/* In order: who waits goes first. */
	if (list_empty(&ch->answers) && send_answer(ch, slot))
		last = free_slot(ch, slot);
	else
		wait_for_room(slot);
	look(ch);
	/* With the lock: without it the channel may be gone. */
	if (ch->under_way == ch->waiting)
		vmbus_channel_rests(&ch->c);
	unlock(ch, state);
	if (last)
		vmbus_channel_closed(&ch->c);
}

/* Lock held. True: with the last one the channel is over. */
static bool send_waiting(struct storvsp_channel *ch)
{
	bool last = false;

	while (!list_empty(&ch->answers)) {
		struct storvsp_slot *slot = list_entry(ch->answers.next, struct storvsp_slot, link);

		if (!send_answer(ch, slot))
			return false;
		last = free_slot(ch, next_waiting(ch));
	}
	send_look_again(ch);
	return last;
}

void storvsp_send_waiting(struct storvsp_channel *ch)
{
	u64 state = lock(ch);
	bool last = send_waiting(ch);

	unlock(ch, state);
	if (last)
		vmbus_channel_closed(&ch->c);
}

void storvsp_begin_anew(struct storvsp_channel *ch)
{
	u64 state = lock(ch);
	struct storvsp_slot *slot;

	ch->has_packet = false;
	ch->stalled = false;
	ch->looks = false;
	ch->look_again = false;
	ch->closing = false;
	/* Of a state that turned out to make no sense. */
	while ((slot = next_waiting(ch)) != NULL)
		(void)free_slot(ch, slot);
	unlock(ch, state);
}

bool storvsp_is_idle(struct storvsp_channel *ch)
{
	u64 state = lock(ch);
	bool idle = ch->under_way == ch->waiting;

	unlock(ch, state);
	return idle;
}

void storvsp_slot_wait(struct storvsp_slot *slot)
{
	u64 state = lock(slot->channel);

	wait_for_room(slot);
	unlock(slot->channel, state);
}

void storvsp_begin_close(struct storvsp_channel *ch)
{
	u64 state = lock(ch);
	bool over;

	ch->closing = true;
	(void)send_waiting(ch);
	over = is_over(ch);
	unlock(ch, state);
	if (over)
		vmbus_channel_closed(&ch->c);
}

bool storvsp_is_busy(struct storvsp_channel *ch)
{
	const struct storvsp_host *host = ch->s->host;
	u64 state = lock(ch);
	bool busy = host->look_later != NULL && !ch->closing &&
		    ch->under_way - ch->waiting >= STORVSP_BUSY;

	ch->looks = busy;
	unlock(ch, state);
	if (busy)
		host->look_later(host->context, &ch->c);
	return busy;
}

void storvsp_ask_again(struct storvsp_channel *ch)
{
	u64 state = lock(ch);

	if (!ch->closing)
		ch->s->host->again(ch->s->host->context, &ch->c);
	unlock(ch, state);
}

void storvsp_look_again(struct storvsp_channel *ch)
{
	u64 state = lock(ch);

	ch->look_again = true;
	if (list_empty(&ch->answers))
		send_look_again(ch);
	unlock(ch, state);
}

/* SPDX-License-Identifier: MIT */
/*
 * All here runs when nothing else of the channel does: its place is shut out, and no request is under way. A packet is
 * saved as it was read and looked at again from its beginning, so that it is checked as when it came from the ring.
 */
#include "vsp/storvsp/storvsp_state.h"

#include "vsp/storvsp/storvsp_impl.h"
#include "x86/atomic.h"

static struct storvsp_channel *channel_of(struct vmbus_channel *c)
{
	return container_of(c, struct storvsp_channel, c);
}

static bool is_idle(struct vmbus_channel *c)
{
	return storvsp_is_idle(channel_of(c));
}

static void start(struct vmbus_channel *c)
{
	struct storvsp_channel *ch = channel_of(c);
	struct storvsp *s = ch->s;
	u32 wanted = load_relaxed(&s->wanted);

	storvsp_ask_again(ch);
	/* Whoever was asked may be no more. */
	if (ch->index == 0 && wanted != 0)
		s->host->want_channels(s->host->context, s, wanted);
}

/* ---- saving ---- */

static void save_packet(const struct storvsp_channel *ch, struct vmbus_state_writer *w)
{
	const struct vmbus_packet *p = &ch->packet;
	const struct storvsp_saved_packet saved = { p->type, p->flags, p->header, p->length,
		p->transaction };

	vmbus_state_put(w, &saved, sizeof(saved));
	vmbus_state_put(w, ch->packet_bytes, p->length);
}

static void save_answers(const struct storvsp_channel *ch, struct vmbus_state_writer *w)
{
	list_for_each(l, &ch->answers)
	{
		const struct storvsp_slot *slot = list_entry(l, struct storvsp_slot, link);
		const struct storvsp_saved_answer saved = { slot->transaction, slot->answer };

		vmbus_state_put(w, &saved, sizeof(saved));
	}
}

/* How many there are; w NULL: puts none. */
static u32 save_luns(const struct storvsp *s, struct vmbus_state_writer *w)
{
	u32 count = 0;

	for (u32 i = 0; i < STORVSP_LUNS; i++) {
		const struct vsp_disk *d = load_relaxed(&s->luns[i]);
		struct storvsp_saved_lun saved = { .lun = i };

		if (d == NULL)
			continue;
		count++;
		saved.sector_size = d->sector_size;
		saved.sectors = d->sectors;
		saved.read_only = d->read_only;
		memcpy(saved.id, d->id, sizeof(saved.id));
		if (w != NULL)
			vmbus_state_put(w, &saved, sizeof(saved));
	}
	return count;
}

static void save_controller(const struct storvsp *s, struct vmbus_state_writer *w)
{
	struct storvsp_saved_controller saved = { .step = load_relaxed(&s->step),
		.wanted = load_relaxed(&s->wanted),
		.luns = save_luns(s, NULL) };

	for (u32 i = 1; i < STORVSP_CHANNELS_MAX; i++)
		saved.channels |= s->channels[i] != NULL ? 1u << i : 0;
	vmbus_state_put(w, &saved, sizeof(saved));
	(void)save_luns(s, w);
}

static void save(struct vmbus_channel *c, struct vmbus_state_writer *w)
{
	const struct storvsp_channel *ch = channel_of(c);
	struct storvsp_saved_channel saved = { .format = STORVSP_STATE_FORMAT };

	/* A closed one may remember what was left when it was closed. */
	if (c->state == VMBUS_CHANNEL_OPEN) {
		saved.look_again = ch->look_again;
		saved.has_packet = ch->has_packet;
		saved.answers = ch->waiting;
	}
	vmbus_state_put(w, &saved, sizeof(saved));
	if (saved.has_packet)
		save_packet(ch, w);
	if (saved.answers > 0)
		save_answers(ch, w);
	if (ch->index == 0)
		save_controller(ch->s, w);
}

/* ---- loading ---- */

/* As vmbus_channel_read() gives them. */
static bool packet_is_possible(const struct storvsp_saved_packet *p)
{
	if (p->header == 0 && p->length == 0)
		return true;
	return p->header >= sizeof(struct vmbus_descriptor) && p->header <= p->length &&
	       p->length <= STORVSP_PACKET_MAX && p->header % 8 == 0 && p->length % 8 == 0;
}

static int load_packet(struct storvsp_channel *ch, struct vmbus_state_reader *r)
{
	struct storvsp_saved_packet saved;

	if (vmbus_state_get(r, &saved, sizeof(saved)) != 0 || !packet_is_possible(&saved) ||
		vmbus_state_get(r, ch->packet_bytes, saved.length) != 0)
		return -EINVAL;
	ch->packet = (struct vmbus_packet){ .type = saved.type,
		.flags = saved.flags,
		.transaction = saved.transaction,
		.header = saved.header,
		.length = saved.length };
	ch->has_packet = true;
	return 0;
}

static int load_answer(struct storvsp_channel *ch, struct vmbus_state_reader *r)
{
	struct storvsp_saved_answer saved;
	struct storvsp_slot *slot;

	if (vmbus_state_get(r, &saved, sizeof(saved)) != 0)
		return -EINVAL;
	slot = storvsp_slot_take(ch);
	if (slot == NULL)
		return -EINVAL;
	slot->transaction = saved.transaction;
	slot->answer = saved.packet;
	storvsp_slot_wait(slot);
	return 0;
}

/* -ENODEV: it is not what is here. */
static int load_lun(const struct storvsp *s, struct vmbus_state_reader *r, u32 *next)
{
	struct storvsp_saved_lun saved;
	const struct vsp_disk *d;

	if (vmbus_state_get(r, &saved, sizeof(saved)) != 0 || saved.lun < *next ||
		saved.lun >= STORVSP_LUNS || saved.read_only > 1)
		return -EINVAL;
	*next = saved.lun + 1;
	d = load_relaxed(&s->luns[saved.lun]);
	if (d == NULL || d->sector_size != saved.sector_size || d->sectors != saved.sectors ||
		d->read_only != saved.read_only || memcmp(d->id, saved.id, sizeof(saved.id)) != 0)
		return -ENODEV;
	return 0;
}

static int load_luns(const struct storvsp *s, struct vmbus_state_reader *r, u32 count)
{
	u32 next = 0;
	int error = 0;

	for (u32 i = 0; error == 0 && i < count; i++)
		error = load_lun(s, r, &next);
	if (error != 0)
		return error;
	return count == save_luns(s, NULL) ? 0 : -ENODEV;
}

/* Those that the guest was offered: the server gives them their numbers when they come. */
static int load_subchannels(struct storvsp *s, u32 channels)
{
	for (u32 i = 1; i <= s->max_subchannels; i++) {
		int error =
			channels >> i & 1 ? storvsp_offer(s, i, &s->channels[0]->c.instance) : 0;

		if (error != 0)
			return error;
	}
	return 0;
}

static int load_controller(struct storvsp *s, struct vmbus_state_reader *r)
{
	struct storvsp_saved_controller saved;
	int error;

	if (vmbus_state_get(r, &saved, sizeof(saved)) != 0 || saved.step > STORVSP_READY ||
		saved.wanted > s->max_subchannels || saved.channels & 1 ||
		saved.channels >> s->max_subchannels >> 1 != 0)
		return -EINVAL;
	error = load_luns(s, r, saved.luns);
	if (error != 0)
		return error;
	store_relaxed(&s->step, (enum storvsp_step)saved.step);
	store_relaxed(&s->wanted, saved.wanted);
	return load_subchannels(s, saved.channels);
}

static bool head_is_possible(
	const struct storvsp_saved_channel *saved, enum vmbus_channel_state state)
{
	if (saved->look_again > 1 || saved->has_packet > 1 || saved->answers > STORVSP_SLOTS)
		return false;
	return state == VMBUS_CHANNEL_OPEN ||
	       (saved->look_again == 0 && saved->has_packet == 0 && saved->answers == 0);
}

static int load(struct vmbus_channel *c, struct vmbus_state_reader *r)
{
	struct storvsp_channel *ch = channel_of(c);
	struct storvsp_saved_channel saved;
	int error = 0;

	if (vmbus_state_get(r, &saved, sizeof(saved)) != 0)
		return -EINVAL;
	if (saved.format != STORVSP_STATE_FORMAT)
		return -ENOTSUP;
	if (!head_is_possible(&saved, c->state))
		return -EINVAL;
	storvsp_begin_anew(ch);
	ch->look_again = saved.look_again;
	if (saved.has_packet)
		error = load_packet(ch, r);
	for (u32 i = 0; error == 0 && i < saved.answers; i++)
		error = load_answer(ch, r);
	if (error == 0 && ch->index == 0)
		error = load_controller(ch->s, r);
	return error;
}

const struct vmbus_provider_state storvsp_provider_state = {
	.is_idle = is_idle,
	.start = start,
	.save = save,
	.load = load,
};

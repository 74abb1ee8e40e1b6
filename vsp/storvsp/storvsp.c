/* SPDX-License-Identifier: MIT */
/*
 * Channels of a controller: made and offered, run where they are signalled, closed when what is under way has ended.
 */
#include "vsp/storvsp/storvsp.h"

#include "base/errno.h"
#include "lib/string.h"
#include "vmbus/server.h"
#include "vsp/storvsp/storvsp_impl.h"
#include "vsp/storvsp/storvsp_state.h"
#include "x86/atomic.h"

/* ba6163d9-04a1-4d29-b605-72e2ffb1dc7f */
static const struct guid scsi_interface = { { 0xd9, 0x63, 0x61, 0xba, 0xa1, 0x04, 0x29, 0x4d, 0xb6,
	0x05, 0x72, 0xe2, 0xff, 0xb1, 0xdc, 0x7f } };

static struct storvsp_channel *channel_of(struct vmbus_channel *c)
{
	return container_of(c, struct storvsp_channel, c);
}

static u32 private_bytes(const struct storvsp *s)
{
	return (u32)ALIGN_UP(s->request_bytes, 16u);
}

static void channel_free(struct storvsp_channel *ch)
{
	const struct storvsp_host *host = ch->s->host;

	host->free(ch->slots);
	host->free(ch->private);
	host->free(ch->lists);
	host->free(ch);
}

static void slots_init(struct storvsp_channel *ch)
{
	list_init(&ch->free);
	list_init(&ch->free_lists);
	list_init(&ch->answers);
	for (u32 i = 0; i < STORVSP_SLOTS; i++) {
		struct storvsp_slot *slot = &ch->slots[i];

		slot->channel = ch;
		slot->request.private = ch->private + i * private_bytes(ch->s);
		list_push_back(&ch->free, &slot->link);
	}
	for (u32 i = 0; i < STORVSP_LISTS; i++)
		list_push_back(&ch->free_lists, &ch->lists[i].link);
}

static struct storvsp_channel *channel_alloc(struct storvsp *s)
{
	const struct storvsp_host *host = s->host;
	struct storvsp_channel *ch = host->alloc(sizeof(*ch));

	if (ch == NULL)
		return NULL;
	ch->s = s;
	ch->slots = host->alloc(STORVSP_SLOTS * sizeof(*ch->slots));
	ch->private = host->alloc((size_t)STORVSP_SLOTS * private_bytes(s));
	ch->lists = host->alloc(STORVSP_LISTS * sizeof(*ch->lists));
	if (ch->slots != NULL && ch->private != NULL && ch->lists != NULL)
		return ch;
	channel_free(ch);
	return NULL;
}

/* ---- the provider's calls ---- */

/* A guest that opens the primary begins anew. */
static int storvsp_open(struct vmbus_channel *c)
{
	struct storvsp_channel *ch = channel_of(c);

	storvsp_begin_anew(ch);
	if (ch->index != 0)
		return 0;
	store_relaxed(&ch->s->step, STORVSP_NEW);
	store_relaxed(&ch->s->wanted, 0);
	return 0;
}

static void storvsp_close(struct vmbus_channel *c)
{
	storvsp_begin_close(channel_of(c));
}

/* A sub-channel of the last time is gone, so that a new one can be offered in its place. */
static void storvsp_released(struct vmbus_channel *c)
{
	struct storvsp_channel *ch = channel_of(c);
	struct storvsp *s = ch->s;
	u32 wanted = load_relaxed(&s->wanted);

	s->channels[ch->index] = NULL;
	channel_free(ch);
	if (wanted != 0 && s->channels[0] != NULL && s->channels[0]->c.state == VMBUS_CHANNEL_OPEN)
		s->host->want_channels(s->host->context, s, wanted);
}

/* The next packet, if it is not there already: 1, 0, or an error. */
static int next_packet(struct storvsp_channel *ch)
{
	int r = 1;

	if (!ch->has_packet)
		r = vmbus_channel_read(
			&ch->c, &ch->packet, ch->packet_bytes, sizeof(ch->packet_bytes));
	/* Its beginning is there all the same: enough for an answer. */
	if (r == -EMSGSIZE) {
		ch->packet.header = ch->packet.length = 0;
		r = 1;
	}
	ch->has_packet = r == 1;
	return r;
}

/* True: all that there is was taken, or as many as there may be. */
static bool run_packets(struct storvsp_channel *ch, u32 *left)
{
	int r = 0;

	while (*left > 0 && (r = next_packet(ch)) == 1) {
		if (!storvsp_packet(ch))
			return false;
		ch->has_packet = false;
		--*left;
	}
	return r >= 0;
}

/* True: others came meanwhile. Else the guest signals from now on; or it need not, and the place comes back. */
static bool pause(struct storvsp_channel *ch)
{
	if (!storvsp_is_busy(ch))
		return vmbus_channel_pause(&ch->c);
	(void)vmbus_channel_release(&ch->c);
	return false;
}

/*
 * While packets wait for slots, or for the next turn, the guest's signals stay off: they are not what goes on then. Rounds in
 * which there was nothing after all count as well: a guest may move its index to and fro.
 */
static void storvsp_signalled(struct vmbus_channel *c)
{
	struct storvsp_channel *ch = channel_of(c);
	u32 left = STORVSP_TURN;
	bool all;

	storvsp_send_waiting(ch);
	vmbus_channel_resume(c);
	do
		all = run_packets(ch, &left);
	while (all && left > 0 && pause(ch) && --left > 0);
	storvsp_unplug(ch);
	if (left > 0)
		return;
	/* The ring need not be empty for the guest to have room again. */
	(void)vmbus_channel_release(c);
	storvsp_ask_again(ch);
}

static const struct vmbus_provider provider = {
	.open = storvsp_open,
	.close = storvsp_close,
	.signalled = storvsp_signalled,
	.released = storvsp_released,
	.state = &storvsp_provider_state,
};

/* ---- for the owner ---- */

int storvsp_offer(struct storvsp *s, u32 index, const struct guid *instance)
{
	struct storvsp_channel *ch = channel_alloc(s);
	int r;

	if (ch == NULL)
		return -ENOMEM;
	slots_init(ch);
	ch->index = index;
	ch->c.provider = &provider;
	ch->c.interface = scsi_interface;
	ch->c.instance = *instance;
	ch->c.subchannel = (u16)index;
	ch->c.primary = index != 0 ? &s->channels[0]->c : NULL;
	r = vmbus_server_offer(s->server, &ch->c);
	if (r != 0) {
		channel_free(ch);
		return r;
	}
	s->channels[index] = ch;
	return 0;
}

int storvsp_create(struct storvsp *s, const struct storvsp_host *host, struct vmbus_server *server,
	const struct guid *instance, u32 request_bytes, u32 max_subchannels)
{
	*s = (struct storvsp){ .host = host,
		.server = server,
		.request_bytes = MAX(request_bytes, 16u),
		.max_subchannels = MIN(max_subchannels, STORVSP_CHANNELS_MAX - 1) };
	return storvsp_offer(s, 0, instance);
}

/* Of those that are taken back: it is waited until the guest has let go of them. A guest that asks twice gets no more. */
void storvsp_offer_channels(struct storvsp *s, u32 count)
{
	bool all = true;

	if (s->channels[0] == NULL || s->channels[0]->c.state != VMBUS_CHANNEL_OPEN)
		return;
	for (u32 i = 1; i <= MIN(count, s->max_subchannels); i++) {
		if (s->channels[i] != NULL)
			all = all && !s->channels[i]->c.withdrawn;
		else if (storvsp_offer(s, i, &s->channels[0]->c.instance) != 0)
			all = false;
	}
	if (all)
		store_relaxed(&s->wanted, 0);
}

bool storvsp_lun_busy(const struct storvsp *s, u32 lun)
{
	return load_acquire(&s->lun_users[lun]) > 0;
}

int storvsp_set_lun(struct storvsp *s, u32 lun, struct vsp_disk *d)
{
	if (lun >= STORVSP_LUNS || (d != NULL && d->request_bytes > s->request_bytes))
		return -EINVAL;
	if (d != NULL && load_relaxed(&s->luns[lun]) != NULL)
		return -EBUSY;
	/* Pairs with the acquire of who counts himself as a user first. */
	(void)atomic_exchange(&s->luns[lun], d);
	if (s->channels[0] != NULL && s->channels[0]->c.state == VMBUS_CHANNEL_OPEN &&
		load_relaxed(&s->step) == STORVSP_READY)
		storvsp_look_again(s->channels[0]);
	return 0;
}

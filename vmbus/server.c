/* SPDX-License-Identifier: MIT */
/*
 * Offers, and one way by which channels close, whoever wants it: the provider is asked to end what is
 * under way, and when it has, vmbus_server_attend() goes on from there with what waited for
 * that: the end of GPADLs, rescinds, a new contact, an unload.
 */
#include "vmbus/server.h"

#include "base/errno.h"
#include "lib/string.h"
#include "vmbus/server_impl.h"
#include "x86/atomic.h"

static const u32 versions[] = {
	VMBUS_VERSION_2_4,
	VMBUS_VERSION_3_0,
	VMBUS_VERSION_4_0,
	VMBUS_VERSION_4_1,
	VMBUS_VERSION_5_0,
	VMBUS_VERSION_5_1,
	VMBUS_VERSION_5_2,
	VMBUS_VERSION_5_3,
};

void vmbus_server_init(struct vmbus_server *s, const struct vmbus_host *host, u32 vps)
{
	*s = (struct vmbus_server){ .host = host, .vps = vps };
	vmbus_gpadls_init(&s->gpadls, host);
	list_init(&s->channels);
	s->relids[0] = 1; /* the bus itself */
}

void vmbus_server_send(struct vmbus_server *s, const void *message, u32 size)
{
	s->host->send(s->host->context, s->vp, message, size);
}

struct vmbus_channel *vmbus_server_find(struct vmbus_server *s, u32 relid)
{
	list_for_each(l, &s->channels)
	{
		struct vmbus_channel *c = list_entry(l, struct vmbus_channel, link);

		if (c->relid == relid && relid != 0)
			return c;
	}
	return NULL;
}

static u32 relid_take(struct vmbus_server *s)
{
	for (u32 i = 0; i <= VMBUS_RELID_MAX; i++) {
		if (s->relids[i / 64] >> i % 64 & 1)
			continue;
		s->relids[i / 64] |= BIT(i % 64);
		return i;
	}
	return 0;
}

static void relid_give_back(struct vmbus_server *s, struct vmbus_channel *c)
{
	s->relids[c->relid / 64] &= ~BIT(c->relid % 64);
	c->relid = 0;
}

/* ---- offers ---- */

void vmbus_server_send_offer(struct vmbus_server *s, struct vmbus_channel *c)
{
	struct vmbus_offer m = { .header.type = VMBUS_OFFER_CHANNEL,
		.interface = c->interface,
		.instance = c->instance,
		.flags = c->flags,
		.subchannel = c->subchannel,
		.monitor_id = 0xff,
		.dedicated = 1 };

	/* There are more of them than channels. */
	c->relid = relid_take(s);
	c->connection = VMBUS_CONNECTION_FIRST + c->relid;
	c->state = VMBUS_CHANNEL_OFFERED;
	m.relid = c->relid;
	m.connection = c->connection;
	memcpy(m.user, c->user, sizeof(m.user));
	vmbus_server_send(s, &m, sizeof(m));
}

int vmbus_server_offer(struct vmbus_server *s, struct vmbus_channel *c)
{
	if (s->channel_count == VMBUS_CHANNELS_MAX)
		return -ENOSPC;
	c->server = s;
	c->state = VMBUS_CHANNEL_NEW;
	c->withdrawn = false;
	c->relid = 0;
	c->gpadl = NULL;
	c->gate = VMBUS_CHANNEL_SHUT;
	list_push_back(&s->channels, &c->link);
	s->channel_count++;
	if (s->offers_wanted && !s->resetting)
		vmbus_server_send_offer(s, c);
	return 0;
}

void vmbus_server_release(struct vmbus_server *s, struct vmbus_channel *c)
{
	if (c->relid != 0)
		relid_give_back(s, c);
	list_remove(&c->link);
	s->channel_count--;
	c->provider->released(c);
}

static void send_rescind(struct vmbus_server *s, struct vmbus_channel *c)
{
	struct vmbus_relid m = { { .type = VMBUS_RESCIND_OFFER }, c->relid };

	c->state = VMBUS_CHANNEL_RESCINDED;
	vmbus_server_send(s, &m, sizeof(m));
}

/* ---- closing ---- */

void vmbus_server_begin_close(struct vmbus_channel *c)
{
	c->state = VMBUS_CHANNEL_CLOSING;
	vmbus_channel_shut(c);
	c->provider->close(c);
}

void vmbus_server_withdraw(struct vmbus_channel *c)
{
	struct vmbus_server *s = c->server;

	if (c->withdrawn)
		return;
	c->withdrawn = true;
	if (c->state == VMBUS_CHANNEL_OPEN)
		vmbus_server_begin_close(c);
	else if (c->state == VMBUS_CHANNEL_OFFERED)
		send_rescind(s, c);
	else if (c->state == VMBUS_CHANNEL_NEW)
		vmbus_server_release(s, c);
}

/* Those of a primary that is closed are of no use. */
static void withdraw_subchannels(struct vmbus_server *s, const struct vmbus_channel *primary)
{
	struct list_node *l = s->channels.next;

	while (l != &s->channels) {
		struct vmbus_channel *c = list_entry(l, struct vmbus_channel, link);

		l = l->next;
		if (c->primary == primary)
			vmbus_server_withdraw(c);
	}
}

void vmbus_server_torn_down(struct vmbus_server *s, struct vmbus_gpadl *g)
{
	struct vmbus_gpadl_torndown m = { { .type = VMBUS_GPADL_TORNDOWN }, g->id };

	vmbus_gpadl_remove(&s->gpadls, g);
	vmbus_server_send(s, &m, sizeof(m));
}

/* Its provider has ended, and does not run: nobody touches the rings. */
static bool has_closed(struct vmbus_channel *c)
{
	return load_acquire(&c->closed) && vmbus_channel_is_still(c);
}

static void finish_close(struct vmbus_server *s, struct vmbus_channel *c)
{
	struct vmbus_gpadl *g = c->gpadl;

	s->host->disconnect(s->host->context, c->connection, c->relid);
	c->gpadl = NULL;
	c->state = VMBUS_CHANNEL_OFFERED;
	if (--g->users == 0 && g->torn_down)
		vmbus_server_torn_down(s, g);
	/* Else it is all forgotten soon. */
	if (s->resetting)
		return;
	if (c->withdrawn)
		send_rescind(s, c);
	withdraw_subchannels(s, c);
}

/* ---- contact ---- */

/* All channels are closed: the guest knows nothing of any. */
static void forget_all(struct vmbus_server *s)
{
	struct list_node *l = s->channels.next;

	vmbus_gpadls_clear(&s->gpadls);
	s->version = 0;
	s->offers_wanted = false;
	while (l != &s->channels) {
		struct vmbus_channel *c = list_entry(l, struct vmbus_channel, link);

		l = l->next;
		if (c->relid != 0)
			relid_give_back(s, c);
		c->state = VMBUS_CHANNEL_NEW;
		if (c->withdrawn || c->subchannel != 0)
			vmbus_server_release(s, c);
	}
}

bool vmbus_is_version(u32 version)
{
	for (u32 i = 0; i < ARRAY_SIZE(versions); i++) {
		if (versions[i] == version)
			return true;
	}
	return false;
}

/* Below 3.0 messages go to VP 0, whatever the guest says. */
static void answer_contact(struct vmbus_server *s)
{
	const struct vmbus_contact *m = &s->contact;
	struct vmbus_version_response r = { .header.type = VMBUS_VERSION_RESPONSE,
		.supported = vmbus_is_version(m->version) };

	s->vp = m->version >= VMBUS_VERSION_3_0 && m->vp < s->vps ? m->vp : 0;
	if (r.supported)
		s->version = m->version;
	if (m->version >= VMBUS_VERSION_5_0)
		r.connection = VMBUS_CONNECTION_MESSAGE;
	vmbus_server_send(s, &r, sizeof(r));
}

static void answer_unload(struct vmbus_server *s)
{
	const struct vmbus_header r = { .type = VMBUS_UNLOAD_RESPONSE };

	vmbus_server_send(s, &r, sizeof(r));
}

static bool any_closing(struct vmbus_server *s)
{
	list_for_each(l, &s->channels)
	{
		if (list_entry(l, struct vmbus_channel, link)->state == VMBUS_CHANNEL_CLOSING)
			return true;
	}
	return false;
}

/* Begun by the message in s->contact. */
static void go_on_with_reset(struct vmbus_server *s)
{
	if (!s->resetting || any_closing(s))
		return;
	forget_all(s);
	s->resetting = false;
	if (s->contact.header.type == VMBUS_INITIATE_CONTACT)
		answer_contact(s);
	else if (s->contact.header.type == VMBUS_UNLOAD)
		answer_unload(s);
}

static void close_all(struct vmbus_server *s)
{
	list_for_each(l, &s->channels)
	{
		struct vmbus_channel *c = list_entry(l, struct vmbus_channel, link);

		if (c->state == VMBUS_CHANNEL_OPEN)
			vmbus_server_begin_close(c);
	}
}

void vmbus_server_begin_reset(struct vmbus_server *s, const void *message, u32 size)
{
	s->contact = (struct vmbus_contact){ .header.type = 0 };
	memcpy(&s->contact, message, size);
	if (!s->resetting) {
		s->resetting = true;
		close_all(s);
	}
	go_on_with_reset(s);
}

bool vmbus_server_end(struct vmbus_server *s)
{
	const struct vmbus_header none = { .type = 0 };

	list_for_each(l, &s->channels) list_entry(l, struct vmbus_channel, link)->withdrawn = true;
	vmbus_server_begin_reset(s, &none, sizeof(none));
	return !s->resetting;
}

void vmbus_server_attend(struct vmbus_server *s)
{
	struct list_node *l = s->channels.next;

	/* What is appended meanwhile is closed. What is released is only the one at hand. */
	while (l != &s->channels) {
		struct vmbus_channel *c = list_entry(l, struct vmbus_channel, link);

		l = l->next;
		if (c->state == VMBUS_CHANNEL_OPEN && load_acquire(&c->broken))
			vmbus_server_begin_close(c);
		if (c->state == VMBUS_CHANNEL_CLOSING && has_closed(c)) {
			finish_close(s, c);
			/* It may have taken others off the list. */
			l = s->channels.next;
		}
	}
	go_on_with_reset(s);
}

void vmbus_server_signalled(struct vmbus_channel *c)
{
	(void)atomic_fetch_add(&c->signals, 1ull);
	vmbus_channel_signalled(c);
}

/* SPDX-License-Identifier: MIT */
/*
 * One table of messages; one way by which channels close, whoever wants it: the provider is
 * asked to end what is under way, and when it has, vmbus_server_attend() goes on from there with
 * what waited for that: the end of GPADLs, rescinds, a new contact, an unload.
 */
#include "vmbus/server.h"

#include "base/errno.h"
#include "lib/string.h"
#include "x86/atomic.h"

#define STATUS_REFUSED 0xc0000001u /* of the guest's kind of status */

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

static void send(struct vmbus_server *s, const void *message, u32 size)
{
	s->host->send(s->host->context, s->vp, message, size);
}

static struct vmbus_channel *find(struct vmbus_server *s, u32 relid)
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

static void send_offer(struct vmbus_server *s, struct vmbus_channel *c)
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
	send(s, &m, sizeof(m));
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
	list_push_back(&s->channels, &c->link);
	s->channel_count++;
	if (s->offers_wanted && !s->resetting)
		send_offer(s, c);
	return 0;
}

static void release(struct vmbus_server *s, struct vmbus_channel *c)
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
	send(s, &m, sizeof(m));
}

/* ---- closing ---- */

static void begin_close(struct vmbus_channel *c)
{
	c->state = VMBUS_CHANNEL_CLOSING;
	c->provider->close(c);
}

void vmbus_server_withdraw(struct vmbus_channel *c)
{
	struct vmbus_server *s = c->server;

	if (c->withdrawn)
		return;
	c->withdrawn = true;
	if (c->state == VMBUS_CHANNEL_OPEN)
		begin_close(c);
	else if (c->state == VMBUS_CHANNEL_OFFERED)
		send_rescind(s, c);
	else if (c->state == VMBUS_CHANNEL_NEW)
		release(s, c);
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

static void torn_down(struct vmbus_server *s, struct vmbus_gpadl *g)
{
	struct vmbus_gpadl_torndown m = { { .type = VMBUS_GPADL_TORNDOWN }, g->id };

	vmbus_gpadl_remove(&s->gpadls, g);
	send(s, &m, sizeof(m));
}

/* Its provider has ended: nobody touches the rings. */
static void finish_close(struct vmbus_server *s, struct vmbus_channel *c)
{
	struct vmbus_gpadl *g = c->gpadl;

	s->host->disconnect(s->host->context, c->connection, c->relid);
	c->gpadl = NULL;
	c->state = VMBUS_CHANNEL_OFFERED;
	if (--g->users == 0 && g->torn_down)
		torn_down(s, g);
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
			release(s, c);
	}
}

static bool is_version(u32 version)
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
		.supported = is_version(m->version) };

	s->vp = m->version >= VMBUS_VERSION_3_0 && m->vp < s->vps ? m->vp : 0;
	if (r.supported)
		s->version = m->version;
	if (m->version >= VMBUS_VERSION_5_0)
		r.connection = VMBUS_CONNECTION_MESSAGE;
	send(s, &r, sizeof(r));
}

static void answer_unload(struct vmbus_server *s)
{
	const struct vmbus_header r = { .type = VMBUS_UNLOAD_RESPONSE };

	send(s, &r, sizeof(r));
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
			begin_close(c);
	}
}

static void begin_reset(struct vmbus_server *s, const void *message, u32 size)
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
	begin_reset(s, &none, sizeof(none));
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
			begin_close(c);
		if (c->state == VMBUS_CHANNEL_CLOSING && load_acquire(&c->closed)) {
			finish_close(s, c);
			/* It may have taken others off the list. */
			l = s->channels.next;
		}
	}
	go_on_with_reset(s);
}

void vmbus_server_signalled(struct vmbus_channel *c)
{
	c->provider->signalled(c);
}

/* ---- messages ---- */

static bool contact_message(struct vmbus_server *s, const void *message, u32 size)
{
	(void)size;
	begin_reset(s, message, sizeof(struct vmbus_contact));
	return true;
}

static bool unload_message(struct vmbus_server *s, const void *message, u32 size)
{
	(void)size;
	begin_reset(s, message, sizeof(struct vmbus_header));
	return true;
}

static bool request_offers(struct vmbus_server *s, const void *message, u32 size)
{
	const struct vmbus_header all = { .type = VMBUS_ALL_OFFERS_DELIVERED };

	(void)message;
	(void)size;
	if (s->offers_wanted)
		return false;
	s->offers_wanted = true;
	list_for_each(l, &s->channels) send_offer(s, list_entry(l, struct vmbus_channel, link));
	send(s, &all, sizeof(all));
	return true;
}

static void answer_gpadl(struct vmbus_server *s, u32 relid, u32 id, bool good)
{
	const struct vmbus_gpadl_created r = { .header.type = VMBUS_GPADL_CREATED,
		.relid = relid,
		.gpadl = id,
		.status = good ? 0 : STATUS_REFUSED };

	send(s, &r, sizeof(r));
}

static bool gpadl_header(struct vmbus_server *s, const void *message, u32 size)
{
	const struct vmbus_gpadl_header *m = message;
	struct vmbus_gpadl *g;
	int r = find(s, m->relid) != NULL ? vmbus_gpadl_begin(&s->gpadls, m, size, &g) : -ENOENT;

	if (r != 0)
		answer_gpadl(s, m->relid, m->gpadl, r == 1);
	return r >= 0;
}

static bool gpadl_body(struct vmbus_server *s, const void *message, u32 size)
{
	const struct vmbus_gpadl_body *m = message;
	struct vmbus_gpadl *g;
	u32 relid = 0;
	int r = vmbus_gpadl_continue(&s->gpadls, m, size, &g, &relid);

	/* Of one that was refused the rest follows all the same. */
	if (r != 0 && r != -ENOENT)
		answer_gpadl(s, relid, m->gpadl, r == 1);
	return r >= 0;
}

static bool gpadl_teardown(struct vmbus_server *s, const void *message, u32 size)
{
	const struct vmbus_gpadl_teardown *m = message;
	const struct vmbus_gpadl_torndown none = { { .type = VMBUS_GPADL_TORNDOWN }, m->gpadl };
	struct vmbus_gpadl *g = vmbus_gpadl_find(&s->gpadls, m->gpadl);

	(void)size;
	if (g == NULL) {
		send(s, &none, sizeof(none));
		return false;
	}
	g->torn_down = true;
	if (g->users == 0)
		torn_down(s, g);
	return true;
}

/* The rings of @g from page 0 on, and from @downstream on: each a page in front of its data. */
static int rings_init(struct vmbus_channel *c, const struct vmbus_gpadl *g, u32 downstream)
{
	int r;

	if (g->offset != 0 || g->bytes % VMBUS_PAGE != 0 || downstream < 2 ||
		downstream > g->pages - 2)
		return -EINVAL;
	r = vmbus_ring_init(&c->from_guest, (struct vmbus_ring_control *)(void *)g->page[0],
		&g->page[1], downstream - 1);
	if (r != 0)
		return r;
	r = vmbus_ring_init(&c->to_guest, (struct vmbus_ring_control *)(void *)g->page[downstream],
		&g->page[downstream + 1], g->pages - downstream - 1);
	if (r == 0)
		store_relaxed(&c->to_guest.control->features, VMBUS_RING_PENDING_SEND);
	return r;
}

/* Sets it up but for the provider. */
static int prepare_open(struct vmbus_server *s, struct vmbus_channel *c, const struct vmbus_open *m)
{
	struct vmbus_gpadl *g = vmbus_gpadl_find(&s->gpadls, m->gpadl);
	int r;

	if (g == NULL || g->relid != c->relid || g->users > 0)
		return -ENOENT;
	if (m->vp >= s->vps && m->vp != VMBUS_NO_VP)
		return -EINVAL;
	r = rings_init(c, g, m->downstream);
	if (r == 0)
		r = s->host->connect(s->host->context, c->connection, c->relid);
	if (r != 0)
		return r;
	c->gpadl = g;
	store_relaxed(&c->vp, m->vp);
	c->broken = c->closed = false;
	memcpy(c->open_user, m->user, sizeof(c->open_user));
	return 0;
}

static int open_with(struct vmbus_server *s, struct vmbus_channel *c, const struct vmbus_open *m)
{
	int r = prepare_open(s, c, m);

	if (r != 0)
		return r;
	c->gpadl->users++;
	r = c->provider->open(c);
	if (r == 0) {
		c->state = VMBUS_CHANNEL_OPEN;
		return 0;
	}
	s->host->disconnect(s->host->context, c->connection, c->relid);
	c->gpadl->users--;
	c->gpadl = NULL;
	return r;
}

static bool open_channel(struct vmbus_server *s, const void *message, u32 size)
{
	const struct vmbus_open *m = message;
	struct vmbus_channel *c = find(s, m->relid);
	struct vmbus_open_result r = {
		.header.type = VMBUS_OPEN_RESULT, .relid = m->relid, .open_id = m->open_id
	};
	bool good;

	(void)size;
	good = c != NULL && c->state == VMBUS_CHANNEL_OFFERED && open_with(s, c, m) == 0;
	r.status = good ? 0 : STATUS_REFUSED;
	send(s, &r, sizeof(r));
	return good;
}

static bool close_channel(struct vmbus_server *s, const void *message, u32 size)
{
	const struct vmbus_relid *m = message;
	struct vmbus_channel *c = find(s, m->relid);

	(void)size;
	if (c == NULL || c->state != VMBUS_CHANNEL_OPEN)
		return c != NULL && c->state == VMBUS_CHANNEL_RESCINDED;
	begin_close(c);
	return true;
}

/* All GPADLs of a channel that the guest has let go of: it does not say so one by one. */
static void drop_gpadls(struct vmbus_server *s, u32 relid)
{
	struct list_node *l = s->gpadls.list.next;

	while (l != &s->gpadls.list) {
		struct vmbus_gpadl *g = list_entry(l, struct vmbus_gpadl, link);

		l = l->next;
		if (g->relid == relid && g->users == 0)
			vmbus_gpadl_remove(&s->gpadls, g);
	}
}

static bool relid_released(struct vmbus_server *s, const void *message, u32 size)
{
	const struct vmbus_relid *m = message;
	struct vmbus_channel *c = find(s, m->relid);

	(void)size;
	if (c == NULL || c->state != VMBUS_CHANNEL_RESCINDED)
		return false;
	drop_gpadls(s, c->relid);
	release(s, c);
	return true;
}

static bool modify_channel(struct vmbus_server *s, const void *message, u32 size)
{
	const struct vmbus_modify *m = message;
	struct vmbus_channel *c = find(s, m->relid);
	bool good = c != NULL && c->state == VMBUS_CHANNEL_OPEN && m->vp < s->vps;
	const struct vmbus_modify_response r = { .header.type = VMBUS_MODIFY_RESPONSE,
		.relid = m->relid,
		.status = good ? 0 : STATUS_REFUSED };

	(void)size;
	if (good)
		store_relaxed(&c->vp, m->vp);
	if (s->version >= VMBUS_VERSION_5_3)
		send(s, &r, sizeof(r));
	return good;
}

/* By type; connected: only once a version has been agreed on. */
static const struct message {
	u32 size; /* at least */
	bool connected;
	bool (*handle)(struct vmbus_server *s, const void *message, u32 size);
} messages[] = {
	[VMBUS_REQUEST_OFFERS] = { sizeof(struct vmbus_header), true, request_offers },
	[VMBUS_OPEN_CHANNEL] = { sizeof(struct vmbus_open), true, open_channel },
	[VMBUS_CLOSE_CHANNEL] = { sizeof(struct vmbus_relid), true, close_channel },
	[VMBUS_GPADL_HEADER] = { sizeof(struct vmbus_gpadl_header), true, gpadl_header },
	[VMBUS_GPADL_BODY] = { sizeof(struct vmbus_gpadl_body), true, gpadl_body },
	[VMBUS_GPADL_TEARDOWN] = { sizeof(struct vmbus_gpadl_teardown), true, gpadl_teardown },
	[VMBUS_RELID_RELEASED] = { sizeof(struct vmbus_relid), true, relid_released },
	[VMBUS_INITIATE_CONTACT] = { sizeof(struct vmbus_contact), false, contact_message },
	[VMBUS_UNLOAD] = { sizeof(struct vmbus_header), false, unload_message },
	[VMBUS_MODIFY_CHANNEL] = { sizeof(struct vmbus_modify), true, modify_channel },
};

/* While all is being closed, only what begins anew is listened to. */
static bool is_allowed(const struct vmbus_server *s, const struct message *m)
{
	return !m->connected || (s->version != 0 && !s->resetting);
}

void vmbus_server_message(struct vmbus_server *s, const void *message, u32 size)
{
	/* Aligned, and as long as the longest of them. */
	u64 copy[VMBUS_MESSAGE_MAX / 8] = { 0 };
	const struct vmbus_header *h = (const struct vmbus_header *)copy;
	const struct message *m = NULL;

	if (size >= sizeof(*h) && size <= VMBUS_MESSAGE_MAX) {
		memcpy(copy, message, size);
		if (h->type < ARRAY_SIZE(messages))
			m = &messages[h->type];
	}
	if (m == NULL || m->handle == NULL || size < m->size || !is_allowed(s, m) ||
		!m->handle(s, copy, size))
		s->malformed++;
}

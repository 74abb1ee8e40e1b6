/* SPDX-License-Identifier: MIT */
/*
 * One table of what a guest may say. Each message is a copy, as long as its struct at least; what it names
 * is looked up and checked before anything changes. False: it made no sense.
 */
#include "base/errno.h"
#include "lib/string.h"
#include "vmbus/server_impl.h"
#include "x86/atomic.h"

#define STATUS_REFUSED 0xc0000001u /* of the guest's kind of status */

static bool contact_message(struct vmbus_server *s, const void *message, u32 size)
{
	(void)size;
	vmbus_server_begin_reset(s, message, sizeof(struct vmbus_contact));
	return true;
}

static bool unload_message(struct vmbus_server *s, const void *message, u32 size)
{
	(void)size;
	vmbus_server_begin_reset(s, message, sizeof(struct vmbus_header));
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
	list_for_each(l, &s->channels)
		vmbus_server_send_offer(s, list_entry(l, struct vmbus_channel, link));
	vmbus_server_send(s, &all, sizeof(all));
	return true;
}

static void answer_gpadl(struct vmbus_server *s, u32 relid, u32 id, bool good)
{
	const struct vmbus_gpadl_created r = { .header.type = VMBUS_GPADL_CREATED,
		.relid = relid,
		.gpadl = id,
		.status = good ? 0 : STATUS_REFUSED };

	vmbus_server_send(s, &r, sizeof(r));
}

static bool gpadl_header(struct vmbus_server *s, const void *message, u32 size)
{
	const struct vmbus_gpadl_header *m = message;
	struct vmbus_gpadl *g;
	int r = vmbus_server_find(s, m->relid) != NULL ? vmbus_gpadl_begin(&s->gpadls, m, size, &g)
						       : -ENOENT;

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
	struct vmbus_gpadl *g = vmbus_gpadl_named(&s->gpadls, m->gpadl);

	(void)size;
	if (g == NULL) {
		vmbus_server_send(s, &none, sizeof(none));
		return false;
	}
	/* Said twice: the answer comes when the memory is not used any more. */
	if (g->torn_down)
		return false;
	g->torn_down = true;
	if (g->users == 0)
		vmbus_server_torn_down(s, g);
	return true;
}

/* The rings of @g from page 0 on, and from @downstream on: each a page in front of its data. */
static int rings_init(struct vmbus_channel *c, const struct vmbus_gpadl *g, u32 downstream)
{
	int r;

	if (!vmbus_gpadl_holds_rings(g, downstream))
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
		if (!s->stopped)
			vmbus_channel_let_in(c);
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
	struct vmbus_channel *c = vmbus_server_find(s, m->relid);
	struct vmbus_open_result r = {
		.header.type = VMBUS_OPEN_RESULT, .relid = m->relid, .open_id = m->open_id
	};
	bool good;

	(void)size;
	good = c != NULL && c->state == VMBUS_CHANNEL_OFFERED && open_with(s, c, m) == 0;
	r.status = good ? 0 : STATUS_REFUSED;
	vmbus_server_send(s, &r, sizeof(r));
	return good;
}

static bool close_channel(struct vmbus_server *s, const void *message, u32 size)
{
	const struct vmbus_relid *m = message;
	struct vmbus_channel *c = vmbus_server_find(s, m->relid);

	(void)size;
	if (c == NULL || c->state != VMBUS_CHANNEL_OPEN)
		return c != NULL && c->state == VMBUS_CHANNEL_RESCINDED;
	vmbus_server_begin_close(c);
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
	struct vmbus_channel *c = vmbus_server_find(s, m->relid);

	(void)size;
	if (c == NULL || c->state != VMBUS_CHANNEL_RESCINDED)
		return false;
	drop_gpadls(s, c->relid);
	vmbus_server_release(s, c);
	return true;
}

static bool modify_channel(struct vmbus_server *s, const void *message, u32 size)
{
	const struct vmbus_modify *m = message;
	struct vmbus_channel *c = vmbus_server_find(s, m->relid);
	bool good = c != NULL && c->state == VMBUS_CHANNEL_OPEN && m->vp < s->vps;
	const struct vmbus_modify_response r = { .header.type = VMBUS_MODIFY_RESPONSE,
		.relid = m->relid,
		.status = good ? 0 : STATUS_REFUSED };

	(void)size;
	if (good)
		store_relaxed(&c->vp, m->vp);
	if (s->version >= VMBUS_VERSION_5_3)
		vmbus_server_send(s, &r, sizeof(r));
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

/* SPDX-License-Identifier: MIT */
/*
 * A GPADL is saved as the message that would tell it, and so is checked again by what checks messages. What is
 * loaded is put in place piece by piece; the first one that makes no sense has all taken back.
 */
#include "vmbus/server_state.h"

#include "x86/atomic.h"

/* ---- stopping ---- */

static bool is_quiet(struct vmbus_server *s)
{
	list_for_each(l, &s->channels)
	{
		struct vmbus_channel *c = list_entry(l, struct vmbus_channel, link);

		if (c->state == VMBUS_CHANNEL_CLOSING)
			return false;
		if (c->state == VMBUS_CHANNEL_OPEN &&
			(!vmbus_channel_is_still(c) || load_acquire(&c->broken) ||
				!c->provider->state->is_idle(c)))
			return false;
	}
	return !s->resetting;
}

static bool can_be_saved(struct vmbus_server *s)
{
	list_for_each(l, &s->channels)
	{
		if (list_entry(l, struct vmbus_channel, link)->provider->state == NULL)
			return false;
	}
	return true;
}

int vmbus_server_stop(struct vmbus_server *s)
{
	if (!can_be_saved(s))
		return -ENOTSUP;
	s->stopped = true;
	list_for_each(l, &s->channels)
	{
		struct vmbus_channel *c = list_entry(l, struct vmbus_channel, link);

		if (c->state == VMBUS_CHANNEL_OPEN)
			vmbus_channel_shut(c);
	}
	/* What has ended is finished, so that nothing of it has to be saved. */
	vmbus_server_attend(s);
	return is_quiet(s) ? 0 : -EBUSY;
}

/* Neither end knows whether it was told of all that the other one did: both look. */
static void channel_start(struct vmbus_server *s, struct vmbus_channel *c)
{
	u32 vp = load_relaxed(&c->vp);

	vmbus_channel_let_in(c);
	if (vp != VMBUS_NO_VP)
		s->host->interrupt(s->host->context, vp, c->relid);
	c->provider->state->start(c);
}

void vmbus_server_start(struct vmbus_server *s)
{
	s->stopped = false;
	list_for_each(l, &s->channels)
	{
		struct vmbus_channel *c = list_entry(l, struct vmbus_channel, link);

		if (c->state == VMBUS_CHANNEL_OPEN)
			channel_start(s, c);
	}
}

/* ---- saving ---- */

static void save_gpadl(const struct vmbus_gpadl *g, struct vmbus_state_writer *w)
{
	const struct vmbus_gpadl_header h = { .header.type = VMBUS_GPADL_HEADER,
		.relid = g->relid,
		.gpadl = g->id,
		.range_bytes = (u16)(2 * sizeof(u32) + g->pages * sizeof(u64)),
		.range_count = 1,
		.byte_count = g->bytes,
		.byte_offset = g->offset };
	const u32 told = g->filled * (u32)sizeof(u64);
	const struct vmbus_saved_gpadl saved = { (u32)sizeof(h) + told, g->torn_down };

	vmbus_state_put(w, &saved, sizeof(saved));
	vmbus_state_put(w, &h, sizeof(h));
	vmbus_state_put(w, g->pfns, told);
}

static void describe_open(const struct vmbus_channel *c, struct vmbus_saved_channel *saved)
{
	saved->gpadl = c->gpadl->id;
	/* The first ring's page in front of its data. */
	saved->downstream = 1 + c->from_guest.size / VMBUS_PAGE;
	saved->vp = load_relaxed(&c->vp);
	saved->read = c->from_guest.index;
	saved->read_published = c->from_guest.published;
	saved->write = c->to_guest.index;
	memcpy(saved->open_user, c->open_user, sizeof(saved->open_user));
}

static void save_channel(struct vmbus_channel *c, struct vmbus_state_writer *w)
{
	struct vmbus_saved_channel saved = { .interface = c->interface,
		.instance = c->instance,
		.subchannel = c->subchannel,
		.relid = c->relid,
		.state = c->state };
	struct vmbus_state_writer measure = { .room = 0 };

	if (c->state == VMBUS_CHANNEL_OPEN)
		describe_open(c, &saved);
	c->provider->state->save(c, &measure);
	saved.bytes = (u32)measure.size;
	vmbus_state_put(w, &saved, sizeof(saved));
	c->provider->state->save(c, w);
}

/* Those that the guest knows of: of the others there is nothing to be said. */
static u32 known_channels(const struct vmbus_server *s)
{
	u32 count = 0;

	list_for_each(l, &s->channels) count +=
		list_entry(l, struct vmbus_channel, link)->relid != 0;
	return count;
}

int vmbus_server_save(struct vmbus_server *s, struct vmbus_state_writer *w)
{
	const struct vmbus_saved_server saved = { .magic = VMBUS_STATE_MAGIC,
		.format = VMBUS_STATE_FORMAT,
		.version = s->version,
		.vp = s->vp,
		.offers_wanted = s->offers_wanted,
		.gpadls = s->gpadls.count,
		.channels = known_channels(s) };

	if (!s->stopped || !can_be_saved(s) || !is_quiet(s))
		return -EBUSY;
	vmbus_state_put(w, &saved, sizeof(saved));
	list_for_each(l, &s->gpadls.list) save_gpadl(list_entry(l, struct vmbus_gpadl, link), w);
	list_for_each(l, &s->channels)
	{
		struct vmbus_channel *c = list_entry(l, struct vmbus_channel, link);

		if (c->relid != 0)
			save_channel(c, w);
	}
	return w->size <= w->room ? 0 : -ENOSPC;
}

/* ---- loading ---- */

static bool is_new(const struct vmbus_server *s)
{
	list_for_each(l, &s->channels)
	{
		const struct vmbus_channel *c = list_entry(l, struct vmbus_channel, link);

		if (c->state != VMBUS_CHANNEL_NEW || c->subchannel != 0)
			return false;
	}
	return s->version == 0 && !s->resetting && s->gpadls.count == 0;
}

static int load_gpadl(struct vmbus_server *s, struct vmbus_state_reader *r)
{
	const struct vmbus_gpadl_header *h = NULL;
	struct vmbus_saved_gpadl saved;
	struct vmbus_gpadl *g;
	int error;

	if (vmbus_state_get(r, &saved, sizeof(saved)) == 0)
		h = vmbus_state_take(r, saved.bytes);
	if (h == NULL || saved.bytes < sizeof(*h) || (saved.bytes - sizeof(*h)) % sizeof(u64) != 0)
		return -EINVAL;
	error = vmbus_gpadl_begin(&s->gpadls, h, saved.bytes, &g);
	if (error < 0)
		return error;
	/* Only one that is whole, and, as is looked at when all channels are there, that is used. */
	if (saved.torn_down > 1 || (saved.torn_down && g == NULL))
		return -EINVAL;
	if (g != NULL)
		g->torn_down = saved.torn_down;
	return 0;
}

/* As vmbus_gpadl_find(), but also what is torn down. */
static struct vmbus_gpadl *find_gpadl(const struct vmbus_server *s, u32 id)
{
	struct vmbus_gpadl *g = vmbus_gpadl_named(&s->gpadls, id);

	return g != NULL && g->filled == g->pages ? g : NULL;
}

static int load_rings(struct vmbus_channel *c, const struct vmbus_gpadl *g,
	const struct vmbus_saved_channel *saved)
{
	u32 second = saved->downstream;
	int error;

	if (!vmbus_gpadl_holds_rings(g, second))
		return -EINVAL;
	error = vmbus_ring_resume(&c->from_guest, (struct vmbus_ring_control *)(void *)g->page[0],
		&g->page[1], second - 1, saved->read, saved->read_published);
	if (error != 0)
		return error;
	return vmbus_ring_resume(&c->to_guest, (struct vmbus_ring_control *)(void *)g->page[second],
		&g->page[second + 1], g->pages - second - 1, saved->write, saved->write);
}

static int load_open(
	struct vmbus_server *s, struct vmbus_channel *c, const struct vmbus_saved_channel *saved)
{
	struct vmbus_gpadl *g = find_gpadl(s, saved->gpadl);
	int error;

	if (g == NULL || g->relid != c->relid || g->users > 0 ||
		(saved->vp >= s->vps && saved->vp != VMBUS_NO_VP))
		return -EINVAL;
	error = load_rings(c, g, saved);
	if (error == 0)
		error = s->host->connect(s->host->context, c->connection, c->relid);
	if (error != 0)
		return error;
	c->state = VMBUS_CHANNEL_OPEN;
	c->gpadl = g;
	g->users++;
	store_relaxed(&c->vp, saved->vp);
	c->broken = c->closed = false;
	memcpy(c->open_user, saved->open_user, sizeof(c->open_user));
	return 0;
}

/* The one that is offered here. */
static struct vmbus_channel *match(
	const struct vmbus_server *s, const struct vmbus_saved_channel *saved)
{
	list_for_each(l, &s->channels)
	{
		struct vmbus_channel *c = list_entry(l, struct vmbus_channel, link);

		if (guid_equal(&c->interface, &saved->interface) &&
			guid_equal(&c->instance, &saved->instance) &&
			c->subchannel == saved->subchannel)
			return c;
	}
	return NULL;
}

static bool relid_in_use(const struct vmbus_server *s, u32 relid)
{
	return s->relids[relid / 64] >> relid % 64 & 1;
}

/* A state that a channel may be in, and its primary with it. */
static bool is_possible(const struct vmbus_channel *c, u32 state)
{
	if (state == VMBUS_CHANNEL_RESCINDED)
		return true;
	return (state == VMBUS_CHANNEL_OFFERED || state == VMBUS_CHANNEL_OPEN) &&
	       (c->subchannel == 0 || c->primary->state == VMBUS_CHANNEL_OPEN);
}

/* Its number, and what the bus has of it. */
static int place(
	struct vmbus_server *s, struct vmbus_channel *c, const struct vmbus_saved_channel *saved)
{
	u32 relid = saved->relid;

	if (relid > VMBUS_CHANNELS_MAX || relid_in_use(s, relid) || c->relid != 0 ||
		!is_possible(c, saved->state))
		return -EINVAL;
	s->relids[relid / 64] |= BIT(relid % 64);
	c->relid = relid;
	c->connection = VMBUS_CONNECTION_FIRST + relid;
	if (saved->state == VMBUS_CHANNEL_OPEN)
		return load_open(s, c, saved);
	c->state = saved->state;
	c->withdrawn = saved->state == VMBUS_CHANNEL_RESCINDED;
	return 0;
}

static int load_channel(struct vmbus_server *s, struct vmbus_state_reader *r)
{
	struct vmbus_saved_channel saved;
	struct vmbus_state_reader provider = { .from = NULL };
	struct vmbus_channel *c;
	int error;

	if (vmbus_state_get(r, &saved, sizeof(saved)) == 0)
		provider = (struct vmbus_state_reader){ vmbus_state_take(r, saved.bytes),
			saved.bytes };
	if (provider.from == NULL)
		return -EINVAL;
	c = match(s, &saved);
	if (c == NULL)
		return -ENODEV;
	error = place(s, c, &saved);
	if (error == 0)
		error = c->provider->state->load(c, &provider);
	if (error == 0 && provider.left != 0)
		error = -EINVAL;
	return error;
}

/* What can only be said of the whole. */
static int check(const struct vmbus_server *s, bool offers_wanted)
{
	list_for_each(l, &s->channels)
	{
		const struct vmbus_channel *c = list_entry(l, struct vmbus_channel, link);

		if ((c->relid != 0) != offers_wanted)
			return offers_wanted ? -ENODEV : -EINVAL;
	}
	list_for_each(l, &s->gpadls.list)
	{
		const struct vmbus_gpadl *g = list_entry(l, struct vmbus_gpadl, link);

		if (g->relid == 0 || g->relid > VMBUS_RELID_MAX || !relid_in_use(s, g->relid) ||
			(g->torn_down && g->users == 0))
			return -EINVAL;
	}
	return 0;
}

static int load_head(
	struct vmbus_server *s, struct vmbus_state_reader *r, struct vmbus_saved_server *saved)
{
	int error = vmbus_state_get(r, saved, sizeof(*saved));

	if (error != 0 || saved->magic != VMBUS_STATE_MAGIC)
		return -EINVAL;
	if (saved->format != VMBUS_STATE_FORMAT)
		return -ENOTSUP;
	if ((saved->version != 0 && !vmbus_is_version(saved->version)) || saved->vp >= s->vps ||
		saved->offers_wanted > (saved->version != 0))
		return -EINVAL;
	s->version = saved->version;
	s->vp = saved->vp;
	return 0;
}

static int load_all(struct vmbus_server *s, struct vmbus_state_reader *r)
{
	struct vmbus_saved_server saved;
	int error = load_head(s, r, &saved);

	/* Each of them takes bytes, or is an error. */
	for (u32 i = 0; error == 0 && i < saved.gpadls; i++)
		error = load_gpadl(s, r);
	for (u32 i = 0; error == 0 && i < saved.channels; i++)
		error = load_channel(s, r);
	if (error == 0)
		error = r->left == 0 ? check(s, saved.offers_wanted) : -EINVAL;
	if (error != 0)
		return error;
	/* Only now, so that sub-channels were not announced once more. */
	s->offers_wanted = saved.offers_wanted;
	return 0;
}

/* The guest knows nothing of any channel, as before. */
static void unload(struct vmbus_server *s)
{
	struct list_node *l = s->channels.next;

	while (l != &s->channels) {
		struct vmbus_channel *c = list_entry(l, struct vmbus_channel, link);

		l = l->next;
		if (c->state == VMBUS_CHANNEL_OPEN)
			s->host->disconnect(s->host->context, c->connection, c->relid);
		c->state = VMBUS_CHANNEL_NEW;
		c->withdrawn = false;
		c->relid = 0;
		c->gpadl = NULL;
		if (c->subchannel == 0)
			continue;
		list_remove(&c->link);
		s->channel_count--;
		c->provider->released(c);
	}
	vmbus_gpadls_clear(&s->gpadls);
	memset(s->relids, 0, sizeof(s->relids));
	s->relids[0] = 1;
	s->version = s->vp = 0;
	s->stopped = false;
}

int vmbus_server_load(struct vmbus_server *s, const void *bytes, u64 size)
{
	struct vmbus_state_reader r = { bytes, size };
	int error;

	if (!can_be_saved(s))
		return -ENOTSUP;
	if (!is_new(s))
		return -EBUSY;
	s->stopped = true;
	error = load_all(s, &r);
	if (error != 0)
		unload(s);
	return error;
}

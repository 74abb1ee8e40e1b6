/* SPDX-License-Identifier: MIT */
/*
 * Each wait takes messages one after the other until the one comes that it is for.
 */
#include "vmbus/client.h"

#include "base/errno.h"
#include "lib/string.h"

#define PAGE         4096u
#define FIRST_GPADL  0xe1e10u
#define HEADER_PAGES 26u /* numbers that a message has room for */
#define BODY_PAGES   28u

/* The newest first. */
static const u32 versions[] = {
	VMBUS_VERSION_5_3,
	VMBUS_VERSION_5_2,
	VMBUS_VERSION_5_0,
	VMBUS_VERSION_4_1,
	VMBUS_VERSION_4_0,
	VMBUS_VERSION_3_0,
	VMBUS_VERSION_2_4,
};

/* A message's memory, aligned. */
union message {
	struct vmbus_header header;
	struct vmbus_offer offer;
	struct vmbus_relid relid;
	struct vmbus_open_result opened;
	struct vmbus_gpadl_created created;
	struct vmbus_gpadl_torndown torndown;
	struct vmbus_version_response version;
	u64 words[VMBUS_MESSAGE_MAX / 8];
};

static int post(struct vmbus_client *c, const void *message, u32 size)
{
	return c->host->post(c->host->context, c->connection, message, size);
}

static void note_offer(struct vmbus_client *c, const struct vmbus_offer *m)
{
	for (u32 i = 0; i < VMBUS_CLIENT_OFFERS; i++) {
		struct vmbus_client_offer *o = &c->offers[i];

		if (o->relid != 0)
			continue;
		*o = (struct vmbus_client_offer){ m->interface, m->instance, m->subchannel,
			m->relid, m->connection };
		return;
	}
	c->lost++;
}

/* Who has it open finds out; the host may use the number again now. */
static void note_rescind(struct vmbus_client *c, const struct vmbus_relid *m)
{
	const struct vmbus_relid released = { { .type = VMBUS_RELID_RELEASED }, m->relid };

	for (u32 i = 0; i < VMBUS_CLIENT_OFFERS; i++) {
		if (c->offers[i].relid == m->relid)
			c->offers[i].relid = 0;
	}
	(void)post(c, &released, sizeof(released));
}

void vmbus_client_note(struct vmbus_client *c, const void *message, u32 size)
{
	union message m = { .words = { 0 } };

	memcpy(&m, message, MIN(size, (u32)sizeof(m)));
	if (m.header.type == VMBUS_OFFER_CHANNEL && size >= sizeof(m.offer))
		note_offer(c, &m.offer);
	else if (m.header.type == VMBUS_RESCIND_OFFER && size >= sizeof(m.relid))
		note_rescind(c, &m.relid);
	else
		c->lost++;
}

/* Waits for the next message, and notes it. */
static void note_next(struct vmbus_client *c)
{
	union message m = { .words = { 0 } };
	u32 size = c->host->receive(c->host->context, &m);

	vmbus_client_note(c, &m, size);
}

/* Waits for a message of @type. */
static void wait_for(struct vmbus_client *c, u32 type, union message *m)
{
	for (;;) {
		u32 size;

		memset(m, 0, sizeof(*m));
		size = c->host->receive(c->host->context, m);
		if (m->header.type == type)
			return;
		vmbus_client_note(c, m, size);
	}
}

/* 0; -ENOENT: the host does not know that connection, or the version. */
static int contact(struct vmbus_client *c, u32 version)
{
	const struct vmbus_contact m = { .header.type = VMBUS_INITIATE_CONTACT,
		.version = version,
		.vp = c->vp,
		.interrupt_page = version >= VMBUS_VERSION_5_0 ? VMBUS_SINT : 0 };
	union message answer;
	int r;

	c->connection =
		version >= VMBUS_VERSION_5_0 ? VMBUS_CONNECTION_CONTACT : VMBUS_CONNECTION_MESSAGE;
	r = post(c, &m, sizeof(m));
	if (r != 0)
		return r;
	wait_for(c, VMBUS_VERSION_RESPONSE, &answer);
	if (!answer.version.supported)
		return -ENOENT;
	/* What came before it was an earlier connection's. */
	memset(c->offers, 0, sizeof(c->offers));
	c->version = version;
	if (version >= VMBUS_VERSION_5_0)
		c->connection = answer.version.connection;
	return 0;
}

int vmbus_client_connect(struct vmbus_client *c, const struct vmbus_client_host *host, u32 vp)
{
	const struct vmbus_header request = { .type = VMBUS_REQUEST_OFFERS };
	union message m;

	*c = (struct vmbus_client){ .host = host, .vp = vp, .next_gpadl = FIRST_GPADL };
	for (u32 i = 0; i < ARRAY_SIZE(versions) && c->version == 0; i++)
		(void)contact(c, versions[i]);
	if (c->version == 0)
		return -ENOTSUP;
	if (post(c, &request, sizeof(request)) != 0)
		return -EIO;
	wait_for(c, VMBUS_ALL_OFFERS_DELIVERED, &m);
	return 0;
}

const struct vmbus_client_offer *vmbus_client_find(
	const struct vmbus_client *c, const struct guid *interface, u16 subchannel)
{
	for (u32 i = 0; i < VMBUS_CLIENT_OFFERS; i++) {
		const struct vmbus_client_offer *o = &c->offers[i];

		if (o->relid != 0 && o->subchannel == subchannel &&
			memcmp(&o->interface, interface, sizeof(*interface)) == 0)
			return o;
	}
	return NULL;
}

/* The offer of a sub-channel of the same device: number @index, or 0: any. */
static const struct vmbus_client_offer *find_subchannel(
	const struct vmbus_client *c, const struct vmbus_client_offer *primary, u16 index)
{
	for (u32 i = 0; i < VMBUS_CLIENT_OFFERS; i++) {
		const struct vmbus_client_offer *o = &c->offers[i];

		if (o->relid != 0 && o->subchannel != 0 && (index == 0 || o->subchannel == index) &&
			memcmp(&o->instance, &primary->instance, sizeof(o->instance)) == 0)
			return o;
	}
	return NULL;
}

const struct vmbus_client_offer *vmbus_client_wait_subchannel(
	struct vmbus_client *c, const struct vmbus_client_offer *primary, u16 index)
{
	const struct vmbus_client_offer *o;

	while ((o = find_subchannel(c, primary, index)) == NULL)
		note_next(c);
	return o;
}

/* The numbers of @count pages from @memory on, as a message has them. */
static void put_pfns(const struct vmbus_client *c, u8 *to, const u8 *memory, u32 count)
{
	for (u32 i = 0; i < count; i++) {
		u64 pfn = c->host->pfn(c->host->context, memory + (size_t)i * PAGE);

		memcpy(to + i * 8ul, &pfn, 8);
	}
}

static int post_bodies(struct vmbus_client *c, u32 gpadl, const u8 *memory, u32 count)
{
	union message m = { .words = { 0 } };
	struct vmbus_gpadl_body *b = (struct vmbus_gpadl_body *)&m;
	int r = 0;

	*b = (struct vmbus_gpadl_body){ .header.type = VMBUS_GPADL_BODY, .gpadl = gpadl };
	while (r == 0 && count > 0) {
		u32 n = MIN(count, BODY_PAGES);

		put_pfns(c, (u8 *)(b + 1), memory, n);
		r = post(c, b, (u32)sizeof(*b) + 8 * n);
		memory += (size_t)n * PAGE;
		count -= n;
	}
	return r;
}

s64 vmbus_client_share(
	struct vmbus_client *c, const struct vmbus_client_offer *offer, u8 *memory, u32 bytes)
{
	union message m = { .words = { 0 } };
	struct vmbus_gpadl_header *h = (struct vmbus_gpadl_header *)&m;
	u32 count = (bytes + PAGE - 1) / PAGE, first = MIN(count, HEADER_PAGES);
	u32 gpadl = c->next_gpadl++;

	*h = (struct vmbus_gpadl_header){ .header.type = VMBUS_GPADL_HEADER,
		.relid = offer->relid,
		.gpadl = gpadl,
		.range_bytes = (u16)(8 + 8 * count),
		.range_count = 1,
		.byte_count = bytes };
	put_pfns(c, (u8 *)(h + 1), memory, first);
	if (post(c, h, (u32)sizeof(*h) + 8 * first) != 0 ||
		post_bodies(c, gpadl, memory + (size_t)first * PAGE, count - first) != 0)
		return -EIO;
	wait_for(c, VMBUS_GPADL_CREATED, &m);
	return m.created.gpadl == gpadl && m.created.status == 0 ? (s64)gpadl : -EIO;
}

void vmbus_client_unshare(struct vmbus_client *c, const struct vmbus_client_offer *offer, u32 gpadl)
{
	const struct vmbus_gpadl_teardown m = { { .type = VMBUS_GPADL_TEARDOWN }, offer->relid,
		gpadl };
	union message answer;

	if (post(c, &m, sizeof(m)) == 0)
		wait_for(c, VMBUS_GPADL_TORNDOWN, &answer);
}

static int rings_init(struct vmbus_client_channel *ch, u8 *memory, u32 count)
{
	u32 half = count / 2;
	struct vmbus_ring_control *to = (struct vmbus_ring_control *)(void *)memory;
	struct vmbus_ring_control *from =
		(struct vmbus_ring_control *)(void *)(memory + (size_t)half * PAGE);
	int r;

	for (u32 i = 0; i < count; i++)
		ch->pages[i] = memory + (size_t)i * PAGE;
	to->features = from->features = VMBUS_RING_PENDING_SEND;
	r = vmbus_ring_init(&ch->to_host, to, &ch->pages[1], half - 1);
	return r != 0 ? r
		      : vmbus_ring_init(
				&ch->from_host, from, &ch->pages[half + 1], count - half - 1);
}

static int open_with(
	struct vmbus_client *c, const struct vmbus_client_channel *ch, u32 count, u32 vp)
{
	const struct vmbus_open m = { .header.type = VMBUS_OPEN_CHANNEL,
		.relid = ch->relid,
		.open_id = ch->relid,
		.gpadl = ch->gpadl,
		.vp = vp,
		.downstream = count / 2 };
	union message answer;

	if (post(c, &m, sizeof(m)) != 0)
		return -EIO;
	wait_for(c, VMBUS_OPEN_RESULT, &answer);
	return answer.opened.status == 0 ? 0 : -EIO;
}

int vmbus_client_open(struct vmbus_client *c, struct vmbus_client_channel *ch,
	const struct vmbus_client_offer *offer, u8 *memory, u32 count, u32 vp)
{
	s64 gpadl;
	int r;

	if (count < 4 || count > VMBUS_CLIENT_RING_PAGES)
		return -EINVAL;
	ch->offer = offer;
	ch->relid = offer->relid;
	ch->connection = offer->connection;
	r = rings_init(ch, memory, count);
	if (r != 0)
		return r;
	gpadl = vmbus_client_share(c, offer, memory, count * PAGE);
	if (gpadl < 0)
		return (int)gpadl;
	ch->gpadl = (u32)gpadl;
	r = open_with(c, ch, count, vp);
	if (r != 0)
		vmbus_client_unshare(c, offer, ch->gpadl);
	return r;
}

/* A channel is closed without an answer; that comes with the end of its memory. */
void vmbus_client_close(struct vmbus_client *c, struct vmbus_client_channel *ch)
{
	const struct vmbus_relid m = { { .type = VMBUS_CLOSE_CHANNEL }, ch->relid };

	if (ch->offer->relid != ch->relid)
		return;
	(void)post(c, &m, sizeof(m));
	vmbus_client_unshare(c, ch->offer, ch->gpadl);
	/* Whoever opens it again, and asks for more of them, is not to find the old ones. */
	while (ch->offer->subchannel == 0 && find_subchannel(c, ch->offer, 0) != NULL)
		note_next(c);
}

void vmbus_client_unload(struct vmbus_client *c)
{
	const struct vmbus_header m = { .type = VMBUS_UNLOAD };
	union message answer;

	if (post(c, &m, sizeof(m)) == 0)
		wait_for(c, VMBUS_UNLOAD_RESPONSE, &answer);
	c->version = 0;
	memset(c->offers, 0, sizeof(c->offers));
}

static void signal(const struct vmbus_client *c, const struct vmbus_client_channel *ch)
{
	c->host->signal(c->host->context, ch->connection);
}

int vmbus_client_write(
	struct vmbus_client *c, struct vmbus_client_channel *ch, const struct vmbus_message *m)
{
	int r = vmbus_ring_write(&ch->to_host, m);

	if (r == 1)
		signal(c, ch);
	return r == 1 ? 0 : r;
}

int vmbus_client_read(struct vmbus_client *c, struct vmbus_client_channel *ch,
	struct vmbus_packet *p, void *buf, u32 size)
{
	int r = vmbus_ring_read(&ch->from_host, p, buf, size);

	if (r < 0 && r != -EMSGSIZE)
		return r;
	if (vmbus_ring_release(&ch->from_host) == 1)
		signal(c, ch);
	return r;
}

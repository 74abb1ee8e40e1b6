/* SPDX-License-Identifier: MIT */
/* See bus_guest.h. Messages as a guest sends them are made byte by byte, by the numbers of protocol.h. */
#include "tests/unit/bus_guest.h"

#define HEADER_PAGES 26u
#define BODY_PAGES   28u

u32 bus_objects, bus_fail_after, bus_seed = 1;

u32 bus_any(u32 below)
{
	bus_seed = bus_seed * 1664525 + 1013904223;
	return (bus_seed >> 8) % below;
}

/* ---- the host ---- */

void *bus_alloc(size_t size)
{
	void *p;

	if (bus_fail_after == 1)
		return NULL;
	if (bus_fail_after > 1)
		bus_fail_after--;
	p = calloc(1, size);
	BUS_MUST(p != NULL);
	bus_objects++;
	return p;
}

void bus_free(void *p)
{
	if (p == NULL)
		return;
	BUS_MUST(bus_objects > 0);
	bus_objects--;
	free(p);
}

static void host_send(void *context, u32 vp, const void *message, u32 size)
{
	struct bus_guest *g = context;
	struct bus_message *m = &g->sent[g->sent_count++ % BUS_SENT];
	u32 type;

	BUS_MUST(size >= sizeof(struct vmbus_header) && size <= VMBUS_MESSAGE_MAX && vp < BUS_VPS);
	memcpy(m->bytes, message, size);
	m->size = size;
	m->vp = vp;
	memcpy(&type, message, sizeof(type));
	BUS_MUST(type < ARRAY_SIZE(g->sent_of));
	g->sent_of[type]++;
	if (g->sent_count - g->taken > BUS_SENT)
		g->taken = g->sent_count - BUS_SENT;
}

static u8 *host_page(void *context, u64 pfn)
{
	struct bus_guest *g = context;

	return pfn < g->pages && g->kinds[pfn] == BUS_RAM ? g->ram[pfn] : NULL;
}

static int host_connect(void *context, u32 connection, u32 relid)
{
	struct bus_guest *g = context;

	BUS_MUST(relid != 0 && relid <= VMBUS_RELID_MAX && !g->connected[relid]);
	BUS_MUST(connection == VMBUS_CONNECTION_FIRST + relid);
	if (g->no_connections)
		return -ENOMEM;
	g->connected[relid] = true;
	g->connections++;
	return 0;
}

static void host_disconnect(void *context, u32 connection, u32 relid)
{
	struct bus_guest *g = context;

	BUS_MUST(connection == VMBUS_CONNECTION_FIRST + relid && g->connected[relid]);
	g->connected[relid] = false;
	g->connections--;
}

static void host_interrupt(void *context, u32 vp, u32 relid)
{
	struct bus_guest *g = context;

	BUS_MUST(vp < BUS_VPS && g->connected[relid]);
	g->interrupts++;
}

static void host_attend(void *context)
{
	((struct bus_guest *)context)->attends++;
}

void bus_guest_make(struct bus_guest *g, u32 pages)
{
	BUS_MUST(pages <= BUS_PAGES);
	memset(g, 0, sizeof(*g));
	g->pages = pages;
	g->ram = aligned_alloc(BUS_PAGE, (size_t)pages * BUS_PAGE);
	BUS_MUST(g->ram != NULL);
	memset(g->ram, 0, (size_t)pages * BUS_PAGE);
	g->host = (struct vmbus_host){ .context = g,
		.alloc = bus_alloc,
		.free = bus_free,
		.send = host_send,
		.page = host_page,
		.connect = host_connect,
		.disconnect = host_disconnect,
		.interrupt = host_interrupt,
		.attend = host_attend };
	vmbus_server_init(&g->server, &g->host, BUS_VPS);
}

static void check_aside(const struct bus_guest *g)
{
	for (u32 pfn = 0; pfn < g->pages; pfn++)
		for (u32 i = 0; g->kinds[pfn] != BUS_RAM && i < BUS_PAGE; i++)
			BUS_MUST(g->ram[pfn][i] == BUS_ASIDE);
}

void bus_guest_end(struct bus_guest *g)
{
	if (!vmbus_server_end(&g->server))
		bus_attend(g);
	BUS_MUST(!g->server.resetting && g->server.channel_count == 0);
	BUS_MUST(g->connections == 0 && g->server.gpadls.count == 0 && g->server.gpadls.pages == 0);
	check_aside(g);
	free(g->ram);
	g->ram = NULL;
}

void bus_set_aside(struct bus_guest *g, u32 pfn, enum bus_kind kind)
{
	BUS_MUST(pfn < g->pages);
	g->kinds[pfn] = (u8)kind;
	memset(g->ram[pfn], BUS_ASIDE, BUS_PAGE);
}

/* ---- messages ---- */

/* Bounded: each round ends a close at least. */
void bus_attend(struct bus_guest *g)
{
	for (u32 i = 0; g->attends > 0; i++) {
		BUS_MUST(i < 2 * VMBUS_CHANNELS_MAX);
		g->attends = 0;
		vmbus_server_attend(&g->server);
	}
}

void bus_post(struct bus_guest *g, const void *message, u32 size)
{
	/* As long as it says, so that a look behind it is seen. */
	void *copy = malloc(size > 0 ? size : 1);

	BUS_MUST(copy != NULL);
	memcpy(copy, message, size);
	vmbus_server_message(&g->server, copy, size);
	free(copy);
	bus_attend(g);
}

const void *bus_next(struct bus_guest *g, u32 type, u32 size)
{
	const struct bus_message *m = &g->sent[g->taken % BUS_SENT];
	u32 is;

	if (bus_is_silent(g))
		return NULL;
	memcpy(&is, m->bytes, sizeof(is));
	if (is != type || m->size != size)
		return NULL;
	g->taken++;
	return m->bytes;
}

void bus_skip(struct bus_guest *g)
{
	g->taken = g->sent_count;
}

bool bus_is_silent(const struct bus_guest *g)
{
	return g->taken == g->sent_count;
}

void bus_contact(struct bus_guest *g, u32 version, u32 vp)
{
	const struct vmbus_contact m = { { .type = VMBUS_INITIATE_CONTACT }, version, vp, 2, 0, 0 };

	bus_post(g, &m, sizeof(m));
}

void bus_connect(struct bus_guest *g)
{
	const struct vmbus_header request = { .type = VMBUS_REQUEST_OFFERS };

	bus_contact(g, VMBUS_VERSION_5_3, 1);
	bus_post(g, &request, sizeof(request));
	bus_skip(g);
}

void bus_relid(struct bus_guest *g, u32 type, u32 relid)
{
	const struct vmbus_relid m = { { .type = type }, relid };

	bus_post(g, &m, sizeof(m));
}

static void put_pfns(u8 *to, u32 first, u32 count)
{
	for (u32 i = 0; i < count; i++)
		memcpy(to + 8 * i, &(u64){ first + i }, 8);
}

void bus_gpadl(struct bus_guest *g, u32 relid, u32 gpadl, u32 first, u32 count)
{
	_Alignas(8) u8 m[VMBUS_MESSAGE_MAX] = { 0 };
	u32 done = MIN(count, HEADER_PAGES);

	*(struct vmbus_gpadl_header *)m =
		(struct vmbus_gpadl_header){ { .type = VMBUS_GPADL_HEADER }, relid, gpadl,
			(u16)(8 + 8 * count), 1, count * BUS_PAGE, 0 };
	put_pfns(m + sizeof(struct vmbus_gpadl_header), first, done);
	bus_post(g, m, (u32)sizeof(struct vmbus_gpadl_header) + 8 * done);
	while (done < count) {
		u32 n = MIN(count - done, BODY_PAGES);

		*(struct vmbus_gpadl_body *)m =
			(struct vmbus_gpadl_body){ { .type = VMBUS_GPADL_BODY }, 0, gpadl };
		put_pfns(m + sizeof(struct vmbus_gpadl_body), first + done, n);
		bus_post(g, m, (u32)sizeof(struct vmbus_gpadl_body) + 8 * n);
		done += n;
	}
}

bool bus_created(struct bus_guest *g, u32 relid, u32 gpadl)
{
	const struct vmbus_gpadl_created *r = bus_next(g, VMBUS_GPADL_CREATED, sizeof(*r));

	BUS_MUST(r != NULL && r->relid == relid && r->gpadl == gpadl);
	return r->status == 0;
}

void bus_open(struct bus_guest *g, u32 relid, u32 gpadl, u32 vp, u32 downstream)
{
	const struct vmbus_open m = { .header.type = VMBUS_OPEN_CHANNEL,
		.relid = relid,
		.open_id = relid,
		.gpadl = gpadl,
		.vp = vp,
		.downstream = downstream };

	bus_post(g, &m, sizeof(m));
}

bool bus_opened(struct bus_guest *g, u32 relid)
{
	const struct vmbus_open_result *r = bus_next(g, VMBUS_OPEN_RESULT, sizeof(*r));

	BUS_MUST(r != NULL && r->relid == relid && r->open_id == relid);
	return r->status == 0;
}

void bus_teardown(struct bus_guest *g, u32 relid, u32 gpadl)
{
	const struct vmbus_gpadl_teardown m = { { .type = VMBUS_GPADL_TEARDOWN }, relid, gpadl };

	bus_post(g, &m, sizeof(m));
}

bool bus_torndown(struct bus_guest *g, u32 gpadl)
{
	const struct vmbus_gpadl_torndown *r = bus_next(g, VMBUS_GPADL_TORNDOWN, sizeof(*r));

	return r != NULL && r->gpadl == gpadl;
}

/* ---- the guest's end of a channel ---- */

static void rings_init(struct bus_end *e)
{
	struct bus_guest *g = e->g;
	struct vmbus_ring_control *out = (void *)g->ram[e->first];
	struct vmbus_ring_control *in = (void *)g->ram[e->first + e->half];

	for (u32 i = 0; i < e->half - 1; i++) {
		e->out_pages[i] = g->ram[e->first + 1 + i];
		e->in_pages[i] = g->ram[e->first + e->half + 1 + i];
	}
	BUS_MUST(vmbus_ring_init(&e->out, out, e->out_pages, e->half - 1) == 0);
	BUS_MUST(vmbus_ring_init(&e->in, in, e->in_pages, e->half - 1) == 0);
	out->features = in->features = VMBUS_RING_PENDING_SEND;
}

bool bus_end_open(struct bus_end *e, struct bus_guest *g, struct vmbus_channel *c, u32 gpadl,
	u32 first, u32 count)
{
	BUS_MUST(count >= 4 && count <= BUS_END_PAGES && first + count <= g->pages);
	*e = (struct bus_end){
		.g = g, .c = c, .relid = c->relid, .gpadl = gpadl, .first = first, .half = count / 2
	};
	memset(g->ram[first], 0, (size_t)count * BUS_PAGE);
	rings_init(e);
	bus_gpadl(g, e->relid, gpadl, first, count);
	if (!bus_created(g, e->relid, gpadl))
		return false;
	bus_open(g, e->relid, gpadl, 1, e->half);
	return bus_opened(g, e->relid);
}

bool bus_end_close(struct bus_end *e)
{
	bus_relid(e->g, VMBUS_CLOSE_CHANNEL, e->relid);
	bus_teardown(e->g, e->relid, e->gpadl);
	return bus_torndown(e->g, e->gpadl);
}

bool bus_end_signal(struct bus_end *e)
{
	if (!e->g->connected[e->relid] || e->c->state != VMBUS_CHANNEL_OPEN)
		return false;
	vmbus_server_signalled(e->c);
	bus_attend(e->g);
	return true;
}

int bus_end_write(struct bus_end *e, const struct vmbus_message *m)
{
	int r = vmbus_ring_write(&e->out, m);

	if (r == 1)
		(void)bus_end_signal(e);
	return r;
}

int bus_end_read(struct bus_end *e, struct vmbus_packet *p, void *buf, u32 size)
{
	int r = vmbus_ring_read(&e->in, p, buf, size);

	if (r >= 0 && vmbus_ring_release(&e->in) == 1)
		(void)bus_end_signal(e);
	return r;
}

/* SPDX-License-Identifier: MIT */
/*
 * The server end of the bus with a guest that does what the input says: messages well made and of any bytes, memory that it
 * changes at any time, signals; providers that are slow to end, offers that come and go, no memory, no connections. What
 * is to be answered is, as often as it must be; providers are called in turn; at the end nothing is left, and another
 * guest's channel works.
 * sources: tests/unit/bus_guest.c tests/unit/bus_echo.c
 * sources: vmbus/server.c vmbus/server_messages.c vmbus/channel.c vmbus/gpadl.c vmbus/ring.c lib/string.c
 */
#include "tests/fuzz/fuzz_input.h"
#include "tests/unit/bus_echo.h"

#define PAGES  48u
#define ECHOES 3u /* the last one a sub-channel of the first */
#define RINGS  8u

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

enum {
	CONNECT,
	GPADL,
	OPEN,
	TEARDOWN,
	RELID, /* a message that has only that */
	MODIFY,
	UNLOAD,
	RAW,
	SIGNAL,
	PACKET,
	MEMORY,
	WITHDRAW,
	BUSY,
	ENDED,
	LACK,
	STEPS
};

static struct bus_guest guest, other;
static struct bus_echo echoes[ECHOES], others;
static bool there[ECHOES];
static struct fuzz_input input;

/* ---- what is offered ---- */

static void offer(u32 i)
{
	bool sub = i == ECHOES - 1;

	if (sub && (!there[0] || echoes[0].c.state != VMBUS_CHANNEL_OPEN))
		return;
	there[i] = bus_echo_offer(&echoes[i], &guest, (u8)(sub ? 1 : i + 1),
			   sub ? &echoes[0] : NULL, sub ? 1 : 0) == 0;
}

/* Who was released may be offered again. */
static void look_after(void)
{
	bus_attend(&guest);
	for (u32 i = 0; i < ECHOES; i++) {
		const struct vmbus_channel *c = &echoes[i].c;

		if (!there[i])
			continue;
		if (echoes[i].released)
			there[i] = false;
		else if (c->relid != 0)
			BUS_MUST(guest.connected[c->relid] ==
				 (c->state == VMBUS_CHANNEL_OPEN ||
					 c->state == VMBUS_CHANNEL_CLOSING));
	}
	BUS_MUST(guest.server.gpadls.pages <= VMBUS_GPADL_PAGES_MAX);
}

/* ---- steps ---- */

static bool is_listened_to(void)
{
	return guest.server.version != 0 && !guest.server.resetting;
}

/* What there may be, and sometimes what there is not. */
static u32 any_relid(void)
{
	return input_u8(&input) % 5;
}

static void connect_one(void)
{
	const struct vmbus_header request = { .type = VMBUS_REQUEST_OFFERS };
	u32 how = input_u8(&input);

	if (how % 4 != 3)
		bus_contact(&guest, how % 4 == 2 ? VMBUS_VERSION_4_1 : VMBUS_VERSION_5_3, how / 4);
	if (how % 4 != 1)
		bus_post(&guest, &request, sizeof(request));
}

/* A whole one is answered once, with whatever result. */
static void gpadl(void)
{
	u32 relid = any_relid(), id = input_u8(&input) % 4, first = input_u8(&input);
	u32 count = 1 + input_u8(&input) % 40, before = guest.sent_of[VMBUS_GPADL_CREATED];
	const struct vmbus_gpadl *g = vmbus_gpadl_named(&guest.server.gpadls, id);
	/* Else its second message belongs to the first one of another. */
	bool waits = g != NULL && g->filled < g->pages, listens = is_listened_to();

	bus_gpadl(&guest, relid, id, first, count);
	BUS_MUST(waits || guest.sent_of[VMBUS_GPADL_CREATED] == before + listens);
}

static void open_one(void)
{
	u32 relid = any_relid(), id = input_u8(&input) % 4, how = input_u8(&input);
	u32 before = guest.sent_of[VMBUS_OPEN_RESULT];
	bool listens = is_listened_to();

	bus_open(&guest, relid, id, how % 8 == 7 ? VMBUS_NO_VP : how % 8, how / 8);
	BUS_MUST(guest.sent_of[VMBUS_OPEN_RESULT] == before + listens);
}

/* At once, or when its channel has ended, and not twice. */
static void teardown(void)
{
	u32 relid = any_relid(), id = input_u8(&input) % 4;
	struct vmbus_gpadl *g = vmbus_gpadl_named(&guest.server.gpadls, id);
	bool now = is_listened_to() && (g == NULL || g->users == 0);
	u32 before = guest.sent_of[VMBUS_GPADL_TORNDOWN];

	bus_teardown(&guest, relid, id);
	BUS_MUST(guest.sent_of[VMBUS_GPADL_TORNDOWN] == before + now);
	if (is_listened_to() && now)
		BUS_MUST(vmbus_gpadl_named(&guest.server.gpadls, id) == NULL);
}

static void relid(void)
{
	static const u32 types[] = { VMBUS_CLOSE_CHANNEL, VMBUS_RELID_RELEASED };
	u32 type = types[input_u8(&input) % 2];

	bus_relid(&guest, type, any_relid());
}

static void modify(void)
{
	const struct vmbus_modify m = { { .type = VMBUS_MODIFY_CHANNEL }, any_relid(),
		input_u8(&input) % 6 };

	bus_post(&guest, &m, sizeof(m));
}

static void unload(void)
{
	const struct vmbus_header m = { .type = VMBUS_UNLOAD };

	bus_post(&guest, &m, sizeof(m));
}

static void raw(void)
{
	_Alignas(8) u8 m[VMBUS_MESSAGE_MAX + 8];
	u32 size = input_u8(&input) % sizeof(m);

	input_bytes(&input, m, size);
	bus_post(&guest, m, size);
}

static void signal_one(void)
{
	struct bus_echo *e = &echoes[input_u8(&input) % ECHOES];

	if (there[e - echoes] && e->c.state == VMBUS_CHANNEL_OPEN)
		vmbus_server_signalled(&e->c);
}

/* Puts a packet at the beginning of the ring in @first, with an index behind it. */
static void packet(void)
{
	u32 first = input_u8(&input) % (PAGES - 1), at = input_u8(&input) % 64 * 8;
	struct vmbus_descriptor d = { .transaction = 1 };
	u32 write;

	if (guest.kinds[first] != BUS_RAM || guest.kinds[first + 1] != BUS_RAM)
		return;
	d.type = input_u8(&input) % 12;
	d.header8 = input_u8(&input) % 8;
	d.length8 = input_u8(&input);
	memcpy(guest.ram[first + 1] + at, &d, sizeof(d));
	write = at + d.length8 * 8 + 8;
	memcpy(guest.ram[first], &write, sizeof(write));
}

static void change_memory(void)
{
	u32 page = input_u8(&input) % PAGES, at = input_u16(&input) % BUS_PAGE;
	u32 size = 1 + input_u8(&input) % 32;

	if (guest.kinds[page] == BUS_RAM)
		input_bytes(&input, guest.ram[page] + at, MIN(size, BUS_PAGE - at));
}

static void step(u32 kind)
{
	u32 i;

	switch (kind) {
	case CONNECT:
		connect_one();
		break;
	case GPADL:
		gpadl();
		break;
	case OPEN:
		open_one();
		break;
	case TEARDOWN:
		teardown();
		break;
	case RELID:
		relid();
		break;
	case MODIFY:
		modify();
		break;
	case UNLOAD:
		unload();
		break;
	case RAW:
		raw();
		break;
	case SIGNAL:
		signal_one();
		break;
	case PACKET:
		packet();
		break;
	case MEMORY:
		change_memory();
		break;
	case WITHDRAW:
		i = input_u8(&input) % ECHOES;
		if (there[i])
			vmbus_server_withdraw(&echoes[i].c);
		else
			offer(i);
		break;
	case BUSY:
		i = input_u8(&input);
		echoes[i % ECHOES].busy = i & 128;
		break;
	case ENDED:
		bus_echo_end(&echoes[input_u8(&input) % ECHOES]);
		break;
	case LACK:
		i = input_u8(&input);
		bus_fail_after = i & 1;
		guest.no_connections = i & 2;
		echoes[i / 8 % ECHOES].refuses = i & 4 ? -ENOMEM : 0;
		break;
	}
}

static void check_other(void)
{
	static struct bus_end end;

	bus_fail_after = 0;
	BUS_MUST(bus_end_open(&end, &other, &others.c, 1, 0, RINGS));
	BUS_MUST(bus_echo_works(&end, 7, 64) && bus_end_close(&end));
	BUS_MUST(other.server.malformed == 0 && others.opened == 1);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	input = (struct fuzz_input){ data, size };
	memset(echoes, 0, sizeof(echoes));
	memset(there, 0, sizeof(there));
	bus_objects = bus_fail_after = 0;
	bus_guest_make(&guest, PAGES);
	bus_guest_make(&other, RINGS);
	bus_set_aside(&guest, PAGES - 1, BUS_READ_ONLY);
	bus_set_aside(&guest, PAGES - 2, BUS_FOREIGN);
	offer(0);
	offer(1);
	BUS_MUST(bus_echo_offer(&others, &other, 1, NULL, 0) == 0);
	bus_connect(&other);
	while (input.left > 0) {
		step(input_u8(&input) % STEPS);
		look_after();
	}
	check_other();
	for (u32 i = 0; i < ECHOES; i++)
		bus_echo_end(&echoes[i]);
	bus_guest_end(&guest);
	bus_guest_end(&other);
	BUS_MUST(bus_objects == 0);
	return 0;
}

/* SPDX-License-Identifier: MIT */
/*
 * A server of the bus that is saved and made anew, with providers that have a little to say, and a guest that has got
 * everything there can be under way.
 */
#pragma once

#include "tests/unit/vmbus_guest.h"
#include "vmbus/server_state.h"

#define GPADL      5u
#define RINGS      100u
#define RING_PAGES 8u /* two rings with three pages of data each */
#define DATA_PAGES 3u

/* ---- providers ---- */

struct device {
	struct vmbus_channel c;
	u32 value; /* that it keeps */
	u32 subchannels;
	u32 signals, starts, released;
	bool busy; /* has something under way */
	int load_error;
	void (*meanwhile)(void); /* what happens while it is signalled */
};

/* A primary, another one, the first one's sub-channels, and one more. */
static struct device devices[5];

static struct device *device_of(struct vmbus_channel *c)
{
	return container_of(c, struct device, c);
}

static int device_open(struct vmbus_channel *c)
{
	device_of(c)->busy = false;
	return 0;
}

static void device_close(struct vmbus_channel *c)
{
	if (!device_of(c)->busy)
		vmbus_channel_closed(c);
}

static void device_signalled(struct vmbus_channel *c)
{
	struct device *d = device_of(c);

	d->signals++;
	if (d->meanwhile != NULL)
		d->meanwhile();
}

static void device_released(struct vmbus_channel *c)
{
	device_of(c)->released++;
}

static bool device_is_idle(struct vmbus_channel *c)
{
	return !device_of(c)->busy;
}

static void device_start(struct vmbus_channel *c)
{
	device_of(c)->starts++;
}

static void device_save(struct vmbus_channel *c, struct vmbus_state_writer *w)
{
	vmbus_state_put(w, &device_of(c)->value, 4);
	vmbus_state_put(w, &device_of(c)->subchannels, 4);
}

static struct device *offer(u32 i, struct vmbus_channel *primary, u16 subchannel);

static int device_load(struct vmbus_channel *c, struct vmbus_state_reader *r)
{
	struct device *d = device_of(c);
	u32 subchannels;

	if (vmbus_state_get(r, &d->value, 4) != 0 || vmbus_state_get(r, &subchannels, 4) != 0 ||
		subchannels > 2 || (subchannels > 0 && d != &devices[0]))
		return -EINVAL;
	for (u32 i = 0; i < subchannels; i++)
		(void)offer(2 + i, c, (u16)(i + 1));
	d->subchannels = subchannels;
	return d->load_error;
}

static const struct vmbus_provider_state provider_state = {
	.is_idle = device_is_idle,
	.start = device_start,
	.save = device_save,
	.load = device_load,
};

static const struct vmbus_provider provider = {
	.open = device_open,
	.close = device_close,
	.signalled = device_signalled,
	.released = device_released,
	.state = &provider_state,
};

static struct device *offer(u32 i, struct vmbus_channel *primary, u16 subchannel)
{
	struct device *d = &devices[i];

	*d = (struct device){ .c = { .provider = &provider,
				      .interface = { { 1, 2, 3 } },
				      .instance = { { (u8)(primary != NULL ? 1 : i + 1) } },
				      .primary = primary,
				      .subchannel = subchannel } };
	assert_int_equal(vmbus_server_offer(&s, &d->c), 0);
	return d;
}

static int setup(void **state)
{
	(void)state;
	sent_count = taken = connections = attends = interrupts = 0;
	no_memory = false;
	seed = 1;
	memset(ram, 0, sizeof(ram));
	vmbus_server_init(&s, &host, VPS);
	(void)offer(0, NULL, 0);
	(void)offer(1, NULL, 0);
	return 0;
}

static void end(void)
{
	if (!vmbus_server_end(&s))
		attend();
	attends = 0;
	assert_true(objects == 0 && connections == 0 && s.channel_count == 0);
}

static int teardown(void **state)
{
	(void)state;
	end();
	return 0;
}

/* ---- states ---- */

static u8 bytes[16384];
static u64 size;

/* Of a server that is stopped: with room for all, for nothing, and for one byte less. */
static void save(void)
{
	struct vmbus_state_writer measure = { .room = 0 }, w;

	assert_int_equal(vmbus_server_save(&s, &measure), -ENOSPC);
	size = measure.size;
	assert_true(size < sizeof(bytes));
	memset(bytes, 0xa5, sizeof(bytes));
	w = (struct vmbus_state_writer){ .to = bytes, .room = size - 1 };
	assert_int_equal(vmbus_server_save(&s, &w), -ENOSPC);
	assert_true(w.size == size && bytes[size - 1] == 0xa5);
	w = (struct vmbus_state_writer){ .to = bytes, .room = size };
	assert_int_equal(vmbus_server_save(&s, &w), 0);
	assert_true(w.size == size && bytes[size] == 0xa5);
}

/* Another server, with the same primaries and nothing else. */
static void fresh(void)
{
	vmbus_server_init(&s, &host, VPS);
	(void)offer(0, NULL, 0);
	(void)offer(1, NULL, 0);
}

/* The first one ends, and what it does to the guest's memory by that is not seen. */
static void replace(void)
{
	static u8 kept[RAM_PAGES][4096];

	memcpy(kept, ram, sizeof(ram));
	end();
	sent_count = taken;
	memcpy(ram, kept, sizeof(ram));
	fresh();
}

/* From exactly so much memory, that the sanitizer sees who reads beyond it. */
static int load(const void *from, u64 length)
{
	void *copy = malloc(length > 0 ? length : 1);
	int error;

	memcpy(copy, from, length);
	error = vmbus_server_load(&s, copy, length);
	free(copy);
	return error;
}

/* ---- the guest ---- */

static struct vmbus_ring out, in;
static u32 x, y, z; /* of the devices, and of the first sub-channel */

static void guest_rings(void)
{
	static u8 *out_pages[DATA_PAGES], *in_pages[DATA_PAGES];

	for (u32 i = 0; i < DATA_PAGES; i++) {
		out_pages[i] = ram[RINGS + 1 + i];
		in_pages[i] = ram[RINGS + RING_PAGES / 2 + 1 + i];
	}
	assert_int_equal(vmbus_ring_init(&out, (void *)ram[RINGS], out_pages, DATA_PAGES), 0);
	assert_int_equal(
		vmbus_ring_init(&in, (void *)ram[RINGS + RING_PAGES / 2], in_pages, DATA_PAGES), 0);
}

static void guest_open(void)
{
	memset(ram[RINGS], 0, RING_PAGES * 4096);
	post_gpadl(x, GPADL, RINGS, RING_PAGES);
	expect_created(x, GPADL, true);
	post_open(x, GPADL, 2, RING_PAGES / 2);
	expect_opened(x, true);
	guest_rings();
}

static void guest_connect(u32 version)
{
	connect_with(version);
	x = expect_offer(&devices[0].c);
	y = expect_offer(&devices[1].c);
	expect(VMBUS_ALL_OFFERS_DELIVERED, sizeof(struct vmbus_header));
}

static int put(struct vmbus_channel *c, u64 id)
{
	static const u8 data[1000];
	const struct vmbus_message m = {
		.type = VMBUS_PACKET_INBAND, .transaction = id, .payload = { data, sizeof(data) }
	};

	return c != NULL ? vmbus_channel_write(c, &m) : vmbus_ring_write(&out, &m);
}

/* The next one's number; 0: there is none. */
static u64 get(struct vmbus_channel *c)
{
	struct vmbus_packet p;
	u8 buf[2000];
	int r = c != NULL ? vmbus_channel_read(c, &p, buf, sizeof(buf))
			  : vmbus_ring_read(&in, &p, buf, sizeof(buf));

	assert_true(r >= 0);
	return r == 1 ? p.transaction : 0;
}

/* The header of a GPADL of 60 pages from 300 on; what follows in two messages. */
static void half_tell(u32 gpadl)
{
	u8 m[VMBUS_MESSAGE_MAX] = { 0 };
	struct vmbus_gpadl_header *h = (void *)m;

	*h = (struct vmbus_gpadl_header){ { .type = VMBUS_GPADL_HEADER }, x, gpadl, 8 + 8 * 60, 1,
		60 * 4096, 0 };
	for (u64 i = 0; i < 26; i++)
		memcpy(m + sizeof(*h) + 8 * i, &(u64){ 300 + i }, 8);
	post(m, sizeof(*h) + 8 * 26);
}

static void tell_rest(u32 gpadl)
{
	u8 m[VMBUS_MESSAGE_MAX] = { 0 };
	struct vmbus_gpadl_body *b = (void *)m;

	*b = (struct vmbus_gpadl_body){ { .type = VMBUS_GPADL_BODY }, 0, gpadl };
	for (u64 i = 26; i < 60; i += 17) {
		for (u64 k = 0; k < 17; k++)
			memcpy(m + sizeof(*b) + 8 * k, &(u64){ 300 + i + k }, 8);
		post(m, sizeof(*b) + 8 * 17);
	}
}

/*
 * All that there can be: the first device open with packets half read both ways, its memory asked back; two sub-channels,
 * one of them open; GPADLs whole and half told; the second device taken back, and the guest has not let go of it.
 */
static void make_traffic(void)
{
	struct vmbus_channel *a = &devices[0].c;

	guest_connect(VMBUS_VERSION_5_3);
	guest_open();
	devices[0].value = 4711;
	devices[0].subchannels = 2;
	(void)offer(2, a, 1);
	(void)offer(3, a, 2);
	z = expect_offer(&devices[2].c);
	(void)expect_offer(&devices[3].c);
	post_gpadl(z, 8, 200, 64);
	expect_created(z, 8, true);
	post_open(z, 8, VMBUS_NO_VP, 32);
	expect_opened(z, true);
	for (u64 id = 1; id <= 4; id++)
		assert_true(put(NULL, id) >= 0);
	assert_true(get(a) == 1 && get(a) == 2);
	assert_true(vmbus_channel_pause(a));
	assert_true(get(a) == 3);
	for (u64 id = 11; id <= 13; id++)
		assert_int_equal(put(a, id), 0);
	assert_true(get(NULL) == 11);
	half_tell(6);
	post_gpadl(x, 7, 400, 3);
	expect_created(x, 7, true);
	post_teardown(x, GPADL);
	vmbus_server_withdraw(&devices[1].c);
	expect(VMBUS_RESCIND_OFFER, sizeof(struct vmbus_relid));
	expect_none();
}

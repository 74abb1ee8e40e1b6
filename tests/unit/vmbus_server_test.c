/* SPDX-License-Identifier: MIT */
/*
 * The server end of the bus against a guest that is played by the test: versions, offers, GPADLs in
 * several messages, opening, closing, rescind, unload and a new contact in the middle of all;
 * packets both ways; and messages of every kind at random.
 * sources: vmbus/server.c vmbus/server_messages.c vmbus/channel.c vmbus/gpadl.c vmbus/ring.c lib/string.c
 */
#include "tests/unit/vmbus_guest.h"

/* ---- providers ---- */

struct device {
	struct vmbus_channel c;
	u32 opened, closing, released, signals;
	bool busy; /* does not end at once */
	int refuses;
	void (*meanwhile)(void); /* what happens while it is signalled */
};

static struct device devices[4];

static struct device *device_of(struct vmbus_channel *c)
{
	return container_of(c, struct device, c);
}

static int device_open(struct vmbus_channel *c)
{
	struct device *d = device_of(c);

	if (d->refuses != 0)
		return d->refuses;
	d->opened++;
	return 0;
}

static void device_close(struct vmbus_channel *c)
{
	device_of(c)->closing++;
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

static const struct vmbus_provider provider = {
	.open = device_open,
	.close = device_close,
	.signalled = device_signalled,
	.released = device_released,
};

static struct device *offer(u32 i, struct vmbus_channel *primary, u16 subchannel)
{
	struct device *d = &devices[i];

	*d = (struct device){ .c = { .provider = &provider,
				      .interface = { { 1, 2, 3 } },
				      .instance = { { (u8)(primary != NULL ? 9 : i + 1) } },
				      .primary = primary,
				      .subchannel = subchannel } };
	assert_int_equal(vmbus_server_offer(&s, &d->c), 0);
	return d;
}

/* 64 pages from @first on as both rings. */
static void open_whole(u32 relid, u32 gpadl, u32 first)
{
	memset(ram[first], 0, 64 * 4096);
	post_gpadl(relid, gpadl, first, 64);
	expect_created(relid, gpadl, true);
	post_open(relid, gpadl, 2, 32);
	expect_opened(relid, true);
}

static int setup(void **state)
{
	(void)state;
	sent_count = taken = connections = attends = interrupts = 0;
	no_memory = false;
	seed = 1;
	vmbus_server_init(&s, &host, VPS);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(devices); i++)
		if (devices[i].busy && devices[i].c.state == VMBUS_CHANNEL_CLOSING)
			vmbus_channel_closed(&devices[i].c);
	for (u32 i = 0; i < ARRAY_SIZE(devices); i++)
		devices[i].busy = false;
	if (!vmbus_server_end(&s))
		attend();
	attends = 0;
	return objects == 0 && connections == 0 && s.channel_count == 0 ? 0 : -1;
}

static void versions(void **state)
{
	static const u32 good[] = { VMBUS_VERSION_2_4, VMBUS_VERSION_3_0, VMBUS_VERSION_4_0,
		VMBUS_VERSION_4_1, VMBUS_VERSION_5_0, VMBUS_VERSION_5_1, VMBUS_VERSION_5_2,
		VMBUS_VERSION_5_3 };
	static const u32 bad[] = { 0, 13, VMBUS_VERSION(1, 1), VMBUS_VERSION(5, 4), ~0u };

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(good); i++) {
		const struct vmbus_version_response *r;

		post_contact(good[i], 3);
		r = expect(VMBUS_VERSION_RESPONSE, sizeof(*r));
		assert_int_equal(r->supported, 1);
		assert_int_equal(r->connection, good[i] >= VMBUS_VERSION_5_0 ? 1 : 0);
		assert_int_equal(sent[taken - 1].vp, good[i] < VMBUS_VERSION_3_0 ? 0 : 3);
	}
	for (u32 i = 0; i < ARRAY_SIZE(bad); i++) {
		const struct vmbus_version_response *r;

		post_contact(bad[i], 7);
		r = expect(VMBUS_VERSION_RESPONSE, sizeof(*r));
		assert_int_equal(r->supported, 0);
		assert_int_equal(s.version, 0);
		assert_int_equal(sent[taken - 1].vp, 0);
	}
	/* Without a version there are no offers. */
	post_relid(VMBUS_REQUEST_OFFERS, 0);
	expect_none();
}

static void life(void **state)
{
	struct device *a = offer(0, NULL, 0), *b;
	u32 relid, other;

	(void)state;
	expect_none();
	connect_with(VMBUS_VERSION_5_3);
	relid = expect_offer(&a->c);
	expect(VMBUS_ALL_OFFERS_DELIVERED, sizeof(struct vmbus_header));
	/* Added while it runs. */
	b = offer(1, NULL, 0);
	other = expect_offer(&b->c);
	assert_int_not_equal(relid, other);
	for (u32 i = 0; i < 3; i++) {
		open_whole(relid, 0xe1e10 + i, 100);
		assert_int_equal(a->opened, i + 1);
		assert_string_equal((char *)a->c.open_user, "hello");
		assert_int_equal(connections, 1);
		/* Open already; a GPADL that is in use. */
		post_open(relid, 0xe1e10 + i, 2, 32);
		expect_opened(relid, false);
		post_relid(VMBUS_CLOSE_CHANNEL, relid);
		assert_int_equal(a->closing, i + 1);
		assert_int_equal(connections, 0);
		post_teardown(relid, 0xe1e10 + i);
		expect_torndown(0xe1e10 + i);
	}
	expect_none();
	assert_int_equal(objects, 0);
}

/* Packets both ways, and who is told of them. */
static void packets(void **state)
{
	static const u8 data[64] = "packet";
	const struct vmbus_message m = {
		.type = VMBUS_PACKET_INBAND, .transaction = 7, .payload = { data, sizeof(data) }
	};
	const struct vmbus_modify modify = { { .type = VMBUS_MODIFY_CHANNEL }, 1, 3 };
	struct device *a = offer(0, NULL, 0);
	struct vmbus_ring out, in;
	struct vmbus_packet p;
	u8 *out_pages[31], *in_pages[31], buf[128];

	(void)state;
	connect_with(VMBUS_VERSION_5_3);
	assert_int_equal(expect_offer(&a->c), 1);
	expect(VMBUS_ALL_OFFERS_DELIVERED, sizeof(struct vmbus_header));
	open_whole(1, 5, 100);
	for (u32 i = 0; i < 31; i++) {
		out_pages[i] = ram[101 + i];
		in_pages[i] = ram[133 + i];
	}
	assert_int_equal(vmbus_ring_init(&out, (void *)ram[100], out_pages, 31), 0);
	assert_int_equal(vmbus_ring_init(&in, (void *)ram[132], in_pages, 31), 0);
	assert_int_equal(vmbus_ring_write(&out, &m), 1);
	vmbus_server_signalled(&a->c);
	assert_true(a->signals == 1 && a->c.signals == 1);
	vmbus_channel_resume(&a->c);
	assert_int_equal(vmbus_channel_read(&a->c, &p, buf, sizeof(buf)), 1);
	assert_memory_equal(buf + p.header, data, sizeof(data));
	assert_int_equal(vmbus_ring_write(&out, &m), 0);
	assert_true(vmbus_channel_pause(&a->c));
	assert_int_equal(vmbus_channel_read(&a->c, &p, buf, sizeof(buf)), 1);
	assert_false(vmbus_channel_pause(&a->c));
	assert_int_equal(vmbus_channel_write(&a->c, &m), 0);
	assert_true(interrupts == 1 && last_vp == 2 && last_relid == 1);
	assert_int_equal(vmbus_channel_write(&a->c, &m), 0);
	assert_int_equal(interrupts, 1);
	post(&modify, sizeof(modify));
	expect(VMBUS_MODIFY_RESPONSE, sizeof(struct vmbus_modify_response));
	assert_int_equal(vmbus_ring_read(&in, &p, buf, sizeof(buf)), 1);
	assert_int_equal(vmbus_ring_read(&in, &p, buf, sizeof(buf)), 1);
	assert_int_equal(vmbus_ring_release(&in), 0);
	assert_int_equal(vmbus_channel_write(&a->c, &m), 0);
	assert_true(interrupts == 2 && last_vp == 3);
	assert_true(a->c.packets_in == 2 && a->c.packets_out == 3 && a->c.interrupts == 2);
	/* An index that makes no sense closes this channel, and no other. */
	out.control->write = 5;
	assert_int_equal(vmbus_channel_read(&a->c, &p, buf, sizeof(buf)), -EPROTO);
	assert_int_equal(vmbus_channel_write(&a->c, &m), -EPROTO);
	attend();
	assert_int_equal(a->closing, 1);
	assert_int_equal(a->c.state, VMBUS_CHANNEL_OFFERED);
}

static void close_meanwhile(void)
{
	struct vmbus_packet p;
	u8 buf[128];

	post_relid(VMBUS_CLOSE_CHANNEL, 1);
	post_teardown(1, 5);
	assert_int_equal(devices[0].closing, 1);
	/* The rings are still used: the guest does not hear that it has them back. But nothing more is read. */
	expect_none();
	assert_int_equal(vmbus_channel_read(&devices[0].c, &p, buf, sizeof(buf)), 0);
	assert_false(vmbus_channel_pause(&devices[0].c));
}

/* The guest closes a channel while its provider runs: its memory stays until that has returned. */
static void closed_while_signalled(void **state)
{
	static const u8 data[8];
	const struct vmbus_message m = { .type = VMBUS_PACKET_INBAND, .payload = { data, 8 } };
	struct device *a = offer(0, NULL, 0);
	u8 *pages[] = { ram[101] };
	struct vmbus_ring out;

	(void)state;
	connect_with(VMBUS_VERSION_5_3);
	assert_int_equal(expect_offer(&a->c), 1);
	expect(VMBUS_ALL_OFFERS_DELIVERED, sizeof(struct vmbus_header));
	open_whole(1, 5, 100);
	assert_int_equal(vmbus_ring_init(&out, (void *)ram[100], pages, 1), 0);
	assert_true(vmbus_ring_write(&out, &m) >= 0);
	a->meanwhile = close_meanwhile;
	vmbus_server_signalled(&a->c);
	attend();
	expect_torndown(5);
	/* A signal that comes late is nobody's. */
	vmbus_server_signalled(&a->c);
	attend();
	assert_int_equal(a->signals, 1);
	a->meanwhile = NULL;
	open_whole(1, 6, 100);
	vmbus_server_signalled(&a->c);
	assert_int_equal(a->signals, 2);
}

/* What is refused leaves nothing behind. */
static void refusals(void **state)
{
	static const struct {
		u32 gpadl, vp, downstream;
	} opens[] = { { 6, 2, 32 }, { 5, VPS, 32 }, { 5, 2, 0 }, { 5, 2, 1 }, { 5, 2, 63 },
		{ 5, 2, 64 }, { 5, 2, ~0u } };
	struct device *a = offer(0, NULL, 0), *b = offer(1, NULL, 0);
	u32 x, y;

	(void)state;
	connect_with(VMBUS_VERSION_4_0);
	x = expect_offer(&a->c);
	y = expect_offer(&b->c);
	expect(VMBUS_ALL_OFFERS_DELIVERED, sizeof(struct vmbus_header));
	memset(ram, 0, sizeof(ram));
	post_gpadl(x, 5, 100, 64);
	expect_created(x, 5, true);
	post_gpadl(x, 5, 100, 20); /* the number is in use */
	expect_created(x, 5, false);
	post_gpadl(x, 7, RAM_PAGES - 1, 3); /* beyond the RAM */
	expect_created(x, 7, false);
	post_gpadl(x, 7, RAM_PAGES - 30, 40); /* in the second message */
	expect_created(x, 7, false);
	post_gpadl(999, 8, 100, 4);
	expect_created(999, 8, false);
	no_memory = true;
	post_gpadl(x, 8, 100, 4);
	expect_created(x, 8, false);
	no_memory = false;
	for (u32 i = 0; i < ARRAY_SIZE(opens); i++) {
		post_open(x, opens[i].gpadl, opens[i].vp, opens[i].downstream);
		expect_opened(x, false);
	}
	post_open(y, 5, 2, 32); /* another channel's memory */
	expect_opened(y, false);
	a->refuses = -ENOMEM;
	post_open(x, 5, 2, 32);
	expect_opened(x, false);
	assert_int_equal(connections, 0);
	a->refuses = 0;
	memcpy(ram[100], &(u32){ 12 }, 4); /* an index that makes no sense */
	post_open(x, 5, 2, 32);
	expect_opened(x, false);
	memset(ram[100], 0, 4);
	post_open(x, 5, VMBUS_NO_VP, 32);
	expect_opened(x, true);
	post_teardown(x, 99);
	expect_torndown(99);
	/* While the rings are in it, it stays; then the answer comes. */
	post_teardown(x, 5);
	expect_none();
	a->busy = true;
	post_relid(VMBUS_CLOSE_CHANNEL, x);
	expect_none();
	post_open(x, 5, 2, 32);
	expect_opened(x, false);
	vmbus_channel_closed(&a->c);
	attend();
	expect_torndown(5);
	expect_none();
}

/* Less memory than two rings take, whatever is said of the second one's place. */
static void too_little_for_rings(void **state)
{
	struct device *a = offer(0, NULL, 0);
	u32 x;

	(void)state;
	connect_with(VMBUS_VERSION_5_3);
	x = expect_offer(&a->c);
	expect(VMBUS_ALL_OFFERS_DELIVERED, sizeof(struct vmbus_header));
	memset(ram, 0, sizeof(ram));
	for (u32 pages = 1; pages < 4; pages++) {
		post_gpadl(x, pages, 300, pages);
		expect_created(x, pages, true);
		for (u32 at = 0; at < 6; at++) {
			post_open(x, pages, 2, at);
			expect_opened(x, false);
		}
		post_open(x, pages, 2, ~0u);
		expect_opened(x, false);
	}
	assert_int_equal(a->opened, 0);
	post_gpadl(x, 4, 300, 4);
	expect_created(x, 4, true);
	post_open(x, 4, 2, 2);
	expect_opened(x, true);
}

static void rescinds(void **state)
{
	struct device *a = offer(0, NULL, 0), *b = offer(1, NULL, 0), *sub;
	u32 x, y, z;

	(void)state;
	connect_with(VMBUS_VERSION_5_2);
	x = expect_offer(&a->c);
	y = expect_offer(&b->c);
	expect(VMBUS_ALL_OFFERS_DELIVERED, sizeof(struct vmbus_header));
	/* Closed: at once. */
	vmbus_server_withdraw(&b->c);
	expect(VMBUS_RESCIND_OFFER, sizeof(struct vmbus_relid));
	assert_int_equal(b->released, 0);
	post_relid(VMBUS_RELID_RELEASED, y);
	assert_int_equal(b->released, 1);
	/* A sub-channel goes with its primary. */
	open_whole(x, 5, 100);
	sub = offer(2, &a->c, 1);
	z = expect_offer(&sub->c);
	open_whole(z, 6, 200);
	a->busy = true;
	post_relid(VMBUS_CLOSE_CHANNEL, z);
	post_relid(VMBUS_CLOSE_CHANNEL, x);
	expect_none();
	vmbus_channel_closed(&a->c);
	attend();
	expect(VMBUS_RESCIND_OFFER, sizeof(struct vmbus_relid));
	post_relid(VMBUS_RELID_RELEASED, z);
	assert_int_equal(sub->released, 1);
	/* Open: when its provider has ended. The guest does not tear down what it shared. */
	post_teardown(x, 5);
	expect_torndown(5);
	open_whole(x, 7, 100);
	vmbus_server_withdraw(&a->c);
	vmbus_server_withdraw(&a->c);
	expect_none();
	vmbus_channel_closed(&a->c);
	attend();
	expect(VMBUS_RESCIND_OFFER, sizeof(struct vmbus_relid));
	post_relid(VMBUS_CLOSE_CHANNEL, x);
	post_relid(VMBUS_RELID_RELEASED, x);
	assert_int_equal(a->released, 1);
	assert_int_equal(objects, 0);
	expect_none();
}

/* Unload, and a contact without one: all is closed first, and nothing is left. */
static void anew(void **state)
{
	const struct vmbus_header unload = { .type = VMBUS_UNLOAD };
	struct device *a = offer(0, NULL, 0), *sub;
	u32 x;

	(void)state;
	for (u32 i = 0; i < 4; i++) {
		connect_with(VMBUS_VERSION_5_3);
		x = expect_offer(&a->c);
		expect(VMBUS_ALL_OFFERS_DELIVERED, sizeof(struct vmbus_header));
		open_whole(x, 5, 100);
		sub = offer(1, &a->c, 1);
		(void)expect_offer(&sub->c);
		post_gpadl(x, 6, 300, 60);
		expect_created(x, 6, true);
		a->busy = true;
		if (i % 2)
			post(&unload, sizeof(unload));
		else
			post_contact(VMBUS_VERSION_4_1, 0);
		/* Nobody is listened to until the device has ended. */
		post_gpadl(x, 8, 100, 4);
		expect_none();
		vmbus_channel_closed(&a->c);
		attend();
		if (i % 2)
			expect(VMBUS_UNLOAD_RESPONSE, sizeof(unload));
		else
			expect(VMBUS_VERSION_RESPONSE, sizeof(struct vmbus_version_response));
		assert_int_equal(sub->released, 1);
		assert_int_equal(objects, 0);
		assert_int_equal(connections, 0);
		a->busy = false;
	}
	expect_none();
}

/* Anything at all, often nearly right. */
static void nonsense(void **state)
{
	(void)state;
	(void)offer(0, NULL, 0);
	(void)offer(1, NULL, 0);
	for (u32 i = 0; i < 200000; i++) {
		u64 m[VMBUS_MESSAGE_MAX / 8 + 2];
		u32 size = any(5) ? any(VMBUS_MESSAGE_MAX + 10) : 28 + 8 * any(26);
		struct vmbus_gpadl_header *h = (void *)m;

		for (u32 k = 0; k < ARRAY_SIZE(m); k++)
			m[k] = any(3) ? any(RAM_PAGES + 2) : (u64)any(1 << 20) << any(45);
		h->header.type = any(3) ? any(26) : VMBUS_GPADL_HEADER;
		h->relid = any(4);
		if (any(2)) {
			h->gpadl = any(6);
			h->range_count = 1;
			h->byte_count = (1 + any(70)) * 4096;
			h->byte_offset = any(20) ? 0 : any(5000);
			h->range_bytes = (u16)(8 + h->byte_count / 512);
		}
		if (any(200) == 0) {
			post_contact(VMBUS_VERSION_5_3, any(5));
			post_relid(VMBUS_REQUEST_OFFERS, 0);
		}
		if (any(50) == 0) {
			u32 relid = 1 + any(3), gpadl = any(6), first = any(RAM_PAGES - 64);

			memset(ram[first], 0, 64 * 4096);
			post_gpadl(relid, gpadl, first, 64);
			post_open(relid, gpadl, any(5), 2 + any(62));
		}
		for (u32 k = 0; k < 2; k++)
			devices[k].busy = any(3) == 0;
		vmbus_server_message(&s, m, size);
		for (u32 k = 0; k < 2; k++)
			if (devices[k].c.state == VMBUS_CHANNEL_CLOSING && any(2))
				vmbus_channel_closed(&devices[k].c);
		attend();
		assert_true(s.gpadls.pages <= VMBUS_GPADL_PAGES_MAX);
		assert_true(connections <= 2);
	}
	assert_true(s.malformed > 1000);
	assert_true(devices[0].opened + devices[1].opened > 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(versions, setup, teardown),
		cmocka_unit_test_setup_teardown(life, setup, teardown),
		cmocka_unit_test_setup_teardown(packets, setup, teardown),
		cmocka_unit_test_setup_teardown(closed_while_signalled, setup, teardown),
		cmocka_unit_test_setup_teardown(refusals, setup, teardown),
		cmocka_unit_test_setup_teardown(too_little_for_rings, setup, teardown),
		cmocka_unit_test_setup_teardown(rescinds, setup, teardown),
		cmocka_unit_test_setup_teardown(anew, setup, teardown),
		cmocka_unit_test_setup_teardown(nonsense, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

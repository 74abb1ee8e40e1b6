/* SPDX-License-Identifier: MIT */
/*
 * The client end of the bus against a host that the test plays, message by message, where our own server would not
 * go: versions refused one by one, more offers than there is room for, messages that are too short, what is
 * refused or cannot be posted, and lists of pages in several messages, by their bytes.
 * sources: vmbus/client.c vmbus/ring.c lib/string.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/errno.h"
#include "vmbus/client.h"

#define PAGE     4096u
#define PAGES    70u
#define MESSAGES 80u

struct message {
	_Alignas(8) u8 bytes[VMBUS_MESSAGE_MAX];
	u32 size;
};

static u8 memory[PAGES][PAGE] __attribute__((aligned(4096)));
static struct vmbus_client client;
static struct vmbus_client_channel channel;
static struct message posted[MESSAGES], inbox[MESSAGES];
static u32 posts, came, taken, signals;
/* What the host is like. */
static u32 newest, offers, fails_at, refuses, pages_told;
static bool
	one_device; /* all offers are channels of it, and the sub-channels go when the primary is closed */

static void reply(const void *message, u32 size)
{
	assert_true(came < MESSAGES);
	memcpy(inbox[came].bytes, message, size);
	inbox[came++].size = size;
}

static void reply_offer(u32 i)
{
	const struct vmbus_offer m = { .header.type = VMBUS_OFFER_CHANNEL,
		.interface = { { 7 } },
		.instance = { { (u8)(one_device ? 1 : i) } },
		.subchannel = (u16)(i - 1),
		.relid = i,
		.connection = 0x10000 + i };

	reply(&m, sizeof(m));
}

static void reply_offers(void)
{
	const struct vmbus_header all = { .type = VMBUS_ALL_OFFERS_DELIVERED };

	for (u32 i = 1; i <= offers; i++)
		reply_offer(i);
	reply(&all, sizeof(all));
}

static void reply_torndown(void)
{
	const struct vmbus_gpadl_torndown m = { .header.type = VMBUS_GPADL_TORNDOWN };

	reply(&m, sizeof(m));
	for (u32 i = 2; one_device && i <= offers; i++)
		reply(&(struct vmbus_relid){ { .type = VMBUS_RESCIND_OFFER }, i },
			sizeof(struct vmbus_relid));
}

static void reply_gpadl(const void *message, u32 size, u32 head, u32 bytes)
{
	static u32 relid, pages;
	const struct vmbus_gpadl_header *h = message;
	struct vmbus_gpadl_created r = { .header.type = VMBUS_GPADL_CREATED };

	if (h->header.type == VMBUS_GPADL_HEADER) {
		relid = h->relid;
		pages = (bytes + PAGE - 1) / PAGE;
		pages_told = 0;
		assert_true(h->range_bytes == 8 + 8 * pages && h->range_count == 1);
	}
	for (u32 at = head; at < size; at += 8) {
		u64 pfn;

		memcpy(&pfn, (const u8 *)message + at, 8);
		assert_int_equal(pfn, 1000 + pages_told);
		pages_told++;
	}
	r.relid = relid;
	r.gpadl = ((const struct vmbus_gpadl_body *)message)->gpadl;
	if (refuses == VMBUS_GPADL_BODY)
		r.gpadl++;
	r.status = refuses == VMBUS_GPADL_HEADER;
	if (pages_told == pages)
		reply(&r, sizeof(r));
}

static void reply_open(const struct vmbus_open *m)
{
	const struct vmbus_open_result r = { { .type = VMBUS_OPEN_RESULT }, m->relid, m->open_id,
		refuses == VMBUS_OPEN_CHANNEL };

	reply(&r, sizeof(r));
}

static void answer(const void *message, u32 size)
{
	const struct vmbus_contact *m = message;
	struct vmbus_version_response version = { .header.type = VMBUS_VERSION_RESPONSE,
		.connection = 1 };
	struct vmbus_header unloaded = { .type = VMBUS_UNLOAD_RESPONSE };

	switch (m->header.type) {
	case VMBUS_INITIATE_CONTACT:
		version.supported = m->version <= newest;
		reply(&version, sizeof(version));
		break;
	case VMBUS_REQUEST_OFFERS:
		reply_offers();
		break;
	case VMBUS_GPADL_HEADER:
		reply_gpadl(message, size, sizeof(struct vmbus_gpadl_header),
			((const struct vmbus_gpadl_header *)message)->byte_count);
		break;
	case VMBUS_GPADL_BODY:
		reply_gpadl(message, size, sizeof(struct vmbus_gpadl_body), 0);
		break;
	case VMBUS_GPADL_TEARDOWN:
		reply_torndown();
		break;
	case VMBUS_OPEN_CHANNEL:
		reply_open(message);
		break;
	case VMBUS_UNLOAD:
		reply(&unloaded, sizeof(unloaded));
		break;
	}
}

static int host_post(void *context, u32 connection, const void *message, u32 size)
{
	(void)context;
	assert_true(size <= VMBUS_MESSAGE_MAX && posts < MESSAGES);
	assert_true(
		connection == VMBUS_CONNECTION_MESSAGE || connection == VMBUS_CONNECTION_CONTACT);
	if (++posts == fails_at)
		return -ENOENT;
	memcpy(posted[posts - 1].bytes, message, size);
	posted[posts - 1].size = size;
	answer(posted[posts - 1].bytes, size);
	return 0;
}

static u32 host_receive(void *context, void *message)
{
	(void)context;
	/* Or it would wait for ever. */
	assert_true(taken < came);
	memcpy(message, inbox[taken].bytes, inbox[taken].size);
	return inbox[taken++].size;
}

static void host_signal(void *context, u32 connection)
{
	(void)context;
	assert_int_equal(connection, 0x10001);
	signals++;
}

static u64 host_pfn(void *context, const void *p)
{
	(void)context;
	return 1000 + (u64)((const u8 *)p - memory[0]) / PAGE;
}

static const struct vmbus_client_host host = { NULL, host_post, host_receive, host_signal,
	host_pfn };

static int setup(void **state)
{
	(void)state;
	memset(memory, 0, sizeof(memory));
	posts = came = taken = signals = fails_at = refuses = 0;
	one_device = false;
	newest = VMBUS_VERSION_5_3;
	offers = 1;
	return 0;
}

static const struct guid interface = { { 7 } }, unknown = { { 8 } };

static const struct vmbus_client_offer *connect_to_it(void)
{
	const struct vmbus_client_offer *o;

	assert_int_equal(vmbus_client_connect(&client, &host, 1), 0);
	o = vmbus_client_find(&client, &interface, 0);
	assert_non_null(o);
	return o;
}

static u32 type_of(u32 i)
{
	return ((const struct vmbus_header *)(const void *)posted[i].bytes)->type;
}

static void versions_that_are_refused(void **state)
{
	(void)state;
	newest = VMBUS_VERSION_4_0;
	(void)connect_to_it();
	assert_true(client.version == VMBUS_VERSION_4_0 && client.connection == 1);
	/* 5.3, 5.2, 5.0, 4.1, 4.0, and then the offers. */
	assert_true(posts == 6 && type_of(5) == VMBUS_REQUEST_OFFERS);
	posts = came = taken = newest = 0;
	assert_int_equal(vmbus_client_connect(&client, &host, 1), -ENOTSUP);
	posts = came = taken = 0;
	newest = VMBUS_VERSION_5_3;
	/* The offers cannot be asked for. */
	fails_at = 2;
	assert_int_equal(vmbus_client_connect(&client, &host, 1), -EIO);
}

static void offers_that_come_and_go(void **state)
{
	const struct vmbus_offer offer = { .header.type = VMBUS_OFFER_CHANNEL, .relid = 99 };
	const struct vmbus_relid rescind = { { .type = VMBUS_RESCIND_OFFER }, 3 };

	(void)state;
	offers = VMBUS_CLIENT_OFFERS + 2;
	(void)connect_to_it();
	assert_int_equal(client.lost, 2);
	assert_null(vmbus_client_find(&client, &unknown, 0));
	assert_null(vmbus_client_find(&client, &interface, VMBUS_CLIENT_OFFERS));
	assert_non_null(vmbus_client_find(&client, &interface, 2));
	/* Too short, or of a kind that nobody waits for. */
	vmbus_client_note(&client, &offer, sizeof(offer) - 1);
	vmbus_client_note(&client, &rescind, sizeof(rescind) - 1);
	vmbus_client_note(&client, &(struct vmbus_header){ .type = VMBUS_OPEN_RESULT }, 8);
	assert_int_equal(client.lost, 5);
	vmbus_client_note(&client, &rescind, sizeof(rescind));
	assert_null(vmbus_client_find(&client, &interface, 2));
	assert_int_equal(type_of(posts - 1), VMBUS_RELID_RELEASED);
	/* Its place is another's now. */
	vmbus_client_note(&client, &offer, sizeof(offer));
	assert_int_equal(client.lost, 5);
	assert_int_equal(client.offers[2].relid, 99);
}

static void lists_of_pages(void **state)
{
	const struct vmbus_client_offer *o = connect_to_it();
	s64 gpadl;

	(void)state;
	/* 26 in the first message, 28 in each that follows. */
	posts = 0;
	gpadl = vmbus_client_share(&client, o, memory[0], 60 * PAGE - 5);
	assert_true(gpadl > 0 && posts == 3 && pages_told == 60);
	assert_true(posted[0].size == 28 + 8 * 26 && posted[1].size == 16 + 8 * 28 &&
		    posted[2].size == 16 + 8 * 6);
	assert_true(vmbus_client_share(&client, o, memory[0], 26 * PAGE) == gpadl + 1);
	assert_int_equal(posts, 4);
	vmbus_client_unshare(&client, o, (u32)gpadl);
	assert_int_equal(type_of(4), VMBUS_GPADL_TEARDOWN);
	/* It is refused, or another one is spoken of, or a message does not get through. */
	refuses = VMBUS_GPADL_HEADER;
	assert_true(vmbus_client_share(&client, o, memory[0], PAGE) == -EIO);
	refuses = VMBUS_GPADL_BODY;
	assert_true(vmbus_client_share(&client, o, memory[0], PAGE) == -EIO);
	refuses = 0;
	for (u32 i = 1; i <= 3; i++) {
		fails_at = posts + i;
		assert_true(vmbus_client_share(&client, o, memory[0], 60 * PAGE) == -EIO);
	}
	fails_at = posts + 1;
	vmbus_client_unshare(&client, o, (u32)gpadl);
	fails_at = posts + 1;
	vmbus_client_unload(&client);
	assert_true(taken == came && client.version == 0);
}

static void openings_that_fail(void **state)
{
	const struct vmbus_client_offer *o = connect_to_it();

	(void)state;
	assert_int_equal(vmbus_client_open(&client, &channel, o, memory[0], 3, 0), -EINVAL);
	assert_int_equal(
		vmbus_client_open(&client, &channel, o, memory[0], VMBUS_CLIENT_RING_PAGES + 1, 0),
		-EINVAL);
	/* Memory that is not zeroed, in either half. */
	for (u32 half = 0; half < 2; half++) {
		memory[half * 4][0] = 8;
		assert_int_equal(vmbus_client_open(&client, &channel, o, memory[0], 8, 0), -EPROTO);
		memory[half * 4][0] = 0;
	}
	refuses = VMBUS_GPADL_HEADER;
	assert_int_equal(vmbus_client_open(&client, &channel, o, memory[0], 8, 0), -EIO);
	/* What was shared for it is taken back. */
	refuses = VMBUS_OPEN_CHANNEL;
	assert_int_equal(vmbus_client_open(&client, &channel, o, memory[0], 8, 0), -EIO);
	assert_int_equal(type_of(posts - 1), VMBUS_GPADL_TEARDOWN);
	refuses = 0;
	fails_at = posts + 2;
	assert_int_equal(vmbus_client_open(&client, &channel, o, memory[0], 8, 0), -EIO);
	assert_int_equal(type_of(posts - 1), VMBUS_GPADL_TEARDOWN);
}

/* The host hears of the first packet, and of room when it waits for that. */
static void packets(void **state)
{
	static u8 data[3 * PAGE], buf[3 * PAGE];
	struct vmbus_message m = {
		.type = VMBUS_PACKET_INBAND, .transaction = 1, .payload = { data, 64 }
	};
	struct vmbus_packet p;
	struct vmbus_ring out;

	(void)state;
	assert_int_equal(vmbus_client_open(&client, &channel, connect_to_it(), memory[0], 8, 0), 0);
	assert_int_equal(vmbus_client_write(&client, &channel, &m), 0);
	assert_int_equal(vmbus_client_write(&client, &channel, &m), 0);
	assert_int_equal(signals, 1);
	m.payload.len = 3 * PAGE;
	assert_int_equal(vmbus_client_write(&client, &channel, &m), -EMSGSIZE);
	/* The host's end of the other ring. */
	assert_int_equal(vmbus_ring_init(&out, channel.from_host.control, &channel.pages[5], 3), 0);
	assert_int_equal(vmbus_client_read(&client, &channel, &p, buf, sizeof(buf)), 0);
	m.payload.len = 2 * PAGE;
	assert_int_equal(vmbus_ring_write(&out, &m), 1);
	assert_int_equal(vmbus_ring_write(&out, &m), -EAGAIN);
	assert_int_equal(vmbus_client_read(&client, &channel, &p, buf, 64), -EMSGSIZE);
	assert_int_equal(signals, 2);
	assert_int_equal(vmbus_ring_write(&out, &m), 1);
	assert_int_equal(vmbus_client_read(&client, &channel, &p, buf, sizeof(buf)), 1);
	assert_true(p.length == 16 + 2 * PAGE && signals == 2);
	channel.from_host.control->write = 4;
	assert_int_equal(vmbus_client_read(&client, &channel, &p, buf, sizeof(buf)), -EPROTO);
	vmbus_client_close(&client, &channel);
	vmbus_client_unload(&client);
	assert_null(vmbus_client_find(&client, &interface, 0));
}

/* They come when they are asked for, and are gone when their primary is closed. */
static void subchannels(void **state)
{
	const struct vmbus_client_offer *o, *later;

	(void)state;
	one_device = true;
	offers = 3;
	o = connect_to_it();
	assert_int_equal(vmbus_client_wait_subchannel(&client, o, 2)->relid, 3);
	offers = 4;
	reply_offer(4);
	later = vmbus_client_wait_subchannel(&client, o, 3);
	assert_true(later->relid == 4 && taken == came);
	assert_int_equal(vmbus_client_open(&client, &channel, o, memory[0], 8, 0), 0);
	vmbus_client_close(&client, &channel);
	assert_true(taken == came && later->relid == 0);
	assert_null(vmbus_client_find(&client, &interface, 1));
	assert_int_equal(type_of(posts - 1), VMBUS_RELID_RELEASED);
	/* Of one that was taken back nothing is said. */
	memset(memory, 0, sizeof(memory));
	assert_int_equal(vmbus_client_open(&client, &channel, o, memory[0], 8, 0), 0);
	vmbus_client_note(&client, &(struct vmbus_relid){ { .type = VMBUS_RESCIND_OFFER }, 1 },
		sizeof(struct vmbus_relid));
	posts = 0;
	vmbus_client_close(&client, &channel);
	assert_int_equal(posts, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(versions_that_are_refused, setup),
		cmocka_unit_test_setup(offers_that_come_and_go, setup),
		cmocka_unit_test_setup(lists_of_pages, setup),
		cmocka_unit_test_setup(openings_that_fail, setup),
		cmocka_unit_test_setup(packets, setup),
		cmocka_unit_test_setup(subchannels, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

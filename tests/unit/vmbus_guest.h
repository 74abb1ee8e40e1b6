/* SPDX-License-Identifier: MIT */
/*
 * A guest that the test plays, message by message, on vmbus_host.h.
 */
#pragma once

#include "tests/unit/vmbus_host.h"

static void post(const void *message, u32 size)
{
	vmbus_server_message(&s, message, size);
	attend();
}

/* The next message that was sent, which is of that type and size. */
static u32 taken;
static const void *expect(u32 type, u32 size)
{
	const struct vmbus_header *h;

	assert_true(taken < sent_count);
	h = (const void *)sent[taken].bytes;
	assert_int_equal(h->type, type);
	assert_int_equal(sent[taken].size, size);
	return sent[taken++].bytes;
}

static void expect_none(void)
{
	assert_int_equal(taken, sent_count);
}

static void post_contact(u32 version, u32 vp)
{
	const struct vmbus_contact m = { { .type = VMBUS_INITIATE_CONTACT }, version, vp, 2, 0, 0 };

	post(&m, sizeof(m));
}

static void connect_with(u32 version)
{
	const struct vmbus_header request = { .type = VMBUS_REQUEST_OFFERS };
	const struct vmbus_version_response *r;

	post_contact(version, 1);
	r = expect(VMBUS_VERSION_RESPONSE, sizeof(*r));
	assert_int_equal(r->supported, 1);
	post(&request, sizeof(request));
}

static u32 expect_offer(const struct vmbus_channel *c)
{
	const struct vmbus_offer *m = expect(VMBUS_OFFER_CHANNEL, sizeof(*m));

	assert_memory_equal(&m->instance, &c->instance, sizeof(m->instance));
	assert_int_equal(m->subchannel, c->subchannel);
	assert_int_equal(m->connection, VMBUS_CONNECTION_FIRST + m->relid);
	assert_true(m->dedicated == 1 && m->monitor_allocated == 0);
	return m->relid;
}

/* Tells pages [first, first + count) as @gpadl; 26 in the header, 28 in each body. */
static void post_gpadl(u32 relid, u32 gpadl, u32 first, u32 count)
{
	u8 m[VMBUS_MESSAGE_MAX] = { 0 };
	struct vmbus_gpadl_header *h = (void *)m;
	struct vmbus_gpadl_body *b = (void *)m;
	u32 done = MIN(count, 26u);

	*h = (struct vmbus_gpadl_header){ { .type = VMBUS_GPADL_HEADER }, relid, gpadl,
		(u16)(8 + 8 * count), 1, count * 4096, 0 };
	for (u32 i = 0; i < done; i++)
		memcpy(m + sizeof(*h) + 8 * i, &(u64){ first + i }, 8);
	post(m, (u32)sizeof(*h) + 8 * done);
	while (done < count) {
		u32 n = MIN(count - done, 28u);

		*b = (struct vmbus_gpadl_body){ { .type = VMBUS_GPADL_BODY }, 0, gpadl };
		for (u32 i = 0; i < n; i++)
			memcpy(m + sizeof(*b) + 8 * i, &(u64){ first + done + i }, 8);
		post(m, (u32)sizeof(*b) + 8 * n);
		done += n;
	}
}

static void expect_created(u32 relid, u32 gpadl, bool good)
{
	const struct vmbus_gpadl_created *r = expect(VMBUS_GPADL_CREATED, sizeof(*r));

	assert_int_equal(r->relid, relid);
	assert_int_equal(r->gpadl, gpadl);
	assert_int_equal(r->status == 0, good);
}

static void post_open(u32 relid, u32 gpadl, u32 vp, u32 downstream)
{
	const struct vmbus_open m = { .header.type = VMBUS_OPEN_CHANNEL,
		.relid = relid,
		.open_id = relid,
		.gpadl = gpadl,
		.vp = vp,
		.downstream = downstream,
		.user = "hello" };

	post(&m, sizeof(m));
}

static void expect_opened(u32 relid, bool good)
{
	const struct vmbus_open_result *r = expect(VMBUS_OPEN_RESULT, sizeof(*r));

	assert_true(r->relid == relid && r->open_id == relid);
	assert_int_equal(r->status == 0, good);
}

static void post_relid(u32 type, u32 relid)
{
	const struct vmbus_relid m = { { .type = type }, relid };

	post(&m, sizeof(m));
}

static void post_teardown(u32 relid, u32 gpadl)
{
	const struct vmbus_gpadl_teardown m = { { .type = VMBUS_GPADL_TEARDOWN }, relid, gpadl };

	post(&m, sizeof(m));
}

static void expect_torndown(u32 gpadl)
{
	const struct vmbus_gpadl_torndown *r = expect(VMBUS_GPADL_TORNDOWN, sizeof(*r));

	assert_int_equal(r->gpadl, gpadl);
}

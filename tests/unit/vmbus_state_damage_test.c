/* SPDX-License-Identifier: MIT */
/*
 * Saved states of the server end of the bus that are cut short, damaged or meant to harm: an error that leaves nothing behind, or
 * a server that works.
 * sources: vmbus/server_state.c vmbus/server.c vmbus/server_messages.c
 * sources: vmbus/channel.c vmbus/gpadl.c vmbus/ring.c lib/string.c lib/guid.c
 */
#include "tests/unit/vmbus_state_machine.h"

/* Nothing of it is left: a guest may begin. */
static void assert_as_new(void)
{
	assert_true(objects == 0 && connections == 0 && s.channel_count == 2 && !s.stopped);
	assert_true(s.version == 0 && s.gpadls.count == 0 && s.gpadls.pages == 0);
	for (u32 i = 0; i < 2; i++) {
		const struct vmbus_channel *c = &devices[i].c;

		assert_true(c->state == VMBUS_CHANNEL_NEW && c->relid == 0 && !c->withdrawn);
		assert_int_equal(devices[i].released, 0);
	}
	assert_true(s.relids[0] == 1 && mem_is_zero(&s.relids[1], sizeof(s.relids) - 8));
}

/* Where in the state the record of a channel is, by its number. */
static u64 channel_at(u32 relid)
{
	const struct vmbus_saved_server *head = (const void *)bytes;
	u64 at = sizeof(*head);

	for (u32 i = 0; i < head->gpadls; i++)
		at += sizeof(struct vmbus_saved_gpadl) +
		      ((const struct vmbus_saved_gpadl *)(bytes + at))->bytes;
	for (u32 i = 0; i < head->channels; i++) {
		const struct vmbus_saved_channel *c = (const void *)(bytes + at);

		if (c->relid == relid)
			return at;
		at += sizeof(*c) + c->bytes;
	}
	fail();
	return 0;
}

static void assert_refused(u64 at, u32 value, int error)
{
	u32 before;

	memcpy(&before, bytes + at, 4);
	memcpy(bytes + at, &value, 4);
	assert_int_equal(load(bytes, size), error);
	assert_as_new();
	memcpy(bytes + at, &before, 4);
}

#define HEAD(field)           offsetof(struct vmbus_saved_server, field)
#define CHANNEL(relid, field) (channel_at(relid) + offsetof(struct vmbus_saved_channel, field))
/* Of the message of the first GPADL, which is the open channel's. */
#define FIRST       (sizeof(struct vmbus_saved_server) + sizeof(struct vmbus_saved_gpadl))
#define TOLD(field) (FIRST + offsetof(struct vmbus_gpadl_header, field))

static void refuse_heads(void)
{
	assert_refused(HEAD(magic), 0, -EINVAL);
	assert_refused(HEAD(format), 2, -ENOTSUP);
	assert_refused(HEAD(version), VMBUS_VERSION(5, 4), -EINVAL);
	assert_refused(HEAD(version), 0, -EINVAL);
	assert_refused(HEAD(vp), VPS, -EINVAL);
	assert_refused(HEAD(offers_wanted), 2, -EINVAL);
	assert_refused(HEAD(offers_wanted), 0, -EINVAL);
	assert_refused(HEAD(channels), 3, -EINVAL); /* bytes are left */
	assert_refused(HEAD(channels), 5, -EINVAL);
	assert_refused(HEAD(channels), ~0u, -EINVAL);
}

static void refuse_gpadls(void)
{
	assert_refused(FIRST - 8, 8, -EINVAL); /* no header fits */
	assert_refused(FIRST - 8, ~0u, -EINVAL);
	assert_refused(FIRST - 8, sizeof(struct vmbus_gpadl_header) + 1, -EINVAL);
	assert_refused(FIRST - 8, sizeof(struct vmbus_gpadl_header), -EINVAL);
	assert_refused(FIRST - 4, 2, -EINVAL);
	assert_refused(TOLD(relid), 99, -EINVAL);
	assert_refused(TOLD(relid), 0, -EINVAL);
	assert_refused(TOLD(relid), z, -EINVAL);
	assert_refused(TOLD(gpadl), 8, -EEXIST);
	assert_refused(TOLD(gpadl), 99, -EINVAL);
	assert_refused(TOLD(byte_count), ~0u, -EINVAL);
	assert_refused(TOLD(byte_offset), 4096, -EINVAL);
	assert_refused(FIRST + sizeof(struct vmbus_gpadl_header), RAM_PAGES, -EFAULT);
	assert_refused(FIRST + sizeof(struct vmbus_gpadl_header) + 4, 1, -EFAULT);
}

static void refuse_channels(void)
{
	assert_refused(CHANNEL(x, interface), 9, -ENODEV);
	assert_refused(CHANNEL(x, instance), 9, -ENODEV);
	assert_refused(CHANNEL(z, subchannel), 9, -ENODEV);
	assert_refused(CHANNEL(z, subchannel), 0, -EINVAL); /* that one twice */
	assert_refused(CHANNEL(x, relid), 0, -EINVAL);
	assert_refused(CHANNEL(x, relid), VMBUS_CHANNELS_MAX + 1, -EINVAL);
	assert_refused(CHANNEL(z, relid), x, -EINVAL);
	assert_refused(CHANNEL(x, state), VMBUS_CHANNEL_NEW, -EINVAL);
	assert_refused(CHANNEL(x, state), VMBUS_CHANNEL_CLOSING, -EINVAL);
	assert_refused(CHANNEL(x, state), ~0u, -EINVAL);
	assert_refused(CHANNEL(x, state), VMBUS_CHANNEL_OFFERED, -EINVAL); /* with sub-channels */
	assert_refused(CHANNEL(x, state), VMBUS_CHANNEL_RESCINDED, -EINVAL);
	assert_refused(CHANNEL(x, gpadl), 6, -EINVAL); /* half told */
	assert_refused(CHANNEL(x, gpadl), 7, -EINVAL); /* no room for rings */
	assert_refused(CHANNEL(x, gpadl), 8, -EINVAL); /* another one's */
	assert_refused(CHANNEL(x, downstream), 1, -EINVAL);
	assert_refused(CHANNEL(x, downstream), RING_PAGES - 1, -EINVAL);
	assert_refused(CHANNEL(x, downstream), ~0u, -EINVAL);
	assert_refused(CHANNEL(x, vp), VPS, -EINVAL);
	assert_refused(CHANNEL(x, read), 4, -EPROTO);
	assert_refused(CHANNEL(x, read), DATA_PAGES * 4096, -EPROTO);
	assert_refused(CHANNEL(x, read_published), DATA_PAGES * 4096, -EPROTO);
	assert_refused(CHANNEL(x, write), DATA_PAGES * 4096, -EPROTO);
	assert_refused(CHANNEL(x, bytes), ~0u, -EINVAL);
	assert_refused(CHANNEL(x, bytes), 7, -EINVAL);
	/* A sub-channel more or less than there are records. */
	assert_refused(channel_at(x) + sizeof(struct vmbus_saved_channel) + 4, 1, -ENODEV);
	assert_refused(channel_at(x) + sizeof(struct vmbus_saved_channel) + 4, 3, -EINVAL);
}

static void refusals(void **state)
{
	(void)state;
	make_traffic();
	assert_int_equal(vmbus_server_stop(&s), 0);
	save();
	/* Into one that a guest has spoken to. */
	assert_int_equal(load(bytes, size), -EBUSY);
	replace();
	assert_int_equal(load(bytes, 0), -EINVAL);
	refuse_heads();
	refuse_gpadls();
	refuse_channels();
	/* Things of our own. */
	no_memory = true;
	assert_int_equal(load(bytes, size), -ENOMEM);
	no_memory = false;
	devices[0].load_error = -EXDEV;
	assert_int_equal(load(bytes, size), -EXDEV);
	devices[0].load_error = 0;
	assert_as_new();
	/* A device that the state does not know. */
	(void)offer(4, NULL, 0);
	assert_int_equal(load(bytes, size), -ENODEV);
	vmbus_server_withdraw(&devices[4].c);
	assert_as_new();
	/* After all that, it is still good, and so is the server for a guest that begins. */
	guest_connect(VMBUS_VERSION_5_2);
	guest_open();
	replace();
	assert_int_equal(load(bytes, size), 0);
	vmbus_server_start(&s);
	post_relid(VMBUS_CLOSE_CHANNEL, x);
	expect_torndown(GPADL);
}

/* What a guest and an owner may do to whatever was loaded. */
static void exercise(void)
{
	static const u8 data[8];
	const struct vmbus_message m = { .type = VMBUS_PACKET_INBAND, .payload = { data, 8 } };
	struct vmbus_packet p;
	u8 buf[2000];

	vmbus_server_start(&s);
	for (u32 i = 0; i < ARRAY_SIZE(devices); i++) {
		struct vmbus_channel *c = &devices[i].c;

		if ((i > 1 && devices[0].subchannels < i - 1) || c->state != VMBUS_CHANNEL_OPEN)
			continue;
		for (u32 k = 0; k < 8 && vmbus_channel_read(c, &p, buf, sizeof(buf)) > 0; k++)
			;
		(void)vmbus_channel_pause(c);
		for (u32 k = 0; k < 3; k++)
			(void)vmbus_channel_write(c, &m);
	}
	attend();
	post_teardown(x, GPADL);
	tell_rest(6);
	post_relid(VMBUS_RELID_RELEASED, y);
	post_relid(VMBUS_CLOSE_CHANNEL, x);
	taken = sent_count;
}

/* Cut short, it is no state; with a bit changed, it is none or one that works. */
static void damage(void **state)
{
	static u8 kept[RAM_PAGES][4096];
	u32 good = 0, bad = 0;

	(void)state;
	make_traffic();
	assert_int_equal(vmbus_server_stop(&s), 0);
	save();
	replace();
	memcpy(kept, ram, sizeof(ram));
	for (u64 length = 0; length < size; length++) {
		assert_true(load(bytes, length) < 0);
		assert_as_new();
	}
	for (u64 at = 0; at < size; at++) {
		u8 bit = (u8)(1u << any(8));
		int error;

		bytes[at] ^= bit;
		error = load(bytes, size);
		bytes[at] ^= bit;
		good += error == 0;
		bad += error != 0;
		if (error != 0) {
			assert_as_new();
			continue;
		}
		exercise();
		replace();
		memcpy(ram, kept, sizeof(ram));
	}
	assert_true(good > 100 && bad > 300);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(refusals, setup, teardown),
		cmocka_unit_test_setup_teardown(damage, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

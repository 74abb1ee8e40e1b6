/* SPDX-License-Identifier: MIT */
/*
 * Saved states of the server end of the bus: channels of every kind with packets half read, GPADLs half told and
 * torn down, in a second server that goes on where the first one was; and what has to end before.
 * sources: vmbus/server_state.c vmbus/server.c vmbus/server_messages.c vmbus/channel.c
 * sources: vmbus/gpadl.c vmbus/ring.c lib/string.c lib/guid.c
 */
#include "tests/unit/vmbus_state_machine.h"

/* And all of it goes on. */
static void go_on(void)
{
	struct vmbus_channel *a = &devices[0].c;

	assert_true(get(a) == 4 && get(a) == 0);
	for (u64 id = 14; id <= 16; id++)
		assert_int_equal(put(a, id), 0);
	for (u64 id = 12; id <= 16; id++)
		assert_true(get(NULL) == id);
	assert_int_equal(get(NULL), 0);
	tell_rest(6);
	expect_created(x, 6, true);
	expect_none();
	post_relid(VMBUS_RELID_RELEASED, y);
	assert_int_equal(devices[1].released, 1);
	post_relid(VMBUS_CLOSE_CHANNEL, x);
	expect_torndown(GPADL);
	/* Its sub-channels go with it. */
	expect(VMBUS_RESCIND_OFFER, sizeof(struct vmbus_relid));
	expect(VMBUS_RESCIND_OFFER, sizeof(struct vmbus_relid));
	expect_none();
	guest_open();
}

static void whole(void **state)
{
	static u8 first[sizeof(bytes)];
	u64 first_size;

	(void)state;
	make_traffic();
	assert_int_equal(vmbus_server_stop(&s), 0);
	save();
	memcpy(first, bytes, first_size = size);
	replace();
	assert_int_equal(load(bytes, size), 0);
	assert_true(s.version == VMBUS_VERSION_5_3 && s.vp == 1 && s.offers_wanted);
	assert_true(devices[0].value == 4711 && devices[0].c.relid == x && devices[2].c.relid == z);
	assert_string_equal((char *)devices[0].c.open_user, "hello");
	assert_true(devices[0].c.vp == 2 && devices[2].c.vp == VMBUS_NO_VP && connections == 2);
	assert_true(devices[1].c.state == VMBUS_CHANNEL_RESCINDED);
	/* It is stopped as the first one was, and has the same to say. */
	vmbus_server_signalled(&devices[0].c);
	assert_int_equal(devices[0].signals, 0);
	save();
	assert_true(size == first_size);
	assert_memory_equal(bytes, first, size);
	interrupts = 0;
	vmbus_server_start(&s);
	/* Both ends look again. */
	assert_true(devices[0].starts == 1 && devices[2].starts == 1 && devices[3].starts == 0);
	assert_true(interrupts == 1 && last_vp == 2 && last_relid == x);
	vmbus_server_signalled(&devices[0].c);
	assert_int_equal(devices[0].signals, 1);
	go_on();
}

/* The format, by numbers. */
static void format(void **state)
{
	static const u32 head[] = { 0x53424d56, 1, 0x50003, 1, 1, 4, 4 };
	static const u32 gpadl[] = { 28 + 8 * 8, 1, 8, 0, 1, 5, (8 + 8 * 8) | 1 << 16, 8 * 4096,
		0 };
	static const u32 channel[] = { 0, 1, 2, 5, 4, 2, 3 * 1024, 2 * 1024, 3 * 1024 };
	u64 at = sizeof(head) + sizeof(gpadl) + 8 * 8;

	(void)state;
	make_traffic();
	assert_int_equal(vmbus_server_stop(&s), 0);
	save();
	assert_memory_equal(bytes, head, sizeof(head));
	assert_memory_equal(bytes + sizeof(head), gpadl, sizeof(gpadl));
	for (u64 i = 0; i < 8; i++)
		assert_memory_equal(bytes + at - 64 + 8 * i, &(u64){ RINGS + i }, 8);
	/* One of 64 pages, one of 26 that were told, one of 3. */
	at += 3 * 36 + 8 * (64 + 26 + 3);
	assert_memory_equal(bytes + at, ((const u8[20]){ 1, 2, 3, [16] = 1 }), 20);
	assert_memory_equal(bytes + at + 32, channel, sizeof(channel));
	assert_memory_equal(bytes + at + 68, "hello", 6);
	assert_memory_equal(bytes + at + 188, ((const u32[]){ 8, 4711, 2 }), 12);
	/* Four channels, each with eight bytes of its provider's. */
	assert_int_equal(size, at + 4 * (192 + 8));
}

/* The one that was saved may go on as well. */
static void saved_goes_on(void **state)
{
	(void)state;
	make_traffic();
	assert_int_equal(vmbus_server_stop(&s), 0);
	vmbus_server_signalled(&devices[0].c);
	assert_int_equal(devices[0].signals, 0);
	save();
	vmbus_server_start(&s);
	vmbus_server_signalled(&devices[0].c);
	assert_int_equal(devices[0].signals, 1);
	go_on();
}

/* A device that was being taken back is, and no guest hears of it again. */
static void taken_back(void **state)
{
	(void)state;
	make_traffic();
	assert_int_equal(vmbus_server_stop(&s), 0);
	save();
	replace();
	assert_int_equal(load(bytes, size), 0);
	vmbus_server_start(&s);
	post_contact(VMBUS_VERSION_5_2, 1);
	expect_torndown(GPADL);
	expect(VMBUS_VERSION_RESPONSE, sizeof(struct vmbus_version_response));
	assert_int_equal(devices[1].released, 1);
	post_relid(VMBUS_REQUEST_OFFERS, 0);
	x = expect_offer(&devices[0].c);
	expect(VMBUS_ALL_OFFERS_DELIVERED, sizeof(struct vmbus_header));
	expect_none();
}

/* The guest has come less far. */
static void beginnings(void **state)
{
	const struct vmbus_header request = { .type = VMBUS_REQUEST_OFFERS };

	(void)state;
	for (u32 step = 0; step < 3; step++) {
		if (step > 0) {
			post_contact(VMBUS_VERSION_4_1, 3);
			expect(VMBUS_VERSION_RESPONSE, sizeof(struct vmbus_version_response));
		}
		if (step > 1) {
			post(&request, sizeof(request));
			x = expect_offer(&devices[0].c);
			y = expect_offer(&devices[1].c);
			expect(VMBUS_ALL_OFFERS_DELIVERED, sizeof(request));
		}
		assert_int_equal(vmbus_server_stop(&s), 0);
		save();
		replace();
		assert_int_equal(load(bytes, size), 0);
		vmbus_server_start(&s);
		expect_none();
		assert_true(s.version == (step > 0 ? VMBUS_VERSION_4_1 : 0));
		if (step == 2) {
			guest_open();
			break;
		}
		post_contact(VMBUS_VERSION_5_1, 0);
		expect(VMBUS_VERSION_RESPONSE, sizeof(struct vmbus_version_response));
		assert_int_equal(s.version, VMBUS_VERSION_5_1);
	}
}

/* ---- what has to end before ---- */

static void stop_meanwhile(void)
{
	assert_int_equal(vmbus_server_stop(&s), -EBUSY);
	/* It reads no more. */
	assert_int_equal(get(&devices[0].c), 0);
}

static void waits(void **state)
{
	struct device *a = &devices[0];
	struct vmbus_state_writer w = { .to = bytes, .room = sizeof(bytes) };

	(void)state;
	guest_connect(VMBUS_VERSION_5_3);
	guest_open();
	assert_int_equal(vmbus_server_save(&s, &w), -EBUSY);
	/* Something is under way; patience ends. */
	a->busy = true;
	assert_int_equal(vmbus_server_stop(&s), -EBUSY);
	assert_int_equal(vmbus_server_save(&s, &w), -EBUSY);
	assert_int_equal(w.size, 0);
	vmbus_server_start(&s);
	vmbus_server_signalled(&a->c);
	assert_true(a->signals == 1 && a->starts == 1);
	/* It ends. */
	attends = 0;
	vmbus_channel_rests(&a->c);
	assert_int_equal(attends, 0);
	assert_int_equal(vmbus_server_stop(&s), -EBUSY);
	a->busy = false;
	vmbus_channel_rests(&a->c);
	assert_true(attends > 0);
	assert_int_equal(vmbus_server_stop(&s), 0);
	vmbus_server_start(&s);
	/* Its provider runs. */
	assert_true(put(NULL, 1) >= 0);
	a->meanwhile = stop_meanwhile;
	attends = 0;
	vmbus_server_signalled(&a->c);
	assert_true(attends > 0);
	assert_int_equal(vmbus_server_stop(&s), 0);
	a->meanwhile = NULL;
	vmbus_server_start(&s);
	assert_int_equal(get(&a->c), 1);
}

/* A channel that is being closed, by the guest or since its ring makes no sense, and a contact that waits for that. */
static void closing(void **state)
{
	struct device *a = &devices[0];

	(void)state;
	guest_connect(VMBUS_VERSION_5_3);
	guest_open();
	a->busy = true;
	post_relid(VMBUS_CLOSE_CHANNEL, x);
	post_teardown(x, GPADL);
	assert_int_equal(vmbus_server_stop(&s), -EBUSY);
	vmbus_channel_closed(&a->c);
	assert_int_equal(vmbus_server_stop(&s), 0);
	/* All of it is done, not saved. */
	expect_torndown(GPADL);
	save();
	replace();
	assert_int_equal(load(bytes, size), 0);
	vmbus_server_start(&s);
	guest_open();
	out.control->write = 5;
	assert_int_equal(vmbus_channel_read(&a->c, &(struct vmbus_packet){ 0 }, NULL, 0), -EPROTO);
	assert_int_equal(vmbus_server_stop(&s), 0);
	assert_int_equal(a->c.state, VMBUS_CHANNEL_OFFERED);
	vmbus_server_start(&s);
	post_teardown(x, GPADL);
	expect_torndown(GPADL);
	guest_open();
	a->busy = true;
	post_contact(VMBUS_VERSION_5_0, 0);
	assert_int_equal(vmbus_server_stop(&s), -EBUSY);
	vmbus_channel_closed(&a->c);
	assert_int_equal(vmbus_server_stop(&s), 0);
	expect(VMBUS_VERSION_RESPONSE, sizeof(struct vmbus_version_response));
	save();
	/* What is opened meanwhile stays shut. */
	vmbus_server_start(&s);
	post_relid(VMBUS_REQUEST_OFFERS, 0);
	x = expect_offer(&a->c);
	(void)expect_offer(&devices[1].c);
	expect(VMBUS_ALL_OFFERS_DELIVERED, sizeof(struct vmbus_header));
	assert_int_equal(vmbus_server_stop(&s), 0);
	guest_open();
	vmbus_server_signalled(&a->c);
	assert_int_equal(a->signals, 0);
	vmbus_server_start(&s);
	vmbus_server_signalled(&a->c);
	assert_int_equal(a->signals, 1);
}

/* Providers that cannot do it. */
static void cannot(void **state)
{
	static const struct vmbus_provider old = { device_open, device_close, device_signalled,
		device_released, NULL };
	struct vmbus_state_writer w = { .to = bytes, .room = sizeof(bytes) };

	(void)state;
	guest_connect(VMBUS_VERSION_5_3);
	guest_open();
	devices[1].c.provider = &old;
	assert_int_equal(vmbus_server_stop(&s), -ENOTSUP);
	assert_int_equal(vmbus_server_save(&s, &w), -EBUSY);
	vmbus_server_signalled(&devices[0].c);
	assert_int_equal(devices[0].signals, 1);
	replace();
	devices[1].c.provider = &old;
	assert_int_equal(load(bytes, 0), -ENOTSUP);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(whole, setup, teardown),
		cmocka_unit_test_setup_teardown(format, setup, teardown),
		cmocka_unit_test_setup_teardown(saved_goes_on, setup, teardown),
		cmocka_unit_test_setup_teardown(taken_back, setup, teardown),
		cmocka_unit_test_setup_teardown(beginnings, setup, teardown),
		cmocka_unit_test_setup_teardown(waits, setup, teardown),
		cmocka_unit_test_setup_teardown(closing, setup, teardown),
		cmocka_unit_test_setup_teardown(cannot, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/*
 * The bus of a machine with the real server behind it, and a hypervisor and a child that the test plays: messages in
 * both directions, each in order and none lost; a child that sends more than it may, or does not read; signals of
 * channels; and the end, whatever is under way.
 * sources: rootpart/vm/vm_bus.c rootpart/vm/vm_bus_out.c rootpart/vm/vm_bus_channel.c
 * sources: rootpart/vm/vm_signal.c vmbus/server.c vmbus/server_messages.c vmbus/channel.c vmbus/gpadl.c vmbus/ring.c
 * sources: lib/string.c tests/unit/fake_root.c
 * cflags: -iquote tests/unit/fake/root
 */
#include "tests/unit/vm_bus_machine.h"

/* One at a time, as the child reads them, to the VP that it named. */
static void messages_both_ways(void **state)
{
	const struct vmbus_header offers = { .type = VMBUS_REQUEST_OFFERS };

	(void)state;
	contact(1);
	expect(0, VMBUS_VERSION_RESPONSE);
	assert_int_equal(received[0].vp, 1);
	assert_true(post(VMBUS_CONNECTION_MESSAGE, &offers, sizeof(offers)));
	run();
	/* The second waits for the first to be read, and the hypervisor is asked to say so. */
	assert_int_equal(received_count, 2);
	expect(1, VMBUS_OFFER_CHANNEL);
	assert_int_equal(notified, 1);
	assert_int_equal(notify_vp, 1);
	run();
	assert_int_equal(received_count, 2);
	read_slot();
	expect(2, VMBUS_ALL_OFFERS_DELIVERED);
	assert_int_equal(bus.messages_in, 2);
	assert_int_equal(bus.messages_out, 3);
}

/* A SynIC that is off is one that has no room. */
static void synic_that_is_off(void **state)
{
	const struct vmbus_contact m = { .header.type = VMBUS_INITIATE_CONTACT,
		.version = VMBUS_VERSION_4_0 };

	(void)state;
	slot_off = true;
	short_of = 1;
	assert_true(post(VMBUS_CONNECTION_MESSAGE, &m, sizeof(m)));
	run();
	assert_int_equal(received_count, 0);
	assert_int_equal(notified, 1);
	slot_off = false;
	read_slot();
	expect(0, VMBUS_VERSION_RESPONSE);
}

/* It hears that there is no connection; of what was taken nothing is lost, and then there is one again. */
static void more_than_is_taken(void **state)
{
	const struct vmbus_gpadl_teardown m = { .header.type = VMBUS_GPADL_TEARDOWN, .gpadl = 77 };
	u32 taken = 0;

	(void)state;
	contact(0);
	while (post(VMBUS_CONNECTION_MESSAGE, &m, sizeof(m)))
		assert_true(++taken < 64);
	assert_int_equal(taken, VM_BUS_INBOX - HV_PORT_BUFFERS - 1);
	/* What was under way in the slot and the port's buffers. */
	for (u32 i = 0; i < HV_PORT_BUFFERS + 1; i++) {
		struct hv_message late = { .header = {
						   .type = 1, .size = sizeof(m), .sender = ID } };

		memcpy(late.payload, &m, sizeof(m));
		vm_bus_message(&bus, &late);
		taken++;
	}
	run();
	read_all();
	assert_int_equal(bus.messages_in, 1 + taken);
	assert_int_equal(received_count, 1 + taken);
	assert_non_null(port_behind(VMBUS_CONNECTION_MESSAGE));
	assert_non_null(port_behind(VMBUS_CONNECTION_CONTACT));
	contact(0);
	expect(received_count - 1, VMBUS_VERSION_RESPONSE);
}

/* Its answers are bounded: it is not listened to while it does not read them. */
static void child_that_does_not_read(void **state)
{
	const struct vmbus_gpadl_teardown m = { .header.type = VMBUS_GPADL_TEARDOWN, .gpadl = 77 };
	u32 taken = 0;

	(void)state;
	contact(0);
	for (u32 i = 0; i < 1000; i++) {
		taken += post(VMBUS_CONNECTION_MESSAGE, &m, sizeof(m));
		run();
		assert_true(objects < 80);
	}
	assert_in_range(taken, 64, 200);
	assert_false(post(VMBUS_CONNECTION_CONTACT, &m, sizeof(m)));
	read_all();
	assert_int_equal(received_count, 1 + taken);
	assert_int_equal(objects, 0);
	assert_true(post(VMBUS_CONNECTION_MESSAGE, &m, sizeof(m)));
}

static void signals_and_interrupts(void **state)
{
	const struct vmbus_message m = { .type = VMBUS_PACKET_INBAND };
	const struct vmbus_relid closing = { { .type = VMBUS_CLOSE_CHANNEL }, 1 };

	(void)state;
	connect_device();
	open_device();
	/* They spread. */
	assert_int_equal(port_behind(VMBUS_CONNECTION_FIRST + 1)->vp, (BUS_VP + 1) % 2);
	signal_device();
	signal_device();
	assert_int_equal(device.signals, 0);
	assert_int_equal(asked_count, 1);
	run_work();
	assert_int_equal(device.signals, 1);
	vm_bus_again(&bus, &device.c);
	run_work();
	assert_int_equal(device.signals, 2);
	assert_int_equal(vmbus_channel_write(&device.c, &m), 0);
	assert_int_equal(interrupted.count, 1);
	assert_int_equal(interrupted.vp, 1);
	assert_int_equal(interrupted.flag, 1);
	/* What was asked for is waited for, and finds the channel shut; then nobody is called. */
	signal_device();
	assert_true(post(VMBUS_CONNECTION_MESSAGE, &closing, sizeof(closing)));
	run();
	assert_int_equal(device.c.state, VMBUS_CHANNEL_OFFERED);
	assert_int_equal(drains, 1);
	assert_int_equal(device.signals, 2);
	assert_null(port_behind(VMBUS_CONNECTION_FIRST + 1));
	vm_bus_again(&bus, &device.c);
	assert_int_equal(asked_count, 0);
	vm_signal_events(event_flags[BUS_VP]);
	open_device();
}

/* By one timer for all of a VP, which is started once; it finds no channel that is closed by then. */
static void looks_later(void **state)
{
	const struct vmbus_relid closing = { { .type = VMBUS_CLOSE_CHANNEL }, 1 };
	u32 vp;

	(void)state;
	connect_device();
	open_device();
	timer_starts = 0;
	vp = port_behind(VMBUS_CONNECTION_FIRST + 1)->vp;
	running = vp;
	vm_bus_look_later(&bus, &device.c);
	vm_bus_look_later(&bus, &device.c);
	assert_int_equal(timer_starts, 1);
	assert_int_equal(asked_count, 0);
	timer_due(vp);
	assert_int_equal(asked_count, 1);
	run_work();
	assert_int_equal(device.signals, 1);
	vm_bus_look_later(&bus, &device.c);
	assert_int_equal(timer_starts, 2);
	running = BUS_VP;
	assert_true(post(VMBUS_CONNECTION_MESSAGE, &closing, sizeof(closing)));
	run();
	timer_due(vp);
	assert_int_equal(asked_count, 0);
}

/* A signal that cannot be had is a channel that cannot be opened. */
static void no_signal(void **state)
{
	(void)state;
	connect_device();
	no_connection = true;
	{
		const struct vmbus_open open = {
			.header.type = VMBUS_OPEN_CHANNEL, .relid = 1, .gpadl = 9, .downstream = 2
		};
		struct {
			struct vmbus_gpadl_header h;
			u64 pfns[4];
		} __attribute__((packed)) gpadl = {
			.h = { { VMBUS_GPADL_HEADER, 0 }, 1, 9, 40, 1, 4 * 4096, 0 },
			.pfns = { 1, 2, 3, 4 },
		};
		const struct vmbus_open_result *r;

		memset(ram, 0, sizeof(ram));
		assert_true(post(VMBUS_CONNECTION_MESSAGE, &gpadl, sizeof(gpadl)));
		assert_true(post(VMBUS_CONNECTION_MESSAGE, &open, sizeof(open)));
		run();
		read_all();
		r = (const void *)received[received_count - 1].bytes;
		assert_int_equal(r->header.type, VMBUS_OPEN_RESULT);
		assert_int_not_equal(r->status, 0);
	}
	/* The message port alone. */
	assert_int_equal(port_count, 1);
	no_connection = false;
}

static void devices_are_attended(void **state)
{
	(void)state;
	run();
	assert_int_equal(attended, 0);
	vm_bus_attend(&bus);
	run();
	assert_int_equal(attended, 1);
}

/* The provider takes its time: the end waits for it, and then all is given back by tear_down(). */
static void end_with_work_under_way(void **state)
{
	(void)state;
	connect_device();
	open_device();
	device.busy = true;
	store_release(&bus.stop, true);
	run();
	assert_false(bus.ended);
	assert_int_equal(device.c.state, VMBUS_CHANNEL_CLOSING);
	run();
	assert_false(bus.ended);
	vmbus_channel_closed(&device.c);
	run();
	assert_true(bus.ended);
}

/* Messages in its inbox and its outbox, more on their way. */
static void end_in_the_middle(void **state)
{
	const struct vmbus_gpadl_teardown m = { .header.type = VMBUS_GPADL_TEARDOWN, .gpadl = 77 };

	(void)state;
	contact(0);
	for (u32 i = 0; i < 10; i++)
		assert_true(post(VMBUS_CONNECTION_MESSAGE, &m, sizeof(m)));
	run();
	assert_true(objects > 0);
	for (u32 i = 0; i < 30; i++)
		assert_true(post(VMBUS_CONNECTION_MESSAGE, &m, sizeof(m)));
}

static void deposits_that_are_short(void **state)
{
	(void)state;
	vm_bus_stop(&bus);
	short_of = 2;
	device.released = 0;
	assert_int_equal(vm_bus_start(&bus, &child, BUS_VP), 0);
	assert_int_equal(short_of, 0);
	assert_non_null(port_behind(VMBUS_CONNECTION_CONTACT));
	mutex_lock(&bus.lock);
	assert_int_equal(vmbus_server_offer(&bus.server, &device.c), 0);
	mutex_unlock(&bus.lock);
	connect_device();
	short_of = 3;
	open_device();
}

static void count_signal(struct vm_signal *s)
{
	asked_count += s->flag == 3;
}

/* As many as a VP has flags for; each its own; one that was given back is had again. */
static void all_signals(void **state)
{
	static struct vm_signal signals[1025];
	u32 count = 0;

	(void)state;
	for (u32 i = 0; i < 1025; i++)
		signals[i].raised = count_signal;
	while (vm_signal_open(&signals[count], ID, 1000 + count, 0) == 0)
		assert_true(++count < 1025);
	assert_int_equal(count, 1024);
	assert_int_equal(vm_signal_open(&signals[count], ID, 9, 0), -ENOSPC);
	memset(event_flags[0], 0xff, sizeof(event_flags[0]));
	running = 0;
	vm_signal_events(event_flags[0]);
	running = BUS_VP;
	assert_int_equal(asked_count, 1);
	asked_count = 0;
	vm_signal_close(&signals[500]);
	assert_int_equal(vm_signal_open(&signals[1024], ID, 5000, 0), 0);
	assert_int_equal(signals[1024].flag, 500);
	for (u32 i = 0; i < 1025; i++)
		if (i != 500)
			vm_signal_close(&signals[i]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(messages_both_ways),
		TEST(synic_that_is_off),
		TEST(more_than_is_taken),
		TEST(child_that_does_not_read),
		TEST(signals_and_interrupts),
		TEST(looks_later),
		TEST(no_signal),
		TEST(devices_are_attended),
		TEST(end_with_work_under_way),
		TEST(end_in_the_middle),
		TEST(deposits_that_are_short),
		TEST(all_signals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

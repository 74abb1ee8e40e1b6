/* SPDX-License-Identifier: MIT */
/*
 * Ports and connections: what goes where, in which order, and how much; every
 * order of their ends with messages queued, with the deposits counted; memory
 * that is short. The SynIC below is the real one, but for its registers.
 * sources: hypervisor/port.c hypervisor/port_send.c hypervisor/id_table.c
 * sources: hypervisor/deposit.c hypervisor/synic.c hypervisor/synic_events.c
 * sources: tests/unit/host_assert.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "port_machine.h"

static void test_message(void **state)
{
	(void)state;
	open_to(&root, &child, &message_target);
	/* Who owns pays: tables and two pages of messages; tables. */
	assert_int_equal(root.deposit.used_pages, 5);
	assert_int_equal(child.deposit.used_pages, 3);
	assert_int_equal(post(&child, CONN, 11), HV_STATUS_SUCCESS);
	assert_int_equal(interrupts[0], 1);
	read_slot(&root, 0, 11);
	/* It is one way, and the child's alone. */
	assert_int_equal(post(&root, CONN, 1), HV_STATUS_INVALID_CONNECTION_ID);
	assert_int_equal(post(&child, CONN + 1, 1), HV_STATUS_INVALID_CONNECTION_ID);
	assert_int_equal(post(&child, 0, 1), HV_STATUS_INVALID_CONNECTION_ID);
	assert_int_equal(post(&child, CONN | 1u << 24, 1), HV_STATUS_INVALID_CONNECTION_ID);
	assert_int_equal(port_signal(&child, CONN, 0), HV_STATUS_INVALID_PORT_ID);
	assert_int_equal(slot_of(&root, 0)->header.type, 0);
}

static void test_to_child(void **state)
{
	(void)state;
	open_to(&child, &root, &message_target);
	assert_int_equal(child.deposit.used_pages, 5);
	assert_int_equal(root.deposit.used_pages, 3);
	assert_int_equal(post(&root, CONN, 12), HV_STATUS_SUCCESS);
	read_slot(&child, 0, 12);
	assert_int_equal(interrupts[2], 1);
	assert_int_equal(port_delete(&child, PORT), HV_STATUS_SUCCESS);
	assert_int_equal(port_disconnect(&root, CONN), HV_STATUS_SUCCESS);
	paid_back();
}

/* Whole words go into the slot: what was in the buffer before is not among them. */
static void test_tail(void **state)
{
	struct hv_post_message_input in = { .connection_id = CONN, .type = 0x500, .size = 240 };

	(void)state;
	open_to(&root, &child, &message_target);
	memset(in.payload, 0x77, sizeof(in.payload));
	assert_int_equal(port_post(&child, &in), HV_STATUS_SUCCESS);
	assert_int_equal(slot_of(&root, 0)->payload[29], 0x7777777777777777);
	slot_of(&root, 0)->header.type = 0;
	assert_int_equal(post(&child, CONN, 1), HV_STATUS_SUCCESS);
	read_slot(&root, 0, 1);
}

/* One in the slot and 16 that wait; a place that becomes free is used again. */
static void test_overflow(void **state)
{
	u64 sent = 0, seen = 0;

	(void)state;
	open_to(&root, &child, &message_target);
	for (; sent < BUFFERS + 1; sent++)
		assert_int_equal(post(&child, CONN, sent), HV_STATUS_SUCCESS);
	assert_int_equal(post(&child, CONN, 0), HV_STATUS_INSUFFICIENT_BUFFERS);
	assert_int_equal(post(&child, CONN, 0), HV_STATUS_INSUFFICIENT_BUFFERS);
	for (; seen < 100; seen++) {
		assert_int_equal(slot_of(&root, 0)->header.flags, 1);
		read_slot(&root, 0, seen);
		again(&root, 0);
		assert_int_equal(post(&child, CONN, sent++), HV_STATUS_SUCCESS);
		assert_int_equal(post(&child, CONN, 0), HV_STATUS_INSUFFICIENT_BUFFERS);
	}
	for (; seen < sent; seen++) {
		read_slot(&root, 0, seen);
		again(&root, 0);
	}
	assert_int_equal(slot_of(&root, 0)->header.type, 0);
}

/* A port has its own messages, whatever another's do. */
static void test_ports_are_apart(void **state)
{
	(void)state;
	open_to(&root, &child, &message_target);
	assert_int_equal(port_create(&root, PORT + 1, &message_target, 2), HV_STATUS_SUCCESS);
	assert_int_equal(port_connect(&child, CONN + 1, &root, PORT + 1, HV_PORT_MESSAGE), 0);
	assert_int_equal(port_connect(&child, CONN + 2, &root, PORT + 1, HV_PORT_MESSAGE), 0);
	for (u32 i = 0; i < BUFFERS + 1; i++)
		assert_int_equal(post(&child, CONN, i), HV_STATUS_SUCCESS);
	assert_int_equal(post(&child, CONN, 0), HV_STATUS_INSUFFICIENT_BUFFERS);
	for (u32 i = 0; i < BUFFERS; i++)
		assert_int_equal(post(&child, CONN + 1 + i % 2, i), HV_STATUS_SUCCESS);
	assert_int_equal(post(&child, CONN + 2, 0), HV_STATUS_INSUFFICIENT_BUFFERS);
	/* Ending the first leaves the second's in line. */
	assert_int_equal(port_delete(&root, PORT), HV_STATUS_SUCCESS);
	read_slot(&root, 0, 0);
	again(&root, 0);
	assert_int_equal(slot_of(&root, 0)->header.sender, PORT + 1);
	assert_int_equal(slot_of(&root, 0)->payload[0], 0);
	assert_int_equal(post(&child, CONN + 2, 0), HV_STATUS_SUCCESS);
}

static void test_refused(void **state)
{
	(void)state;
	open_to(&root, &child, &message_target);
	assert_int_equal(port_create(&root, PORT, &event_target, 2), HV_STATUS_OBJECT_IN_USE);
	assert_int_equal(
		port_connect(&child, CONN, &root, PORT, HV_PORT_MESSAGE), HV_STATUS_OBJECT_IN_USE);
	assert_int_equal(port_connect(&child, 9, &root, PORT + 1, HV_PORT_MESSAGE),
		HV_STATUS_INVALID_PORT_ID);
	assert_int_equal(
		port_connect(&child, 9, &child, PORT, HV_PORT_MESSAGE), HV_STATUS_INVALID_PORT_ID);
	assert_int_equal(
		port_connect(&child, 9, &root, PORT, HV_PORT_EVENT), HV_STATUS_INVALID_PARAMETER);
	/* It is the child's, also for its owner. */
	assert_int_equal(
		port_connect(&root, 9, &root, PORT, HV_PORT_MESSAGE), HV_STATUS_ACCESS_DENIED);
	assert_int_equal(port_delete(&child, PORT), HV_STATUS_INVALID_PORT_ID);
	assert_int_equal(port_delete(&root, PORT + 1), HV_STATUS_INVALID_PORT_ID);
	assert_int_equal(port_disconnect(&root, CONN), HV_STATUS_INVALID_CONNECTION_ID);
	assert_int_equal(port_disconnect(&child, 9), HV_STATUS_INVALID_CONNECTION_ID);
	assert_int_equal(root.deposit.used_pages, 5);
	assert_int_equal(child.deposit.used_pages, 3);
}

/* Both ends may be one's own. */
static void test_loop(void **state)
{
	(void)state;
	open_to(&root, &root, &message_target);
	assert_int_equal(post(&root, CONN, 5), HV_STATUS_SUCCESS);
	read_slot(&root, 0, 5);
	assert_true(port_end_one(&root));
	assert_int_equal(post(&root, CONN, 5), HV_STATUS_INVALID_PORT_ID);
	assert_true(port_end_one(&root));
	assert_false(port_end_one(&root));
	paid_back();
}

static void test_events(void **state)
{
	(void)state;
	open_to(&root, &child, &event_target);
	assert_int_equal(root.deposit.used_pages, 3);
	assert_int_equal(port_signal(&child, CONN, 0), HV_STATUS_SUCCESS);
	assert_int_equal(flags[0].word[SINT][1], 1ull << 36);
	assert_int_equal(port_signal(&child, CONN, 9), HV_STATUS_SUCCESS);
	assert_int_equal(flags[0].word[SINT][1], 1ull << 36 | 1ull << 45);
	assert_int_equal(port_signal(&child, CONN, 9), HV_STATUS_SUCCESS);
	assert_int_equal(interrupts[0], 2);
	assert_int_equal(port_signal(&child, CONN, 10), HV_STATUS_INVALID_PARAMETER);
	assert_int_equal(port_signal(&child, CONN, 0xffff), HV_STATUS_INVALID_PARAMETER);
	assert_int_equal(port_signal(&child, CONN + 1, 0), HV_STATUS_INVALID_CONNECTION_ID);
	assert_int_equal(post(&child, CONN, 0), HV_STATUS_INVALID_PORT_ID);
	root_vps[0].synic.sint[SINT] |= MASKED;
	assert_int_equal(port_signal(&child, CONN, 1), HV_STATUS_INVALID_SYNIC_STATE);
}

/* --- Any VP --- */

static void any(u32 expected)
{
	u32 before = interrupts[expected];

	assert_int_equal(port_signal(&child, CONN, 0), HV_STATUS_SUCCESS);
	assert_int_equal(interrupts[expected], before + 1);
	memset(flags, 0, sizeof(flags));
}

static void test_any_root(void **state)
{
	struct port_target t = event_target;

	(void)state;
	t.vp = HV_VP_ANY;
	open_to(&root, &child, &t);
	/* The nearest, if it listens. */
	any(1);
	cpu.root_vp = &root_vps[0];
	any(0);
	root_vps[0].synic.siefp = 0;
	any(1);
	root_vps[1].synic.control = 0;
	assert_int_equal(port_signal(&child, CONN, 0), HV_STATUS_INVALID_SYNIC_STATE);
}

static void test_any_child(void **state)
{
	struct port_target t = message_target;

	(void)state;
	t.vp = HV_VP_ANY;
	open_to(&child, &root, &t);
	assert_int_equal(post(&root, CONN, 1), HV_STATUS_SUCCESS);
	read_slot(&child, 0, 1);
	child_vps[0].synic.simp = 0;
	assert_int_equal(post(&root, CONN, 2), HV_STATUS_SUCCESS);
	read_slot(&child, 1, 2);
	vp_drop(&child, 0);
	assert_int_equal(post(&root, CONN, 3), HV_STATUS_SUCCESS);
	read_slot(&child, 1, 3);
	/* Nobody listens: it waits with the first that there is. */
	child_vps[1].synic.simp = 0;
	assert_int_equal(post(&root, CONN, 4), HV_STATUS_SUCCESS);
	child_vps[1].synic.simp = 1;
	again(&child, 1);
	read_slot(&child, 1, 4);
	vp_drop(&child, 1);
	for (u32 i = 0; i < 2 * BUFFERS; i++)
		assert_int_equal(post(&root, CONN, 5), HV_STATUS_INVALID_VP_INDEX);
	vp_make(&child, 1);
	assert_int_equal(post(&root, CONN, 6), HV_STATUS_SUCCESS);
	read_slot(&child, 1, 6);
}

/* --- Ends --- */

/* The child as a whole: what there is of its own. */
static void end_child(void)
{
	for (u32 i = 0; i < 2; i++)
		vp_drop(&child, i);
	while (port_end_one(&child))
		;
	assert_int_equal(child.deposit.used_pages, 0);
	for (u32 i = 0; i < 2; i++)
		vp_make(&child, i);
}

/* In this order, messages queued; then, whatever still is there. */
static void ends(void (*const order[])(void), u32 count)
{
	setup(NULL);
	open_to(receiver, sender, &message_target);
	for (u32 i = 0; i < BUFFERS + 1; i++)
		assert_int_equal(post(sender, CONN, i), HV_STATUS_SUCCESS);
	for (u32 i = 0; i < count; i++)
		order[i]();
	while (port_end_one(&root) || port_end_one(&child))
		;
	paid_back();
	for (u32 i = 0; i < 2; i++) {
		assert_int_equal(root_vps[i].synic.waiting_sints, 0);
		assert_int_equal(child_vps[i].synic.waiting_sints, 0);
	}
}

static void test_orders(void **state)
{
	static void (*const orders[][3])(void) = {
		{ end_port, end_connection, end_vp },
		{ end_port, end_vp, end_connection },
		{ end_connection, end_port, end_vp },
		{ end_connection, end_vp, end_port },
		{ end_vp, end_port, end_connection },
		{ end_vp, end_connection, end_port },
		{ end_child },
	};

	(void)state;
	for (u32 way = 0; way < 2; way++) {
		receiver = way ? &root : &child;
		sender = way ? &child : &root;
		for (u32 i = 0; i < ARRAY_SIZE(orders); i++)
			ends(orders[i], orders[i][1] ? 3 : 1);
	}
}

/* Its messages go with the VP, and the port has them again. */
static void test_vp_ends(void **state)
{
	(void)state;
	open_to(&child, &root, &message_target);
	for (u32 n = 0; n < 3; n++) {
		for (u32 i = 0; i < BUFFERS + 1; i++)
			assert_int_equal(post(&root, CONN, i), HV_STATUS_SUCCESS);
		assert_int_equal(post(&root, CONN, 0), HV_STATUS_INSUFFICIENT_BUFFERS);
		vp_drop(&child, 0);
		vp_make(&child, 0);
		again(&child, 0);
		assert_int_equal(slot_of(&child, 0)->header.type, 0);
	}
}

/* The connection outlives its port, leads nowhere, and another port does not take it up. */
static void test_port_first(void **state)
{
	(void)state;
	open_to(&root, &child, &message_target);
	assert_int_equal(port_delete(&root, PORT), HV_STATUS_SUCCESS);
	assert_int_equal(post(&child, CONN, 1), HV_STATUS_INVALID_PORT_ID);
	assert_int_equal(port_create(&root, PORT, &message_target, 2), HV_STATUS_SUCCESS);
	assert_int_equal(post(&child, CONN, 1), HV_STATUS_INVALID_PORT_ID);
	assert_int_equal(child.deposit.used_pages, 3);
	assert_int_equal(port_disconnect(&child, CONN), HV_STATUS_SUCCESS);
	assert_int_equal(port_connect(&child, CONN, &root, PORT, HV_PORT_MESSAGE), 0);
	assert_int_equal(post(&child, CONN, 1), HV_STATUS_SUCCESS);
}

/* What was posted arrives although the connection has gone; not if the port has. */
static void test_queued(void **state)
{
	(void)state;
	open_to(&root, &child, &message_target);
	for (u32 i = 0; i < 3; i++)
		assert_int_equal(post(&child, CONN, i), HV_STATUS_SUCCESS);
	assert_int_equal(port_disconnect(&child, CONN), HV_STATUS_SUCCESS);
	read_slot(&root, 0, 0);
	again(&root, 0);
	read_slot(&root, 0, 1);
	assert_int_equal(port_delete(&root, PORT), HV_STATUS_SUCCESS);
	again(&root, 0);
	assert_int_equal(slot_of(&root, 0)->header.type, 0);
	paid_back();
}

/* The sender is gone for good, and its id with it: the port is the owner's to end. */
static void test_sender_gone(void **state)
{
	(void)state;
	open_to(&root, &child, &message_target);
	assert_int_equal(post(&child, CONN, 1), HV_STATUS_SUCCESS);
	end_child();
	child_is_gone = true;
	read_slot(&root, 0, 1);
	assert_int_equal(port_delete(&root, PORT), HV_STATUS_SUCCESS);
	paid_back();
}

/* Short of any page nothing is made, and nothing stays. */
static void test_no_memory(void **state)
{
	void *kept[PAGES];

	(void)state;
	for (u32 left = 0; left < 5; left++) {
		for (u32 i = 0; i < PAGES - left; i++)
			kept[i] = deposit_remove(&root.deposit);
		assert_int_equal(port_create(&root, PORT, &message_target, 2),
			HV_STATUS_INSUFFICIENT_MEMORY);
		assert_int_equal(root.deposit.used_pages, 0);
		for (u32 i = 0; i < PAGES - left; i++)
			deposit_add(&root.deposit, kept[i]);
		paid_back();
	}
	assert_int_equal(port_create(&root, PORT, &message_target, 2), HV_STATUS_SUCCESS);
	for (u32 left = 0; left < 3; left++) {
		for (u32 i = 0; i < PAGES - left; i++)
			kept[i] = deposit_remove(&child.deposit);
		assert_int_equal(port_connect(&child, CONN, &root, PORT, HV_PORT_MESSAGE),
			HV_STATUS_INSUFFICIENT_MEMORY);
		assert_int_equal(child.deposit.used_pages, 0);
		for (u32 i = 0; i < PAGES - left; i++)
			deposit_add(&child.deposit, kept[i]);
	}
	assert_int_equal(port_delete(&root, PORT), HV_STATUS_SUCCESS);
	paid_back();
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(message),
		TEST(to_child),
		TEST(tail),
		TEST(overflow),
		TEST(ports_are_apart),
		TEST(refused),
		TEST(loop),
		TEST(events),
		TEST(any_root),
		TEST(any_child),
		TEST(orders),
		TEST(vp_ends),
		TEST(port_first),
		TEST(queued),
		TEST(sender_gone),
		TEST(no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

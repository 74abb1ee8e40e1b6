/* SPDX-License-Identifier: MIT */
/*
 * The root's stubs of ports: each field at its offset, all else zero, whatever
 * the parameters are called here.
 * sources: rootpart/hypercall_port.c tests/unit/host_assert.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <string.h>

#include "hv/hypercall.h"
#include "rootpart/hypercall.h"
#include "rootpart/hypercall_child.h"
#include "rootpart/hypercall_port.h"

static u16 called;
static u8 block[512];
static size_t block_size;
static u64 output;
static int result;

int hypercall(u16 code, const void *in, size_t in_size, void *out, size_t out_size)
{
	called = code;
	block_size = in_size;
	memcpy(block, in, in_size);
	assert_int_equal(out_size, out ? 8 : 0);
	if (out && result == 0)
		memcpy(out, &output, sizeof(output));
	return result;
}

static u64 register_value;

int hypercall_set_register(u64 id, u32 vp, u32 name, u64 value)
{
	assert_int_equal(id, 5);
	assert_int_equal(vp, 3);
	assert_int_equal(name, 0x10006);
	register_value = value;
	return result;
}

static int setup(void **state)
{
	(void)state;
	memset(block, 0xff, sizeof(block));
	called = 0;
	result = 0;
	return 0;
}

/* Takes a field out of the block. */
static u64 field(u32 at, u32 size)
{
	u64 v = 0;

	memcpy(&v, block + at, size);
	memset(block + at, 0, size);
	return v;
}

/* Nothing else was in it. */
static void rest_is_zero(u16 code, size_t size)
{
	assert_int_equal(called, code);
	assert_int_equal(block_size, size);
	for (size_t i = 0; i < size; i++)
		assert_int_equal(block[i], 0);
}

static const struct hypercall_port port = {
	.owner = ~0ull, .from = 9, .id = 0x123456, .sint = 2, .vp = 0xffffffff
};

static void created(u32 type)
{
	assert_int_equal(field(0, 8), ~0ull);
	assert_int_equal(field(8, 4), 0x123456);
	assert_int_equal(field(16, 8), 9);
	assert_int_equal(field(24, 4), type);
	assert_int_equal(field(32, 4), 2);
	assert_int_equal(field(36, 4), 0xffffffff);
}

static void test_create(void **state)
{
	(void)state;
	assert_int_equal(hypercall_create_message_port(&port), 0);
	created(1);
	rest_is_zero(0x95, 56);
	setup(NULL);
	assert_int_equal(hypercall_create_event_port(&port, 0x102, 0x304), 0);
	created(2);
	assert_int_equal(field(40, 2), 0x102);
	assert_int_equal(field(42, 2), 0x304);
	rest_is_zero(0x95, 56);
}

static void test_ends(void **state)
{
	(void)state;
	result = -2;
	assert_int_equal(hypercall_delete_port(7, 0x55), -2);
	assert_int_equal(field(0, 8), 7);
	assert_int_equal(field(8, 4), 0x55);
	rest_is_zero(0x58, 16);
	assert_int_equal(hypercall_disconnect_port(8, 0x66), -2);
	assert_int_equal(field(0, 8), 8);
	assert_int_equal(field(8, 4), 0x66);
	rest_is_zero(0x5b, 16);
}

static void test_connect(void **state)
{
	(void)state;
	assert_int_equal(hypercall_connect_port(9, 4, &port, HV_PORT_EVENT), 0);
	assert_int_equal(field(0, 8), 9);
	assert_int_equal(field(8, 4), 4);
	assert_int_equal(field(16, 8), ~0ull);
	assert_int_equal(field(24, 4), 0x123456);
	assert_int_equal(field(32, 4), 2);
	rest_is_zero(0x96, 72);
}

static void test_send(void **state)
{
	(void)state;
	assert_int_equal(hypercall_post_message(4, 1, "hello", 5), 0);
	assert_int_equal(field(0, 4), 4);
	assert_int_equal(field(8, 4), 1);
	assert_int_equal(field(12, 4), 5);
	assert_memory_equal(block + 16, "hello", 5);
	memset(block + 16, 0, 5);
	rest_is_zero(0x5c, 256);
	assert_int_equal(hypercall_signal_event(0x1234, 0x567), 0);
	assert_int_equal(field(0, 4), 0x1234);
	assert_int_equal(field(4, 2), 0x567);
	rest_is_zero(0x5d, 8);
}

static void test_direct(void **state)
{
	struct hv_message m = { .header = { .type = 0x11, .size = 0x22 } };
	bool newly = false;

	(void)state;
	m.payload[29] = 0x3333;
	assert_int_equal(hypercall_post_message_direct(5, 3, 2, &m), 0);
	assert_int_equal(field(0, 8), 5);
	assert_int_equal(field(8, 4), 3);
	assert_int_equal(field(16, 1), 2);
	assert_int_equal(field(20, 4), 0x11);
	assert_int_equal(field(24, 1), 0x22);
	assert_int_equal(field(268, 8), 0x3333);
	rest_is_zero(0xc1, 280);
	output = 1;
	assert_int_equal(hypercall_signal_event_direct(5, 3, 2, 0x7ff, &newly), 0);
	assert_true(newly);
	assert_int_equal(field(0, 8), 5);
	assert_int_equal(field(8, 4), 3);
	assert_int_equal(field(13, 1), 2);
	assert_int_equal(field(14, 2), 0x7ff);
	rest_is_zero(0xc0, 16);
	result = -107;
	assert_int_equal(hypercall_signal_event_direct(5, 3, 2, 0, NULL), -107);
	assert_int_equal(hypercall_notify_deliverable(5, 3, 0x8004), -107);
	assert_int_equal(register_value, 0x8004ull << 48);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_create, setup),
		cmocka_unit_test_setup(test_ends, setup),
		cmocka_unit_test_setup(test_connect, setup),
		cmocka_unit_test_setup(test_send, setup),
		cmocka_unit_test_setup(test_direct, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

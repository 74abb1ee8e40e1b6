/* SPDX-License-Identifier: MIT */
/*
 * HvCallAssertVirtualInterrupt and ClearVirtualInterrupt: what becomes of each
 * type and flag, and every input that is refused, before anything happens.
 * sources: hypervisor/hc_assert.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <string.h>

#include "hypervisor/hc.h"
#include "hypervisor/vp.h"
#include "x86/apic.h"

static struct partition child;
static struct vp caller, vps[2];
static enum hv_status child_status;
static struct vlapic_message sent;
static u32 sends, clears;
static u64 input[4];

enum hv_status hc_child_in(struct hypercall *call, u64 id, enum partition_state state)
{
	assert_int_equal(id, 5);
	assert_int_equal(state, PARTITION_ACTIVE);
	if (child_status == HV_STATUS_SUCCESS)
		call->target = &child;
	return child_status;
}

void vlapic_send(const struct partition *p, const struct vlapic_message *m)
{
	assert_ptr_equal(p, &child);
	sent = *m;
	sends++;
}

void vlapic_extint_clear(struct vlapic *l)
{
	assert_ptr_equal(l, &vps[clears].vlapic);
	clears++;
}

static int setup(void **state)
{
	(void)state;
	memset(&child, 0, sizeof(child));
	child.vps[3] = &vps[0];
	child.vps[63] = &vps[1];
	child_status = HV_STATUS_SUCCESS;
	sends = clears = 0;
	memcpy(input, (const u64[]){ 5, 0, 0x12345678, 0x99 }, sizeof(input));
	return 0;
}

static enum hv_status call(void)
{
	struct hypercall call = { .vp = &caller, .input = input, .input_size = sizeof(input) };

	return hc_assert_virtual_interrupt(&call);
}

static void test_types(void **state)
{
	static const struct {
		u32 type;
		u8 mode;
	} types[] = { { 0, APIC_DM_FIXED }, { 1, APIC_DM_LOWEST }, { 4, APIC_DM_NMI },
		{ 5, APIC_DM_INIT }, { 6, APIC_DM_STARTUP }, { 7, APIC_DM_EXTINT },
		{ 8, VLAPIC_DM_LINT0 }, { 9, VLAPIC_DM_LINT1 } };

	(void)state;
	for (u64 flags = 0; flags < 4; flags++)
		for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
			sends = 0;
			input[1] = types[i].type | flags << 32;
			assert_int_equal(call(), HV_STATUS_SUCCESS);
			assert_int_equal(sends, 1);
			assert_int_equal(sent.mode, types[i].mode);
			assert_int_equal(sent.dest, 0x12345678);
			assert_int_equal(sent.vector, 0x99);
			assert_int_equal(sent.level, flags & 1);
			assert_int_equal(sent.logical, flags >> 1);
		}
}

static void refused(void)
{
	assert_int_equal(call(), HV_STATUS_INVALID_PARAMETER);
	assert_int_equal(sends, 0);
	(void)setup(NULL);
}

static void test_refused(void **state)
{
	static const u64 types[] = { 2, 3, 10, 0xff, 0x100, 0xffffffff };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		input[1] = types[i];
		refused();
	}
	for (u32 bit = 34; bit < 64; bit++) {
		input[1] = 1ull << bit;
		refused();
	}
	for (u32 bit = 32; bit < 64; bit++) {
		input[2] = 1ull << bit;
		refused();
		/* The VTL, and what is reserved. */
		input[3] = 0x99 | 1ull << bit;
		refused();
	}
	for (u32 bit = 8; bit < 32; bit++) {
		input[3] = 0x99 | 1ull << bit;
		refused();
	}
	for (u64 type = 0; type < 8; type++) {
		input[1] = type;
		input[3] = 15;
		if (type == 2 || type == 3)
			continue;
		if (type < 2) {
			refused();
			continue;
		}
		assert_int_equal(call(), HV_STATUS_SUCCESS);
		(void)setup(NULL);
	}
	input[3] = 16;
	assert_int_equal(call(), HV_STATUS_SUCCESS);
}

static void test_partition(void **state)
{
	struct hypercall clear = { .vp = &caller, .input = input, .input_size = 8 };

	(void)state;
	assert_int_equal(hc_clear_virtual_interrupt(&clear), HV_STATUS_SUCCESS);
	assert_int_equal(clears, 2);
	child_status = HV_STATUS_ACCESS_DENIED;
	assert_int_equal(call(), HV_STATUS_ACCESS_DENIED);
	assert_int_equal(hc_clear_virtual_interrupt(&clear), HV_STATUS_ACCESS_DENIED);
	assert_int_equal(sends, 0);
	assert_int_equal(clears, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_types, setup),
		cmocka_unit_test_setup(test_refused, setup),
		cmocka_unit_test_setup(test_partition, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

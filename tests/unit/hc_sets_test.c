/* SPDX-License-Identifier: MIT */
/*
 * Flushes of VPs' own translations and interrupts to sets of VPs, from the
 * copied input to who is meant.
 * sources: hypervisor/hc_flush.c hypervisor/hc_ipi.c lib/vpset.c lib/bitmap.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <string.h>

#include "hypervisor/hc.h"
#include "hypervisor/vlapic.h"
#include "hypervisor/vp.h"

static struct partition partition;
static struct vp vps[64];
static struct hypercall call;
static struct {
	u64 words[4];
	u64 banks[64];
} input;
static u32 flushes, sent;
static u64 flushed, reached;

void partition_flush_guest(struct vp *self, const struct vpset *set)
{
	assert_ptr_equal(self, &vps[3]);
	flushes++;
	flushed = set->bits[0];
}

void vlapic_interrupt(struct vp *vp, u8 vector, bool level)
{
	assert_int_equal(vector, 0x45);
	assert_false(level);
	reached |= 1ull << (vp - vps);
	sent++;
}

static int setup(void **state)
{
	(void)state;
	memset(&partition, 0, sizeof(partition));
	memset(&input, 0, sizeof(input));
	for (u32 i = 0; i < 4; i++)
		partition.vps[i] = &vps[i];
	partition.vps[63] = &vps[63];
	vps[3].partition = &partition;
	call = (struct hypercall){ .vp = &vps[3], .input = &input };
	flushes = sent = 0;
	flushed = reached = 0;
	return 0;
}

/* Input of @fixed bytes, and @banks of a set behind it. */
static enum hv_status make(enum hv_status (*handle)(struct hypercall *), u32 fixed, u32 banks)
{
	call.input_size = fixed + banks * 8;
	return handle(&call);
}

static void test_flush(void **state)
{
	(void)state;
	input.words[2] = 0xf0f;
	assert_int_equal(make(hc_flush_space, 24, 0), HV_STATUS_SUCCESS);
	assert_int_equal(flushed, 0xf0f);
	input.words[1] = HV_FLUSH_ALL_PROCESSORS | HV_FLUSH_ALL_SPACES | HV_FLUSH_NON_GLOBAL;
	assert_int_equal(make(hc_flush_space, 24, 0), HV_STATUS_SUCCESS);
	assert_int_equal(flushed, ~0ull);
	assert_int_equal(flushes, 2);
	for (u32 bit = 3; bit < 64; bit++) {
		input.words[1] = 1ull << bit;
		assert_int_equal(make(hc_flush_space, 24, 0), HV_STATUS_INVALID_PARAMETER);
	}
	assert_int_equal(flushes, 2);
}

/* Once for all elements of a stay. */
static void test_flush_list(void **state)
{
	(void)state;
	input.words[2] = 2;
	call.rep_first = 7;
	for (call.rep_index = 7; call.rep_index < 100; call.rep_index++)
		assert_int_equal(make(hc_flush_list, 24, 0), HV_STATUS_SUCCESS);
	assert_int_equal(flushes, 1);
	assert_int_equal(flushed, 2);
	call.rep_index = call.rep_first = 0;
	input.words[1] = HV_FLUSH_NON_GLOBAL;
	assert_int_equal(make(hc_flush_list, 24, 0), HV_STATUS_INVALID_PARAMETER);
	assert_int_equal(make(hc_flush_list_ex, 32, 0), HV_STATUS_INVALID_PARAMETER);
	input.words[1] = 0;
	input.words[2] = HV_VPSET_SPARSE_4K;
	input.words[3] = 5;
	input.banks[0] = 0xaa;
	assert_int_equal(make(hc_flush_list_ex, 32, 2), HV_STATUS_SUCCESS);
	call.rep_index = 1;
	assert_int_equal(make(hc_flush_list_ex, 32, 2), HV_STATUS_SUCCESS);
	assert_int_equal(flushes, 2);
	assert_int_equal(flushed, 0xaa);
}

static void test_flush_ex(void **state)
{
	(void)state;
	input.words[2] = HV_VPSET_ALL;
	assert_int_equal(make(hc_flush_space_ex, 32, 0), HV_STATUS_SUCCESS);
	assert_int_equal(flushed, ~0ull);
	input.words[2] = HV_VPSET_SPARSE_4K;
	input.words[3] = 1;
	input.banks[0] = 0x11;
	assert_int_equal(make(hc_flush_space_ex, 32, 1), HV_STATUS_SUCCESS);
	assert_int_equal(flushed, 0x11);
	assert_int_equal(make(hc_flush_space_ex, 32, 0), HV_STATUS_INVALID_PARAMETER);
	assert_int_equal(make(hc_flush_space_ex, 32, 2), HV_STATUS_INVALID_PARAMETER);
	/* Where all are meant the set is not looked at. */
	input.words[1] = HV_FLUSH_ALL_PROCESSORS;
	input.words[2] = 77;
	assert_int_equal(make(hc_flush_space_ex, 32, 0), HV_STATUS_SUCCESS);
	assert_int_equal(flushed, ~0ull);
	input.words[1] = 8;
	assert_int_equal(make(hc_flush_space_ex, 32, 0), HV_STATUS_INVALID_PARAMETER);
	assert_int_equal(flushes, 3);
}

static void test_ipi(void **state)
{
	(void)state;
	input.words[0] = 0x45;
	input.words[1] = 0x800000000000001a;
	assert_int_equal(make(hc_send_cluster_ipi, 16, 0), HV_STATUS_SUCCESS);
	assert_int_equal(reached, 0x800000000000000a);
	assert_int_equal(sent, 3);
	input.words[1] = 0;
	assert_int_equal(make(hc_send_cluster_ipi, 16, 0), HV_STATUS_SUCCESS);
	assert_int_equal(sent, 3);
}

/* Vectors that no APIC takes, a VTL, and what must be zero. */
static void test_ipi_refused(void **state)
{
	static const u64 heads[] = { 0, 0xf, 0x100, 0x80000045, 0x100000045, 0x1000000045,
		0x10000000045, 0x1000000000045, 0x8000000000000045 };

	(void)state;
	input.words[1] = 0xf;
	for (size_t i = 0; i < ARRAY_SIZE(heads); i++) {
		input.words[0] = heads[i];
		assert_int_equal(make(hc_send_cluster_ipi, 16, 0), HV_STATUS_INVALID_PARAMETER);
		assert_int_equal(make(hc_send_cluster_ipi_ex, 24, 0), HV_STATUS_INVALID_PARAMETER);
	}
	assert_int_equal(sent, 0);
}

static void test_ipi_ex(void **state)
{
	(void)state;
	input.words[0] = 0x45;
	input.words[1] = HV_VPSET_ALL;
	assert_int_equal(make(hc_send_cluster_ipi_ex, 24, 0), HV_STATUS_SUCCESS);
	assert_int_equal(reached, 0x800000000000000f);
	assert_int_equal(sent, 5);
	reached = 0;
	input.words[1] = HV_VPSET_SPARSE_4K;
	input.words[2] = 3;
	input.words[3] = 6;
	input.banks[0] = ~0ull;
	assert_int_equal(make(hc_send_cluster_ipi_ex, 24, 2), HV_STATUS_SUCCESS);
	assert_int_equal(reached, 6);
	assert_int_equal(make(hc_send_cluster_ipi_ex, 24, 1), HV_STATUS_INVALID_PARAMETER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_flush, setup),
		cmocka_unit_test_setup(test_flush_list, setup),
		cmocka_unit_test_setup(test_flush_ex, setup),
		cmocka_unit_test_setup(test_ipi, setup),
		cmocka_unit_test_setup(test_ipi_refused, setup),
		cmocka_unit_test_setup(test_ipi_ex, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

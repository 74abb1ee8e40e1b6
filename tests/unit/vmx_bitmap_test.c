/* SPDX-License-Identifier: MIT */
/*
 * hypervisor/vmx/bitmap.c and slat_format.c: bits of the MSR bitmap and of
 * EPT entries where the processor looks for them.
 * sources: tests/unit/host_assert.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "hypervisor/vmx/bitmap.c"
#include "hypervisor/vmx/slat_format.c"

static u32 allocations_left;

void *pool_alloc(u64 pages)
{
	if (allocations_left == 0)
		return NULL;
	allocations_left--;
	return calloc(pages, PAGE_SIZE);
}

void policy_io_bitmap(const struct partition *p, u8 *bitmap, size_t size)
{
	(void)p;
	assert_int_equal(size, 3 * PAGE_SIZE);
	bitmap[0] = 0xf;
	bitmap[size - 1] = 0xf;
}

void policy_msr_pass_through(const struct partition *p,
	void (*pass_one)(void *ctx, u32 msr, bool read, bool write), void *ctx)
{
	(void)p;
	pass_one(ctx, 0x10, true, false);
	pass_one(ctx, 0x1fff, false, true);
	pass_one(ctx, 0xc0000081, true, true);
	pass_one(ctx, 0xc0001fff, false, true);
	/* Outside both ranges: nothing to clear. */
	pass_one(ctx, 0x2000, true, true);
	pass_one(ctx, 0xc0002000, true, true);
	pass_one(ctx, 0x40000000, true, true);
}

static void msr_bits(void **state)
{
	static const struct {
		u32 byte;
		u8 value;
	} expected[] = {
		{ 0x002, 0xfe }, /* read of 0x10 */
		{ 0x410, 0xfd }, /* read of 0xc0000081 */
		{ 0xbff, 0x7f }, /* write of 0x1fff */
		{ 0xc10, 0xfd }, /* write of 0xc0000081 */
		{ 0xfff, 0x7f }, /* write of 0xc0001fff */
	};
	struct partition p = { .id = 1 };
	u32 cleared = 0;

	(void)state;
	allocations_left = 2;
	assert_int_equal(vmx_bitmaps_create(&p), HV_STATUS_SUCCESS);
	for (size_t i = 0; i < ARRAY_SIZE(expected); i++)
		assert_int_equal(p.msr_bitmap[expected[i].byte], expected[i].value);
	for (u32 i = 0; i < PAGE_SIZE; i++)
		cleared += 8 - (u32)__builtin_popcount(p.msr_bitmap[i]);
	assert_int_equal(cleared, ARRAY_SIZE(expected));
	assert_int_equal(p.io_bitmap[0], 0xf);
	free(p.msr_bitmap);
	free(p.io_bitmap);
}

static void no_memory(void **state)
{
	struct partition p = { .id = 1 };

	(void)state;
	allocations_left = 0;
	assert_int_equal(vmx_bitmaps_create(&p), HV_STATUS_INSUFFICIENT_MEMORY);
	assert_null(p.msr_bitmap);
	allocations_left = 1;
	assert_int_equal(vmx_bitmaps_create(&p), HV_STATUS_INSUFFICIENT_MEMORY);
	assert_null(p.io_bitmap);
	free(p.msr_bitmap);
}

static void ept_entries(void **state)
{
	const struct slat_format *f = &vmx_slat_format;
	u64 e;

	(void)state;
	assert_int_equal(f->table(0x5000), 0x5007);
	e = f->leaf(0x7000, 1, SLAT_READ | SLAT_EXEC, MEMTYPE_WB);
	assert_int_equal(e, 0x7035);
	assert_int_equal(f->access(e), SLAT_READ | SLAT_EXEC);
	assert_int_equal(f->type(e, 1), MEMTYPE_WB);
	e = f->leaf(0x200000, 2, SLAT_ALL, MEMTYPE_WC);
	assert_int_equal(e, 0x20008f);
	assert_int_equal(e & f->large, f->large);
	assert_int_equal(f->type(e, 2), MEMTYPE_WC);
	assert_int_equal(f->leaf(0x40000000, 3, SLAT_READ, MEMTYPE_UC), 0x40000081);
	assert_int_equal(f->access(0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(msr_bits),
		cmocka_unit_test(no_memory),
		cmocka_unit_test(ept_entries),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

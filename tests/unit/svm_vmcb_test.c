/* SPDX-License-Identifier: MIT */
/*
 * A fresh control block: reset state, intercepts, bitmaps, and what happens
 * when the pool runs out.
 * sources: hypervisor/svm/vmcb.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "hypervisor/log.h"
#include "hypervisor/partition.h"
#include "hypervisor/policy.h"
#include "hypervisor/pool.h"
#include "hypervisor/svm/svm.h"
#include "hypervisor/vp.h"

static struct partition partition;
static struct vp vp;
static struct partition parent;
static u32 allocations, room, lines;

void *pool_alloc(u64 pages)
{
	void *p;

	if (!room)
		return NULL;
	room--;
	allocations++;
	p = aligned_alloc(PAGE_SIZE, pages * PAGE_SIZE);
	assert_non_null(p);
	return memset(p, 0, pages * PAGE_SIZE);
}

void pool_free(void *p, u64 pages)
{
	(void)pages;
	allocations--;
	free(p);
}

spa_t virt_to_spa(const void *p)
{
	return SPA((u64)p);
}

/* Single ones, of whoever's. */
void *partition_page_alloc(struct partition *p)
{
	assert_ptr_equal(p, &partition);
	return pool_alloc(1);
}

void partition_page_free(struct partition *p, void *page)
{
	assert_ptr_equal(p, &partition);
	pool_free(page, 1);
}

void policy_io_bitmap(const struct partition *p, u8 *bitmap, size_t size)
{
	(void)p;
	assert_int_equal(size, 3 * PAGE_SIZE);
	bitmap[0x3f8 / 8] = 1;
}

void policy_msr_pass_through(const struct partition *p,
	void (*pass)(void *ctx, u32 msr, bool read, bool write), void *ctx)
{
	(void)p;
	pass(ctx, 0x10, true, false);
	pass(ctx, 0x1fff, true, true);
	pass(ctx, 0x2000, true, true); /* in no range */
	pass(ctx, 0xc0000100, true, true);
	pass(ctx, 0xc0010114, false, true);
	pass(ctx, 0x40000020, true, true); /* in no range */
}

void log_line(enum log_level level, const char *fmt, ...)
{
	(void)fmt;
	assert_int_equal(level, LOG_ERROR);
	lines++;
}

static int setup(void **state)
{
	(void)state;
	memset(&partition, 0, sizeof(partition));
	memset(&vp, 0, sizeof(vp));
	vp.partition = &partition;
	partition.slat.root_spa = SPA(0x77000);
	allocations = lines = 0;
	room = 4;
	return svm_bitmaps_create(&partition) != HV_STATUS_SUCCESS;
}

static int teardown(void **state)
{
	(void)state;
	free(partition.io_bitmap);
	free(partition.msr_bitmap);
	return 0;
}

/* Bit of an MSR by the APM's own formula, 15.11. */
static u32 msr_bits(u32 msr)
{
	u32 base = msr < 0x2000 ? 0 : msr < 0xc0002000 ? 0x800 : 0x1000;
	u32 index = msr & 0x1fff;

	return partition.msr_bitmap[base + index / 4] >> (index % 4 * 2) & 3;
}

static void test_reset_state(void **state)
{
	const struct svm_vp *s;
	const struct vmcb *v;

	(void)state;
	assert_int_equal(svm_vp_create(&vp), HV_STATUS_SUCCESS);
	s = svm_of(&vp);
	v = s->vmcb;
	assert_int_equal(s->vmcb_spa, (u64)v);
	assert_int_equal(vp.regs.rip, 0xfff0);
	assert_int_equal(vp.regs.rflags, 2);
	assert_int_equal(v->save.cs.selector, 0xf000);
	assert_int_equal(v->save.cs.base, 0xffff0000);
	assert_int_equal(v->save.cr0, 0x60000010);
	assert_int_equal(v->save.cr3 | v->save.cr4, 0);
	assert_int_equal(v->save.efer, 1 << 12);
	assert_int_equal(v->save.dr6, 0xffff0ff0);
	assert_int_equal(v->save.dr7, 0x400);
	assert_int_equal(v->save.pat, 0x0007040600070406ull);
	assert_int_equal(v->control.nested, 1);
	assert_int_equal(v->control.nested_cr3, 0x77000);
	assert_int_equal(v->control.interrupt_control, 1 << 24);
	/* VMRUN refuses a block without its own intercept. */
	assert_int_equal(v->control.intercept_2 & 1, 1);
	assert_int_equal(v->control.iopm, (u64)partition.io_bitmap);
	assert_int_equal(v->control.msrpm, (u64)partition.msr_bitmap);
	svm_vmcb_dump(&vp);
	assert_true(lines > 50);
	svm_vp_delete(&vp);
	assert_null(svm_of(&vp)->vmcb);
	assert_int_equal(allocations, 2);
}

static void test_exceptions(void **state)
{
	const struct svm_vp *s;

	(void)state;
	partition.id = HV_PARTITION_ID_ROOT;
	assert_int_equal(svm_vp_create(&vp), HV_STATUS_SUCCESS);
	s = svm_of(&vp);
	assert_int_equal(s->vmcb->control.intercept_exception, 1 << 18);
	svm_vp_delete(&vp);
	partition.id = 2;
	partition.parent = &parent;
	room = 2;
	assert_int_equal(svm_vp_create(&vp), HV_STATUS_SUCCESS);
	s = svm_of(&vp);
	assert_int_equal(s->vmcb->control.intercept_exception, 1 << 18 | 1 << 17 | 1 << 1);
	/* And what its parent wants to see, until it does no more. */
	partition.intercepts.exceptions = 1 << 14 | 1 << 3;
	svm_exceptions_update(&vp);
	assert_int_equal(s->vmcb->control.intercept_exception,
		1 << 18 | 1 << 17 | 1 << 14 | 1 << 3 | 1 << 1);
	assert_int_equal(s->exceptions, s->vmcb->control.intercept_exception);
	partition.intercepts.exceptions = 0;
	svm_exceptions_update(&vp);
	assert_int_equal(s->vmcb->control.intercept_exception, 1 << 18 | 1 << 17 | 1 << 1);
	svm_vp_delete(&vp);
}

static void test_bitmaps(void **state)
{
	u32 open = 0;

	(void)state;
	assert_int_equal(msr_bits(0x10), 2);
	assert_int_equal(msr_bits(0x11), 3);
	assert_int_equal(msr_bits(0x1fff), 0);
	assert_int_equal(msr_bits(0xc0000080), 3);
	assert_int_equal(msr_bits(0xc0000100), 0);
	assert_int_equal(msr_bits(0xc0010114), 1);
	for (u32 i = 0; i < 8192; i++)
		open += 8 - (u32)__builtin_popcount(partition.msr_bitmap[i]);
	assert_int_equal(open, 1 + 2 + 2 + 1);
	assert_int_equal(partition.io_bitmap[0x3f8 / 8], 1);
}

static void test_second_vp_shares_bitmaps(void **state)
{
	struct vp second = { .partition = &partition };
	const struct svm_vp *a, *b;

	(void)state;
	room = 2;
	assert_int_equal(svm_vp_create(&vp), HV_STATUS_SUCCESS);
	assert_int_equal(svm_vp_create(&second), HV_STATUS_SUCCESS);
	assert_int_equal(allocations, 2 + 2);
	a = svm_of(&vp);
	b = svm_of(&second);
	assert_ptr_not_equal(a->vmcb, b->vmcb);
	assert_int_equal(a->vmcb->control.iopm, b->vmcb->control.iopm);
	assert_int_equal(a->vmcb->control.msrpm, b->vmcb->control.msrpm);
	svm_vp_delete(&second);
	svm_vp_delete(&vp);
}

static void test_no_memory(void **state)
{
	(void)state;
	room = 0;
	assert_int_equal(svm_vp_create(&vp), HV_STATUS_INSUFFICIENT_MEMORY);
	assert_null(svm_of(&vp)->vmcb);
	assert_int_equal(allocations, 2);
	for (u32 pages = 0; pages < 2; pages++) {
		struct partition p = { .id = 1 };

		room = pages;
		assert_int_equal(svm_bitmaps_create(&p), HV_STATUS_INSUFFICIENT_MEMORY);
		free(p.io_bitmap);
		free(p.msr_bitmap);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_reset_state, setup, teardown),
		cmocka_unit_test_setup_teardown(test_exceptions, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bitmaps, setup, teardown),
		cmocka_unit_test_setup_teardown(test_second_vp_shares_bitmaps, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_memory, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

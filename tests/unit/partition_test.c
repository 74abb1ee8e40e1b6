/* SPDX-License-Identifier: MIT */
/*
 * What of the root's address space the hypervisor may touch, and forgetting
 * of mappings: every frame type, the hypercall page's overlay, other VPs.
 * sources: hypervisor/partition.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <string.h>

#include "hv/msr.h"
#include "hypervisor/frame.h"
#include "hypervisor/partition.h"
#include "hypervisor/pool.h"
#include "hypervisor/vp.h"
#include "hypervisor/window.h"

#define OVERLAY_SPA 0x77000ull

static struct partition p;
static struct vp vps[3];
static struct frame frames[8]; /* by page */
static bool mapped;
static struct slat_mapping mapping;
static u32 flushes, window_flushes;
static u64 hypercall_page[512];

struct frame *frame_get(spa_t spa)
{
	u64 n = spa.a >> 12;

	return n < 8 && frames[n].type != FRAME_NONE ? &frames[n] : NULL;
}

bool slat_lookup(const struct slat *slat, gpa_t gpa, struct slat_mapping *out)
{
	(void)slat;
	(void)gpa;
	*out = mapping;
	return mapped;
}

spa_t virt_to_spa(const void *page)
{
	assert_ptr_equal(page, hypercall_page);
	return SPA(OVERLAY_SPA);
}

static void fake_flush(struct vp *vp)
{
	assert_ptr_equal(vp, &vps[0]);
	flushes++;
}

void window_flush(void)
{
	window_flushes++;
}

/* The other processors: a VP that runs flushes at once, another when it enters next. */
void vp_notify(struct vp *vp, u32 work)
{
	assert_int_equal(work, VP_WORK_FLUSH);
	assert_ptr_not_equal(vp, &vps[0]);
	if (vp->state != VP_RUNNABLE)
		vp->work |= work;
}

static const struct virt_ops ops = { .flush = fake_flush };
const struct virt_ops *virt = &ops;

static int setup(void **state)
{
	(void)state;
	memset(&p, 0, sizeof(p));
	memset(vps, 0, sizeof(vps));
	memset(frames, 0, sizeof(frames));
	p.id = 1;
	p.hypercall_page = hypercall_page;
	frames[1] = (struct frame){ .owner = 1, .type = FRAME_ROOT };
	frames[2] = (struct frame){ .owner = 2, .type = FRAME_ROOT };
	frames[3] = (struct frame){ .type = FRAME_IMAGE };
	frames[4] = (struct frame){ .type = FRAME_POOL_FREE };
	frames[5] = (struct frame){ .type = FRAME_POOL_USED };
	frames[6] = (struct frame){ .type = FRAME_SHARED };
	mapped = false;
	flushes = window_flushes = 0;
	return 0;
}

static bool may(u64 gpa, u32 access, u64 expected)
{
	spa_t spa = SPA(0);
	bool ok = partition_gpa_to_spa(&p, GPA(gpa), access, &spa);

	if (ok)
		assert_int_equal(spa.a, expected);
	return ok;
}

static void test_own_memory(void **state)
{
	(void)state;
	for (u32 access = 1; access <= SLAT_ALL; access++)
		assert_true(may(0x1abc, access, 0x1abc));
}

static void test_foreign_memory(void **state)
{
	static const u64 pages[] = { 0, 2, 3, 4, 5, 7, 8, 0xfee00, 0xffffffffffull };

	(void)state;
	mapped = true;
	for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
		mapping = (struct slat_mapping){ .spa = SPA(pages[i] << 12), .access = SLAT_ALL };
		for (u32 access = 1; access <= SLAT_ALL; access++)
			assert_false(may(pages[i] << 12, access, 0));
	}
}

/* Only as far as it is mapped. */
static void test_shared_memory(void **state)
{
	(void)state;
	assert_false(may(0x6010, SLAT_READ, 0));
	mapped = true;
	mapping = (struct slat_mapping){ .spa = SPA(0x6010), .access = SLAT_READ };
	assert_true(may(0x6010, SLAT_READ, 0x6010));
	assert_false(may(0x6010, SLAT_WRITE, 0));
	assert_false(may(0x6010, SLAT_READ | SLAT_WRITE, 0));
	assert_false(may(0x6010, SLAT_EXEC, 0));
	mapping.spa = SPA(0x5010);
	assert_false(may(0x6010, SLAT_READ, 0));
}

static void test_hypercall_page(void **state)
{
	(void)state;
	p.hypercall_msr = 0x1000 | HV_MSR_HYPERCALL_ENABLE | HV_MSR_HYPERCALL_LOCKED;
	assert_true(may(0x1abc, SLAT_READ, OVERLAY_SPA + 0xabc));
	assert_true(may(0x1abc, SLAT_EXEC, OVERLAY_SPA + 0xabc));
	assert_false(may(0x1abc, SLAT_WRITE, 0));
	assert_false(may(0x1abc, SLAT_ALL, 0));
	p.hypercall_msr = 0x1000;
	assert_true(may(0x1abc, SLAT_ALL, 0x1abc));
	p.hypercall_msr = 0x3000 | HV_MSR_HYPERCALL_ENABLE;
	assert_true(may(0x1abc, SLAT_ALL, 0x1abc));
}

/* Those outside the guest are told, and not waited for. */
static void test_flush(void **state)
{
	(void)state;
	p.vps[0] = &vps[0];
	p.vps[5] = &vps[1];
	p.vps[63] = &vps[2];
	vps[0].state = VP_RUNNABLE;
	vps[1].state = VP_RUNNABLE;
	vps[2].state = VP_HALTED;
	partition_flush(&p, &vps[0]);
	assert_int_equal(flushes, 1);
	assert_int_equal(window_flushes, 1);
	assert_int_equal(vps[0].work, 0);
	assert_int_equal(vps[2].work, VP_WORK_FLUSH);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_own_memory, setup),
		cmocka_unit_test_setup(test_foreign_memory, setup),
		cmocka_unit_test_setup(test_shared_memory, setup),
		cmocka_unit_test_setup(test_hypercall_page, setup),
		cmocka_unit_test_setup(test_flush, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

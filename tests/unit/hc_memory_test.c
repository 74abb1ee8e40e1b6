/* SPDX-License-Identifier: MIT */
/*
 * MapGpaPages, UnmapGpaPages and GetGpaPagesAccessState under overlays of the
 * child, which test kernels cannot lay: what lies below changes, the overlay
 * stays; and elements of 2 MiB are done whole or not at all.
 * sources: hypervisor/hc_map.c hypervisor/hc_access.c hypervisor/overlay.c
 * sources: hypervisor/slat.c hypervisor/slat_log.c hypervisor/deposit.c hypervisor/pool.c hypervisor/frame.c
 * sources: hypervisor/vmx/slat_format.c lib/bitmap.c tests/unit/fake_memory.c tests/unit/fake_image.S tests/unit/host_assert.c
 * cflags: -I tests/unit/fake_layout
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake_memory.h"
#include "hv/memory.h"
#include "hypervisor/cpu.h"
#include "hypervisor/hc.h"
#include "hypervisor/pool.h"
#include "hypervisor/vp.h"

#define CHILD 5u
#define PAGES 12u
#define RAM   0x2000000ull
#define GPA_0 (64 * MIB)
#define RW    (HV_MAP_READ | HV_MAP_WRITE)
#define LARGE ((u32)HV_MAP_LARGE)

extern struct slat_format vmx_slat_format;

static struct partition root, child;
static struct vp vp;
static struct hypercall call;
static u64 output;
static u32 flushes;
static struct overlay overlay;
static void *overlay_page;

enum hv_status hc_child_in(struct hypercall *c, u64 id, enum partition_state state)
{
	assert_int_equal(id, CHILD);
	assert_int_equal(state, PARTITION_ACTIVE);
	c->target = &child;
	return HV_STATUS_SUCCESS;
}

static struct cpu cpu = { .features.phys_bits = 40 };

struct cpu *this_cpu(void)
{
	return &cpu;
}

bool partition_gpa_exists(u64 gpfn)
{
	return gpfn < 1ull << 28;
}

/* What is moving must still be claimed when the others forget it. */
void partition_flush_tables(struct partition *p, struct vp *self)
{
	assert_ptr_equal(p, &child);
	assert_ptr_equal(self, &vp);
	for (u64 at = RAM; at < RAM + 4 * PAGE_2M; at += PAGE_SIZE) {
		const struct frame *f = frame_get(SPA(at));

		if (f->flags & FRAME_MOVING)
			assert_int_equal(frame_claim_map(SPA(at), CHILD), HV_STATUS_OBJECT_IN_USE);
	}
	flushes++;
	slat_free(&p->slat, slat_stale(&p->slat));
}

static int setup(void **state)
{
	(void)state;
	fake_memory_init(64);
	memset(&child, 0, sizeof(child));
	child.id = CHILD;
	child.parent = &root;
	list_init(&child.overlays);
	for (u32 i = 0; i < PAGES; i++)
		deposit_add(&child.deposit, pool_alloc(1));
	frame_mark(SPA(RAM), 4 * PAGE_2M, FRAME_ROOT, 1);
	assert_int_equal(slat_init_deposit(&child.slat, &vmx_slat_format, &child.deposit),
		HV_STATUS_SUCCESS);
	overlay_init(&overlay);
	overlay_page = pool_alloc(1);
	flushes = 0;
	return 0;
}

static void begin(const void *input)
{
	memset(&call, 0, sizeof(call));
	call.vp = &vp;
	call.input = input;
	call.output = &output;
	output = 0;
}

static enum hv_status end(enum hv_status status)
{
	if (status == HV_STATUS_SUCCESS)
		hc_map_finish(&call);
	assert_int_equal(call.moving.first, 0);
	return status;
}

static enum hv_status map(u64 gpa, u64 spa, u32 flags)
{
	struct hv_map_gpa_input in = {
		.partition_id = CHILD, .base_gpfn = gpa >> PAGE_SHIFT, .flags = flags
	};

	begin(&in);
	call.element_in[0] = spa >> PAGE_SHIFT;
	return end(hc_map_gpa_pages(&call));
}

static enum hv_status unmap(u64 gpa, u32 flags)
{
	struct hv_unmap_gpa_input in = {
		.partition_id = CHILD, .base_gpfn = gpa >> PAGE_SHIFT, .flags = flags
	};

	begin(&in);
	return end(hc_unmap_gpa_pages(&call));
}

static u32 access_state(u64 gpa, u64 flags)
{
	struct hv_access_state_input in = {
		.partition_id = CHILD, .flags = flags, .base_gpfn = gpa >> PAGE_SHIFT
	};

	begin(&in);
	assert_int_equal(end(hc_get_gpa_pages_access_state(&call)), HV_STATUS_SUCCESS);
	return (u32)output;
}

static void lay(u64 gpa)
{
	assert_int_equal(
		overlay_set(&child, &overlay, GPA(gpa), overlay_page, SLAT_ALL), HV_STATUS_SUCCESS);
}

static void expect(u64 gpa, u64 spa, u32 access)
{
	struct slat_mapping m;

	assert_true(slat_lookup(&child.slat, GPA(gpa), &m));
	assert_int_equal(m.spa.a, spa);
	assert_int_equal(m.access, access);
}

static void expect_nothing(u64 gpa)
{
	struct slat_mapping m;

	assert_false(slat_lookup(&child.slat, GPA(gpa), &m));
}

static u16 mapper(u64 spa)
{
	return frame_get(SPA(spa))->mapper;
}

/* Mapped, unmapped and mapped again below: seen only when it goes. */
static void below_a_page(void **state)
{
	(void)state;
	lay(GPA_0);
	assert_int_equal(map(GPA_0, RAM, RW), HV_STATUS_SUCCESS);
	expect(GPA_0, virt_to_spa(overlay_page).a, SLAT_ALL);
	assert_int_equal(mapper(RAM), CHILD);
	assert_int_equal(map(GPA_0, RAM + PAGE_SIZE, RW), HV_STATUS_OBJECT_IN_USE);
	assert_int_equal(mapper(RAM + PAGE_SIZE), 0);
	assert_int_equal(map(GPA_0, RAM, HV_MAP_READ), HV_STATUS_SUCCESS);
	overlay_clear(&child, &overlay);
	expect(GPA_0, RAM, SLAT_READ);
	lay(GPA_0);
	assert_int_equal(unmap(GPA_0, 0), HV_STATUS_SUCCESS);
	assert_int_equal(mapper(RAM), 0);
	expect(GPA_0, virt_to_spa(overlay_page).a, SLAT_ALL);
	overlay_clear(&child, &overlay);
	expect_nothing(GPA_0);
}

/* 2 MiB around an overlay. */
static void around_an_overlay(void **state)
{
	u64 at = GPA_0 + 7 * PAGE_SIZE;

	(void)state;
	lay(at);
	assert_int_equal(map(GPA_0, RAM, RW | LARGE), HV_STATUS_SUCCESS);
	expect(at, virt_to_spa(overlay_page).a, SLAT_ALL);
	expect(at + PAGE_SIZE, RAM + 8 * PAGE_SIZE, SLAT_READ | SLAT_WRITE);
	overlay_clear(&child, &overlay);
	expect(at, RAM + 7 * PAGE_SIZE, SLAT_READ | SLAT_WRITE);
	lay(at);
	assert_int_equal(unmap(GPA_0, HV_UNMAP_LARGE), HV_STATUS_SUCCESS);
	assert_int_equal(flushes, 1);
	for (u64 i = 0; i < PAGE_2M; i += PAGE_SIZE)
		assert_int_equal(
			frame_get(SPA(RAM + i))->word, frame_get(SPA(RAM + PAGE_2M))->word);
	expect(at, virt_to_spa(overlay_page).a, SLAT_ALL);
	expect_nothing(at + PAGE_SIZE);
	overlay_clear(&child, &overlay);
	expect_nothing(at);
	/* And over a large leaf, which is split for it and whole again without. */
	assert_int_equal(map(GPA_0, RAM, RW | LARGE), HV_STATUS_SUCCESS);
	assert_int_equal(child.slat.pages[2], 1);
	lay(at);
	assert_int_equal(child.slat.pages[1], 512);
	overlay_clear(&child, &overlay);
	assert_int_equal(map(GPA_0, RAM, RW), HV_STATUS_SUCCESS);
	assert_int_equal(child.slat.pages[2], 1);
}

/* Nothing of a large element is claimed that was not mapped. */
static void all_or_nothing(void **state)
{
	(void)state;
	assert_int_equal(map(0, RAM + PAGE_2M - PAGE_SIZE, RW), HV_STATUS_SUCCESS);
	assert_int_equal(map(GPA_0, RAM, RW | LARGE), HV_STATUS_OBJECT_IN_USE);
	assert_int_equal(map(GPA_0 + PAGE_2M - PAGE_SIZE, RAM + PAGE_2M, RW), HV_STATUS_SUCCESS);
	assert_int_equal(map(GPA_0, RAM + 2 * PAGE_2M, RW | LARGE), HV_STATUS_OBJECT_IN_USE);
	for (u64 at = 0; at < 4 * PAGE_2M; at += PAGE_SIZE)
		assert_int_equal(
			mapper(RAM + at), at == PAGE_2M - PAGE_SIZE || at == PAGE_2M ? CHILD : 0);
	while (deposit_take(&child.deposit))
		;
	assert_int_equal(map(GIB, RAM + 2 * PAGE_2M, RW | LARGE), HV_STATUS_INSUFFICIENT_MEMORY);
	assert_int_equal(mapper(RAM + 2 * PAGE_2M + 5 * PAGE_SIZE), 0);
	assert_int_equal(map(8 * GIB, RAM, RW), HV_STATUS_INSUFFICIENT_MEMORY);
	assert_int_equal(mapper(RAM), 0);
}

/* Half of it is mapped already: the rest is claimed, and it becomes one leaf. */
static void completed(void **state)
{
	(void)state;
	for (u64 at = 0; at < PAGE_2M / 2; at += PAGE_SIZE)
		assert_int_equal(map(GPA_0 + at, RAM + at, RW), HV_STATUS_SUCCESS);
	assert_int_equal(flushes, 0);
	assert_int_equal(map(GPA_0, RAM, RW | LARGE), HV_STATUS_SUCCESS);
	/* The table that it takes the place of was in use. */
	assert_int_equal(flushes, 1);
	assert_int_equal(child.slat.pages[2], 1);
	assert_int_equal(child.slat.pages[1], 0);
	assert_int_equal(mapper(RAM + PAGE_2M - PAGE_SIZE), CHILD);
}

static void log_on(void)
{
	bool done = false;

	while (!done)
		assert_int_equal(slat_log_on(&child.slat, &done), HV_STATUS_SUCCESS);
}

static void tracking(void **state)
{
	(void)state;
	assert_int_equal(map(GPA_0, RAM, RW | LARGE), HV_STATUS_SUCCESS);
	log_on();
	lay(GPA_0 + PAGE_SIZE);
	flushes = 0;
	assert_int_equal(access_state(GPA_0, 0), HV_ACCESS_STATE_ACCESSED);
	/* Nobody knows whether it was written to while the overlay was laid. */
	assert_int_equal(access_state(GPA_0 + PAGE_SIZE, HV_ACCESS_CLEAR_DIRTY),
		HV_ACCESS_STATE_ACCESSED | HV_ACCESS_STATE_DIRTY);
	assert_int_equal(
		access_state(GPA_0 + PAGE_SIZE, HV_ACCESS_SET_DIRTY), HV_ACCESS_STATE_ACCESSED);
	flushes = 0;
	assert_int_equal(access_state(8 * GIB, HV_ACCESS_SET_DIRTY), 0);
	assert_int_equal(flushes, 0);
	/* The overlay goes: what lay below is as dirty as it was told to be. */
	overlay_clear(&child, &overlay);
	assert_int_equal(access_state(GPA_0 + PAGE_SIZE, HV_ACCESS_CLEAR_DIRTY),
		HV_ACCESS_STATE_ACCESSED | HV_ACCESS_STATE_DIRTY);
	assert_int_equal(flushes, 1);
	assert_int_equal(access_state(GPA_0 + PAGE_SIZE, 0), HV_ACCESS_STATE_ACCESSED);
	assert_true(slat_retry(&child.slat, GPA(GPA_0 + PAGE_SIZE), SLAT_WRITE));
	/* Rights change, or something is new: it counts as written. */
	assert_int_equal(map(GPA_0 + PAGE_SIZE, RAM + PAGE_SIZE, HV_MAP_READ), HV_STATUS_SUCCESS);
	assert_int_equal(
		map(GPA_0 + 2 * PAGE_SIZE, RAM + 2 * PAGE_SIZE, HV_MAP_ALL), HV_STATUS_SUCCESS);
	assert_int_equal(access_state(GPA_0 + PAGE_SIZE, 0),
		HV_ACCESS_STATE_ACCESSED | HV_ACCESS_STATE_DIRTY);
	assert_int_equal(access_state(GPA_0 + 2 * PAGE_SIZE, 0),
		HV_ACCESS_STATE_ACCESSED | HV_ACCESS_STATE_DIRTY);
	assert_int_equal(map(GIB, RAM + PAGE_2M, RW), HV_STATUS_SUCCESS);
	assert_int_equal(access_state(GIB, 0), HV_ACCESS_STATE_ACCESSED | HV_ACCESS_STATE_DIRTY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(below_a_page, setup),
		cmocka_unit_test_setup(around_an_overlay, setup),
		cmocka_unit_test_setup(all_or_nothing, setup),
		cmocka_unit_test_setup(completed, setup),
		cmocka_unit_test_setup(tracking, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

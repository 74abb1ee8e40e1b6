/* SPDX-License-Identifier: MIT */
/*
 * Overlays over a made-up GPA space of 16 pages: what is seen while they are
 * on and after, in the root's and in a child's, and what has no place.
 * sources: hypervisor/overlay.c hypervisor/frame.c tests/unit/host_assert.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <string.h>

#include "hypervisor/cpu.h"
#include "hypervisor/frame.h"
#include "hypervisor/overlay.h"
#include "hypervisor/partition.h"
#include "hypervisor/pool.h"

#define PAGES 16u
#define A_SPA 0x70000ull
#define B_SPA 0x71000ull

static struct partition root, child;
static struct cpu cpu;
static struct frame frames[PAGES];
static u8 page_a, page_b;
static struct overlay a, b;

/* The second-level tables, as four levels see an address. */
static struct slat_mapping space[PAGES]; /* access 0: nothing */
static bool split[PAGES];                /* has a leaf of its own */
static bool no_tables;

struct cpu *this_cpu(void)
{
	return &cpu;
}

spa_t virt_to_spa(const void *page)
{
	assert_true(page == &page_a || page == &page_b);
	return SPA(page == &page_a ? A_SPA : B_SPA);
}

static u64 number(gpa_t gpa)
{
	u64 n = (gpa.a & (BIT(48) - 1)) >> PAGE_SHIFT;

	assert_true(n < PAGES);
	return n;
}

bool slat_lookup(const struct slat *slat, gpa_t gpa, struct slat_mapping *out)
{
	(void)slat;
	*out = space[number(gpa)];
	return out->access != 0;
}

enum hv_status slat_map(struct slat *slat, gpa_t gpa, spa_t spa, u64 size, u32 access,
	enum memtype type, u32 max_level)
{
	(void)slat;
	assert_int_equal(size, PAGE_SIZE);
	assert_int_equal(max_level, 1);
	if (no_tables && !split[number(gpa)])
		return HV_STATUS_INSUFFICIENT_MEMORY;
	split[number(gpa)] = true;
	space[number(gpa)] =
		(struct slat_mapping){ .spa = spa, .access = access, .level = 1, .type = type };
	return HV_STATUS_SUCCESS;
}

static u32 promotions;

void slat_promote(struct slat *slat, gpa_t gpa)
{
	(void)slat;
	(void)number(gpa);
	promotions++;
}

enum hv_status slat_unmap(struct slat *slat, gpa_t gpa, u64 size)
{
	(void)slat;
	assert_int_equal(size, PAGE_SIZE);
	assert_true(split[number(gpa)]);
	memset(&space[number(gpa)], 0, sizeof(space[0]));
	return HV_STATUS_SUCCESS;
}

static void init(struct partition *p, u64 id, struct partition *parent)
{
	memset(p, 0, sizeof(*p));
	p->id = id;
	p->parent = parent;
	list_init(&p->overlays);
}

static int setup(void **state)
{
	(void)state;
	init(&root, 1, NULL);
	init(&child, 2, &root);
	cpu.features.phys_bits = 52;
	memset(frames, 0, sizeof(frames));
	frame_table_init(frames, PAGES);
	frame_mark(SPA(0), 4 * PAGE_SIZE, FRAME_ROOT, 1);
	frame_mark(SPA(4 * PAGE_SIZE), PAGE_SIZE, FRAME_SHARED, 0);
	frame_mark(SPA(5 * PAGE_SIZE), PAGE_SIZE, FRAME_POOL_USED, 0);
	frame_mark(SPA(6 * PAGE_SIZE), PAGE_SIZE, FRAME_ROOT, 9);
	memset(split, 0, sizeof(split));
	memset(space, 0, sizeof(space));
	no_tables = false;
	for (u32 i = 0; i < 4; i++)
		space[i] = (struct slat_mapping){ .spa = SPA(i * PAGE_SIZE),
			.access = SLAT_ALL,
			.level = 2,
			.type = MEMTYPE_WT };
	overlay_init(&a);
	overlay_init(&b);
	return 0;
}

static enum hv_status set(struct partition *p, struct overlay *o, u64 gpa)
{
	return overlay_set(p, o, GPA(gpa), o == &a ? &page_a : &page_b, SLAT_READ | SLAT_EXEC);
}

static void seen(u64 gpa, u64 spa, u32 access, enum memtype type)
{
	const struct slat_mapping *m = &space[gpa >> PAGE_SHIFT];

	assert_int_equal(m->spa.a, spa);
	assert_int_equal(m->access, access);
	assert_int_equal(m->type, type);
}

static void test_over_the_roots_memory(void **state)
{
	(void)state;
	assert_false(a.on);
	assert_int_equal(set(&root, &a, 0x2000), HV_STATUS_SUCCESS);
	assert_true(a.on);
	seen(0x2000, A_SPA, SLAT_READ | SLAT_EXEC, MEMTYPE_WB);
	seen(0x1000, 0x1000, SLAT_ALL, MEMTYPE_WT);
	/* Its frame says so to those who do not look at tables. */
	assert_int_equal(frame_get(SPA(0x2000))->flags, FRAME_OVERLAID);
	assert_int_equal(frame_get(SPA(0x1000))->flags, 0);
	promotions = 0;
	overlay_clear(&root, &a);
	assert_false(a.on);
	seen(0x2000, 0x2000, SLAT_ALL, MEMTYPE_WT);
	assert_int_equal(promotions, 1);
	assert_int_equal(frame_get(SPA(0x2000))->flags, 0);
	/* Not twice. */
	space[2].spa = SPA(0x99000);
	overlay_clear(&root, &a);
	seen(0x2000, 0x99000, SLAT_ALL, MEMTYPE_WT);
}

/* Where the root has no RAM there is nothing to lie over. */
static void test_no_place_in_the_root(void **state)
{
	static const u64 pages[] = { 0x4000, 0x5000, 0x6000, 0x7000, 0xf000, 0x10000, BIT(40) };

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(pages); i++) {
		assert_int_equal(set(&root, &a, pages[i]), HV_STATUS_INVALID_PARAMETER);
		assert_false(a.on);
		assert_true(list_empty(&root.overlays));
	}
}

/* A child's may lie over nothing, and leaves nothing. */
static void test_over_nothing(void **state)
{
	(void)state;
	assert_int_equal(set(&child, &a, 0x7000), HV_STATUS_SUCCESS);
	seen(0x7000, A_SPA, SLAT_READ | SLAT_EXEC, MEMTYPE_WB);
	overlay_clear(&child, &a);
	assert_int_equal(space[7].access, 0);
	/* Its addresses are no frames. */
	assert_int_equal(set(&child, &a, 0x2000), HV_STATUS_SUCCESS);
	assert_int_equal(frame_get(SPA(0x2000))->flags, 0);
	seen(0x2000, A_SPA, SLAT_READ | SLAT_EXEC, MEMTYPE_WB);
}

/* Mapping and unmapping go on below it. */
static void test_below(void **state)
{
	(void)state;
	assert_int_equal(set(&child, &a, 0x7000), HV_STATUS_SUCCESS);
	assert_false(a.covers);
	a.covers = true;
	a.below = (struct slat_mapping){
		.spa = SPA(0x3000), .access = SLAT_READ, .level = 1, .type = MEMTYPE_WB
	};
	overlay_clear(&child, &a);
	seen(0x7000, 0x3000, SLAT_READ, MEMTYPE_WB);
	assert_int_equal(set(&child, &a, 0x7000), HV_STATUS_SUCCESS);
	assert_true(a.covers);
	a.covers = false;
	overlay_clear(&child, &a);
	assert_int_equal(space[7].access, 0);
}

static void test_one_to_a_page(void **state)
{
	(void)state;
	assert_int_equal(set(&child, &a, 0x2000), HV_STATUS_SUCCESS);
	assert_int_equal(set(&child, &b, 0x2000), HV_STATUS_INVALID_PARAMETER);
	assert_false(b.on);
	assert_int_equal(set(&child, &b, 0x3000), HV_STATUS_SUCCESS);
	assert_ptr_equal(overlay_find(&child, GPA(0x2fff)), &a);
	assert_ptr_equal(overlay_find(&child, GPA(0x3000)), &b);
	assert_null(overlay_find(&child, GPA(0x1fff)));
	assert_null(overlay_find(&root, GPA(0x2000)));
	overlay_clear(&child, &a);
	assert_null(overlay_find(&child, GPA(0x2000)));
	assert_ptr_equal(overlay_find(&child, GPA(0x3000)), &b);
	seen(0x2000, 0x2000, SLAT_ALL, MEMTYPE_WT);
}

/* No such address: by its low bits it would be a page under another overlay. */
static void test_beyond_the_address_space(void **state)
{
	(void)state;
	assert_int_equal(set(&child, &a, 0x2000), HV_STATUS_SUCCESS);
	for (u32 bit = 48; bit < 64; bit++) {
		assert_int_equal(set(&child, &b, BIT(bit) | 0x2000), HV_STATUS_INVALID_PARAMETER);
		assert_false(b.on);
	}
	seen(0x2000, A_SPA, SLAT_READ | SLAT_EXEC, MEMTYPE_WB);
	overlay_clear(&child, &a);
	seen(0x2000, 0x2000, SLAT_ALL, MEMTYPE_WT);
	/* Of a processor with fewer bits. */
	cpu.features.phys_bits = 15;
	assert_int_equal(set(&child, &a, 0x8000), HV_STATUS_INVALID_PARAMETER);
	assert_int_equal(set(&child, &a, 0x7000), HV_STATUS_SUCCESS);
}

static void test_no_tables(void **state)
{
	(void)state;
	no_tables = true;
	assert_int_equal(set(&root, &a, 0x2000), HV_STATUS_INSUFFICIENT_MEMORY);
	assert_false(a.on);
	assert_true(list_empty(&root.overlays));
	assert_int_equal(frame_get(SPA(0x2000))->flags, 0);
	seen(0x2000, 0x2000, SLAT_ALL, MEMTYPE_WT);
	/* To take one away none are needed. */
	no_tables = false;
	assert_int_equal(set(&root, &a, 0x2000), HV_STATUS_SUCCESS);
	no_tables = true;
	overlay_clear(&root, &a);
	seen(0x2000, 0x2000, SLAT_ALL, MEMTYPE_WT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_over_the_roots_memory, setup),
		cmocka_unit_test_setup(test_no_place_in_the_root, setup),
		cmocka_unit_test_setup(test_over_nothing, setup),
		cmocka_unit_test_setup(test_below, setup),
		cmocka_unit_test_setup(test_one_to_a_page, setup),
		cmocka_unit_test_setup(test_beyond_the_address_space, setup),
		cmocka_unit_test_setup(test_no_tables, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

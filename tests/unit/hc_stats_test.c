/* SPDX-License-Identifier: MIT */
/*
 * HvCallMapStatsPage and its unmap, of the caller's VPs and of a child's, down
 * to what the caller's second-level tables are told; and that a child is found
 * and managed, and let go again.
 * sources: hypervisor/hc_stats.c hypervisor/hc_target.c hypervisor/share_page.c
 * sources: tests/unit/fake_vp.c tests/unit/host_assert.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <string.h>

#include "fake_vp.h"
#include "hypervisor/hc.h"
#include "hypervisor/pool.h"
#include "hypervisor/sched.h"

static struct vp other, child_vp;
static struct partition child;

/* Counters are there, whatever the VP does. */
void sched_wait_stopped(struct vp *vp, struct vp *self)
{
	(void)vp;
	(void)self;
	fail();
}

/* Nor is it held, or its INIT looked at. */
void vp_hold(struct vp *vp)
{
	(void)vp;
	fail();
}

void vp_hold_end(struct vp *vp)
{
	(void)vp;
	fail();
}

void vp_startup_take(struct vp *vp)
{
	(void)vp;
	fail();
}

/* The child has the only id beside the caller's; each call gives back what it took. */
static s32 references, managers;

struct partition *partition_find(u64 id)
{
	if (id != child.id)
		return NULL;
	references++;
	return &child;
}

void partition_put(struct partition *p)
{
	assert_ptr_equal(p, &child);
	references--;
}

void partition_manage(struct partition *p, struct vp *self)
{
	assert_ptr_equal(p, &child);
	assert_ptr_equal(self, &fake_vp);
	managers++;
}

void partition_manage_end(struct partition *p)
{
	assert_ptr_equal(p, &child);
	managers--;
}

static u32 flushes;

void partition_flush(struct partition *p, struct vp *self)
{
	assert_ptr_equal(p, &fake_partition);
	assert_ptr_equal(self, &fake_vp);
	flushes++;
}

static u64 mapped;
static bool slat_full;

spa_t virt_to_spa(const void *p)
{
	return SPA((u64)p & ~0xfffull);
}

enum hv_status slat_map(struct slat *slat, gpa_t gpa, spa_t spa, u64 size, u32 access,
	enum memtype type, u32 max_level)
{
	assert_ptr_equal(slat, &fake_partition.slat);
	assert_int_equal(gpa.a, spa.a);
	assert_int_equal(size, 4096);
	assert_int_equal(access, SLAT_READ);
	assert_int_equal(type, MEMTYPE_WB);
	assert_int_equal(max_level, 1);
	if (slat_full)
		return HV_STATUS_INSUFFICIENT_MEMORY;
	mapped = gpa.a;
	return HV_STATUS_SUCCESS;
}

enum hv_status slat_unmap(struct slat *slat, gpa_t gpa, u64 size)
{
	assert_ptr_equal(slat, &fake_partition.slat);
	assert_int_equal(gpa.a, mapped);
	assert_int_equal(size, 4096);
	mapped = 0;
	return HV_STATUS_SUCCESS;
}

bool slat_lookup(const struct slat *slat, gpa_t gpa, struct slat_mapping *out)
{
	assert_ptr_equal(slat, &fake_partition.slat);
	*out = (struct slat_mapping){ .spa = SPA(gpa.a), .access = SLAT_READ, .level = 1 };
	return mapped && gpa.a == mapped;
}

static u64 stats_page[512] __attribute__((aligned(4096)));
static u64 child_stats[512] __attribute__((aligned(4096)));

static int setup(void **state)
{
	(void)state;
	fake_vp_reset();
	fake_partition.vps[2] = &other;
	other = (struct vp){ .partition = &fake_partition, .index = 2, .stats = stats_page };
	fake_vp.stats = stats_page;
	child = (struct partition){ .id = 5, .parent = &fake_partition, .state = PARTITION_ACTIVE };
	child.vps[1] = &child_vp;
	child_vp = (struct vp){ .partition = &child, .index = 1, .stats = child_stats };
	references = managers = 0;
	slat_full = false;
	flushes = 0;
	mapped = 0;
	return 0;
}

/* The page that the last call told. */
static u64 frame;

static enum hv_status call(
	enum hv_status (*handler)(struct hypercall *call), const struct hv_stats_page_input *in)
{
	struct hypercall call = {
		.vp = &fake_vp, .input = in, .input_size = sizeof(*in), .output = &frame
	};
	enum hv_status status;

	frame = 0;
	status = handler(&call);
	assert_int_equal(managers, call.target ? 1 : 0);
	hc_release(&call);
	assert_null(call.target);
	assert_int_equal(references, 0);
	assert_int_equal(managers, 0);
	return status;
}

static enum hv_status map(const struct hv_stats_page_input *in)
{
	return call(hc_map_stats_page, in);
}

static enum hv_status unmap(const struct hv_stats_page_input *in)
{
	return call(hc_unmap_stats_page, in);
}

static void test_own(void **state)
{
	struct hv_stats_page_input in = {
		.type = HV_STATS_OBJECT_VP, .partition_id = ~0ull, .vp_index = 2
	};
	const u64 page = (u64)stats_page;

	(void)state;
	assert_int_equal(map(&in), 0);
	assert_int_equal(frame, page >> 12);
	assert_int_equal(mapped, page);
	assert_int_equal(unmap(&in), 0);
	assert_int_equal(mapped, 0);
	assert_int_equal(flushes, 1);
	slat_full = true;
	assert_int_equal(map(&in), HV_STATUS_INSUFFICIENT_MEMORY);
	in.vp_index = HV_VP_SELF;
	slat_full = false;
	assert_int_equal(map(&in), 0);
	in.vp_index = 1;
	assert_int_equal(map(&in), HV_STATUS_INVALID_VP_INDEX);
	in.vp_index = 64;
	assert_int_equal(unmap(&in), HV_STATUS_INVALID_VP_INDEX);
	in.vp_index = 0;
	in.partition_id = 2;
	assert_int_equal(map(&in), HV_STATUS_INVALID_PARTITION_ID);
	in.partition_id = 1;
	in.type = HV_STATS_OBJECT_HYPERVISOR;
	assert_int_equal(map(&in), HV_STATUS_INVALID_PARAMETER);
	in.type = HV_STATS_OBJECT_VP;
	in.area = 1;
	assert_int_equal(map(&in), HV_STATUS_INVALID_PARAMETER);
}

/* The parent's tables show a child's page as well; the child is let go again. */
static void test_child(void **state)
{
	struct hv_stats_page_input in = {
		.type = HV_STATS_OBJECT_VP, .partition_id = 5, .vp_index = 1
	};

	(void)state;
	assert_int_equal(map(&in), 0);
	assert_int_equal(frame, (u64)child_stats >> 12);
	assert_int_equal(mapped, (u64)child_stats);
	assert_int_equal(unmap(&in), 0);
	assert_int_equal(mapped, 0);
	assert_int_equal(flushes, 1);
	/* Again is no error, and needs no flush. */
	assert_int_equal(unmap(&in), 0);
	assert_int_equal(flushes, 1);
	slat_full = true;
	assert_int_equal(map(&in), HV_STATUS_INSUFFICIENT_MEMORY);
	in.vp_index = 2;
	assert_int_equal(map(&in), HV_STATUS_INVALID_VP_INDEX);
	in.vp_index = 1;
	child.state = PARTITION_FINALIZED;
	assert_int_equal(map(&in), HV_STATUS_INVALID_PARTITION_STATE);
	child.deleted = true;
	assert_int_equal(map(&in), HV_STATUS_INVALID_PARTITION_ID);
	child.parent = NULL;
	assert_int_equal(map(&in), HV_STATUS_ACCESS_DENIED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_own, setup),
		cmocka_unit_test_setup(test_child, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

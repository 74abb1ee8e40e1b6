/* SPDX-License-Identifier: MIT */
/*
 * Properties of a child: the two names of its privileges, what a child can be
 * given, access tracking that takes many steps, sets of processors.
 * tests/guest/partition.c has the states and ranges.
 * sources: hypervisor/hc_property.c hypervisor/reference_time.c lib/bitmap.c lib/vpset.c
 * sources: hypervisor/xsave_area.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "hv/cpuid.h"
#include "hypervisor/cpu.h"
#include "hypervisor/hc.h"
#include "hypervisor/partition_clock.h"
#include "hypervisor/sched.h"
#include "hypervisor/vp.h"

#define CHILD 5u

static struct partition child;
static struct vp vp, child_vp;
static struct cpu cpu;
static struct hypercall call;
static u64 output, affinity;
static u32 flushes, steps_on, steps_off;

u32 cpu_count = 3;

struct cpu *this_cpu(void)
{
	return &cpu;
}

enum hv_status hc_child(struct hypercall *c, u64 id)
{
	assert_int_equal(id, CHILD);
	c->target = &child;
	return HV_STATUS_SUCCESS;
}

enum hv_status hc_child_vp(struct hypercall *c, u64 id, u32 index, struct vp **v)
{
	*v = &child_vp;
	return index == 2 ? hc_child(c, id) : HV_STATUS_INVALID_VP_INDEX;
}

void sched_affinity_set(struct vp *v, u64 mask)
{
	assert_ptr_equal(v, &child_vp);
	affinity = mask;
}

static u32 shares_changed;

void sched_share_changed(struct vp *v)
{
	assert_ptr_equal(v, &child_vp);
	shares_changed++;
}

u64 clock_tsc_hz = 1000000000;
static u32 thaws;

void partition_clock_freeze(struct partition *p)
{
	assert_ptr_equal(p, &child);
	reference_time_freeze(&p->time);
}

void partition_clock_thaw(struct partition *p, struct vp *self)
{
	assert_ptr_equal(p, &child);
	assert_ptr_equal(self, &vp);
	reference_time_thaw(&p->time);
	thaws++;
}

/* Each stay ends at once, after one step. */
u64 clock_ns_to_tsc(u64 ns)
{
	assert_int_equal(ns, 50000);
	return 0;
}

enum hv_status slat_log_on(struct slat *slat, bool *done)
{
	steps_on++;
	*done = steps_on == 3;
	slat->log = *done ? SLAT_LOG_ON : SLAT_LOG_SPLITTING;
	return steps_on == 5 ? HV_STATUS_INSUFFICIENT_MEMORY : HV_STATUS_SUCCESS;
}

bool slat_log_off(struct slat *slat)
{
	slat->log = ++steps_off == 2 ? SLAT_LOG_OFF : SLAT_LOG_ENDING;
	return steps_off == 2;
}

void partition_flush_tables(struct partition *p, struct vp *self)
{
	assert_ptr_equal(p, &child);
	assert_ptr_equal(self, &vp);
	flushes++;
}

static int setup(void **state)
{
	(void)state;
	memset(&child, 0, sizeof(child));
	list_init(&child.overlays);
	child.state = PARTITION_CREATED;
	steps_on = steps_off = flushes = 0;
	return 0;
}

static void begin(const void *in, u32 size)
{
	memset(&call, 0, sizeof(call));
	call.vp = &vp;
	call.input = in;
	call.input_size = size;
	call.output = &output;
}

static u64 get(u32 code)
{
	struct hv_get_property_input in = { .partition_id = CHILD, .code = code };

	begin(&in, sizeof(in));
	assert_int_equal(hc_get_partition_property(&call), HV_STATUS_SUCCESS);
	return output;
}

static enum hv_status set(u32 code, u64 value)
{
	struct hv_set_property_input in = { .partition_id = CHILD, .code = code, .value = value };

	begin(&in, sizeof(in));
	return hc_set_partition_property(&call);
}

/* One bit after the other: what no child may have is refused. */
static void privileges(void **state)
{
	u64 allowed = 0;

	(void)state;
	for (u32 bit = 0; bit < 64; bit++) {
		enum hv_status status = set(HV_PROPERTY_PRIVILEGES, BIT(bit));

		if (status == HV_STATUS_SUCCESS) {
			assert_int_equal(get(HV_PROPERTY_PRIVILEGES), BIT(bit));
			allowed |= BIT(bit);
		} else {
			assert_int_equal(status, HV_STATUS_PROPERTY_VALUE_OUT_OF_RANGE);
		}
	}
	/* TLFS 6.0b, 4.2.2: run time to idle and frequencies; and in the upper half
	 * the partition's id, messages, events, starting VPs. */
	assert_int_equal(allowed, 0x20003200000effull);
	assert_false(allowed & (HV_CREATE_PARTITIONS << 32 | HV_ACCESS_MEMORY_POOL << 32 |
				       HV_CPU_MANAGEMENT << 32 | HV_ACCESS_VP_REGISTERS << 32));
}

/* What synthetic features have no word for stays as it is. */
static void synthetic_features(void **state)
{
	static const struct {
		u64 features;
		u64 privileges;
	} rows[] = {
		{ 0x3, 0 },
		{ 0x7, HV_ACCESS_VP_RUNTIME },
		{ 0x103, HV_ACCESS_VP_INDEX },
		{ 0x203, HV_ACCESS_REFERENCE_TSC },
		{ 0x803, HV_ACCESS_FREQUENCY_MSRS },
		{ 0x100003, HV_START_VIRTUAL_PROCESSOR << 32 },
		{ 0x20000003, HV_SIGNAL_EVENTS << 32 },
	};

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(rows); i++) {
		child.privileges = HV_POST_MESSAGES << 32 | HV_ACCESS_SYNIC;
		assert_int_equal(
			set(HV_PROPERTY_SYNTHETIC_FEATURES, rows[i].features), HV_STATUS_SUCCESS);
		assert_int_equal(child.privileges, rows[i].privileges | HV_POST_MESSAGES << 32);
		assert_int_equal(get(HV_PROPERTY_SYNTHETIC_FEATURES), rows[i].features);
	}
	assert_int_equal(set(HV_PROPERTY_SYNTHETIC_FEATURES, 0x7ull << 31),
		HV_STATUS_PROPERTY_VALUE_OUT_OF_RANGE);
	/* There always is a hypervisor, and it always is this one. */
	assert_int_equal(
		set(HV_PROPERTY_SYNTHETIC_FEATURES, 0x4), HV_STATUS_PROPERTY_VALUE_OUT_OF_RANGE);
}

/* It is set only while it stands. */
static void time_freeze(void **state)
{
	(void)state;
	child.state = PARTITION_ACTIVE;
	thaws = 0;
	reference_time_start(&child.time);
	assert_int_equal(set(HV_PROPERTY_REFERENCE_TIME, 5), HV_STATUS_INVALID_PARTITION_STATE);
	assert_int_equal(set(HV_PROPERTY_TIME_FREEZE, 1), HV_STATUS_SUCCESS);
	assert_int_equal(get(HV_PROPERTY_TIME_FREEZE), 1);
	assert_int_equal(set(HV_PROPERTY_REFERENCE_TIME, 12345), HV_STATUS_SUCCESS);
	assert_int_equal(get(HV_PROPERTY_REFERENCE_TIME), 12345);
	assert_int_equal(thaws, 0);
	assert_int_equal(set(HV_PROPERTY_TIME_FREEZE, 0), HV_STATUS_SUCCESS);
	assert_int_equal(thaws, 1);
	assert_true(get(HV_PROPERTY_REFERENCE_TIME) >= 12345);
}

static void tracking(void **state)
{
	struct overlay overlay = { .below.access = SLAT_ALL | SLAT_DIRTY | SLAT_LOGGED };

	(void)state;
	child.state = PARTITION_ACTIVE;
	list_push_back(&child.overlays, &overlay.link);
	assert_int_equal(set(HV_PROPERTY_ACCESS_TRACKING, 1), HYPERCALL_AGAIN);
	assert_int_equal(overlay.below.access, SLAT_ALL);
	overlay.below.access |= SLAT_DIRTY;
	assert_int_equal(get(HV_PROPERTY_ACCESS_TRACKING), 0);
	assert_int_equal(set(HV_PROPERTY_ACCESS_TRACKING, 1), HYPERCALL_AGAIN);
	assert_int_equal(flushes, 0);
	assert_int_equal(set(HV_PROPERTY_ACCESS_TRACKING, 1), HV_STATUS_SUCCESS);
	assert_int_equal(flushes, 1);
	assert_int_equal(get(HV_PROPERTY_ACCESS_TRACKING), HV_TRACKING_ON);
	assert_true(overlay.below.access & SLAT_DIRTY);
	assert_int_equal(set(HV_PROPERTY_ACCESS_TRACKING, 0), HYPERCALL_AGAIN);
	assert_int_equal(set(HV_PROPERTY_ACCESS_TRACKING, 0), HV_STATUS_SUCCESS);
	assert_int_equal(flushes, 2);
	assert_int_equal(get(HV_PROPERTY_ACCESS_TRACKING), 0);
	steps_on = 4;
	assert_int_equal(set(HV_PROPERTY_ACCESS_TRACKING, 1), HV_STATUS_INSUFFICIENT_MEMORY);
	assert_int_equal(flushes, 2);
}

/* What the child may enable, packed. */
static void xsave_bytes(void **state)
{
	(void)state;
	assert_int_equal(get(HV_PROPERTY_MAX_XSAVE_BYTES), 576);
	child.cpuid.xsave[2] = (struct cpuid_regs){ .eax = 256, .ebx = 576 };
	child.cpuid.xsave[6] = (struct cpuid_regs){ .eax = 512, .ebx = 1152 };
	child.cpuid.xsave[7] = (struct cpuid_regs){ .eax = 1024, .ebx = 1664 };
	child.xsave_states = 0x7;
	assert_int_equal(get(HV_PROPERTY_MAX_XSAVE_BYTES), 832);
	child.xsave_states = 0xe7;
	assert_int_equal(get(HV_PROPERTY_MAX_XSAVE_BYTES), 832 + 512 + 1024);
}

static enum hv_status set_affinity(u64 argument, const u64 *words, u32 count)
{
	struct {
		struct hv_set_property_ex_input head;
		u64 words[4];
	} in = { .head = { .partition_id = CHILD,
			 .code = HV_PROPERTY_AFFINITY,
			 .argument = argument } };

	memcpy(in.words, words, count * sizeof(u64));
	begin(&in, (u32)(sizeof(in.head) + count * sizeof(u64)));
	affinity = ~0ull;
	return hc_set_partition_property_ex(&call);
}

/* Each of its VPs has the new share at once. */
static void shares(void **state)
{
	static const u32 codes[] = { HV_PROPERTY_CPU_RESERVE, HV_PROPERTY_CPU_CAP,
		HV_PROPERTY_CPU_WEIGHT };

	(void)state;
	child.vps[2] = &child_vp;
	child.vp_limit = 3;
	for (u32 i = 0; i < ARRAY_SIZE(codes); i++) {
		assert_int_equal(set(codes[i], 77 + i), HV_STATUS_SUCCESS);
		assert_int_equal(shares_changed, i + 1);
		assert_int_equal(get(codes[i]), 77 + i);
	}
	assert_int_equal(child.cpu_reserve, 77);
	assert_int_equal(child.cpu_cap, 78);
	assert_int_equal(child.cpu_weight, 79);
	assert_int_equal(set(HV_PROPERTY_CPU_WEIGHT, 0), HV_STATUS_PROPERTY_VALUE_OUT_OF_RANGE);
	assert_int_equal(shares_changed, ARRAY_SIZE(codes));
}

/* Three processors; of others only those count that exist. */
static void sets_of_processors(void **state)
{
	static const struct {
		u64 words[4];
		u32 count;
		u64 mask; /* 0: refused */
	} rows[] = {
		{ { 0, 1, 2 }, 3, 2 },
		{ { 0, 1, ~0ull }, 3, 7 },
		{ { 0, 0x8001, 5, 9 }, 4, 5 },
		{ { 1, 0 }, 2, 7 },
		{ { 0, 1, 8 }, 3, 0 },
		{ { 0, 2, 1 }, 3, 0 },
		{ { 0, 0 }, 2, 0 },
		{ { 0, 1 }, 2, 0 },
		{ { 0, 3, 1 }, 3, 0 },
		{ { 1, 0, 1 }, 3, 0 },
		{ { 2, 1, 1 }, 3, 0 },
		{ { 0 }, 1, 0 },
		{ { 0 }, 0, 0 },
	};

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(rows); i++) {
		enum hv_status status =
			set_affinity(HV_PROPERTY_ARGUMENT_VP(2), rows[i].words, rows[i].count);

		assert_int_equal(
			status, rows[i].mask ? HV_STATUS_SUCCESS : HV_STATUS_INVALID_PARAMETER);
		assert_int_equal(affinity, rows[i].mask ? rows[i].mask : ~0ull);
	}
	assert_int_equal(set_affinity(HV_PROPERTY_ARGUMENT_VP(1), rows[0].words, 3),
		HV_STATUS_INVALID_VP_INDEX);
	assert_int_equal(set_affinity(2, rows[0].words, 3), HV_STATUS_INVALID_PARAMETER);
	assert_int_equal(set_affinity(HV_PROPERTY_ARGUMENT_VP(2) | 1ull << 40, rows[0].words, 3),
		HV_STATUS_INVALID_PARAMETER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(privileges, setup),
		cmocka_unit_test_setup(synthetic_features, setup),
		cmocka_unit_test_setup(time_freeze, setup),
		cmocka_unit_test_setup(tracking, setup),
		cmocka_unit_test_setup(xsave_bytes, setup),
		cmocka_unit_test_setup(shares, setup),
		cmocka_unit_test_setup(sets_of_processors, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

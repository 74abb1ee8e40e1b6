/* SPDX-License-Identifier: MIT */
/*
 * Life cycle and properties of child partitions: every status of each call
 * that can be shown, in every state; parameter blocks and counts of all of
 * them; as many partitions as there may be.
 */
#include "hv/cpuid.h"
#include "hv/msr.h"
#include "hv/stats.h"
#include "hv/vp.h"
#include "lib/string.h"
#include "tests/guest/lib/child.h"
#include "x86/cpu.h"
#include "x86/desc.h"
#include "x86/msr.h"

#define CREATE ((u64)HV_CALL_CREATE_PARTITION)
#define FLAGS \
	(HV_CREATE_LARGE_PAGES | HV_CREATE_LOCAL_APIC | HV_CREATE_INTERCEPT_PAGE | HV_CREATE_X2APIC)
#define OWN 1ull

static const struct hv_create_partition_input good = {
	.flags = FLAGS,
	.compatibility_version = HV_CREATE_COMPATIBILITY,
};

static void expect(const char *name, u64 result, u64 due)
{
	guest_check(result == due, name, "result %lx, not %lx", result, due);
}

static u64 in_use(u64 id)
{
	u64 available, used = 0;

	(void)child_balance(id, &available, &used);
	return used;
}

static void test_create(void)
{
	struct hv_create_partition_input in;
	u64 id = 0, next = 0;
	bool refused = true;

	expect("create-without-deposit", child_create(&good, &id), HV_STATUS_INSUFFICIENT_MEMORY);
	expect("no-child", child_next(HV_PARTITION_SELF, 0, &next), HV_STATUS_SUCCESS);
	guest_check(next == 0, "no-child-0");
	child_deposit_pages(HV_PARTITION_SELF, 1);
	for (u32 bit = 0; bit < 64; bit++) {
		in = good;
		in.flags ^= BIT(bit);
		if (FLAGS & BIT(bit))
			continue;
		refused = refused && child_create(&in, &id) == HV_STATUS_INVALID_PARAMETER;
	}
	guest_check(refused, "create-unknown-flags");
	in = good;
	in.isolation = 1;
	expect("create-isolation", child_create(&in, &id), HV_STATUS_INVALID_PARAMETER);
	in = good;
	in.proximity.id = 1;
	expect("create-proximity-id", child_create(&in, &id), HV_STATUS_INVALID_PARAMETER);
	in = good;
	in.proximity.flags = 1;
	expect("create-proximity-flags", child_create(&in, &id), HV_STATUS_INVALID_PARAMETER);
	in = good;
	in.reserved = 1;
	expect("create-reserved", child_create(&in, &id), HV_STATUS_INVALID_PARAMETER);
	guest_check(in_use(HV_PARTITION_SELF) == 0, "create-refused-takes-nothing");
	expect("create", child_create(&good, &id), HV_STATUS_SUCCESS);
	guest_check(id > OWN && id < HV_MAX_PARTITIONS, "create-id", "%lx", id);
	guest_check(in_use(HV_PARTITION_SELF) == 1, "create-takes-a-page");
	expect("next", child_next(HV_PARTITION_SELF, 0, &next), HV_STATUS_SUCCESS);
	guest_check(next == id, "next-id", "%lx", next);
	expect("next-by-own-id", child_next(OWN, id, &next), HV_STATUS_SUCCESS);
	guest_check(next == 0, "next-none", "%lx", next);
	expect("next-of-a-child", child_next(id, 0, &next), HV_STATUS_INVALID_PARTITION_ID);
	expect("next-of-nobody", child_next(77, 0, &next), HV_STATUS_INVALID_PARTITION_ID);
	expect("delete-created", child_call(HV_CALL_DELETE_PARTITION, id), HV_STATUS_SUCCESS);
	guest_check(in_use(HV_PARTITION_SELF) == 0, "delete-gives-the-page-back");
	expect("delete-again", child_call(HV_CALL_DELETE_PARTITION, id),
		HV_STATUS_INVALID_PARTITION_ID);
	child_withdraw_all(HV_PARTITION_SELF);
}

/* Every call that names a child, with nothing else wrong. */
static u64 call_on(u32 code, u64 id)
{
	static const u64 page = 0x100;
	u64 v, w;

	switch (code) {
	case HV_CALL_GET_PARTITION_PROPERTY:
		return child_get(id, HV_PROPERTY_CPU_WEIGHT, &v);
	case HV_CALL_SET_PARTITION_PROPERTY:
		return child_set(id, HV_PROPERTY_CPU_WEIGHT, 100);
	case HV_CALL_GET_MEMORY_BALANCE:
		return child_balance(id, &v, &w);
	case HV_CALL_DEPOSIT_MEMORY:
		/* Not RAM: nothing happens to it. */
		v = 0xfed00;
		return child_deposit(id, &v, 1);
	case HV_CALL_WITHDRAW_MEMORY:
		return child_withdraw(id, &v, 1);
	case HV_CALL_MAP_GPA_PAGES:
		return child_map_list(id, page, &page, 1, 0);
	case HV_CALL_UNMAP_GPA_PAGES:
		return child_unmap_list(id, page, 1, 0);
	case HV_CALL_MAP_SPARSE_GPA_PAGES:
		return child_map_sparse(id, &(struct hv_sparse_gpa){ page, page }, 1, 0);
	case HV_CALL_GET_GPA_PAGES_ACCESS_STATE:
		return child_access_state(id, page, 1, 0, (u8 *)&v);
	default:
		return child_call(code, id);
	}
}

static const struct {
	const char *name;
	u32 code;
	u16 created, active, finalized; /* status in that state */
} calls[] = {
	{ "initialize", HV_CALL_INITIALIZE_PARTITION, HV_STATUS_INSUFFICIENT_MEMORY,
		HV_STATUS_INVALID_PARTITION_STATE, HV_STATUS_INVALID_PARTITION_STATE },
	{ "finalize", HV_CALL_FINALIZE_PARTITION, HV_STATUS_INVALID_PARTITION_STATE, 0xffff,
		HV_STATUS_INVALID_PARTITION_STATE },
	{ "delete", HV_CALL_DELETE_PARTITION, 0xffff, HV_STATUS_INVALID_PARTITION_STATE,
		HV_STATUS_OBJECT_IN_USE },
	{ "get-property", HV_CALL_GET_PARTITION_PROPERTY, 0, 0, 0 },
	{ "set-property", HV_CALL_SET_PARTITION_PROPERTY, 0, 0, HV_STATUS_INVALID_PARTITION_STATE },
	{ "balance", HV_CALL_GET_MEMORY_BALANCE, 0, 0, 0 },
	{ "deposit", HV_CALL_DEPOSIT_MEMORY, HV_STATUS_INVALID_PARAMETER,
		HV_STATUS_INVALID_PARAMETER, HV_STATUS_INVALID_PARTITION_STATE },
	{ "withdraw", HV_CALL_WITHDRAW_MEMORY, HV_STATUS_NO_RESOURCES, HV_STATUS_NO_RESOURCES,
		0xffff },
	{ "map", HV_CALL_MAP_GPA_PAGES, HV_STATUS_INVALID_PARTITION_STATE,
		HV_STATUS_INVALID_PARAMETER, HV_STATUS_INVALID_PARTITION_STATE },
	{ "unmap", HV_CALL_UNMAP_GPA_PAGES, HV_STATUS_INVALID_PARTITION_STATE, 0,
		HV_STATUS_INVALID_PARTITION_STATE },
	{ "sparse", HV_CALL_MAP_SPARSE_GPA_PAGES, HV_STATUS_INVALID_PARTITION_STATE,
		HV_STATUS_INVALID_PARAMETER, HV_STATUS_INVALID_PARTITION_STATE },
	{ "access-state", HV_CALL_GET_GPA_PAGES_ACCESS_STATE, HV_STATUS_INVALID_PARTITION_STATE,
		HV_STATUS_INVALID_PARTITION_STATE, HV_STATUS_INVALID_PARTITION_STATE },
};

static void check_calls(const char *state, u64 id, size_t offset)
{
	for (u32 i = 0; i < ARRAY_SIZE(calls); i++) {
		u16 due = *(const u16 *)(const void *)((const u8 *)&calls[i] + offset);
		u64 result;

		if (due == 0xffff)
			continue;
		result = call_on(calls[i].code, id);
		if (HV_RESULT_STATUS(result) != due)
			guest_fail(state, "%s: %lx, not %x", calls[i].name, result, due);
	}
	guest_pass(state);
}

static void test_states(void)
{
	u64 id;

	child_deposit_pages(HV_PARTITION_SELF, 1);
	(void)child_create(&good, &id);
	check_calls("calls-when-created", id, offsetof(typeof(calls[0]), created));
	child_deposit_pages(id, 1);
	expect("delete-with-memory", child_call(HV_CALL_DELETE_PARTITION, id),
		HV_STATUS_OBJECT_IN_USE);
	expect("initialize", child_call(HV_CALL_INITIALIZE_PARTITION, id), HV_STATUS_SUCCESS);
	guest_check(in_use(id) == 1, "initialize-takes-a-page");
	check_calls("calls-when-active", id, offsetof(typeof(calls[0]), active));
	expect("finalize", child_call(HV_CALL_FINALIZE_PARTITION, id), HV_STATUS_SUCCESS);
	guest_check(in_use(id) == 0, "finalize-gives-all-back");
	check_calls("calls-when-finalized", id, offsetof(typeof(calls[0]), finalized));
	guest_check(child_withdraw_all(id) == 1, "withdraw-finalized");
	expect("delete-finalized", child_call(HV_CALL_DELETE_PARTITION, id), HV_STATUS_SUCCESS);
	child_withdraw_all(HV_PARTITION_SELF);
}

/* Partitions that are not, or are not the caller's children. */
static void test_ids(void)
{
	static const struct {
		u64 id;
		u16 status;
	} rows[] = {
		{ 0, HV_STATUS_INVALID_PARTITION_ID },
		{ 2, HV_STATUS_INVALID_PARTITION_ID },
		{ HV_MAX_PARTITIONS - 1, HV_STATUS_INVALID_PARTITION_ID },
		{ HV_MAX_PARTITIONS, HV_STATUS_INVALID_PARTITION_ID },
		{ 1ull << 32 | 1, HV_STATUS_INVALID_PARTITION_ID },
		{ OWN, HV_STATUS_ACCESS_DENIED },
		{ HV_PARTITION_SELF, HV_STATUS_INVALID_PARTITION_ID },
	};

	for (u32 i = 0; i < ARRAY_SIZE(rows); i++) {
		bool own = rows[i].id == OWN || rows[i].id == HV_PARTITION_SELF;
		char name[] = "ids-0";
		bool ok = true;

		name[4] = (char)('0' + i);
		for (u32 n = 0; n < ARRAY_SIZE(calls); n++) {
			/* One's own deposit one may have. */
			if (own && calls[n].code >= HV_CALL_DEPOSIT_MEMORY &&
				calls[n].code <= HV_CALL_GET_MEMORY_BALANCE)
				continue;
			ok = ok && call_on(calls[n].code, rows[i].id) == rows[i].status;
		}
		guest_check(ok, name);
	}
}

/* Of each call: which blocks it has, and whether it repeats. */
static const struct {
	u16 code;
	bool rep;
	u16 input; /* bytes, an element included */
	u16 output;
} shapes[] = {
	{ HV_CALL_CREATE_PARTITION, false, 56, 8 },
	{ HV_CALL_INITIALIZE_PARTITION, false, 8, 0 },
	{ HV_CALL_FINALIZE_PARTITION, false, 8, 0 },
	{ HV_CALL_DELETE_PARTITION, false, 8, 0 },
	{ HV_CALL_GET_PARTITION_PROPERTY, false, 16, 8 },
	{ HV_CALL_SET_PARTITION_PROPERTY, false, 24, 0 },
	{ HV_CALL_GET_NEXT_CHILD_PARTITION, false, 16, 8 },
	{ HV_CALL_DEPOSIT_MEMORY, true, 16, 0 },
	{ HV_CALL_WITHDRAW_MEMORY, true, 16, 8 },
	{ HV_CALL_GET_MEMORY_BALANCE, false, 16, 16 },
	{ HV_CALL_MAP_GPA_PAGES, true, 32, 0 },
	{ HV_CALL_UNMAP_GPA_PAGES, true, 24, 0 },
	{ HV_CALL_MAP_SPARSE_GPA_PAGES, true, 32, 0 },
	{ HV_CALL_GET_GPA_PAGES_ACCESS_STATE, true, 24, 1 },
	{ HV_CALL_SET_PARTITION_PROPERTY_EX, false, 24, 0 },
};

static void test_shapes(void)
{
	u64 in = guest_ram(PAGE_SIZE, PAGE_SIZE), out = guest_ram(PAGE_SIZE, PAGE_SIZE);
	u64 hidden = (u64)guest_start_info - PAGE_SIZE;

	for (u32 i = 0; i < ARRAY_SIZE(shapes); i++) {
		u64 code = shapes[i].code | (shapes[i].rep ? HV_CONTROL_REPS(1, 0) : 0);
		u64 end_in = in + PAGE_SIZE - ALIGN_DOWN(shapes[i].input - 1u, 8);
		u64 end_out = out + PAGE_SIZE - ALIGN_DOWN(shapes[i].output - 1u, 8);
		bool ok = guest_hypercall(code, in + 4, out) == HV_STATUS_INVALID_ALIGNMENT;

		if (shapes[i].input > 8)
			ok = ok &&
			     guest_hypercall(code, end_in, out) == HV_STATUS_INVALID_PARAMETER;
		ok = ok && guest_hypercall(code, hidden, out) == HV_STATUS_INVALID_PARAMETER;
		if (shapes[i].output)
			ok = ok &&
			     guest_hypercall(code, in, out + 4) == HV_STATUS_INVALID_ALIGNMENT &&
			     guest_hypercall(code, in, in) == HV_STATUS_INVALID_PARAMETER &&
			     guest_hypercall(code, in, hidden) == HV_STATUS_INVALID_PARAMETER &&
			     guest_hypercall(code | HV_CONTROL_FAST, 0, 0) ==
				     HV_STATUS_INVALID_HYPERCALL_INPUT;
		if (shapes[i].output > 8)
			ok = ok &&
			     guest_hypercall(code, in, end_out) == HV_STATUS_INVALID_PARAMETER;
		/* Counts: none where one must be, one where none may be, a start at the end. */
		code = shapes[i].code;
		ok = ok && guest_hypercall(code | HV_CONTROL_REPS(shapes[i].rep ? 0 : 1, 0), in,
				   out) == HV_STATUS_INVALID_HYPERCALL_INPUT;
		ok = ok && guest_hypercall(code | HV_CONTROL_REPS(shapes[i].rep ? 3 : 0, 3), in,
				   out) == HV_STATUS_INVALID_HYPERCALL_INPUT;
		if (shapes[i].code != HV_CALL_SET_PARTITION_PROPERTY_EX)
			ok = ok && guest_hypercall(code | HV_CONTROL_VARHEAD_IS(1) |
							   HV_CONTROL_REPS(shapes[i].rep, 0),
					   in, out) == HV_STATUS_INVALID_HYPERCALL_INPUT;
		if (!ok)
			guest_fail("blocks", "call %x", shapes[i].code);
	}
	guest_pass("blocks");
}

#define NONE 0xffffffffffffffffull

static const struct {
	const char *name;
	u32 code;
	u64 first;           /* after creation; NONE: whatever it is */
	u64 set, bad;        /* may be, may not be */
	u16 created, active; /* status of setting it then */
} properties[] = {
	{ "privileges", HV_PROPERTY_PRIVILEGES, 0x3000000eff, 0x877, 1ull << 32, 0,
		HV_STATUS_INVALID_PARTITION_STATE },
	{ "synthetic", HV_PROPERTY_SYNTHETIC_FEATURES, 0x20000fff, 0x883, 2, 0,
		HV_STATUS_INVALID_PARTITION_STATE },
	{ "reserve", HV_PROPERTY_CPU_RESERVE, 0, 0x8000, 0x10001, 0, 0 },
	{ "cap", HV_PROPERTY_CPU_CAP, 0x10000, 1, 0, 0, 0 },
	{ "weight", HV_PROPERTY_CPU_WEIGHT, 100, 10000, 10001, 0, 0 },
	{ "freeze", HV_PROPERTY_TIME_FREEZE, 0, 1, 2, 0, 0 },
	{ "tracking", HV_PROPERTY_ACCESS_TRACKING, 0, 1, 2, HV_STATUS_INVALID_PARTITION_STATE, 0 },
	{ "unimplemented-msr", HV_PROPERTY_UNIMPLEMENTED_MSR, 0, 1, 2, 0, 0 },
	{ "vendor", HV_PROPERTY_PROCESSOR_VENDOR, NONE, 0, 0, HV_STATUS_OPERATION_DENIED,
		HV_STATUS_OPERATION_DENIED },
	{ "xsave-states", HV_PROPERTY_XSAVE_STATES, NONE, 0, 0, HV_STATUS_OPERATION_DENIED,
		HV_STATUS_OPERATION_DENIED },
	{ "xsave-bytes", HV_PROPERTY_MAX_XSAVE_BYTES, NONE, 0, 0, HV_STATUS_OPERATION_DENIED,
		HV_STATUS_OPERATION_DENIED },
	{ "clock", HV_PROPERTY_PROCESSOR_CLOCK, NONE, 0, 0, HV_STATUS_OPERATION_DENIED,
		HV_STATUS_OPERATION_DENIED },
	{ "features-0", HV_PROPERTY_PROCESSOR_FEATURES_0, NONE, 0, 0, HV_STATUS_OPERATION_DENIED,
		HV_STATUS_OPERATION_DENIED },
	{ "features-1", HV_PROPERTY_PROCESSOR_FEATURES_1, NONE, 0, 0, HV_STATUS_OPERATION_DENIED,
		HV_STATUS_OPERATION_DENIED },
	{ "guest-os-id", HV_PROPERTY_GUEST_OS_ID, 0, 0, 0, HV_STATUS_OPERATION_DENIED,
		HV_STATUS_OPERATION_DENIED },
};

/* Set to something else and back; a value that may not be changes nothing. */
static bool property_in(u64 id, u32 i, u16 status)
{
	u32 code = properties[i].code;
	u64 before = 0, after = 0;

	if (child_get(id, code, &before) != HV_STATUS_SUCCESS)
		return false;
	if (child_set(id, code, properties[i].set) != status ||
		child_get(id, code, &after) != HV_STATUS_SUCCESS)
		return false;
	if (status != HV_STATUS_SUCCESS)
		return after == before;
	return after == properties[i].set &&
	       child_set(id, code, properties[i].bad) == HV_STATUS_PROPERTY_VALUE_OUT_OF_RANGE &&
	       child_get(id, code, &after) == HV_STATUS_SUCCESS && after == properties[i].set &&
	       child_set(id, code, before) == HV_STATUS_SUCCESS &&
	       child_get(id, code, &after) == HV_STATUS_SUCCESS && after == before;
}

static void test_properties(void)
{
	struct hv_set_property_input in = { .code = HV_PROPERTY_CPU_WEIGHT, .reserved = 1 };
	u64 id, v;

	child_deposit_pages(HV_PARTITION_SELF, 1);
	(void)child_create(&good, &id);
	child_deposit_pages(id, 4);
	for (u32 i = 0; i < ARRAY_SIZE(properties); i++) {
		(void)child_get(id, properties[i].code, &v);
		if (properties[i].first != NONE && v != properties[i].first)
			guest_fail("property-first", "%s: %lx", properties[i].name, v);
		if (!property_in(id, i, properties[i].created))
			guest_fail("property-created", "%s", properties[i].name);
	}
	(void)child_call(HV_CALL_INITIALIZE_PARTITION, id);
	for (u32 i = 0; i < ARRAY_SIZE(properties); i++)
		if (!property_in(id, i, properties[i].active))
			guest_fail("property-active", "%s", properties[i].name);
	guest_pass("properties");
	expect("property-unknown-get", child_get(id, 0x00099999, &v), HV_STATUS_UNKNOWN_PROPERTY);
	expect("property-unknown-set", child_set(id, 0, 0), HV_STATUS_UNKNOWN_PROPERTY);
	expect("property-affinity-plain", child_set(id, HV_PROPERTY_AFFINITY, 1),
		HV_STATUS_UNKNOWN_PROPERTY);
	in.partition_id = id;
	expect("property-reserved",
		guest_hypercall_block(HV_CALL_SET_PARTITION_PROPERTY, &in, sizeof(in), NULL, 0),
		HV_STATUS_INVALID_PARAMETER);
	expect("property-reserved-get",
		guest_hypercall_block(HV_CALL_GET_PARTITION_PROPERTY, &in, sizeof(in), &v, 8),
		HV_STATUS_INVALID_PARAMETER);
	(void)child_get(id, HV_PROPERTY_PROCESSOR_VENDOR, &v);
	guest_check(v == (cpuid(0, 0).ebx == 0x756e6547), "vendor", "%lx", v);
	(void)child_get(id, HV_PROPERTY_PROCESSOR_CLOCK, &v);
	guest_check(v == guest_tsc_hz(), "clock", "%lu", v);
	(void)child_get(id, HV_PROPERTY_MAX_XSAVE_BYTES, &v);
	guest_check(v >= 576, "xsave-bytes", "%lu", v);
	child_end(id);
}

static u64 time_of(u64 id)
{
	u64 v = 0;

	(void)child_get(id, HV_PROPERTY_REFERENCE_TIME, &v);
	return v;
}

/* It runs from 0, stands while it is frozen, and can be set only then. */
static void test_time(void)
{
	u64 id, before, after;

	child_deposit_pages(HV_PARTITION_SELF, 1);
	(void)child_create(&good, &id);
	before = time_of(id);
	guest_delay_us(1000);
	after = time_of(id);
	guest_check(before < 10000000 && after >= before + 10000, "time-runs", "%lu to %lu", before,
		after);
	expect("time-set-running", child_set(id, HV_PROPERTY_REFERENCE_TIME, 5),
		HV_STATUS_INVALID_PARTITION_STATE);
	(void)child_set(id, HV_PROPERTY_TIME_FREEZE, 1);
	before = time_of(id);
	guest_delay_us(1000);
	guest_check(time_of(id) == before && before >= after, "time-frozen");
	expect("time-set", child_set(id, HV_PROPERTY_REFERENCE_TIME, 123456789), HV_STATUS_SUCCESS);
	guest_delay_us(1000);
	guest_check(time_of(id) == 123456789, "time-as-set", "%lu", time_of(id));
	(void)child_set(id, HV_PROPERTY_TIME_FREEZE, 0);
	before = time_of(id);
	guest_delay_us(1000);
	after = time_of(id);
	guest_check(before >= 123456789 && before < 123456789 + 10000000 && after >= before + 10000,
		"time-goes-on", "%lu to %lu", before, after);
	(void)child_call(HV_CALL_DELETE_PARTITION, id);
	child_withdraw_all(HV_PARTITION_SELF);
}

static u64 set_affinity(u64 id, u32 code, u64 argument, const u64 *words, u32 count)
{
	struct {
		struct hv_set_property_ex_input head;
		u64 words[8];
	} in = { .head = { .partition_id = id, .code = code, .argument = argument } };

	memcpy(in.words, words, count * sizeof(u64));
	return guest_hypercall_block(
		HV_CALL_SET_PARTITION_PROPERTY_EX | HV_CONTROL_VARHEAD_IS(count), &in,
		sizeof(in.head) + count * sizeof(u64), NULL, 0);
}

static void test_affinity(void)
{
	static const struct {
		u64 words[4];
		u32 count;
		u16 status;
	} sets[] = {
		{ { 0, 1, 1 }, 3, HV_STATUS_SUCCESS }, { { 0, 1, ~0ull }, 3, HV_STATUS_SUCCESS },
		{ { 0, 3, 1, 5 }, 4, HV_STATUS_SUCCESS }, { { 1, 0 }, 2, HV_STATUS_SUCCESS },
		{ { 0, 1, 0 }, 3, HV_STATUS_INVALID_PARAMETER },          /* empty */
		{ { 0, 1, 1ull << 63 }, 3, HV_STATUS_INVALID_PARAMETER }, /* of none that exist */
		{ { 0, 2, 1 }, 3, HV_STATUS_INVALID_PARAMETER },
		{ { 0, 0 }, 2, HV_STATUS_INVALID_PARAMETER },
		{ { 0, 3, 1 }, 3, HV_STATUS_INVALID_PARAMETER }, /* too short */
		{ { 0, 1, 1, 1 }, 4, HV_STATUS_INVALID_PARAMETER },
		{ { 0 }, 1, HV_STATUS_INVALID_PARAMETER },
		{ { 0 }, 0, HV_STATUS_INVALID_PARAMETER },
		{ { 2, 1, 1 }, 3, HV_STATUS_INVALID_PARAMETER }, /* no such format */
	};
	u64 id = child_make(20);
	struct hv_create_vp_input vp = { .partition_id = id };
	u64 result = guest_hypercall_block(HV_CALL_CREATE_VP, &vp, sizeof(vp), NULL, 0);
	u32 code = HV_PROPERTY_AFFINITY;

	expect("affinity-vp", result, HV_STATUS_SUCCESS);
	for (u32 i = 0; i < ARRAY_SIZE(sets); i++) {
		result = set_affinity(
			id, code, HV_PROPERTY_ARGUMENT_VP(0), sets[i].words, sets[i].count);
		if (result != sets[i].status)
			guest_fail("affinity-set", "%u: %lx", i, result);
	}
	guest_pass("affinity");
	expect("affinity-no-vp",
		set_affinity(id, code, HV_PROPERTY_ARGUMENT_VP(1), sets[0].words, 3),
		HV_STATUS_INVALID_VP_INDEX);
	expect("affinity-object", set_affinity(id, code, 0, sets[0].words, 3),
		HV_STATUS_INVALID_PARAMETER);
	expect("affinity-code",
		set_affinity(
			id, HV_PROPERTY_CPU_WEIGHT, HV_PROPERTY_ARGUMENT_VP(0), sets[0].words, 3),
		HV_STATUS_UNKNOWN_PROPERTY);
	child_end(id);
}

static void load(void *p)
{
	(void)*(volatile u64 *)p;
}

static void store(void *p)
{
	*(volatile u64 *)p = 0;
}

/* A child's counters, for as long as its VP is there. */
static void test_stats(void)
{
	u64 id = child_make(20), gpfn = 0;
	struct hv_stats_page_input q = {
		.type = HV_STATS_OBJECT_VP, .partition_id = id, .vp_index = 0
	};
	struct hv_create_vp_input vp = { .partition_id = id };
	void *page;

	expect("stats-no-vp",
		guest_hypercall_block(HV_CALL_MAP_STATS_PAGE, &q, sizeof(q), &gpfn, 8),
		HV_STATUS_INVALID_VP_INDEX);
	(void)guest_hypercall_block(HV_CALL_CREATE_VP, &vp, sizeof(vp), NULL, 0);
	expect("stats", guest_hypercall_block(HV_CALL_MAP_STATS_PAGE, &q, sizeof(q), &gpfn, 8),
		HV_STATUS_SUCCESS);
	page = (void *)(gpfn << PAGE_SHIFT);
	guest_check(guest_try(load, page).vector == GUEST_NO_FAULT, "stats-read");
	guest_check(guest_try(store, page).vector == VEC_GP, "stats-read-only");
	expect("stats-unmap",
		guest_hypercall_block(HV_CALL_UNMAP_STATS_PAGE, &q, sizeof(q), NULL, 0),
		HV_STATUS_SUCCESS);
	guest_check(guest_try(load, page).vector == VEC_GP, "stats-unmapped");
	(void)guest_hypercall_block(HV_CALL_MAP_STATS_PAGE, &q, sizeof(q), &gpfn, 8);
	guest_check(guest_try(load, page).vector == GUEST_NO_FAULT, "stats-again");
	expect("stats-finalize", child_call(HV_CALL_FINALIZE_PARTITION, id), HV_STATUS_SUCCESS);
	guest_check(guest_try(load, page).vector == VEC_GP, "stats-end-with-the-vp");
	guest_check(child_withdraw_all(id) == 20, "stats-page-comes-back");
	guest_check(guest_try(store, page).vector == GUEST_NO_FAULT, "stats-page-is-ours");
	expect("stats-delete", child_call(HV_CALL_DELETE_PARTITION, id), HV_STATUS_SUCCESS);
	child_withdraw_all(HV_PARTITION_SELF);
}

#define MOST (HV_MAX_PARTITIONS - 2)

static void test_as_many_as_may_be(void)
{
	u64 id = 0, count = 0;

	child_deposit_pages(HV_PARTITION_SELF, MOST + 1);
	for (u32 i = 0; i < MOST; i++)
		if (child_create(&good, &id) != HV_STATUS_SUCCESS)
			guest_fail("many", "only %u", i);
	expect("one-too-many", child_create(&good, &id), HV_STATUS_NO_RESOURCES);
	guest_check(in_use(HV_PARTITION_SELF) == MOST, "many-pages");
	for (id = 0; child_next(HV_PARTITION_SELF, id, &id) == HV_STATUS_SUCCESS && id; count++)
		;
	guest_check(count == MOST, "many-next", "%lu", count);
	count = 0;
	while (child_next(HV_PARTITION_SELF, 0, &id) == HV_STATUS_SUCCESS && id)
		count += child_call(HV_CALL_DELETE_PARTITION, id) == HV_STATUS_SUCCESS;
	guest_check(count == MOST && in_use(HV_PARTITION_SELF) == 0, "many-deleted", "%lu", count);
	guest_check(child_withdraw_all(HV_PARTITION_SELF) == MOST + 1, "many-withdrawn");
}

void guest_main(void)
{
	test_create();
	test_states();
	test_ids();
	test_shapes();
	test_properties();
	test_time();
	test_affinity();
	test_stats();
	test_as_many_as_may_be();
}

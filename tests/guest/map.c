/* SPDX-License-Identifier: MIT */
/*
 * Memory of a child as the root maps and unmaps it: what may be mapped where,
 * with which rights, in which sizes; exact counts where it stops; what it
 * costs in tables; and the log of what was written.
 */
#include "lib/string.h"
#include "tests/guest/lib/child.h"
#include "x86/cpu.h"

#define RW    (HV_MAP_READ | HV_MAP_WRITE)
#define LARGE ((u32)HV_MAP_LARGE)
#define BOTH  (HV_ACCESS_STATE_ACCESSED | HV_ACCESS_STATE_DIRTY)

static u64 ram;  /* 8 MiB, 2 MiB-aligned */
static u64 page; /* its number */

static void expect(const char *name, u64 result, u64 due)
{
	guest_check(result == due, name, "result %lx, not %lx", result, due);
}

static u64 status_reps(u32 status, u32 reps)
{
	return status | CHILD_DONE(reps);
}

static u64 in_use(u64 id)
{
	u64 available, used = 0;

	(void)child_balance(id, &available, &used);
	return used;
}

static u64 map_one(u64 id, u64 gpfn, u64 source, u32 flags)
{
	return child_map_list(id, gpfn, &source, 1, flags);
}

/* Whether somebody maps the page: a deposit would then be refused. */
static bool is_mapped(u64 gpfn)
{
	u64 result = child_deposit(HV_PARTITION_SELF, &gpfn, 1), back;

	if (result != CHILD_DONE(1))
		return result == HV_STATUS_OBJECT_IN_USE;
	(void)child_withdraw(HV_PARTITION_SELF, &back, 1);
	return false;
}

static void test_flags(void)
{
	static const u32 may[] = { HV_MAP_READ, RW, HV_MAP_READ | HV_MAP_KERNEL_EXEC,
		HV_MAP_READ | HV_MAP_USER_EXEC, HV_MAP_ALL, HV_MAP_ALL | HV_MAP_ADJUSTABLE };
	u64 id = child_make(8);
	u32 known = (u32)(HV_MAP_ALL | HV_MAP_ADJUSTABLE | HV_MAP_LARGE);
	bool ok = true;

	for (u32 bit = 0; bit < 32; bit++)
		if (!(known & BIT(bit)))
			ok = ok && map_one(id, 0, page, RW | (u32)BIT(bit)) ==
					   HV_STATUS_INVALID_PARAMETER;
	guest_check(ok, "map-unknown-flags");
	expect("map-no-rights", map_one(id, 0, page, 0), HV_STATUS_INVALID_PARAMETER);
	expect("map-write-only", map_one(id, 0, page, HV_MAP_WRITE), HV_STATUS_INVALID_PARAMETER);
	expect("map-execute-only", map_one(id, 0, page, HV_MAP_EXEC), HV_STATUS_INVALID_PARAMETER);
	guest_check(!is_mapped(page) && in_use(id) == 1, "map-refused-claims-nothing");
	for (u32 i = 0; i < ARRAY_SIZE(may); i++)
		expect("map-rights", map_one(id, 5, page, may[i]), CHILD_DONE(1));
	guest_check(is_mapped(page), "mapped");
	ok = true;
	for (u32 bit = 0; bit < 32; bit++)
		if (bit != 1)
			ok = ok && child_unmap_list(id, 5, 1, (u32)BIT(bit)) ==
					   HV_STATUS_INVALID_PARAMETER;
	guest_check(ok && is_mapped(page), "unmap-unknown-flags");
	expect("unmap", child_unmap_list(id, 5, 1, 0), CHILD_DONE(1));
	guest_check(!is_mapped(page) && in_use(id) == 1, "unmapped");
	expect("unmap-nothing", child_unmap_list(id, 5, 1, 0), CHILD_DONE(1));
	child_end(id);
}

static void test_reserved(void)
{
	u64 id = child_make(8);
	struct {
		struct hv_map_gpa_input head;
		u64 source;
	} map = { { .partition_id = id, .flags = RW, .reserved = 1 }, page };
	struct hv_unmap_gpa_input unmap = { .partition_id = id, .reserved = 1 };
	struct {
		struct hv_map_sparse_input head;
		struct hv_sparse_gpa list;
	} sparse = { { .partition_id = id, .flags = RW, .reserved = 1 }, { 0, page } };

	expect("map-reserved",
		guest_hypercall_block(
			HV_CALL_MAP_GPA_PAGES | HV_CONTROL_REPS(1, 0), &map, sizeof(map), NULL, 0),
		HV_STATUS_INVALID_PARAMETER);
	expect("unmap-reserved",
		guest_hypercall_block(HV_CALL_UNMAP_GPA_PAGES | HV_CONTROL_REPS(1, 0), &unmap,
			sizeof(unmap), NULL, 0),
		HV_STATUS_INVALID_PARAMETER);
	expect("sparse-reserved",
		guest_hypercall_block(HV_CALL_MAP_SPARSE_GPA_PAGES | HV_CONTROL_REPS(1, 0), &sparse,
			sizeof(sparse), NULL, 0),
		HV_STATUS_INVALID_PARAMETER);
	child_end(id);
}

/* Sources that are not the root's RAM, targets that the child does not have. */
static void test_places(void)
{
	u64 id = child_make(8), width = cpuid(0x80000008, 0).eax & 0xff;
	u64 end = BIT(MIN(width, 48) - PAGE_SHIFT),
	    deposited = (guest_ram(PAGE_2M, PAGE_2M) >> PAGE_SHIFT) + 3;
	const struct {
		const char *name;
		u64 target, source;
		u32 flags;
		u64 status;
	} rows[] = {
		{ "source-hypervisor", 1, ((u64)guest_start_info >> PAGE_SHIFT) - 1, RW,
			HV_STATUS_INVALID_PARAMETER },
		{ "source-shared", 1, (u64)guest_bootinfo >> PAGE_SHIFT, HV_MAP_READ,
			HV_STATUS_INVALID_PARAMETER },
		{ "source-device", 1, 0xfed00, RW, HV_STATUS_INVALID_PARAMETER },
		{ "source-apic", 1, 0xfee00, RW, HV_STATUS_INVALID_PARAMETER },
		{ "source-high", 1, 100 * GIB / PAGE_SIZE, RW, HV_STATUS_INVALID_PARAMETER },
		{ "source-beyond", 1, ~0ull, RW, HV_STATUS_INVALID_PARAMETER },
		{ "source-deposited", 1, deposited, RW, HV_STATUS_INVALID_PARAMETER },
		{ "source-hypercall-page", 1, guest_hypercall_page() >> PAGE_SHIFT, HV_MAP_READ,
			HV_STATUS_OBJECT_IN_USE },
		{ "target-apic", 0xfee00, page, RW, HV_STATUS_INVALID_PARAMETER },
		{ "target-ioapic", 0xfec00, page, RW, HV_STATUS_INVALID_PARAMETER },
		{ "target-apic-large", 0xfee00, page, RW | LARGE, HV_STATUS_INVALID_PARAMETER },
		{ "target-end", end, page, RW, HV_STATUS_INVALID_PARAMETER },
		{ "target-end-large", end, page, RW | LARGE, HV_STATUS_INVALID_PARAMETER },
		{ "target-beyond", ~0ull, page, RW, HV_STATUS_INVALID_PARAMETER },
		{ "target-odd-large", 1, page, RW | LARGE, HV_STATUS_INVALID_PARAMETER },
		{ "source-odd-large", 512, page + 1, RW | LARGE, HV_STATUS_INVALID_PARAMETER },
		{ "source-large-in-part", 512, deposited - 3, RW | LARGE,
			HV_STATUS_INVALID_PARAMETER },
		{ "target-last", end - 1, page, RW, CHILD_DONE(1) },
		{ "target-beside-apic", 0xfee01, page + 1, RW, CHILD_DONE(1) },
	};

	expect("places-deposit", child_deposit(HV_PARTITION_SELF, &deposited, 1), CHILD_DONE(1));
	for (u32 i = 0; i < ARRAY_SIZE(rows); i++)
		expect(rows[i].name, map_one(id, rows[i].target, rows[i].source, rows[i].flags),
			rows[i].status);
	guest_check(
		!is_mapped(page + 5) && !is_mapped(deposited - 1), "places-refused-claims-nothing");
	expect("unmap-beyond", child_unmap_list(id, end, 1, 0), HV_STATUS_INVALID_PARAMETER);
	expect("unmap-to-the-end", child_unmap_list(id, end - 1, 2, 0),
		status_reps(HV_STATUS_INVALID_PARAMETER, 1));
	expect("unmap-odd-large", child_unmap_list(id, 1, 1, HV_UNMAP_LARGE),
		HV_STATUS_INVALID_PARAMETER);
	guest_check(!is_mapped(page), "unmap-last");
	child_end(id);
	child_withdraw_all(HV_PARTITION_SELF);
}

/* A page has one place in one child. */
static void test_twice(void)
{
	u64 a = child_make(8), b = child_make(8);

	expect("twice-first", map_one(a, 7, page, RW), CHILD_DONE(1));
	expect("twice-same-place", map_one(a, 7, page, HV_MAP_READ), CHILD_DONE(1));
	expect("twice-other-place", map_one(a, 8, page, RW), HV_STATUS_OBJECT_IN_USE);
	expect("twice-other-child", map_one(b, 7, page, RW), HV_STATUS_OBJECT_IN_USE);
	expect("twice-other-page", map_one(a, 7, page + 1, RW), HV_STATUS_OBJECT_IN_USE);
	expect("twice-large-over-it", map_one(a, 0, page + 512, RW | LARGE),
		HV_STATUS_OBJECT_IN_USE);
	expect("twice-large-with-it", map_one(b, 512, page, RW | LARGE), HV_STATUS_OBJECT_IN_USE);
	guest_check(!is_mapped(page + 1) && !is_mapped(page + 511) && !is_mapped(page + 512) &&
			    !is_mapped(page + 1023),
		"twice-refused-claims-nothing");
	expect("twice-unmap", child_unmap_list(a, 7, 1, 0), CHILD_DONE(1));
	expect("twice-then-elsewhere", map_one(b, 7, page, RW), CHILD_DONE(1));
	guest_check(child_end(b) == 8, "twice-end");
	guest_check(!is_mapped(page), "twice-end-unmaps");
	child_end(a);
}

/* 4 KiB pages become large ones by themselves, and give their tables back. */
static void test_promotion(void)
{
	u64 id = child_make(12);

	child_map(id, 0, ram, PAGE_2M, RW);
	/* The root and two tables; the third was freed. */
	guest_check(in_use(id) == 3, "promoted", "%lu in use", in_use(id));
	child_unmap(id, 5 * PAGE_SIZE, PAGE_SIZE, 0);
	guest_check(in_use(id) == 4, "split", "%lu in use", in_use(id));
	child_map(id, 5 * PAGE_SIZE, ram + 5 * PAGE_SIZE, PAGE_SIZE, RW);
	guest_check(in_use(id) == 3, "promoted-again", "%lu in use", in_use(id));
	child_map(id, 5 * PAGE_SIZE, ram + 5 * PAGE_SIZE, PAGE_SIZE, HV_MAP_READ);
	guest_check(in_use(id) == 4, "split-by-rights", "%lu in use", in_use(id));
	child_map(id, 0, ram, PAGE_2M, RW | LARGE);
	guest_check(in_use(id) == 3, "joined-by-a-large-element", "%lu in use", in_use(id));
	/* Not where source and target are aligned differently. */
	child_map(id, GIB + PAGE_SIZE, ram + PAGE_2M, PAGE_2M, RW);
	guest_check(in_use(id) == 6, "not-promoted", "%lu in use", in_use(id));
	child_unmap(id, GIB, 2 * PAGE_2M, HV_UNMAP_LARGE);
	guest_check(in_use(id) == 3, "tables-come-back", "%lu in use", in_use(id));
	child_unmap(id, 0, PAGE_2M, 0);
	guest_check(in_use(id) == 1, "tables-come-back-one-by-one", "%lu in use", in_use(id));
	guest_check(!is_mapped(page) && !is_mapped(page + 511), "promoted-unmapped");
	child_end(id);
}

/* Short of tables, it stops exactly there, and goes on when there are more. */
static void test_short(void)
{
	struct hv_sparse_gpa list[8];
	u64 id = child_make(8), result;

	for (u32 i = 0; i < ARRAY_SIZE(list); i++)
		list[i] = (struct hv_sparse_gpa){ i * GIB / PAGE_SIZE, page + i };
	/* One for 512 GiB, then two for each: three elements with seven. */
	result = child_map_sparse(id, list, 8, RW);
	expect("short", result, status_reps(HV_STATUS_INSUFFICIENT_MEMORY, 3));
	guest_check(is_mapped(page + 2) && !is_mapped(page + 3), "short-exactly");
	child_deposit_pages(id, 9);
	result = child_map_sparse(id, list + 3, 5, RW);
	expect("short-goes-on", result, status_reps(HV_STATUS_INSUFFICIENT_MEMORY, 4));
	child_deposit_pages(id, 2);
	expect("short-to-the-end", child_map_sparse(id, list + 7, 1, RW), CHILD_DONE(1));
	/* Large ones need none but those on the way; a split needs one. */
	expect("short-large", map_one(id, 512, page + 512, RW | LARGE), CHILD_DONE(1));
	child_withdraw_all(id);
	expect("short-split", child_unmap_list(id, 513, 1, 0), HV_STATUS_INSUFFICIENT_MEMORY);
	guest_check(is_mapped(page + 513), "short-split-keeps-all");
	expect("short-unmap-large", child_unmap_list(id, 512, 1, HV_UNMAP_LARGE), CHILD_DONE(1));
	guest_check(!is_mapped(page + 513), "short-unmapped");
	child_end(id);
}

static void test_counts(void)
{
	static u64 list[HV_MAP_GPA_MAX];
	u64 id = child_make(12);

	for (u32 i = 0; i < HV_MAP_GPA_MAX; i++)
		list[i] = page + i;
	expect("map-509", child_map_list(id, 3, list, HV_MAP_GPA_MAX, RW),
		CHILD_DONE(HV_MAP_GPA_MAX));
	expect("unmap-4095", child_unmap_list(id, 0, 4095, 0), CHILD_DONE(4095));
	guest_check(in_use(id) == 1 && !is_mapped(page + 508), "unmap-4095-all");
	list[5] = 0xfed00;
	expect("map-stops", child_map_list(id, 0, list, 9, RW),
		status_reps(HV_STATUS_INVALID_PARAMETER, 5));
	guest_check(is_mapped(page + 4) && !is_mapped(page + 6), "map-stops-there");
	expect("map-no-further", child_map_list(id, 0xfee00 - 2, &list[100], 4, RW),
		status_reps(HV_STATUS_INVALID_PARAMETER, 2));
	child_end(id);
}

static bool states_are(u64 id, u64 gpfn, u32 count, u64 flags, u8 due)
{
	static u8 state[4096];
	u64 result;

	memset(state, 0xee, sizeof(state));
	result = child_access_state(id, gpfn, count, flags, state);
	if (result != CHILD_DONE(count))
		return false;
	for (u32 i = 0; i < count; i++)
		if (state[i] != due)
			return false;
	return true;
}

static void test_log(void)
{
	u64 id = child_make(16), end = BIT(MIN(cpuid(0x80000008, 0).eax & 0xff, 48) - PAGE_SHIFT);
	u64 before, both = HV_ACCESS_CLEAR_DIRTY | HV_ACCESS_SET_DIRTY;
	u8 state[4];

	child_map(id, 0, ram, 2 * PAGE_2M, RW | LARGE);
	child_map(id, 2 * PAGE_2M, ram + 2 * PAGE_2M, PAGE_2M, HV_MAP_READ | LARGE);
	before = in_use(id);
	expect("log-off", child_access_state(id, 0, 1, 0, state),
		HV_STATUS_INVALID_PARTITION_STATE);
	expect("log-on", child_set(id, HV_PROPERTY_ACCESS_TRACKING, 1), HV_STATUS_SUCCESS);
	guest_check(in_use(id) == before + 3, "log-splits", "%lu in use", in_use(id));
	guest_check(states_are(id, 0, 1536, 0, HV_ACCESS_STATE_ACCESSED), "log-all-clean");
	guest_check(states_are(id, 1536, 512, HV_ACCESS_SET_DIRTY, 0), "log-nothing-there");
	guest_check(
		states_are(id, 500, 100, HV_ACCESS_SET_DIRTY, HV_ACCESS_STATE_ACCESSED), "log-set");
	guest_check(states_are(id, 500, 100, 0, BOTH), "log-dirty");
	guest_check(states_are(id, 0, 500, 0, HV_ACCESS_STATE_ACCESSED) &&
			    states_are(id, 600, 424, 0, HV_ACCESS_STATE_ACCESSED),
		"log-others-clean");
	guest_check(states_are(id, 500, 50, HV_ACCESS_CLEAR_DIRTY, BOTH) &&
			    states_are(id, 500, 50, 0, HV_ACCESS_STATE_ACCESSED) &&
			    states_are(id, 550, 50, 0, BOTH),
		"log-clear");
	/* The accessed bit is there for each page, whatever is asked. */
	guest_check(states_are(id, 0, 4, HV_ACCESS_CLEAR_ACCESSED, HV_ACCESS_STATE_ACCESSED) &&
			    states_are(id, 0, 4, 0, HV_ACCESS_STATE_ACCESSED),
		"log-accessed");
	expect("log-both", child_access_state(id, 0, 1, both, state), HV_STATUS_INVALID_PARAMETER);
	expect("log-flags", child_access_state(id, 0, 1, BIT(4), state),
		HV_STATUS_INVALID_PARAMETER);
	expect("log-end", child_access_state(id, end - 2, 4, 0, state),
		status_reps(HV_STATUS_INVALID_PARAMETER, 2));
	/* What is mapped anew counts as written, in small pages. */
	child_unmap(id, 0, PAGE_2M, HV_UNMAP_LARGE);
	child_map(id, 0, ram, PAGE_2M, RW | LARGE);
	guest_check(states_are(id, 0, 512, 0, BOTH), "log-new");
	guest_check(states_are(id, 0, 4095, HV_ACCESS_CLEAR_DIRTY, 0) == false, "log-long");
	expect("log-off-again", child_set(id, HV_PROPERTY_ACCESS_TRACKING, 0), HV_STATUS_SUCCESS);
	guest_check(in_use(id) == before, "log-off-joins", "%lu in use", in_use(id));
	/* Without tables to split by, nothing changes. */
	child_withdraw_all(id);
	expect("log-short", child_set(id, HV_PROPERTY_ACCESS_TRACKING, 1),
		HV_STATUS_INSUFFICIENT_MEMORY);
	guest_check(in_use(id) == before, "log-short-changes-nothing");
	child_end(id);
}

/* Much memory, so that the long calls go on again and again. */
static void test_much(void)
{
	u64 size = ALIGN_DOWN(MIN(guest_ram_left() - 16 * MIB, 128 * MIB), PAGE_2M);
	u64 base = guest_ram(size, PAGE_2M), tables = size / PAGE_2M, id = child_make(tables + 16);
	u64 pages = in_use(id), result, missing = 0;

	child_map(id, 4 * GIB, base, size, RW | LARGE);
	pages = in_use(id);
	result = child_set(id, HV_PROPERTY_ACCESS_TRACKING, 1);
	guest_check(result == HV_STATUS_SUCCESS && in_use(id) == pages + tables, "much-split",
		"%lx: %lu in use", result, in_use(id));
	guest_check(child_end(id) == tables + 16, "much-end");
	for (u64 at = 0; at < size; at += PAGE_2M)
		missing += is_mapped((base + at) >> PAGE_SHIFT);
	guest_check(missing == 0, "much-free", "%lu still mapped", missing);
}

void guest_main(void)
{
	ram = guest_ram(8 * MIB, PAGE_2M);
	page = ram >> PAGE_SHIFT;
	test_flags();
	test_reserved();
	test_places();
	test_twice();
	test_promotion();
	test_short();
	test_counts();
	test_log();
	test_much();
}

/* SPDX-License-Identifier: MIT */
/*
 * Second-level tables of a child, with both vendors' bits: they are paid by a
 * deposit and go back there, frames that are unmapped are told, writes are
 * logged, and at the end everything is released.
 * sources: hypervisor/slat.c hypervisor/slat_log.c hypervisor/slat_drain.c hypervisor/deposit.c hypervisor/pool.c hypervisor/frame.c hypervisor/svm/slat_format.c hypervisor/vmx/slat_format.c lib/bitmap.c tests/unit/fake_memory.c tests/unit/fake_image.S tests/unit/host_assert.c
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
#include "hypervisor/deposit.h"
#include "hypervisor/pool.h"
#include "hypervisor/slat.h"

#define K4      0x1000ull
#define M2      0x200000ull
#define G1      0x40000000ull

#define PAGES   40u
#define CHILD   7u
#define RAM     0x2000000ull /* of the root: frames there are its own */
#define RAM_END 0x10000000ull
#define RW      (SLAT_READ | SLAT_WRITE)

extern struct slat_format svm_slat_format, vmx_slat_format;

static struct slat slat;
static struct deposit deposit;

static int start(struct slat_format *format)
{
	fake_memory_init(512);
	memset(&deposit, 0, sizeof(deposit));
	for (u32 i = 0; i < PAGES; i++)
		deposit_add(&deposit, pool_alloc(1));
	frame_mark(SPA(RAM), RAM_END - RAM, FRAME_ROOT, 1);
	format->page1g = true;
	return slat_init_deposit(&slat, format, &deposit) != HV_STATUS_SUCCESS;
}

static int start_svm(void **state)
{
	(void)state;
	return start(&svm_slat_format);
}

static int start_vmx(void **state)
{
	(void)state;
	return start(&vmx_slat_format);
}

static void map(u64 gpa, u64 spa, u64 size, u32 access, u32 level)
{
	assert_int_equal(slat_map(&slat, GPA(gpa), SPA(spa), size, access, MEMTYPE_WB, level),
		HV_STATUS_SUCCESS);
}

/* Maps frames that are claimed, as a hypercall would. */
static void map_claimed(u64 gpa, u64 spa, u64 size, u32 level)
{
	for (u64 at = 0; at < size; at += K4)
		assert_int_equal(frame_claim_map(SPA(spa + at), CHILD), HV_STATUS_SUCCESS);
	map(gpa, spa, size, SLAT_ALL, level);
}

static u32 access_at(u64 gpa)
{
	struct slat_mapping m;

	return slat_lookup(&slat, GPA(gpa), &m) ? m.access : 0;
}

static u32 level_at(u64 gpa)
{
	struct slat_mapping m;

	return slat_lookup(&slat, GPA(gpa), &m) ? m.level : 0;
}

static void reclaim(void)
{
	slat_free(&slat, slat_stale(&slat));
}

static void no_deposit(void **state)
{
	struct deposit none = { 0 };
	struct slat other;

	(void)state;
	assert_int_equal(
		slat_init_deposit(&other, slat.format, &none), HV_STATUS_INSUFFICIENT_MEMORY);
	assert_int_equal(deposit.used_pages, 1);
}

/* A page in the middle of nowhere takes three tables, and gives them back. */
static void tables_come_back(void **state)
{
	struct frame_list gone = { 0 };
	spa_t spa;

	(void)state;
	map(3 * G1 + 5 * M2 + 7 * K4, RAM, K4, SLAT_ALL, 1);
	assert_int_equal(deposit.used_pages, 4);
	assert_int_equal(
		slat_remove(&slat, GPA(3 * G1 + 5 * M2 + 7 * K4), K4, &gone), HV_STATUS_SUCCESS);
	/* A processor may be walking them. */
	assert_int_equal(deposit.used_pages, 4);
	reclaim();
	assert_int_equal(deposit.used_pages, 1);
	assert_true(frame_list_pop(&gone, &spa));
	assert_int_equal(spa.a, RAM);
	assert_false(frame_list_pop(&gone, &spa));
}

/* Only tables without any entry go. */
static void tables_in_use_stay(void **state)
{
	(void)state;
	for (u32 i = 0; i < 3; i++)
		map(i * 2 * K4, RAM, K4, SLAT_ALL, 1);
	assert_int_equal(slat_unmap(&slat, GPA(2 * K4), K4), HV_STATUS_SUCCESS);
	assert_int_equal(slat_unmap(&slat, GPA(0), K4), HV_STATUS_SUCCESS);
	reclaim();
	assert_int_equal(deposit.used_pages, 4);
	assert_int_equal(access_at(4 * K4), SLAT_ALL);
	assert_int_equal(slat_unmap(&slat, GPA(0), G1), HV_STATUS_SUCCESS);
	reclaim();
	assert_int_equal(deposit.used_pages, 1);
}

/* Every frame once, of large leaves and small ones. */
static void what_was_unmapped(void **state)
{
	static u8 seen[4 * 512];
	struct frame_list gone = { 0 };
	spa_t spa;

	(void)state;
	memset(seen, 0, sizeof(seen));
	map_claimed(0, RAM, 2 * M2, 2);
	map_claimed(2 * M2 + K4, RAM + 2 * M2 + K4, M2 - K4, 1);
	assert_int_equal(slat_remove(&slat, GPA(M2 / 2), 2 * M2, &gone), HV_STATUS_SUCCESS);
	while (frame_list_pop(&gone, &spa))
		seen[(spa.a - RAM) / K4]++;
	for (u32 i = 0; i < sizeof(seen); i++) {
		bool out = i >= 256 && i < 1280 && i != 1024;

		assert_int_equal(seen[i], out);
		assert_int_equal(frame_get(SPA(RAM + i * K4))->mapper,
			!out && i != 1024 && i < 1536 ? CHILD : 0);
	}
	assert_int_equal(slat.pages[1], 256 + 256);
}

/* An element of 2 MiB is unmapped whole or not at all. */
static void out_of_tables(void **state)
{
	struct frame_list gone = { 0 };
	spa_t spa;

	(void)state;
	map(0, 0, G1, SLAT_ALL, 3);
	while (deposit_take(&deposit))
		;
	assert_int_equal(slat_remove(&slat, GPA(M2), M2, &gone), HV_STATUS_INSUFFICIENT_MEMORY);
	assert_int_equal(slat_remove(&slat, GPA(M2), K4, &gone), HV_STATUS_INSUFFICIENT_MEMORY);
	assert_false(frame_list_pop(&gone, &spa));
	assert_int_equal(level_at(M2), 3);
	assert_int_equal(slat_map(&slat, GPA(4 * G1), SPA(0), K4, SLAT_ALL, MEMTYPE_WB, 3),
		HV_STATUS_INSUFFICIENT_MEMORY);
	assert_int_equal(level_at(4 * G1), 0);
}

static void drains(void **state)
{
	u32 rounds = 0;

	(void)state;
	map_claimed(0, RAM, 3 * M2, 2);
	map_claimed(G1 + 5 * K4, RAM + 4 * M2, 9 * K4, 1);
	map_claimed(1000 * G1, RAM + 5 * M2, K4, 1);
	/* One that went out of use and was never freed. */
	assert_int_equal(slat_unmap(&slat, GPA(1000 * G1), K4), HV_STATUS_SUCCESS);
	frame_release_map(SPA(RAM + 5 * M2));
	while (!slat_drain(&slat))
		rounds++;
	assert_true(rounds >= 4);
	assert_int_equal(deposit.used_pages, 0);
	assert_int_equal(deposit.free_pages, PAGES);
	for (u64 at = RAM; at < RAM_END; at += K4) {
		assert_int_equal(frame_get(SPA(at))->mapper, 0);
		assert_int_equal(frame_get(SPA(at))->flags, 0);
	}
	for (u32 level = 1; level < 4; level++)
		assert_int_equal(slat.pages[level], 0);
}

static void drains_nothing(void **state)
{
	(void)state;
	while (!slat_drain(&slat))
		;
	assert_int_equal(deposit.used_pages, 0);
	assert_true(slat_drain(&slat));
}

static void log_on(void)
{
	bool done = false;

	while (!done)
		assert_int_equal(slat_log_on(&slat, &done), HV_STATUS_SUCCESS);
}

/* What the processor may do, as the vendor's bits say. */
static u32 hardware(u64 gpa)
{
	const u64 *t = slat.root;
	u64 e = 0;

	for (u32 level = 4; level > 0; level--) {
		e = t[gpa >> (12 + 9 * (level - 1)) & 511];
		if (level == 1 || e & slat.format->large)
			break;
		t = spa_to_virt(SPA(e & 0x000ffffffffff000ull));
	}
	return slat.format->access(e);
}

static bool dirty_at(u64 gpa)
{
	bool dirty = false;

	assert_true(slat_log_change(&slat, GPA(gpa), false, false, &dirty));
	return dirty;
}

static bool write_again(gpa_t gpa)
{
	return slat_retry(&slat, gpa, SLAT_WRITE);
}

/* Written once, seen once, and again after it was cleared. */
static void writes_are_logged(void **state)
{
	bool dirty;

	(void)state;
	map(0, RAM, 2 * M2, SLAT_ALL, 2);
	map(3 * M2, RAM + 3 * M2, K4, SLAT_READ, 1);
	log_on();
	assert_int_equal(slat.pages[1], 1025);
	assert_int_equal(hardware(M2 + 5 * K4), SLAT_READ | SLAT_EXEC);
	assert_int_equal(access_at(M2 + 5 * K4), SLAT_ALL | SLAT_LOGGED);
	assert_false(dirty_at(M2 + 5 * K4));
	assert_true(write_again(GPA(M2 + 5 * K4 + 123)));
	assert_int_equal(hardware(M2 + 5 * K4), SLAT_ALL);
	assert_int_equal(hardware(M2 + 6 * K4), SLAT_READ | SLAT_EXEC);
	assert_true(dirty_at(M2 + 5 * K4));
	/* Two processors at once: the second just tries again. */
	assert_true(write_again(GPA(M2 + 5 * K4)));
	assert_true(slat_log_change(&slat, GPA(M2 + 5 * K4), false, true, &dirty));
	assert_true(dirty);
	assert_int_equal(hardware(M2 + 5 * K4), SLAT_READ | SLAT_EXEC);
	assert_false(dirty_at(M2 + 5 * K4));
	assert_true(slat_log_change(&slat, GPA(M2 + 5 * K4), true, false, &dirty));
	assert_false(dirty);
	assert_int_equal(hardware(M2 + 5 * K4), SLAT_ALL);
	/* What has been mapped meanwhile is no fault any more. */
	assert_true(slat_retry(&slat, GPA(M2), SLAT_READ | SLAT_EXEC));
	assert_int_equal(hardware(M2), SLAT_READ | SLAT_EXEC);
	assert_true(slat_retry(&slat, GPA(3 * M2), SLAT_READ));
	assert_false(slat_retry(&slat, GPA(3 * M2), SLAT_EXEC));
	assert_false(slat_retry(&slat, GPA(3 * M2 + K4), SLAT_READ));
	assert_false(slat_retry(&slat, GPA(5 * G1), SLAT_READ));
	/* What may not be written stays so, and nothing is nowhere. */
	assert_false(write_again(GPA(3 * M2)));
	assert_int_equal(hardware(3 * M2), SLAT_READ);
	assert_false(write_again(GPA(5 * G1)));
	assert_false(slat_log_change(&slat, GPA(5 * G1), true, false, &dirty));
}

/* New pages are logged like the others, in pages of 4 KiB. */
static void mapped_while_logging(void **state)
{
	(void)state;
	log_on();
	map(0, RAM, M2, RW, 3);
	assert_int_equal(level_at(0), 1);
	assert_int_equal(hardware(0), SLAT_READ);
	map(0, RAM, K4, RW | SLAT_DIRTY, 1);
	assert_int_equal(hardware(0), RW);
	assert_true(dirty_at(0));
	for (u64 at = 0; at < M2; at += K4)
		assert_true(write_again(GPA(at)));
	slat_promote(&slat, GPA(0));
	assert_int_equal(level_at(0), 1);
}

/* Off again, everything is as large as it was. */
static void logging_ends(void **state)
{
	u64 used;

	(void)state;
	map(0, RAM, 8 * M2, SLAT_ALL, 2);
	map(G1, 4 * G1, G1, SLAT_READ, 2);
	used = deposit.used_pages;
	/* 512 tables would be missing. */
	assert_int_equal(slat_log_on(&slat, &(bool){ false }), HV_STATUS_INSUFFICIENT_MEMORY);
	assert_int_equal(deposit.used_pages, used);
	assert_int_equal(level_at(0), 2);
	assert_int_equal(slat_unmap(&slat, GPA(G1), G1), HV_STATUS_SUCCESS);
	reclaim();
	used = deposit.used_pages;
	log_on();
	assert_int_equal(deposit.used_pages, used + 8);
	assert_true(write_again(GPA(5 * K4)));
	while (!slat_log_off(&slat))
		;
	reclaim();
	assert_int_equal(deposit.used_pages, used);
	for (u64 at = 0; at < 8 * M2; at += K4) {
		assert_int_equal(access_at(at), SLAT_ALL);
		assert_int_equal(hardware(at), SLAT_ALL);
		assert_int_equal(level_at(at), 2);
	}
	/* A restored mapping that remembers logging does not bring it back. */
	map(0, RAM, K4, SLAT_ALL | SLAT_LOGGED, 1);
	assert_int_equal(access_at(0), SLAT_ALL);
	assert_true(slat_log_off(&slat));
}

/* Turned off before it was on. */
static void logging_is_broken_off(void **state)
{
	bool done;

	(void)state;
	map(0, RAM, 8 * M2, SLAT_ALL, 2);
	for (u32 i = 0; i < 14; i++)
		assert_int_equal(slat_log_on(&slat, &done), HV_STATUS_SUCCESS);
	assert_false(done);
	assert_int_equal(hardware(0), SLAT_READ | SLAT_EXEC);
	while (!slat_log_off(&slat))
		;
	for (u64 at = 0; at < 8 * M2; at += M2) {
		assert_int_equal(hardware(at), SLAT_ALL);
		assert_int_equal(level_at(at), 2);
	}
	log_on();
	assert_int_equal(hardware(7 * M2), SLAT_READ | SLAT_EXEC);
}

#define BOTH(f)                                     \
	{ #f "_svm", f, start_svm, NULL, NULL },    \
	{                                           \
#f "_vmx", f, start_vmx, NULL, NULL \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(no_deposit),
		BOTH(tables_come_back),
		BOTH(tables_in_use_stay),
		BOTH(what_was_unmapped),
		BOTH(out_of_tables),
		BOTH(drains),
		BOTH(drains_nothing),
		BOTH(writes_are_logged),
		BOTH(mapped_while_logging),
		BOTH(logging_ends),
		BOTH(logging_is_broken_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

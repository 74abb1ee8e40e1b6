/* SPDX-License-Identifier: MIT */
/*
 * What of a partition's address space the hypervisor may touch, its pages, and
 * forgetting of mappings: every frame type, overlays, children, other VPs.
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
#include "hypervisor/cpu.h"
#include "hypervisor/frame.h"
#include "hypervisor/partition.h"
#include "hypervisor/pool.h"
#include "hypervisor/vp.h"
#include "hypervisor/window.h"

#define OVERLAY_SPA 0x5000ull

static struct partition p;
static struct vp vps[3];
static struct frame frames[8]; /* by page */
static bool mapped;
static struct slat_mapping mapping;
static u32 flushes, guest_flushes, window_flushes, memos_forgotten, notified, kicked;
static struct partition child;
static u64 key;

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

static u32 logged;

void slat_log_write(struct slat *slat, gpa_t gpa)
{
	assert_ptr_equal(slat, &child.slat);
	assert_int_equal(gpa.a, 0x1abc);
	logged++;
}

/* Tables that go out of use are free after the flush, and not before. */
static u32 freed_after;

struct frame_list slat_stale(struct slat *slat)
{
	assert_ptr_equal(slat, &child.slat);
	assert_int_equal(notified, 0);
	return (struct frame_list){ 77 };
}

void slat_free(struct slat *slat, struct frame_list tables)
{
	assert_ptr_equal(slat, &child.slat);
	assert_int_equal(tables.first, 77);
	freed_after = notified;
}

static struct cpu cpu;

struct cpu *this_cpu(void)
{
	return &cpu;
}

static void fake_flush(struct vp *vp)
{
	assert_ptr_equal(vp, &vps[0]);
	flushes++;
}

static void fake_flush_guest(struct vp *vp)
{
	assert_ptr_equal(vp, &vps[0]);
	guest_flushes++;
}

/* One that runs does what it is told. */
void sched_kick(const struct vp *vp)
{
	u32 n = (u32)(vp - vps);

	kicked |= 1u << n;
	if (!vp->running)
		return;
	vps[n].work &= ~(u32)VP_WORK_TLB;
}

void window_flush(void)
{
	window_flushes++;
}

/* What is remembered of windows goes with them. */
void guest_memos_forget(struct cpu *cpu)
{
	assert_ptr_equal(cpu, this_cpu());
	memos_forgotten++;
}

/* The other processors: a VP that runs flushes at once, another when it enters next. */
void vp_notify(struct vp *vp, u32 work)
{
	assert_int_equal(work, VP_WORK_FLUSH);
	assert_ptr_not_equal(vp, &vps[0]);
	notified |= vp == &vps[1] ? 1 : 2;
	if (!vp->running)
		vp->work |= work;
}

u64 vp_memo_key(const struct vp *v)
{
	assert_non_null(v->partition);
	return ++key;
}

/* Pages. */
static char pool_page, deposited_page;
static u32 pool_freed, deposit_given;

void *pool_alloc(u64 pages)
{
	assert_int_equal(pages, 1);
	return &pool_page;
}

void pool_free(void *page, u64 pages)
{
	assert_ptr_equal(page, &pool_page);
	assert_int_equal(pages, 1);
	pool_freed++;
}

void *deposit_take(struct deposit *d)
{
	assert_ptr_equal(d, &child.deposit);
	return &deposited_page;
}

void deposit_give(struct deposit *d, void *page)
{
	assert_ptr_equal(d, &child.deposit);
	assert_ptr_equal(page, &deposited_page);
	deposit_given++;
}

static const struct virt_ops ops = { .flush = fake_flush, .flush_guest = fake_flush_guest };
const struct virt_ops *virt = &ops;

static int setup(void **state)
{
	(void)state;
	memset(&p, 0, sizeof(p));
	memset(vps, 0, sizeof(vps));
	memset(frames, 0, sizeof(frames));
	p.id = 1;
	memset(&child, 0, sizeof(child));
	child.id = 3;
	child.parent = &p;
	for (u32 i = 0; i < 3; i++)
		vps[i].partition = &p;
	key = 100;
	notified = 0;
	frames[1] = (struct frame){ .owner = 1, .type = FRAME_ROOT };
	frames[2] = (struct frame){ .owner = 2, .type = FRAME_ROOT };
	frames[3] = (struct frame){ .type = FRAME_IMAGE };
	frames[4] = (struct frame){ .type = FRAME_POOL_FREE };
	frames[5] = (struct frame){ .type = FRAME_POOL_USED };
	frames[6] = (struct frame){ .type = FRAME_SHARED };
	mapped = false;
	flushes = guest_flushes = window_flushes = memos_forgotten = kicked = 0;
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
	/* Never a device, whatever is mapped. */
	mapping.spa = SPA(0x8010);
	assert_false(may(0x6010, SLAT_READ, 0));
}

/* Over a page of its own, as the second-level tables have it. */
static void test_overlaid_memory(void **state)
{
	(void)state;
	frames[1].flags = FRAME_OVERLAID;
	mapped = true;
	mapping = (struct slat_mapping){ .spa = SPA(OVERLAY_SPA + 0xabc),
		.access = SLAT_READ | SLAT_EXEC };
	assert_true(may(0x1abc, SLAT_READ, OVERLAY_SPA + 0xabc));
	assert_true(may(0x1abc, SLAT_EXEC, OVERLAY_SPA + 0xabc));
	assert_false(may(0x1abc, SLAT_WRITE, 0));
	assert_false(may(0x1abc, SLAT_ALL, 0));
	frames[1].flags = 0;
	assert_true(may(0x1abc, SLAT_ALL, 0x1abc));
	/* Another's page is not to be had by an overlay's mark. */
	frames[2].flags = FRAME_OVERLAID;
	mapped = false;
	assert_false(may(0x2abc, SLAT_READ, 0));
}

static bool child_may(u64 gpa, u32 access, u64 expected)
{
	spa_t spa = SPA(0);
	bool ok = partition_gpa_to_spa(&child, GPA(gpa), access, &spa);

	if (ok)
		assert_int_equal(spa.a, expected);
	return ok;
}

/* A child has what is mapped for it, if that is memory and no device. */
static void test_child_memory(void **state)
{
	(void)state;
	assert_false(child_may(0x1abc, SLAT_READ, 0));
	mapped = true;
	mapping = (struct slat_mapping){ .spa = SPA(0x1abc), .access = SLAT_READ };
	assert_true(child_may(0x1234567abc, SLAT_READ, 0x1abc));
	assert_false(child_may(0x1234567abc, SLAT_WRITE, 0));
	mapping.spa = SPA(0x8000);
	assert_false(child_may(0x1000, SLAT_READ, 0));
}

/* A write for a child whose writes are logged is seen, once. */
static void test_logged_memory(void **state)
{
	(void)state;
	mapped = true;
	logged = 0;
	mapping = (struct slat_mapping){ .spa = SPA(0x1abc),
		.access = SLAT_READ | SLAT_WRITE | SLAT_LOGGED };
	assert_true(child_may(0x1abc, SLAT_READ, 0x1abc));
	assert_int_equal(logged, 0);
	assert_true(child_may(0x1abc, SLAT_WRITE, 0x1abc));
	assert_int_equal(logged, 1);
	mapping.access |= SLAT_DIRTY;
	assert_true(child_may(0x1abc, SLAT_WRITE, 0x1abc));
	mapping.access = SLAT_READ | SLAT_WRITE;
	assert_true(child_may(0x1abc, SLAT_WRITE, 0x1abc));
	assert_int_equal(logged, 1);
}

/* As far as the processor and four levels of tables go. */
static void test_address_width(void **state)
{
	static const struct {
		u8 bits;
		u64 pages;
	} rows[] = { { 36, 1ull << 24 }, { 40, 1ull << 28 }, { 48, 1ull << 36 },
		{ 52, 1ull << 36 } };

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(rows); i++) {
		cpu.features.phys_bits = rows[i].bits;
		assert_true(partition_gpa_exists(rows[i].pages - 1));
		assert_false(partition_gpa_exists(rows[i].pages));
		assert_false(partition_gpa_exists(~0ull));
	}
}

static void test_flush_tables(void **state)
{
	(void)state;
	freed_after = 0;
	child.vps[1] = &vps[1];
	vps[1].partition = &child;
	vps[1].running = true;
	partition_flush_tables(&child, &vps[0]);
	assert_int_equal(freed_after, 1);
}

/* Not while somebody who may walk them has the lock. */
static void test_flush_overlays(void **state)
{
	(void)state;
	freed_after = 0;
	child.vps[1] = &vps[1];
	vps[1].partition = &child;
	vps[1].running = true;
	child.slat.stale.first = 0;
	partition_flush_overlays(&child, &vps[0]);
	assert_int_equal(notified, 1);
	assert_int_equal(freed_after, 0);
	child.slat.stale.first = 77;
	notified = 0;
	vps[1].work = 0;
	partition_manage(&child, &vps[0]);
	partition_flush_overlays(&child, &vps[0]);
	assert_int_equal(notified, 1);
	assert_int_equal(freed_after, 0);
	partition_manage_end(&child);
	notified = 0;
	vps[1].work = 0;
	partition_flush_overlays(&child, &vps[0]);
	assert_int_equal(freed_after, 1);
	assert_true(spin_trylock(&child.manage));
	partition_manage_end(&child);
	child.slat.stale.first = 0;
}

static void test_pages(void **state)
{
	(void)state;
	assert_ptr_equal(partition_page_alloc(&p), &pool_page);
	partition_page_free(&p, &pool_page);
	assert_int_equal(pool_freed, 1);
	assert_ptr_equal(partition_page_alloc(&child), &deposited_page);
	partition_page_free(&child, &deposited_page);
	assert_int_equal(deposit_given, 1);
	assert_int_equal(pool_freed, 1);
}

/* Those outside the guest are told, and not waited for. */
static void test_flush(void **state)
{
	(void)state;
	p.vps[0] = &vps[0];
	p.vps[5] = &vps[1];
	p.vps[63] = &vps[2];
	vps[0].running = true;
	vps[1].running = true;
	vps[2].stop = VP_STOP_HALT;
	partition_flush(&p, &vps[0]);
	assert_int_equal(flushes, 1);
	assert_int_equal(window_flushes, 1);
	assert_int_equal(memos_forgotten, 1);
	assert_int_equal(vps[0].memo_key, 101);
	assert_int_equal(notified, 3);
	assert_int_equal(vps[0].work, 0);
	assert_int_equal(vps[2].work, VP_WORK_FLUSH);
}

/* Of a child's mappings, the caller has none. */
static void test_flush_of_a_child(void **state)
{
	(void)state;
	child.vps[1] = &vps[1];
	child.vps[2] = &vps[2];
	vps[1].partition = vps[2].partition = &child;
	vps[1].running = true;
	partition_flush(&child, &vps[0]);
	assert_int_equal(flushes, 0);
	assert_int_equal(notified, 3);
	assert_int_equal(vps[2].work, VP_WORK_FLUSH);
}

static void test_serve_flush(void **state)
{
	(void)state;
	vps[0].work = VP_WORK_NMI;
	partition_serve_flush(&vps[0]);
	assert_int_equal(flushes, 0);
	vps[0].work = VP_WORK_NMI | VP_WORK_FLUSH;
	partition_serve_flush(&vps[0]);
	assert_int_equal(flushes, 1);
	assert_int_equal(window_flushes, 1);
	assert_int_equal(memos_forgotten, 1);
	assert_int_equal(vps[0].memo_key, 101);
	assert_int_equal(vps[0].work, VP_WORK_NMI);
}

/* Each VP of the set that exists: ourselves, one that runs, one that does not. */
static void test_flush_guest(void **state)
{
	struct vpset set = { { BIT(0) | BIT(5) | BIT(6) | BIT(63) } };

	(void)state;
	p.vps[0] = &vps[0];
	p.vps[5] = &vps[1];
	p.vps[63] = &vps[2];
	vps[0].running = vps[1].running = true;
	vps[2].stop = VP_STOP_HALT;
	partition_flush_guest(&vps[0], &set);
	assert_int_equal(guest_flushes, 1);
	assert_int_equal(flushes, 0);
	assert_int_equal(notified, 0);
	assert_int_equal(kicked, 6);
	assert_int_equal(vps[0].work, 0);
	assert_int_equal(vps[1].work, 0);
	assert_int_equal(vps[2].work, VP_WORK_TLB);
	/* It has been told already. */
	kicked = 0;
	set.bits[0] = BIT(63);
	partition_flush_guest(&vps[0], &set);
	assert_int_equal(kicked, 0);
	assert_int_equal(guest_flushes, 1);
	set.bits[0] = 0;
	partition_flush_guest(&vps[0], &set);
	assert_int_equal(guest_flushes, 1);
}

static void test_serve_guest_flush(void **state)
{
	(void)state;
	vps[0].work = VP_WORK_NMI | VP_WORK_TLB;
	partition_serve_flush(&vps[0]);
	assert_int_equal(guest_flushes, 1);
	assert_int_equal(flushes, 0);
	assert_int_equal(vps[0].work, VP_WORK_NMI);
	vps[0].work = VP_WORK_TLB | VP_WORK_FLUSH;
	partition_serve_flush(&vps[0]);
	assert_int_equal(guest_flushes, 2);
	assert_int_equal(flushes, 1);
	assert_int_equal(vps[0].work, 0);
}

static void test_manage(void **state)
{
	(void)state;
	partition_manage(&child, &vps[0]);
	assert_false(spin_trylock(&child.manage));
	partition_manage_end(&child);
	assert_true(spin_trylock(&child.manage));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_own_memory, setup),
		cmocka_unit_test_setup(test_foreign_memory, setup),
		cmocka_unit_test_setup(test_shared_memory, setup),
		cmocka_unit_test_setup(test_overlaid_memory, setup),
		cmocka_unit_test_setup(test_child_memory, setup),
		cmocka_unit_test_setup(test_logged_memory, setup),
		cmocka_unit_test_setup(test_address_width, setup),
		cmocka_unit_test_setup(test_pages, setup),
		cmocka_unit_test_setup(test_flush_tables, setup),
		cmocka_unit_test_setup(test_flush_overlays, setup),
		cmocka_unit_test_setup(test_flush, setup),
		cmocka_unit_test_setup(test_flush_of_a_child, setup),
		cmocka_unit_test_setup(test_serve_flush, setup),
		cmocka_unit_test_setup(test_flush_guest, setup),
		cmocka_unit_test_setup(test_serve_guest_flush, setup),
		cmocka_unit_test_setup(test_manage, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

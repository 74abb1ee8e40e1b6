/* SPDX-License-Identifier: MIT */
/*
 * The hypervisor's own page tables as a walk finds them: the rights of each
 * kind, large leaves, nothing beside what was asked for, the device area,
 * deposited pages, the end of the identity map. SPAs of tables are host addresses here.
 * sources: hypervisor/paging.c tests/unit/fake_image.S
 * cflags: -I tests/unit/fake_paging
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <string.h>

#include "base/assert.h"
#include "hypervisor/cpu.h"
#include "hypervisor/layout.h"
#include "hypervisor/paging.h"
#include "hypervisor/pool.h"
#include "x86/cpu.h"
#include "x86/cr.h"

/* SDM volume 3, table 4-15 and following, written out once more. */
#define P              (1ull << 0)
#define W              (1ull << 1)
#define U              (1ull << 2)
#define PWT            (1ull << 3)
#define PCD            (1ull << 4)
#define PS             (1ull << 7)
#define G              (1ull << 8)
#define NX             (1ull << 63)
#define ADDR           0x000ffffffffff000ull

#define DEPOSIT_TABLES 16u

extern char image_start[], text_end[], rodata_end[], image_end[];

u64 fake_cr3;
u32 fake_cr3_writes;
static u32 pool_pages;

struct cpu *cpus[HV_MAX_CPUS];
u32 cpu_count = 2;
static struct cpu cpu[2];
static u32 kicks;

void cpu_kick(struct cpu *c)
{
	assert_true(c == &cpu[0] || c == &cpu[1]);
	kicks++;
}

struct cpuid_regs fake_cpuid(u32 leaf, u32 subleaf)
{
	(void)subleaf;
	assert_int_equal(leaf, 0x80000001);
	return (struct cpuid_regs){ .edx = 1u << 26 };
}

void pool_set_image(spa_t image)
{
	assert_int_equal(image.a, 0x7e000000);
}

/* Full of what would be entries. */
void *pool_alloc_raw(u64 pages)
{
	void *p = aligned_alloc(PAGE_SIZE, pages * PAGE_SIZE);

	memset(p, 0xa5, pages * PAGE_SIZE);
	pool_pages += (u32)pages;
	return p;
}

void *pool_alloc(u64 pages)
{
	return memset(pool_alloc_raw(pages), 0, pages * PAGE_SIZE);
}

spa_t virt_to_spa(const void *p)
{
	return SPA((u64)p);
}

void *spa_to_virt(spa_t spa)
{
	return (void *)spa.a;
}

_Noreturn void assert_failed(const char *expr, const char *file, int line)
{
	mock_assert(0, expr, file, line);
	abort();
}

/* The leaf for @va and its level; 0 if there is none. */
static u64 leaf(u64 va, u32 *level)
{
	const u64 *t = (const u64 *)paging_cr3();

	for (*level = 4;; --*level) {
		u64 e = t[va >> (12 + 9 * (*level - 1)) & 511];

		if (!(e & P))
			return 0;
		assert_false(e & U);
		if (*level == 1 || e & PS)
			return e;
		/* Rights are the leaf's. */
		assert_int_equal(e & (W | NX), W);
		t = (const u64 *)(e & ADDR);
	}
}

static void mapped(u64 va, u64 spa, u32 at_level, u64 bits)
{
	u32 level;
	u64 e = leaf(va, &level);
	u64 span = 1ull << (12 + 9 * (level - 1));

	assert_int_not_equal(e, 0);
	assert_int_equal(level, at_level);
	assert_int_equal((e & ADDR & ~(span - 1)) | (va & (span - 1)), spa);
	assert_int_equal(e & (W | NX | PWT | PCD | G), bits);
}

static void not_mapped(u64 va)
{
	u32 level;

	assert_int_equal(leaf(va, &level), 0);
}

static int init(void **state)
{
	(void)state;
	paging_init(SPA(0x7e000000), 3 * GIB + 5);
	return 0;
}

static void the_image(void **state)
{
	u64 start = (u64)image_start;

	(void)state;
	for (u64 va = start; va < (u64)image_end; va += PAGE_SIZE) {
		u64 bits = va < (u64)text_end ? G : va < (u64)rodata_end ? NX | G : W | NX | G;

		mapped(va, va, 1, bits);
	}
	not_mapped(start - 1);
	not_mapped((u64)image_end);
}

/* Writable and executable at once is the identity map only, which goes. */
static void identity(void **state)
{
	(void)state;
	mapped(0, 0, 3, W);
	mapped(4 * GIB - 1, 4 * GIB - 1, 3, W);
	not_mapped(4 * GIB);
}

static void kinds(void **state)
{
	static const u64 bits[] = {
		[PAGING_CODE] = G,
		[PAGING_RODATA] = G | NX,
		[PAGING_DATA] = G | NX | W,
		[PAGING_DEVICE] = G | NX | W | PCD | PWT,
	};
	u64 va = HV_DIRECT_BASE + 5 * PAGE_SIZE;

	(void)state;
	for (u32 kind = 0; kind < ARRAY_SIZE(bits); kind++, va += 2 * PAGE_SIZE) {
		paging_map(va, SPA(0x1234000), PAGE_SIZE, (enum paging_kind)kind);
		mapped(va + 7, 0x1234007, 1, bits[kind]);
		not_mapped(va - 1);
		not_mapped(va + PAGE_SIZE);
	}
}

static void large_leaves(void **state)
{
	u64 va = HV_DIRECT_BASE + 16 * GIB - PAGE_2M - PAGE_SIZE;
	u64 spa = 8 * GIB - PAGE_2M - PAGE_SIZE;
	u64 size = PAGE_1G + 2 * (PAGE_2M + PAGE_SIZE);

	(void)state;
	paging_map(va, SPA(spa), size, PAGING_DATA);
	mapped(va, spa, 1, W | NX | G);
	mapped(va + PAGE_SIZE, spa + PAGE_SIZE, 2, W | NX | G);
	mapped(HV_DIRECT_BASE + 16 * GIB + 9, 8 * GIB + 9, 3, W | NX | G);
	mapped(va + size - PAGE_SIZE - 1, spa + size - PAGE_SIZE - 1, 2, W | NX | G);
	mapped(va + size - 1, spa + size - 1, 1, W | NX | G);
	not_mapped(va - 1);
	not_mapped(va + size);
	/* Aligned in one space only: small pages. */
	va = HV_DIRECT_BASE + 32 * GIB;
	paging_map(va, SPA(PAGE_SIZE), PAGE_2M, PAGING_DATA);
	mapped(va, PAGE_SIZE, 1, W | NX | G);
	/* A large leaf is not split. */
	expect_assert_failure(
		paging_map(HV_DIRECT_BASE + 16 * GIB, SPA(0), PAGE_SIZE, PAGING_DATA));
	expect_assert_failure(paging_map(HV_DIRECT_BASE + 1, SPA(0), PAGE_SIZE, PAGING_DATA));
	expect_assert_failure(paging_map(HV_DIRECT_BASE, SPA(0), 12, PAGING_DATA));
}

static void devices(void **state)
{
	u64 bits = W | NX | G | PCD | PWT;
	u64 a = (u64)paging_map_device(0xfee00000, 0x1000);
	u64 b = (u64)paging_map_device(0xfec00ff8, 0x10);
	u64 c = (u64)paging_map_device(0xfed00000, 1);

	(void)state;
	mapped(a, 0xfee00000, 1, bits);
	mapped(b, 0xfec00ff8, 1, bits);
	mapped(b + 15, 0xfec01007, 1, bits);
	mapped(c, 0xfed00000, 1, bits);
	assert_true(a >= HV_DEVICE_BASE && c < HV_DEVICE_BASE + HV_DEVICE_SIZE);
	not_mapped(c + PAGE_SIZE);
	expect_assert_failure((void)paging_map_device(0, HV_DEVICE_SIZE));
}

/* Entries of windows: made, and empty. When the image's tables are used up, the pool's serve. */
static void tables_from_the_pool(void **state)
{
	(void)state;
	for (u64 i = 0; i < 64; i++) {
		u64 *e = paging_entries(HV_WINDOW_BASE + i * GIB);

		assert_int_equal(*e, 0);
		*e = 0x5000 | P | W | NX;
		mapped(HV_WINDOW_BASE + i * GIB, 0x5000, 1, W | NX);
		not_mapped(HV_WINDOW_BASE + i * GIB + PAGE_SIZE);
	}
	assert_true(pool_pages > 0);
}

/* Their tables come from what boot kept for them. */
static void deposits(void **state)
{
	u64 base = HV_DIRECT_BASE, page = 5 * PAGE_SIZE + PAGE_2M;
	u32 pages;

	(void)state;
	paging_map(base + PAGE_1G, SPA(PAGE_1G), PAGE_2M, PAGING_DATA);
	paging_reserve_deposits(DEPOSIT_TABLES);
	pages = pool_pages;
	assert_ptr_equal(paging_map_deposit(SPA(page)), (void *)(base + page));
	/* Not global: reloading CR3 must forget it. */
	mapped(base + page, page, 1, W | NX);
	not_mapped(base + page - 1);
	not_mapped(base + page + PAGE_SIZE);
	paging_map_deposit(SPA(PAGE_1G + PAGE_2M));
	paging_map_deposit(SPA(3 * PAGE_1G));
	paging_map_deposit(SPA(4 * PAGE_1G + PAGE_2M));
	assert_int_equal(pool_pages, pages);
	mapped(base + PAGE_1G, PAGE_1G, 2, W | NX | G);
	paging_unmap_deposit(SPA(page));
	not_mapped(base + page);
	mapped(base + 3 * PAGE_1G, 3 * PAGE_1G, 1, W | NX);
}

/* Each processor forgets once per batch, when it is kicked. */
static void forgetting(void **state)
{
	u32 before = fake_cr3_writes;

	(void)state;
	cpus[0] = &cpu[0];
	cpus[1] = &cpu[1];
	paging_catch_up(&cpu[0].paging_seen);
	assert_int_equal(fake_cr3_writes, before);
	paging_forget();
	assert_int_equal(kicks, 2);
	for (u32 i = 0; i < 3; i++)
		paging_catch_up(&cpu[0].paging_seen);
	assert_int_equal(fake_cr3_writes, before + 1);
	paging_forget();
	paging_catch_up(&cpu[1].paging_seen);
	assert_int_equal(fake_cr3_writes, before + 2);
	paging_catch_up(&cpu[0].paging_seen);
	assert_int_equal(fake_cr3_writes, before + 3);
}

/* In the tests the image lies in the lower half, and goes with it. */
static void identity_goes(void **state)
{
	u32 before = fake_cr3_writes;

	(void)state;
	paging_drop_identity();
	assert_int_equal(fake_cr3_writes, before + 1);
	not_mapped(0);
	not_mapped(3 * GIB);
	mapped(HV_DIRECT_BASE + 5 * PAGE_SIZE, 0x1234000, 1, G);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_image),
		cmocka_unit_test(identity),
		cmocka_unit_test(kinds),
		cmocka_unit_test(large_leaves),
		cmocka_unit_test(devices),
		cmocka_unit_test(tables_from_the_pool),
		cmocka_unit_test(deposits),
		cmocka_unit_test(forgetting),
		cmocka_unit_test(identity_goes),
	};

	return cmocka_run_group_tests(tests, init, NULL);
}

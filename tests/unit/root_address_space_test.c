/* SPDX-License-Identifier: MIT */
/*
 * Address spaces, read back as the processor walks them: rights, page sizes,
 * splits, refusals, who owns what, and that every page comes back however
 * early memory is out.
 * sources: rootpart/address_space.c tests/unit/fake_root.c
 * cflags: -iquote tests/unit/fake_root_paging -iquote tests/unit/fake/root
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/errno.h"
#include "rootpart/address_space.h"
#include "rootpart/cpu.h"
#include "rootpart/page_alloc.h"
#include "rootpart/paging.h"
#include "tests/unit/fake_root.h"
#include "x86/paging.h"

#define KERNEL_ENTRY 0x123456789000ull
#define VA           0x100000000000ull
#define GPA_BASE     0x40000000ull
#define PLENTY       100000u
#define RIGHTS       (PTE_P | PTE_W | PTE_U | PTE_PWT | PTE_PCD | PTE_NX | PTE_G)
#define NOTHING      0ull
#define READ         (PTE_P | PTE_U | PTE_NX)
#define READ_WRITE   (READ | PTE_W)
#define RUN          (PTE_P | PTE_U)
#define ANY_SIZE     0ull

static struct cpu_features features = { .nx = true };
static struct cpu cpu;
static struct address_space space;
static u32 pages_out, pages_left;
static u32 flushes;

const struct cpu_features *cpu_features(void)
{
	return &features;
}

struct cpu *this_cpu(void)
{
	return &cpu;
}

void *page_alloc_zeroed(u32 order)
{
	assert_int_equal(order, 0);
	if (pages_left == 0)
		return NULL;
	pages_left--;
	pages_out++;
	return memset(aligned_alloc(PAGE_SIZE, PAGE_SIZE), 0, PAGE_SIZE);
}

int page_free(void *p, u32 order)
{
	assert_int_equal(order, 0);
	pages_out--;
	pages_left++;
	free(p);
	return 0;
}

void paging_copy_kernel_half(u64 *root)
{
	for (u32 i = PT_ENTRIES / 2; i < PT_ENTRIES; i++)
		root[i] = KERNEL_ENTRY;
}

void paging_switch(u64 root)
{
	assert_int_equal(root, space.root);
	flushes++;
}

/* The leaf entry for @va, 0 if there is none; the bytes that it maps. */
static u64 walk(u64 va, u64 *span)
{
	u64 table = space.root, allowed = PTE_W | PTE_U;

	for (u32 level = 4;; level--) {
		u64 entry = ((const u64 *)table)[PT_INDEX(va, level)];

		*span = PT_SPAN(level);
		if (!(entry & PTE_P))
			return 0;
		if (level == 1 || (entry & PTE_PS))
			return entry & (allowed | ~(PTE_W | PTE_U));
		/* A table must not take away what the leaf gives. */
		assert_false(entry & PTE_NX);
		allowed &= entry;
		table = entry & PTE_ADDR;
	}
}

/* How [va, va + size) is mapped: to what follows @pa with these rights, in pages of @page. */
static void check(u64 va, u64 pa, u64 size, u64 rights, u64 page)
{
	for (u64 at = 0; at < size; at += PAGE_SIZE) {
		u64 span;
		u64 entry = walk(va + at, &span);

		assert_int_equal(entry & RIGHTS, rights);
		if (rights == NOTHING)
			continue;
		if (page != ANY_SIZE)
			assert_int_equal(span, page);
		assert_int_equal((entry & PTE_ADDR & ~(span - 1)) + (va + at) % span, pa + at);
		assert_ptr_equal(address_space_ptr(&space, va + at + 5), (void *)(pa + at + 5));
	}
}

static int set_up(void **state)
{
	(void)state;
	pages_left = PLENTY;
	flushes = 0;
	cpu.cr3 = 0;
	features.nx = true;
	assert_int_equal(pages_out, 0);
	assert_int_equal(address_space_create(&space), 0);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	address_space_destroy(&space);
	assert_int_equal(space.root, 0);
	assert_int_equal(pages_out, 0);
	return 0;
}

static int map(u64 va, u64 pa, u64 size, u32 rights)
{
	return address_space_map(&space, va, GPA(pa), size, rights);
}

static void test_create(void **state)
{
	const u64 *root = (const u64 *)space.root;

	(void)state;
	for (u32 i = 0; i < PT_ENTRIES; i++)
		assert_int_equal(root[i], i < PT_ENTRIES / 2 ? 0 : KERNEL_ENTRY);
	assert_null(address_space_ptr(&space, VA));
	assert_null(address_space_ptr(&space, ADDRESS_SPACE_END));
	assert_null(address_space_ptr(&space, ~0ull));
}

static void test_rights(void **state)
{
	(void)state;
	assert_int_equal(map(VA, GPA_BASE, PAGE_SIZE, 0), 0);
	assert_int_equal(map(VA + 0x1000, GPA_BASE, PAGE_SIZE, ADDRESS_WRITE), 0);
	assert_int_equal(map(VA + 0x2000, GPA_BASE, PAGE_SIZE, ADDRESS_EXECUTE), 0);
	check(VA, GPA_BASE, PAGE_SIZE, READ, PAGE_SIZE);
	check(VA + 0x1000, GPA_BASE, PAGE_SIZE, READ_WRITE, PAGE_SIZE);
	check(VA + 0x2000, GPA_BASE, PAGE_SIZE, RUN, PAGE_SIZE);
	check(VA + 0x3000, 0, PAGE_SIZE, NOTHING, 0);
	check(VA - 0x1000, 0, PAGE_SIZE, NOTHING, 0);
	features.nx = false;
	assert_int_equal(map(VA + 0x3000, GPA_BASE, PAGE_SIZE, ADDRESS_WRITE), 0);
	check(VA + 0x3000, GPA_BASE, PAGE_SIZE, RUN | PTE_W, PAGE_SIZE);
}

static void test_refusals(void **state)
{
	u32 before = pages_out;

	(void)state;
	assert_int_equal(map(VA, GPA_BASE, PAGE_SIZE, ADDRESS_WRITE | ADDRESS_EXECUTE), -EINVAL);
	assert_int_equal(map(VA, GPA_BASE, PAGE_SIZE, 4), -EINVAL);
	assert_int_equal(map(VA + 1, GPA_BASE, PAGE_SIZE, 0), -EINVAL);
	assert_int_equal(map(VA, GPA_BASE + 1, PAGE_SIZE, 0), -EINVAL);
	assert_int_equal(map(VA, GPA_BASE, PAGE_SIZE + 1, 0), -EINVAL);
	assert_int_equal(map(VA, GPA_BASE, 0, 0), -EINVAL);
	assert_int_equal(map(0, GPA_BASE, PAGE_SIZE, 0), -EINVAL);
	assert_int_equal(map(ADDRESS_SPACE_END, GPA_BASE, PAGE_SIZE, 0), -EINVAL);
	assert_int_equal(map(ADDRESS_SPACE_END - PAGE_SIZE, GPA_BASE, 2 * PAGE_SIZE, 0), -EINVAL);
	assert_int_equal(map(VA, GPA_BASE, -(u64)PAGE_SIZE, 0), -EINVAL);
	assert_int_equal(map(0xffff800000000000, GPA_BASE, PAGE_SIZE, 0), -EINVAL);
	assert_int_equal(map(VA, BIT(52), PAGE_SIZE, 0), -EINVAL);
	assert_int_equal(map(VA, BIT(52) - PAGE_SIZE, 2 * PAGE_SIZE, 0), -EINVAL);
	assert_int_equal(address_space_alloc(&space, VA, PAGE_SIZE, 3), -EINVAL);
	assert_int_equal(address_space_alloc(&space, 0, PAGE_SIZE, 0), -EINVAL);
	assert_int_equal(address_space_unmap(&space, VA, PAGE_SIZE + 1), -EINVAL);
	assert_int_equal(address_space_unmap(&space, 0, PAGE_SIZE), -EINVAL);
	assert_int_equal(pages_out, before);
	/* The borders themselves are good. */
	assert_int_equal(map(ADDRESS_SPACE_END - PAGE_SIZE, GPA_BASE, PAGE_SIZE, 0), 0);
	assert_int_equal(map(ADDRESS_SPACE_FIRST, GPA_BASE, PAGE_SIZE, 0), 0);
}

/* Small pages up to the first border of 2 MiB and from the last one on. */
static void test_sizes(void **state)
{
	u64 head = 3 * PAGE_SIZE, tail = 5 * PAGE_SIZE, middle = 3 * PAGE_2M;
	u64 start = VA + PAGE_2M - head, pa = GPA_BASE + PAGE_2M - head;

	(void)state;
	assert_int_equal(map(start, pa, head + middle + tail, ADDRESS_WRITE), 0);
	check(start, pa, head, READ_WRITE, PAGE_SIZE);
	check(start + head, pa + head, middle, READ_WRITE, PAGE_2M);
	check(start + head + middle, pa + head + middle, tail, READ_WRITE, PAGE_SIZE);
	check(start - PAGE_SIZE, 0, PAGE_SIZE, NOTHING, 0);
	check(start + head + middle + tail, 0, PAGE_SIZE, NOTHING, 0);
	/* Root, two levels, and a table each for head and tail. */
	assert_int_equal(pages_out, 1 + 2 + 2);
	/* Addresses that never are aligned together. */
	assert_int_equal(map(VA + GIB, GPA_BASE + PAGE_SIZE, PAGE_2M, 0), 0);
	check(VA + GIB, GPA_BASE + PAGE_SIZE, PAGE_2M, READ, PAGE_SIZE);
}

static void test_exists(void **state)
{
	u64 pa = GPA_BASE + PAGE_2M;

	(void)state;
	assert_int_equal(map(VA + PAGE_2M, pa, PAGE_2M, 0), 0);
	assert_int_equal(map(VA + PAGE_2M + PAGE_SIZE, pa, PAGE_SIZE, 0), -EEXIST);
	/* What was mapped before the collision is unmapped again. */
	assert_int_equal(map(VA, GPA_BASE, 2 * PAGE_2M, ADDRESS_WRITE), -EEXIST);
	assert_int_equal(map(VA + PAGE_2M - PAGE_SIZE, 0, 2 * PAGE_SIZE, ADDRESS_WRITE), -EEXIST);
	check(VA, 0, PAGE_2M, NOTHING, 0);
	check(VA + PAGE_2M, pa, PAGE_2M, READ, PAGE_2M);
	assert_int_equal(address_space_alloc(&space, VA, PAGE_2M + PAGE_SIZE, 0), -EEXIST);
	check(VA, 0, PAGE_2M, NOTHING, 0);
}

/* A table that stayed behind makes a large mapping small; nothing else. */
static void test_table_left(void **state)
{
	(void)state;
	assert_int_equal(map(VA, GPA_BASE, PAGE_SIZE, 0), 0);
	assert_int_equal(address_space_unmap(&space, VA, PAGE_SIZE), 0);
	assert_int_equal(map(VA, GPA_BASE, 2 * PAGE_2M, 0), 0);
	check(VA, GPA_BASE, PAGE_2M, READ, PAGE_SIZE);
	check(VA + PAGE_2M, GPA_BASE + PAGE_2M, PAGE_2M, READ, PAGE_2M);
}

static void test_unmap(void **state)
{
	u64 from = VA + 5 * PAGE_SIZE, to = VA + 2 * PAGE_2M + 7 * PAGE_SIZE;

	(void)state;
	assert_int_equal(map(VA, GPA_BASE, 4 * PAGE_2M, ADDRESS_WRITE), 0);
	assert_int_equal(address_space_unmap(&space, from, to - from), 0);
	check(VA, GPA_BASE, from - VA, READ_WRITE, PAGE_SIZE);
	check(from, 0, to - from, NOTHING, 0);
	check(to, GPA_BASE + to - VA, PAGE_2M - 7 * PAGE_SIZE, READ_WRITE, PAGE_SIZE);
	check(VA + 3 * PAGE_2M, GPA_BASE + 3 * PAGE_2M, PAGE_2M, READ_WRITE, PAGE_2M);
	assert_int_equal(flushes, 0);
	/* Over holes of every size, and on the space that is loaded. */
	cpu.cr3 = space.root;
	assert_int_equal(address_space_unmap(&space, PAGE_SIZE, ADDRESS_SPACE_END - PAGE_SIZE), 0);
	assert_int_equal(flushes, 1);
	check(VA, 0, 4 * PAGE_2M, NOTHING, 0);
	cpu.cr3 = 0;
}

/* Two borders inside of large pages take two tables. */
static void test_unmap_without_memory(void **state)
{
	(void)state;
	assert_int_equal(map(VA, GPA_BASE, 2 * PAGE_2M, ADDRESS_WRITE), 0);
	for (u32 i = 0; i < 2; i++) {
		pages_left = i;
		assert_int_equal(address_space_unmap(&space, VA + PAGE_SIZE, PAGE_2M), -ENOMEM);
		check(VA, GPA_BASE, 2 * PAGE_2M, READ_WRITE, ANY_SIZE);
		/* What was split stays so, and helps the next try. */
		assert_int_equal(pages_left, 0);
	}
	pages_left = 1;
	assert_int_equal(address_space_unmap(&space, VA + PAGE_SIZE, PAGE_2M), 0);
	check(VA + PAGE_SIZE, 0, PAGE_2M, NOTHING, 0);
	pages_left = PLENTY;
}

static void test_owned(void **state)
{
	u32 before;
	u8 *page;

	(void)state;
	assert_int_equal(address_space_alloc(&space, VA, 3 * PAGE_SIZE, ADDRESS_WRITE), 0);
	before = pages_out;
	for (u32 i = 0; i < 3; i++) {
		page = address_space_ptr(&space, VA + i * PAGE_SIZE);
		for (u32 byte = 0; byte < PAGE_SIZE; byte++)
			assert_int_equal(page[byte], 0);
		check(VA + i * PAGE_SIZE, (u64)page, PAGE_SIZE, READ_WRITE, PAGE_SIZE);
	}
	assert_int_equal(address_space_unmap(&space, VA + PAGE_SIZE, PAGE_SIZE), 0);
	assert_int_equal(pages_out, before - 1);
	/* Others' pages are only unmapped. */
	assert_int_equal(map(VA + PAGE_SIZE, GPA_BASE, PAGE_SIZE, 0), 0);
	assert_int_equal(address_space_unmap(&space, VA + PAGE_SIZE, PAGE_SIZE), 0);
	assert_int_equal(pages_out, before - 1);
}

/* Loaded, it must not go. */
static void test_destroy_loaded(void **state)
{
	(void)state;
	cpu.cr3 = space.root;
	assert_true(fails_assert(address_space_destroy(&space)));
	cpu.cr3 = 0;
}

/* However many pages there are: all of it, or nothing, and tear_down() counts them. */
static void test_exhaustion(void **state)
{
	u64 size = PAGE_2M + 2 * PAGE_SIZE;
	bool whole = false;

	(void)state;
	address_space_destroy(&space);
	for (u32 pages = 0; !whole; pages++) {
		pages_left = pages;
		assert_int_equal(address_space_create(&space), pages == 0 ? -ENOMEM : 0);
		if (pages == 0)
			continue;
		if (map(VA + PAGE_2M - PAGE_SIZE, GPA_BASE, size, ADDRESS_WRITE) != 0)
			check(VA + PAGE_2M - PAGE_SIZE, 0, size, NOTHING, 0);
		else if (address_space_alloc(&space, VA - PAGE_2M, size, 0) != 0)
			check(VA - PAGE_2M, 0, size, NOTHING, 0);
		else
			whole = true;
		assert_true(pages < 1000);
		if (!whole)
			address_space_destroy(&space);
		assert_int_equal(pages_out + pages_left, pages);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_create),
		TEST(test_rights),
		TEST(test_refusals),
		TEST(test_sizes),
		TEST(test_exists),
		TEST(test_table_left),
		TEST(test_unmap),
		TEST(test_unmap_without_memory),
		TEST(test_owned),
		TEST(test_destroy_loaded),
		TEST(test_exhaustion),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/*
 * The root kernel's page tables, read back as the processor walks them:
 * rights, memory types, page sizes, holes, and what happens without memory.
 * sources: rootpart/paging.c tests/unit/fake_root.c
 * cflags: -iquote tests/unit/fake_root_paging -iquote tests/unit/fake/root -fPIC
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/errno.h"
#include "rootpart/boot_modules.h"
#include "rootpart/cpu.h"
#include "rootpart/image.h"
#include "rootpart/layout.h"
#include "rootpart/page_alloc.h"
#include "rootpart/paging.h"
#include "rootpart/panic.h"
#include "rootpart/ram.h"
#include "tests/unit/fake_root.h"
#include "x86/cr.h"
#include "x86/msr.h"
#include "x86/paging.h"

#define LOAD       0x600000ull
#define TEXT_END   0x3000ull
#define DATA       0x5000ull
#define GUARD      0x8000ull
#define END        0xd000ull
#define MODULE     0x7001234ull
#define RESERVED   0x8123456000ull /* beyond 512 GiB: a root entry of its own */
#define POOL_PAGES 4000u
#define RIGHTS     (PTE_P | PTE_W | PTE_U | PTE_PWT | PTE_PCD | PTE_NX)
#define NOTHING    0ull
#define READ       (PTE_P | PTE_NX)
#define READWRITE  (PTE_P | PTE_W | PTE_NX)
#define EXECUTE    PTE_P

/* The image's bounds, which paging.c knows by the linker. */
__asm__(".globl image_text_end, image_rodata_end, boot_stack_guard, image_end\n"
	".set image_text_end, 0xffffffffc0003000\n"
	".set image_rodata_end, 0xffffffffc0005000\n"
	".set boot_stack_guard, 0xffffffffc0008000\n"
	".set image_end, 0xffffffffc000d000\n");

static const struct ram_range ranges[] = {
	{ 0x100000, 0x5fe000, 0x600000 }, /* two pages are taken, and mapped all the same */
	{ 0x800000, 0x3000000, 0x3000000 },
};

/* The last one does not fit the direct map. */
static const struct pvh_memory memory_map[] = {
	{ .address = 0, .size = 0x3000000, .type = PVH_MEMORY_RAM },
	{ .address = RESERVED, .size = 0x10000, .type = 2 },
	{ .address = 0xffff000000000000, .size = 0x1000, .type = 2 },
};

static struct cpu_features features = { .nx = true };
static u64 cr3, pat;
static u8 pool[POOL_PAGES][PAGE_SIZE] __aligned(4096);
static u32 pages_used, pages_left;
static jmp_buf died;

const struct cpu_features *cpu_features(void)
{
	return &features;
}

const struct ram_range *ram_ranges(u32 *count)
{
	*count = ARRAY_SIZE(ranges);
	return ranges;
}

const struct pvh_memory *boot_memory_map(u32 *count)
{
	*count = ARRAY_SIZE(memory_map);
	return memory_map;
}

static void *page_take(void)
{
	if (pages_left == 0)
		return NULL;
	pages_left--;
	assert_true(pages_used < POOL_PAGES);
	/* What was there before must not show. */
	return memset(pool[pages_used++], 0xff, PAGE_SIZE);
}

u64 ram_take_page(void)
{
	return (u64)page_take();
}

void *page_alloc_zeroed(u32 order)
{
	void *p = page_take();

	assert_int_equal(order, 0);
	if (p != NULL)
		memset(p, 0, PAGE_SIZE);
	return p;
}

void panic_start(const char *fmt, ...)
{
	assert_non_null(strstr(fmt, "too little memory"));
	longjmp(died, 1);
}

void cr3_write(u64 v)
{
	cr3 = v;
}

void msr_write(u32 msr, u64 v)
{
	assert_int_equal(msr, MSR_PAT);
	pat = v;
}

/* The leaf entry for @va, 0 if there is none; the bytes that it maps. */
static u64 walk(u64 va, u64 *span)
{
	u64 table = cr3, rights = PTE_W;

	for (u32 level = 4;; level--) {
		u64 entry = ((const u64 *)table)[PT_INDEX(va, level)];

		*span = PT_SPAN(level);
		if (!(entry & PTE_P))
			return 0;
		/* A table must not take away what the leaf gives. */
		if (level == 1 || (entry & PTE_PS))
			return rights & PTE_W ? entry : entry & ~PTE_W;
		rights &= entry;
		table = entry & PTE_ADDR;
	}
}

static void check(u64 va, u64 pa, u64 want)
{
	u64 span;
	u64 entry = walk(va, &span);

	assert_int_equal(entry & RIGHTS, want);
	if (want != NOTHING)
		assert_int_equal((entry & PTE_ADDR & ~(span - 1)) + va % span, pa);
}

static int set_up(void **state)
{
	(void)state;
	pages_left = 1000;
	paging_init(LOAD);
	paging_use_page_alloc();
	return 0;
}

static void test_image(void **state)
{
	u64 base = ROOT_IMAGE_BASE;

	(void)state;
	check(base - PAGE_SIZE, 0, NOTHING);
	for (u64 at = 0; at < END; at += PAGE_SIZE)
		check(base + at, LOAD + at,
			at < TEXT_END ? EXECUTE
			: at < DATA   ? READ
			: at == GUARD ? NOTHING
				      : READWRITE);
	check(base + END, 0, NOTHING);
	assert_int_equal(cr3, paging_cr3());
	assert_int_equal(pat, paging_pat());
}

static void test_ram(void **state)
{
	u64 span;

	(void)state;
	for (u64 pa = 0; pa < 0x3200000; pa += PAGE_SIZE) {
		bool ram = (pa >= 0x100000 && pa < 0x600000) || (pa >= 0x800000 && pa < 0x3000000);

		check(ROOT_DIRECT_BASE + pa, pa, ram ? READWRITE : NOTHING);
	}
	(void)walk(ROOT_DIRECT_BASE + 0x100000, &span);
	assert_int_equal(span, PAGE_SIZE);
	(void)walk(ROOT_DIRECT_BASE + 0x200000, &span);
	assert_int_equal(span, PAGE_2M);
}

static void test_direct(void **state)
{
	(void)state;
	assert_ptr_equal(paging_map_direct(MODULE, 0x1000), (void *)(ROOT_DIRECT_BASE + MODULE));
	check(0x7000000, 0, NOTHING);
	check(0x7001000, 0x7001000, READ);
	check(0x7002000, 0x7002000, READ);
	check(0x7003000, 0, NOTHING);
	/* RAM stays as it is. */
	assert_non_null(paging_map_direct(0x200000, 0x1000));
	check(0x200000, 0x200000, READWRITE);
	assert_null(paging_map_direct(ROOT_DIRECT_SIZE, 1));
	assert_null(paging_map_direct(16, ROOT_DIRECT_SIZE));
	assert_null(paging_map_direct(16, ~0ull));
}

/* What address spaces copy covers all that can be mapped later; the rest is refused. */
static void test_kernel_half(void **state)
{
	u64 root[PT_ENTRIES] = { [0] = 1, [PT_ENTRIES / 2 - 1] = 2 };
	u64 before;

	(void)state;
	paging_copy_kernel_half(root);
	assert_int_equal(root[0], 1);
	assert_int_equal(root[PT_ENTRIES / 2 - 1], 2);
	assert_non_null(paging_map_direct(RESERVED + 0x123, 0x1000));
	assert_non_null(paging_map_device(0xfe0000000000, 1, PAGING_DEVICE));
	assert_int_equal(paging_map(ROOT_STACK_BASE, 0x200000, PAGE_SIZE, PAGING_DATA), 0);
	assert_memory_equal(root + PT_ENTRIES / 2, (u64 *)cr3 + PT_ENTRIES / 2, sizeof(root) / 2);
	before = pages_left;
	assert_null(paging_map_direct(RESERVED + (512 * GIB), 1));
	assert_int_equal(pages_left, before);
	paging_switch(0x5000);
	assert_int_equal(cr3, 0x5000);
	paging_switch(paging_cr3());
}

/* The memory type that the entry of a 4 KiB page chooses. */
static u32 type_of(u64 va)
{
	u64 span;
	u64 entry = walk(va, &span);
	u32 index = (entry & PTE_PWT ? 1 : 0) | (entry & PTE_PCD ? 2 : 0) |
		    (entry & PTE_PAT_4K ? 4 : 0);

	assert_int_equal(span, PAGE_SIZE);
	return (u32)(pat >> (8 * index)) & 0xff;
}

static void test_devices(void **state)
{
	u64 device, screen;

	(void)state;
	device = (u64)paging_map_device(0xfee00040, 0x1000, PAGING_DEVICE);
	check(device, 0xfee00040, READWRITE | PTE_PCD | PTE_PWT);
	check(device + 0x1000, 0xfee01040, READWRITE | PTE_PCD | PTE_PWT);
	check(device + 0x2000, 0, NOTHING);
	assert_int_equal(type_of(device), 0); /* uncached */
	screen = (u64)paging_map_device(0xfd000000, 4 * MIB, PAGING_WRITE_COMBINE);
	assert_true(screen >= device + 0x1fc0);
	assert_int_equal(type_of(screen), 1);
	assert_int_equal(type_of(screen + 4 * MIB - 1), 1);
	assert_null(paging_map_device(0, ROOT_DEVICE_SIZE, PAGING_DEVICE));
	assert_int_equal(paging_map(ROOT_STACK_BASE, 0x200000, PAGE_SIZE, PAGING_DATA), 0);
	assert_int_equal(type_of(ROOT_STACK_BASE), 6); /* write-back */
}

static void test_without_nx(void **state)
{
	(void)state;
	features.nx = false;
	paging_init(LOAD);
	check(ROOT_IMAGE_BASE + DATA, LOAD + DATA, PTE_P | PTE_W);
	features.nx = true;
}

/* However many pages there are: all of it, or an error, and never a crash. */
static void test_without_memory(void **state)
{
	(void)state;
	pages_left = 0;
	assert_null(paging_map_direct(0x123400000000, 1));
	assert_null(paging_map_device(0xfec00000, 4 * MIB, PAGING_DEVICE));
	assert_int_equal(paging_map(0xffffd18000000000, 0, PAGE_SIZE, PAGING_DATA), -ENOMEM);
	for (u32 pages = 0;; pages++) {
		pages_left = pages;
		if (setjmp(died) == 0) {
			paging_init(LOAD);
			assert_true(pages > 4);
			return;
		}
		assert_true(pages < 100);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_image),
		cmocka_unit_test(test_ram),
		cmocka_unit_test(test_direct),
		cmocka_unit_test(test_devices),
		cmocka_unit_test(test_kernel_half),
		cmocka_unit_test(test_without_memory),
		cmocka_unit_test_setup(test_without_nx, set_up),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}

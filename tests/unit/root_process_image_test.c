/* SPDX-License-Identifier: MIT */
/*
 * Programs for ring 3, made here, good and bad, and loaded into a real
 * address space: contents, zeroes, rights, stack, refusals, and all pages back.
 * sources: rootpart/process_image.c rootpart/address_space.c lib/elf.c tests/unit/fake_root.c
 * cflags: -iquote tests/unit/fake_root_paging -iquote tests/unit/fake/root
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/errno.h"
#include "rootpart/cpu.h"
#include "rootpart/page_alloc.h"
#include "rootpart/paging.h"
#include "rootpart/process_image.h"
#include "tests/unit/fake_root.h"
#include "worker/abi.h"
#include "x86/paging.h"

/* Numbers are the gABI's, written out once more. */
#define PHDR(i)  (64u + 56u * (i))
#define DATA_AT  0x200u
#define FILE_END 0x2000u
#define R        4u
#define W        2u
#define X        1u
#define ENTRY    (WORKER_IMAGE + 0x10)

static struct cpu_features features = { .nx = true };
static struct cpu cpu;
static struct address_space space;
static u8 file[FILE_END];
static u32 segments;
static u32 pages_out, pages_left;
static u64 entry;
static const char *why;

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
	free(p);
	return 0;
}

void paging_copy_kernel_half(u64 *root)
{
	(void)root;
}

void paging_switch(u64 root)
{
	(void)root;
}

static void put(u32 at, u32 bytes, u64 value)
{
	memcpy(file + at, &value, bytes);
}

static void add(u32 rights, u64 va, u64 filesz, u64 memsz)
{
	u32 at = PHDR(segments);

	put(at, 4, 1); /* PT_LOAD */
	put(at + 4, 4, rights);
	put(at + 8, 8, DATA_AT);
	put(at + 16, 8, va);
	put(at + 24, 8, 0x10000000ull * ++segments); /* physical: never the same */
	put(at + 32, 8, filesz);
	put(at + 40, 8, memsz);
	put(56, 2, segments);
}

static void make_file(void)
{
	for (u32 i = 0; i < FILE_END; i++)
		file[i] = (u8)(i % 251);
	memset(file, 0, DATA_AT);
	memcpy(file, "\177ELF\2\1\1", 7);
	put(16, 2, 2);  /* ET_EXEC */
	put(18, 2, 62); /* x86-64 */
	put(20, 4, 1);
	put(24, 8, ENTRY);
	put(32, 8, PHDR(0));
	put(54, 2, 56);
	segments = 0;
}

static int load(void)
{
	why = NULL;
	entry = 0;
	return process_image_load(&space, file, sizeof(file), &entry, &why);
}

static int set_up(void **state)
{
	(void)state;
	assert_int_equal(pages_out, 0);
	pages_left = 10000;
	assert_int_equal(address_space_create(&space), 0);
	make_file();
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	address_space_destroy(&space);
	assert_int_equal(pages_out, 0);
	return 0;
}

/* Rights of the page at @va, by its leaf. */
static u64 rights_at(u64 va)
{
	u64 table = space.root;

	for (u32 level = 4;; level--) {
		u64 e = ((const u64 *)table)[PT_INDEX(va, level)];

		if (!(e & PTE_P) || level == 1)
			return e & (PTE_P | PTE_W | PTE_U | PTE_NX);
		table = e & PTE_ADDR;
	}
}

static u8 byte_at(u64 va)
{
	return *(u8 *)address_space_ptr(&space, va);
}

static void test_good(void **state)
{
	u64 data = WORKER_IMAGE + 0x5123, bottom = WORKER_STACK_TOP - WORKER_STACK_SIZE;

	(void)state;
	add(R | X, WORKER_IMAGE, 0x1100, 0x1100);
	add(R, WORKER_IMAGE + 0x3000, 0x10, 0x10);
	add(R | W, data, 0x1800, 0x3000);
	assert_int_equal(load(), 0);
	assert_int_equal(entry, ENTRY);
	for (u64 i = 0; i < 0x2000; i++)
		assert_int_equal(byte_at(WORKER_IMAGE + i), i < 0x1100 ? (DATA_AT + i) % 251 : 0);
	for (u64 i = 0; i < 0x3000; i++)
		assert_int_equal(byte_at(data + i), i < 0x1800 ? (DATA_AT + i) % 251 : 0);
	assert_int_equal(byte_at(data - 1), 0);
	assert_int_equal(rights_at(WORKER_IMAGE), PTE_P | PTE_U);
	assert_int_equal(rights_at(WORKER_IMAGE + 0x1000), PTE_P | PTE_U);
	assert_int_equal(rights_at(WORKER_IMAGE + 0x2000), 0);
	assert_int_equal(rights_at(WORKER_IMAGE + 0x3000), PTE_P | PTE_U | PTE_NX);
	assert_int_equal(rights_at(data), PTE_P | PTE_U | PTE_W | PTE_NX);
	assert_int_equal(rights_at(data + 0x2fff), PTE_P | PTE_U | PTE_W | PTE_NX);
	assert_int_equal(rights_at(WORKER_IMAGE + 0x9000), 0);
	assert_int_equal(rights_at(bottom - 1), 0);
	assert_int_equal(rights_at(bottom), PTE_P | PTE_U | PTE_W | PTE_NX);
	assert_int_equal(rights_at(WORKER_STACK_TOP - 1), PTE_P | PTE_U | PTE_W | PTE_NX);
	assert_int_equal(rights_at(WORKER_STACK_TOP), 0);
}

static void refused(const char *reason)
{
	assert_int_equal(load(), -EINVAL);
	assert_string_equal(why, reason);
	assert_int_equal(address_space_unmap(&space, WORKER_IMAGE, WORKER_IMAGE_MAX), 0);
	make_file();
}

static void test_bad(void **state)
{
	static const char outside[] = "a segment lies outside of the place for images";

	(void)state;
	add(R | W | X, WORKER_IMAGE, 16, 16);
	refused("a segment is writable and executable");
	add(R | X, WORKER_IMAGE - 1, 16, 16);
	refused(outside);
	add(R | X, WORKER_IMAGE, 16, WORKER_IMAGE_MAX + 1);
	refused(outside);
	add(R | X, WORKER_IMAGE + WORKER_IMAGE_MAX, 1, 1);
	refused(outside);
	add(R | X, WORKER_IMAGE + WORKER_IMAGE_MAX + PAGE_SIZE, 1, 1);
	refused(outside);
	add(R | X, 0xffffffffc0000000, 16, 16);
	refused(outside);
	add(R | X, 0, 16, 16);
	refused(outside);
	/* The ELF reader looks at physical addresses only. */
	add(R | X, WORKER_IMAGE, 0x1001, 0x1001);
	add(R | W, WORKER_IMAGE + 0x1800, 16, 16);
	refused("two segments share a page");
	add(R, WORKER_IMAGE + 0x1000, 16, 16);
	refused("the entry point lies outside of the segments");
	put(24, 8, ~0ull);
	add(R | X, WORKER_IMAGE, 16, 16);
	refused("the entry point lies outside of the segments");
	put(16, 2, 1); /* ET_REL */
	add(R | X, WORKER_IMAGE, 16, 16);
	refused("not an executable");
}

/* The largest image there may be, ending where it must. */
static void test_largest(void **state)
{
	(void)state;
	add(R | X, WORKER_IMAGE, 0x100, 0x1000);
	add(R | W, WORKER_IMAGE + 0x1000, 0x100, WORKER_IMAGE_MAX - 0x1000);
	assert_int_equal(load(), 0);
	assert_int_equal(byte_at(WORKER_IMAGE + WORKER_IMAGE_MAX - 1), 0);
}

static void test_without_memory(void **state)
{
	int r = -ENOMEM;

	(void)state;
	address_space_destroy(&space);
	for (u32 pages = 1; r != 0; pages++) {
		assert_true(pages < 100);
		make_file();
		add(R | X, WORKER_IMAGE, 0x1100, 0x1100);
		add(R | W, WORKER_IMAGE + 0x200000, 0x100, 0x1000);
		pages_left = pages;
		assert_int_equal(address_space_create(&space), 0);
		r = load();
		if (r != 0) {
			assert_int_equal(r, -ENOMEM);
			assert_string_equal(why, "not enough memory");
			address_space_destroy(&space);
		}
		assert_int_equal(pages_out, r != 0 ? 0 : pages);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_good),
		TEST(test_bad),
		TEST(test_largest),
		TEST(test_without_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

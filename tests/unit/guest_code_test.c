/* SPDX-License-Identifier: MIT */
/*
 * guest_code(): the bytes at RIP for an intercept message, up to the end of
 * what can be read, at borders of pages and of the address space.
 * sources: hypervisor/guest.c hypervisor/guest_walk.c tests/unit/fake_vp.c lib/insn.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <string.h>

#include "fake_vp.h"
#include "hypervisor/guest.h"
#include "hypervisor/pool.h"
#include "hypervisor/window.h"
#include "x86/cr.h"
#include "x86/msr.h"
#include "x86/paging.h"

#define PAGES  16u
#define TABLES 0x1000ull /* of four levels, one after the other */
#define FIRST  0x8000ull
#define SECOND 0xb000ull

static u8 memory[PAGES][4096] __attribute__((aligned(4096)));
static u64 forbidden;

/* The VP's, here. */
struct cpu *this_cpu(void)
{
	return &fake_cpu;
}

/* For the memos, each time from new. */
void *pool_alloc(u64 pages)
{
	static u8 pool[4 * PAGE_SIZE] __aligned(PAGE_SIZE);

	assert_true(pages * PAGE_SIZE <= sizeof(pool));
	return memset(pool, 0, sizeof(pool));
}

void *window_map(u32 slot, spa_t spa)
{
	assert_true(slot < HV_WINDOW_SLOTS);
	assert_true(spa.a % 4096 == 0 && spa.a / 4096 < PAGES);
	fake_cpu.windows[slot].frame = spa.a;
	return memory[spa.a / 4096];
}

bool partition_gpa_to_spa(struct partition *p, gpa_t gpa, u32 access, spa_t *spa)
{
	(void)p;
	(void)access;
	/* The last page below 4 GiB is memory, too. */
	if (gpa.a / 4096 == 0xfffff)
		gpa.a -= 0xfffff000 - FIRST;
	*spa = SPA(gpa.a);
	return gpa.a / 4096 < PAGES && gpa.a / 4096 != forbidden / 4096;
}

static void entry(u32 level, u64 gva, u64 v)
{
	u64 at = TABLES + (4 - level) * 0x1000 + 8 * PT_INDEX(gva, level);

	memcpy((u8 *)memory + at, &v, sizeof(v));
}

/* Maps the page at @gva; all that a test maps shares its upper tables. */
static void map(u64 gva, u64 gpa)
{
	for (u32 level = 4; level > 1; level--)
		entry(level, gva, (TABLES + (5 - level) * 0x1000) | PTE_P | PTE_W | PTE_U);
	entry(1, gva, gpa | PTE_P | PTE_W | PTE_U);
}

static int setup(void **state)
{
	(void)state;
	memset(memory, 0, sizeof(memory));
	fake_vp_reset();
	fake_cpu.features.phys_bits = 40;
	fake_cpu.memos = guest_memos_alloc();
	for (u32 i = 0; i < HV_WINDOW_SLOTS; i++)
		fake_cpu.windows[i].frame = ~0ull;
	forbidden = ~0ull;
	fake_mode.cr3 = TABLES;
	for (u32 i = 0; i < 4096; i++) {
		((u8 *)memory)[FIRST + i] = (u8)(i & 0x7f);
		((u8 *)memory)[SECOND + i] = (u8)(i | 0x80);
	}
	return 0;
}

/* At @rip, @here bytes of the first page and @there of the second. */
static void reads(u64 rip, u32 here, u32 there)
{
	u8 bytes[18];

	memset(bytes, 0xee, sizeof(bytes));
	fake_vp.regs.rip = rip;
	assert_int_equal(guest_code(&fake_vp, bytes + 1), here + there);
	assert_int_equal(bytes[0], 0xee);
	for (u32 i = 0; i < here; i++)
		assert_int_equal(bytes[1 + i], (rip + i) & 0x7f);
	for (u32 i = 0; i < there; i++)
		assert_int_equal(bytes[1 + here + i], i | 0x80);
	/* Nothing behind what there is. */
	for (u32 i = here + there; i < 17; i++)
		assert_int_equal(bytes[1 + i], 0xee);
	assert_int_equal(fake_injected, 0);
}

static void test_in_a_page(void **state)
{
	(void)state;
	map(0x400000, FIRST);
	for (u64 rip = 0x400000; rip <= 0x400ff0; rip += 7)
		reads(rip, 16, 0);
	reads(0x400ff0, 16, 0);
}

static void test_over_a_border(void **state)
{
	(void)state;
	map(0x400000, FIRST);
	map(0x401000, SECOND);
	for (u32 here = 1; here < 16; here++)
		reads(0x401000 - here, here, 16 - here);
	/* Again, by what is remembered of the pages. */
	reads(0x401000 - 5, 5, 11);
	reads(0x400000, 16, 0);
}

static void test_second_page_missing(void **state)
{
	(void)state;
	map(0x400000, FIRST);
	for (u32 here = 1; here < 16; here++)
		reads(0x401000 - here, here, 0);
	/* Mapped, but no memory of the partition. */
	map(0x401000, SECOND);
	forbidden = SECOND;
	reads(0x401000 - 3, 3, 0);
	/* Or not to be run. */
	forbidden = ~0ull;
	entry(1, 0x401000, SECOND | PTE_P | PTE_U | PTE_NX);
	reads(0x401000 - 3, 3, 0);
}

static void test_first_page_missing(void **state)
{
	(void)state;
	map(0x401000, SECOND);
	reads(0x400ff8, 0, 0);
	map(0x400000, FIRST);
	forbidden = FIRST;
	reads(0x400ff8, 0, 0);
}

/* The lower half of the address space ends there, and what is behind is none. */
static void test_end_of_the_lower_half(void **state)
{
	(void)state;
	map(0x00007ffffffff000ull, FIRST);
	reads(0x00007ffffffffff8ull, 8, 0);
	reads(0x0000800000000000ull, 0, 0);
	reads(0x8000000000400000ull, 0, 0);
}

/* 32-bit addresses wrap, with the base of CS. */
static void test_32_bit_wrap(void **state)
{
	(void)state;
	fake_mode.cs_long = false;
	fake_mode.cr0 = CR0_PE;
	fake_mode.efer = 0;
	fake_mode.cs_base = FIRST - 0x1000;
	reads(0x1107, 16, 0);
	fake_mode.cs_base = 0xfffff000;
	reads(0x9003, 16, 0);
	/* From the last bytes there are to the first. */
	memcpy(memory[0], (u8 *)memory + SECOND, 4096);
	fake_mode.cs_base = 0;
	reads(0xfffffff9ull, 7, 9);
}

/* Without paging, over the end of a page into the next one there. */
static void test_no_paging(void **state)
{
	(void)state;
	fake_mode.cs_long = false;
	fake_mode.cr0 = 0;
	fake_mode.efer = 0;
	memcpy((u8 *)memory + FIRST + 0x1000, (u8 *)memory + SECOND, 4096);
	reads(FIRST + 0xffa, 6, 10);
}

/* An instruction is decoded afterwards as before. */
static void test_fetch_after_it(void **state)
{
	static const u8 cpuid_code[] = { 0x0f, 0xa2 };
	struct guest_fault fault;
	struct insn insn;
	u8 length;

	(void)state;
	map(0x400000, FIRST);
	map(0x401000, SECOND);
	memcpy((u8 *)memory + FIRST + 0xffe, cpuid_code, 2);
	fake_vp.regs.rip = 0x400ffe;
	assert_true(guest_length(&fake_vp, &length, &fault));
	assert_int_equal(length, 2);
	(void)guest_code(&fake_vp, (u8[16]){ 0 });
	assert_true(guest_fetch(&fake_vp, &insn, &fault));
	assert_int_equal(insn.length, 2);
	assert_true(guest_length(&fake_vp, &length, &fault));
	assert_int_equal(length, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_in_a_page, setup),
		cmocka_unit_test_setup(test_over_a_border, setup),
		cmocka_unit_test_setup(test_second_page_missing, setup),
		cmocka_unit_test_setup(test_first_page_missing, setup),
		cmocka_unit_test_setup(test_end_of_the_lower_half, setup),
		cmocka_unit_test_setup(test_32_bit_wrap, setup),
		cmocka_unit_test_setup(test_no_paging, setup),
		cmocka_unit_test_setup(test_fetch_after_it, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

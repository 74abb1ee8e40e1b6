/* SPDX-License-Identifier: MIT */
/*
 * Walks of page tables of every form, rights, reserved bits, and fetching of
 * instructions, in a fake physical memory of 256 pages behind window_map().
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
#include "hypervisor/guest_walk.h"
#include "hypervisor/pool.h"
#include "hypervisor/window.h"
#include "x86/cr.h"
#include "x86/desc.h"
#include "x86/msr.h"
#include "x86/paging.h"

#define PAGES 256u

static u8 memory[PAGES][4096] __attribute__((aligned(4096)));
static u64 forbidden; /* SPA of a page that is not the partition's */
static u64 read_only; /* SPA of one that it may not write */
static u32 windows_used;

/* The processor that walks, which need not be the VP's. */
static struct cpu here, *cpu_here = &fake_cpu;

struct cpu *this_cpu(void)
{
	return cpu_here;
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
	cpu_here->windows[slot].frame = spa.a;
	windows_used++;
	return memory[spa.a / 4096];
}

bool partition_gpa_to_spa(struct partition *p, gpa_t gpa, u32 access, spa_t *spa)
{
	(void)p;
	*spa = SPA(gpa.a);
	if (access & SLAT_WRITE && gpa.a / 4096 == read_only / 4096)
		return false;
	return gpa.a / 4096 < PAGES && gpa.a / 4096 != forbidden / 4096;
}

static void write64(u64 at, u64 v)
{
	memcpy((u8 *)memory + at, &v, sizeof(v));
}

static void write32(u64 at, u32 v)
{
	memcpy((u8 *)memory + at, &v, sizeof(v));
}

/* Tables of a page at 0x5000, level 4 first. */
#define GVA_4K 0x00007f8040201000ull
#define L4     0x1000ull
#define L3     0x2000ull
#define L2     0x3000ull
#define L1     0x4000ull
#define PAGE   0x5000ull
#define E4     (L4 + 8 * PT_INDEX(GVA_4K, 4))
#define E3     (L3 + 8 * PT_INDEX(GVA_4K, 3))
#define E2     (L2 + 8 * PT_INDEX(GVA_4K, 2))
#define E1     (L1 + 8 * PT_INDEX(GVA_4K, 1))
#define RIGHTS (PTE_P | PTE_W | PTE_U)

static int setup(void **state)
{
	(void)state;
	memset(memory, 0, sizeof(memory));
	fake_vp_reset();
	fake_cpu.features.phys_bits = 40;
	fake_cpu.features.page1g = true;
	fake_cpu.memos = guest_memos_alloc();
	for (u32 i = 0; i < HV_WINDOW_SLOTS; i++)
		fake_cpu.windows[i].frame = ~0ull;
	forbidden = read_only = ~0ull;
	cpu_here = &fake_cpu;
	windows_used = 0;
	fake_mode.cr3 = L4;
	write64(E4, L3 | RIGHTS);
	write64(E3, L2 | RIGHTS);
	write64(E2, L1 | RIGHTS);
	write64(E1, PAGE | RIGHTS);
	return 0;
}

static struct guest_fault fault;

static bool translate(u64 gva, u32 access, u64 *gpa)
{
	gpa_t g = GPA(~0ull);
	bool ok = guest_translate(&fake_vp, &fake_mode, GVA(gva), access, &g, &fault);

	*gpa = g.a;
	return ok;
}

static void maps(u64 gva, u32 access, u64 gpa)
{
	u64 got;

	assert_true(translate(gva, access, &got));
	assert_int_equal(got, gpa);
}

static void faults(u64 gva, u32 access, u32 error)
{
	u64 got;

	assert_false(translate(gva, access, &got));
	assert_int_equal(fault.vector, VEC_PF);
	assert_int_equal(fault.error, error);
	assert_int_equal(fault.address, gva);
}

static void general_protection(u64 gva)
{
	u64 got;

	assert_false(translate(gva, ACCESS_READ, &got));
	assert_int_equal(fault.vector, VEC_GP);
	assert_int_equal(fault.error, 0);
}

static void test_long_mode(void **state)
{
	(void)state;
	maps(GVA_4K + 0x123, ACCESS_READ, PAGE + 0x123);
	maps(GVA_4K + 0xfff, ACCESS_WRITE, PAGE + 0xfff);
	maps(GVA_4K, ACCESS_EXEC, PAGE);
	faults(GVA_4K + 0x1000, ACCESS_READ, 0);
	faults(GVA_4K + 0x1000, ACCESS_WRITE, PF_W);
	faults(GVA_4K + 0x1000, ACCESS_EXEC, PF_FETCH);
	faults(0xffff800000000000ull, ACCESS_READ, 0);
	general_protection(0x0000800000000000ull);
	general_protection(0xffff7fffffffffffull);
}

static void test_large_pages(void **state)
{
	(void)state;
	write64(E2, 0x00200000 | RIGHTS | PTE_PS);
	maps(GVA_4K + 0x123, ACCESS_READ, 0x00200000 + ((GVA_4K + 0x123) & 0x1fffff));
	write64(E2, 0x00202000 | RIGHTS | PTE_PS);
	faults(GVA_4K, ACCESS_READ, PF_P | PF_RSVD);
	write64(E2, L1 | RIGHTS);
	write64(E3, 0x40000000 | RIGHTS | PTE_PS);
	maps(GVA_4K + 0x123, ACCESS_READ, 0x40000000 + ((GVA_4K + 0x123) & 0x3fffffff));
	write64(E3, 0x40200000 | RIGHTS | PTE_PS);
	faults(GVA_4K, ACCESS_READ, PF_P | PF_RSVD);
	/* Without 1 GiB pages the bit is reserved. */
	write64(E3, 0x40000000 | RIGHTS | PTE_PS);
	fake_cpu.features.page1g = false;
	faults(GVA_4K, ACCESS_READ, PF_P | PF_RSVD);
	/* The PAT bit of large leaves is none of the reserved ones. */
	write64(E3, L2 | RIGHTS);
	write64(E2, 0x00200000 | RIGHTS | PTE_PS | PTE_PAT_LARGE);
	maps(GVA_4K, ACCESS_READ, 0x00200000 + (GVA_4K & 0x1fffff));
}

static void test_reserved_bits(void **state)
{
	static const u64 entries[] = { E4, E3, E2, E1 };

	(void)state;
	for (u32 i = 0; i < 4; i++) {
		u64 good;

		memcpy(&good, (u8 *)memory + entries[i], 8);
		for (u32 bit = 40; bit < 52; bit++) {
			write64(entries[i], good | BIT(bit));
			faults(GVA_4K, ACCESS_READ, PF_P | PF_RSVD);
		}
		for (u32 bit = 52; bit < 63; bit++) {
			write64(entries[i], good | BIT(bit));
			maps(GVA_4K, ACCESS_READ, PAGE);
		}
		/* What is not present is not looked at. */
		write64(entries[i], (good | BIT(45)) & ~PTE_P);
		faults(GVA_4K, ACCESS_READ, 0);
		write64(entries[i], good | PTE_NX);
		fake_mode.efer &= ~EFER_NXE;
		faults(GVA_4K, ACCESS_READ, PF_P | PF_RSVD);
		fake_mode.efer |= EFER_NXE;
		maps(GVA_4K, ACCESS_READ, PAGE);
		faults(GVA_4K, ACCESS_EXEC, PF_P | PF_FETCH);
		write64(entries[i], good);
	}
	write64(E4, L3 | RIGHTS | PTE_PS);
	faults(GVA_4K, ACCESS_READ, PF_P | PF_RSVD);
}

static void test_rights(void **state)
{
	static const u64 entries[] = { E4, E3, E2, E1 };

	(void)state;
	for (u32 i = 0; i < 4; i++) {
		u64 good;

		memcpy(&good, (u8 *)memory + entries[i], 8);
		write64(entries[i], good & ~PTE_W);
		maps(GVA_4K, ACCESS_READ, PAGE);
		faults(GVA_4K, ACCESS_WRITE, PF_P | PF_W);
		fake_mode.cr0 &= ~CR0_WP;
		maps(GVA_4K, ACCESS_WRITE, PAGE);
		fake_mode.cpl = 3;
		faults(GVA_4K, ACCESS_WRITE, PF_P | PF_W | PF_U);
		write64(entries[i], good & ~PTE_U);
		faults(GVA_4K, ACCESS_READ, PF_P | PF_U);
		faults(GVA_4K, ACCESS_EXEC, PF_P | PF_U | PF_FETCH);
		fake_mode.cpl = 0;
		fake_mode.cr0 |= CR0_WP;
		maps(GVA_4K, ACCESS_READ, PAGE);
		write64(entries[i], good);
	}
}

static void test_smep(void **state)
{
	(void)state;
	maps(GVA_4K, ACCESS_EXEC, PAGE);
	fake_mode.cr4 |= CR4_SMEP;
	faults(GVA_4K, ACCESS_EXEC, PF_P | PF_FETCH);
	maps(GVA_4K, ACCESS_READ, PAGE);
	fake_mode.cpl = 3;
	maps(GVA_4K, ACCESS_EXEC, PAGE);
	/* One level without U makes it a supervisor's page. */
	fake_mode.cpl = 0;
	write64(E2, L1 | PTE_P | PTE_W);
	maps(GVA_4K, ACCESS_EXEC, PAGE);
	/* Without NX and SMEP the error code does not tell fetches. */
	fake_mode.cr4 &= ~CR4_SMEP;
	fake_mode.efer &= ~EFER_NXE;
	faults(GVA_4K + 0x1000, ACCESS_EXEC, 0);
}

/* Page tables that are not the partition's memory: nothing is read. */
static void test_tables_out_of_bounds(void **state)
{
	u64 got;

	(void)state;
	forbidden = L2;
	assert_false(translate(GVA_4K, ACCESS_READ, &got));
	assert_int_equal(fault.vector, VEC_GP);
	forbidden = ~0ull;
	write64(E3, 0x12345000 | RIGHTS);
	assert_false(translate(GVA_4K, ACCESS_READ, &got));
	assert_int_equal(fault.vector, VEC_GP);
}

static void test_paging_off(void **state)
{
	(void)state;
	fake_mode.cr0 = CR0_PE;
	fake_mode.cr4 = 0;
	fake_mode.efer = 0;
	fake_mode.cs_long = false;
	maps(0x12345678, ACCESS_WRITE, 0x12345678);
	maps(0x1ffffffffull, ACCESS_READ, 0xffffffff);
	assert_int_equal(windows_used, 0);
}

static void test_32_bit(void **state)
{
	const u64 gva = 0x00c03123;

	(void)state;
	fake_mode.cr4 = 0;
	fake_mode.efer = 0;
	fake_mode.cs_long = false;
	fake_mode.cr3 = 0x8000;
	write32(0x8000 + 4 * 3, 0x9000 | (u32)RIGHTS);
	write32(0x9000 + 4 * 3, 0xa000 | (u32)RIGHTS);
	maps(gva, ACCESS_READ, 0xa123);
	/* The bit means nothing without CR4.PSE. */
	write32(0x8000 + 4 * 3, 0x9000 | (u32)(RIGHTS | PTE_PS));
	maps(gva, ACCESS_READ, 0xa123);
	fake_mode.cr4 = CR4_PSE;
	/* 4 MiB, with address bits 39:32 in 20:13. */
	write32(0x8000 + 4 * 3, 0x00c00000 | 5u << 13 | (u32)(RIGHTS | PTE_PS));
	maps(gva, ACCESS_READ, 0x500c03123ull);
	write32(0x8000 + 4 * 3, 0x00c00000 | 1u << 21 | (u32)(RIGHTS | PTE_PS));
	faults(gva, ACCESS_READ, PF_P | PF_RSVD);
	fake_cpu.features.phys_bits = 36;
	write32(0x8000 + 4 * 3, 0x00c00000 | 1u << 17 | (u32)(RIGHTS | PTE_PS));
	faults(gva, ACCESS_READ, PF_P | PF_RSVD);
	write32(0x8000 + 4 * 3, 0x00c00000 | 1u << 16 | (u32)(RIGHTS | PTE_PS));
	maps(gva, ACCESS_READ, 0x800c03123ull);
	faults(0x00800000, ACCESS_EXEC, 0);
}

static void test_pae(void **state)
{
	const u64 gva = 0x80403123; /* PDPTE 2, entry 2, entry 3 */

	(void)state;
	fake_mode.efer = EFER_NXE;
	fake_mode.cs_long = false;
	fake_mode.cr3 = 0x8020; /* 32-byte alignment is enough */
	write64(0x8020 + 8 * 2, 0x9000 | PTE_P);
	write64(0x9000 + 8 * 2, 0xa000 | RIGHTS);
	write64(0xa000 + 8 * 3, 0xb000 | RIGHTS);
	maps(gva, ACCESS_WRITE, 0xb123);
	fake_mode.cpl = 3; /* PDPTEs have no rights */
	maps(gva, ACCESS_WRITE, 0xb123);
	fake_mode.cpl = 0;
	write64(0x8020 + 8 * 2, 0x9000 | PTE_P | PTE_W);
	faults(gva, ACCESS_READ, PF_P | PF_RSVD);
	write64(0x8020 + 8 * 2, 0x9000 | PTE_P);
	write64(0x9000 + 8 * 2, 0x00600000 | RIGHTS | PTE_PS);
	maps(gva, ACCESS_READ, 0x00603123);
	write64(0x9000 + 8 * 2, 0x00600000 | RIGHTS | PTE_PS | BIT(52));
	faults(gva, ACCESS_READ, PF_P | PF_RSVD);
	faults(0x00403123, ACCESS_READ, 0);
}

static const u8 cpuid_code[] = { 0x0f, 0xa2 };
static const u8 long_code[] = { 0x48, 0xb8, 1, 2, 3, 4, 5, 6, 7, 8 }; /* mov rax, imm64 */

static void check_fetch(u64 rip, u32 length)
{
	struct insn insn;

	fake_vp.regs.rip = rip;
	assert_true(guest_fetch(&fake_vp, &insn, &fault));
	assert_int_equal(insn.length, length);
}

/* What was decoded once is known while nothing changes, and only then. */
static void test_length_known(void **state)
{
	u8 length = 0;

	(void)state;
	memcpy((u8 *)memory + PAGE, long_code, sizeof(long_code));
	memcpy((u8 *)memory + PAGE + 0x10, cpuid_code, sizeof(cpuid_code));
	fake_vp.regs.rip = GVA_4K + 0x10;
	assert_int_equal(guest_length_known(&fake_vp), 0);
	assert_true(guest_length(&fake_vp, &length, &fault));
	assert_int_equal(length, 2);
	assert_int_equal(guest_length_known(&fake_vp), 2);
	/* The byte behind does not count, those of the instruction do. */
	((u8 *)memory)[PAGE + 0x12] ^= 0x11;
	assert_int_equal(guest_length_known(&fake_vp), 2);
	((u8 *)memory)[PAGE + 0x11] ^= 1;
	assert_int_equal(guest_length_known(&fake_vp), 0);
	((u8 *)memory)[PAGE + 0x11] ^= 1;
	assert_int_equal(guest_length_known(&fake_vp), 2);
	/* Neither elsewhere, nor in another mode or by other entries. */
	fake_vp.regs.rip += 0x100;
	assert_int_equal(guest_length_known(&fake_vp), 0);
	fake_vp.regs.rip -= 0x100;
	fake_mode.cpl = 3;
	assert_int_equal(guest_length_known(&fake_vp), 0);
	fake_mode.cpl = 0;
	write64(E2, 0);
	assert_int_equal(guest_length_known(&fake_vp), 0);
	write64(E2, L1 | RIGHTS);
	assert_int_equal(guest_length_known(&fake_vp), 2);
	/* Of more than eight bytes nothing is kept. */
	fake_vp.regs.rip = GVA_4K;
	assert_true(guest_length(&fake_vp, &length, &fault));
	assert_int_equal(length, 10);
	assert_int_equal(guest_length_known(&fake_vp), 0);
}

static void fetch_faults(u64 rip, u8 vector, u64 address)
{
	struct insn insn;

	fake_vp.regs.rip = rip;
	assert_false(guest_fetch(&fake_vp, &insn, &fault));
	assert_int_equal(fault.vector, vector);
	assert_int_equal(fault.address, address);
}

static void test_fetch(void **state)
{
	(void)state;
	memcpy((u8 *)memory + PAGE + 0x10, cpuid_code, sizeof(cpuid_code));
	memcpy((u8 *)memory + PAGE + 0x20, long_code, sizeof(long_code));
	check_fetch(GVA_4K + 0x10, 2);
	check_fetch(GVA_4K + 0x20, 10);
	fetch_faults(GVA_4K + 0x1000, VEC_PF, GVA_4K + 0x1000);
	fetch_faults(0x0000800000000000ull, VEC_GP, 0);
	/* Fifteen prefixes are more than an instruction. */
	memset((u8 *)memory + PAGE + 0x40, 0x66, 16);
	fetch_faults(GVA_4K + 0x40, VEC_GP, 0);
	/* Code outside the partition's memory, looked at for the first time. */
	setup(NULL);
	forbidden = PAGE;
	fetch_faults(GVA_4K + 0x10, VEC_GP, 0);
}

/* The last translation is not trusted beyond the entries that made it. */
static void test_fetch_again(void **state)
{
	u32 used;

	(void)state;
	memcpy((u8 *)memory + PAGE, cpuid_code, sizeof(cpuid_code));
	memcpy((u8 *)memory + PAGE + 0x1000, long_code, sizeof(long_code));
	check_fetch(GVA_4K, 2);
	used = windows_used;
	check_fetch(GVA_4K, 2);
	assert_int_equal(windows_used, used);
	write64(E1, (PAGE + 0x1000) | RIGHTS);
	check_fetch(GVA_4K, 10);
	write64(E1, PAGE | RIGHTS);
	check_fetch(GVA_4K, 2);
	write64(E3, 0);
	fetch_faults(GVA_4K, VEC_PF, GVA_4K);
	write64(E3, L2 | RIGHTS);
	check_fetch(GVA_4K, 2);
	/* Another CR3, mode or right, flushed windows, another walk between. */
	fake_mode.cr3 = 0x10000;
	fetch_faults(GVA_4K, VEC_PF, GVA_4K);
	fake_mode.cr3 = L4;
	check_fetch(GVA_4K, 2);
	fake_mode.cr4 |= CR4_SMEP;
	fetch_faults(GVA_4K, VEC_PF, GVA_4K);
	fake_mode.cr4 &= ~CR4_SMEP;
	check_fetch(GVA_4K, 2);
	forbidden = L2;
	check_fetch(GVA_4K, 2);
	guest_memos_forget(&fake_cpu);
	fetch_faults(GVA_4K, VEC_GP, 0);
	forbidden = ~0ull;
	check_fetch(GVA_4K, 2);
	/* A walk by the same tables changes no window of these, nor does one by others. */
	faults(GVA_4K + 0x1000, ACCESS_READ, 0);
	used = windows_used;
	check_fetch(GVA_4K, 2);
	assert_int_equal(windows_used, used);
	write64(L4 + 8 * (PT_INDEX(GVA_4K, 4) - 1), PAGE | RIGHTS);
	faults(GVA_4K - (1ull << 39), ACCESS_READ, 0);
	used = windows_used;
	check_fetch(GVA_4K, 2);
	assert_int_equal(windows_used, used);
}

static void test_fetch_crossing(void **state)
{
	(void)state;
	write64(E1 + 8, 0x7000 | RIGHTS);
	for (u32 here = 1; here < sizeof(long_code); here++) {
		u64 rip = GVA_4K + 0x1000 - here;

		memcpy((u8 *)memory + PAGE + 0x1000 - here, long_code, here);
		memcpy((u8 *)memory + 0x7000, long_code + here, sizeof(long_code) - here);
		check_fetch(rip, 10);
	}
	/* The second page is needed only if the instruction reaches it. */
	write64(E1 + 8, 0);
	memcpy((u8 *)memory + PAGE + 0xffe, cpuid_code, 2);
	check_fetch(GVA_4K + 0xffe, 2);
	memcpy((u8 *)memory + PAGE + 0xffd, long_code, 3);
	fetch_faults(GVA_4K + 0xffd, VEC_PF, GVA_4K + 0x1000);
	/* Beyond the last canonical address. */
	fake_vp.regs.rip = 0x00007ffffffffffeull;
	write64(L4 + 8 * 255, L3 | RIGHTS);
	write64(L3 + 8 * 511, L2 | RIGHTS);
	write64(L2 + 8 * 511, L1 | RIGHTS);
	write64(L1 + 8 * 511, PAGE | RIGHTS);
	memcpy((u8 *)memory + PAGE + 0xffe, long_code, 2);
	fetch_faults(0x00007ffffffffffeull, VEC_GP, 0);
}

static void test_fetch_16_and_32_bit(void **state)
{
	static const u8 mov_imm[] = { 0xb8, 1, 2, 3, 4 }; /* mov ax or eax, imm */

	(void)state;
	fake_mode.cr0 = 0;
	fake_mode.efer = 0;
	fake_mode.cr4 = 0;
	fake_mode.cs_long = false;
	fake_mode.cs_base = 0x7000;
	memcpy((u8 *)memory + 0x7123, mov_imm, sizeof(mov_imm));
	check_fetch(0x123, 3);
	fake_mode.cr0 = CR0_PE;
	fake_mode.cs_db = true;
	check_fetch(0x123, 5);
	/* Linear addresses wrap at 4 GiB. */
	fake_mode.cs_base = 0xffffff00;
	check_fetch(0x7223, 5);
}

static void test_read_write(void **state)
{
	u8 buf[16] = { 0 };

	(void)state;
	assert_true(guest_write(&fake_vp, GPA(PAGE + 0xff8), "abcdefgh", 8));
	assert_memory_equal((u8 *)memory + PAGE + 0xff8, "abcdefgh", 8);
	assert_true(guest_read(&fake_vp, GPA(PAGE + 0xffa), buf, 6));
	assert_memory_equal(buf, "cdefgh\0", 7);
	/* Over the end of the page, or no memory of the partition. */
	assert_false(guest_read(&fake_vp, GPA(PAGE + 0xff8), buf, 9));
	assert_false(guest_write(&fake_vp, GPA(PAGE + 0xff8), buf, 9));
	assert_false(guest_read(&fake_vp, GPA(PAGES * 4096ull), buf, 1));
	forbidden = PAGE;
	assert_false(guest_write(&fake_vp, GPA(PAGE), buf, 1));
}

/* A kernel's data accesses of user pages; code is SMEP's. */
static void test_smap(void **state)
{
	(void)state;
	fake_mode.cr4 |= CR4_SMAP;
	faults(GVA_4K, ACCESS_READ, PF_P);
	faults(GVA_4K, ACCESS_WRITE, PF_P | PF_W);
	maps(GVA_4K, ACCESS_EXEC, PAGE);
	maps(GVA_4K, 0, PAGE);
	fake_mode.cpl = 3;
	maps(GVA_4K, ACCESS_READ, PAGE);
	fake_mode.cpl = 0;
	write64(E1, PAGE | PTE_P | PTE_W);
	maps(GVA_4K, ACCESS_READ | ACCESS_WRITE, PAGE);
}

static u64 read64(u64 at)
{
	u64 v;

	memcpy(&v, (u8 *)memory + at, sizeof(v));
	return v;
}

static struct guest_walk walked;

static void walk(u64 gva)
{
	assert_true(guest_walk(&fake_vp, &fake_mode, GVA(gva), 0, &walked, &fault));
}

static enum guest_mark mark(u64 gva, bool write)
{
	return guest_walk_mark(&fake_vp, &fake_mode, GVA(gva), &walked, write);
}

static void test_marks(void **state)
{
	(void)state;
	walk(GVA_4K);
	assert_int_equal(mark(GVA_4K, false), GUEST_MARKED);
	assert_int_equal(read64(E4), L3 | RIGHTS | PTE_A);
	assert_int_equal(read64(E2), L1 | RIGHTS | PTE_A);
	assert_int_equal(read64(E1), PAGE | RIGHTS | PTE_A);
	assert_int_equal(mark(GVA_4K, true), GUEST_MARKED);
	assert_int_equal(read64(E2), L1 | RIGHTS | PTE_A);
	assert_int_equal(read64(E1), PAGE | RIGHTS | PTE_A | PTE_D);
	/* What is marked already need not be touched. */
	assert_true(guest_walk_holds(&walked));
	assert_int_equal(mark(GVA_4K, true), GUEST_MARKED);
	/* An entry that changed since the walk stays as it is. */
	write64(E1, 0);
	walked.value[3] &= ~(u64)PTE_D;
	assert_int_equal(mark(GVA_4K, true), GUEST_MARK_CHANGED);
	assert_int_equal(read64(E1), 0);
}

/* One table that the partition may not write: none is touched. */
static void test_marks_read_only(void **state)
{
	static const u64 tables[] = { L4, L3, L2, L1 };

	(void)state;
	walk(GVA_4K);
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		read_only = tables[i];
		assert_int_equal(mark(GVA_4K, true), GUEST_MARK_READ_ONLY);
	}
	assert_int_equal(read64(E4), L3 | RIGHTS);
	assert_int_equal(read64(E1), PAGE | RIGHTS);
	/* Not on the way of a large page. */
	write64(E2, 0x200000 | RIGHTS | PTE_PS);
	walk(GVA_4K);
	assert_int_equal(mark(GVA_4K, true), GUEST_MARKED);
	assert_int_equal(read64(E2), 0x200000 | RIGHTS | PTE_PS | PTE_A | PTE_D);
}

static void test_marks_other_forms(void **state)
{
	u32 v[2];

	(void)state;
	/* PAE: the first level has no such bits. */
	fake_mode.efer = 0;
	write64(L4 + 8, L2 | PTE_P);
	write64(L2 + 8, L1 | PTE_P);
	write64(L1 + 8, PAGE | PTE_P);
	walk(0x40201000);
	assert_int_equal(mark(0x40201000, true), GUEST_MARKED);
	assert_int_equal(read64(L4 + 8), L2 | PTE_P);
	assert_int_equal(read64(L2 + 8), L1 | PTE_P | PTE_A);
	assert_int_equal(read64(L1 + 8), PAGE | PTE_P | PTE_A | PTE_D);
	/* 32-bit: the neighbour of an entry stays. */
	fake_mode.cr4 = 0;
	write32(L4 + 4, L1 | PTE_P);
	write32(L1 + 4, PAGE | PTE_P);
	write32(L1 + 8, 0x1234);
	walk(0x401000);
	assert_int_equal(mark(0x401000, true), GUEST_MARKED);
	memcpy(v, (u8 *)memory + L1 + 4, sizeof(v));
	assert_int_equal(v[0], PAGE | PTE_P | PTE_A | PTE_D);
	assert_int_equal(v[1], 0x1234);
	/* Without paging there is nothing to mark. */
	fake_mode.cr0 = CR0_PE;
	walk(0x401000);
	assert_int_equal(mark(0x401000, true), GUEST_MARKED);
}

/* A parent's processor walks a VP that last ran on another one. */
static void test_other_processor(void **state)
{
	(void)state;
	memset(&here, 0, sizeof(here));
	here.index = 1;
	for (u32 i = 0; i < HV_WINDOW_SLOTS; i++)
		here.windows[i].frame = ~0ull;
	cpu_here = &here;
	maps(GVA_4K, ACCESS_READ, PAGE);
	assert_int_equal(here.windows[0].frame, L4);
	assert_int_equal(fake_cpu.windows[0].frame, ~0ull);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_long_mode, setup),
		cmocka_unit_test_setup(test_large_pages, setup),
		cmocka_unit_test_setup(test_reserved_bits, setup),
		cmocka_unit_test_setup(test_rights, setup),
		cmocka_unit_test_setup(test_smep, setup),
		cmocka_unit_test_setup(test_tables_out_of_bounds, setup),
		cmocka_unit_test_setup(test_paging_off, setup),
		cmocka_unit_test_setup(test_32_bit, setup),
		cmocka_unit_test_setup(test_pae, setup),
		cmocka_unit_test_setup(test_length_known, setup),
		cmocka_unit_test_setup(test_fetch, setup),
		cmocka_unit_test_setup(test_fetch_again, setup),
		cmocka_unit_test_setup(test_fetch_crossing, setup),
		cmocka_unit_test_setup(test_fetch_16_and_32_bit, setup),
		cmocka_unit_test_setup(test_read_write, setup),
		cmocka_unit_test_setup(test_smap, setup),
		cmocka_unit_test_setup(test_marks, setup),
		cmocka_unit_test_setup(test_marks_read_only, setup),
		cmocka_unit_test_setup(test_marks_other_forms, setup),
		cmocka_unit_test_setup(test_other_processor, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

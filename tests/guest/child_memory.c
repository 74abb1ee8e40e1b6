/* SPDX-License-Identifier: MIT */
/*
 * A child's page tables and code, as the worker sees them where it carries an
 * instruction out: tables that lie nowhere, pages of all sizes, accessed and
 * dirty bits, code that changes, and code over the border of two pages.
 * machines: none
 * child: svm-smp1-bios vmx-smp1
 */
#include "lib/string.h"
#include "tests/guest/lib/guest.h"
#include "x86/cpu.h"
#include "x86/cr.h"
#include "x86/desc.h"
#include "x86/io.h"
#include "x86/msr.h"
#include "x86/paging.h"

#define NOTHING 0xd0000000u /* between RAM and 4 GiB */
#define SCRATCH 0x3ffu
#define MARK    0x600du
#define VA      0x0000700000000000ull /* by 4 KiB */
#define PAGES   8u

extern u64 pml4[512];

static u64 *table[5]; /* those that map VA, by level */
static u8 *page[PAGES];
static struct guest_regs regs;

static const u8 tail[] = { 0x41, 0xb8, MARK & 0xff, MARK >> 8, 0, 0, 0xc3 };

static void run(void *p)
{
	guest_execute(p, &regs);
}

/* VA + @i pages: @frame with @bits. */
static void map(u64 i, u64 frame, u64 bits)
{
	table[1][i] = frame | bits;
	invlpg(VA + i * PAGE_SIZE);
}

static struct guest_fault touch(u64 va, bool write)
{
	/* MOV EAX, (RDI); or MOV (RDI), EAX */
	page[0][0] = write ? 0x89 : 0x8b;
	page[0][1] = 0x07;
	page[0][2] = 0xc3;
	regs = (struct guest_regs){ .rdi = va };
	return guest_try(run, page[0]);
}

/* The tables of @level lie in @where: ones, so present, with reserved bits. */
static void test_tables_nowhere(u32 level, u64 where, const char *name)
{
	u64 va = VA + PAGE_SIZE, *e = &table[level + 1][PT_INDEX(va, level + 1)], old = *e;
	struct guest_fault load, store, fetch;

	*e = where | PTE_P | PTE_W;
	cr3_write(cr3_read());
	load = touch(va, false);
	store = touch(va, true);
	fetch = guest_try(run, (void *)va);
	*e = old;
	cr3_write(cr3_read());
	guest_check(load.vector == VEC_PF && load.error == (PF_P | PF_RSVD) && load.cr2 == va &&
			    load.rip == (u64)page[0],
		name, "load: vector %u error %lx cr2 %lx", load.vector, load.error, load.cr2);
	guest_check(
		store.vector == VEC_PF && store.error == (PF_P | PF_W | PF_RSVD) && store.cr2 == va,
		name, "store: vector %u error %lx cr2 %lx", store.vector, store.error, store.cr2);
	guest_check(fetch.vector == VEC_PF && (fetch.error & ~PF_FETCH) == (PF_P | PF_RSVD) &&
			    fetch.cr2 == va && fetch.rip == va,
		name, "fetch: vector %u error %lx cr2 %lx", fetch.vector, fetch.error, fetch.cr2);
}

static void test_tables(void)
{
	test_tables_nowhere(1, NOTHING, "page-table-nowhere");
	test_tables_nowhere(2, NOTHING + 0x1000, "page-directory-nowhere");
	test_tables_nowhere(3, 64 * GIB, "pdpt-nowhere");
	/* All is well again. */
	guest_check(touch(VA + PAGE_SIZE, true).vector == GUEST_NO_FAULT, "tables-back");
}

/* Through pages of each size, to nothing and to RAM: the worker's translation. */
static void test_page_sizes(void)
{
	u64 gib = VA + 512 * GIB, *top = &((u64 *)guest_phys(pml4))[PT_INDEX(gib, 4)];
	u64 *pdpt = guest_pages(1);

	map(1, NOTHING + 0x3000, PTE_P | PTE_W);
	guest_check(*(volatile u32 *)(VA + PAGE_SIZE + 8) == ~0u, "4k-nothing");
	guest_check(*(volatile u32 *)(u64)(NOTHING + 0x1ffff8) == ~0u, "2m-nothing");
	if (!(cpuid(0x80000001, 0).edx & BIT(26)))
		return;
	*top = (u64)pdpt | PTE_P | PTE_W;
	pdpt[0] = PTE_P | PTE_W | PTE_PS;
	pdpt[1] = 64 * GIB | PTE_P | PTE_W | PTE_PS;
	guest_check(*(volatile u64 *)(gib + GIB + 0x12345670) == ~0ull, "1g-nothing");
	/* INS to RAM below a 1 GiB page. */
	memset(page[2], 0, PAGE_SIZE);
	memcpy(page[0], "\xf3\x6c\xc3", 3);
	regs = (struct guest_regs){ .rcx = 16, .rdx = 0x1234, .rdi = gib + (u64)page[2] };
	guest_check(guest_try(run, page[0]).vector == GUEST_NO_FAULT && page[2][15] == 0xff &&
			    page[2][16] == 0,
		"1g-ins");
	*top = 0;
	cr3_write(cr3_read());
}

/* What the worker does for the child leaves the marks that the processor would. */
static void test_accessed_and_dirty(void)
{
	u64 *e = &table[1][PT_INDEX(VA + PAGE_SIZE, 1)];

	out8(SCRATCH, 0);
	map(1, (u64)page[2], PTE_P | PTE_W);
	memcpy(page[0], "\x6e\xc3", 2); /* OUTSB */
	regs = (struct guest_regs){ .rdx = SCRATCH, .rsi = VA + PAGE_SIZE };
	(void)guest_try(run, page[0]);
	guest_check(*e & PTE_A && !(*e & PTE_D), "outs-accesses", "%lx", *e);
	map(1, (u64)page[2], PTE_P | PTE_W);
	memcpy(page[0], "\x6c\xc3", 2); /* INSB */
	regs = (struct guest_regs){ .rdx = 0x1234, .rdi = VA + PAGE_SIZE };
	(void)guest_try(run, page[0]);
	guest_check(*e & PTE_A && *e & PTE_D, "ins-dirties", "%lx", *e);
	/* An attempt that fails leaves nothing. */
	map(1, (u64)page[2], PTE_P);
	regs = (struct guest_regs){ .rdx = 0x1234, .rdi = VA + PAGE_SIZE };
	cr0_write(cr0_read() | CR0_WP);
	guest_check(guest_try(run, page[0]).vector == VEC_PF && !(*e & PTE_D), "refused-is-clean",
		"%lx", *e);
}

/* Two instructions that exit, of different lengths, to be taken for each other. */
static const u8 short_in[] = { 0xec, 0x90, 0x90 };
static const u8 long_in[] = { 0x66, 0x67, 0xed };

static bool runs_at(u64 va, u64 rax)
{
	regs = (struct guest_regs){ .rdx = 0x1234 };
	return guest_try(run, (void *)va).vector == GUEST_NO_FAULT && regs.r8 == MARK &&
	       regs.rax == rax;
}

static void put(u8 *at, const u8 *bytes, u32 length)
{
	memcpy(at, bytes, length);
	memcpy(at + length, tail, sizeof(tail));
}

static void test_changing_code(void)
{
	bool ok = true;

	put(page[2], short_in, sizeof(short_in));
	put(page[3], long_in, sizeof(long_in));
	/* Written over, at one place. */
	for (u32 i = 0; i < 20; i++) {
		if (i % 2)
			put(page[0], long_in, sizeof(long_in));
		else
			put(page[0], short_in, sizeof(short_in));
		ok = ok && runs_at((u64)page[0], i % 2 ? 0xffff : 0xff);
	}
	guest_check(ok, "code-written-over");
	/* The same address, another page. */
	for (u32 i = 0; i < 20; i++) {
		map(1, (u64)page[2 + i % 2], PTE_P | PTE_W);
		ok = ok && runs_at(VA + PAGE_SIZE, i % 2 ? 0xffff : 0xff);
	}
	guest_check(ok, "code-remapped");
	/* It writes itself: MOVB $0xed, 1(RIP): the byte behind; 66; IN AL becomes IN AX. */
	memcpy(page[0], "\xc6\x05\x01\x00\x00\x00\xed\x66\xec", 9);
	memcpy(page[0] + 9, tail, sizeof(tail));
	guest_check(runs_at((u64)page[0], 0xffff), "code-writes-itself", "%lx", regs.rax);
}

struct border_case {
	const char *name;
	u8 length;
	u8 bytes[8];
	u64 rax;
	u64 rdi;
};

static const struct border_case borders[] = {
	{ "in-over-border", 3, { 0x66, 0x67, 0xed }, 0xffff, 0 },
	{ "in-imm-over-border", 3, { 0x66, 0xe5, 0x80 }, 0xffff, 0 },
	{ "insb-over-border", 2, { 0xf3, 0x6c }, 0, 1 },
	{ "load-over-border", 7, { 0x8b, 0x87, 0, 0, 0, 0, 0x90 }, 0xffffffff, NOTHING },
	{ "store-over-border", 6, { 0xc7, 0x07, 1, 2, 3, 4 }, 0, NOTHING },
	{ "cpuid-over-border", 4, { 0x66, 0x0f, 0xa2, 0x90 }, 1, 0 },
};

/* At each place over the border of two pages that do not lie side by side. */
static void test_borders(void)
{
	map(1, (u64)page[5], PTE_P | PTE_W);
	map(2, (u64)page[2], PTE_P | PTE_W);
	for (u32 i = 0; i < ARRAY_SIZE(borders); i++) {
		const struct border_case *c = &borders[i];
		bool ok = true;

		for (u32 before = 1; before < c->length; before++) {
			u64 at = VA + 2 * PAGE_SIZE - before;

			put((u8 *)at, c->bytes, c->length);
			regs = (struct guest_regs){
				.rdx = 0x1234, .rcx = 1, .rdi = c->rdi == 1 ? (u64)page[6] : c->rdi
			};
			ok = ok && guest_try(run, (void *)at).vector == GUEST_NO_FAULT &&
			     regs.r8 == MARK && (c->rax == 1 || regs.rax == c->rax);
		}
		guest_check(ok, c->name, "rax %lx", regs.rax);
	}
}

/* Its second half is not there: a fault on the fetch, then it runs. */
static void test_border_fault(void)
{
	u64 at = VA + 2 * PAGE_SIZE - 1;
	struct guest_fault f;

	put((u8 *)at, long_in, sizeof(long_in));
	map(2, (u64)page[2], 0);
	f = guest_try(run, (void *)at);
	guest_check(f.vector == VEC_PF && !(f.error & ~PF_FETCH) && f.cr2 == at + 1 && f.rip == at,
		"border-fault", "vector %u error %lx cr2 %lx", f.vector, f.error, f.cr2);
	map(2, (u64)page[2], PTE_P | PTE_W);
	guest_check(runs_at(at, 0xffff), "border-mapped");
}

static void make_tables(void)
{
	table[4] = (u64 *)guest_phys(pml4);
	for (u32 i = 0; i < PAGES; i++)
		page[i] = guest_pages(1);
	for (u32 level = 4; level > 1; level--) {
		table[level - 1] = guest_pages(1);
		table[level][PT_INDEX(VA, level)] = (u64)table[level - 1] | PTE_P | PTE_W;
	}
	map(1, (u64)page[1], PTE_P | PTE_W);
}

void guest_main(void)
{
	make_tables();
	test_tables();
	test_page_sizes();
	test_accessed_and_dirty();
	test_changing_code();
	test_borders();
	test_border_fault();
}

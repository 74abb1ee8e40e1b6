/* SPDX-License-Identifier: MIT */
/*
 * A child's ports: every size and form of IN and OUT, and string instructions
 * in both directions, to ports where nobody is and to the UART's scratch
 * register, which keeps a byte. Machine code, because prefixes matter.
 * machines: none
 * child: svm-smp1-bios vmx-smp1
 */
#include "hv/hypercall.h"
#include "hv/msr.h"
#include "lib/string.h"
#include "tests/guest/lib/guest.h"
#include "x86/apic.h"
#include "x86/cpu.h"
#include "x86/cr.h"
#include "x86/desc.h"
#include "x86/io.h"
#include "x86/msr.h"
#include "x86/paging.h"

#define SCRATCH 0x3ffu /* between the modem status, 0x3fe, and nobody's 0x400 */
#define NOBODY  0x1234u
#define MARK    0x600du
#define VA      0x0000700000000000ull
#define PAGES   4u
#define VECTOR  0x50u
#define DR6_BS  BIT(14)

extern u64 pml4[512];

static u8 *code;
static u8 *buffer; /* PAGES pages at VA, in reverse order of their addresses */
static u64 *table; /* that maps them */
static struct guest_regs regs;

static void run(void *p)
{
	guest_execute(p, &regs);
}

/* Runs @bytes, with "mov $MARK, %r8d; ret" behind; what ended it. */
static struct guest_fault execute(const u8 *bytes, u32 length)
{
	static const u8 tail[] = { 0x41, 0xb8, MARK & 0xff, MARK >> 8, 0, 0, 0xc3 };

	memcpy(code, bytes, length);
	memcpy(code + length, tail, sizeof(tail));
	regs.r8 = 0;
	return guest_try(run, code);
}

static bool ran(const u8 *bytes, u32 length)
{
	return execute(bytes, length).vector == GUEST_NO_FAULT && regs.r8 == MARK;
}

struct form {
	const char *name;
	u8 length;
	u8 bytes[8];
	u64 value; /* IN: RAX afterwards; OUT: the scratch register's */
};

#define RAX 0xaaaaaaaabbbbccddull

/* DX is nobody's, or the scratch register's, which holds 0x5a. */
static const struct form ins[] = {
	{ "in-al-dx", 1, { 0xec }, 0xaaaaaaaabbbbccff },
	{ "in-ax-dx", 2, { 0x66, 0xed }, 0xaaaaaaaabbbbffff },
	{ "in-eax-dx", 1, { 0xed }, 0xffffffff },
	{ "in-rex-eax-dx", 2, { 0x48, 0xed }, 0xffffffff },
	{ "in-al-imm", 2, { 0xe4, 0x92 }, 0xaaaaaaaabbbbccff },
	{ "in-ax-imm", 3, { 0x66, 0xe5, 0x92 }, 0xaaaaaaaabbbbffff },
	{ "in-eax-imm", 2, { 0xe5, 0x92 }, 0xffffffff },
	{ "in-seg-67", 4, { 0x2e, 0x67, 0x66, 0xed }, 0xaaaaaaaabbbbffff },
	{ "in-f3", 2, { 0xf3, 0xec }, 0xaaaaaaaabbbbccff },
};

static const struct form scratch_ins[] = {
	{ "scratch-in-al", 1, { 0xec }, 0xaaaaaaaabbbbcc5a },
	{ "scratch-in-ax", 2, { 0x66, 0xed }, 0xaaaaaaaabbbbff5a },
	{ "scratch-in-eax", 1, { 0xed }, 0xffffff5a },
};

static const struct form scratch_outs[] = {
	{ "out-al-dx", 1, { 0xee }, 0xdd },
	{ "out-ax-dx", 2, { 0x66, 0xef }, 0xdd },
	{ "out-eax-dx", 1, { 0xef }, 0xdd },
	{ "out-seg-67", 3, { 0x3e, 0x67, 0xee }, 0xdd },
	{ "out-rex", 2, { 0x48, 0xef }, 0xdd },
};

static void test_in(const struct form *forms, u32 count, u64 port)
{
	for (u32 i = 0; i < count; i++) {
		out8(SCRATCH, 0x5a);
		regs = (struct guest_regs){ .rax = RAX, .rdx = port };
		guest_check(ran(forms[i].bytes, forms[i].length) && regs.rax == forms[i].value,
			forms[i].name, "rax %lx", regs.rax);
	}
}

static void test_out(void)
{
	for (u32 i = 0; i < ARRAY_SIZE(scratch_outs); i++) {
		const struct form *f = &scratch_outs[i];

		out8(SCRATCH, 0);
		regs = (struct guest_regs){ .rax = RAX, .rdx = SCRATCH };
		guest_check(ran(f->bytes, f->length) && in8(SCRATCH) == f->value && regs.rax == RAX,
			f->name, "scratch %x", in8(SCRATCH));
	}
	/* The wider ones begin before the register, and end behind it. */
	out16(SCRATCH - 1, 0xabcd);
	guest_check(in8(SCRATCH) == 0xab && in16(SCRATCH - 1) >> 8 == 0xab, "word-across");
	out32(SCRATCH - 2, 0x12345678);
	guest_check(in8(SCRATCH) == 0x34 && in32(SCRATCH - 2) >> 16 == 0xff34, "double-word-across",
		"%x", in32(SCRATCH - 2));
	out32(NOBODY, ~0u);
	out16(0xffff, 1);
	guest_check(
		in32(NOBODY) == ~0u && in32(0xffff) == ~0u && in16(0xfffe) == 0xffff, "last-port");
}

/* What a string instruction starts with, and must leave. */
struct string_case {
	const char *name;
	u8 length;
	u8 bytes[6];
	u8 size; /* of an element */
	bool in;
	bool down;
	u64 count; /* RCX */
	u64 start; /* offset in the buffer */
	u64 port;
};

#define UP   false
#define DOWN true
static const struct string_case strings[] = {
	{ "insb", 1, { 0x6c }, 1, true, UP, 7, 100, NOBODY },
	{ "rep-insb", 2, { 0xf3, 0x6c }, 1, true, UP, 33, 100, NOBODY },
	{ "rep-insw", 3, { 0xf3, 0x66, 0x6d }, 2, true, UP, 33, 100, NOBODY },
	{ "rep-insd", 2, { 0xf3, 0x6d }, 4, true, UP, 33, 100, NOBODY },
	{ "repne-insd", 2, { 0xf2, 0x6d }, 4, true, UP, 5, 100, NOBODY },
	{ "rep-rex-insd", 3, { 0xf3, 0x48, 0x6d }, 4, true, UP, 5, 100, NOBODY },
	{ "rep-insb-none", 2, { 0xf3, 0x6c }, 1, true, UP, 0, 100, NOBODY },
	{ "rep-insb-down", 2, { 0xf3, 0x6c }, 1, true, DOWN, 33, 100, NOBODY },
	{ "rep-insd-down", 2, { 0xf3, 0x6d }, 4, true, DOWN, 9, 2 * PAGE_SIZE + 8, NOBODY },
	{ "rep-insw-odd-page", 3, { 0xf3, 0x66, 0x6d }, 2, true, UP, 9, PAGE_SIZE - 9, NOBODY },
	{ "rep-insd-pages", 2, { 0xf3, 0x6d }, 4, true, UP, 2050, PAGE_SIZE - 6, NOBODY },
	{ "rep-insb-many", 2, { 0xf3, 0x6c }, 1, true, UP, 3 * PAGE_SIZE, 77, NOBODY },
	{ "rep-insb-scratch", 2, { 0xf3, 0x6c }, 1, true, UP, 1025, 3000, SCRATCH },
	{ "outsb", 1, { 0x6e }, 1, false, UP, 7, 100, SCRATCH },
	{ "rep-outsb", 2, { 0xf3, 0x6e }, 1, false, UP, 33, 100, SCRATCH },
	{ "rep-outsw", 3, { 0xf3, 0x66, 0x6f }, 2, false, UP, 33, 100, SCRATCH },
	{ "rep-outsd", 2, { 0xf3, 0x6f }, 4, false, UP, 33, 100, SCRATCH },
	{ "rep-outsb-none", 2, { 0xf3, 0x6e }, 1, false, UP, 0, 100, SCRATCH },
	{ "rep-outsd-down", 2, { 0xf3, 0x6f }, 4, false, DOWN, 9, 2 * PAGE_SIZE + 8, SCRATCH },
	{ "rep-outsd-pages", 2, { 0xf3, 0x6f }, 4, false, UP, 2050, PAGE_SIZE - 6, SCRATCH },
	{ "rep-outsb-many", 2, { 0xf3, 0x6e }, 1, false, UP, 3 * PAGE_SIZE, 77, SCRATCH },
};

static u8 pattern(u64 at)
{
	return (u8)(at * 7 + (at >> 8) + 1);
}

/* What a byte of the buffer must be after the bytes [from, to) were read from @port. */
static u8 due(const struct string_case *c, u64 at, u64 from, u64 to)
{
	if (!c->in || at < from || at >= to)
		return pattern(at);
	return c->port == SCRATCH ? 0x5a : 0xff;
}

static bool buffer_right(const struct string_case *c, u64 from, u64 to)
{
	for (u64 at = 0; at < PAGES * PAGE_SIZE; at++)
		if (((u8 *)VA)[at] != due(c, at, from, to))
			return false;
	return true;
}

/* Registers as they must be after @done elements. */
static bool registers_right(const struct string_case *c, u64 done)
{
	u64 moved = VA + c->start + (c->down ? -(done * c->size) : done * c->size);
	bool rep = c->bytes[0] == 0xf3 || c->bytes[0] == 0xf2;

	return regs.rcx == (rep ? c->count - done : c->count) &&
	       regs.rdi == (c->in ? moved : VA + c->start) &&
	       regs.rsi == (c->in ? VA + c->start : moved);
}

static void prepare(const struct string_case *c)
{
	for (u64 at = 0; at < PAGES * PAGE_SIZE; at++)
		((u8 *)VA)[at] = pattern(at);
	out8(SCRATCH, 0x5a);
	regs = (struct guest_regs){
		.rcx = c->count, .rdx = c->port, .rsi = VA + c->start, .rdi = VA + c->start
	};
}

static void test_string(const struct string_case *c)
{
	bool rep = c->bytes[0] == 0xf3 || c->bytes[0] == 0xf2;
	u64 done = rep ? c->count : 1;
	u64 low = c->down ? c->start - (done - 1) * c->size : c->start;
	u64 last = c->down ? low : low + (done - 1) * c->size;
	u8 bytes[8] = { 0xfd }; /* STD */
	u32 n = c->down;
	bool ok;

	memcpy(bytes + n, c->bytes, c->length);
	n += c->length;
	bytes[n++] = 0xfc;
	prepare(c);
	ok = ran(bytes, n) && registers_right(c, done);
	guest_check(ok && buffer_right(c, low, low + done * c->size), c->name,
		"rcx %lx rsi %lx rdi %lx", regs.rcx, regs.rsi, regs.rdi);
	if (c->in)
		return;
	/* Of a wider element the first byte goes to the register. */
	guest_check(in8(SCRATCH) == (done ? pattern(last) : 0x5a), c->name, "the last was %x",
		in8(SCRATCH));
}

/* With 32-bit addresses what is above counts neither as address nor as number. */
static void test_address_size(void)
{
	static const u8 insb[] = { 0xf3, 0x67, 0x6c };
	u8 *low = guest_pages(1);

	regs = (struct guest_regs){
		.rcx = 0x1234567800000005, .rdx = NOBODY, .rdi = 0xabcdef0000000000 | (u64)low
	};
	guest_check(ran(insb, sizeof(insb)) && regs.rcx == 0 && regs.rdi == (u64)low + 5 &&
			    low[4] == 0xff && low[5] == 0,
		"rep-insb-67", "rcx %lx rdi %lx", regs.rcx, regs.rdi);
}

/* OUTS takes a segment, INS does not. */
static void test_segments(void)
{
	static const u8 outsb[] = { 0x64, 0x6e }, insb[] = { 0x64, 0x6c };

	msr_write(MSR_FS_BASE, VA + PAGE_SIZE);
	prepare(&strings[0]);
	regs = (struct guest_regs){ .rsi = 10, .rdx = SCRATCH };
	guest_check(ran(outsb, sizeof(outsb)) && in8(SCRATCH) == pattern(PAGE_SIZE + 10),
		"outsb-fs", "%x", in8(SCRATCH));
	regs = (struct guest_regs){ .rdi = VA + 20, .rdx = NOBODY };
	guest_check(ran(insb, sizeof(insb)) && ((u8 *)VA)[20] == 0xff &&
			    ((u8 *)VA)[PAGE_SIZE + 20] == pattern(PAGE_SIZE + 20),
		"insb-fs");
	msr_write(MSR_FS_BASE, 0);
}

static u64 faults, fault_at, fault_rcx;

/* Maps the page that was not there, and goes on. */
static void on_page_fault(u8 vector)
{
	(void)vector;
	faults++;
	fault_at = cr2_read();
	fault_rcx = guest_frame->rcx;
	table[PT_INDEX(fault_at, 1)] |= PTE_P;
	invlpg(fault_at);
}

/* In the middle: everything before is done, the registers say so, and it goes on. */
static void test_page_fault(const struct string_case *c, u64 error)
{
	u64 missing = ALIGN_UP(VA + c->start, PAGE_SIZE);

	prepare(c);
	table[PT_INDEX(missing, 1)] &= ~PTE_P;
	invlpg(missing);
	faults = 0;
	guest_on_exception(VEC_PF, on_page_fault);
	guest_check(ran(c->bytes, c->length) && registers_right(c, c->count) && faults == 1 &&
			    fault_at == missing && guest_frame->error == error,
		c->in ? "page-fault-in-ins" : "page-fault-in-outs",
		"%lu faults, the last at %lx error %lx", faults, fault_at, guest_frame->error);
	guest_check(c->count - fault_rcx == (missing - VA - c->start) / c->size,
		"page-fault-progress", "%lu left", fault_rcx);
	guest_check(
		buffer_right(c, c->start, c->start + c->count * c->size), "page-fault-all-is-done");
	guest_on_exception(VEC_PF, NULL);
}

static void test_page_faults(void)
{
	static const struct string_case ins_case = { "", 2, { 0xf3, 0x6c }, 1, true, UP, 1500,
		PAGE_SIZE - 1100, NOBODY };
	static const struct string_case outs_case = { "", 2, { 0xf3, 0x6f }, 4, false, UP, 700,
		PAGE_SIZE - 400, SCRATCH };

	test_page_fault(&ins_case, PF_W);
	test_page_fault(&outs_case, 0);
	/* To a page that may not be written. */
	prepare(&ins_case);
	table[PT_INDEX(VA, 1)] &= ~PTE_W;
	invlpg(VA);
	regs.rdi = VA + 5;
	cr0_write(cr0_read() | CR0_WP);
	guest_check(execute(ins_case.bytes, 2).vector == VEC_PF && regs.rdi == VA + 5 &&
			    cr2_read() == VA + 5,
		"ins-read-only");
	table[PT_INDEX(VA, 1)] |= PTE_W;
	invlpg(VA);
	/* Where no address is: #GP, and nothing done. */
	regs = (struct guest_regs){ .rcx = 3, .rdx = NOBODY, .rdi = 0x0000800000000000 };
	guest_check(execute(ins_case.bytes, 2).vector == VEC_GP, "ins-noncanonical");
}

static volatile u32 traps;
static u64 trap_rip;

static void on_trap(u8 vector)
{
	(void)vector;
	traps++;
	trap_rip = guest_frame->rip;
	guest_frame->rflags &= ~RFLAGS_TF;
}

/* A debugger's trap follows IN and OUT as any other instruction. */
static void test_single_step(void)
{
	/* PUSHFQ; OR $TF, (RSP); POPFQ; IN; NOP */
	static const u8 step[] = { 0x9c, 0x81, 0x0c, 0x24, 0, 1, 0, 0, 0x9d, 0xec, 0x90 };

	guest_on_exception(VEC_DB, on_trap);
	dr6_write(0xffff0ff0);
	regs = (struct guest_regs){ .rdx = NOBODY };
	guest_check(ran(step, sizeof(step)) && traps == 1 && trap_rip == (u64)code + 10 &&
			    dr6_read() & DR6_BS,
		"single-step", "%u traps, the last at +%ld, dr6 %lx", traps,
		(s64)(trap_rip - (u64)code), dr6_read());
	guest_on_exception(VEC_DB, NULL);
}

static u64 interrupted_at;

static void on_interrupt(u8 vector)
{
	(void)vector;
	interrupted_at = guest_frame->rip;
	msr_write(HV_MSR_EOI, 0);
}

/* An interrupt that waits behind STI comes behind the IN, and not before. */
static void test_shadow(void)
{
	static const u8 shadow[] = { 0xfb, 0xec, 0x90, 0xfa }; /* STI; IN; NOP; CLI */

	guest_on_interrupt(VECTOR, on_interrupt);
	irq_disable();
	msr_write(HV_MSR_ICR, VECTOR | (u64)APIC_SHORTHAND_SELF << 18 | APIC_ICR_ASSERT);
	regs = (struct guest_regs){ .rdx = NOBODY };
	guest_check(ran(shadow, sizeof(shadow)) && interrupted_at == (u64)code + 2, "in-behind-sti",
		"at +%ld", (s64)(interrupted_at - (u64)code));
}

static void make_buffer(void)
{
	u64 *t = (u64 *)guest_phys(pml4);

	buffer = guest_pages(PAGES);
	for (u32 level = 4; level > 1; level--) {
		u64 *below = guest_pages(1);

		t[PT_INDEX(VA, level)] = (u64)below | PTE_P | PTE_W;
		t = below;
	}
	table = t;
	for (u32 i = 0; i < PAGES; i++)
		table[i] = ((u64)buffer + (PAGES - 1 - i) * PAGE_SIZE) | PTE_P | PTE_W;
	cr3_write(cr3_read());
}

void guest_main(void)
{
	code = guest_pages(1);
	make_buffer();
	test_in(ins, ARRAY_SIZE(ins), NOBODY);
	test_in(scratch_ins, ARRAY_SIZE(scratch_ins), SCRATCH);
	test_out();
	for (u32 i = 0; i < ARRAY_SIZE(strings); i++)
		test_string(&strings[i]);
	test_address_size();
	test_segments();
	test_page_faults();
	test_single_step();
	test_shadow();
}

/* SPDX-License-Identifier: MIT */
/*
 * A child's accesses to places without memory: reads give ones, writes are
 * dropped, and registers and flags are as the instruction leaves them. All
 * forms that the worker emulates, and #GP for others. Machine code, RDI
 * pointing to nothing.
 * machines: none
 * child: svm-smp1-bios vmx-smp1
 */
#include "lib/string.h"
#include "tests/guest/lib/guest.h"
#include "x86/cpu.h"
#include "x86/cr.h"
#include "x86/desc.h"
#include "x86/msr.h"
#include "x86/paging.h"

#define NOTHING 0xd0000000u /* between RAM and 4 GiB */
#define FAR     (8 * GIB)   /* behind RAM */
#define VA      0x0000700000000000ull
#define MARK    0x600du
#define RAX     0x8877665544332211ull
#define STATUS  (RFLAGS_CF | RFLAGS_PF | RFLAGS_AF | RFLAGS_ZF | RFLAGS_SF | RFLAGS_OF)

extern u64 pml4[512];

static u8 *code;
static u8 *ram; /* the page at VA; behind it is nothing */
static struct guest_regs regs;

static void run(void *p)
{
	guest_execute(p, &regs);
}

/* Runs @bytes; RBX has the flags afterwards, R8 the mark. */
static struct guest_fault execute(const u8 *bytes, u32 length)
{
	static const u8 tail[] = { 0x9c, 0x5b, 0x41, 0xb8, MARK & 0xff, MARK >> 8, 0, 0, 0xc3 };

	memcpy(code, bytes, length);
	memcpy(code + length, tail, sizeof(tail));
	regs.r8 = 0;
	return guest_try(run, code);
}

static bool ran(const u8 *bytes, u32 length)
{
	return execute(bytes, length).vector == GUEST_NO_FAULT && regs.r8 == MARK;
}

/* Flags are compared where @flags is not 0; RFLAGS_FIXED means none of them. */
struct form {
	const char *name;
	u8 length;
	u8 bytes[12];
	u64 rax;
	u64 flags;
};

#define CF    RFLAGS_CF
#define PF    RFLAGS_PF
#define AF    RFLAGS_AF
#define ZF    RFLAGS_ZF
#define SF    RFLAGS_SF
#define FIXED RFLAGS_FIXED

static const struct form loads[] = {
	{ "mov-al", 2, { 0x8a, 0x07 }, 0x88776655443322ff, 0 },
	{ "mov-ah", 2, { 0x8a, 0x27 }, 0x887766554433ff11, 0 },
	{ "mov-al-rex", 3, { 0x40, 0x8a, 0x07 }, 0x88776655443322ff, 0 },
	{ "mov-ax", 3, { 0x66, 0x8b, 0x07 }, 0x887766554433ffff, 0 },
	{ "mov-eax", 2, { 0x8b, 0x07 }, 0xffffffff, 0 },
	{ "mov-rax", 3, { 0x48, 0x8b, 0x07 }, ~0ull, 0 },
	{ "mov-eax-disp8", 3, { 0x8b, 0x47, 0x7f }, 0xffffffff, 0 },
	{ "mov-eax-disp32", 6, { 0x8b, 0x87, 0, 0, 1, 0 }, 0xffffffff, 0 },
	{ "mov-eax-sib", 3, { 0x8b, 0x04, 0x27 }, 0xffffffff, 0 },
	{ "mov-eax-67", 3, { 0x67, 0x8b, 0x07 }, 0xffffffff, 0 },
	{ "mov-eax-absolute", 8, { 0x67, 0x8b, 0x04, 0x25, 0, 0, 0, 0xd0 }, 0xffffffff, 0 },
	{ "mov-al-offset", 9, { 0xa0, 0, 0, 0, 0xd0, 0, 0, 0, 0 }, 0x88776655443322ff, 0 },
	{ "mov-eax-offset", 9, { 0xa1, 0, 0, 0, 0xd0, 0, 0, 0, 0 }, 0xffffffff, 0 },
	{ "mov-rax-offset", 10, { 0x48, 0xa1, 4, 0, 0, 0xd0, 0, 0, 0, 0 }, ~0ull, 0 },
	{ "movzx-eax-byte", 3, { 0x0f, 0xb6, 0x07 }, 0xff, 0 },
	{ "movzx-ax-byte", 4, { 0x66, 0x0f, 0xb6, 0x07 }, 0x88776655443300ff, 0 },
	{ "movzx-rax-word", 4, { 0x48, 0x0f, 0xb7, 0x07 }, 0xffff, 0 },
	{ "movsx-eax-byte", 3, { 0x0f, 0xbe, 0x07 }, 0xffffffff, 0 },
	{ "movsx-ax-byte", 4, { 0x66, 0x0f, 0xbe, 0x07 }, 0x887766554433ffff, 0 },
	{ "movsx-rax-word", 4, { 0x48, 0x0f, 0xbf, 0x07 }, ~0ull, 0 },
	{ "movsxd-rax", 3, { 0x48, 0x63, 0x07 }, ~0ull, 0 },
	{ "add-eax", 2, { 0x03, 0x07 }, 0x44332210, CF | AF },
	{ "add-al", 2, { 0x02, 0x07 }, 0x8877665544332210, CF | AF },
	{ "or-ax", 3, { 0x66, 0x0b, 0x07 }, 0x887766554433ffff, PF | SF },
	{ "and-rax", 3, { 0x48, 0x23, 0x07 }, RAX, PF | SF },
	{ "sub-eax", 2, { 0x2b, 0x07 }, 0x44332212, CF | PF | AF },
	{ "xor-eax", 2, { 0x33, 0x07 }, 0xbbccddee, PF | SF },
	{ "cmp-eax-memory", 2, { 0x3b, 0x07 }, RAX, CF | PF | AF },
	{ "cmp-memory-eax", 2, { 0x39, 0x07 }, RAX, PF | SF },
	{ "cmp-memory-imm8", 3, { 0x83, 0x3f, 0xff }, RAX, ZF | PF },
	{ "cmp-memory-imm", 6, { 0x81, 0x3f, 0xfe, 0xff, 0xff, 0xff }, RAX, FIXED },
	{ "cmp-byte-imm", 3, { 0x80, 0x3f, 0xff }, RAX, ZF | PF },
	{ "test-memory-eax", 2, { 0x85, 0x07 }, RAX, PF },
	{ "test-byte-imm", 3, { 0xf6, 0x07, 0 }, RAX, ZF | PF },
};

static const struct form bt = { "bt-imm", 4, { 0x0f, 0xba, 0x27, 5 }, RAX, 0 };

static const struct form stores[] = {
	{ "store-al", 2, { 0x88, 0x07 }, RAX, 0 },
	{ "store-ah", 2, { 0x88, 0x27 }, RAX, 0 },
	{ "store-ax", 3, { 0x66, 0x89, 0x07 }, RAX, 0 },
	{ "store-eax", 2, { 0x89, 0x07 }, RAX, 0 },
	{ "store-rax", 3, { 0x48, 0x89, 0x07 }, RAX, 0 },
	{ "store-imm8", 3, { 0xc6, 0x07, 5 }, RAX, 0 },
	{ "store-imm16", 5, { 0x66, 0xc7, 0x07, 5, 0 }, RAX, 0 },
	{ "store-imm32", 6, { 0xc7, 0x07, 5, 0, 0, 0 }, RAX, 0 },
	{ "store-imm64", 7, { 0x48, 0xc7, 0x07, 5, 0, 0, 0 }, RAX, 0 },
	{ "store-al-offset", 9, { 0xa2, 0, 0, 0, 0xd0, 0, 0, 0, 0 }, RAX, 0 },
	{ "store-eax-offset", 9, { 0xa3, 0, 0, 0, 0xd0, 0, 0, 0, 0 }, RAX, 0 },
	{ "movnti", 3, { 0x0f, 0xc3, 0x07 }, RAX, 0 },
	{ "xchg-al", 2, { 0x86, 0x07 }, 0x88776655443322ff, 0 },
	{ "xchg-eax", 2, { 0x87, 0x07 }, 0xffffffff, 0 },
	{ "xchg-rax", 3, { 0x48, 0x87, 0x07 }, ~0ull, 0 },
	{ "add-memory", 2, { 0x01, 0x07 }, RAX, CF | AF },
	{ "lock-add-memory", 3, { 0xf0, 0x01, 0x07 }, RAX, CF | AF },
	{ "or-memory", 2, { 0x09, 0x07 }, RAX, PF | SF },
	{ "and-memory", 2, { 0x21, 0x07 }, RAX, PF },
	{ "sub-memory", 2, { 0x29, 0x07 }, RAX, PF | SF },
	{ "xor-memory", 2, { 0x31, 0x07 }, RAX, PF | SF },
	{ "and-byte-imm", 3, { 0x80, 0x27, 0x0f }, RAX, PF },
	{ "or-imm8", 3, { 0x83, 0x0f, 1 }, RAX, PF | SF },
	{ "sub-imm32", 6, { 0x81, 0x2f, 0xff, 0xff, 0xff, 0xff }, RAX, ZF | PF },
};

/* The worker's word for it, and the log's. */
static const struct form refused[] = {
	{ "adc", 2, { 0x11, 0x07 }, 0, 0 },
	{ "inc", 2, { 0xff, 0x07 }, 0, 0 },
	{ "cmpxchg", 3, { 0x0f, 0xb1, 0x07 }, 0, 0 },
	{ "xadd", 3, { 0x0f, 0xc1, 0x07 }, 0, 0 },
	{ "push", 2, { 0xff, 0x37 }, 0, 0 },
	{ "movups", 3, { 0x0f, 0x10, 0x07 }, 0, 0 },
	{ "bt-register", 3, { 0x0f, 0xa3, 0x07 }, 0, 0 },
};

static void test_form(const struct form *f, u64 place)
{
	bool ok;

	regs = (struct guest_regs){ .rax = RAX, .rdi = place };
	ok = ran(f->bytes, f->length) && regs.rax == f->rax && regs.rdi == place;
	if (f->flags)
		ok = ok && (regs.rbx & STATUS) == (f->flags & STATUS);
	guest_check(ok, f->name, "rax %lx flags %lx", regs.rax, regs.rbx & STATUS);
}

static void test_forms(void)
{
	for (u32 i = 0; i < ARRAY_SIZE(loads); i++)
		test_form(&loads[i], NOTHING);
	for (u32 i = 0; i < ARRAY_SIZE(stores); i++) {
		test_form(&stores[i], NOTHING);
		if (*(volatile u64 *)(u64)NOTHING != ~0ull)
			guest_fail(stores[i].name, "it was stored");
	}
	/* Of the flags it changes the one. */
	test_form(&bt, NOTHING);
	guest_check(regs.rbx & CF, "bt-carry");
	test_form(&loads[5], FAR);
	test_form(&stores[4], FAR);
}

static void test_refused(void)
{
	for (u32 i = 0; i < ARRAY_SIZE(refused); i++) {
		struct guest_fault f;

		regs = (struct guest_regs){ .rax = RAX, .rdi = NOTHING };
		f = execute(refused[i].bytes, refused[i].length);
		guest_check(f.vector == VEC_GP && f.error == 0 && f.rip == (u64)code,
			refused[i].name, "vector %u", f.vector);
	}
}

/* Bits of one's own segment, and none of 32-bit ones. */
static void test_segment(void)
{
	static const u8 fs[] = { 0x64, 0x8b, 0x07 }, ds[] = { 0x3e, 0x8b, 0x07 };

	*(u32 *)(void *)ram = 0x12345678;
	msr_write(MSR_FS_BASE, NOTHING);
	regs = (struct guest_regs){ .rdi = 8 };
	guest_check(ran(fs, sizeof(fs)) && regs.rax == 0xffffffff, "fs-base", "%lx", regs.rax);
	regs = (struct guest_regs){ .rdi = VA };
	guest_check(ran(ds, sizeof(ds)) && regs.rax == 0x12345678, "ds", "%lx", regs.rax);
	msr_write(MSR_FS_BASE, 0);
}

/* Half of the access is in RAM, half behind it. */
static void test_border(void)
{
	u64 edge = VA + PAGE_SIZE - 4;
	volatile u64 *p = (volatile u64 *)edge;
	volatile u32 *half = (volatile u32 *)(void *)(ram + PAGE_SIZE - 4);

	*half = 0x12345678;
	guest_check(*p == 0xffffffff12345678, "load-across", "%lx", *p);
	*p = 0xaaaabbbbccccdddd;
	guest_check(*half == 0xccccdddd, "store-across", "%x", *half);
	*p += 0x11110000;
	guest_check(*half == 0xddddddddu, "change-across", "%x", *half);
	guest_check(*(volatile u32 *)(edge + 4) == ~0u, "behind-the-border");
}

struct string_case {
	const char *name;
	u8 length;
	u8 bytes[4];
	u64 from, to, count;
	u32 size;
};

static const struct string_case strings[] = {
	{ "movsb-from-nothing", 2, { 0xf3, 0xa4 }, NOTHING, VA + 8, 100, 1 },
	{ "movsq-from-nothing", 3, { 0xf3, 0x48, 0xa5 }, NOTHING, VA + 8, 100, 8 },
	{ "movsw-to-nothing", 3, { 0xf3, 0x66, 0xa5 }, VA + 8, NOTHING, 100, 2 },
	{ "movsd-nothing-to-nothing", 2, { 0xf3, 0xa5 }, NOTHING, FAR, 2000, 4 },
	{ "movsb-out-of-ram", 2, { 0xf3, 0xa4 }, VA, VA + PAGE_SIZE - 16, 32, 1 },
	{ "movsd-into-ram", 2, { 0xf3, 0xa5 }, VA + PAGE_SIZE - 32, VA + 8, 16, 4 },
	{ "movsb-once", 1, { 0xa4 }, NOTHING, VA + 8, 1, 1 },
	{ "stosd", 2, { 0xf3, 0xab }, 0, NOTHING, 100, 4 },
	{ "lodsb", 2, { 0xf3, 0xac }, NOTHING, 0, 5, 1 },
};

static u8 pattern(u64 at)
{
	return (u8)(at * 5 + 1);
}

/* What stands at @va, a copy of RAM having been taken before. */
static u8 was(u64 va)
{
	return va >= VA && va < VA + PAGE_SIZE ? pattern(va - VA) : 0xff;
}

static bool copied(const struct string_case *c)
{
	for (u64 i = 0; i < PAGE_SIZE; i++) {
		u64 va = VA + i;
		bool is_new = c->from && va >= c->to && va < c->to + c->count * c->size;

		if (ram[i] != (is_new ? was(c->from + (va - c->to)) : pattern(i)))
			return false;
	}
	return true;
}

static void test_string(const struct string_case *c)
{
	u64 moved = c->count * c->size;
	bool ok;

	for (u64 i = 0; i < PAGE_SIZE; i++)
		ram[i] = pattern(i);
	regs = (struct guest_regs){ .rax = RAX, .rcx = c->count, .rsi = c->from, .rdi = c->to };
	ok = ran(c->bytes, c->length) && regs.rcx == (c->bytes[0] == 0xf3 ? 0 : c->count);
	ok = ok && regs.rsi == (c->from ? c->from + moved : 0) &&
	     regs.rdi == (c->to ? c->to + moved : 0);
	guest_check(
		ok && copied(c), c->name, "rcx %lx rsi %lx rdi %lx", regs.rcx, regs.rsi, regs.rdi);
	if (c->to == 0)
		guest_check(regs.rax == (RAX | 0xff), c->name, "rax %lx", regs.rax);
}

/* There is nothing to execute, either. */
static void test_execute(void)
{
	struct guest_fault f = guest_try(run, (void *)(u64)NOTHING);

	guest_check(f.vector == VEC_UD && f.rip == NOTHING, "execute", "vector %u at %lx", f.vector,
		f.rip);
}

/* For ring 3, down to the page, large or not. */
static void allow_user(u64 va)
{
	u64 *table = (u64 *)guest_phys(pml4);

	for (u32 level = 4; level > 0; level--) {
		u64 *e = &table[PT_INDEX(va, level)];

		*e |= PTE_U;
		if (*e & PTE_PS)
			break;
		table = (u64 *)(*e & PTE_ADDR);
	}
	cr3_write(cr3_read());
}

/* Ring 3 reads as well; the INT3 behind it is the gate's #GP. */
static void test_user(void)
{
	static const u8 text[] = { 0xbf, 0, 0, 0, 0xd0, 0x8b, 0x07, 0x83, 0xf8, 0xff, 0x74, 0x02,
		0x0f, 0x0b, 0xcc }; /* EDI = NOTHING; EAX = (RDI); UD2 unless ones; INT3 */
	struct guest_fault f;

	memcpy(ram, text, sizeof(text));
	allow_user(VA);
	allow_user(NOTHING);
	f = guest_user(VA, VA + PAGE_SIZE);
	guest_check(f.vector == VEC_GP && f.rip == VA + sizeof(text) - 1, "user",
		"vector %u at +%ld", f.vector, (s64)(f.rip - VA));
}

static void make_tables(void)
{
	u64 *t = (u64 *)guest_phys(pml4);

	ram = guest_pages(1);
	for (u32 level = 4; level > 1; level--) {
		u64 *below = guest_pages(1);

		t[PT_INDEX(VA, level)] = (u64)below | PTE_P | PTE_W;
		t = below;
	}
	t[0] = (u64)ram | PTE_P | PTE_W;
	t[1] = NOTHING | PTE_P | PTE_W;
	cr3_write(cr3_read());
}

void guest_main(void)
{
	code = guest_pages(1);
	make_tables();
	test_forms();
	test_refused();
	test_segment();
	test_border();
	for (u32 i = 0; i < ARRAY_SIZE(strings); i++)
		test_string(&strings[i]);
	test_execute();
	test_user();
}

/* SPDX-License-Identifier: MIT */
/*
 * What the dying print of stacks: names of addresses, guard pages, and chains
 * of frames that are broken in each way, the hypervisor's and a guest's.
 * sources: hypervisor/backtrace.c lib/elf.c lib/elf_symbols.c lib/format.c lib/string.c tests/unit/fake_image.S
 * cflags: -I tests/unit/fake_layout
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "hypervisor/backtrace.h"
#include "hypervisor/guest.h"
#include "hypervisor/layout.h"
#include "hypervisor/pool.h"
#include "hypervisor/vp.h"
#include "lib/elf.h"

extern char image_start[], text_end[], rodata_end[], image_end[];

static struct vp vp;
static u64 said[64];
static u32 said_count;

static void say(u64 address)
{
	assert_true(said_count < ARRAY_SIZE(said));
	said[said_count++] = address;
}

void *pool_alloc(u64 pages)
{
	return calloc(pages, PAGE_SIZE);
}

/* The guest's memory: one page at linear and physical address GUEST_STACK. */
#define GUEST_STACK 0x7000ull
static u64 guest_stack[512];

static void mode(struct vp *v, struct vp_mode *m)
{
	assert_ptr_equal(v, &vp);
	memset(m, 0, sizeof(*m));
}

static const struct virt_ops ops = { .mode = mode };
const struct virt_ops *virt = &ops;

bool guest_translate(struct vp *v, const struct vp_mode *m, gva_t gva, u32 access, gpa_t *gpa,
	struct guest_fault *fault)
{
	(void)v;
	(void)m;
	(void)fault;
	assert_int_equal(access, ACCESS_READ);
	*gpa = GPA(gva.a);
	return gva.a >= GUEST_STACK && gva.a < GUEST_STACK + PAGE_SIZE;
}

bool guest_read(struct vp *v, gpa_t gpa, void *buf, size_t len)
{
	(void)v;
	assert_true(gpa.a - GUEST_STACK + len <= PAGE_SIZE);
	memcpy(buf, (const u8 *)guest_stack + (gpa.a - GUEST_STACK), len);
	return true;
}

/* Elf64_Sym, by the specification. */
struct symbol {
	u32 name;
	u8 info, other;
	u16 section;
	u64 value, size;
};

static const struct symbol symbols[] = {
	{ 0, 0, 0, 0, 0, 0 },
	{ 1, 0x12, 0, 1, 0x1000, 0x20 },
	{ 7, 0x12, 0, 1, 0x1020, 0x10 },
	{ 9999, 0x12, 0, 1, 0x1040, 0x10 },
};
static const char strings[] = "\0first\0second";
static const struct elf_symtab table = { (const u8 *)symbols, sizeof(symbols), strings,
	sizeof(strings) };

static void named(u64 address, bool returned, const char *name)
{
	char text[80];

	backtrace_name(text, sizeof(text), address, returned);
	assert_string_equal(text, name);
}

static void names(void **state)
{
	static const struct elf_symtab none = { 0 };

	(void)state;
	named(0x1004, false, "?");
	backtrace_keep_symbols(&none);
	named(0x1004, false, "?");
	backtrace_keep_symbols(&table);
	named(0x1004, false, "first+0x4");
	named(0x1020, false, "second+0x0");
	/* Behind a call at the end of a function that does not return. */
	named(0x1020, true, "first+0x20");
	named(0x1030, false, "?");
	/* A name outside the strings. */
	named(0x1044, false, "?");
	backtrace_use_root(true);
	named(0x1004, false, "?");
	backtrace_root_symbols(&table);
	named(0x1024, false, "second+0x4");
	backtrace_use_root(false);
	named(0x1004, false, "first+0x4");
}

static void guards(void **state)
{
	u64 end = HV_STACK_BASE + (u64)HV_MAX_CPUS * HV_STACKS_PER_CPU * HV_STACK_STRIDE;

	(void)state;
	for (u64 s = HV_STACK_BASE; s < end; s += 37 * HV_STACK_STRIDE) {
		assert_true(backtrace_is_guard(s));
		assert_true(backtrace_is_guard(s + HV_STACK_STRIDE - HV_STACK_SIZE - 1));
		assert_false(backtrace_is_guard(s + HV_STACK_STRIDE - HV_STACK_SIZE));
		assert_false(backtrace_is_guard(s + HV_STACK_STRIDE - 1));
	}
	assert_false(backtrace_is_guard(HV_STACK_BASE - 1));
	assert_false(backtrace_is_guard(end));
	assert_false(backtrace_is_guard(0));
}

/* One stack is mapped; a read beside it ends the test. */
static u64 *stack_top(void)
{
	u8 *low = (u8 *)(HV_STACK_BASE + HV_STACK_STRIDE - HV_STACK_SIZE);

	assert_ptr_equal(mmap(low, HV_STACK_SIZE, PROT_READ | PROT_WRITE,
				 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0),
		low);
	said_count = 0;
	return (u64 *)(low + HV_STACK_SIZE);
}

static u64 *frame(u64 *at, const void *next, const char *returns_to)
{
	at[0] = (u64)next;
	at[1] = (u64)returns_to;
	return at;
}

static void own_frames(void **state)
{
	u64 *top = stack_top();

	(void)state;
	frame(top - 2, NULL, image_start + 3);
	frame(top - 10, top - 2, text_end - 1);
	frame(top - 20, top - 10, image_start);
	backtrace_own((u64)(top - 20), say);
	assert_int_equal(said_count, 3);
	assert_int_equal(said[0], (u64)image_start);
	assert_int_equal(said[1], (u64)text_end - 1);
	assert_int_equal(said[2], (u64)image_start + 3);
}

static void broken_chains(void **state)
{
	u64 *top = stack_top();

	(void)state;
	/* No frame at all, half a frame, the guard, a stack that is not there is not asked for. */
	backtrace_own(0, say);
	backtrace_own((u64)(top - 1), say);
	backtrace_own((u64)(top - 2) + 1, say);
	backtrace_own(HV_STACK_BASE + 64, say);
	backtrace_own(~0ull - 7, say);
	assert_int_equal(said_count, 0);
	/* A return address that is none. */
	backtrace_own((u64)frame(top - 20, top - 10, text_end), say);
	assert_int_equal(said_count, 0);
	/* To itself, and downwards. */
	backtrace_own((u64)frame(top - 20, top - 20, image_start), say);
	assert_int_equal(said_count, 1);
	backtrace_own((u64)frame(top - 20, top - 30, image_start), say);
	assert_int_equal(said_count, 2);
	/* Out of the stack. */
	backtrace_own((u64)frame(top - 20, top, image_start), say);
	assert_int_equal(said_count, 3);
	/* Longer than anybody wants to read. */
	said_count = 0;
	for (u32 i = 2; i < 1000; i += 2)
		frame(top - i, top - i + 2, image_start);
	backtrace_own((u64)(top - 998), say);
	assert_true(said_count > 10 && said_count <= 40);
}

/* The first stack lies in the image's data. */
static void the_image_s_stack(void **state)
{
	u64 *at = (u64 *)(void *)rodata_end;
	u64 *end = (u64 *)(void *)image_end;

	(void)state;
	said_count = 0;
	frame(at, end - 2, image_start + 8);
	frame(end - 2, end, image_start + 9);
	backtrace_own((u64)at, say);
	assert_int_equal(said_count, 2);
	backtrace_own((u64)(end - 1), say);
	assert_int_equal(said_count, 2);
}

static void guest_frames(void **state)
{
	(void)state;
	memset(guest_stack, 0, sizeof(guest_stack));
	said_count = 0;
	guest_stack[0] = GUEST_STACK + 0x40;
	guest_stack[1] = 0x1111;
	guest_stack[8] = GUEST_STACK + 0xff0;
	guest_stack[9] = 0x2222;
	guest_stack[510] = 0x123456789;
	guest_stack[511] = 0x3333;
	vp.regs.gpr[GPR_RBP] = GUEST_STACK;
	backtrace_guest(&vp, say);
	assert_int_equal(said_count, 3);
	assert_int_equal(said[2], 0x3333);
	/* A loop, a chain that goes down, an odd pointer, none. */
	guest_stack[8] = GUEST_STACK;
	said_count = 0;
	backtrace_guest(&vp, say);
	assert_int_equal(said_count, 2);
	said_count = 0;
	vp.regs.gpr[GPR_RBP] = GUEST_STACK + 8;
	backtrace_guest(&vp, say);
	vp.regs.gpr[GPR_RBP] = 0;
	backtrace_guest(&vp, say);
	vp.regs.gpr[GPR_RBP] = ~0ull << 4;
	backtrace_guest(&vp, say);
	assert_int_equal(said_count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names),
		cmocka_unit_test(guards),
		cmocka_unit_test(own_frames),
		cmocka_unit_test(broken_chains),
		cmocka_unit_test(the_image_s_stack),
		cmocka_unit_test(guest_frames),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/*
 * lib/mmio_emulate.c: instructions as bytes on a word of plain memory, and the
 * arithmetic by its definition.
 * sources: lib/mmio_emulate.c lib/insn.c lib/insn_access.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/errno.h"
#include "lib/mmio_emulate.h"
#include "x86/cpu.h"

enum { RAX, RCX, RDX, RBX };

static u64 gpr[16];
static u64 rflags;
static u64 memory;
static u32 loads, stores;

static int setup(void **state)
{
	(void)state;
	for (u32 i = 0; i < 16; i++)
		gpr[i] = 0x1111111111111111ull * i;
	rflags = RFLAGS_FIXED;
	memory = 0x8877665544332211ull;
	loads = stores = 0;
	return 0;
}

static int run(const u8 *bytes, size_t size)
{
	struct mmio_op op;
	struct insn insn;
	u64 v = 0x5a5a5a5a5a5a5a5aull;

	assert_int_equal(insn_decode(&insn, bytes, size, INSN_64), 0);
	assert_int_equal(insn.length, size);
	if (mmio_decode(&op, &insn, gpr) != 0)
		return -EINVAL;
	if (op.loads) {
		/* What is above the size must not matter. */
		memcpy(&v, &memory, op.how.size);
		loads++;
	}
	v = mmio_apply(&op, v, gpr, &rflags);
	if (op.stores) {
		memcpy(&memory, &v, op.how.size);
		stores++;
	}
	return 0;
}

#define RUN(...)                                                  \
	do {                                                      \
		static const u8 bytes_[] = { __VA_ARGS__ };       \
		assert_int_equal(run(bytes_, sizeof(bytes_)), 0); \
	} while (0)

static void loads_fill_registers(void **state)
{
	(void)state;
	gpr[RAX] = ~0ull;
	RUN(0x8a, 0x03); /* mov al, [rbx] */
	assert_int_equal(gpr[RAX], 0xffffffffffffff11ull);
	RUN(0x8a, 0x23); /* mov ah, [rbx] */
	assert_int_equal(gpr[RAX], 0xffffffffffff1111ull);
	RUN(0x66, 0x8b, 0x03); /* mov ax, [rbx] */
	assert_int_equal(gpr[RAX], 0xffffffffffff2211ull);
	RUN(0x8b, 0x03); /* mov eax, [rbx] */
	assert_int_equal(gpr[RAX], 0x44332211);
	RUN(0x48, 0x8b, 0x03); /* mov rax, [rbx] */
	assert_int_equal(gpr[RAX], memory);
	memory = 0x8182838485868788ull;
	RUN(0x0f, 0xb6, 0x0b); /* movzx ecx, byte [rbx] */
	assert_int_equal(gpr[RCX], 0x88);
	RUN(0x48, 0x0f, 0xb7, 0x0b); /* movzx rcx, word [rbx] */
	assert_int_equal(gpr[RCX], 0x8788);
	gpr[RCX] = ~0ull;
	RUN(0x0f, 0xbe, 0x0b); /* movsx ecx, byte [rbx] */
	assert_int_equal(gpr[RCX], 0xffffff88);
	RUN(0x48, 0x0f, 0xbf, 0x0b); /* movsx rcx, word [rbx] */
	assert_int_equal(gpr[RCX], 0xffffffffffff8788ull);
	RUN(0x48, 0x63, 0x0b); /* movsxd rcx, dword [rbx] */
	assert_int_equal(gpr[RCX], 0xffffffff85868788ull);
	assert_int_equal(loads, 10);
	assert_int_equal(stores, 0);
	assert_int_equal(rflags, RFLAGS_FIXED);
}

static void stores_take_registers_and_immediates(void **state)
{
	(void)state;
	gpr[RDX] = 0xaabbccddeeff1234ull;
	RUN(0x88, 0x13); /* mov [rbx], dl */
	assert_int_equal(memory, 0x8877665544332234ull);
	RUN(0x88, 0x33); /* mov [rbx], dh */
	assert_int_equal(memory, 0x8877665544332212ull);
	RUN(0x66, 0x89, 0x13); /* mov [rbx], dx */
	assert_int_equal(memory, 0x8877665544331234ull);
	RUN(0x0f, 0xc3, 0x13); /* movnti [rbx], edx */
	assert_int_equal(memory, 0x88776655eeff1234ull);
	RUN(0x48, 0x89, 0x13); /* mov [rbx], rdx */
	assert_int_equal(memory, 0xaabbccddeeff1234ull);
	RUN(0x48, 0xc7, 0x03, 0xfe, 0xff, 0xff, 0xff); /* mov qword [rbx], -2 */
	assert_int_equal(memory, (u64)-2);
	assert_int_equal(loads, 0);
	assert_int_equal(stores, 6);
}

static void read_modify_write(void **state)
{
	(void)state;
	gpr[RDX] = 0x77;
	RUN(0x86, 0x13); /* xchg [rbx], dl */
	assert_int_equal(memory, 0x8877665544332277ull);
	assert_int_equal(gpr[RDX], 0x11);
	RUN(0x87, 0x13); /* xchg [rbx], edx */
	assert_int_equal(memory, 0x8877665500000011ull);
	assert_int_equal(gpr[RDX], 0x44332277);
	RUN(0x48, 0x83, 0x03, 0xff); /* add qword [rbx], -1 */
	assert_int_equal(memory, 0x8877665500000010ull);
	assert_true(rflags & RFLAGS_CF);
	RUN(0x80, 0x33, 0x10); /* xor byte [rbx], 16 */
	assert_int_equal(memory, 0x8877665500000000ull);
	assert_true(rflags & RFLAGS_ZF);
	assert_int_equal(loads, 4);
	assert_int_equal(stores, 4);
}

static void flags_alone(void **state)
{
	(void)state;
	gpr[RAX] = 0x11;
	RUN(0x3a, 0x03); /* cmp al, [rbx] */
	assert_true(rflags & RFLAGS_ZF);
	RUN(0x80, 0x3b, 0x12); /* cmp byte [rbx], 0x12 */
	assert_true(rflags & RFLAGS_CF);
	RUN(0xf6, 0x03, 0xee); /* test byte [rbx], 0xee */
	assert_true(rflags & RFLAGS_ZF);
	RUN(0x48, 0x0f, 0xba, 0x23, 63); /* bt qword [rbx], 63 */
	assert_true(rflags & RFLAGS_CF);
	assert_int_equal(gpr[RAX], 0x11);
	RUN(0x02, 0x03); /* add al, [rbx] */
	assert_int_equal(gpr[RAX], 0x22);
	RUN(0x2a, 0x23); /* sub ah, [rbx] */
	assert_int_equal(gpr[RAX], 0xef22);
	assert_int_equal(stores, 0);
}

static void others_are_refused(void **state)
{
	static const u8 refused[][3] = { { 0xa4 }, { 0xab }, { 0xad }, { 0x0f, 0x10, 0x03 },
		{ 0x10, 0x03 }, { 0x89, 0xc3 } };
	static const u8 sizes[] = { 1, 1, 1, 3, 2, 2 };

	(void)state;
	for (u32 i = 0; i < sizeof(sizes); i++)
		assert_int_equal(run(refused[i], sizes[i]), -EINVAL);
}

static void registers_are_merged(void **state)
{
	(void)state;
	assert_int_equal(mmio_merge(~0ull, 0x1234567812345678ull, 1), 0xffffffffffffff78ull);
	assert_int_equal(mmio_merge(~0ull, 0x1234567812345678ull, 2), 0xffffffffffff5678ull);
	assert_int_equal(mmio_merge(~0ull, 0x1234567812345678ull, 4), 0x12345678);
	assert_int_equal(mmio_merge(~0ull, 0x1234567812345678ull, 8), 0x1234567812345678ull);
}

#define STATUS 0x8d5ull

static __int128 widen(u64 v, u8 size)
{
	return (s64)(v << (64 - 8 * size)) >> (64 - 8 * size);
}

/* Flags by their definitions, in arithmetic wide enough never to overflow. */
static u64 expected(u64 a, u64 b, u8 size, bool subtract, u64 *flags)
{
	u64 mask = size == 8 ? ~0ull : BIT(8 * size) - 1;
	__int128 exact, exact_signed;
	u32 ones = 0;
	u64 r;

	a &= mask;
	b &= mask;
	exact = subtract ? (__int128)a - b : (__int128)a + b;
	exact_signed = subtract ? widen(a, size) - widen(b, size) : widen(a, size) + widen(b, size);
	r = (u64)exact & mask;
	for (u32 i = 0; i < 8; i++)
		ones += r >> i & 1;
	*flags = 0;
	if (exact < 0 || exact > mask)
		*flags |= RFLAGS_CF;
	if (exact_signed != widen(r, size))
		*flags |= RFLAGS_OF;
	if (subtract ? (a & 15) < (b & 15) : (a & 15) + (b & 15) > 15)
		*flags |= RFLAGS_AF;
	if (ones % 2 == 0)
		*flags |= RFLAGS_PF;
	if (r == 0)
		*flags |= RFLAGS_ZF;
	if (widen(r, size) < 0)
		*flags |= RFLAGS_SF;
	return r;
}

static const u64 values[] = { 0, 1, 2, 0xf, 0x10, 0x7f, 0x80, 0xff, 0x7fffffff, 0x80000000,
	0xffffffff, 0x7fffffffffffffffull, 0x8000000000000000ull, ~0ull, 0x123456789abcdef0ull };

static void check_alu(u8 op, u64 a, u64 b, u8 size, u64 result, u64 flags)
{
	u64 got = RFLAGS_FIXED | RFLAGS_IF | STATUS;

	assert_int_equal(mmio_alu(op, a, b, size, &got), result);
	assert_int_equal(got, RFLAGS_FIXED | RFLAGS_IF | flags);
}

static void arithmetic(void **state)
{
	static const u8 sizes[] = { 1, 2, 4, 8 };
	const size_t n = sizeof(values) / sizeof(values[0]);

	(void)state;
	for (size_t i = 0; i < n * n * 4; i++) {
		u64 a = values[i % n], b = values[i / n % n], f, r;
		u8 size = sizes[i / n / n];

		r = expected(a, b, size, false, &f);
		check_alu(0, a, b, size, r, f);
		r = expected(a, b, size, true, &f);
		check_alu(5, a, b, size, r, f);
		check_alu(7, a, b, size, r, f);
	}
}

static void logic(void **state)
{
	u64 flags = RFLAGS_FIXED | RFLAGS_CF | RFLAGS_OF | RFLAGS_ZF;

	(void)state;
	check_alu(1, 0xf0, 0x0f, 4, 0xff, RFLAGS_PF);
	check_alu(4, 0xf0, 0x0f, 4, 0, RFLAGS_PF | RFLAGS_ZF);
	check_alu(6, 0x80000001, 1, 4, 0x80000000, RFLAGS_PF | RFLAGS_SF);
	check_alu(9, 7, 0x1, 4, 1, 0);
	/* XCHG changes no flag, BT only CF. */
	assert_int_equal(mmio_alu(8, 1, 2, 4, &flags), 2);
	assert_int_equal(flags, RFLAGS_FIXED | RFLAGS_CF | RFLAGS_OF | RFLAGS_ZF);
	mmio_alu(10, 4, 1, 4, &flags);
	assert_int_equal(flags, RFLAGS_FIXED | RFLAGS_OF | RFLAGS_ZF);
	mmio_alu(10, 4, 34, 4, &flags);
	assert_int_equal(flags, RFLAGS_FIXED | RFLAGS_CF | RFLAGS_OF | RFLAGS_ZF);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(loads_fill_registers, setup),
		cmocka_unit_test_setup(stores_take_registers_and_immediates, setup),
		cmocka_unit_test_setup(read_modify_write, setup),
		cmocka_unit_test_setup(flags_alone, setup),
		cmocka_unit_test_setup(others_are_refused, setup),
		cmocka_unit_test(registers_are_merged),
		cmocka_unit_test(arithmetic),
		cmocka_unit_test(logic),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/*
 * Instructions that touch GPAs without memory, or write to ROM: operands
 * within a page and across two, in all modes, and what is no access by an
 * instruction.
 * sources: rootpart/worker/intercept.c rootpart/worker/intercept_io.c
 * sources: rootpart/worker/intercept_memory.c rootpart/worker/intercept_string.c
 * sources: rootpart/worker/vp.c rootpart/worker/vp_memory.c rootpart/worker/ports.c
 * sources: rootpart/worker/power.c lib/insn.c lib/insn_access.c lib/insn_address.c
 * sources: lib/mmio_emulate.c rootpart/worker/memory.c rootpart/worker/machine.c
 * sources: rootpart/worker/uart.c rootpart/worker/rtc.c lib/date.c
 * sources: rootpart/worker/console.c rootpart/worker/report.c rootpart/worker/sys.c lib/format.c
 * sources: tests/unit/fake_worker.c tests/unit/host_assert.c
 * sources: rootpart/worker/ioapic.c rootpart/worker/bus.c rootpart/worker/crash.c
 */
#include "worker_child.h"

#define RW (HV_TRANSLATE_READ | HV_TRANSLATE_WRITE)

static void touch(u64 gpa, u8 access, const u8 *bytes, size_t count)
{
	u64 rip = regs->rip;

	child_touches(gpa, access, bytes, count);
	child_run();
	child_takes_nothing();
	assert_int_equal(regs->rip, rip + count);
	assert_true(regs->dirty & HV_DIRTY_RIP);
}

/* An instruction of these bytes that stopped because of @gpa, and was carried out. */
#define READS(gpa, ...) \
	touch(gpa, HV_ACCESS_READ, (const u8[]){ __VA_ARGS__ }, sizeof((const u8[]){ __VA_ARGS__ }))
#define WRITES(gpa, ...)                                         \
	touch(gpa, HV_ACCESS_WRITE, (const u8[]){ __VA_ARGS__ }, \
		sizeof((const u8[]){ __VA_ARGS__ }))

static void nothing_reads_as_ones(void **state)
{
	(void)state;
	gpr[RBX] = NOWHERE;
	gpr[RAX] = 0x1122334455667788ull;
	READS(NOWHERE, 0x8a, 0x03); /* mov al, [rbx] */
	assert_int_equal(gpr[RAX], 0x11223344556677ffull);
	READS(NOWHERE, 0x66, 0x8b, 0x03); /* mov ax, [rbx] */
	assert_int_equal(gpr[RAX], 0x112233445566ffffull);
	READS(NOWHERE, 0x8b, 0x03); /* mov eax, [rbx] */
	assert_int_equal(gpr[RAX], 0xffffffff);
	READS(NOWHERE, 0x48, 0x8b, 0x03); /* mov rax, [rbx] */
	assert_int_equal(gpr[RAX], ~0ull);
	READS(NOWHERE, 0x0f, 0xb6, 0x03); /* movzx eax, byte [rbx] */
	assert_int_equal(gpr[RAX], 0xff);
	assert_int_equal(fake.calls[WORKER_TRANSLATE], 0);
	assert_int_equal(fake.calls[WORKER_SET_REGISTERS], 0);
}

static void writes_to_nothing_are_dropped(void **state)
{
	(void)state;
	gpr[RBX] = NOWHERE;
	WRITES(NOWHERE, 0x88, 0x03);
	WRITES(NOWHERE, 0xc7, 0x03, 1, 2, 3, 4);
	WRITES(NOWHERE, 0x83, 0x0b, 0x08); /* or dword [rbx], 8 */
	assert_true(regs->rflags & RFLAGS_SF);
	assert_true(regs->dirty & HV_DIRTY_RFLAGS);
	gpr[RDX] = 5;
	WRITES(NOWHERE, 0x87, 0x13); /* xchg [rbx], edx */
	assert_int_equal(gpr[RDX], 0xffffffff);
	READS(NOWHERE, 0x83, 0x3b, 0xff); /* cmp dword [rbx], -1 */
	assert_true(regs->rflags & RFLAGS_ZF);
}

static void rom_keeps_its_contents(void **state)
{
	(void)state;
	memcpy(fake_memory(CHILD_ROM + 8), "ROMcode!", 8);
	gpr[RBX] = CHILD_ROM + 8;
	gpr[RAX] = 0;
	WRITES(CHILD_ROM + 8, 0x48, 0x89, 0x03);
	gpr[RDX] = 0;
	WRITES(CHILD_ROM + 8, 0x87, 0x13); /* xchg [rbx], edx */
	assert_memory_equal(&gpr[RDX], "ROMc\0\0\0\0", 8);
	assert_memory_equal(fake_memory(CHILD_ROM + 8), "ROMcode!", 8);
	assert_false(fake_dirty(CHILD_ROM));
	/* A message of the other type means the same. */
	child_touches(CHILD_ROM + 8, HV_ACCESS_WRITE, (const u8[]){ 0x88, 0x03 }, 2);
	fake_intercepts[0].header.type = HV_MESSAGE_GPA_INTERCEPT;
	child_run();
	assert_memory_equal(fake_memory(CHILD_ROM + 8), "ROMcode!", 8);
}

/* From RAM into nothing: each half is what it is. */
static void operands_across_pages(void **state)
{
	(void)state;
	fake_map(0x7000, 0x9000, HV_TRANSLATE_SUCCESS, RW);
	fake_map(0x8000, 0, HV_TRANSLATE_GPA_UNMAPPED, 0);
	memcpy(fake_memory(0x9ffd), "abc", 3);
	gpr[RBX] = 0x7ffd;
	READS(NOWHERE, 0x48, 0x8b, 0x03); /* mov rax, [rbx] */
	assert_memory_equal(&gpr[RAX], "abc\xff\xff\xff\xff\xff", 8);
	assert_int_equal(fake.last_flags, HV_TRANSLATE_READ | HV_TRANSLATE_SET_BITS);
	gpr[RAX] = 0x3736353433323130ull;
	WRITES(NOWHERE, 0x48, 0x89, 0x03); /* mov [rbx], rax */
	assert_memory_equal(fake_memory(0x9ffd), "012", 3);
	assert_true(fake_dirty(0x9000));
	assert_false(fake_dirty(0x8000));
	/* Two pages that do not follow each other, the message from the second. */
	fake.page_count = 1;
	fake_map(0x8000, 0x3000, HV_TRANSLATE_SUCCESS, RW);
	memcpy(fake_memory(0x3000), "XYZ", 3);
	gpr[RBX] = 0x7ffe;
	READS(0x3000, 0x8b, 0x03);
	assert_memory_equal(&gpr[RAX], "12XY\0\0\0\0", 8);
}

static void a_page_that_is_gone_faults(void **state)
{
	(void)state;
	fake_map(0x8000, 0, HV_TRANSLATE_NOT_PRESENT, 0);
	gpr[RBX] = 0x7ffe;
	gpr[RAX] = ~0ull;
	child_touches(NOWHERE, HV_ACCESS_WRITE, (const u8[]){ 0x89, 0x03 }, 2);
	child_run();
	child_takes_pf(0x8000, 2);
	assert_int_equal(*fake_memory(0x7ffe), 0);
	assert_int_equal(regs->dirty, 0);
}

static void modes(void **state)
{
	(void)state;
	gpr[RAX] = 0;
	/* 64 bits: relative to RIP, FS, and an address in the instruction. */
	READS(NOWHERE, 0x8b, 0x05, 0, 0, 0, 0x10);
	regs->fs.base = NOWHERE;
	READS(NOWHERE, 0x64, 0x8b, 0x04, 0x25, 0, 0, 0, 0);
	READS(NOWHERE, 0x48, 0xa1, 0, 0, 0, 0x10, 0, 0, 0, 0);
	assert_int_equal(gpr[RAX], ~0ull);
	assert_int_equal(fake.calls[WORKER_TRANSLATE], 1); /* RIP + 6 is no multiple of a page */
	child_32();
	regs->ds.base = NOWHERE - 0x100;
	gpr[RBX] = 0x100;
	gpr[RCX] = 0;
	READS(NOWHERE, 0x8b, 0x0b);
	assert_int_equal(gpr[RCX], 0xffffffff);
	child_16();
	regs->ds.base = 0xc0000;
	gpr[RBX] = 0x10010;
	READS(0xc0010, 0x8b, 0x0f); /* mov cx, [bx] */
	child_16();
	regs->ds.limit = 0xffff;
	gpr[RBX] = 0xffff;
	child_touches(0xcffff, HV_ACCESS_READ, (const u8[]){ 0x8b, 0x0f }, 2);
	regs->rip = RIP;
	child_run();
	child_takes(VEC_GP, ~0u); /* two bytes end behind the limit */
}

static void bytes_may_be_missing(void **state)
{
	(void)state;
	gpr[RBX] = NOWHERE;
	memcpy(fake_memory(RIP), "\x8b\x03", 2);
	child_touches(NOWHERE, HV_ACCESS_READ, NULL, 0);
	child_run();
	assert_int_equal(gpr[RAX], 0xffffffff);
	assert_int_equal(regs->rip, RIP + 2);
	/* Some of them: those that came do not count then. */
	memcpy(fake_memory(RIP + 2), "\x8b\x0b", 2);
	child_touches(NOWHERE, HV_ACCESS_READ, (const u8[]){ 0x8b }, 1);
	child_run();
	assert_int_equal(gpr[RCX], 0xffffffff);
	/* A count larger than there is room for. */
	child_touches(NOWHERE, HV_ACCESS_READ, (const u8[]){ 0x8b, 0x13 }, 2)->byte_count = 255;
	child_run();
	assert_int_equal(gpr[RDX], 0xffffffff);
	/* Beyond CS' limit there are none. */
	child_32();
	regs->cs.limit = 0x8000;
	regs->rip = 0x8001;
	child_touches(NOWHERE, HV_ACCESS_READ, NULL, 0);
	child_run();
	regs->rip = RIP;
	child_takes(VEC_GP, 0);
}

static void others_are_refused(void **state)
{
	static const u8 movups[] = { 0x0f, 0x10, 0x03 }, adc[] = { 0x11, 0x03 };
	static const u8 evex[] = { 0x62, 0xf1, 0x7c, 0x48 };

	(void)state;
	gpr[RBX] = NOWHERE;
	child_touches(NOWHERE, HV_ACCESS_READ, movups, sizeof(movups));
	child_run();
	child_takes(VEC_GP, 0);
	assert_string_equal(fake.log, "VP 0: instruction on a place without memory not emulated, "
				      "#GP at RIP 0x1000, bytes 0f 10 03 00\n");
	fake.set_count = 0;
	child_touches(NOWHERE, HV_ACCESS_WRITE, adc, sizeof(adc));
	child_run();
	child_takes(VEC_GP, 0);
	fake.set_count = 0;
	child_touches(NOWHERE, HV_ACCESS_READ, evex, sizeof(evex));
	child_run();
	child_takes(VEC_GP, 0);
	assert_int_equal(regs->dirty, 0);
}

static void code_that_is_nowhere(void **state)
{
	(void)state;
	child_touches(NOWHERE, HV_ACCESS_EXECUTE, NULL, 0);
	child_run();
	child_takes(VEC_UD, ~0u);
}

/* Whose tables, and for what, comes out of the instruction. */
static void page_tables_that_are_nowhere(void **state)
{
	struct hv_memory_intercept *m;

	(void)state;
	fake_map(0x7000, 0, HV_TRANSLATE_INVALID_FLAGS, 0);
	gpr[RBX] = 0x7010;
	memcpy(fake_memory(RIP), "\x89\x03", 2); /* mov [rbx], eax */
	/* The table's GPA, which may end as the operand's address does. */
	m = child_touches(NOWHERE + 0x10, HV_ACCESS_READ, NULL, 0);
	m->info = 0;
	child_run();
	child_takes_pf(0x7010, 0xb);
	m->header.execution = 3;
	memcpy(fake_memory(RIP), "\x8b\x03", 2); /* mov eax, [rbx] */
	fake.set_count = 0;
	child_run();
	child_takes_pf(0x7010, 0xd);
	/* Of the code itself, whatever the message says of the access. */
	m->header.execution = 0;
	m->header.access = HV_ACCESS_EXECUTE;
	fake_map(RIP, 0, HV_TRANSLATE_INVALID_FLAGS, 0);
	fake.set_count = 0;
	child_run();
	child_takes_pf(RIP, 9);
}

/* An instruction that is not known: the message may tell the address. */
static void page_tables_of_others(void **state)
{
	struct hv_memory_intercept *m;

	(void)state;
	memcpy(fake_memory(RIP), "\xff\x33", 2); /* push [rbx] */
	m = child_touches(NOWHERE, HV_ACCESS_WRITE, NULL, 0);
	m->info = HV_MEMORY_GVA_VALID;
	m->gva = 0xffff800012345678ull;
	child_run();
	child_takes_pf(0xffff800012345678ull, 0xb);
	m->header.access = HV_ACCESS_READ;
	m->header.execution = 3;
	fake.set_count = 0;
	child_run();
	child_takes_pf(0xffff800012345678ull, 0xd);
	m->info = 0;
	fake.set_count = 0;
	child_run();
	child_takes(VEC_GP, 0);
}

static void deliveries_cannot_be_emulated(void **state)
{
	(void)state;
	child_touches(NOWHERE, HV_ACCESS_WRITE, NULL, 0)->header.execution = HV_EXECUTION_PENDING;
	child_ends(0, WORKER_END_FAILED,
		"VP 0: the delivery of an interrupt or exception touched 0x10000000, where no "
		"memory is, at RIP 0x1000");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(nothing_reads_as_ones, child_setup),
		cmocka_unit_test_setup(writes_to_nothing_are_dropped, child_setup),
		cmocka_unit_test_setup(rom_keeps_its_contents, child_setup),
		cmocka_unit_test_setup(operands_across_pages, child_setup),
		cmocka_unit_test_setup(a_page_that_is_gone_faults, child_setup),
		cmocka_unit_test_setup(modes, child_setup),
		cmocka_unit_test_setup(bytes_may_be_missing, child_setup),
		cmocka_unit_test_setup(others_are_refused, child_setup),
		cmocka_unit_test_setup(code_that_is_nowhere, child_setup),
		cmocka_unit_test_setup(page_tables_that_are_nowhere, child_setup),
		cmocka_unit_test_setup(page_tables_of_others, child_setup),
		cmocka_unit_test_setup(deliveries_cannot_be_emulated, child_setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

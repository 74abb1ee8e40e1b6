/* SPDX-License-Identifier: MIT */
/*
 * Emulation of accesses to the APIC's page: instructions as bytes, and a fake
 * APIC of one register.
 * sources: hypervisor/mmio.c tests/unit/fake_vp.c lib/insn.c lib/insn_access.c lib/mmio_emulate.c
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
#include "hypervisor/mmio.h"
#include "x86/cpu.h"
#include "x86/desc.h"
#include "x86/msr.h"

#define BASE 0xfee00000ull

static const u8 *code;
static size_t code_size;
static bool fetch_fails;
static u32 reg_value;
static u32 reads, writes;

bool guest_fetch(struct vp *vp, struct insn *insn, struct guest_fault *fault)
{
	(void)vp;
	*fault = (struct guest_fault){ .vector = VEC_PF, .error = 0x14, .address = 0x7777 };
	return !fetch_fails && insn_decode(insn, code, code_size, INSN_64) == 0;
}

/* One register, at 0x80; none at 0x40. */
bool vlapic_read(struct vp *vp, u32 reg, u32 *v)
{
	(void)vp;
	reads++;
	if (reg == 0x40)
		return false;
	assert_int_equal(reg, 0x80);
	*v = reg_value;
	return true;
}

bool vlapic_write(struct vp *vp, u32 reg, u32 v)
{
	(void)vp;
	writes++;
	if (reg == 0x40)
		return false;
	assert_int_equal(reg, 0x80);
	reg_value = v;
	return true;
}

static int setup(void **state)
{
	(void)state;
	fake_vp_reset();
	fake_vp.vlapic.base_msr = BASE | APIC_BASE_ENABLE | APIC_BASE_BSP;
	fake_vp.regs.rip = 0x1000;
	fake_vp.regs.rflags = RFLAGS_FIXED;
	fetch_fails = false;
	reg_value = 0x11223344;
	reads = writes = 0;
	return 0;
}

static struct exit fault_at(u32 offset)
{
	return (struct exit){ .kind = EXIT_SLAT_FAULT,
		.slat = { .gpa = GPA(BASE + offset), .access = ACCESS_READ } };
}

static void run_at(u32 offset, const u8 *bytes, size_t size)
{
	struct exit exit = fault_at(offset);

	code = bytes;
	code_size = size;
	mmio_handle(&fake_vp, &exit);
}

/* Runs it and checks that it ended well. */
#define RUN_AT(offset, ...)                                                \
	do {                                                               \
		static const u8 bytes_[] = { __VA_ARGS__ };                \
		u64 rip_ = fake_vp.regs.rip;                               \
		run_at(offset, bytes_, sizeof(bytes_));                    \
		assert_int_equal(fake_injected, 0);                        \
		assert_int_equal(fake_vp.regs.rip, rip_ + sizeof(bytes_)); \
	} while (0)
#define RUN(...) RUN_AT(0x80, __VA_ARGS__)

static void test_is_apic(void **state)
{
	struct exit exit = fault_at(0xfff);

	(void)state;
	assert_true(mmio_is_apic(&fake_vp, &exit));
	exit.slat.gpa = GPA(BASE + 0x1000);
	assert_false(mmio_is_apic(&fake_vp, &exit));
	exit.slat.gpa = GPA(BASE - 1);
	assert_false(mmio_is_apic(&fake_vp, &exit));
	exit.slat.gpa = GPA(BASE);
	fake_vp.vlapic.base_msr |= APIC_BASE_X2APIC;
	assert_false(mmio_is_apic(&fake_vp, &exit));
	fake_vp.vlapic.base_msr = BASE;
	assert_false(mmio_is_apic(&fake_vp, &exit));
}

static void test_loads(void **state)
{
	u64 *gpr = fake_vp.regs.gpr;

	(void)state;
	gpr[GPR_RAX] = gpr[GPR_R9] = ~0ull;
	RUN(0x8b, 0x03); /* mov eax, [rbx] */
	assert_int_equal(gpr[GPR_RAX], 0x11223344);
	RUN(0x44, 0x8b, 0x0b); /* mov r9d, [rbx] */
	assert_int_equal(gpr[GPR_R9], 0x11223344);
	reg_value = 0x80000001;
	RUN(0x48, 0x63, 0x0b); /* movsxd rcx, dword [rbx] */
	assert_int_equal(gpr[GPR_RCX], 0xffffffff80000001ull);
	RUN(0xa1, 0x80, 0x00, 0xe0, 0xfe, 0, 0, 0, 0); /* mov eax, [moffs] */
	assert_int_equal(gpr[GPR_RAX], 0x80000001);
	assert_int_equal(reads, 4);
	assert_int_equal(writes, 0);
}

static void test_stores(void **state)
{
	(void)state;
	fake_vp.regs.gpr[GPR_RCX] = 0xdead12345678ull;
	RUN(0x89, 0x0b); /* mov [rbx], ecx */
	assert_int_equal(reg_value, 0x12345678);
	RUN(0xc7, 0x03, 1, 2, 3, 4); /* mov dword [rbx], imm */
	assert_int_equal(reg_value, 0x04030201);
	RUN(0xc7, 0x43, 0x10, 0xff, 0xff, 0xff, 0xff); /* with a displacement */
	assert_int_equal(reg_value, 0xffffffff);
	assert_int_equal(reads, 0);
	assert_int_equal(writes, 3);
}

static void test_read_modify_write(void **state)
{
	u64 *gpr = fake_vp.regs.gpr;

	(void)state;
	RUN(0x83, 0x0b, 0x08); /* or dword [rbx], 8 */
	assert_int_equal(reg_value, 0x1122334c);
	gpr[GPR_RDX] = 0x55;
	RUN(0x87, 0x13); /* xchg [rbx], edx */
	assert_int_equal(reg_value, 0x55);
	assert_int_equal(gpr[GPR_RDX], 0x1122334c);
	RUN(0xf0, 0x83, 0x03, 0x01); /* lock add dword [rbx], 1 */
	assert_int_equal(reg_value, 0x56);
	RUN(0x81, 0x23, 0xf0, 0xff, 0xff, 0xff); /* and dword [rbx], -16 */
	assert_int_equal(reg_value, 0x50);
	assert_int_equal(reads, 4);
	assert_int_equal(writes, 4);
}

static void test_tests(void **state)
{
	u64 *flags = &fake_vp.regs.rflags;

	(void)state;
	RUN(0xf7, 0x03, 0, 0, 0, 0x80); /* test dword [rbx], bit 31 */
	assert_true(*flags & RFLAGS_ZF);
	reg_value = 0x80000000;
	RUN(0xf7, 0x03, 0, 0, 0, 0x80);
	assert_false(*flags & RFLAGS_ZF);
	assert_true(*flags & RFLAGS_SF);
	fake_vp.regs.gpr[GPR_RAX] = 1;
	RUN(0x39, 0x03); /* cmp [rbx], eax: 0x80000000 - 1 overflows */
	assert_true(*flags & RFLAGS_OF);
	assert_false(*flags & RFLAGS_CF);
	RUN(0x3b, 0x03); /* cmp eax, [rbx]: 1 - 0x80000000 borrows */
	assert_true(*flags & RFLAGS_CF);
	assert_int_equal(fake_vp.regs.gpr[GPR_RAX], 1);
	RUN(0x0b, 0x03); /* or eax, [rbx] */
	assert_int_equal(fake_vp.regs.gpr[GPR_RAX], 0x80000001);
	RUN(0x0f, 0xba, 0x23, 31); /* bt dword [rbx], 31 */
	assert_true(*flags & RFLAGS_CF);
	assert_int_equal(writes, 0);
}

/* Anything but 4 bytes on a register: zeros are read, nothing is written. */
static void test_odd_accesses(void **state)
{
	u64 *gpr = fake_vp.regs.gpr;

	(void)state;
	gpr[GPR_RAX] = 0x1111111111111111ull;
	RUN(0x8a, 0x03); /* mov al, [rbx] */
	assert_int_equal(gpr[GPR_RAX], 0x1111111111111100ull);
	RUN(0x66, 0x8b, 0x03); /* mov ax, [rbx] */
	assert_int_equal(gpr[GPR_RAX], 0x1111111111110000ull);
	gpr[GPR_RAX] = ~0ull;
	RUN(0x8a, 0x23); /* mov ah, [rbx] */
	assert_int_equal(gpr[GPR_RAX], 0xffffffffffff00ffull);
	RUN(0x48, 0x8b, 0x03); /* mov rax, [rbx] */
	assert_int_equal(gpr[GPR_RAX], 0);
	RUN(0x48, 0x89, 0x03); /* mov [rbx], rax */
	RUN(0x88, 0x03);       /* mov [rbx], al */
	RUN_AT(0x84, 0x8b, 0x03);
	RUN_AT(0x81, 0x89, 0x03);
	assert_int_equal(reads, 0);
	assert_int_equal(writes, 0);
	assert_int_equal(fake_log_lines, 8);
	/* A register that is not there. */
	gpr[GPR_RAX] = 5;
	RUN_AT(0x40, 0x8b, 0x03);
	assert_int_equal(gpr[GPR_RAX], 0);
	RUN_AT(0x40, 0x89, 0x03);
	assert_int_equal(fake_log_lines, 10);
	assert_int_equal(reg_value, 0x11223344);
}

static void refused(const struct exit *exit, const u8 *bytes, size_t size)
{
	u32 before = fake_injected;

	code = bytes;
	code_size = size;
	mmio_handle(&fake_vp, exit);
	assert_int_equal(fake_injected, before + 1);
	assert_int_equal(fake_event.vector, VEC_GP);
	assert_int_equal(fake_vp.regs.rip, 0x1000);
	assert_int_equal(reads + writes, 0);
}

static void test_refused(void **state)
{
	static const u8 movs[] = { 0xa5 }, stos[] = { 0xab }, lods[] = { 0xad };
	static const u8 sse[] = { 0x0f, 0x10, 0x03 }, load[] = { 0x8b, 0x03 };
	struct exit exit = fault_at(0x80);

	(void)state;
	refused(&exit, movs, sizeof(movs));
	refused(&exit, stos, sizeof(stos));
	refused(&exit, lods, sizeof(lods));
	refused(&exit, sse, sizeof(sse));
	exit.slat.walk = true;
	refused(&exit, load, sizeof(load));
	exit.slat.walk = false;
	exit.slat.access = ACCESS_EXEC;
	refused(&exit, load, sizeof(load));
	exit.slat.access = ACCESS_WRITE;
	fake_vp.event.valid = true;
	refused(&exit, load, sizeof(load));
}

static void test_fetch_fault(void **state)
{
	struct exit exit = fault_at(0x80);

	(void)state;
	fetch_fails = true;
	mmio_handle(&fake_vp, &exit);
	assert_int_equal(fake_event.vector, VEC_PF);
	assert_int_equal(fake_event.error, 0x14);
	assert_int_equal(fake_fault_address, 0x7777);
	assert_int_equal(fake_vp.regs.rip, 0x1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_is_apic, setup),
		cmocka_unit_test_setup(test_loads, setup),
		cmocka_unit_test_setup(test_stores, setup),
		cmocka_unit_test_setup(test_read_modify_write, setup),
		cmocka_unit_test_setup(test_tests, setup),
		cmocka_unit_test_setup(test_odd_accesses, setup),
		cmocka_unit_test_setup(test_refused, setup),
		cmocka_unit_test_setup(test_fetch_fault, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/*
 * Accesses to control registers and XSETBV: decoded by the processor or from
 * the instruction's bytes, checked, done or refused with nothing changed.
 * sources: hypervisor/control.c hypervisor/policy_cr.c tests/unit/fake_vp.c lib/insn.c
 * cflags: -Itests/unit/fake_cr
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "fake_vp.h"
#include "hypervisor/control.h"
#include "hypervisor/guest.h"
#include "hypervisor/policy.h"
#include "x86/apic.h"
#include "x86/cr.h"
#include "x86/desc.h"
#include "x86/msr.h"

u64 fake_xcr0;
static const u8 *code;
static size_t code_size;
static u32 tpr_written;

bool guest_fetch(struct vp *vp, struct insn *insn, struct guest_fault *fault)
{
	(void)vp;
	*fault = (struct guest_fault){ .vector = VEC_PF, .error = 0x11, .address = 0x4444 };
	return code && insn_decode(insn, code, code_size, INSN_64) == 0;
}

void vlapic_tpr_set(struct vp *vp, u8 tpr)
{
	(void)vp;
	tpr_written = tpr;
}

struct cpuid_regs policy_cpuid_of(const struct partition *p, u32 leaf)
{
	(void)p;
	(void)leaf;
	return (struct cpuid_regs){ ~0u, ~0u, ~0u, ~0u };
}

u64 policy_xcr0_mask(const struct vp *vp)
{
	(void)vp;
	return 7;
}

static u64 *gpr = fake_vp.regs.gpr;

static int setup(void **state)
{
	(void)state;
	fake_vp_reset();
	fake_cpu.features.phys_bits = 40;
	fake_vp.regs.rip = 0x1000;
	fake_mode.cr4 |= CR4_OSXSAVE;
	fake_register(HV_X64_REGISTER_CR4)->u64 = fake_mode.cr4;
	code = NULL;
	tpr_written = ~0u;
	fake_xcr0 = 1;
	return 0;
}

static void done(u32 length)
{
	assert_int_equal(fake_injected, 0);
	assert_int_equal(fake_vp.regs.rip, 0x1000 + length);
	fake_vp.regs.rip = 0x1000;
}

static void refused(u8 vector)
{
	assert_int_equal(fake_injected, 1);
	assert_int_equal(fake_event.vector, vector);
	assert_int_equal(fake_vp.regs.rip, 0x1000);
	fake_injected = 0;
}

/* As the processor tells it: VT-x, and AMD-V with decode assists. */
static void mov_to(u8 cr, u64 v)
{
	struct exit exit = { .kind = EXIT_CR_ACCESS,
		.length = 4,
		.cr = { .cr = cr, .write = true, .gpr = GPR_R9, .known = true } };

	gpr[GPR_R9] = v;
	control_access(&fake_vp, &exit);
}

/* As it does not. */
static void by_bytes(u8 cr, const u8 *bytes, size_t size)
{
	struct exit exit = { .kind = EXIT_CR_ACCESS, .cr = { .cr = cr, .write = true } };

	code = bytes;
	code_size = size;
	control_access(&fake_vp, &exit);
}

static void test_cr4(void **state)
{
	const u64 old = fake_mode.cr4;

	(void)state;
	mov_to(4, old | CR4_PGE);
	done(4);
	assert_int_equal(fake_register(HV_X64_REGISTER_CR4)->u64, old | CR4_PGE);
	mov_to(4, old | CR4_VMXE);
	refused(VEC_GP);
	mov_to(4, old | BIT(31));
	refused(VEC_GP);
	mov_to(4, old & ~CR4_PAE); /* in long mode */
	refused(VEC_GP);
	assert_int_equal(fake_register(HV_X64_REGISTER_CR4)->u64, old | CR4_PGE);
	/* PCIDs only while CR3 names none. */
	fake_mode.cr3 = 0x5001;
	mov_to(4, old | CR4_PCIDE);
	refused(VEC_GP);
	fake_mode.cr3 = 0x5000;
	mov_to(4, old | CR4_PCIDE);
	done(4);
	fake_mode.cr3 = 0x5001;
	mov_to(4, old | CR4_PCIDE | CR4_PGE);
	done(4);
}

static void test_cr0_long_mode(void **state)
{
	(void)state;
	/* From 32-bit code, EFER.LME set: paging brings long mode, and takes it. */
	fake_mode.cs_long = false;
	fake_mode.cr0 = CR0_PE;
	fake_mode.efer = EFER_LME;
	fake_register(HV_X64_REGISTER_TR)->segment.attributes = 0x8b;
	mov_to(0, CR0_PE | CR0_PG);
	done(4);
	assert_int_equal(fake_register(HV_X64_REGISTER_CR0)->u64, CR0_PE | CR0_PG | CR0_ET);
	assert_int_equal(fake_register(HV_X64_REGISTER_EFER)->u64, EFER_LME | EFER_LMA);
	mov_to(0, CR0_PE | BIT(6) | BIT(28)); /* bits that do not exist */
	done(4);
	assert_int_equal(fake_register(HV_X64_REGISTER_CR0)->u64, CR0_PE | CR0_ET);
	assert_int_equal(fake_register(HV_X64_REGISTER_EFER)->u64, EFER_LME);
	/* Not without PAE, not out of 64-bit code. */
	fake_mode.cr4 &= ~CR4_PAE;
	mov_to(0, CR0_PE | CR0_PG);
	refused(VEC_GP);
	fake_mode.cr4 |= CR4_PAE;
	fake_mode.cr0 |= CR0_PG;
	fake_mode.efer |= EFER_LMA;
	fake_mode.cs_long = true;
	mov_to(0, CR0_PE);
	refused(VEC_GP);
	mov_to(0, CR0_PE | CR0_PG | BIT(32));
	refused(VEC_GP);
	mov_to(0, CR0_PE | CR0_PG | CR0_NW);
	refused(VEC_GP);
	/* Out of compatibility mode, but not while PCIDs are on. */
	fake_mode.cs_long = false;
	fake_mode.cr4 |= CR4_PCIDE;
	mov_to(0, CR0_PE);
	refused(VEC_GP);
	fake_mode.cr4 &= ~CR4_PCIDE;
	mov_to(0, CR0_PE);
	done(4);
	assert_int_equal(fake_register(HV_X64_REGISTER_EFER)->u64, EFER_LME);
}

/* What the processor refuses to take along, and an entry would fail with. */
static void test_cr0_long_mode_segments(void **state)
{
	struct hv_segment *cs = &fake_register(HV_X64_REGISTER_CS)->segment;
	struct hv_segment *tr = &fake_register(HV_X64_REGISTER_TR)->segment;

	(void)state;
	fake_mode.cs_long = false;
	fake_mode.cr0 = CR0_PE;
	fake_mode.efer = EFER_LME;
	tr->attributes = 0x8b;
	cs->attributes = 0x9b | HV_SEG_LONG | HV_SEG_DB;
	mov_to(0, CR0_PE | CR0_PG | CR0_CD);
	refused(VEC_GP);
	cs->attributes = 0x9b | HV_SEG_DB;
	tr->attributes = 0x83;
	mov_to(0, CR0_PE | CR0_PG | CR0_CD);
	refused(VEC_GP);
	tr->attributes = 0x8b;
	mov_to(0, CR0_PE | CR0_PG | CR0_CD);
	done(4);
}

static void test_cr3(void **state)
{
	(void)state;
	mov_to(3, 0x7000);
	done(4);
	assert_int_equal(fake_register(HV_X64_REGISTER_CR3)->u64, 0x7000);
	mov_to(3, BIT(40));
	refused(VEC_GP);
	mov_to(3, BIT(63) | 0x8000);
	refused(VEC_GP);
	fake_mode.cr4 |= CR4_PCIDE;
	mov_to(3, BIT(63) | 0x8000);
	done(4);
	assert_int_equal(fake_register(HV_X64_REGISTER_CR3)->u64, 0x8000);
}

static void test_cr8(void **state)
{
	struct exit read = { .kind = EXIT_CR_ACCESS,
		.length = 4,
		.cr = { .cr = 8, .gpr = GPR_RSP, .known = true } };

	(void)state;
	mov_to(8, 5);
	done(4);
	assert_int_equal(tpr_written, 0x50);
	mov_to(8, 16);
	refused(VEC_GP);
	assert_int_equal(tpr_written, 0x50);
	control_access(&fake_vp, &read);
	done(4);
	assert_int_equal(gpr[GPR_RSP], 7);
	mov_to(2, 0);
	refused(VEC_GP);
}

static void test_bytes(void **state)
{
	static const u8 to_cr4[] = { 0x0f, 0x22, 0xe1 };               /* mov cr4, rcx */
	static const u8 to_cr8[] = { 0x44, 0x0f, 0x22, 0xc2 };         /* mov cr8, rdx */
	static const u8 prefixed[] = { 0x66, 0x41, 0x0f, 0x22, 0xe3 }; /* mov cr4, r11 */
	static const u8 lmsw_memory[] = { 0x0f, 0x01, 0x30 };
	static const u8 other[] = { 0x0f, 0xa2 };
	const u64 old = fake_mode.cr4;

	(void)state;
	gpr[GPR_RCX] = old | CR4_PGE;
	by_bytes(4, to_cr4, sizeof(to_cr4));
	done(3);
	assert_int_equal(fake_mode.cr4, old | CR4_PGE);
	gpr[GPR_R11] = old;
	by_bytes(4, prefixed, sizeof(prefixed));
	done(5);
	assert_int_equal(fake_mode.cr4, old);
	gpr[GPR_RDX] = 9;
	by_bytes(8, to_cr8, sizeof(to_cr8));
	done(4);
	assert_int_equal(tpr_written, 0x90);
	/* What cannot be emulated, or is no longer there. */
	by_bytes(0, lmsw_memory, sizeof(lmsw_memory));
	refused(VEC_GP);
	by_bytes(4, other, sizeof(other));
	refused(VEC_GP);
	by_bytes(4, NULL, 0);
	refused(VEC_PF);
	assert_int_equal(fake_fault_address, 0x4444);
}

static void test_clts_and_lmsw(void **state)
{
	static const u8 clts[] = { 0x0f, 0x06 }, lmsw[] = { 0x0f, 0x01, 0xf1 };
	const u64 on = CR0_PE | CR0_PG | CR0_ET | CR0_WP;
	struct exit exit = {
		.kind = EXIT_CR_ACCESS,
		.length = 3,
		.cr = { .cr = 0, .write = true, .lmsw = true, .known = true, .lmsw_source = 0xfff0 }
	};

	(void)state;
	fake_mode.cr0 = on | CR0_TS | CR0_MP;
	by_bytes(0, clts, sizeof(clts));
	done(2);
	assert_int_equal(fake_mode.cr0, on | CR0_MP);
	gpr[GPR_RCX] = CR0_TS | CR0_EM | 0xff00;
	by_bytes(0, lmsw, sizeof(lmsw));
	done(3);
	/* PE stays, MP goes. */
	assert_int_equal(fake_mode.cr0, on | CR0_TS | CR0_EM);
	control_access(&fake_vp, &exit);
	done(3);
	assert_int_equal(fake_mode.cr0, on);
}

static void xsetbv(u32 index, u64 v)
{
	struct exit exit = { .kind = EXIT_XSETBV, .length = 3 };

	gpr[GPR_RCX] = 0xffffffff00000000ull | index;
	gpr[GPR_RAX] = 0xffffffff00000000ull | (u32)v;
	gpr[GPR_RDX] = 0xffffffff00000000ull | v >> 32;
	control_xsetbv(&fake_vp, &exit);
}

static void test_xsetbv(void **state)
{
	(void)state;
	xsetbv(0, 7);
	done(3);
	assert_int_equal(fake_xcr0, 7);
	assert_int_equal(fake_vp.xcr0, 7);
	xsetbv(1, 7);
	refused(VEC_GP);
	xsetbv(0, 6);
	refused(VEC_GP);
	xsetbv(0, BIT(32) | 7);
	refused(VEC_GP);
	fake_mode.cpl = 3;
	xsetbv(0, 3);
	refused(VEC_GP);
	fake_mode.cpl = 0;
	fake_mode.cr4 &= ~CR4_OSXSAVE;
	xsetbv(0, 3);
	refused(VEC_UD);
	assert_int_equal(fake_xcr0, 7);
	assert_int_equal(fake_vp.xcr0, 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_cr4, setup),
		cmocka_unit_test_setup(test_cr0_long_mode, setup),
		cmocka_unit_test_setup(test_cr0_long_mode_segments, setup),
		cmocka_unit_test_setup(test_cr3, setup),
		cmocka_unit_test_setup(test_cr8, setup),
		cmocka_unit_test_setup(test_bytes, setup),
		cmocka_unit_test_setup(test_clts_and_lmsw, setup),
		cmocka_unit_test_setup(test_xsetbv, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

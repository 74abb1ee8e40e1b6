/* SPDX-License-Identifier: MIT */
/*
 * Registers of an AMD-V VP by name: what set() takes, get() gives; what VMRUN
 * would refuse is refused; and what follows from a value.
 * sources: hypervisor/svm/regs.c
 * cflags: -Itests/unit/fake_cr
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "hypervisor/cpu.h"
#include "hypervisor/svm/svm.h"
#include "hypervisor/vp.h"
#include "x86/cr.h"
#include "x86/msr.h"

#define s (*svm_of(&vp))
static struct vmcb block;
static struct cpu cpu;
static struct vp vp;

void svm_nmi_mask(struct svm_vp *v, bool on)
{
	v->flags = on ? v->flags | SVM_NMI_MASKED : v->flags & ~(u32)SVM_NMI_MASKED;
}

/* The next entry may be refused. */
static u32 doubts;

void svm_entry_doubt(struct vp *v)
{
	assert_ptr_equal(v, &vp);
	doubts++;
}

u64 fake_cr2;

struct cpu *this_cpu(void)
{
	return &cpu;
}

static int setup(void **state)
{
	(void)state;
	memset(&block, 0, sizeof(block));
	memset(&vp, 0, sizeof(vp));
	s.vmcb = &block;
	cpu.features.phys_bits = 40;
	vp.cpu = &cpu;
	s.generation = 7;
	return 0;
}

static enum hv_status set(u32 name, u64 v)
{
	union hv_register_value value = { .segment = { .base = v } };

	return svm_set(&vp, name, &value);
}

static u64 get(u32 name)
{
	union hv_register_value value;

	assert_int_equal(svm_get(&vp, name, &value), HV_STATUS_SUCCESS);
	return value.u64;
}

static void test_plain_registers(void **state)
{
	static const u32 names[] = { HV_X64_REGISTER_CR0, HV_X64_REGISTER_CR2, HV_X64_REGISTER_CR3,
		HV_X64_REGISTER_CR4, HV_X64_REGISTER_DR6, HV_X64_REGISTER_DR7,
		HV_X64_REGISTER_KERNEL_GS_BASE, HV_X64_REGISTER_SYSENTER_CS,
		HV_X64_REGISTER_SYSENTER_EIP, HV_X64_REGISTER_SYSENTER_ESP, HV_X64_REGISTER_STAR,
		HV_X64_REGISTER_LSTAR, HV_X64_REGISTER_CSTAR, HV_X64_REGISTER_SFMASK };

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(names); i++)
		assert_int_equal(set(names[i], 0x1000 + i * 0x10), HV_STATUS_SUCCESS);
	for (u32 i = 0; i < ARRAY_SIZE(names); i++)
		assert_int_equal(get(names[i]), 0x1000 + i * 0x10);
	assert_int_equal(s.vmcb->save.cr2, 0x1010);
}

static void test_segments_keep_every_attribute(void **state)
{
	(void)state;
	for (u32 name = HV_X64_REGISTER_ES; name <= HV_X64_REGISTER_TR; name++) {
		union hv_register_value v = { .segment = { 0xffff800000001000ull + name, 0xfffff000,
						      (u16)name, 0xa09b } };
		union hv_register_value back;

		assert_int_equal(svm_set(&vp, name, &v), HV_STATUS_SUCCESS);
		assert_int_equal(svm_get(&vp, name, &back), HV_STATUS_SUCCESS);
		assert_memory_equal(&v.segment, &back.segment, sizeof(v.segment));
	}
	/* G and L at bits 11 and 9 of the packed form. */
	assert_int_equal(s.vmcb->save.cs.attributes, 0xa9b);
}

static void test_tables(void **state)
{
	union hv_register_value v = { .table = { .limit = 0x7f, .base = 0xffff800000002000ull } };
	union hv_register_value back;

	(void)state;
	assert_int_equal(svm_set(&vp, HV_X64_REGISTER_GDTR, &v), HV_STATUS_SUCCESS);
	assert_int_equal(svm_get(&vp, HV_X64_REGISTER_GDTR, &back), HV_STATUS_SUCCESS);
	assert_int_equal(back.table.limit, 0x7f);
	assert_int_equal(back.table.base, 0xffff800000002000ull);
	assert_int_equal(s.vmcb->save.gdtr.limit, 0x7f);
	v.table.base = 0x800000000000ull;
	assert_int_equal(svm_set(&vp, HV_X64_REGISTER_IDTR, &v), HV_STATUS_INVALID_REGISTER_VALUE);
	assert_int_equal(s.vmcb->save.idtr.base, 0);
}

static void test_refused_values_change_nothing(void **state)
{
	static const struct {
		u32 name;
		u64 value;
	} bad[] = {
		{ HV_X64_REGISTER_CR0, 1ull << 32 },
		{ HV_X64_REGISTER_CR0, CR0_PG },
		{ HV_X64_REGISTER_CR0, CR0_NW },
		{ HV_X64_REGISTER_CR3, 1ull << 40 },
		{ HV_X64_REGISTER_CR4, 1ull << 32 },
		{ HV_X64_REGISTER_CR8, 16 },
		{ HV_X64_REGISTER_EFER, EFER_SVME },
		{ HV_X64_REGISTER_EFER, 1ull << 16 },
		{ HV_X64_REGISTER_DR6, 1ull << 32 },
		{ HV_X64_REGISTER_DR7, 1ull << 32 },
		{ HV_X64_REGISTER_PAT, 0x02 },
		{ HV_X64_REGISTER_PAT, 0x0800000000000000ull },
		{ HV_X64_REGISTER_LSTAR, 0x800000000000ull },
		{ HV_X64_REGISTER_FS, 0x800000000000ull },
		{ HV_REGISTER_INTERRUPT_STATE, 4 },
	};
	struct svm_vp before = s;

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(set(bad[i].name, bad[i].value), HV_STATUS_INVALID_REGISTER_VALUE);
	assert_memory_equal(&before, &s, sizeof(s));
	assert_int_equal(set(0x00020000, 0), HV_STATUS_UNKNOWN_REGISTER_NAME);
}

/* What a parent made up may be refused, whichever way it came in. */
static void test_a_value_is_doubted(void **state)
{
	static const u32 names[] = { HV_X64_REGISTER_CR3, HV_X64_REGISTER_CR8,
		HV_REGISTER_PENDING_INTERRUPTION };

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(names); i++) {
		doubts = 0;
		assert_int_equal(set(names[i], 0), HV_STATUS_SUCCESS);
		assert_int_equal(doubts, 1);
	}
}

static void test_efer_follows(void **state)
{
	struct vp_mode mode;

	(void)state;
	assert_int_equal(set(HV_X64_REGISTER_EFER, EFER_LME | EFER_NXE), HV_STATUS_SUCCESS);
	assert_int_equal(get(HV_X64_REGISTER_EFER), EFER_LME | EFER_NXE);
	assert_int_equal(s.vmcb->save.efer, EFER_LME | EFER_NXE | EFER_SVME);
	assert_int_equal(set(HV_X64_REGISTER_CR0, CR0_PG | CR0_PE), HV_STATUS_SUCCESS);
	assert_int_equal(get(HV_X64_REGISTER_EFER), EFER_LME | EFER_NXE | EFER_LMA);
	svm_mode(&vp, &mode);
	assert_int_equal(mode.efer, EFER_LME | EFER_NXE | EFER_LMA);
	assert_int_equal(mode.cr0, CR0_PG | CR0_PE);
	assert_int_equal(set(HV_X64_REGISTER_CR0, CR0_PE), HV_STATUS_SUCCESS);
	assert_int_equal(get(HV_X64_REGISTER_EFER), EFER_LME | EFER_NXE);
}

static void test_paging_change_takes_a_new_asid(void **state)
{
	(void)state;
	assert_int_equal(set(HV_X64_REGISTER_SFMASK, 1), HV_STATUS_SUCCESS);
	assert_int_equal(s.generation, 7);
	assert_int_equal(set(HV_X64_REGISTER_CR4, CR4_PGE), HV_STATUS_SUCCESS);
	assert_int_equal(s.generation, 0);
	s.generation = 7;
	assert_int_equal(set(HV_X64_REGISTER_CR3, 0x1000), HV_STATUS_SUCCESS);
	assert_int_equal(s.generation, 0);
}

static void test_ss_gives_cpl(void **state)
{
	union hv_register_value v = { .segment = { .attributes = 0xc0f3 } };
	struct vp_mode mode;

	(void)state;
	assert_int_equal(svm_set(&vp, HV_X64_REGISTER_SS, &v), HV_STATUS_SUCCESS);
	svm_mode(&vp, &mode);
	assert_int_equal(mode.cpl, 3);
}

static void test_pending_interruption(void **state)
{
	/* #GP with error code 0x18; INT 0x80 of two bytes. */
	u64 gp = 0x18ull << 32 | 13ull << 16 | 1 << 4 | 3 << 1 | 1;
	u64 int80 = 0x80ull << 16 | 2 << 5 | 4 << 1 | 1;
	u64 bad[] = {
		1 | 1 << 1,              /* type 1 does not exist */
		1 | 7 << 1,              /* nor 7 */
		1 | 3 << 1 | 2 << 16,    /* vector 2 as an exception */
		1 | 3 << 1 | 32 << 16,   /* beyond the exceptions */
		1 | 2 << 1 | 3 << 16,    /* an NMI has vector 2 */
		1 | 0 << 1 | 1ull << 24, /* vector of nine bits */
		1 | 1 << 4 | 0x20 << 16, /* interrupt with error code */
	};

	(void)state;
	assert_int_equal(set(HV_REGISTER_PENDING_INTERRUPTION, gp), HV_STATUS_SUCCESS);
	assert_true(vp.event.valid && vp.event.has_error);
	assert_int_equal(vp.event.type, EVENT_EXCEPTION);
	assert_int_equal(vp.event.vector, 13);
	assert_int_equal(vp.event.error, 0x18);
	assert_int_equal(get(HV_REGISTER_PENDING_INTERRUPTION), gp);
	for (u32 i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(set(HV_REGISTER_PENDING_INTERRUPTION, bad[i]),
			HV_STATUS_INVALID_REGISTER_VALUE);
	assert_int_equal(get(HV_REGISTER_PENDING_INTERRUPTION), gp);
	assert_int_equal(set(HV_REGISTER_PENDING_INTERRUPTION, int80), HV_STATUS_SUCCESS);
	assert_int_equal(get(HV_REGISTER_PENDING_INTERRUPTION), int80);
	assert_int_equal(set(HV_REGISTER_PENDING_INTERRUPTION, 0), HV_STATUS_SUCCESS);
	assert_false(vp.event.valid);
}

static void test_interrupt_state(void **state)
{
	(void)state;
	assert_int_equal(set(HV_REGISTER_INTERRUPT_STATE, 3), HV_STATUS_SUCCESS);
	assert_int_equal(get(HV_REGISTER_INTERRUPT_STATE), 3);
	/* One instruction ends the shadow, whatever VMRUN makes of it. */
	assert_true(s.flags & SVM_STEP);
	svm_advance(&vp, 2);
	assert_int_equal(get(HV_REGISTER_INTERRUPT_STATE), 2);
	assert_int_equal(set(HV_REGISTER_INTERRUPT_STATE, 0), HV_STATUS_SUCCESS);
	assert_int_equal(s.flags, 0);
}

/* The processor of a VP that is loaded has it as well. */
static void test_cr2(void **state)
{
	(void)state;
	fake_cr2 = 1;
	cpu.current = NULL;
	assert_int_equal(set(HV_X64_REGISTER_CR2, 0x1234), HV_STATUS_SUCCESS);
	assert_int_equal(fake_cr2, 1);
	cpu.current = &vp;
	assert_int_equal(set(HV_X64_REGISTER_CR2, 0x5678), HV_STATUS_SUCCESS);
	assert_int_equal(fake_cr2, 0x5678);
	assert_int_equal(get(HV_X64_REGISTER_CR2), 0x5678);
}

static void test_tpr(void **state)
{
	(void)state;
	s.vmcb->control.interrupt_control = (u32)VMCB_V_MASKING;
	svm_tpr_set(&vp, 9);
	assert_int_equal(svm_tpr(&vp), 9);
	assert_int_equal(get(HV_X64_REGISTER_CR8), 9);
	assert_int_equal(s.vmcb->control.interrupt_control, VMCB_V_MASKING | 9);
}

static void test_advance_wraps_by_mode(void **state)
{
	(void)state;
	vp.regs.rip = 0xffffffff;
	svm_advance(&vp, 2);
	assert_int_equal(vp.regs.rip, 1);
	s.vmcb->save.cs.attributes = 0xa9b;
	s.vmcb->save.efer = EFER_LMA;
	vp.regs.rip = 0xffffffff;
	svm_advance(&vp, 2);
	assert_int_equal(vp.regs.rip, 0x100000001ull);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_plain_registers, setup),
		cmocka_unit_test_setup(test_segments_keep_every_attribute, setup),
		cmocka_unit_test_setup(test_tables, setup),
		cmocka_unit_test_setup(test_refused_values_change_nothing, setup),
		cmocka_unit_test_setup(test_a_value_is_doubted, setup),
		cmocka_unit_test_setup(test_efer_follows, setup),
		cmocka_unit_test_setup(test_paging_change_takes_a_new_asid, setup),
		cmocka_unit_test_setup(test_ss_gives_cpl, setup),
		cmocka_unit_test_setup(test_pending_interruption, setup),
		cmocka_unit_test_setup(test_interrupt_state, setup),
		cmocka_unit_test_setup(test_cr2, setup),
		cmocka_unit_test_setup(test_tpr, setup),
		cmocka_unit_test_setup(test_advance_wraps_by_mode, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

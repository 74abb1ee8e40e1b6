/* SPDX-License-Identifier: MIT */
/*
 * HvCallStartVirtualProcessor: the VP's new state, who may be started, and the
 * context that a processor could not be entered with, field by field.
 * sources: hypervisor/hc_start_vp.c hypervisor/segment.c hypervisor/policy_cr.c
 * sources: tests/unit/fake_vp.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <string.h>

#include "fake_vp.h"
#include "hypervisor/hc.h"
#include "hypervisor/policy.h"
#include "hypervisor/sched.h"
#include "hypervisor/trace.h"
#include "x86/cr.h"
#include "x86/msr.h"

static struct vp other;
static struct partition child;
static u32 wakes, traced;
static bool waits, stopped, was_held;

/* Only while no SIPI can come in between. */
bool vp_startup_claim(struct vp *vp)
{
	bool waited = waits;

	assert_ptr_equal(vp, &other);
	was_held = vp->stop & VP_STOP_HELD;
	waits = false;
	return waited;
}

void vp_startup_set(struct vp *vp, bool on)
{
	assert_ptr_equal(vp, &other);
	waits = on;
}

void vp_hold(struct vp *vp)
{
	vp->stop |= VP_STOP_HELD;
}

void vp_hold_end(struct vp *vp)
{
	assert_true(vp->stop & VP_STOP_HELD);
	vp->stop &= ~(u32)VP_STOP_HELD;
}

bool sched_is_stopped(struct vp *vp)
{
	assert_true(vp->stop & VP_STOP_HELD);
	return stopped;
}

bool hc_is_own_partition(const struct hypercall *call, u64 id)
{
	return id == HV_PARTITION_SELF || id == call->vp->partition->id;
}

/* The one VP of the one child, if it is at rest. */
static enum hv_status child_status;

enum hv_status hc_child_vp_stopped(struct hypercall *call, u64 id, u32 index, struct vp **vp)
{
	assert_ptr_equal(call->vp, &fake_vp);
	if (id != 5)
		return HV_STATUS_INVALID_PARTITION_ID;
	assert_int_equal(index, 2);
	*vp = &other;
	return child_status;
}

static bool managed(void)
{
	return fake_partition.manage.next != fake_partition.manage.owner;
}

/* Nobody else may come in between while it is made ready. */
void sched_wake(struct vp *vp)
{
	assert_ptr_equal(vp, &other);
	assert_int_equal(managed(), other.partition == &fake_partition);
	wakes++;
}

void trace(enum trace_event event, const struct vp *vp, u64 a, u64 b)
{
	assert_int_equal(event, TRACE_VP_START);
	assert_ptr_equal(vp, &other);
	assert_int_equal(a, 2);
	assert_int_equal(b, other.regs.rip);
	traced++;
}

struct cpuid_regs policy_cpuid_of(const struct partition *p, u32 leaf)
{
	(void)p;
	if (leaf == 0x80000008)
		return (struct cpuid_regs){ .eax = 0x3028 };
	return (struct cpuid_regs){ ~0u, ~0u, ~0u, ~0u };
}

u64 policy_xcr0_mask(const struct vp *vp)
{
	(void)vp;
	return 7;
}

static int setup(void **state)
{
	(void)state;
	fake_vp_reset();
	memset(&other, 0, sizeof(other));
	fake_cpu.features.phys_bits = 40;
	fake_partition.vps[2] = &other;
	other.partition = &fake_partition;
	other.cpu = &fake_cpu;
	other.index = 2;
	wakes = traced = 0;
	stopped = true;
	child_status = HV_STATUS_SUCCESS;
	return 0;
}

/* As a kernel starts its second processor. */
static struct hv_start_vp_input good_start(void)
{
	const struct hv_segment data = {
		.limit = 0xffffffff, .selector = 0x10, .attributes = 0xc093
	};
	struct hv_start_vp_input in = { .partition_id = ~0ull, .vp_index = 2 };

	in.context = (struct hv_initial_vp_context){
		.rip = 0xffffffff80001000ull,
		.rsp = 0xffffffff80009000ull,
		.rflags = 2,
		.cs = { .limit = 0xffffffff, .selector = 8, .attributes = 0xa09b },
		.ds = data,
		.es = data,
		.fs = data,
		.gs = data,
		.ss = data,
		.tr = { .limit = 0x67, .selector = 0x28, .attributes = 0x8b },
		.ldtr = { .attributes = 0x82 },
		.gdtr = { .limit = 0x3f, .base = 0xffffffff80002000ull },
		.efer = EFER_LME | EFER_LMA | EFER_NXE,
		.cr0 = CR0_PE | CR0_PG | CR0_WP | CR0_NE | CR0_ET,
		.cr3 = 0x5000,
		.cr4 = CR4_PAE | CR4_PGE,
		.pat = 0x0007040600070406ull,
	};
	return in;
}

static enum hv_status call(const struct hv_start_vp_input *in)
{
	struct hypercall call = { .vp = &fake_vp, .input = in, .input_size = sizeof(*in) };
	bool before = managed();
	enum hv_status status = hc_start_virtual_processor(&call);

	assert_int_equal(managed(), before);
	return status;
}

static enum hv_status start(const struct hv_start_vp_input *in)
{
	other.stop = VP_STOP_STARTUP;
	waits = true;
	other.work = VP_WORK_NMI | VP_WORK_INTERRUPT;
	wakes = 0;
	return call(in);
}

static void test_start(void **state)
{
	struct hv_start_vp_input in = good_start();

	(void)state;
	assert_int_equal(start(&in), 0);
	assert_int_equal(other.stop, 0);
	assert_true(was_held);
	assert_int_equal(other.work, VP_WORK_INTERRUPT);
	assert_int_equal(wakes, 1);
	assert_int_equal(traced, 1);
	assert_int_equal(other.regs.rip, in.context.rip);
	assert_int_equal(other.regs.gpr[GPR_RSP], in.context.rsp);
	assert_int_equal(other.regs.rflags, 2);
	assert_int_equal(fake_register(HV_X64_REGISTER_CR3)->u64, 0x5000);
	assert_int_equal(fake_register(HV_X64_REGISTER_PAT)->u64, in.context.pat);
	assert_int_equal(fake_register(HV_X64_REGISTER_CS)->segment.attributes, 0xa09b);
	assert_int_equal(fake_register(HV_X64_REGISTER_TR)->segment.limit, 0x67);
	assert_int_equal(fake_register(HV_X64_REGISTER_GDTR)->table.limit, 0x3f);
	assert_int_equal(fake_register(HV_X64_REGISTER_GDTR)->table.base, 0xffffffff80002000ull);
	/* Started is started. */
	assert_int_equal(call(&in), HV_STATUS_INVALID_VP_STATE);
	other.stop = VP_STOP_HALT;
	assert_int_equal(call(&in), HV_STATUS_INVALID_VP_STATE);
	assert_int_equal(wakes, 1);
}

/* It has not left its processor yet since its INIT: the call is made again. */
static void test_still_running(void **state)
{
	struct hv_start_vp_input in = good_start();

	(void)state;
	stopped = false;
	assert_int_equal(start(&in), HYPERCALL_AGAIN);
	assert_int_equal(other.stop, VP_STOP_STARTUP);
	assert_true(waits);
	assert_int_equal(wakes, 0);
}

/* A SIPI came first. */
static void test_sipi(void **state)
{
	struct hv_start_vp_input in = good_start();

	(void)state;
	(void)start(&in);
	other.stop = VP_STOP_STARTUP;
	assert_int_equal(call(&in), HV_STATUS_INVALID_VP_STATE);
	assert_int_equal(other.stop, VP_STOP_STARTUP);
}

/* Somebody manages the partition, and may wait for the caller: it leaves and comes again. */
static void test_managed(void **state)
{
	struct hv_start_vp_input in = good_start();

	(void)state;
	spin_lock(&fake_partition.manage);
	assert_int_equal(start(&in), HYPERCALL_AGAIN);
	assert_int_equal(other.stop, VP_STOP_STARTUP);
	spin_unlock(&fake_partition.manage);
	assert_int_equal(start(&in), 0);
}

/* A child's; its parent holds it suspended beside. */
static void test_child(void **state)
{
	struct hv_start_vp_input in = good_start();

	(void)state;
	child.parent = &fake_partition;
	other.partition = &child;
	in.partition_id = 5;
	assert_int_equal(start(&in), 0);
	assert_int_equal(other.stop, 0);
	assert_int_equal(other.regs.rip, in.context.rip);
	assert_int_equal(wakes, 1);
	other.stop = VP_STOP_STARTUP | VP_STOP_EXPLICIT;
	waits = true;
	assert_int_equal(call(&in), 0);
	assert_int_equal(other.stop, VP_STOP_EXPLICIT);
	child_status = HV_STATUS_INVALID_VP_STATE;
	assert_int_equal(start(&in), HV_STATUS_INVALID_VP_STATE);
	assert_int_equal(other.stop, VP_STOP_STARTUP);
}

static void test_target(void **state)
{
	struct hv_start_vp_input in = good_start();

	(void)state;
	in.partition_id = 4;
	assert_int_equal(start(&in), HV_STATUS_INVALID_PARTITION_ID);
	in = good_start();
	in.vp_index = 1;
	assert_int_equal(start(&in), HV_STATUS_INVALID_VP_INDEX);
	in.vp_index = 0xffffffff;
	assert_int_equal(start(&in), HV_STATUS_INVALID_VP_INDEX);
	in = good_start();
	in.target_vtl = 1;
	assert_int_equal(start(&in), HV_STATUS_INVALID_PARAMETER);
	in = good_start();
	in.reserved[2] = 1;
	assert_int_equal(start(&in), HV_STATUS_INVALID_PARAMETER);
	assert_int_equal(other.stop, VP_STOP_STARTUP);
}

/* One wrong field each. */
#define REFUSES(field, value)                                                    \
	do {                                                                     \
		struct hv_start_vp_input in_ = good_start();                     \
		in_.context.field = (value);                                     \
		assert_int_equal(start(&in_), HV_STATUS_INVALID_REGISTER_VALUE); \
		assert_int_equal(other.stop, VP_STOP_STARTUP);                   \
		assert_int_equal(wakes, 0);                                      \
	} while (0)
#define ACCEPTS(field, value)                                \
	do {                                                 \
		struct hv_start_vp_input in_ = good_start(); \
		in_.context.field = (value);                 \
		assert_int_equal(start(&in_), 0);            \
	} while (0)

static void test_registers(void **state)
{
	(void)state;
	REFUSES(rip, 0x0000800000000000ull);
	REFUSES(rflags, 0);
	REFUSES(rflags, 2 | BIT(3));
	REFUSES(rflags, 2 | BIT(15));
	REFUSES(rflags, 2 | BIT(17));
	REFUSES(rflags, 2 | BIT(22));
	REFUSES(rflags, 2 | BIT(63));
	ACCEPTS(rflags, 0x246);
	REFUSES(efer, EFER_LME);
	REFUSES(efer, EFER_LME | EFER_LMA | EFER_SVME);
	REFUSES(efer, 0);
	REFUSES(cr0, CR0_PG);
	REFUSES(cr0, CR0_PE);
	REFUSES(cr0, CR0_PE | CR0_PG | BIT(6));
	REFUSES(cr0, CR0_PE | CR0_PG | BIT(40));
	REFUSES(cr3, BIT(40));
	REFUSES(cr4, CR4_PGE);
	REFUSES(cr4, CR4_PAE | CR4_VMXE);
	REFUSES(pat, 2);
	REFUSES(gdtr.base, 0x0000800000000000ull);
	REFUSES(idtr.base, 0x0000800000000000ull);
}

static void test_segments(void **state)
{
	(void)state;
	REFUSES(cs.attributes, 0xa01b);           /* not present */
	REFUSES(cs.attributes, 0xa093 & ~BIT(0)); /* not accessed */
	REFUSES(cs.attributes, 0xe09b);           /* L and D */
	REFUSES(cs.attributes, 0xa0fb);           /* DPL 3 */
	REFUSES(cs.attributes, 0xa19b);           /* reserved */
	REFUSES(cs.attributes, 0x209b);           /* limit without G */
	REFUSES(cs.selector, 0xb);
	REFUSES(cs.base, BIT(32));
	REFUSES(ss.attributes, 0xc09b);
	REFUSES(ss.attributes, 0xc0f3);
	REFUSES(ss.selector, 0x13);
	ACCEPTS(ss.attributes, 0);
	REFUSES(ds.attributes, 0xc092);
	REFUSES(ds.attributes, 0xc099);
	REFUSES(ds.base, BIT(33));
	ACCEPTS(ds.attributes, 0);
	REFUSES(es.limit, 0x10);
	REFUSES(fs.base, 0x0000800000000000ull);
	ACCEPTS(gs.base, 0xffff888000000000ull);
	REFUSES(tr.attributes, 0);
	REFUSES(tr.attributes, 0x83);
	REFUSES(tr.attributes, 0x9b);
	REFUSES(tr.selector, 0x2c);
	REFUSES(tr.base, 0x0000800000000000ull);
	REFUSES(ldtr.attributes, 0x8b);
	ACCEPTS(ldtr.attributes, 0);
}

static void test_32_bit_mode(void **state)
{
	struct hv_start_vp_input in = good_start();

	(void)state;
	in.context.efer = 0;
	in.context.cr0 = CR0_PE;
	in.context.cr4 = 0;
	in.context.cs.attributes = 0xc09b;
	in.context.rip = 0x1000;
	assert_int_equal(start(&in), 0);
	in.context.rip = BIT(32);
	assert_int_equal(start(&in), HV_STATUS_INVALID_REGISTER_VALUE);
	in.context.rip = 0;
	in.context.cs.attributes = 0xa09b; /* L outside long mode */
	assert_int_equal(start(&in), HV_STATUS_INVALID_REGISTER_VALUE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_start, setup),
		cmocka_unit_test_setup(test_still_running, setup),
		cmocka_unit_test_setup(test_sipi, setup),
		cmocka_unit_test_setup(test_managed, setup),
		cmocka_unit_test_setup(test_child, setup),
		cmocka_unit_test_setup(test_target, setup),
		cmocka_unit_test_setup(test_registers, setup),
		cmocka_unit_test_setup(test_segments, setup),
		cmocka_unit_test_setup(test_32_bit_mode, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

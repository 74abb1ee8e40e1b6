/* SPDX-License-Identifier: MIT */
/*
 * INIT and SIPI: what a VP is afterwards, in which orders they count, and that
 * of many at once nobody is left waiting who was started.
 * sources: hypervisor/vp_startup.c tests/unit/fake_vp.c tests/unit/host_assert.c
 * cflags: -Itests/unit/fake_cr
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <pthread.h>
#include <string.h>

#include "fake_vp.h"
#include "hypervisor/policy.h"
#include "hypervisor/sched.h"
#include "hypervisor/trace.h"
#include "x86/atomic.h"
#include "x86/cr.h"
#include "x86/msr.h"

#define CS          fake_register(HV_X64_REGISTER_CS)->segment
#define VALUE(name) fake_register(HV_X64_REGISTER_##name)->u64

u64 fake_xcr0;
u64 fake_dr[4];
static u32 wakes, resets, started;

struct cpu *this_cpu(void)
{
	return &fake_cpu;
}

void sched_wake(struct vp *vp)
{
	assert_ptr_equal(vp, &fake_vp);
	atomic_fetch_add(&wakes, 1);
}

void vp_notify(struct vp *vp, u32 work)
{
	atomic_fetch_or(&vp->work, work);
	sched_wake(vp);
}

u64 vp_memo_key(const struct vp *v)
{
	assert_non_null(v->partition);
	return 77;
}

void vlapic_reset(struct vp *vp)
{
	assert_ptr_equal(vp, &fake_vp);
	resets++;
}

void policy_cpuid(struct vp *vp, u32 leaf, u32 subleaf, struct cpuid_regs *r)
{
	(void)vp;
	assert_int_equal(leaf, 1);
	assert_int_equal(subleaf, 0);
	*r = (struct cpuid_regs){ .eax = 0x00a20f10 };
}

void trace(enum trace_event event, const struct vp *vp, u64 a, u64 b)
{
	(void)vp;
	(void)a;
	(void)b;
	assert_int_equal(event, TRACE_VP_START);
	started++;
}

static int setup(void **state)
{
	(void)state;
	fake_vp_reset();
	fake_vp.index = 1;
	fake_cpu.current = &fake_vp;
	wakes = resets = started = 0;
	return 0;
}

/* As vp_run() does. */
static void arrive(void)
{
	if (load_acquire(&fake_vp.startup))
		vp_startup_take(&fake_vp);
}

static bool runs(void)
{
	arrive();
	assert_true(!fake_vp.startup == !(fake_vp.stop & VP_STOP_STARTUP));
	return !fake_vp.startup;
}

static void dirty(void)
{
	memset(&fake_vp.regs, 0x55, sizeof(fake_vp.regs));
	fake_vp.dr[2] = fake_dr[1] = 9;
	fake_vp.event.valid = true;
	fake_vp.work = VP_WORK_NMI | VP_WORK_INTERRUPT;
	fake_vp.stop = VP_STOP_HALT;
	fake_windows = true;
	VALUE(CR0) = CR0_PE | CR0_PG | CR0_CD | CR0_WP;
	VALUE(CR4) = CR4_PAE;
	VALUE(EFER) = EFER_LME | EFER_LMA;
	VALUE(CR3) = 0x1000;
	VALUE(LSTAR) = 0x1234;
	VALUE(PAT) = 0x5678;
	CS.base = 0x1000;
}

static void test_state_after_init(void **state)
{
	(void)state;
	dirty();
	vp_init(&fake_vp);
	assert_true(fake_vp.work & VP_WORK_INIT);
	assert_int_equal(wakes, 1);
	/* Nothing has changed until it comes by. */
	assert_int_equal(VALUE(CR3), 0x1000);
	assert_false(runs());
	assert_int_equal(fake_vp.stop, VP_STOP_STARTUP);
	assert_int_equal(fake_vp.work, VP_WORK_INTERRUPT);
	assert_int_equal(resets, 1);
	assert_int_equal(VALUE(CR0), CR0_CD | CR0_ET);
	assert_int_equal(VALUE(CR3) | VALUE(CR4) | VALUE(EFER), 0);
	assert_int_equal(VALUE(DR6), 0xffff0ff0);
	assert_int_equal(VALUE(DR7), 0x400);
	assert_int_equal(CS.base, 0xffff0000);
	assert_int_equal(CS.selector, 0xf000);
	assert_int_equal(CS.limit, 0xffff);
	assert_int_equal(fake_register(HV_X64_REGISTER_SS)->segment.attributes, 0x93);
	assert_int_equal(fake_register(HV_X64_REGISTER_TR)->segment.attributes, 0x8b);
	assert_int_equal(fake_register(HV_X64_REGISTER_IDTR)->table.limit, 0xffff);
	assert_int_equal(fake_vp.regs.rip, 0xfff0);
	assert_int_equal(fake_vp.regs.rflags, 2);
	for (u32 i = 0; i < GPR_COUNT; i++)
		assert_int_equal(fake_vp.regs.gpr[i], i == GPR_RDX ? 0x00a20f10 : 0);
	assert_int_equal(fake_vp.dr[2] | fake_dr[1], 0);
	assert_int_equal(fake_vp.memo_key, 77);
	assert_false(fake_windows);
	/* Kept. */
	assert_int_equal(VALUE(LSTAR), 0x1234);
	assert_int_equal(VALUE(PAT), 0x5678);
}

/* At rest, while another VP is loaded here. */
static void test_at_rest(void **state)
{
	(void)state;
	dirty();
	fake_cpu.current = NULL;
	vp_init(&fake_vp);
	vp_sipi(&fake_vp, 0x33);
	assert_true(runs());
	assert_int_equal(fake_vp.dr[2], 0);
	assert_int_equal(fake_dr[1], 9);
	assert_true(fake_windows);
	assert_int_equal(CS.base, 0x33000);
	assert_int_equal(VALUE(CR4), 0);
}

static void test_sipi(void **state)
{
	(void)state;
	vp_sipi(&fake_vp, 0x12);
	assert_int_equal(fake_vp.startup, 0);
	vp_init(&fake_vp);
	assert_false(runs());
	fake_vp.work = VP_WORK_NMI;
	wakes = 0;
	vp_sipi(&fake_vp, 0x9a);
	assert_int_equal(wakes, 1);
	assert_int_equal(fake_vp.stop, 0);
	/* The second one is none, before and after. */
	vp_sipi(&fake_vp, 0x11);
	assert_true(runs());
	vp_sipi(&fake_vp, 0x11);
	assert_true(runs());
	assert_int_equal(CS.base, 0x9a000);
	assert_int_equal(CS.selector, 0x9a00);
	assert_int_equal(fake_vp.regs.rip, 0);
	assert_int_equal(fake_vp.work, 0);
	assert_int_equal(started, 1);
}

/* Both before the VP has seen either: a slow host loses no start. */
static void test_at_once(void **state)
{
	(void)state;
	vp_init(&fake_vp);
	vp_sipi(&fake_vp, 0x21);
	vp_sipi(&fake_vp, 0x22);
	assert_true(runs());
	assert_int_equal(CS.base, 0x21000);
	assert_int_equal(resets, 1);
	/* An INIT behind takes the SIPI back. */
	vp_init(&fake_vp);
	vp_sipi(&fake_vp, 0x23);
	vp_init(&fake_vp);
	assert_false(runs());
	vp_sipi(&fake_vp, 0x24);
	vp_init(&fake_vp);
	assert_false(runs());
	assert_int_equal(resets, 3);
	/* While it waits another is nothing. */
	wakes = 0;
	vp_init(&fake_vp);
	assert_int_equal(wakes, 0);
	assert_false(runs());
	assert_int_equal(resets, 3);
}

static void test_first_vp(void **state)
{
	(void)state;
	fake_vp.vlapic.base_msr = APIC_BASE_BSP;
	fake_vp.stop = VP_STOP_HALT;
	vp_init(&fake_vp);
	vp_sipi(&fake_vp, 0x21);
	assert_true(runs());
	assert_int_equal(resets, 1);
	assert_int_equal(fake_vp.stop, 0);
	assert_int_equal(CS.base, 0xffff0000);
	assert_int_equal(fake_vp.regs.rip, 0xfff0);
}

/* Who puts the hint away late finds it put right. */
static void test_late_hint(void **state)
{
	(void)state;
	vp_init(&fake_vp);
	assert_false(runs());
	fake_vp.stop = 0;
	assert_false(runs());
	assert_int_equal(fake_vp.stop, VP_STOP_STARTUP);
}

static void test_parent(void **state)
{
	(void)state;
	vp_startup_set(&fake_vp, true);
	fake_vp.stop = VP_STOP_STARTUP | VP_STOP_EXPLICIT;
	vp_sipi(&fake_vp, 7);
	assert_int_equal(fake_vp.stop, VP_STOP_EXPLICIT);
	assert_false(vp_startup_claim(&fake_vp));
	vp_startup_set(&fake_vp, true);
	assert_true(vp_startup_claim(&fake_vp));
	assert_false(vp_startup_claim(&fake_vp));
	assert_int_equal(fake_vp.startup, 0);
	vp_sipi(&fake_vp, 7);
	assert_int_equal(fake_vp.startup, 0);
	vp_startup_set(&fake_vp, true);
	vp_startup_set(&fake_vp, false);
	assert_int_equal(fake_vp.startup, 0);
	/* What it has not done yet stays to be done. */
	vp_init(&fake_vp);
	vp_startup_set(&fake_vp, false);
	assert_false(vp_startup_claim(&fake_vp));
	assert_false(runs());
}

#define STARTS 2000u

static bool senders_end;

static void *storm(void *arg)
{
	u8 vector = (u8)(u64)arg;

	while (!load_acquire(&senders_end)) {
		vp_init(&fake_vp);
		vp_sipi(&fake_vp, vector);
	}
	return NULL;
}

/*
 * Two send all the time. The VP never runs while its word says otherwise, and
 * after the last SIPI it runs.
 */
static void test_storm(void **state)
{
	pthread_t senders[2];

	(void)state;
	senders_end = false;
	for (u64 i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&senders[i], NULL, storm, (void *)(0x10 + i)), 0);
	while (started < STARTS) {
		arrive();
		if (started)
			assert_true(
				CS.base == 0x10000 || CS.base == 0x11000 || CS.base == 0xffff0000);
	}
	store_release(&senders_end, true);
	for (u32 i = 0; i < 2; i++)
		assert_int_equal(pthread_join(senders[i], NULL), 0);
	vp_init(&fake_vp);
	vp_sipi(&fake_vp, 0x12);
	assert_int_equal(fake_vp.stop & VP_STOP_STARTUP && !(fake_vp.startup & ~0x100u), 0);
	assert_true(runs());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_state_after_init, setup),
		cmocka_unit_test_setup(test_at_rest, setup),
		cmocka_unit_test_setup(test_sipi, setup),
		cmocka_unit_test_setup(test_at_once, setup),
		cmocka_unit_test_setup(test_first_vp, setup),
		cmocka_unit_test_setup(test_late_hint, setup),
		cmocka_unit_test_setup(test_parent, setup),
		cmocka_unit_test_setup(test_storm, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

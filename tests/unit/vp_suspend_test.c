/* SPDX-License-Identifier: MIT */
/*
 * A parent's suspension and release of a VP, and what it changed in the
 * register page: each class alone, and values that cannot be.
 * sources: hypervisor/vp_suspend.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <string.h>

#include "hv/vp.h"
#include "hypervisor/partition.h"
#include "hypervisor/registers.h"
#include "hypervisor/sched.h"
#include "hypervisor/vp.h"

#define GPRS     0x01u
#define RIP      0x02u
#define XMM      0x04u
#define SEGMENTS 0x08u
#define RFLAGS   0x10u

static struct partition root, child;
static struct vp self, vp;
static union {
	struct hv_register_page page;
	u8 bytes[4096];
} registers;

/* What was called, in order. */
static char steps[16];
static u32 stop_at_wake;

static void step(char c)
{
	steps[strlen(steps)] = c;
}

void sched_wake(struct vp *v)
{
	assert_ptr_equal(v, &vp);
	stop_at_wake = vp.stop;
	step('w');
}

void sched_go_on(struct vp *v)
{
	assert_ptr_equal(v, &vp);
	stop_at_wake = vp.stop;
	step('g');
}

void sched_wait_stopped(struct vp *v, struct vp *caller)
{
	assert_ptr_equal(v, &vp);
	assert_ptr_equal(caller, &self);
	step('s');
}

void synic_cancel(struct synic_message *m)
{
	assert_ptr_equal(m, &vp.intercept);
	/* Before the VP can send another. */
	assert_true(vp.stop & VP_STOP_INTERCEPT);
	step('c');
}

/* Registers: segments by number; one may be refused. */
static struct hv_segment segments[6];
static u32 sets;
static int refused;

enum hv_status register_set(
	struct vp *v, u32 name, const union hv_register_value *value, struct vp *by)
{
	assert_ptr_equal(v, &vp);
	assert_null(by);
	assert_in_range(name, 0x60000, 0x60005);
	if ((int)(name & 0xf) == refused)
		return HV_STATUS_INVALID_REGISTER_VALUE;
	segments[name & 0xf] = value->segment;
	sets++;
	return HV_STATUS_SUCCESS;
}

static void put(u32 offset, u32 size, u64 v)
{
	memcpy(registers.bytes + offset, &v, size);
}

static int setup(void **state)
{
	(void)state;
	memset(&vp, 0, sizeof(vp));
	memset(&registers, 0, sizeof(registers));
	memset(segments, 0, sizeof(segments));
	memset(steps, 0, sizeof(steps));
	child.parent = &root;
	vp.partition = &child;
	vp.register_page = &registers.page;
	vp.stop = VP_STOP_INTERCEPT;
	vp.regs.rip = 0x1000;
	vp.regs.rflags = 0x246;
	for (u32 i = 0; i < 16; i++)
		vp.regs.gpr[i] = 0x100 + i;
	sets = 0;
	refused = -1;
	/* What a parent wrote there, named as changed or not. */
	put(0, 2, 1);
	put(2, 1, 1);
	for (u32 i = 0; i < 16; i++)
		put(8 + 8 * i, 8, 0xa000 + i);
	put(136, 8, 0x2000);
	put(144, 8, 0x3f7fd7);
	for (u32 i = 0; i < 6; i++) {
		put(256 + 16 * i, 8, 0x1111000000000000ull + i);
		put(256 + 16 * i + 8, 4, 0x2220 + i);
		put(256 + 16 * i + 12, 2, 0x3330 + i);
		put(256 + 16 * i + 14, 2, 0x4440 + i);
	}
	return 0;
}

static u32 dirty(void)
{
	u32 v;

	memcpy(&v, registers.bytes + 4, 4);
	return v;
}

/* --- Suspension --- */

static void test_suspend_and_release(void **state)
{
	(void)state;
	vp.stop = VP_STOP_HALT;
	vp_suspend(&vp, &self);
	assert_int_equal(vp.stop, VP_STOP_HALT | VP_STOP_EXPLICIT);
	assert_int_equal(stop_at_wake, vp.stop);
	assert_string_equal(steps, "ws");
	vp_release(&vp);
	assert_int_equal(vp.stop, VP_STOP_HALT);
	assert_int_equal(stop_at_wake, VP_STOP_HALT);
	assert_string_equal(steps, "wsw");
	/* Each of its reasons to stand is apart from the others. */
	vp.stop = VP_STOP_EXPLICIT | VP_STOP_INTERCEPT | VP_STOP_STARTUP;
	vp_release(&vp);
	assert_int_equal(vp.stop, VP_STOP_INTERCEPT | VP_STOP_STARTUP);
}

/* A SIPI that came meanwhile takes effect at the end; else nobody is woken. */
static void test_hold(void **state)
{
	(void)state;
	vp.stop = VP_STOP_STARTUP;
	vp_hold(&vp);
	assert_int_equal(vp.stop, VP_STOP_STARTUP | VP_STOP_HELD);
	vp_hold_end(&vp);
	assert_int_equal(vp.stop, VP_STOP_STARTUP);
	assert_string_equal(steps, "");
	vp_hold(&vp);
	vp.stop &= ~(u32)VP_STOP_STARTUP;
	vp_hold_end(&vp);
	assert_int_equal(stop_at_wake, 0);
	assert_string_equal(steps, "w");
}

/* --- The end of an intercept --- */

static void done(void)
{
	assert_int_equal(vp_intercept_done(&vp), HV_STATUS_SUCCESS);
	assert_int_equal(vp.stop, 0);
	assert_int_equal(stop_at_wake, 0);
	assert_string_equal(steps, "cg");
	assert_int_equal(dirty(), 0);
}

static void test_nothing_outstanding(void **state)
{
	(void)state;
	vp.stop = VP_STOP_EXPLICIT;
	put(4, 4, GPRS);
	assert_int_equal(vp_intercept_done(&vp), HV_STATUS_SUCCESS);
	assert_int_equal(vp.stop, VP_STOP_EXPLICIT);
	assert_int_equal(vp.regs.gpr[0], 0x100);
	assert_int_equal(dirty(), GPRS);
	assert_string_equal(steps, "");
}

static void test_no_register_page(void **state)
{
	(void)state;
	vp.register_page = NULL;
	done();
	assert_int_equal(vp.regs.rip, 0x1000);
	/* It stays suspended otherwise. */
	setup(NULL);
	vp.stop = VP_STOP_INTERCEPT | VP_STOP_EXPLICIT | VP_STOP_HALT;
	assert_int_equal(vp_intercept_done(&vp), HV_STATUS_SUCCESS);
	assert_int_equal(vp.stop, VP_STOP_EXPLICIT | VP_STOP_HALT);
}

static void check(u32 classes)
{
	for (u32 i = 0; i < 16; i++)
		assert_int_equal(vp.regs.gpr[i], classes & GPRS ? 0xa000 + i : 0x100 + i);
	assert_int_equal(vp.regs.rip, classes & RIP ? 0x2000 : 0x1000);
	assert_int_equal(vp.regs.rflags, classes & RFLAGS ? 0x3f7fd7 : 0x246);
	assert_int_equal(sets, classes & SEGMENTS ? 6 : 0);
	for (u32 i = 0; i < 6 && classes & SEGMENTS; i++) {
		assert_int_equal(segments[i].base, 0x1111000000000000ull + i);
		assert_int_equal(segments[i].limit, 0x2220 + i);
		assert_int_equal(segments[i].selector, 0x3330 + i);
		assert_int_equal(segments[i].attributes, 0x4440 + i);
	}
}

static void test_each_class(void **state)
{
	static const u32 classes[] = { 0, GPRS, RIP, SEGMENTS, RFLAGS, GPRS | RIP,
		GPRS | RIP | SEGMENTS | RFLAGS };

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(classes); i++) {
		setup(NULL);
		put(4, 4, classes[i]);
		done();
		check(classes[i]);
		/* Until the next intercept nothing there counts. */
		assert_int_equal(registers.bytes[2], 0);
		assert_int_equal(registers.bytes[0], 1);
	}
}

/* Flags that are none, or fixed. */
static void test_rflags(void **state)
{
	static const struct {
		u64 written, taken;
	} rows[] = { { 0, 2 }, { ~0ull, 0x3f7fd7 }, { 0x202, 0x202 }, { 0x8028, 2 },
		{ 1ull << 32 | 1, 3 } };

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(rows); i++) {
		setup(NULL);
		put(4, 4, RFLAGS);
		put(144, 8, rows[i].written);
		done();
		assert_int_equal(vp.regs.rflags, rows[i].taken);
	}
}

/* Refused: the VP waits on, with all that was said kept for another try. */
static void refuses(u32 classes)
{
	put(4, 4, classes);
	assert_int_equal(vp_intercept_done(&vp), HV_STATUS_INVALID_REGISTER_VALUE);
	assert_int_equal(vp.stop, VP_STOP_INTERCEPT);
	assert_string_equal(steps, "");
	assert_int_equal(dirty(), classes);
	assert_int_equal(registers.bytes[2], 1);
	for (u32 i = 0; i < 16; i++)
		assert_int_equal(vp.regs.gpr[i], 0x100 + i);
	assert_int_equal(vp.regs.rip, 0x1000);
	assert_int_equal(vp.regs.rflags, 0x246);
}

static void test_refused(void **state)
{
	(void)state;
	refuses(XMM);
	refuses(1u << 5);
	refuses(1u << 31 | GPRS);
	refuses(XMM | GPRS | RIP | RFLAGS | SEGMENTS);
	assert_int_equal(sets, 0);
	for (refused = 0; refused < 6; refused++)
		refuses(GPRS | RIP | RFLAGS | SEGMENTS);
	refused = -1;
	assert_int_equal(vp_intercept_done(&vp), HV_STATUS_SUCCESS);
	sets = 6;
	check(GPRS | RIP | RFLAGS | SEGMENTS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_suspend_and_release, setup),
		cmocka_unit_test_setup(test_hold, setup),
		cmocka_unit_test_setup(test_nothing_outstanding, setup),
		cmocka_unit_test_setup(test_no_register_page, setup),
		cmocka_unit_test_setup(test_each_class, setup),
		cmocka_unit_test_setup(test_rflags, setup),
		cmocka_unit_test_setup(test_refused, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

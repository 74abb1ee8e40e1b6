/* SPDX-License-Identifier: MIT */
/*
 * Rep calls as the dispatcher runs them, with handlers of the test's: elements
 * in and out, failures in the midst, the yield after 50 us and the way back in,
 * the look at the end, and the partition that a call manages.
 * sources: hypervisor/hypercall_control.c hypervisor/hc_target.c
 * sources: tests/unit/fake_hc.c tests/unit/fake_vp.c tests/unit/fake/fake.c
 * cflags: -Itests/unit/fake
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <string.h>

#include "fake/fake.h"
#include "fake_vp.h"
#include "hv/msr.h"
#include "hypervisor/hc.h"
#include "hypervisor/sched.h"

/* hypercall.c with GetVpIndexFromApicId's row for a call of ours. */
#include "hypervisor/hypercall.c"

#define CODE     0x9aull
#define IN       0x1000ull
#define OUT      0x2000ull
#define TICKS_US 10u
/* Elements of a list that is still copied as a whole. */
#define COPIED ((HYPERCALL_INPUT_MAX - 16) / 4)

static u8 memory[2][4096] __attribute__((aligned(16)));
static u64 *gpr = fake_vp.regs.gpr;
static u64 in_limit; /* reads beyond it fail */
static u64 out_limit;

bool partition_gpa_to_spa(struct partition *p, gpa_t gpa, u32 access, spa_t *spa)
{
	(void)p;
	(void)access;
	*spa = SPA(gpa.a);
	return true;
}

bool guest_read(struct vp *vp, gpa_t gpa, void *buf, size_t len)
{
	(void)vp;
	if (gpa.a + len > in_limit)
		return false;
	memcpy(buf, &memory[0][gpa.a - IN], len);
	return true;
}

bool guest_write(struct vp *vp, gpa_t gpa, const void *buf, size_t len)
{
	(void)vp;
	if (gpa.a + len > out_limit)
		return false;
	memcpy(&memory[1][gpa.a - OUT], buf, len);
	return true;
}

u64 clock_ns_to_tsc(u64 ns)
{
	return ns * TICKS_US / 1000;
}

static u32 traced;

void trace(enum trace_event event, const struct vp *vp, u64 a, u64 b)
{
	(void)vp;
	(void)a;
	(void)b;
	traced += event == TRACE_HYPERCALL;
}

/* Calls that are not made here, beside those of fake_hc.c. */
#define NEVER(name)                                 \
	enum hv_status name(struct hypercall *c)    \
	{                                           \
		(void)c;                            \
		fail();                             \
		return HV_STATUS_INVALID_PARAMETER; \
	}
NEVER(hc_notify_long_spin_wait)
NEVER(hc_get_partition_id)
NEVER(hc_map_device_interrupt)
NEVER(hc_unmap_device_interrupt)

/* The call: 4 bytes in, 4 out, a header of 16 bytes. */
static u32 calls;
static u32 ticks_each;
static u32 fail_at;
static bool manages;

enum hv_status hc_get_vp_index_from_apic_id(struct hypercall *c)
{
	calls++;
	fake_tsc += ticks_each;
	if (manages && hc_child(c, 5) != HV_STATUS_SUCCESS)
		return HV_STATUS_INVALID_PARTITION_ID;
	assert_int_equal(*(const u64 *)c->input, 0x1122334455667788ull);
	assert_int_equal((u32)c->element_in[0], 0x1000 + c->rep_index);
	/* Nothing of an earlier element is left. */
	assert_int_equal(c->output_block[0], 0);
	assert_int_equal(c->output_block[1], 0);
	c->output_block[0] = 0x9999999900002000ull + c->rep_index;
	c->output_block[1] = 0x77;
	return c->rep_index == fail_at ? HV_STATUS_NOT_FOUND : HV_STATUS_SUCCESS;
}

/* A child to manage. */
static struct partition child;
static u32 finds, puts, managed;

struct partition *partition_find(u64 id)
{
	finds++;
	return id == 5 ? &child : NULL;
}

void partition_put(struct partition *p)
{
	assert_ptr_equal(p, &child);
	assert_int_equal(managed, 0);
	puts++;
}

void partition_manage(struct partition *p, struct vp *self)
{
	assert_ptr_equal(p, &child);
	assert_ptr_equal(self, &fake_vp);
	managed++;
}

void partition_manage_end(struct partition *p)
{
	assert_ptr_equal(p, &child);
	managed--;
}

void sched_wait_stopped(struct vp *vp, struct vp *self)
{
	assert_true(vp->stop & VP_STOP_SUSPENDED);
	assert_ptr_equal(self, &fake_vp);
}

static int setup(void **state)
{
	u64 header[2] = { 0x1122334455667788ull, 0 };

	(void)state;
	fake_vp_reset();
	fake_partition.hypercall_msr = 0x5000 | HV_MSR_HYPERCALL_ENABLE;
	fake_vp.regs.rip = 0x4000;
	memset(memory, 0xee, sizeof(memory));
	memcpy(memory[0], header, sizeof(header));
	for (u32 i = 0; i < 1020; i++)
		memcpy(&memory[0][16 + 4 * i], &(u32){ 0x1000 + i }, 4);
	memset(&child, 0, sizeof(child));
	child.parent = &fake_partition;
	in_limit = IN + 4096;
	out_limit = OUT + 4096;
	fake_tsc = 1000;
	fake_tsc_step = 0;
	calls = ticks_each = traced = finds = puts = managed = 0;
	fail_at = ~0u;
	manages = false;
	return 0;
}

static u64 control(u32 start, u32 count)
{
	return CODE | (u64)count << 32 | (u64)start << 48;
}

/* One exit. */
static void call(void)
{
	struct exit exit = { .kind = EXIT_HYPERCALL };

	hypercall_handle(&fake_vp, &exit);
	assert_int_equal(fake_injected, 0);
}

static u64 call_with(u64 word)
{
	gpr[GPR_RCX] = word;
	gpr[GPR_RDX] = IN;
	gpr[GPR_R8] = OUT;
	gpr[GPR_RAX] = 0x5555;
	call();
	return gpr[GPR_RAX];
}

static void outputs(u32 from, u32 to)
{
	for (u32 i = 0; i < 1020; i++) {
		u32 v;

		memcpy(&v, &memory[1][4 * i], 4);
		assert_int_equal(v, i >= from && i < to ? 0x2000 + i : 0xeeeeeeee);
	}
}

static void test_all_at_once(void **state)
{
	(void)state;
	assert_int_equal(call_with(control(0, 100)), 100ull << 32);
	outputs(0, 100);
	assert_int_equal(calls, 100);
	assert_int_equal(traced, 1);
	assert_int_equal(fake_vp.regs.rip, 0x4000 + FAKE_INSN_LENGTH);
	assert_int_equal(call_with(control(98, 102)), 102ull << 32);
	outputs(0, 102);
	assert_int_equal(calls, 104);
}

static void test_failures(void **state)
{
	(void)state;
	fail_at = 3;
	assert_int_equal(call_with(control(1, 10)), 3ull << 32 | HV_STATUS_NOT_FOUND);
	outputs(1, 3);
	/* Input that cannot be read: a short one is copied as a whole, a long one not. */
	setup(NULL);
	in_limit = IN + 16 + 4 * 5;
	assert_int_equal(call_with(control(0, 10)), HV_STATUS_INVALID_PARAMETER);
	assert_int_equal(call_with(control(0, COPIED)), HV_STATUS_INVALID_PARAMETER);
	outputs(0, 0);
	assert_int_equal(
		call_with(control(0, COPIED + 1)), 5ull << 32 | HV_STATUS_INVALID_PARAMETER);
	outputs(0, 5);
	/* Output that cannot be written. */
	setup(NULL);
	out_limit = OUT + 4 * 7;
	assert_int_equal(call_with(control(0, 10)), 7ull << 32 | HV_STATUS_INVALID_PARAMETER);
	outputs(0, 7);
	assert_int_equal(fake_vp.regs.rip, 0x4000 + FAKE_INSN_LENGTH);
}

/* 50 us are 500 ticks: with 120 each, five elements a stay. */
static void test_yield(void **state)
{
	u32 stays = 0;

	(void)state;
	ticks_each = 120;
	(void)call_with(control(0, 12));
	while (fake_vp.regs.rip == 0x4000) {
		stays++;
		/* The same call, from the element that is next; nothing else moved. */
		assert_int_equal(gpr[GPR_RCX], control(5 * stays, 12));
		assert_int_equal(gpr[GPR_RDX], IN);
		assert_int_equal(gpr[GPR_R8], OUT);
		assert_int_equal(gpr[GPR_RAX], 0x5555);
		outputs(0, 5 * stays);
		call();
	}
	assert_int_equal(stays, 2);
	assert_int_equal(calls, 12);
	assert_int_equal(gpr[GPR_RAX], 12ull << 32);
	outputs(0, 12);
	assert_int_equal(fake_vp.regs.rip, 0x4000 + FAKE_INSN_LENGTH);
}

/* However long an element takes, each stay does one. */
static void test_yield_each(void **state)
{
	(void)state;
	ticks_each = 100000;
	(void)call_with(control(0, 3));
	assert_int_equal(gpr[GPR_RCX], control(1, 3));
	call();
	assert_int_equal(gpr[GPR_RCX], control(2, 3));
	call();
	assert_int_equal(gpr[GPR_RAX], 3ull << 32);
	assert_int_equal(fake_vp.regs.rip, 0x4000 + FAKE_INSN_LENGTH);
}

/* A failure ends the call, however much time there was. */
static void test_failure_after_yield(void **state)
{
	(void)state;
	ticks_each = 120;
	fail_at = 7;
	(void)call_with(control(0, 12));
	assert_int_equal(gpr[GPR_RCX], control(5, 12));
	call();
	assert_int_equal(gpr[GPR_RAX], 7ull << 32 | HV_STATUS_NOT_FOUND);
	assert_int_equal(fake_vp.regs.rip, 0x4000 + FAKE_INSN_LENGTH);
	outputs(0, 7);
	/* At the last of a stay as well. */
	setup(NULL);
	ticks_each = 120;
	fail_at = 4;
	assert_int_equal(call_with(control(0, 12)), 4ull << 32 | HV_STATUS_NOT_FOUND);
}

/* In 32-bit mode the start index is EDX's, and EAX is the code. */
static void test_yield_32_bit(void **state)
{
	(void)state;
	ticks_each = 120;
	fake_mode.cs_long = false;
	gpr[GPR_RDX] = control(0, 8) >> 32;
	gpr[GPR_RAX] = CODE;
	gpr[GPR_RBX] = 0;
	gpr[GPR_RCX] = IN;
	gpr[GPR_RDI] = 0;
	gpr[GPR_RSI] = OUT;
	call();
	assert_int_equal(fake_vp.regs.rip, 0x4000);
	assert_int_equal(gpr[GPR_RDX], control(5, 8) >> 32);
	assert_int_equal(gpr[GPR_RAX], CODE);
	assert_int_equal(gpr[GPR_RCX], IN);
	call();
	assert_int_equal(gpr[GPR_RAX], 0);
	assert_int_equal(gpr[GPR_RDX], 8);
	assert_int_equal(fake_vp.regs.rip, 0x4000 + FAKE_INSN_LENGTH);
	outputs(0, 8);
}

/* --- The look at the end of a stay --- */

static u32 finishes, finished_from, finished_to;

static void finish(struct hypercall *c)
{
	finishes++;
	finished_from = c->rep_first;
	finished_to = c->rep_index;
	assert_int_equal(managed, c->target ? 1 : 0);
}

static const struct hypercall_row with_finish = {
	.name = "test",
	.input_size = 16,
	.rep_in = 4,
	.rep_out = 4,
	.handle = hc_get_vp_index_from_apic_id,
	.finish = finish,
};

static u64 general(u32 start, u32 count)
{
	struct hypercall *c = &fake_vp.call;

	finishes = 0;
	c->vp = &fake_vp;
	c->control = control(start, count);
	c->input_gpa = IN;
	c->output_gpa = OUT;
	return call_general(c, &with_finish);
}

static void test_finish(void **state)
{
	(void)state;
	assert_int_equal(general(2, 9), 9ull << 32);
	assert_int_equal(finishes, 1);
	assert_int_equal(finished_from, 2);
	assert_int_equal(finished_to, 9);
	/* For those before the failure; with none there is nothing to look at. */
	fail_at = 6;
	assert_int_equal(general(2, 9), 6ull << 32 | HV_STATUS_NOT_FOUND);
	assert_int_equal(finishes, 1);
	assert_int_equal(finished_to, 6);
	fail_at = 2;
	assert_int_equal(general(2, 9), 2ull << 32 | HV_STATUS_NOT_FOUND);
	assert_int_equal(finishes, 0);
	/* Once a stay. */
	fail_at = ~0u;
	ticks_each = 120;
	assert_int_equal(general(0, 9), RESULT_RESUME);
	assert_int_equal(finishes, 1);
	assert_int_equal(finished_to, 5);
	assert_int_equal(general(5, 9), 9ull << 32);
	assert_int_equal(finishes, 1);
	assert_int_equal(finished_from, 5);
	assert_int_equal(finished_to, 9);
}

/* --- The partition that it manages --- */

static u32 holds;

void vp_hold(struct vp *vp)
{
	vp->stop |= VP_STOP_HELD;
	holds++;
}

static u32 taken;

void vp_startup_take(struct vp *vp)
{
	assert_true(vp->startup);
	taken++;
}

void vp_hold_end(struct vp *vp)
{
	assert_int_equal(managed, 1);
	vp->stop &= ~(u32)VP_STOP_HELD;
	holds--;
}

static void test_target(void **state)
{
	(void)state;
	manages = true;
	assert_int_equal(general(0, 9), 9ull << 32);
	/* Taken with the first element, let go behind the last, finish included. */
	assert_int_equal(finds, 1);
	assert_int_equal(puts, 1);
	assert_int_equal(finishes, 1);
	assert_null(fake_vp.call.target);
	/* And between two stays. */
	ticks_each = 120;
	(void)general(0, 9);
	assert_int_equal(puts, 2);
	(void)general(5, 9);
	assert_int_equal(finds, 3);
	assert_int_equal(puts, 3);
	/* Also when the call fails. */
	fail_at = 0;
	(void)general(0, 9);
	assert_int_equal(puts, 4);
	assert_int_equal(managed, 0);
}

static void test_target_gone(void **state)
{
	(void)state;
	manages = true;
	/* Deleted while we waited for our turn. */
	child.deleted = true;
	assert_int_equal(general(0, 9), HV_STATUS_INVALID_PARTITION_ID);
	assert_int_equal(puts, 1);
	assert_int_equal(managed, 0);
	/* Somebody else's child: not even waited for. */
	child.deleted = false;
	child.parent = &child;
	assert_int_equal(general(0, 9), HV_STATUS_INVALID_PARTITION_ID);
	assert_int_equal(puts, 2);
	assert_null(fake_vp.call.target);
}

static void test_target_checks(void **state)
{
	struct hypercall *c = &fake_vp.call;
	struct vp vp = { .stop = 0 };
	struct vp *found = NULL;

	(void)state;
	c->vp = &fake_vp;
	child.state = PARTITION_CREATED;
	assert_int_equal(hc_child(c, 6), HV_STATUS_INVALID_PARTITION_ID);
	assert_null(c->target);
	child.parent = &child;
	assert_int_equal(hc_child(c, 5), HV_STATUS_ACCESS_DENIED);
	assert_null(c->target);
	child.parent = &fake_partition;
	assert_int_equal(hc_child_in(c, 5, PARTITION_CREATED), HV_STATUS_SUCCESS);
	assert_int_equal(hc_child_in(c, 5, PARTITION_ACTIVE), HV_STATUS_INVALID_PARTITION_STATE);
	assert_int_equal(hc_child_vp(c, 5, 0, &found), HV_STATUS_INVALID_PARTITION_STATE);
	child.state = PARTITION_ACTIVE;
	assert_int_equal(hc_child_vp(c, 5, 0, &found), HV_STATUS_INVALID_VP_INDEX);
	assert_int_equal(hc_child_vp(c, 5, 64, &found), HV_STATUS_INVALID_VP_INDEX);
	assert_int_equal(hc_child_vp(c, 5, ~0u, &found), HV_STATUS_INVALID_VP_INDEX);
	child.vps[63] = &vp;
	assert_int_equal(hc_child_vp(c, 5, 63, &found), HV_STATUS_SUCCESS);
	assert_ptr_equal(found, &vp);
	/* It runs, or halts. */
	assert_int_equal(hc_child_vp_stopped(c, 5, 63, &found), HV_STATUS_INVALID_VP_STATE);
	vp.stop = VP_STOP_HALT;
	assert_int_equal(hc_child_vp_stopped(c, 5, 63, &found), HV_STATUS_INVALID_VP_STATE);
	/* At rest by its parent's will, it stays so. */
	vp.stop = VP_STOP_EXPLICIT | VP_STOP_STARTUP;
	assert_int_equal(hc_child_vp_stopped(c, 5, 63, &found), HV_STATUS_SUCCESS);
	vp.stop = VP_STOP_INTERCEPT;
	assert_int_equal(hc_child_vp_stopped(c, 5, 63, &found), HV_STATUS_SUCCESS);
	assert_int_equal(holds, 0);
	/* An INIT is done before anybody looks, but for that of an unfinished instruction. */
	vp.startup = 1;
	assert_int_equal(hc_child_vp_stopped(c, 5, 63, &found), HV_STATUS_SUCCESS);
	assert_int_equal(taken, 0);
	vp.stop = VP_STOP_EXPLICIT;
	assert_int_equal(hc_child_vp_stopped(c, 5, 63, &found), HV_STATUS_SUCCESS);
	assert_int_equal(taken, 1);
	vp.startup = 0;
	/* A SIPI would start it: held to the end of the call, and once only. */
	vp.stop = VP_STOP_STARTUP;
	assert_int_equal(hc_child_vp_stopped(c, 5, 63, &found), HV_STATUS_SUCCESS);
	assert_int_equal(hc_child_vp_stopped(c, 5, 63, &found), HV_STATUS_SUCCESS);
	assert_int_equal(vp.stop, VP_STOP_STARTUP | VP_STOP_HELD);
	assert_int_equal(holds, 1);
	/* By this call it is not at rest. */
	vp.stop = VP_STOP_HELD;
	assert_int_equal(hc_child_vp_stopped(c, 5, 63, &found), HV_STATUS_INVALID_VP_STATE);
	hc_release(c);
	assert_int_equal(vp.stop, 0);
	assert_int_equal(holds, 0);
	assert_int_equal(managed, 0);
	hc_release(c);
	assert_int_equal(finds - puts, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_all_at_once, setup),
		cmocka_unit_test_setup(test_failures, setup),
		cmocka_unit_test_setup(test_yield, setup),
		cmocka_unit_test_setup(test_yield_each, setup),
		cmocka_unit_test_setup(test_failure_after_yield, setup),
		cmocka_unit_test_setup(test_yield_32_bit, setup),
		cmocka_unit_test_setup(test_finish, setup),
		cmocka_unit_test_setup(test_target, setup),
		cmocka_unit_test_setup(test_target_gone, setup),
		cmocka_unit_test_setup(test_target_checks, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

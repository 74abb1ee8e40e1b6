/* SPDX-License-Identifier: MIT */
/*
 * The life of a VP: creation, notification, halting and waking, delivery of
 * NMIs and interrupts before entry, windows, injection, counters. A fake back
 * end enters nothing: each run is a step of the test.
 * sources: hypervisor/vp.c hypervisor/vp_run.c hypervisor/event.c
 * sources: tests/unit/fake/fake.c tests/unit/host_assert.c
 * cflags: -Itests/unit/fake_cr -Itests/unit/fake
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <string.h>

#include "fake/fake.h"
#include "hypervisor/cpu.h"
#include "hypervisor/die.h"
#include "hypervisor/exit.h"
#include "hypervisor/fpu.h"
#include "hypervisor/frame.h"
#include "hypervisor/guest.h"
#include "hypervisor/partition.h"
#include "hypervisor/pool.h"
#include "hypervisor/trace.h"
#include "hypervisor/vp.h"
#include "hypervisor/window.h"
#include "x86/cpu.h"
#include "x86/cr.h"
#include "x86/desc.h"

u64 fake_xcr0;
u64 fake_dr[4];

static struct partition partition;
static struct cpu cpu;
static struct vp vp, other;
static u64 stats[HV_VP_COUNTER_MAX];
static struct {
	struct trace_ring ring;
	struct trace_record records[8];
} ring;

/* The back end. */
static bool can_interrupt, can_nmi;
static int pending, highest;
static u32 accepted, kicks, flushes, window_flushes, saves, loads;
static int window, nmi_windows; /* window: priority, -1 not asked for */
static u64 cr0, cr2, dr6;
static u32 runs;
static struct event entered[4]; /* what each run delivered */
static enum exit_kind kinds[4]; /* how each run ends */

static void fake_run(struct vp *v, struct exit *exit)
{
	assert_ptr_equal(v, &vp);
	assert_true(runs < 4);
	entered[runs] = v->event;
	v->event.valid = false;
	exit->kind = kinds[runs++];
	fake_tsc += 1000;
}

static bool fake_can_interrupt(struct vp *v)
{
	(void)v;
	return can_interrupt;
}

static bool fake_can_nmi(struct vp *v)
{
	(void)v;
	return can_nmi;
}

static void fake_interrupt_window(struct vp *v, bool on, u8 priority)
{
	(void)v;
	window = on ? priority : -1;
}

static void fake_nmi_window(struct vp *v, bool on)
{
	(void)v;
	nmi_windows += on;
}

static void fake_flush(struct vp *v)
{
	(void)v;
	flushes++;
}

static void fake_advance(struct vp *v, u8 length)
{
	v->regs.rip += length;
}

static void fake_save(struct vp *v)
{
	assert_ptr_equal(v, &other);
	assert_int_equal(loads, 0);
	saves++;
}

static void fake_load(struct vp *v)
{
	assert_ptr_equal(v, &vp);
	loads++;
}

static u64 *fake_register(u32 name)
{
	switch (name) {
	case HV_X64_REGISTER_CR0:
		return &cr0;
	case HV_X64_REGISTER_CR2:
		return &cr2;
	default:
		assert_int_equal(name, HV_X64_REGISTER_DR6);
		return &dr6;
	}
}

static enum hv_status fake_get(struct vp *v, u32 name, union hv_register_value *value)
{
	(void)v;
	value->u64 = *fake_register(name);
	return HV_STATUS_SUCCESS;
}

static enum hv_status fake_set(struct vp *v, u32 name, const union hv_register_value *value)
{
	(void)v;
	*fake_register(name) = value->u64;
	return HV_STATUS_SUCCESS;
}

static enum hv_status create_status;

static enum hv_status fake_vp_create(struct vp *v)
{
	assert_int_equal(v->index, 2);
	assert_int_equal(v->apic_id, 7);
	assert_ptr_equal(v->partition, &partition);
	return create_status;
}

static const struct virt_ops ops = {
	.run = fake_run,
	.can_interrupt = fake_can_interrupt,
	.can_nmi = fake_can_nmi,
	.interrupt_window = fake_interrupt_window,
	.nmi_window = fake_nmi_window,
	.flush = fake_flush,
	.advance = fake_advance,
	.save = fake_save,
	.load = fake_load,
	.get = fake_get,
	.set = fake_set,
	.vp_create = fake_vp_create,
};

const struct virt_ops *virt = &ops;

/* The parts around it. */
int vlapic_pending(struct vp *v)
{
	(void)v;
	return pending;
}

int vlapic_highest_irr(const struct vlapic *l)
{
	(void)l;
	return highest;
}

void vlapic_accept(struct vp *v, u8 vector)
{
	(void)v;
	assert_int_equal(vector, pending);
	accepted++;
	pending = highest = VLAPIC_NONE;
}

void vlapic_init(struct vlapic *l, u32 id, bool bsp)
{
	assert_int_equal(id, 7);
	assert_false(bsp);
	l->id = id;
}

void cpu_kick(struct cpu *c)
{
	assert_ptr_equal(c, &cpu);
	kicks++;
}

void window_flush(void)
{
	window_flushes++;
}

static u64 fpu_switches;

void fpu_switch(struct cpu *c, struct vp *v)
{
	assert_ptr_equal(c, &cpu);
	assert_ptr_equal(v, &vp);
	fpu_switches++;
}

size_t fpu_size(const struct cpu *c)
{
	(void)c;
	return 5000;
}

void fpu_init(struct vp *v)
{
	assert_non_null(v->fpu);
}

static u32 traced_injections;

void trace(enum trace_event event, const struct vp *v, u64 a, u64 b)
{
	(void)v;
	(void)a;
	(void)b;
	traced_injections += event == TRACE_INJECT;
}

static void (*on_exit_handled)(void);

/* Halts after the last kind that the test wants. */
void exit_handle(struct vp *v, const struct exit *exit)
{
	assert_int_equal(exit->kind, kinds[runs - 1]);
	fake_tsc += 100;
	if (on_exit_handled)
		on_exit_handled();
	if (exit->kind == EXIT_HLT)
		v->state = VP_HALTED;
}

static jmp_buf died;

void die_root(struct vp *v, const char *why)
{
	assert_ptr_equal(v, &vp);
	assert_string_equal(why, "triple fault");
	longjmp(died, 1);
}

static u8 known_length;
static u8 fetched_length;
static u8 fetch_vector;

u8 guest_length_known(struct vp *v)
{
	(void)v;
	return known_length;
}

bool guest_length(struct vp *v, u8 *length, struct guest_fault *fault)
{
	(void)v;
	*length = fetched_length;
	*fault = (struct guest_fault){ .vector = fetch_vector, .error = 0x15, .address = 0x7000 };
	return fetched_length != 0;
}

/* A pool that counts, and can be short of pages. */
static u64 pages_used, pages_left;
static u8 marked;

void *pool_alloc(u64 pages)
{
	if (pages > pages_left)
		return NULL;
	pages_left -= pages;
	pages_used += pages;
	return calloc(pages, 4096);
}

void pool_free(void *p, u64 pages)
{
	pages_used -= pages;
	free(p);
}

spa_t virt_to_spa(const void *p)
{
	return SPA((u64)p);
}

void frame_mark(spa_t start, u64 size, enum frame_type type, u16 owner)
{
	(void)start;
	assert_int_equal(size, 4096);
	assert_int_equal(owner, 0);
	marked = (u8)type;
}

static int setup(void **state)
{
	(void)state;
	memset(&partition, 0, sizeof(partition));
	memset(&cpu, 0, sizeof(cpu));
	memset(&vp, 0, sizeof(vp));
	memset(&other, 0, sizeof(other));
	memset(stats, 0, sizeof(stats));
	memset(&ring, 0, sizeof(ring));
	memset(entered, 0, sizeof(entered));
	ring.ring.size = 8;
	cpu.trace = &ring.ring;
	cpu.current = &vp;
	vp.partition = other.partition = &partition;
	vp.cpu = other.cpu = &cpu;
	vp.stats = stats;
	vp.state = VP_RUNNABLE;
	kinds[0] = EXIT_HLT;
	can_interrupt = can_nmi = true;
	pending = highest = VLAPIC_NONE;
	window = -1;
	accepted = kicks = flushes = window_flushes = saves = loads = runs = 0;
	nmi_windows = 0;
	traced_injections = 0;
	fpu_switches = 0;
	on_exit_handled = NULL;
	cr0 = CR0_PE;
	cr2 = dr6 = 0;
	known_length = fetched_length = 0;
	fake_tsc = 50000;
	fake_tsc_step = 1;
	pages_used = 0;
	pages_left = 100;
	return 0;
}

static void test_interrupt(void **state)
{
	(void)state;
	pending = highest = 0x41;
	vp.work = VP_WORK_INTERRUPT;
	vp_run(&vp);
	assert_int_equal(runs, 1);
	assert_true(entered[0].valid);
	assert_int_equal(entered[0].type, EVENT_EXTERNAL);
	assert_int_equal(entered[0].vector, 0x41);
	assert_false(entered[0].has_error);
	assert_int_equal(accepted, 1);
	assert_int_equal(traced_injections, 1);
	assert_int_equal(stats[HV_VP_COUNTER_VIRTUAL_INTERRUPTS], 1);
	assert_int_equal(window, -1);
	assert_int_equal(vp.work, 0);
	assert_int_equal(vp.state, VP_HALTED);
}

/* Masked by RFLAGS.IF or a shadow: asked for by the window, with its priority. */
static void test_interrupt_window(void **state)
{
	(void)state;
	pending = highest = 0x41;
	can_interrupt = false;
	vp.work = VP_WORK_INTERRUPT;
	vp_run(&vp);
	assert_false(entered[0].valid);
	assert_int_equal(accepted, 0);
	assert_int_equal(window, 4);
	assert_int_equal(vp.work, 0);
}

/* Masked by the TPR: the window waits for it. By one in service: the EOI tells. */
static void test_priorities(void **state)
{
	(void)state;
	highest = 0x51;
	vp.work = VP_WORK_INTERRUPT;
	vp_run(&vp);
	assert_false(entered[0].valid);
	assert_int_equal(window, 5);
	setup(NULL);
	highest = 0x51;
	vp.vlapic.isr_highest = 0x58;
	vp.work = VP_WORK_INTERRUPT;
	vp_run(&vp);
	assert_int_equal(window, -1);
	setup(NULL);
	vp.work = VP_WORK_INTERRUPT;
	vp_run(&vp);
	assert_int_equal(window, -1);
	assert_false(entered[0].valid);
}

/* What an exit interrupted goes first; the interrupt waits for its window. */
static void test_event_under_delivery(void **state)
{
	(void)state;
	pending = highest = 0x41;
	vp.event = (struct event){ .valid = true, .type = EVENT_EXCEPTION, .vector = VEC_PF };
	vp.work = VP_WORK_INTERRUPT | VP_WORK_NMI;
	vp_run(&vp);
	assert_int_equal(entered[0].vector, VEC_PF);
	assert_int_equal(accepted, 0);
	assert_int_equal(window, 4);
	assert_int_equal(nmi_windows, 1);
	assert_int_equal(vp.work, VP_WORK_NMI);
}

static void test_nmi(void **state)
{
	(void)state;
	pending = highest = 0x41;
	vp.work = VP_WORK_NMI | VP_WORK_INTERRUPT;
	vp_run(&vp);
	assert_int_equal(entered[0].type, EVENT_NMI);
	assert_int_equal(entered[0].vector, 2);
	assert_int_equal(accepted, 0);
	assert_int_equal(window, 4);
	assert_int_equal(vp.work, 0);
	/* While NMIs are blocked, it waits, and is not forgotten. */
	setup(NULL);
	can_nmi = false;
	kinds[0] = EXIT_NMI_WINDOW;
	kinds[1] = EXIT_HLT;
	vp.work = VP_WORK_NMI;
	vp_run(&vp);
	assert_false(entered[0].valid);
	assert_false(entered[1].valid);
	assert_int_equal(nmi_windows, 2);
	assert_int_equal(vp.work, VP_WORK_NMI);
}

static void test_flush(void **state)
{
	(void)state;
	vp.work = VP_WORK_FLUSH;
	vp_run(&vp);
	assert_int_equal(flushes, 1);
	assert_int_equal(window_flushes, 1);
	assert_int_equal(vp.work, 0);
}

/* Work that comes while an exit is handled is looked at before the next entry. */
static void notify_in_exit(void)
{
	if (runs == 1) {
		pending = highest = 0x99;
		vp_notify(&vp, VP_WORK_INTERRUPT);
	}
}

static void test_work_during_exit(void **state)
{
	(void)state;
	on_exit_handled = notify_in_exit;
	kinds[0] = EXIT_INTERRUPT;
	kinds[1] = EXIT_HLT;
	vp_run(&vp);
	assert_int_equal(runs, 2);
	assert_false(entered[0].valid);
	assert_int_equal(entered[1].vector, 0x99);
}

static void test_halted(void **state)
{
	(void)state;
	vp.state = VP_HALTED;
	assert_false(vp_wakes(&vp));
	vp_run(&vp);
	assert_int_equal(runs, 0);
	assert_int_equal(vp.state, VP_HALTED);
	/* An interrupt that cannot be delivered wakes nobody. */
	pending = highest = 0x41;
	can_interrupt = false;
	assert_false(vp_wakes(&vp));
	can_interrupt = true;
	assert_true(vp_wakes(&vp));
	vp_run(&vp);
	assert_int_equal(entered[0].vector, 0x41);
	assert_int_equal(vp.state, VP_HALTED);
	assert_false(vp_wakes(&vp));
	/* An NMI does, with interrupts off too, unless one is being served. */
	can_interrupt = false;
	vp.work = VP_WORK_NMI;
	assert_true(vp_wakes(&vp));
	can_nmi = false;
	assert_false(vp_wakes(&vp));
	vp.work = 0;
	vp.event.valid = true;
	assert_true(vp_wakes(&vp));
}

/* One that may not wake the VP yet does not keep the next from kicking it. */
static void test_halted_kick(void **state)
{
	(void)state;
	vp.state = VP_HALTED;
	highest = 0x31;
	vp_notify(&vp, VP_WORK_INTERRUPT);
	assert_int_equal(kicks, 1);
	assert_false(vp_wakes(&vp));
	pending = highest = 0x81;
	vp_notify(&vp, VP_WORK_INTERRUPT);
	assert_int_equal(kicks, 2);
	vp_run(&vp);
	assert_int_equal(entered[0].vector, 0x81);
}

static void test_stopped(void **state)
{
	(void)state;
	vp.state = VP_STOPPED;
	pending = highest = 0x41;
	vp.work = VP_WORK_NMI;
	vp.event.valid = true;
	assert_false(vp_wakes(&vp));
	vp_run(&vp);
	assert_int_equal(runs, 0);
}

static void test_notify(void **state)
{
	(void)state;
	vp_notify(&vp, VP_WORK_INTERRUPT);
	assert_int_equal(kicks, 1);
	vp_notify(&vp, VP_WORK_INTERRUPT);
	assert_int_equal(kicks, 1);
	vp_notify(&vp, VP_WORK_INTERRUPT | VP_WORK_NMI);
	assert_int_equal(kicks, 2);
	assert_int_equal(vp.work, VP_WORK_INTERRUPT | VP_WORK_NMI);
}

/* Each run is 1000 ticks, each handling 100; readings of the TSC one each. */
static void test_counters(void **state)
{
	(void)state;
	kinds[0] = kinds[1] = EXIT_CPUID;
	kinds[2] = EXIT_HLT;
	vp_run(&vp);
	assert_int_equal(stats[HV_VP_COUNTER_EXITS + 2 * EXIT_CPUID], 2);
	assert_int_equal(stats[HV_VP_COUNTER_EXITS + 2 * EXIT_HLT], 1);
	assert_in_range(stats[HV_VP_COUNTER_EXITS + 2 * EXIT_CPUID + 1], 200, 204);
	assert_in_range(stats[HV_VP_COUNTER_EXITS + 2 * EXIT_HLT + 1], 100, 102);
	assert_in_range(stats[HV_VP_COUNTER_HYPERVISOR_TIME], 300, 310);
	assert_in_range(stats[HV_VP_COUNTER_TOTAL_RUN_TIME], 3300, 3310);
	assert_int_equal(ring.ring.head, 3);
	assert_int_equal(ring.ring.records[1].event, TRACE_EXIT);
	assert_int_equal(ring.ring.records[1].b & 0xff, EXIT_CPUID);
	assert_int_equal(ring.ring.records[2].b & 0xff, EXIT_HLT);
}

static void test_switch(void **state)
{
	(void)state;
	cpu.current = &other;
	for (u32 i = 0; i < 4; i++) {
		fake_dr[i] = 0x1000 + i;
		vp.dr[i] = 0x2000 + i;
	}
	vp_run(&vp);
	assert_int_equal(saves, 1);
	assert_int_equal(loads, 1);
	assert_int_equal(fpu_switches, 1);
	assert_ptr_equal(cpu.current, &vp);
	for (u32 i = 0; i < 4; i++) {
		assert_int_equal(other.dr[i], 0x1000 + i);
		assert_int_equal(fake_dr[i], 0x2000 + i);
	}
	vp_switch(&vp);
	assert_int_equal(loads, 1);
}

static void test_inject(void **state)
{
	(void)state;
	vp_inject_gp(&vp);
	assert_int_equal(vp.event.vector, VEC_GP);
	assert_true(vp.event.has_error);
	/* A second one on the way to its handler, and a third. */
	vp_inject_pf(&vp, 0x1234, 0x3);
	assert_int_equal(vp.event.vector, VEC_PF);
	assert_int_equal(vp.event.error, 0x3);
	assert_int_equal(cr2, 0x1234);
	vp_inject_gp(&vp);
	assert_int_equal(vp.event.vector, VEC_DF);
	if (!setjmp(died)) {
		vp_inject_gp(&vp);
		fail();
	}
}

static void test_inject_in_real_mode(void **state)
{
	(void)state;
	cr0 = 0;
	vp_inject_exception(&vp, VEC_GP, true, 0x10);
	assert_int_equal(vp.event.vector, VEC_GP);
	assert_false(vp.event.has_error);
	assert_int_equal(vp.event.error, 0);
}

static void test_lengths(void **state)
{
	struct exit exit = { .kind = EXIT_CPUID, .length = 4 };
	u8 length;

	(void)state;
	known_length = 2;
	fetched_length = 3;
	assert_true(vp_length(&vp, &exit, &length));
	assert_int_equal(length, 4);
	exit.length = 0;
	assert_true(vp_length(&vp, &exit, &length));
	assert_int_equal(length, 2);
	known_length = 0;
	assert_true(vp_skip(&vp, &exit));
	assert_int_equal(vp.regs.rip, 3);
	assert_false(vp.event.valid);
	/* No longer there: the fault, and RIP stays. */
	fetched_length = 0;
	fetch_vector = VEC_PF;
	assert_false(vp_skip(&vp, &exit));
	assert_int_equal(vp.regs.rip, 3);
	assert_int_equal(vp.event.vector, VEC_PF);
	assert_int_equal(vp.event.error, 0x15);
	assert_int_equal(cr2, 0x7000);
	vp.event.valid = false;
	fetch_vector = VEC_GP;
	assert_false(vp_length(&vp, &exit, &length));
	assert_int_equal(vp.event.vector, VEC_GP);
}

static void test_single_step(void **state)
{
	struct exit exit = { .kind = EXIT_CPUID, .length = 2 };

	(void)state;
	vp.regs.rflags = RFLAGS_TF;
	dr6 = 0xffff0ff0;
	assert_true(vp_skip(&vp, &exit));
	assert_int_equal(vp.regs.rip, 2);
	assert_int_equal(vp.event.vector, VEC_DB);
	assert_false(vp.event.has_error);
	assert_int_equal(dr6, 0xffff4ff0);
}

static void test_create(void **state)
{
	struct vp *v = NULL;
	u64 all;

	(void)state;
	assert_int_equal(vp_create(&partition, 64, 7, &cpu, &v), HV_STATUS_INVALID_VP_INDEX);
	create_status = HV_STATUS_SUCCESS;
	assert_int_equal(vp_create(&partition, 2, 7, &cpu, &v), HV_STATUS_SUCCESS);
	assert_ptr_equal(partition.vps[2], v);
	assert_int_equal(partition.vp_count, 1);
	assert_int_equal(v->state, VP_STOPPED);
	assert_int_equal(marked, FRAME_SHARED);
	assert_int_equal(vp_create(&partition, 2, 7, &cpu, &v), HV_STATUS_OBJECT_IN_USE);
	all = pages_used;
	pool_free(v->stats, 1);
	pool_free(v->fpu, 2);
	pool_free(v, pages_used);
	assert_int_equal(pages_used, 0);
	/* Short of any page, or refused by the back end, it leaves nothing behind. */
	for (u64 pages = 0; pages < all; pages++) {
		memset(&partition, 0, sizeof(partition));
		pages_left = pages;
		assert_int_equal(
			vp_create(&partition, 2, 7, &cpu, &v), HV_STATUS_INSUFFICIENT_MEMORY);
		assert_int_equal(pages_used, 0);
		assert_null(partition.vps[2]);
	}
	pages_left = 100;
	create_status = HV_STATUS_NO_RESOURCES;
	assert_int_equal(vp_create(&partition, 2, 7, &cpu, &v), HV_STATUS_NO_RESOURCES);
	assert_int_equal(pages_used, 0);
	assert_int_equal(partition.vp_count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_interrupt, setup),
		cmocka_unit_test_setup(test_interrupt_window, setup),
		cmocka_unit_test_setup(test_priorities, setup),
		cmocka_unit_test_setup(test_event_under_delivery, setup),
		cmocka_unit_test_setup(test_nmi, setup),
		cmocka_unit_test_setup(test_flush, setup),
		cmocka_unit_test_setup(test_work_during_exit, setup),
		cmocka_unit_test_setup(test_halted, setup),
		cmocka_unit_test_setup(test_halted_kick, setup),
		cmocka_unit_test_setup(test_stopped, setup),
		cmocka_unit_test_setup(test_notify, setup),
		cmocka_unit_test_setup(test_counters, setup),
		cmocka_unit_test_setup(test_switch, setup),
		cmocka_unit_test_setup(test_inject, setup),
		cmocka_unit_test_setup(test_inject_in_real_mode, setup),
		cmocka_unit_test_setup(test_lengths, setup),
		cmocka_unit_test_setup(test_single_step, setup),
		cmocka_unit_test_setup(test_create, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

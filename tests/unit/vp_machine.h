/* SPDX-License-Identifier: MIT */
/*
 * A back end that enters nothing, and stand-ins for the parts around vp.c,
 * vp_run.c and partition.c, for vp_test.c and vp_state_test.c: each run is a
 * step of the test.
 */
#pragma once

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
#include "hypervisor/intercept.h"
#include "hypervisor/log.h"
#include "hypervisor/partition.h"
#include "hypervisor/partition_clock.h"
#include "hypervisor/pool.h"
#include "hypervisor/sched.h"
#include "hypervisor/trace.h"
#include "hypervisor/vp.h"
#include "hypervisor/window.h"
#include "x86/cpu.h"
#include "x86/cr.h"
#include "x86/desc.h"

u64 fake_xcr0;
u64 fake_dr[4];

static struct partition partition, parent;
static struct cpu cpu;
static struct vp vp, other;
static u64 stats[HV_VP_COUNTER_MAX];
static struct {
	struct trace_ring ring;
	struct trace_record records[8];
} ring;

/* The VP's at first; no counter gets there. */
#define OLD_KEY (~0ull)

/* The back end. */
static bool can_interrupt, can_nmi;
static int pending, highest, behind; /* that one, the highest of all, and when it is taken */
static u32 accepted, wakes, flushes, guest_flushes, window_flushes, saves, loads;
static int window, nmi_windows; /* window: priority, -1 not asked for */
static u64 cr0, cr2, dr6;
static u32 runs;
static struct event entered[4]; /* what each run delivered */
static u32 serves_at_entry[4], clock_serves;
static enum exit_kind kinds[4]; /* how each run ends */

static void fake_run(struct vp *v, struct exit *exit)
{
	assert_ptr_equal(v, &vp);
	assert_true(runs < 4);
	entered[runs] = v->event;
	serves_at_entry[runs] = clock_serves;
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

static void fake_flush_guest(struct vp *v)
{
	assert_ptr_equal(v, &vp);
	guest_flushes++;
}

/* What comes just before who asks for the flush goes on. */
static u32 work_at_flush;

static void fake_flush(struct vp *v)
{
	v->work |= work_at_flush;
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

static const struct virt_ops ops = {
	.run = fake_run,
	.can_interrupt = fake_can_interrupt,
	.can_nmi = fake_can_nmi,
	.interrupt_window = fake_interrupt_window,
	.nmi_window = fake_nmi_window,
	.flush = fake_flush,
	.flush_guest = fake_flush_guest,
	.advance = fake_advance,
	.save = fake_save,
	.load = fake_load,
	.get = fake_get,
	.set = fake_set,
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
	if (!vp.synic.auto_eoi)
		v->vlapic.isr_highest = vector;
	pending = VLAPIC_NONE;
	highest = behind;
}

static u32 timer_moves, timer_resumes;

void vlapic_timer_resume(struct vp *v)
{
	assert_ptr_equal(v, &vp);
	assert_int_equal(loads, 1);
	v->vlapic.timer_stopped = false;
	timer_resumes++;
}

/* What INIT or SIPI do: the test says. */
static u32 taken, startup_after, stop_after;

void vp_startup_take(struct vp *v)
{
	assert_ptr_equal(v, &vp);
	assert_ptr_equal(cpu.current, &vp);
	taken++;
	v->work &= ~(u32)VP_WORK_INIT;
	v->startup = startup_after;
	v->stop = stop_after;
}

bool vlapic_extint_take(struct vlapic *l, u8 *vector)
{
	*vector = (u8)l->extint;
	l->extint = 0;
	return true;
}

/* With the new processor's state: the timer goes to its queue. */
void vlapic_timer_move(struct vp *v)
{
	assert_ptr_equal(v, &vp);
	assert_int_equal(loads, 1);
	timer_moves++;
}

static u32 stimer_moves;

void stimer_move(struct vp *v)
{
	assert_ptr_equal(v, &vp);
	assert_int_equal(loads, 1);
	stimer_moves++;
}

/* What is due comes from here. */
void partition_clock_serve(struct vp *v)
{
	assert_ptr_equal(v, &vp);
	assert_ptr_equal(cpu.current, v);
	v->work &= ~(u32)VP_WORK_TIMERS;
	v->work |= VP_WORK_INTERRUPT;
	clock_serves++;
}

void sched_wake(struct vp *v)
{
	assert_ptr_equal(v, &vp);
	wakes++;
}

/* There is no other VP to flush. */
void sched_kick(const struct vp *v)
{
	(void)v;
	fail();
}

struct cpu *this_cpu(void)
{
	return &cpu;
}

void window_flush(void)
{
	window_flushes++;
}

/* What is remembered of windows goes with them. */
void guest_memos_forget(struct cpu *cpu)
{
	assert_ptr_equal(cpu, this_cpu());
}

static u64 fpu_switches, fpu_unloads;

/* Before the state that it goes to is anybody else's. */
void fpu_unload(struct cpu *c)
{
	assert_ptr_equal(c, &cpu);
	assert_int_equal(saves, 0);
	fpu_unloads++;
}

void fpu_switch(struct cpu *c, struct vp *v)
{
	assert_ptr_equal(c, &cpu);
	assert_ptr_equal(v, &vp);
	fpu_switches++;
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
		v->stop |= VP_STOP_HALT;
}

static jmp_buf died;

void die_root(struct vp *v, const char *why)
{
	assert_ptr_equal(v, &vp);
	assert_string_equal(why, "triple fault");
	longjmp(died, 1);
}

/* What a child's end is. */
static u32 triple_faults, invalid_states;

void intercept_triple_fault(struct vp *v)
{
	assert_ptr_equal(v, &vp);
	triple_faults++;
}

void intercept_invalid_state(struct vp *v)
{
	assert_ptr_equal(v, &vp);
	invalid_states++;
}

void log_line(enum log_level level, const char *fmt, ...)
{
	(void)level;
	(void)fmt;
}

bool log_allowed(struct log_limit *limit)
{
	(void)limit;
	return true;
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

/* Of partition.c, not asked for here. */
struct frame *frame_get(spa_t spa)
{
	(void)spa;
	return NULL;
}

bool slat_lookup(const struct slat *slat, gpa_t gpa, struct slat_mapping *out)
{
	(void)slat;
	(void)gpa;
	(void)out;
	return false;
}

bool slat_retry(struct slat *slat, gpa_t gpa, u32 access)
{
	(void)slat;
	(void)gpa;
	(void)access;
	return false;
}

void slat_log_write(struct slat *slat, gpa_t gpa)
{
	(void)slat;
	(void)gpa;
}

struct frame_list slat_stale(struct slat *slat)
{
	(void)slat;
	return (struct frame_list){ 0 };
}

void slat_free(struct slat *slat, struct frame_list tables)
{
	(void)slat;
	(void)tables;
}

void *pool_alloc(u64 pages)
{
	(void)pages;
	return NULL;
}

void pool_free(void *p, u64 pages)
{
	(void)p;
	(void)pages;
}

void *deposit_take(struct deposit *d)
{
	(void)d;
	return NULL;
}

void deposit_give(struct deposit *d, void *page)
{
	(void)d;
	(void)page;
}

/* The processor's TSC_AUX. */
static u64 tsc_aux_written;
static u32 tsc_aux_writes;

static void tsc_aux_write(u32 msr, u64 v)
{
	assert_int_equal(msr, 0xc0000103);
	tsc_aux_written = v;
	tsc_aux_writes++;
}

static int setup(void **state)
{
	(void)state;
	memset(&partition, 0, sizeof(partition));
	memset(&parent, 0, sizeof(parent));
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
	vp.memo_key = OLD_KEY;
	kinds[0] = EXIT_HLT;
	can_interrupt = can_nmi = true;
	pending = highest = behind = VLAPIC_NONE;
	window = -1;
	accepted = wakes = flushes = guest_flushes = window_flushes = saves = loads = runs = 0;
	nmi_windows = 0;
	traced_injections = 0;
	fpu_switches = fpu_unloads = 0;
	stimer_moves = clock_serves = 0;
	timer_moves = triple_faults = invalid_states = 0;
	fake_on_msr_write = tsc_aux_write;
	tsc_aux_writes = 0;
	on_exit_handled = NULL;
	work_at_flush = 0;
	cr0 = CR0_PE;
	cr2 = dr6 = 0;
	known_length = fetched_length = 0;
	fake_tsc = 50000;
	fake_tsc_step = 1;
	return 0;
}

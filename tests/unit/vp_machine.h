/* SPDX-License-Identifier: MIT */
/*
 * A back end that enters nothing, and stand-ins for the parts around vp.c and
 * vp_run.c, for vp_test.c and vp_state_test.c: each run is a step of the test.
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

/* SPDX-License-Identifier: MIT */
/*
 * Two VPs that take turns on the host's one thread, for tests of tasks: the
 * real task_switch() runs, halting advances a clock, and pages, stacks and the
 * heap are the host's. Included by one source of a program.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/errno.h"
#include "rootpart/apic.h"
#include "rootpart/cpu.h"
#include "rootpart/heap.h"
#include "rootpart/layout.h"
#include "rootpart/mutex.h"
#include "rootpart/paging.h"
#include "rootpart/stack.h"
#include "rootpart/task.h"
#include "rootpart/time.h"
#include "rootpart/waitq.h"
#include "tests/unit/fake_root.h"

#define VPS        2
#define KERNEL_CR3 0x1000ull

static struct cpu vps[VPS];
static struct cpu *running;
static u64 hardware[VPS];
static void *idle[VPS][5]; /* where fake_wait() leaves a VP with nothing to do */
static u64 loaded[VPS];    /* CR3 */
static u32 loads;
static u32 ipis;
static u32 stacks;
static u32 objects;

struct cpu *cpus[HV_MAX_PROCESSORS];
u32 cpu_count = VPS;

struct cpu *this_cpu(void)
{
	return running;
}

u64 paging_cr3(void)
{
	return KERNEL_CR3;
}

void paging_switch(u64 root)
{
	loaded[running->vp] = root;
	loads++;
}

void apic_timer_set(u64 tsc)
{
	hardware[running->vp] = tsc;
}

void apic_send_ipi(u32 target, u8 vector)
{
	assert_int_equal(vector, VECTOR_WAKE);
	assert_int_equal(target, 1 - running->vp);
	ipis++;
}

/* Allocations of the heap that still succeed. */
static u32 memory_left;

void *kzalloc(size_t size)
{
	if (memory_left == 0)
		return NULL;
	memory_left--;
	objects++;
	return calloc(1, size);
}

void *kmalloc(size_t size)
{
	return kzalloc(size);
}

void kfree(void *p)
{
	objects -= p != NULL;
	free(p);
}

/* Stacks stay on a list, so that the one just left is not unmapped. */
static u64 spare;

u64 stack_alloc(void)
{
	u64 base = spare;

	stacks++;
	spare = 0;
	return base != 0 ? base : (u64)aligned_alloc(16, ROOT_STACK_SIZE);
}

void stack_free(u64 base)
{
	stacks--;
	free((void *)spare);
	spare = base;
}

/* HLT: the time of the VP's timer comes, else it stays halted for now. */
void fake_wait(void)
{
	u64 at = hardware[running->vp];

	assert_true(load_relaxed(&running->run_queue.kick));
	if (at == TIME_NEVER)
		__builtin_longjmp(idle[running->vp], 1);
	hardware[running->vp] = TIME_NEVER;
	fake_tsc = MAX(fake_tsc, at);
	timer_interrupt();
}

/* Runs @vp until it has nothing to do and no timer. */
static void run(u32 vp)
{
	running = &vps[vp];
	fake_irq_on = false;
	if (__builtin_setjmp(idle[vp]) == 0)
		task_idle_loop();
	fake_irq_on = true;
}

static void end_vp(struct cpu *cpu)
{
	list_remove(&cpu->idle->all);
	kfree(cpu->idle);
}

static int setup(void **state)
{
	(void)state;
	fake_tsc = 0;
	time_init(NS_PER_S, 0);
	ipis = 0;
	memory_left = ~0u;
	for (u32 vp = 0; vp < VPS; vp++) {
		vps[vp] = (struct cpu){ .vp = vp, .apic_id = vp };
		cpus[vp] = &vps[vp];
		run_queue_init(&vps[vp].run_queue);
		timer_queue_init(&vps[vp].timers);
		hardware[vp] = TIME_NEVER;
		loaded[vp] = KERNEL_CR3;
		running = &vps[vp];
		task_init_vp();
	}
	running = &vps[0];
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	for (u32 vp = 0; vp < VPS; vp++)
		end_vp(&vps[vp]);
	assert_int_equal(objects, 0);
	assert_int_equal(stacks, 0);
	return 0;
}

static char trail[64];

static inline void mark(char c)
{
	size_t n = strlen(trail);

	trail[n] = c;
	trail[n + 1] = '\0';
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

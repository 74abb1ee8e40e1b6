/* SPDX-License-Identifier: MIT */
/*
 * A job is a function; it is done when its place is empty again. Who changes a place interrupts who may wait for it.
 */
#include "tests/guest/disk/team.h"

#include "hv/msr.h"
#include "tests/guest/lib/guest.h"
#include "x86/apic.h"
#include "x86/atomic.h"
#include "x86/cpu.h"
#include "x86/msr.h"

typedef void (*job_fn)(u32 vp);

static job_fn jobs[TEAM_MAX];
static u32 size = 1;

u32 team_self(void)
{
	return (u32)msr_read(HV_MSR_VP_INDEX);
}

static void wake(u32 vp)
{
	msr_write(HV_MSR_ICR, (u64)vp << 56 | APIC_ICR_ASSERT | TEAM_VECTOR);
}

static void woken(u8 vector)
{
	(void)vector;
	msr_write(HV_MSR_EOI, 0);
}

static void member(void *arg)
{
	u32 vp = team_self();
	job_fn fn;

	(void)arg;
	for (;;) {
		/* Pairs with the release in team_start(). */
		while ((fn = load_acquire(&jobs[vp])) == NULL)
			irq_wait();
		fn(vp);
		/* Pairs with the acquire in team_wait(). */
		store_release(&jobs[vp], NULL);
		wake(0);
	}
}

u32 team_begin(void)
{
	guest_on_interrupt(TEAM_VECTOR, woken);
	while (size < TEAM_MAX && guest_start_vp(size, member, NULL) == HV_STATUS_SUCCESS)
		size++;
	return size;
}

void team_start(u32 vp, void (*fn)(u32 vp))
{
	store_release(&jobs[vp], fn);
	wake(vp);
}

void team_wait(u32 vp)
{
	while (load_acquire(&jobs[vp]) != NULL)
		irq_wait();
}

void team_run(void (*fn)(u32 vp))
{
	for (u32 vp = 1; vp < size; vp++)
		team_start(vp, fn);
	fn(0);
	for (u32 vp = 1; vp < size; vp++)
		team_wait(vp);
}

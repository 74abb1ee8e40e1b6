/* SPDX-License-Identifier: MIT */
/*
 * The loop that every exit goes through: deliver what waits, enter the guest,
 * count, trace, handle. Runs on the VP's processor with interrupts off.
 */
#include "hypervisor/cpu.h"
#include "hypervisor/exit.h"
#include "hypervisor/fpu.h"
#include "hypervisor/partition.h"
#include "hypervisor/partition_clock.h"
#include "hypervisor/trace.h"
#include "hypervisor/vp.h"
#include "hypervisor/window.h"
#include "x86/atomic.h"
#include "x86/cpu.h"
#include "x86/cr.h"
#include "x86/desc.h"
#include "x86/msr.h"

static void debug_save(struct vp *vp)
{
	vp->dr[0] = dr0_read();
	vp->dr[1] = dr1_read();
	vp->dr[2] = dr2_read();
	vp->dr[3] = dr3_read();
}

static void debug_load(const struct vp *vp)
{
	dr0_write(vp->dr[0]);
	dr1_write(vp->dr[1]);
	dr2_write(vp->dr[2]);
	dr3_write(vp->dr[3]);
}

void vp_tsc_aux_load(const struct vp *vp)
{
	struct cpu *cpu = vp->cpu;

	if (cpu->tsc_aux == vp->tsc_aux)
		return;
	cpu->tsc_aux = vp->tsc_aux;
	msr_write(MSR_TSC_AUX, vp->tsc_aux);
}

/* What of the VP is this processor's, and not where it ran before. */
static void arrive(struct vp *vp, struct cpu *cpu)
{
	if (unlikely(vp->vlapic.timer_stopped))
		vlapic_timer_resume(vp);
	if (vp->cpu_last == cpu)
		return;
	if (vp->cpu_last) {
		vp->stats[HV_VP_COUNTER_MIGRATIONS]++;
		vlapic_timer_move(vp);
		stimer_move(vp);
	}
	vp->cpu_last = cpu;
	vp->memo_key = vp_memo_key(vp);
}

void vp_unload(void)
{
	struct cpu *cpu = this_cpu();
	struct vp *old = cpu->current;

	if (!old)
		return;
	fpu_unload(cpu);
	virt->save(old);
	debug_save(old);
	cpu->current = NULL;
}

void vp_switch(struct vp *vp)
{
	struct cpu *cpu = vp->cpu;

	if (cpu->current == vp)
		return;
	vp_unload();
	debug_load(vp);
	vp_tsc_aux_load(vp);
	virt->load(vp);
	cpu->current = vp;
	arrive(vp, cpu);
}

static void inject(struct vp *vp, enum event_type type, u8 vector)
{
	vp->event = (struct event){ .valid = true, .type = (u8)type, .vector = vector };
	trace(TRACE_INJECT, vp, vp->regs.rip, vector | (u64)type << 8);
}

static void deliver_nmi(struct vp *vp)
{
	if (vp->event.valid || !virt->can_nmi(vp)) {
		virt->nmi_window(vp, true);
		return;
	}
	/* One NMI waits at most: those that came meanwhile are this one. */
	atomic_fetch_and(&vp->work, ~(u32)VP_WORK_NMI);
	inject(vp, EVENT_NMI, VEC_NMI);
}

/* Out of the APIC's sight: no priority counts, and nobody ends it. */
static void deliver_extint(struct vp *vp)
{
	u8 vector;

	if (!vp->event.valid && virt->can_interrupt(vp) && vlapic_extint_take(&vp->vlapic, &vector))
		inject(vp, EVENT_EXTERNAL, vector);
}

/*
 * What the priorities forbid now is asked for again: by the window if a lower
 * TPR allows it, by the end of interrupt if the one in service forbids it.
 */
static void deliver_interrupt(struct vp *vp)
{
	int vector;

	/* Before the look at the IRR, so that what comes later is seen later. */
	atomic_fetch_and(&vp->work, ~(u32)VP_WORK_INTERRUPT);
	if (unlikely(vlapic_has_extint(&vp->vlapic)))
		deliver_extint(vp);
	vector = vlapic_pending(vp);
	if (vector != VLAPIC_NONE && !vp->event.valid && virt->can_interrupt(vp)) {
		vlapic_accept(vp, (u8)vector);
		inject(vp, EVENT_EXTERNAL, (u8)vector);
		vp->stats[HV_VP_COUNTER_VIRTUAL_INTERRUPTS]++;
		if (likely(!vp->synic.auto_eoi))
			return;
		/* No end of it will be told, at which the others would be looked at. */
		vector = VLAPIC_NONE;
	}
	if (vector == VLAPIC_NONE)
		vector = vlapic_highest_irr(&vp->vlapic);
	if (vector != VLAPIC_NONE && vector >> 4 > vp->vlapic.isr_highest >> 4)
		virt->interrupt_window(vp, true, (u8)(vector >> 4));
	if (unlikely(vlapic_has_extint(&vp->vlapic)))
		virt->interrupt_window(vp, true, VIRT_WINDOW_ANY);
}

static void do_work(struct vp *vp)
{
	u32 work;

	/* First, so that what came before the flush is seen behind it. */
	partition_serve_flush(vp);
	work = load_acquire(&vp->work);
	if (unlikely(work & VP_WORK_INIT)) {
		vp_startup_take(vp);
		work = load_acquire(&vp->work);
		if (load_relaxed(&vp->startup))
			return;
	}
	if (work & VP_WORK_TIMERS) {
		partition_clock_serve(vp);
		work = load_acquire(&vp->work);
	}
	if (work & VP_WORK_NMI)
		deliver_nmi(vp);
	if (work & VP_WORK_INTERRUPT)
		deliver_interrupt(vp);
}

/* Kinds whose record has something worth tracing in its first bytes. */
#define KINDS_WITH_DETAIL                                                          \
	(BIT(EXIT_RDMSR) | BIT(EXIT_WRMSR) | BIT(EXIT_IO) | BIT(EXIT_SLAT_FAULT) | \
		BIT(EXIT_CR_ACCESS) | BIT(EXIT_EXCEPTION) | BIT(EXIT_INTERNAL) |   \
		BIT(EXIT_ENTRY_FAILED))

/* Of a hypercall, RCX: the control word. */
static u64 trace_detail(const struct vp *vp, u32 kind)
{
	if (likely(!(KINDS_WITH_DETAIL >> kind & 1)))
		return kind | vp->regs.gpr[GPR_RCX] << 8;
	return kind | vp->exit.raw.reason << 8;
}

/* The time since the last exit went to its handling; gives the time now. */
static u64 count_outside(struct vp *vp, u64 *stats)
{
	u64 now = rdtsc();
	u64 ticks = now - vp->exit_tsc;

	stats[HV_VP_COUNTER_EXITS + 2 * vp->exit.kind + 1] += ticks;
	stats[HV_VP_COUNTER_HYPERVISOR_TIME] += ticks;
	return now;
}

static void run_until_stopped(struct vp *vp)
{
	struct trace_ring *ring = vp->cpu->trace;
	struct exit *exit = &vp->exit;
	u64 *stats = vp->stats;
	const u32 *resched = &vp->cpu->resched;
	u64 started = rdtsc(), now;
	u32 kind;

	exit->kind = EXIT_NONE;
	vp->exit_tsc = started;
	do {
		if (unlikely(load_acquire(&vp->work) != 0)) {
			do_work(vp);
			/* An INIT stopped it. */
			if (unlikely(load_relaxed(&vp->startup)))
				break;
		}
		count_outside(vp, stats);
		virt->run(vp, exit);
		now = rdtsc();
		kind = exit->kind;
		vp->exit_tsc = now;
		stats[HV_VP_COUNTER_EXITS + 2 * kind]++;
		stats[HV_VP_COUNTER_TOTAL_RUN_TIME] += now - started;
		started = now;
		trace_record(ring, now, vp->tag, TRACE_EXIT, vp->regs.rip, trace_detail(vp, kind));
		exit_handle(vp, exit);
	} while (likely(!(READ_ONCE(vp->stop) | READ_ONCE(*resched))));
	stats[HV_VP_COUNTER_TOTAL_RUN_TIME] += count_outside(vp, stats) - started;
}

void vp_run(struct vp *vp)
{
	vp_switch(vp);
	fpu_switch(vp->cpu, vp);
	/* Also for one that halts on: it is no reason to stay here. */
	partition_serve_flush(vp);
	if (unlikely(load_acquire(&vp->startup))) {
		vp_startup_take(vp);
		if (load_acquire(&vp->stop) & VP_STOP_SUSPENDED)
			return;
	}
	if (load_acquire(&vp->work) & VP_WORK_TIMERS)
		partition_clock_serve(vp);
	/* Of a root VP sched.c has just seen that it wakes. */
	if (!partition_is_root(vp->partition) && !vp_wakes(vp))
		return;
	vp->work_blocked = 0;
	if (load_relaxed(&vp->stop) & VP_STOP_HALT) {
		vp->idle = false;
		atomic_fetch_and(&vp->stop, ~(u32)VP_STOP_HALT);
		/* Own bit, own processor: nobody needs a kick. */
		atomic_fetch_or(&vp->work, VP_WORK_INTERRUPT);
	}
	run_until_stopped(vp);
}

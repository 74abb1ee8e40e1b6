/* SPDX-License-Identifier: MIT */
/*
 * What the files of the virtual local APIC share: vlapic.c has priorities,
 * errors and modes, vlapic_regs.c the registers, vlapic_icr.c IPIs and
 * messages, vlapic_level.c what the parent is told, vlapic_timer.c the timer
 * and vlapic_state.c all of it at rest. Nobody else includes it. Called on the
 * processor that runs the VP, but where it says otherwise.
 */
#pragma once

#include "hypervisor/vlapic.h"
#include "hypervisor/vp.h"
#include "x86/apic.h"
#include "x86/atomic.h"
#include "x86/msr.h"

/* Index into vlapic.lvt. */
enum { LVT_TIMER, LVT_THERMAL, LVT_PERF, LVT_LINT0, LVT_LINT1, LVT_ERROR, LVT_CMCI, LVT_COUNT };

/* Any processor. Partner: the store in vlapic_base_write(). */
static inline u64 vlapic_mode(const struct vlapic *l)
{
	return load_relaxed(&l->base_msr) & (APIC_BASE_ENABLE | APIC_BASE_X2APIC);
}

/* Any processor. */
static inline bool vlapic_is_on(const struct vlapic *l)
{
	return vlapic_mode(l) & APIC_BASE_ENABLE;
}

/* Any processor. */
static inline bool vlapic_is_x2apic(const struct vlapic *l)
{
	return vlapic_mode(l) & APIC_BASE_X2APIC;
}

/* Takes interrupts: on, and enabled by software. Any processor. */
static inline bool vlapic_is_enabled(const struct vlapic *l)
{
	return vlapic_is_on(l) && load_relaxed(&l->svr) & APIC_SVR_ENABLE;
}

/* Whether CPUID.1:ECX as the partition sees it has @bit. */
bool vlapic_offers(struct vp *vp, u64 bit);
#define OFFERS_X2APIC   BIT(21)
#define OFFERS_DEADLINE BIT(24)

/* Notes APIC_ESR_* @error and raises the error interrupt. Any processor. */
void vlapic_error(struct vp *vp, u32 error);

/* Makes a level interrupt pending, whose end the parent is told. Any processor. */
void vlapic_level(struct vp *vp, u8 vector);
/* It has ended, or was never taken: tells the parent if it waits for that. */
void vlapic_level_end(struct vp *vp, u8 vector);

/* Task priority, all eight bits. */
u8 vlapic_tpr(struct vp *vp);
/* Processor priority: SDM 11.8.3.1. */
u8 vlapic_ppr(struct vp *vp);
/* Spurious vector register: software enables, or disables and masks all LVTs. */
void vlapic_svr_set(struct vp *vp, u32 svr);
/* IA32_APIC_BASE; false: #GP, see vlapic_msr_write(). */
[[nodiscard]] bool vlapic_base_write(struct vp *vp, u64 v);

/* vlapic_regs.c: a register as it reads by page; whether @v may be written to it. */
u32 vlapic_reg_get(struct vp *vp, u32 reg);
bool vlapic_reg_valid(struct vp *vp, u32 reg, u32 v);
/* The register of vlapic.lvt[@index]. */
u32 vlapic_lvt_reg(u32 index);

void vlapic_timer_init(struct vlapic *l);
/* The guest has taken an interrupt, and timer_waits. */
void vlapic_timer_taken(struct vp *vp);
void vlapic_timer_lvt_set(struct vp *vp, u32 lvt);
void vlapic_timer_initial_set(struct vp *vp, u32 count);
void vlapic_timer_divide_set(struct vp *vp, u32 divide);
u32 vlapic_timer_current(struct vp *vp);
/* Stopped: the same, but for one that has not been heard of it is never 0. */
u32 vlapic_timer_left(struct vp *vp);
/* Stopped, mode, initial count and divider set: @current is left, 0 it stands. */
void vlapic_timer_restart(struct vp *vp, u32 current);
/* IA32_TSC_DEADLINE; false: the partition's CPUID does not offer it. */
[[nodiscard]] bool vlapic_deadline_read(struct vp *vp, u64 *v);
[[nodiscard]] bool vlapic_deadline_write(struct vp *vp, u64 v);

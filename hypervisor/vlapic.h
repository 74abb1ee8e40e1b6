/* SPDX-License-Identifier: MIT */
/*
 * The virtual local APIC of a VP: registers, priorities, timer, IPIs. Reached
 * by the guest through its page (MMIO exits), x2APIC MSRs and synthetic MSRs.
 * Intel SDM volume 3 chapter 11; TLFS 6.0b chapter 10.
 * IRR and TMR bits are set by any processor with atomic ORs; everything else
 * belongs to the processor that runs the VP.
 */
#pragma once

#include "base/types.h"
#include "hypervisor/timer.h"

struct vp;

struct vlapic {
	u64 base_msr; /* IA32_APIC_BASE as the guest sees it */
	u32 id;
	u32 ldr;
	u32 dfr;
	u32 svr;
	u32 esr;
	u32 esr_pending;
	u64 icr;
	u32 lvt[7]; /* timer, thermal, perf, LINT0, LINT1, error, CMCI */
	u32 timer_initial;
	u32 timer_divide;
	u64 timer_start;    /* TSC at which the count began */
	u64 timer_period;   /* TSC ticks of one whole count */
	u64 timer_deadline; /* IA32_TSC_DEADLINE */
	struct timer timer;
	u32 isr[8];
	u8 isr_highest; /* highest vector in service, 0 if none */
	u8 eoi_cost;

	/* Any processor. */
	u32 irr[8];
	u32 tmr[8];
};

#define VLAPIC_NONE (-1)

/* Reset state (SDM 11.4.7.1); enabled, xAPIC mode, @id. */
void vlapic_init(struct vlapic *l, u32 id, bool bsp);

/*
 * Makes @vector pending at @vp's APIC and notifies the VP. Any processor.
 * A vector below 16 sets the received-illegal-vector error.
 */
void vlapic_interrupt(struct vp *vp, u8 vector, bool level);
/* Highest pending vector that beats the processor priority, or VLAPIC_NONE. */
int vlapic_pending(struct vp *vp);
/* Highest pending vector whatever the priority, or VLAPIC_NONE; for windows. */
int vlapic_highest_irr(const struct vlapic *l);
/* Moves @vector from pending to in service: it is being injected. */
void vlapic_accept(struct vp *vp, u8 vector);
/* End of interrupt; level interrupts go on to irq_virtual_eoi(). */
void vlapic_eoi(struct vp *vp);

/*
 * Registers by their xAPIC page offset (multiple of 16). False: the access is
 * illegal in this form; for MSRs that is #GP, for the page an ESR error.
 */
[[nodiscard]] bool vlapic_read(struct vp *vp, u32 reg, u32 *v);
[[nodiscard]] bool vlapic_write(struct vp *vp, u32 reg, u32 v);
/* x2APIC and synthetic MSRs, IA32_APIC_BASE, IA32_TSC_DEADLINE. False: #GP. */
[[nodiscard]] bool vlapic_msr_read(struct vp *vp, u32 msr, u64 *v);
[[nodiscard]] bool vlapic_msr_write(struct vp *vp, u32 msr, u64 v);
/* Interrupt command, both halves; shared by page, MSR and synthetic MSR. */
[[nodiscard]] bool vlapic_icr_write(struct vp *vp, u64 icr);

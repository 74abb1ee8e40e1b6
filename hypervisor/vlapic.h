/* SPDX-License-Identifier: MIT */
/*
 * The virtual local APIC of a VP: registers, priorities, timer, IPIs. Reached
 * by the guest through its page (MMIO exits), x2APIC MSRs and synthetic MSRs.
 * Intel SDM volume 3 chapter 11; TLFS 6.0b chapter 10.
 * IRR, TMR and pending errors are changed by any processor, atomically;
 * everything else belongs to the processor that runs the VP, and so do all
 * calls but vlapic_interrupt().
 */
#pragma once

#include "base/types.h"
#include "hypervisor/timer.h"

struct vp;

/* Input of the timer before its divider, told to guests by HV_MSR_APIC_FREQUENCY. */
#define VLAPIC_HZ 200000000u

struct vlapic {
	u64 base_msr; /* IA32_APIC_BASE as the guest sees it; read by senders of IPIs too */
	u32 id;
	u32 ldr; /* as its register reads in the current mode; read by senders too */
	u32 dfr;
	u32 svr; /* read by senders too */
	u32 esr;
	u64 icr;
	u32 lvt[7]; /* timer, thermal, perf, LINT0, LINT1, error, CMCI */
	u32 timer_initial;
	u32 timer_divide;
	u64 timer_start;    /* TSC at which the first count began */
	u64 timer_period;   /* ns of one whole count, 0: stopped */
	u64 timer_done;     /* counts that ended; one-shot: nonzero is over */
	u64 timer_deadline; /* IA32_TSC_DEADLINE */
	bool timer_waits;   /* periodic: not armed, until the guest takes what came last */
	struct timer timer;
	u32 isr[8];
	u8 isr_highest; /* highest vector in service, 0 if none */
	u8 tpr;         /* last written here; CR8 may have changed bits 7:4 since */

	/* Any processor, atomically. */
	u32 esr_pending;
	u32 irr[8] __aligned(8);
	u32 tmr[8];
};

#define VLAPIC_NONE (-1)

/* Reset state (SDM 11.4.7.1); enabled, xAPIC mode, @id. */
void vlapic_init(struct vlapic *l, u32 id, bool bsp);

/*
 * Makes @vector pending at @vp's APIC and notifies the VP. Any processor.
 * A vector below 16 sets the received-illegal-vector error. An APIC that is
 * off takes nothing; a level interrupt that it missed comes again when its
 * software enables it, because its pin stays masked until then.
 */
void vlapic_interrupt(struct vp *vp, u8 vector, bool level);
/* Highest pending vector that beats the processor priority, or VLAPIC_NONE. */
int vlapic_pending(struct vp *vp);
/* Highest pending vector whatever the priority, or VLAPIC_NONE; for windows. */
int vlapic_highest_irr(const struct vlapic *l);
/* Moves @vector from pending to in service: it is being injected. */
void vlapic_accept(struct vp *vp, u8 vector);
/* Task priority, all eight bits, in any mode of the APIC; MOV to CR8 gives cr8 << 4. */
void vlapic_tpr_set(struct vp *vp, u8 tpr);
/* The VP's timer comes to this processor, where its state has just been loaded. */
void vlapic_timer_move(struct vp *vp);
/* And is gone: the APIC is about to be reset, or the VP deleted. Any processor. */
void vlapic_timer_end(struct vp *vp);
/* End of interrupt; goes on to irq_virtual_eoi() and synic_eoi(). */
void vlapic_eoi(struct vp *vp);

/*
 * Registers by their xAPIC page offset, for 32-bit accesses to the page in
 * xAPIC mode. False: no such register (the error is in the ESR, reads give 0),
 * or the page is not there in the APIC's mode (nothing happened). Reads of
 * write-only and writes of read-only registers do nothing.
 */
[[nodiscard]] bool vlapic_read(struct vp *vp, u32 reg, u32 *v);
[[nodiscard]] bool vlapic_write(struct vp *vp, u32 reg, u32 v);
/*
 * x2APIC and synthetic MSRs, IA32_APIC_BASE, IA32_TSC_DEADLINE. False: #GP,
 * for reserved bits, wrong mode or direction, what the partition's CPUID does
 * not offer, an illegal change of mode, or a move of the page.
 */
[[nodiscard]] bool vlapic_msr_read(struct vp *vp, u32 msr, u64 *v);
[[nodiscard]] bool vlapic_msr_write(struct vp *vp, u32 msr, u64 v);
/*
 * Interrupt command, both halves, destination as the APIC's mode has it;
 * shared by page, MSR and synthetic MSR. False: reserved bits in x2APIC mode.
 */
[[nodiscard]] bool vlapic_icr_write(struct vp *vp, u64 icr);

/* SPDX-License-Identifier: MIT */
/*
 * The virtual local APIC of a VP: registers, priorities, timer, IPIs. Reached
 * by the guest through its page (MMIO exits), x2APIC MSRs and synthetic MSRs.
 * Intel SDM volume 3 chapter 11; TLFS 6.0b chapter 10.
 * What stands last in the structure is changed by any processor, atomically;
 * everything else belongs to the processor that runs the VP, and so do all
 * calls but those that say otherwise.
 */
#pragma once

#include "base/types.h"
#include "hv/status.h"
#include "hypervisor/timer.h"
#include "x86/atomic.h"

struct hv_local_apic_state;
struct partition;
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
	u64 timer_start;    /* the guest's TSC at which the first count began */
	u64 timer_period;   /* ns of one whole count, 0: stopped */
	u64 timer_done;     /* counts that ended; one-shot: nonzero is over */
	u64 timer_deadline; /* IA32_TSC_DEADLINE */
	u64 timer_due;      /* armed: the guest's TSC for which that is */
	bool timer_waits;   /* periodic: not armed, until the guest takes what came last */
	bool timer_stopped; /* at rest, its parent looks: armed when the VP comes to a processor */
	struct timer timer;
	u32 isr[8];
	u8 isr_highest; /* highest vector in service, 0 if none */
	u8 tpr;         /* last written here; CR8 may have changed bits 7:4 since */

	/* Any processor, atomically. */
	u32 esr_pending;
	u32 irr[8] __aligned(8);
	u32 tmr[8];
	u32 level[8]; /* vectors whose end the VP's parent waits for */
	u32 ended[8]; /* and those of which it has not been told yet */
	u32 extint;   /* VLAPIC_EXTINT | vector: the pin INTR is up */
};

#define VLAPIC_NONE   (-1)
#define VLAPIC_EXTINT BIT(8)

/* Delivery modes of messages besides APIC_DM_*: the pins LINT0 and LINT1, by their LVTs. */
#define VLAPIC_DM_LINT0 8u
#define VLAPIC_DM_LINT1 9u

/* An interrupt message from outside of the VPs, by their parent. */
struct vlapic_message {
	u32 dest;  /* all ones: everybody; to an APIC in xAPIC mode 0xff, too */
	u8 vector; /* not of NMI and INIT; of a pin that its LVT says is ExtINT's */
	u8 mode;   /* APIC_DM_*, VLAPIC_DM_* */
	bool logical;
	bool level; /* fixed and lowest priority only */
};

/* Reset state (SDM 11.4.7.1); enabled, xAPIC mode, @id. */
void vlapic_init(struct vlapic *l, u32 id, bool bsp);
/* What INIT does: the same but for mode, identity, pins, and what the parent waits for. */
void vlapic_reset(struct vp *vp);

/*
 * Makes @vector pending at @vp's APIC and notifies the VP. Any processor.
 * A vector below 16 sets the received-illegal-vector error. An APIC that is
 * off takes nothing; a level interrupt that it missed comes again when its
 * software enables it, because its pin stays masked until then.
 */
void vlapic_interrupt(struct vp *vp, u8 vector, bool level);
/*
 * Any processor. Gives @m to those VPs of @p that it names; that there is
 * none is no error, as on a bus. Vectors are legal ones. A level interrupt is
 * owed an end: once the guest has ended it, or once its APIC is enabled if it
 * was not when the interrupt came, the parent gets HV_MESSAGE_APIC_EOI.
 */
void vlapic_send(const struct partition *p, const struct vlapic_message *m);
/* Any processor: the pin INTR of a VP goes up, is up, goes down. */
void vlapic_extint(struct vp *vp, u8 vector);
static inline bool vlapic_has_extint(const struct vlapic *l)
{
	return load_relaxed(&l->extint) & VLAPIC_EXTINT;
}
void vlapic_extint_clear(struct vlapic *l);
/* Acknowledges it; false: it has just been withdrawn. */
[[nodiscard]] bool vlapic_extint_take(struct vlapic *l, u8 *vector);
/* A new VP has nothing to tell its parent. */
void vlapic_level_init(struct vp *vp);

/*
 * All of it as the TLFS has it for HvCallGetVpState and SetVpState, the VP at
 * rest, on any processor under the manage lock; vlapic_state.c. The base
 * register, the TPR (CR8) and the deadline are not in it. INVALID_REGISTER_VALUE:
 * something cannot be, and nothing has changed.
 */
void vlapic_state_get(struct vp *vp, struct hv_local_apic_state *s);
enum hv_status vlapic_state_set(struct vp *vp, const struct hv_local_apic_state *s);

/* Highest pending vector that beats the processor priority, or VLAPIC_NONE. */
int vlapic_pending(struct vp *vp);
/* Highest pending vector whatever the priority, or VLAPIC_NONE; for windows. */
int vlapic_highest_irr(const struct vlapic *l);
/* Moves @vector from pending to in service: it is being injected. */
void vlapic_accept(struct vp *vp, u8 vector);
/* Task priority, all eight bits, in any mode of the APIC; MOV to CR8 gives cr8 << 4. */
void vlapic_tpr_set(struct vp *vp, u8 tpr);
/* The partition's clock may have changed: puts the timer where it says. */
void vlapic_timer_serve(struct vp *vp);
/* The VP's timer comes to this processor, where its state has just been loaded. */
void vlapic_timer_move(struct vp *vp);
/* And is gone: the APIC is about to be reset, or the VP deleted. Any processor. */
void vlapic_timer_end(struct vp *vp);
/* At rest it fires nowhere until the VP comes to a processor, which calls resume. */
void vlapic_timer_stop(struct vp *vp);
void vlapic_timer_resume(struct vp *vp);
/*
 * IA32_TSC_DEADLINE for the VP's parent, likewise; 0 where there is none, or
 * none is armed. False: the timer is not in that mode.
 */
u64 vlapic_deadline_get(struct vp *vp);
[[nodiscard]] bool vlapic_deadline_set(struct vp *vp, u64 v);
/* End of interrupt; goes on to irq_virtual_eoi(), the parent and synic_eoi(). */
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

/* SPDX-License-Identifier: MIT */
/*
 * A virtual processor. Fields are written by the processor that runs the VP,
 * but for those under "any processor".
 */
#pragma once

#include "base/types.h"
#include "hv/stats.h"
#include "hypervisor/hypercall.h"
#include "hypervisor/sched_policy.h"
#include "hypervisor/stimer.h"
#include "hypervisor/synic.h"
#include "hypervisor/virt.h"
#include "hypervisor/vlapic.h"
#include "x86/cpu.h"

struct cpu;
struct partition;

enum {
	GPR_RAX,
	GPR_RCX,
	GPR_RDX,
	GPR_RBX,
	GPR_RSP,
	GPR_RBP,
	GPR_RSI,
	GPR_RDI,
	GPR_R8,
	GPR_R9,
	GPR_R10,
	GPR_R11,
	GPR_R12,
	GPR_R13,
	GPR_R14,
	GPR_R15,
	GPR_COUNT,
};

/* Offsets are known to the entry code of both back ends. */
struct vp_regs {
	u64 gpr[GPR_COUNT];
	u64 rip;
	u64 rflags;
};

/* Why a VP does not run; it may while there is no reason. Any processor, atomic. */
#define VP_STOP_HALT      BIT(0) /* waits in HLT; set and cleared by its own processor */
#define VP_STOP_EXPLICIT  BIT(1) /* suspended by its parent */
#define VP_STOP_INTERCEPT BIT(2) /* its parent has an intercept to settle */
#define VP_STOP_STARTUP   BIT(3) /* waits to be started */
#define VP_STOP_HELD      BIT(4) /* a call under the manage lock is at its registers */
/* In these its registers are at rest, once it is not running any more. */
#define VP_STOP_SUSPENDED \
	((u32)(VP_STOP_EXPLICIT | VP_STOP_INTERCEPT | VP_STOP_STARTUP | VP_STOP_HELD))

/* Work that vp_run() looks at before entry; any processor, atomic OR. */
#define VP_WORK_INTERRUPT BIT(0) /* IRR may hold something deliverable */
#define VP_WORK_NMI       BIT(1)
#define VP_WORK_FLUSH     BIT(2) /* second-level mappings shrank */
#define VP_WORK_TIMERS    BIT(3) /* the clock changed, or timers are to be set anew */
#define VP_WORK_TLB       BIT(4) /* another VP asked to forget the guest's own mappings */
#define VP_WORK_INIT      BIT(5) /* vp->startup has an INIT */

struct vp {
	struct vp_regs regs; /* first */
	struct event event;  /* to deliver at the next entry */
	u32 index;
	u32 apic_id;
	u32 tag; /* of trace records: partition id | index << 16 */
	struct partition *partition;
	struct cpu *cpu;         /* where it runs, or last ran; a child's: sched.c's lock */
	struct cpu *cpu_last;    /* where its state was last loaded; NULL: nowhere yet */
	u64 virt[VIRT_VP_WORDS]; /* the back end's own; its pages hang on it */
	void *fpu;               /* XSAVE or FXSAVE area, 64-byte aligned */
	u64 xcr0;
	u64 cr2;   /* the guest's, where the control block has no place for it */
	u64 dr[4]; /* DR0-3 while the VP is not loaded */
	struct vlapic vlapic;
	u64 *stats; /* HV_VP_COUNTER_MAX counters, a page the root may read */
	u64 exit_tsc;
	struct exit exit; /* the last one, and what handlers fill: here, */
	struct hypercall call;
	struct cpuid_regs cpuid; /* so that they need no stack for it */
	u64 tsc_aux;
	u64 tsc_offset; /* as the control block has it */
	u64 memo_key;   /* what guest.c remembered under another is void */
	struct synic synic;
	struct stimer *stimers; /* HV_STIMER_COUNT, a page */
	u64 assist_msr;         /* HV_MSR_VP_ASSIST_PAGE */
	void *assist_page; /* lies over the page that it names, and stays zero; NULL: not yet */
	struct overlay assist_overlay;
	bool idle; /* with VP_STOP_HALT: any interrupt ends it, allowed or not */

	/* Of a child. */
	struct synic_message intercept;         /* to its parent; at most one is outstanding */
	struct hv_register_page *register_page; /* manage lock; NULL: not mapped */
	struct hv_message *intercept_page;
	struct sched_share share; /* of a processor; run_queue.h */
	u8 sched;                 /* enum sched_state, run_queue.h */
	u64 affinity;             /* processors it may run on, bit per index */
	bool intercept_waits;     /* to be posted when it leaves; its processor only */
	u32 work_blocked;         /* halted, it saw this work and cannot do it; likewise */
	struct synic_message eoi; /* to its parent, see vlapic_level.c */

	/* Any processor. */
	u32 work;     /* VP_WORK_* */
	u32 stop;     /* VP_STOP_*; 0: it may run */
	u32 startup;  /* INIT and SIPI, vp_startup.c's; 0 while it runs */
	bool running; /* a processor has its state; stored by that processor */
};

static_assert(sizeof(struct vp) <= PAGE_SIZE);

/*
 * Makes a VP that waits to be started, a child's also to be released by its
 * parent. INSUFFICIENT_MEMORY, OBJECT_IN_USE (index), INVALID_VP_INDEX.
 */
enum hv_status vp_create(
	struct partition *p, u32 index, u32 apic_id, struct cpu *cpu, struct vp **out);
/*
 * Ends a child's VP, which is suspended and not running: nobody may find or
 * wake it any more, and all its pages are its partition's again. @self is the
 * caller's VP. Manage lock.
 */
void vp_delete(struct vp *vp, struct vp *self);
/* Adds work and makes the VP look at it, wherever it is. Any processor. */
void vp_notify(struct vp *vp, u32 work);

/* Queues exception @vector, merged with one under delivery as the SDM says
 * (volume 3, table 6-5): may become #DF, or the end of the partition. */
void vp_inject_exception(struct vp *vp, u8 vector, bool has_error, u32 error);
static inline void vp_inject_ud(struct vp *vp)
{
	vp_inject_exception(vp, 6, false, 0);
}
static inline void vp_inject_gp(struct vp *vp)
{
	vp_inject_exception(vp, 13, true, 0);
}
/* #PF: sets CR2 too. */
void vp_inject_pf(struct vp *vp, u64 address, u32 error);

/*
 * Length of the intercepted instruction at RIP: as the processor told it, else
 * decoded. False: its bytes cannot be read any more, and the fault that
 * reading them gives was injected.
 */
[[nodiscard]] bool vp_length(struct vp *vp, const struct exit *exit, u8 *length);
/* Moves RIP on by @length, behind an emulated instruction; then a trap by RFLAGS.TF. */
void vp_advance(struct vp *vp, u8 length);

/*
 * Ends an emulated instruction: moves RIP behind it. Takes the length from
 * @exit if the processor told it, else decodes the instruction at RIP. If the
 * bytes cannot be read any more, injects the fault that reading them gives
 * and returns false.
 */
[[nodiscard]] bool vp_skip(struct vp *vp, const struct exit *exit);

/*
 * True if a runnable VP, or a halted one with something to deliver. On its own
 * processor, with interrupts off.
 */
bool vp_wakes(struct vp *vp);
/* Brings @vp's state to the calling processor, in place of another VP's. */
void vp_switch(struct vp *vp);
/* Takes the state of the VP that is loaded here off the processor: any other may have it. */
void vp_unload(void);

/* Makes MSR_TSC_AUX of this processor, where @vp is loaded, the VP's. */
void vp_tsc_aux_load(const struct vp *vp);

/*
 * The VP cannot go on, by its own doing: the root's end is everybody's, a
 * child's parent is told. @why is for the root's report.
 */
void vp_fail(struct vp *vp, const char *why);
/* The same for a fault that nothing can deliver any more. */
void vp_triple_fault(struct vp *vp);

/*
 * A number that no VP has had; for vp->memo_key, never 0. Bit 2: a child's, so that
 * guest.c can tell those and the root's apart. Any processor.
 */
u64 vp_memo_key(const struct vp *vp);

/*
 * Runs @vp on this processor until it may not run or another is wanted
 * (cpu->resched). A root VP must be one that vp_wakes().
 */
void vp_run(struct vp *vp);

/*
 * Suspension of a child's VP by its parent; @self is the caller's VP. Under
 * the manage lock. vp_suspend.c.
 */
/* Returns when the VP's registers are at rest. */
void vp_suspend(struct vp *vp, struct vp *self);
void vp_release(struct vp *vp);
/*
 * The parent has settled the intercept, if there is one: what it changed in the
 * register page is loaded, a message that still waits is taken back, and the VP
 * may go on. INVALID_REGISTER_VALUE: something of the page cannot be; the VP
 * waits on. The VP is at rest.
 */
enum hv_status vp_intercept_done(struct vp *vp);
/*
 * Keeps a VP that only waits to be started from being started by a SIPI,
 * which asks nobody, until the end of a call that works on its registers.
 */
void vp_hold(struct vp *vp);
void vp_hold_end(struct vp *vp);

/*
 * INIT and SIPI, vp_startup.c. Any processor; neither waits: the VP does on its
 * own processor what they ask. An INIT to VP 0 leads to the reset vector,
 * others wait for a SIPI then. A VP that waits already ignores INIT, one that
 * does not wait SIPI, and so does one that has its SIPI.
 */
void vp_init(struct vp *vp);
void vp_sipi(struct vp *vp, u8 vector);
/*
 * Does what vp->startup asks, on the VP's processor, its state loaded, or for
 * a call of its parent's, at rest. Afterwards startup is 0, or the VP must not be entered.
 */
void vp_startup_take(struct vp *vp);
/*
 * The VP, held and at rest, is about to be started by hypercall: no SIPI
 * starts it any more. False: it does not wait, or a SIPI came first.
 */
[[nodiscard]] bool vp_startup_claim(struct vp *vp);
/* It waits, or does no longer, as its parent says; at rest. */
void vp_startup_set(struct vp *vp, bool waits);

/* Takes the VP's state pages away from its parent; hc_state_page.c. */
void vp_state_pages_end(struct vp *vp, struct vp *self);

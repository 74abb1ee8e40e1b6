/* SPDX-License-Identifier: MIT */
/*
 * A virtual processor. Fields are written by the processor that runs the VP,
 * but for those under "any processor".
 */
#pragma once

#include "base/types.h"
#include "hv/stats.h"
#include "hypervisor/hypercall.h"
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

enum vp_state {
	VP_STOPPED, /* never started, or suspended */
	VP_RUNNABLE,
	VP_HALTED, /* waits in HLT */
};

/* Work that vp_run() looks at before entry; any processor, atomic OR. */
#define VP_WORK_INTERRUPT BIT(0) /* IRR may hold something deliverable */
#define VP_WORK_NMI       BIT(1)
#define VP_WORK_FLUSH     BIT(2) /* second-level mappings shrank */

struct vp {
	struct vp_regs regs; /* first */
	struct event event;  /* to deliver at the next entry */
	u32 index;
	u32 apic_id;
	u32 tag; /* of trace records: partition id | index << 16 */
	struct partition *partition;
	struct cpu *cpu; /* where it runs, or last ran */
	enum vp_state state;
	void *virt; /* the back end's: control block and so on */
	void *fpu;  /* XSAVE or FXSAVE area, 64-byte aligned */
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
	u64 assist_page; /* HV_MSR_VP_ASSIST_PAGE: kept, not used */

	/* Any processor. */
	u32 work; /* VP_WORK_* */
};

/* Makes a stopped VP; -> INSUFFICIENT_MEMORY, OBJECT_IN_USE (index), INVALID_VP_INDEX. */
enum hv_status vp_create(
	struct partition *p, u32 index, u32 apic_id, struct cpu *cpu, struct vp **out);
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

/* Runs @vp on this processor until it is not runnable or another is wanted. */
void vp_run(struct vp *vp);

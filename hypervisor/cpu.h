/* SPDX-License-Identifier: MIT */
/*
 * A logical processor as the hypervisor sees it: identity, features, tables,
 * what runs on it now. struct cpu is reached by %gs:0 in hypervisor mode;
 * fields without a note are written at start-up, then constant.
 */
#pragma once

#include "base/types.h"
#include "hypervisor/layout.h"
#include "hypervisor/run_queue.h"
#include "hypervisor/timer.h"
#include "x86/desc.h"

struct vp;
struct trace_ring;
struct irq_route;
struct fetch_memo;

/* Features that our code asks for, read once by cpuid on each processor. */
struct cpu_features {
	bool intel;
	bool x2apic;
	bool tsc_deadline;
	bool xsave;
	bool smep;
	bool smap;
	bool nx;
	bool page1g;
	bool rdrand;
	bool mce;
	bool fsgsbase;
	bool tsc_aux;
	bool x87_pointers_stay; /* FXRSTOR may leave the error pointers of whoever was before */
	u8 phys_bits;
	u32 mxcsr_mask; /* bits that MXCSR has */
	u32 xsave_size; /* bytes for all of xcr0_mask, standard form */
	u64 xcr0_mask;  /* state components that the processor has */
};

/* One mapped guest page; see window.h. This processor only. */
struct window_slot {
	u64 frame; /* SPA of the page mapped now, ~0 if none */
};

struct cpu {
	struct cpu *self; /* first: read through %gs:0 */
	u32 index;        /* 0 is the boot processor */
	u32 apic_id;      /* physical, 32 bits */
	struct cpu_features features;
	u64 stack_top;
	u64 gdt[8];
	struct tss tss;
	struct idt_gate *idt;
	struct trace_ring *trace;
	struct irq_route *routes; /* 256, indexed by physical vector */
	void *virt_page;          /* VMXON region or host save area, one page */
	void *virt_host;          /* back end's own: host state for VMLOAD and such */
	bool online;              /* release-stored by the processor when it is up */

	/* This processor only. */
	struct vp *root_vp;         /* bound to this processor, NULL before it exists */
	struct vp *current;         /* VP whose state is loaded */
	struct vp *fpu_owner;       /* VP whose FPU state is in the registers, or NULL */
	u64 tsc_aux;                /* what MSR_TSC_AUX holds */
	struct run_queue run_queue; /* sched.h */
	struct timer_queue timers;
	u32 paging_seen;  /* paging_catch_up()'s */
	u64 *window_ptes; /* entries of this processor's windows */
	struct window_slot windows[HV_WINDOW_SLOTS];
	struct fetch_memo *memos; /* guest.c's */

	/* Any processor. */
	u32 resched;        /* SCHED_*: what runs here shall stop to run soon */
	struct vp *running; /* the VP that runs here, NULL: none; stored by this processor */
};

extern struct cpu *cpus[HV_MAX_CPUS];
extern u32 cpu_count; /* constant once the others are up */

struct cpu *this_cpu(void);
struct cpu *cpu_by_apic_id(u32 apic_id);

/* Fills @f for the processor that it runs on. */
void cpu_features_read(struct cpu_features *f);

/* Loads GDT, TSS, IDT, GS base, control registers on the calling processor. */
void cpu_tables_load(struct cpu *cpu);

/*
 * Makes @cpu leave guest mode or HLT soon, from any processor: an interrupt
 * at HV_VECTOR_KICK, nothing else. Does nothing for the calling one.
 */
void cpu_kick(struct cpu *cpu);

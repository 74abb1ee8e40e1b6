/* SPDX-License-Identifier: MIT */
/*
 * A virtual processor of the root as its kernel sees it: identity, tables,
 * what runs on it. struct cpu is reached by %gs:0. Fields without a note are
 * written at start-up, then constant.
 */
#pragma once

#include "base/types.h"
#include "hv/vpset.h"
#include "rootpart/run_queue.h"
#include "rootpart/timer.h"
#include "x86/desc.h"

#define CPU_GDT_ENTRIES 7u

/* Vectors of our own; those of devices lie below VECTOR_DEVICE_END. */
#define VECTOR_DEVICE_FIRST 0x30u
#define VECTOR_DEVICE_END   0xe0u
#define VECTOR_TIMER        0xf0u
#define VECTOR_WAKE         0xf1u
#define VECTOR_SYNIC        0xf2u
#define VECTOR_BUS          0xf3u
#define VECTOR_SPURIOUS     0xffu

struct hv_event_flags_page;
struct hv_message_page;
struct irq_line;
struct task;

struct cpu {
	struct cpu *self; /* first: read through %gs:0 */
	u64 gdt[CPU_GDT_ENTRIES];
	u32 vp;         /* index, 0 is the boot VP */
	struct tss tss; /* rsp[0], aligned: kernel stack of the process that runs */
	u32 apic_id;
	u64 user_rsp; /* syscall.S: between two of its instructions */
	/* This VP only, interrupts off, as what is below idle. */
	struct task *current;

	/* Own lock. */
	struct run_queue run_queue;

	struct task *idle;
	struct task *dead; /* has left its stack, to be freed by the next one */
	u64 cr3; /* of the process whose lower half is loaded; 0: the kernel's own tables */
	struct timer slice; /* runs while the current task is in ring 3, and others stand in line */
	struct timer_queue timers;

	void *hypercall_page;             /* parameters: a page of input, a page of output */
	struct hv_message_page *messages; /* SynIC's, as what follows */
	struct hv_event_flags_page *events;
	const u64 *stats; /* counters of hv/stats.h; NULL if not mapped */
	bool online;      /* release-stored by the VP when it is up */

	/* irq.c's lock to write; read with interrupts off on this VP. */
	struct irq_line *lines[256];
};

extern struct cpu *cpus[HV_MAX_PROCESSORS];
extern u32 cpu_count; /* VPs online; constant once smp_init() returned */

struct cpu *this_cpu(void);

/* Features of the processor that the kernel uses. Constant. */
struct cpu_features {
	bool nx;
	bool smep;
	bool smap;
	bool umip;
	bool x2apic;
	bool tsc_deadline;
	bool rdrand;
	bool page_1g;
	char vendor[13];
	char brand[49];
};
const struct cpu_features *cpu_features(void);

/* Reads the features; the first thing that main() does. */
void cpu_init_features(void);
/* Fills the boot VP's struct, which is static. */
struct cpu *cpu_init_boot(void);
/* Makes VP @vp's struct and stacks; NULL if memory is out. */
[[nodiscard]] struct cpu *cpu_create(u32 vp, u32 apic_id);
/* Loads GDT, TSS, IDT, GS base, control registers and SYSCALL of the calling VP. */
void cpu_load(struct cpu *cpu);
/* CR0 and CR4 that every VP has. */
u64 cpu_cr0(void);
u64 cpu_cr4(void);

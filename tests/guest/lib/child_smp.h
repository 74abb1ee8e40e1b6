/* SPDX-License-Identifier: MIT */
/*
 * Code of children with several VPs that are started by INIT and SIPI:
 * child_smp.S. VP 0 does what its parent writes into its record, the others
 * come up in real mode.
 */
#pragma once

/* VP 0, 64-bit; RDI leads to a struct smp_boss. Gates of interrupts, and of NMIs, to these offsets. */
#define SMP_BOSS_HANDLER 256
#define SMP_BOSS_EXTINT  320
#define SMP_BOSS_NMI     352

/*
 * The others, 16-bit, to be copied to a page below 1 MiB; they find struct
 * smp_vp of their APIC id in SMP_RECORDS. Vectors of interrupts, of ExtINTs
 * and of NMIs at these offsets.
 */
#define SMP_RECORDS     0x30000
#define SMP_RECORD_SIZE 64
#define SMP_STACKS      0x50000
#define SMP_VP_HANDLER  256
#define SMP_VP_EXTINT   288
#define SMP_VP_NMI      320

/* What an others' VP does. */
#define SMP_COUNT  0 /* counts, interrupts on */
#define SMP_HALT   1 /* halts, interrupts on */
#define SMP_DEAD   2 /* halts, interrupts off */
#define SMP_SELF   3 /* sends itself an INIT */
#define SMP_STORM  4 /* sends INIT and SIPI to everybody, for ever */
#define SMP_MASKED 5 /* counts, interrupts off */

/* What VP 0 does. */
#define SMP_BOSS_PAGE  1 /* ICR by the APIC's page: high, low */
#define SMP_BOSS_MSR   2 /* any MSR: number, value */
#define SMP_BOSS_STORM 3 /* low into the ICR, number times */
#define SMP_BOSS_READ  4 /* the MSR of that number, into value */

#ifndef __ASSEMBLER__

#include "base/types.h"

struct smp_boss {
	volatile u64 command; /* 0: done */
	u64 high;             /* or number */
	u64 low;              /* or value, number of storm: high */
	volatile u64 interrupts;
	volatile u64 nmis;
	volatile u64 extints;
	u64 eoi_msr; /* 0: by the page */
	volatile u64 beats;
	volatile u64 value;
};

struct smp_vp {
	volatile u64 starts;
	volatile u64 count;
	volatile u64 interrupts;
	volatile u64 nmis;
	volatile u64 extints;
	volatile u32 edx; /* as it came */
	volatile u32 cr0;
	volatile u16 cs;
	u16 act; /* SMP_* */
	u32 eoi_msr;
	u32 vector; /* of SMP_STORM's SIPI */
	u32 mask;   /* and of its targets' APIC ids */
};

static_assert(sizeof(struct smp_vp) == SMP_RECORD_SIZE);

extern const u8 smp_boss_code[], smp_boss_code_end[], smp_vp_code[], smp_vp_code_end[];

/*
 * probe's child with SMP_VPS VPs that are all released: VP 0 runs, the others
 * wait for a SIPI to one of two pages. Vectors of interrupts: smp_gate().
 */
#define SMP_VPS    4u
#define SMP_PAGE_1 0x40u
#define SMP_PAGE_2 0x41u
extern struct smp_boss *smp_boss;
extern struct smp_vp *smp_records; /* by APIC id */
void smp_begin(void);
/* @vector leads to the handlers of interrupts, or of ExtINTs, of all VPs. */
void smp_gate(u8 vector, bool extint);

/* What VP 0 shall do; returns when it has. */
void smp_order(u64 command, u64 high, u64 low);
/* It sends an IPI by its page. */
#define SMP_ICR_ASSERT 0x4000u
#define SMP_INIT       (5u << 8 | SMP_ICR_ASSERT)
#define SMP_SIPI       (6u << 8 | SMP_ICR_ASSERT)
#define SMP_NMI        (4u << 8 | SMP_ICR_ASSERT)
#define SMP_OTHERS     (3u << 18)
void smp_send(u32 to, u32 low);
/* HvCallAssertVirtualInterrupt. */
u64 smp_assert(u64 control, u64 to, u32 vector);

/* Until VP @vp waits for a SIPI; false: it does not come to that. */
bool smp_waits(u32 vp);
/* Whether it counts on. */
bool smp_counts(u32 vp);
/* Waits for its start number @n. */
bool smp_starts_are(u32 vp, u64 n);

#endif

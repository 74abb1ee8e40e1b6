/* SPDX-License-Identifier: MIT */
/*
 * A partition of VPs with nothing but their virtual APICs, for the tests of
 * those: the TPR is a byte, notifications are counted, time is the fake TSC at
 * a rate that divides nothing evenly.
 */
#pragma once

#include "fake/fake.h"
#include "hv/message.h"
#include "hypervisor/cpu.h"
#include "hypervisor/partition.h"
#include "hypervisor/vlapic.h"
#include "hypervisor/vp.h"

#define MACHINE_VPS    4u
#define MACHINE_TSC_HZ 2893202123ull

extern struct vp vps[MACHINE_VPS];
extern struct partition partition;
extern u8 machine_cr8[MACHINE_VPS];
extern u64 machine_tsc_offset[MACHINE_VPS]; /* as the back end was told */
extern u32 machine_notified[MACHINE_VPS];   /* times VP_WORK_INTERRUPT was told */
extern u32 machine_logs;
extern u64 machine_hardware; /* deadline of the processor's timer */
extern u32 machine_offers;   /* CPUID.1:ECX */
/* Virtual EOIs that went on to irq.c, by vector; of any VP. */
extern u32 machine_eois[256];
/* And to synic.c. */
extern u32 machine_synic_eois[256];

/* INITs and SIPIs that VPs got; of the last SIPI the vector. */
extern u32 machine_inits[MACHINE_VPS];
extern u32 machine_sipis[MACHINE_VPS];
extern u8 machine_sipi_vector;
/*
 * The parent's slot: what was posted lies in machine_slot, or waits while that
 * is taken. machine_read() empties it, and what waits comes.
 */
extern struct hv_message machine_slot;
extern u32 machine_posts;
bool machine_read(struct hv_apic_eoi *eoi);

/* cmocka set-up: all VPs enabled by software, APIC ids 0, 1, 2, 3. */
int machine_set_up(void **state);
/* Lets time pass to @tsc, with the timer interrupts that come on the way. */
void machine_run_to(u64 tsc);
u64 machine_ns_to_tsc(u64 ns);

/* Register accesses that must succeed. */
u32 page_read(u32 vp, u32 reg);
void page_write(u32 vp, u32 reg, u32 v);
u64 msr_get(u32 vp, u32 msr);
void msr_set(u32 vp, u32 msr, u64 v);
void to_x2apic(u32 vp);

bool is_pending(u32 vp, u8 vector);
/* Vectors in the VP's IRR. */
u32 pending_count(u32 vp);
/* Takes @vector as the processor would and ends it. */
void take(u32 vp, u8 vector);

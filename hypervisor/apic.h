/* SPDX-License-Identifier: MIT */
/*
 * The physical local APIC, xAPIC or x2APIC, which only the hypervisor
 * touches. All calls are for the processor that they run on.
 * Intel SDM volume 3 chapter 11.
 */
#pragma once

#include "base/types.h"

/* Physical vectors. Devices get 0x20 to 0xef, per processor. */
#define HV_VECTOR_DEVICE_FIRST 0x20u
#define HV_VECTOR_DEVICE_LAST  0xefu
#define HV_VECTOR_TIMER        0xf0u
#define HV_VECTOR_KICK         0xf1u
#define HV_VECTOR_ERROR        0xfeu
#define HV_VECTOR_SPURIOUS     0xffu

/*
 * Chooses x2APIC where the processor has it or the firmware left it on, maps
 * the page otherwise; once, after cpu_features_read().
 */
void apic_init(u64 lapic_address);
/* Enables the calling processor's APIC: spurious, error and timer vectors, LINTs masked. */
void apic_enable(void);
u32 apic_id(void);
void apic_eoi(void);
/* Error bits (APIC_ESR_*) since the last call. */
u32 apic_errors(void);
/* Sends ICR low bits @icr (vector, mode, level) to APIC id @dest; waits until sent. */
void apic_send(u32 dest, u32 icr);
/* NMI to all other processors, in any state of this one; for dying. */
void apic_send_nmi_others(void);
/* One interrupt at HV_VECTOR_TIMER at TSC @deadline; ~0 stops it. */
void apic_timer_set(u64 deadline);
/* Measures the APIC timer against the TSC where it has no deadline mode that works; once. */
void apic_timer_calibrate(void);

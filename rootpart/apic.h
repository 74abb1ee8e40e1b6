/* SPDX-License-Identifier: MIT */
/*
 * The local APIC of each VP, as the hypervisor emulates it: by x2APIC MSRs
 * where the processor has them, else by the register page and, for what they
 * cover, the synthetic MSRs. Intel SDM volume 3 chapter 11; TLFS 10.2.
 */
#pragma once

#include "base/types.h"

/* Picks the way of access; once, then each VP calls apic_init_vp(). */
void apic_init(void);
void apic_init_vp(void);

u32 apic_id(void);
void apic_eoi(void);
/* Sends a fixed interrupt to the VP with that APIC id. */
void apic_send_ipi(u32 target, u8 vector);
/* Sends an NMI to every other VP; for panic. */
void apic_send_nmi_others(void);

/*
 * One interrupt at VECTOR_TIMER on this VP when the TSC reaches @tsc (soon, if
 * it has); replaces the one before. TIME_NEVER: none.
 */
void apic_timer_set(u64 tsc);

/* SPDX-License-Identifier: MIT */
/*
 * Local APIC and IOAPIC: register offsets and bits, for the physical ones and
 * for those that we emulate. Intel SDM volume 3, chapter 11; 82093AA data
 * sheet. Offsets are those of the xAPIC page; MSR_X2APIC() converts.
 */
#pragma once

#include "base/types.h"

#define APIC_DEFAULT_BASE 0xfee00000ull

/* Lower vectors are illegal for an APIC. */
#define APIC_VECTOR_MIN           16u
#define APIC_VECTOR_MAX           255u

#define APIC_ID                   0x020u
#define APIC_VERSION              0x030u
#define APIC_TPR                  0x080u
#define APIC_APR                  0x090u
#define APIC_PPR                  0x0a0u
#define APIC_EOI                  0x0b0u
#define APIC_RRD                  0x0c0u
#define APIC_LDR                  0x0d0u
#define APIC_DFR                  0x0e0u
#define APIC_SVR                  0x0f0u
#define APIC_ISR                  0x100u
#define APIC_TMR                  0x180u
#define APIC_IRR                  0x200u
#define APIC_ESR                  0x280u
#define APIC_LVT_CMCI             0x2f0u
#define APIC_ICR                  0x300u
#define APIC_ICR_HIGH             0x310u
#define APIC_LVT_TIMER            0x320u
#define APIC_LVT_THERMAL          0x330u
#define APIC_LVT_PERF             0x340u
#define APIC_LVT_LINT0            0x350u
#define APIC_LVT_LINT1            0x360u
#define APIC_LVT_ERROR            0x370u
#define APIC_TIMER_INITIAL        0x380u
#define APIC_TIMER_CURRENT        0x390u
#define APIC_TIMER_DIVIDE         0x3e0u
#define APIC_SELF_IPI             0x3f0u /* x2APIC only */

#define APIC_SVR_ENABLE           BIT(8)
#define APIC_SVR_NO_EOI_BROADCAST BIT(12)
#define APIC_LVT_MASKED           BIT(16)
#define APIC_LVT_LEVEL            BIT(15)
#define APIC_LVT_REMOTE_IRR       BIT(14)
#define APIC_LVT_PENDING          BIT(12)
#define APIC_TIMER_PERIODIC       BIT(17)
#define APIC_TIMER_DEADLINE       BIT(18)

#define APIC_ICR_PENDING          BIT(12)
#define APIC_ICR_ASSERT           BIT(14)
#define APIC_ICR_LEVEL            BIT(15)
#define APIC_ICR_LOGICAL          BIT(11)
#define APIC_ICR_SHORTHAND(icr)   (((icr) >> 18) & 3)
#define APIC_SHORTHAND_NONE       0u
#define APIC_SHORTHAND_SELF       1u
#define APIC_SHORTHAND_ALL        2u
#define APIC_SHORTHAND_OTHERS     3u

/* Delivery modes of ICR, LVT, IOAPIC and MSI (already shifted right by 8). */
#define APIC_DM_FIXED         0u
#define APIC_DM_LOWEST        1u
#define APIC_DM_SMI           2u
#define APIC_DM_NMI           4u
#define APIC_DM_INIT          5u
#define APIC_DM_STARTUP       6u
#define APIC_DM_EXTINT        7u

#define APIC_ESR_SEND_ILLEGAL BIT(5)
#define APIC_ESR_RECV_ILLEGAL BIT(6)
#define APIC_ESR_ILLEGAL_REG  BIT(7)

#define IOAPIC_REG_SELECT     0x00u
#define IOAPIC_REG_WINDOW     0x10u
#define IOAPIC_ID             0x00u
#define IOAPIC_VERSION        0x01u
#define IOAPIC_RTE(pin)       (0x10u + 2 * (pin))
#define IOAPIC_RTE_MASKED     BIT(16)
#define IOAPIC_RTE_LEVEL      BIT(15)
#define IOAPIC_RTE_LOW        BIT(13)

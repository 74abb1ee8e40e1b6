/* SPDX-License-Identifier: MIT */
/*
 * Synthetic MSRs, their numbers and bits. TLFS 6.0b, appendix C and the
 * chapters named at each group.
 */
#pragma once

#include "base/types.h"

#define HV_MSR_FIRST            0x40000000u
#define HV_MSR_LAST             0x400001ffu

#define HV_MSR_GUEST_OS_ID      0x40000000u /* 2.6 */
#define HV_MSR_HYPERCALL        0x40000001u /* 3.13 */
#define HV_MSR_VP_INDEX         0x40000002u /* 7.8.1 */
#define HV_MSR_RESET            0x40000003u
#define HV_MSR_VP_RUNTIME       0x40000010u /* 100 ns */
#define HV_MSR_TIME_REF_COUNT   0x40000020u /* 100 ns, 12.3 */
#define HV_MSR_REFERENCE_TSC    0x40000021u /* 12.4 */
#define HV_MSR_TSC_FREQUENCY    0x40000022u /* Hz */
#define HV_MSR_APIC_FREQUENCY   0x40000023u /* Hz, before the divider */
#define HV_MSR_EOI              0x40000070u /* 10.2.3 */
#define HV_MSR_ICR              0x40000071u
#define HV_MSR_TPR              0x40000072u
#define HV_MSR_VP_ASSIST_PAGE   0x40000073u /* 7.8.7 */

#define HV_MSR_SCONTROL         0x40000080u /* 11.8 */
#define HV_MSR_SVERSION         0x40000081u
#define HV_MSR_SIEFP            0x40000082u
#define HV_MSR_SIMP             0x40000083u
#define HV_MSR_EOM              0x40000084u
#define HV_MSR_SINT(n)          (0x40000090u + (n))

#define HV_MSR_STIMER_CONFIG(n) (0x400000b0u + 2 * (n)) /* 12.5; bits in hv/timer.h */
#define HV_MSR_STIMER_COUNT(n)  (0x400000b1u + 2 * (n))
#define HV_MSR_STIMER_LAST      0x400000b7u
#define HV_MSR_GUEST_IDLE       0x400000f0u
#define HV_MSR_CRASH_P(n)       (0x40000100u + (n))
#define HV_MSR_CRASH_CTL        0x40000105u

#define HV_RESET_PARTITION      BIT(0) /* HV_MSR_RESET */
#define HV_CRASH_PARAMETERS     5u
#define HV_CRASH_MESSAGE        BIT(62) /* HV_MSR_CRASH_CTL: text at GPA P3, P4 bytes */
#define HV_CRASH_NOTIFY         BIT(63)

#define HV_SCONTROL_ENABLE      BIT(0)
#define HV_SVERSION             1u
#define HV_SINT_MASKED          BIT(16)
#define HV_SINT_AUTO_EOI        BIT(17)
#define HV_SINT_POLLING         BIT(18)
#define HV_SINT_AS_INTERCEPT    BIT(19)
#define HV_SINT_PROXY           BIT(20)
#define HV_SINT_RESET           HV_SINT_MASKED
#define HV_MSR_HYPERCALL_ENABLE BIT(0)
#define HV_MSR_HYPERCALL_LOCKED BIT(1)
#define HV_MSR_PAGE_ENABLE      BIT(0)

/* Guest OS id of the root kernel: open source, OS type 0x7e (ours), version 1. */
#define HV_GUEST_OS_ID_ROOT 0xfe00000000010000ull

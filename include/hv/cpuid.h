/* SPDX-License-Identifier: MIT */
/*
 * CPUID leaves by which a partition recognises the hypervisor and learns its
 * privileges. TLFS 6.0b chapter 2.
 */
#pragma once

#include "base/types.h"

#define HV_CPUID_VENDOR    0x40000000u
#define HV_CPUID_INTERFACE 0x40000001u
#define HV_CPUID_VERSION   0x40000002u
#define HV_CPUID_FEATURES  0x40000003u
#define HV_CPUID_HINTS     0x40000004u
#define HV_CPUID_LIMITS    0x40000005u
#define HV_CPUID_HARDWARE  0x40000006u
#define HV_CPUID_LAST      0x4000000au

#define HV_VENDOR_EBX      0x7263694du /* "Microsoft Hv" */
#define HV_VENDOR_ECX      0x666f736fu
#define HV_VENDOR_EDX      0x76482074u
#define HV_INTERFACE_HV1   0x31237648u /* "Hv#1" */

/* Leaf 0x40000003 EAX: privileges for MSRs; low half of the privilege mask. */
#define HV_ACCESS_VP_RUNTIME      BIT(0)
#define HV_ACCESS_REFERENCE_COUNT BIT(1)
#define HV_ACCESS_SYNIC           BIT(2)
#define HV_ACCESS_SYNTHETIC_TIMER BIT(3)
#define HV_ACCESS_APIC_MSRS       BIT(4)
#define HV_ACCESS_HYPERCALL_MSRS  BIT(5)
#define HV_ACCESS_VP_INDEX        BIT(6)
#define HV_ACCESS_RESET           BIT(7)
#define HV_ACCESS_STATS           BIT(8)
#define HV_ACCESS_REFERENCE_TSC   BIT(9)
#define HV_ACCESS_GUEST_IDLE      BIT(10)
#define HV_ACCESS_FREQUENCY_MSRS  BIT(11)

/* Leaf 0x40000003 EBX: privileges for hypercalls; high half of the mask. */
#define HV_CREATE_PARTITIONS       BIT(0)
#define HV_ACCESS_PARTITION_ID     BIT(1)
#define HV_ACCESS_MEMORY_POOL      BIT(2)
#define HV_ADJUST_MESSAGE_BUFFERS  BIT(3)
#define HV_POST_MESSAGES           BIT(4)
#define HV_SIGNAL_EVENTS           BIT(5)
#define HV_CREATE_PORT             BIT(6)
#define HV_CONNECT_PORT            BIT(7)
#define HV_ACCESS_STATS_PAGES      BIT(8)
#define HV_CPU_MANAGEMENT          BIT(12)
#define HV_ACCESS_VP_REGISTERS     BIT(17)
#define HV_START_VIRTUAL_PROCESSOR BIT(21)

/* Leaf 0x40000003 EDX. */
#define HV_FEATURE_XMM_INPUT      BIT(4)
#define HV_FEATURE_FREQUENCY_MSRS BIT(8)
#define HV_FEATURE_CRASH_MSRS     BIT(10)
#define HV_FEATURE_DIRECT_TIMERS  BIT(19)

/* Leaf 0x40000004 EAX: what is recommended. */
#define HV_HINT_REMOTE_FLUSH    BIT(2)
#define HV_HINT_APIC_MSRS       BIT(3)
#define HV_HINT_RELAXED_TIMING  BIT(5)
#define HV_HINT_INTERRUPT_REMAP BIT(7)
#define HV_HINT_NO_AUTO_EOI     BIT(9)
#define HV_HINT_CLUSTER_IPI     BIT(10)
#define HV_HINT_EX_MASKS        BIT(11)

/* SPDX-License-Identifier: MIT */
/*
 * Interrupts that a parent gives its child, and the local APIC's state as it is
 * saved. TLFS 6.0b chapter 10; layouts as Linux and OpenVMM have them.
 */
#pragma once

#include "base/types.h"

/* What HvCallAssertVirtualInterrupt asserts. */
enum hv_assert_type {
	HV_ASSERT_FIXED = 0,
	HV_ASSERT_LOWEST_PRIORITY = 1,
	HV_ASSERT_SMI = 2,
	HV_ASSERT_REMOTE_READ = 3,
	HV_ASSERT_NMI = 4,
	HV_ASSERT_INIT = 5,
	HV_ASSERT_SIPI = 6,
	HV_ASSERT_EXTINT = 7,
	HV_ASSERT_LOCAL_0 = 8,
	HV_ASSERT_LOCAL_1 = 9,
};

/* HvCallAssertVirtualInterrupt, 0x94. HvCallClearVirtualInterrupt, 0x56, takes the partition's id only. */
#define HV_ASSERT_TYPE(control) ((u32)(control))
#define HV_ASSERT_LEVEL         BIT(32)
#define HV_ASSERT_LOGICAL       BIT(33)
#define HV_ASSERT_RESERVED      0xfffffffc00000000ull
struct hv_assert_interrupt_input {
	u64 partition_id;
	u64 control;     /* HV_ASSERT_* */
	u64 destination; /* APIC id, or logical id */
	u32 vector;
	u8 target_vtl;
	u8 reserved[3];
};

/* Type 0x80000000 of HvCallGetVpState and HvCallSetVpState. Registers as the APIC's mode has them. */
#define HV_APIC_STATE_NMI BIT(2) /* in irr[0]: an NMI is pending */
struct hv_local_apic_state {
	u32 id;
	u32 version;
	u32 ldr;
	u32 dfr;
	u32 svr;
	u32 isr[8];
	u32 tmr[8];
	u32 irr[8];
	u32 esr; /* as it reads */
	u32 icr_high;
	u32 icr_low;
	u32 lvt[7];       /* timer, thermal, performance, LINT0, LINT1, error, CMCI */
	u32 error_status; /* what the next write of the ESR shows */
	u32 initial_count;
	u32 current_count;
	u32 divide;
	u32 remote_read;
};

static_assert(sizeof(struct hv_assert_interrupt_input) == 32);
static_assert(offsetof(struct hv_assert_interrupt_input, vector) == 24);
static_assert(offsetof(struct hv_assert_interrupt_input, target_vtl) == 28);
static_assert(sizeof(struct hv_local_apic_state) == 176);
static_assert(offsetof(struct hv_local_apic_state, isr) == 20);
static_assert(offsetof(struct hv_local_apic_state, tmr) == 52);
static_assert(offsetof(struct hv_local_apic_state, irr) == 84);
static_assert(offsetof(struct hv_local_apic_state, esr) == 116);
static_assert(offsetof(struct hv_local_apic_state, lvt) == 128);
static_assert(offsetof(struct hv_local_apic_state, error_status) == 156);
static_assert(offsetof(struct hv_local_apic_state, remote_read) == 172);

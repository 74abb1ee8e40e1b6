/* SPDX-License-Identifier: MIT */
/*
 * Interrupts that a parent gives its child. TLFS 6.0b chapter 10; layouts as Linux and OpenVMM have them.
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

static_assert(sizeof(struct hv_assert_interrupt_input) == 32);
static_assert(offsetof(struct hv_assert_interrupt_input, vector) == 24);
static_assert(offsetof(struct hv_assert_interrupt_input, target_vtl) == 28);

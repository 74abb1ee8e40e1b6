/* SPDX-License-Identifier: MIT */
/*
 * Interrupts that a parent asserts in its child: HvCallAssertVirtualInterrupt,
 * 0x94, and the message that tells the EOI of one that was asserted by level.
 * Layouts as in Linux's root-partition headers.
 */
#pragma once

#include "base/types.h"

#define HV_CALL_ASSERT_VIRTUAL_INTERRUPT 0x0094u

/* Of control; the type is a delivery mode, HV_INTERRUPT_TYPE_* or APIC_DM_*. */
#define HV_ASSERT_TYPE(control) ((u32)(control))
#define HV_ASSERT_LEVEL         BIT(32)
#define HV_ASSERT_LOGICAL       BIT(33)

struct hv_assert_virtual_interrupt_input {
	u64 partition_id;
	u64 control;
	u64 destination; /* local APIC id, or logical destination */
	u32 vector;
	u8 target_vtl; /* 0 */
	u8 reserved[3];
};

/* On SINT 0, from the child; its payload. */
#define HV_MESSAGE_APIC_EOI 0x80010004u
struct hv_apic_eoi_message {
	u32 vp_index;
	u32 vector;
};

static_assert(sizeof(struct hv_assert_virtual_interrupt_input) == 32);
static_assert(offsetof(struct hv_assert_virtual_interrupt_input, destination) == 16);
static_assert(offsetof(struct hv_assert_virtual_interrupt_input, vector) == 24);
static_assert(offsetof(struct hv_assert_virtual_interrupt_input, target_vtl) == 28);
static_assert(sizeof(struct hv_apic_eoi_message) == 8);

/* SPDX-License-Identifier: MIT */
/*
 * Device interrupts: HvCallMapDeviceInterrupt (0x7c) and its unmap (0x7d).
 * Device ids, interrupt entries and targets. Layouts as in Linux's
 * root-partition headers; the TLFS has names only.
 */
#pragma once

#include "base/types.h"

/* Device id: type in bits 63:62. */
enum hv_device_type {
	HV_DEVICE_TYPE_LOGICAL = 0,
	HV_DEVICE_TYPE_PCI = 1,
	HV_DEVICE_TYPE_IOAPIC = 2,
	HV_DEVICE_TYPE_ACPI = 3,
};

#define HV_DEVICE_ID_TYPE(id)       ((u32)((id) >> 62))
#define HV_DEVICE_ID_IOAPIC(ioapic) ((u64)HV_DEVICE_TYPE_IOAPIC << 62 | (ioapic))
/* @rid: bus << 8 | device << 3 | function. */
#define HV_DEVICE_ID_PCI(segment, rid) \
	((u64)HV_DEVICE_TYPE_PCI << 62 | (u64)(segment) << 16 | (rid))

enum hv_interrupt_source {
	HV_INTERRUPT_SOURCE_MSI = 1,
	HV_INTERRUPT_SOURCE_IOAPIC = 2,
};

enum hv_interrupt_type {
	HV_INTERRUPT_TYPE_FIXED = 0,
	HV_INTERRUPT_TYPE_LOWEST_PRIORITY = 1,
	HV_INTERRUPT_TYPE_NMI = 4,
};

enum hv_interrupt_trigger {
	HV_INTERRUPT_TRIGGER_EDGE = 0,
	HV_INTERRUPT_TRIGGER_LEVEL = 1,
};

/*
 * What the device, or the IOAPIC's pin, is programmed with. For an IOAPIC the
 * caller passes in data the pin's GSI relative to that IOAPIC (this project's
 * convention for the logical entry: bits 7:0 pin, bit 13 polarity, 1 = active
 * low) and the hypervisor programs the pin itself; the entry returned tells
 * what it holds.
 */
struct hv_interrupt_entry {
	u32 source;
	u32 reserved;
	union {
		struct {
			u32 address;
			u32 data;
		} msi;
		u64 ioapic_rte;
	};
};

#define HV_LOGICAL_ENTRY_PIN(e)        ((u8)(e))
#define HV_LOGICAL_ENTRY_LOW           BIT(13)

#define HV_INTERRUPT_TARGET_MULTICAST  BIT(0)
#define HV_INTERRUPT_TARGET_PROCESSORS BIT(1) /* a VP set, else a mask */

struct hv_interrupt_target {
	u32 vector;
	u32 flags;
	u64 vp_mask;
};

struct hv_map_device_interrupt_input {
	u64 partition_id;
	u64 device_id;
	u32 flags;
	u32 base_irt_index;
	struct hv_interrupt_entry logical_entry;
	u32 interrupt_type;
	u32 trigger_mode;
	u32 vector_count;
	u32 reserved;
	struct hv_interrupt_target target;
};

struct hv_map_device_interrupt_output {
	struct hv_interrupt_entry entry;
	u64 obsolete[5];
};

struct hv_unmap_device_interrupt_input {
	u64 partition_id;
	u64 device_id;
	struct hv_interrupt_entry entry;
	u32 flags;
	u32 reserved;
};

static_assert(sizeof(struct hv_interrupt_entry) == 16);
static_assert(offsetof(struct hv_map_device_interrupt_input, logical_entry) == 24);
static_assert(offsetof(struct hv_map_device_interrupt_input, interrupt_type) == 40);
static_assert(offsetof(struct hv_map_device_interrupt_input, target) == 56);
static_assert(sizeof(struct hv_map_device_interrupt_input) == 72);
static_assert(sizeof(struct hv_map_device_interrupt_output) == 56);
static_assert(offsetof(struct hv_unmap_device_interrupt_input, entry) == 16);

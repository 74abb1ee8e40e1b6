/* SPDX-License-Identifier: MIT */
/*
 * Virtio over PCI as the device sees it: capabilities, registers, features, and the
 * rings in memory. All little-endian. Virtual I/O Device (VIRTIO) 1.2; the section
 * is named at each.
 */
#pragma once

#include "base/types.h"

#define VIRTIO_VENDOR 0x1af4u

/* 4.1.4 A capability of the vendor's: bytes from its start. */
#define VIRTIO_CAP_LENGTH     2u
#define VIRTIO_CAP_TYPE       3u
#define VIRTIO_CAP_BAR        4u
#define VIRTIO_CAP_OFFSET     8u
#define VIRTIO_CAP_SIZE       12u
#define VIRTIO_CAP_MULTIPLIER 16u /* VIRTIO_TYPE_NOTIFY */
#define VIRTIO_CAP_MIN        16u
#define VIRTIO_CAP_NOTIFY_MIN 20u

#define VIRTIO_TYPE_COMMON    1u
#define VIRTIO_TYPE_NOTIFY    2u
#define VIRTIO_TYPE_ISR       3u
#define VIRTIO_TYPE_DEVICE    4u

/* 4.1.4.3 Common registers, bytes. */
#define VIRTIO_DEVICE_FEATURE_SELECT 0x00u
#define VIRTIO_DEVICE_FEATURE        0x04u
#define VIRTIO_DRIVER_FEATURE_SELECT 0x08u
#define VIRTIO_DRIVER_FEATURE        0x0cu
#define VIRTIO_CONFIG_VECTOR         0x10u /* 16 bits */
#define VIRTIO_NUM_QUEUES            0x12u /* 16 bits */
#define VIRTIO_STATUS                0x14u /* 8 bits */
#define VIRTIO_GENERATION            0x15u /* 8 bits */
#define VIRTIO_QUEUE_SELECT          0x16u /* 16 bits, as those that follow */
#define VIRTIO_QUEUE_SIZE            0x18u
#define VIRTIO_QUEUE_VECTOR          0x1au
#define VIRTIO_QUEUE_ENABLE          0x1cu
#define VIRTIO_QUEUE_NOTIFY_OFFSET   0x1eu
#define VIRTIO_QUEUE_DESC            0x20u /* 64 bits, as the other two */
#define VIRTIO_QUEUE_DRIVER          0x28u
#define VIRTIO_QUEUE_DEVICE          0x30u
#define VIRTIO_COMMON_SIZE           0x38u

#define VIRTIO_NO_VECTOR             0xffffu

/* 4.1.4.5 The byte that says why a pin interrupts; reading it clears it. */
#define VIRTIO_ISR_QUEUE  BIT(0)
#define VIRTIO_ISR_CONFIG BIT(1)

/* 2.1 Status. */
#define VIRTIO_ACKNOWLEDGE 1u
#define VIRTIO_DRIVER      2u
#define VIRTIO_DRIVER_OK   4u
#define VIRTIO_FEATURES_OK 8u
#define VIRTIO_NEEDS_RESET 64u
#define VIRTIO_FAILED      128u
#define VIRTIO_GONE        0xffu /* what registers read as that are not there */

/* 6 Features of every device. */
#define VIRTIO_F_INDIRECT_DESC   BIT(28)
#define VIRTIO_F_EVENT_IDX       BIT(29)
#define VIRTIO_F_VERSION_1       BIT(32)
#define VIRTIO_F_ACCESS_PLATFORM BIT(33)
#define VIRTIO_F_ORDER_PLATFORM  BIT(36)

/* 2.7.5 Descriptor. */
struct virtq_desc {
	u64 gpa;
	u32 len;
	u16 flags;
	u16 next;
};
static_assert(sizeof(struct virtq_desc) == 16);
static_assert(offsetof(struct virtq_desc, flags) == 12);

#define VIRTQ_DESC_NEXT     1u
#define VIRTQ_DESC_WRITE    2u /* the device writes */
#define VIRTQ_DESC_INDIRECT 4u

/* 2.7.6 Ring of the driver's; the word behind it is used_event. */
struct virtq_avail {
	u16 flags;
	u16 idx;
	u16 ring[];
};
static_assert(sizeof(struct virtq_avail) == 4);

#define VIRTQ_NO_INTERRUPT 1u

/* 2.7.8 Ring of the device's; the word behind it is avail_event. */
struct virtq_used_elem {
	u32 id;
	u32 len;
};
static_assert(sizeof(struct virtq_used_elem) == 8);

struct virtq_used {
	u16 flags;
	u16 idx;
	struct virtq_used_elem ring[];
};
static_assert(sizeof(struct virtq_used) == 4);

#define VIRTQ_NO_NOTIFY 1u

/* SPDX-License-Identifier: MIT */
/*
 * Ports of a PCI IDE controller. ATA/ATAPI-6, 7; PCI IDE Controller
 * Specification 1.0; Programming Interface for Bus Master IDE Controller 1.0.
 */
#pragma once

#include "base/types.h"

/* Interface byte of the PCI class. */
#define IDE_NATIVE(channel) ((u8)(1u << (2 * (channel))))
#define IDE_BUS_MASTER      0x80u

#define IDE_BAR_MASTER      4u
#define IDE_LEGACY_COMMAND  0x1f0u /* the second channel: 0x80 below */
#define IDE_LEGACY_CONTROL  0x3f6u
#define IDE_LEGACY_IRQ      14u

/* From the command port on. */
#define IDE_DATA     0u
#define IDE_ERROR    1u /* read */
#define IDE_FEATURES 1u /* write */
#define IDE_COUNT    2u /* with packets, read: reason of the interrupt */
#define IDE_LBA_LOW  3u
#define IDE_LBA_MID  4u /* with packets: byte count */
#define IDE_LBA_HIGH 5u
#define IDE_DEVICE   6u
#define IDE_STATUS   7u /* read: it also ends the interrupt */
#define IDE_COMMAND  7u /* write */

/* The control port: read, it is the status without effect. */
#define IDE_NO_INTERRUPT 0x02u
#define IDE_RESET        0x04u

#define IDE_DEVICE_FIXED 0xa0u
#define IDE_FLOATING     0xffu /* nobody drives the bus */

/* From the bus master port on, 8 bytes a channel. */
#define MASTER_COMMAND     0u
#define MASTER_STATUS      2u
#define MASTER_TABLE       4u
#define MASTER_START       0x01u
#define MASTER_TO_MEMORY   0x08u
#define MASTER_ACTIVE      0x01u
#define MASTER_ERROR       0x02u /* is cleared by a one, as the next */
#define MASTER_INTERRUPT   0x04u
#define MASTER_STATUS_KEEP 0x60u

/* A physical region descriptor. */
struct ide_region {
	u32 address;
	u16 bytes; /* 0: 64 KiB */
	u16 flags;
};
static_assert(sizeof(struct ide_region) == 8);
#define REGION_LAST 0x8000u
#define REGION_MAX  65536u
#define REGIONS     512u /* of a device's table, a page */

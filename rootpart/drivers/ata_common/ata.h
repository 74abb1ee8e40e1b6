/* SPDX-License-Identifier: MIT */
/*
 * What ATA devices understand, however they are attached: commands, status, and
 * a command as its registers. ACS-3; queued commands: Serial ATA 3.1, 13.6.
 */
#pragma once

#include "base/types.h"

#define ATA_BLOCK               512u /* bytes of IDENTIFY data, of a log page, of TRIM ranges */

#define ATA_DATA_SET_MANAGEMENT 0x06u
#define ATA_DEVICE_RESET        0x08u
#define ATA_READ_DMA_EXT        0x25u
#define ATA_READ_LOG_EXT        0x2fu
#define ATA_WRITE_DMA_EXT       0x35u
#define ATA_WRITE_DMA_FUA_EXT   0x3du
#define ATA_READ_FPDMA          0x60u
#define ATA_WRITE_FPDMA         0x61u
#define ATA_PACKET              0xa0u
#define ATA_IDENTIFY_PACKET     0xa1u
#define ATA_READ_DMA            0xc8u
#define ATA_WRITE_DMA           0xcau
#define ATA_FLUSH               0xe7u
#define ATA_FLUSH_EXT           0xeau
#define ATA_IDENTIFY            0xecu

#define ATA_TRIM                0x01u /* features, with DATA SET MANAGEMENT */
#define ATA_PACKET_DMA          0x01u /* features, with PACKET */
#define ATA_PACKET_TO_HOST      0x04u
#define ATA_LOG_NCQ_ERROR       0x10u

/* Status. */
#define ATA_ERR  0x01u /* CHK with PACKET */
#define ATA_DRQ  0x08u
#define ATA_DF   0x20u
#define ATA_DRDY 0x40u
#define ATA_BSY  0x80u

/* Device register. */
#define ATA_LBA  0x40u
#define ATA_FUA  0x80u /* with FPDMA */
#define ATA_DEV1 0x10u

/* What the cylinder registers say after a reset. */
#define ATA_SIGNATURE_DISK   0x0000u
#define ATA_SIGNATURE_PACKET 0xeb14u

struct ata_taskfile {
	u8 command;
	u8 device; /* without ATA_DEV1 */
	u16 features;
	u16 count;
	u64 lba;
	bool ext; /* the upper halves of features, count and lba count, too */
};

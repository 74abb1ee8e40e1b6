/* SPDX-License-Identifier: MIT */
/*
 * IDENTIFY (PACKET) DEVICE data, read with suspicion. ACS-3, 7.12 and 7.13;
 * ATA/ATAPI-6, 8.16. Pure; what a device says is checked here and nowhere else.
 */
#pragma once

#include "base/types.h"

#define ATA_WORDS         256u
#define ATA_MODEL_SIZE    41u
#define ATA_SERIAL_SIZE   21u
#define ATA_FIRMWARE_SIZE 9u

struct ata_identity {
	char model[ATA_MODEL_SIZE];
	char serial[ATA_SERIAL_SIZE];
	char firmware[ATA_FIRMWARE_SIZE];
	bool packet; /* ATAPI: of what follows only dma, and the last block, count */
	bool dma;
	bool lba48;
	bool flush_ext;
	bool write_cache; /* is on */
	bool fua;
	bool trim;
	u32 queue_depth; /* of NCQ; 0: it has none */
	u32 sector_size; /* logical: 512 or 4096 */
	u32 physical_size;
	u64 sectors;

	bool packet_interrupt; /* raises one when it wants the packet */
	bool packet_direction; /* wants ATA_PACKET_TO_HOST with DMA */
	bool packet_16;        /* else packets of 12 bytes */
	bool removable;
};

/*
 * 0; -EPROTO: it cannot be IDENTIFY data, or contradicts itself; -ENOTSUP: a device of
 * which we do not know how to use it (no LBA, a sector size of its own).
 */
[[nodiscard]] int ata_identity_read(const u16 *words, bool packet, struct ata_identity *out);

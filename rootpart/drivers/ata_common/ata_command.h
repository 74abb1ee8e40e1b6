/* SPDX-License-Identifier: MIT */
/*
 * Commands of disks, from pieces of the block layer; and what a disk answers
 * as an error number.
 */
#pragma once

#include "rootpart/block/block.h"
#include "rootpart/drivers/ata_common/ata.h"
#include "rootpart/drivers/ata_common/ata_identity.h"

/* A piece's command; for ATA_READ_FPDMA and ATA_WRITE_FPDMA if @queued, with the piece's tag. */
struct ata_taskfile ata_command(
	const struct ata_identity *id, const struct block_piece *piece, bool queued);
/* Fills the block of @ranges that goes with ATA_DATA_SET_MANAGEMENT. */
void ata_trim_ranges(
	const struct ata_identity *id, const struct block_piece *piece, u64 ranges[ATA_BLOCK / 8]);
/* What the disk, or drive, allows, of the fields that depend on it alone: others are left. */
void ata_limits(const struct ata_identity *id, struct block_limits *limits);
/* Copies model and serial number. */
void ata_names(const struct ata_identity *id, struct block_device *d);

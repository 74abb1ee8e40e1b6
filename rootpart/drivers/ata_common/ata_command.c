/* SPDX-License-Identifier: MIT */
/*
 * Commands of disks; see ata_command.h. The block layer has checked sectors and
 * sizes against ata_limits().
 */
#include "rootpart/drivers/ata_common/ata_command.h"

#include "lib/string.h"
#include "rootpart/drivers/ata_common/atapi.h"

#define RANGES          (ATA_BLOCK / 8)
#define RANGE_MAX       0xffffu /* sectors */
#define SECTORS_28      256u    /* of a command */
#define SECTORS_EXT     65536u
#define LIMIT_LBA28     BIT(28)
#define RANGE_COUNT_BIT 48

static u16 sectors_of(const struct ata_identity *id, const struct block_piece *piece)
{
	/* 256 and 65,536 are 0 in the fields that they have. */
	return (u16)(piece->bytes / id->sector_size);
}

static struct ata_taskfile queued_command(
	const struct ata_identity *id, const struct block_piece *piece)
{
	return (struct ata_taskfile){
		.command = piece->op == BLOCK_READ ? ATA_READ_FPDMA : ATA_WRITE_FPDMA,
		.device = (u8)(ATA_LBA | (piece->fua ? ATA_FUA : 0)),
		.features = sectors_of(id, piece),
		.count = (u16)(piece->tag << 3),
		.lba = piece->sector,
		.ext = true,
	};
}

static u8 transfer(const struct ata_identity *id, const struct block_piece *piece)
{
	if (!id->lba48)
		return piece->op == BLOCK_READ ? ATA_READ_DMA : ATA_WRITE_DMA;
	if (piece->op == BLOCK_READ)
		return ATA_READ_DMA_EXT;
	return piece->fua ? ATA_WRITE_DMA_FUA_EXT : ATA_WRITE_DMA_EXT;
}

static struct ata_taskfile flush_command(const struct ata_identity *id)
{
	return (struct ata_taskfile){
		.command = id->flush_ext ? ATA_FLUSH_EXT : ATA_FLUSH,
		.device = ATA_LBA,
		.ext = id->flush_ext,
	};
}

static const struct ata_taskfile trim_command = {
	.command = ATA_DATA_SET_MANAGEMENT,
	.device = ATA_LBA,
	.features = ATA_TRIM,
	.count = 1,
	.ext = true,
};

struct ata_taskfile ata_command(
	const struct ata_identity *id, const struct block_piece *piece, bool queued)
{
	if (piece->op == BLOCK_FLUSH)
		return flush_command(id);
	if (piece->op == BLOCK_DISCARD)
		return trim_command;
	if (queued)
		return queued_command(id, piece);
	return (struct ata_taskfile){
		.command = transfer(id, piece),
		.device = (u8)(ATA_LBA | (id->lba48 ? 0 : piece->sector >> 24)),
		.count = sectors_of(id, piece),
		.lba = piece->sector,
		.ext = id->lba48,
	};
}

void ata_trim_ranges(
	const struct ata_identity *id, const struct block_piece *piece, u64 ranges[RANGES])
{
	u64 sector = piece->sector;
	u64 left = piece->bytes / id->sector_size;

	for (u32 i = 0; i < RANGES; i++) {
		u64 n = MIN(left, (u64)RANGE_MAX);

		ranges[i] = n == 0 ? 0 : sector | n << RANGE_COUNT_BIT;
		sector += n;
		left -= n;
	}
}

static void drive_limits(const struct ata_identity *id, struct block_limits *limits)
{
	limits->sector_size = ATAPI_SECTOR;
	limits->max_bytes = BLOCK_REQUEST_MAX;
	limits->read_only = true;
	limits->removable = id->removable;
}

void ata_limits(const struct ata_identity *id, struct block_limits *limits)
{
	u64 sectors = id->lba48 ? SECTORS_EXT : SECTORS_28;

	if (id->packet) {
		drive_limits(id, limits);
		return;
	}
	limits->sector_size = id->sector_size;
	limits->sectors = id->lba48 ? id->sectors : MIN(id->sectors, LIMIT_LBA28);
	limits->max_bytes = (u32)MIN(sectors * id->sector_size, BLOCK_REQUEST_MAX);
	limits->fua = id->fua;
	limits->write_cache = id->write_cache;
	limits->max_discard = id->trim ? (u64)RANGES * RANGE_MAX * id->sector_size : 0;
}

void ata_names(const struct ata_identity *id, struct block_device *d)
{
	(void)str_copy(d->model, id->model, sizeof(d->model));
	(void)str_copy(d->serial, id->serial, sizeof(d->serial));
}

/* SPDX-License-Identifier: MIT */
/*
 * Commands in memory: FIS, packet, list of segments; the header is written when
 * the command is issued, since commands of the driver's own use slot 0 between.
 */
#include "lib/string.h"
#include "rootpart/drivers/ahci/ahci.h"
#include "rootpart/drivers/ata_common/ata_command.h"
#include "rootpart/page_alloc.h"

/* Bytes that a drive without DMA sends between two interrupts: even, below 64 KiB. */
#define PACKET_CHUNK 0xf800u

void ahci_fis(const struct ata_taskfile *t, u8 *fis)
{
	const u8 bytes[FIS_HOST_BYTES] = {
		FIS_HOST,
		FIS_COMMAND,
		t->command,
		(u8)t->features,
		(u8)t->lba,
		(u8)(t->lba >> 8),
		(u8)(t->lba >> 16),
		t->device,
		(u8)(t->ext ? t->lba >> 24 : 0),
		(u8)(t->ext ? t->lba >> 32 : 0),
		(u8)(t->ext ? t->lba >> 40 : 0),
		(u8)(t->features >> 8),
		(u8)t->count,
		(u8)(t->count >> 8),
	};

	memcpy(fis, bytes, sizeof(bytes));
}

struct ata_taskfile ahci_packet_taskfile(const struct ata_identity *id)
{
	u16 direction = id->packet_direction ? ATA_PACKET_TO_HOST : 0;

	return (struct ata_taskfile){
		.command = ATA_PACKET,
		.features = id->dma ? (u16)(ATA_PACKET_DMA | direction) : 0,
		.lba = id->dma ? 0 : PACKET_CHUNK << 8,
	};
}

static void entry_set(struct ahci_entry *e, u64 address, u32 bytes)
{
	*e = (struct ahci_entry){ .address = address, .last = bytes - 1 };
}

/* Returns how many entries there are. */
static u32 fill_data(struct ahci_table *t, const struct block_piece *piece)
{
	for (u32 i = 0; i < piece->segment_count; i++)
		entry_set(&t->entries[i], piece->segments[i].gpa.a, piece->segments[i].len);
	return piece->segment_count;
}

static u32 fill_ranges(struct ahci_port *p, struct ahci_table *t, const struct block_piece *piece)
{
	u8 *ranges = (u8 *)t + TABLE_RANGES;

	ata_trim_ranges(&p->identity, piece, (u64 *)(void *)ranges);
	entry_set(&t->entries[0], gpa_of(ranges).a, ATA_BLOCK);
	return 1;
}

static u32 fill_entries(struct ahci_port *p, struct ahci_table *t, const struct block_piece *piece)
{
	switch (piece->op) {
	case BLOCK_READ:
	case BLOCK_WRITE:
		return fill_data(t, piece);
	case BLOCK_DISCARD:
		return fill_ranges(p, t, piece);
	default:
		return 0;
	}
}

static void fill_packet(struct ahci_port *p, struct ahci_table *t, const struct block_piece *piece)
{
	const struct ata_taskfile taskfile = ahci_packet_taskfile(&p->identity);
	const struct atapi_packet packet =
		atapi_read((u32)piece->sector, (u16)(piece->bytes / ATAPI_SECTOR));

	ahci_fis(&taskfile, t->fis);
	memcpy(t->packet, packet.bytes, sizeof(t->packet));
}

static void fill_command(
	struct ahci_port *p, struct ahci_table *t, const struct block_piece *piece, bool queued)
{
	const struct ata_taskfile taskfile = ata_command(&p->identity, piece, queued);

	ahci_fis(&taskfile, t->fis);
}

void ahci_slot_fill(struct ahci_port *p, const struct block_piece *piece)
{
	struct ahci_table *t = &p->tables[piece->tag];
	bool data = piece->op == BLOCK_READ || piece->op == BLOCK_WRITE;
	bool queued = data && p->identity.queue_depth > 0;
	bool read = piece->op == BLOCK_READ;
	u32 flags = HEADER_FIS_WORDS | (read ? 0 : (u32)HEADER_WRITE);

	if (p->identity.packet) {
		fill_packet(p, t, piece);
		flags |= (u32)HEADER_PACKET;
	} else {
		fill_command(p, t, piece, queued);
	}
	flags |= fill_entries(p, t, piece) << HEADER_ENTRIES;
	p->slots[piece->tag] = (struct ahci_slot){
		.flags = flags,
		.bytes = read && !queued ? (u32)piece->bytes : 0,
		.queued = queued,
		.alone = !queued,
	};
}

void ahci_slot_header(struct ahci_port *p, u32 slot)
{
	p->memory->headers[slot] = (struct ahci_header){
		.flags = p->slots[slot].flags,
		.table = gpa_of(&p->tables[slot]).a,
	};
}

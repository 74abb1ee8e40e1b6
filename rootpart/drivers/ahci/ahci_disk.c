/* SPDX-License-Identifier: MIT */
/*
 * What is attached to a port, and what the block layer hears of it. A port
 * multiplier, or what else has a signature of its own, is nobody's.
 */
#include "base/errno.h"
#include "rootpart/drivers/ahci/ahci.h"
#include "rootpart/drivers/ata_common/ata_command.h"

#define PLAIN_DEPTH 2u /* of a disk that does not queue: one runs, one is ready */
#define CD_NS       (3ull * NS_PER_S)

static const struct block_ops ops;

static u32 depth_of(const struct ahci_port *p)
{
	u32 slots = CAP_SLOTS(p->hba->capabilities);

	if (p->identity.packet)
		return 1;
	return MIN(slots, p->identity.queue_depth != 0 ? p->identity.queue_depth : PLAIN_DEPTH);
}

static void limits_set(struct ahci_port *p)
{
	struct block_limits *l = &p->block.limits;

	*l = (struct block_limits){
		.max_segments = TABLE_ENTRIES,
		.max_segment = ENTRY_MAX,
		.address_mask = (p->hba->capabilities & CAP_64) ? ~0ull : 0xffffffff,
		.align = 2,
	};
	ata_limits(&p->identity, l);
}

int ahci_disk_find(struct ahci_port *p)
{
	u32 signature = port_read(p, PORT_SIG);
	bool packet = signature == SIGNATURE_PACKET;
	int error;

	if (!packet && signature != SIGNATURE_DISK)
		return -ENOTSUP;
	error = ahci_identify(p, packet, &p->identity);
	if (error != 0)
		return error;
	if (!packet && !p->identity.dma)
		return -ENOTSUP;
	if ((p->hba->capabilities & CAP_NCQ) == 0)
		p->identity.queue_depth = 0;
	p->depth = depth_of(p);
	limits_set(p);
	error = ahci_memory_tables(p, p->depth);
	if (error == 0 && packet) {
		ahci_cd_init(p);
		atapi_open(&p->drive, CD_NS);
	}
	return error;
}

static void start(struct block_device *d, u32 queue, const struct block_piece *piece)
{
	struct ahci_port *p = d->driver_data;

	(void)queue;
	spin_lock(&p->lock);
	ahci_slot_fill(p, piece);
	ahci_push(p, piece->tag);
	spin_unlock(&p->lock);
}

static void kick(struct block_device *d, u32 queue)
{
	struct ahci_port *p = d->driver_data;

	(void)queue;
	spin_lock(&p->lock);
	ahci_pump(p);
	spin_unlock(&p->lock);
}

static const struct block_ops ops = {
	.start = start,
	.kick = kick,
	.recover = ahci_recover,
};

int ahci_disk_register(struct ahci_port *p)
{
	struct block_device *d = &p->block;

	ata_names(&p->identity, d);
	d->driver = "ahci";
	d->queue_count = 1;
	d->depth = p->depth;
	d->ops = &ops;
	d->driver_data = p;
	return block_register(d, p->identity.packet);
}

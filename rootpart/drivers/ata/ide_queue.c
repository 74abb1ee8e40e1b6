/* SPDX-License-Identifier: MIT */
/*
 * Pieces on their way to the channel's task, and back if it takes too long.
 */
#include "base/errno.h"
#include "rootpart/drivers/ata/ide.h"
#include "rootpart/drivers/ata_common/ata_command.h"
#include "rootpart/lock.h"
#include "x86/atomic.h"

static struct ata_taskfile packet_taskfile(const struct ata_identity *id)
{
	u16 direction = id->packet_direction ? ATA_PACKET_TO_HOST : 0;

	return (struct ata_taskfile){
		.command = ATA_PACKET,
		.features = id->dma ? (u16)(ATA_PACKET_DMA | direction) : 0,
	};
}

static void command_set(struct ide_device *d, const struct block_piece *piece)
{
	struct ide_command *c = &d->command;

	*c = (struct ide_command){
		.bytes = piece->op == BLOCK_DISCARD ? ATA_BLOCK : (u32)piece->bytes,
		.to_memory = piece->op == BLOCK_READ,
	};
	if (piece->op == BLOCK_FLUSH)
		c->bytes = 0;
	if (d->identity.packet) {
		c->taskfile = packet_taskfile(&d->identity);
		c->packet = atapi_read((u32)piece->sector, (u16)(piece->bytes / ATAPI_SECTOR));
	} else {
		c->taskfile = ata_command(&d->identity, piece, false);
	}
}

/* One piece at a time, so its table and command are free. */
static void start(struct block_device *b, u32 queue, const struct block_piece *piece)
{
	struct ide_device *d = b->driver_data;

	(void)queue;
	spin_lock(&d->channel->lock);
	ide_regions_fill(d, piece);
	command_set(d, piece);
	d->waiting = true;
	spin_unlock(&d->channel->lock);
}

static void kick(struct block_device *b, u32 queue)
{
	struct ide_device *d = b->driver_data;

	(void)queue;
	wait_wake_all(&d->channel->wake);
}

/* Takes it back if it has not begun. */
static bool take_back(struct ide_device *d)
{
	struct ide_channel *ch = d->channel;
	u64 flags = lock_irq(&ch->lock);
	bool waits = d->waiting && !d->running;

	if (waits)
		d->waiting = false;
	else if (d->running)
		d->give_up = true;
	unlock_irq(&ch->lock, flags);
	return waits;
}

/* The task gives up what runs, and resets the channel; that takes bounded time. */
static int recover(struct block_device *b)
{
	struct ide_device *d = b->driver_data;
	struct ide_channel *ch = d->channel;

	if (take_back(d))
		block_piece_done(b, 0, 0, -ETIMEDOUT);
	wait_wake_all(&ch->done);
	/* Pairs with the release in the task. */
	wait_event(&ch->done, !load_acquire(&d->running));
	return load_acquire(&d->dead) ? -ENODEV : 0;
}

const struct block_ops ide_ops = {
	.start = start,
	.kick = kick,
	.recover = recover,
};

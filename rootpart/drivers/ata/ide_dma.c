/* SPDX-License-Identifier: MIT */
/*
 * Commands with an interrupt at their end, and the bus master that moves their
 * data. Programming Interface for Bus Master IDE Controller 1.0, 3.
 */
#include "base/errno.h"
#include "rootpart/drivers/ata/ide.h"
#include "rootpart/drivers/ata_common/ata_command.h"
#include "rootpart/page_alloc.h"
#include "rootpart/time.h"
#include "x86/atomic.h"
#include "x86/io.h"

static u16 master(const struct ide_channel *ch, u32 reg)
{
	return (u16)(ch->master_port + reg);
}

static void region_set(struct ide_region *r, u64 address, u32 bytes)
{
	/* 64 KiB is 0. */
	*r = (struct ide_region){ .address = (u32)address, .bytes = (u16)bytes };
}

void ide_regions_fill(struct ide_device *d, const struct block_piece *piece)
{
	u32 n = 0;

	for (; n < piece->segment_count; n++)
		region_set(&d->regions[n], piece->segments[n].gpa.a, piece->segments[n].len);
	if (piece->op == BLOCK_DISCARD) {
		ata_trim_ranges(&d->identity, piece, (u64 *)(void *)d->own);
		region_set(&d->regions[n++], gpa_of(d->own).a, ATA_BLOCK);
	}
	if (n > 0)
		d->regions[n - 1].flags = REGION_LAST;
}

static void master_prepare(struct ide_device *d, bool to_memory)
{
	struct ide_channel *ch = d->channel;
	u8 keep = in8(master(ch, MASTER_STATUS)) & MASTER_STATUS_KEEP;

	out32(master(ch, MASTER_TABLE), (u32)gpa_of(d->regions).a);
	out8(master(ch, MASTER_COMMAND), to_memory ? MASTER_TO_MEMORY : 0);
	out8(master(ch, MASTER_STATUS), keep | MASTER_ERROR | MASTER_INTERRUPT);
}

static void master_start(const struct ide_channel *ch, bool to_memory)
{
	barrier();
	out8(master(ch, MASTER_COMMAND), (u8)(MASTER_START | (to_memory ? MASTER_TO_MEMORY : 0)));
}

/* What was to be moved and was not stays where it is. Returns the status before. */
static u8 master_stop(const struct ide_channel *ch)
{
	u8 status = in8(master(ch, MASTER_STATUS));

	out8(master(ch, MASTER_COMMAND), 0);
	barrier();
	return status;
}

/* From here on what the device says is an answer to this command. */
static void expect(struct ide_channel *ch)
{
	store_relaxed(&ch->idle, 0u);
	store_relaxed(&ch->answered, false);
	/* Pairs with the load in the interrupt. */
	store_release(&ch->expects, true);
	ide_control(ch, 0);
}

static int wait_answer(struct ide_device *d)
{
	struct ide_channel *ch = d->channel;
	/* Pairs with the release in the interrupt. */
	int error = wait_event_timeout(&ch->done,
		load_acquire(&ch->answered) || load_acquire(&d->give_up), IDE_COMMAND_NS);

	if (load_acquire(&ch->answered))
		return ide_verdict(ch->status);
	return error == 0 ? -ECANCELED : -ETIMEDOUT;
}

/* An interrupt that was lost, or that somebody else has taken, is no silence. */
static int ended_after_all(const struct ide_channel *ch)
{
	u8 status = ide_read(ch, IDE_STATUS);

	if (status == IDE_FLOATING || (status & (ATA_BSY | ATA_DRQ)) != 0)
		return -ETIMEDOUT;
	return ide_verdict(status);
}

/* The answer that is waited for comes after the packet. */
static int begin_packet(struct ide_device *d, const struct ide_command *command)
{
	int error;

	ide_issue(d, &command->taskfile);
	error = ide_packet_wait(d);
	if (error != 0)
		return error;
	expect(d->channel);
	ide_packet_send(d, command);
	return 0;
}

static int begin(struct ide_device *d, const struct ide_command *command)
{
	struct ide_channel *ch = d->channel;
	int error;

	ide_control(ch, IDE_NO_INTERRUPT);
	error = ide_select(d);
	if (error != 0)
		return error;
	master_prepare(d, command->to_memory);
	if (command->taskfile.command == ATA_PACKET) {
		error = begin_packet(d, command);
	} else {
		expect(ch);
		ide_issue(d, &command->taskfile);
	}
	if (error == 0 && command->bytes != 0)
		master_start(ch, command->to_memory);
	return error;
}

/* All regions were used up, and none was in the way. */
static int check_master(const struct ide_command *command, u8 status)
{
	if ((status & MASTER_ERROR) != 0)
		return -EIO;
	return command->bytes != 0 && (status & MASTER_ACTIVE) != 0 ? -EIO : 0;
}

int ide_dma(struct ide_device *d, const struct ide_command *command)
{
	struct ide_channel *ch = d->channel;
	int error = begin(d, command);
	u8 status;

	if (error == 0) {
		error = wait_answer(d);
		if (error == -ETIMEDOUT)
			error = ended_after_all(ch);
	}
	store_release(&ch->expects, false);
	status = master_stop(ch);
	return error == 0 ? check_master(command, status) : error;
}

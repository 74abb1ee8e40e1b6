/* SPDX-License-Identifier: MIT */
/*
 * A channel's registers, and waiting for its devices. ATA/ATAPI-6, 7.15, 9.
 */
#include "base/errno.h"
#include "rootpart/drivers/ata/ide.h"
#include "rootpart/task.h"
#include "rootpart/time.h"
#include "x86/io.h"

#define SETTLE_NS 400u
#define SPIN_NS   (20 * NS_PER_US) /* what is ready soon is not slept for */
#define POLL_NS   (50 * NS_PER_US)
#define SELECT_NS NS_PER_S

u8 ide_read(const struct ide_channel *ch, u32 reg)
{
	return in8((u16)(ch->command_port + reg));
}

void ide_write(const struct ide_channel *ch, u32 reg, u8 v)
{
	out8((u16)(ch->command_port + reg), v);
}

u8 ide_status(const struct ide_channel *ch)
{
	return in8(ch->control_port);
}

void ide_control(const struct ide_channel *ch, u8 v)
{
	out8(ch->control_port, v);
}

int ide_wait(const struct ide_channel *ch, u8 mask, u8 value, u64 ns)
{
	u64 start = time_ns();

	for (;;) {
		u8 status = ide_status(ch);
		u64 passed = time_ns() - start;

		if (status == IDE_FLOATING)
			return -ENODEV;
		if ((status & mask) == value)
			return 0;
		if (passed >= ns)
			return -ETIMEDOUT;
		if (passed >= SPIN_NS)
			task_sleep_ns(POLL_NS);
	}
}

int ide_select(struct ide_device *d)
{
	struct ide_channel *ch = d->channel;
	int error = ide_wait(ch, ATA_BSY | ATA_DRQ, 0, SELECT_NS);

	if (error != 0)
		return error;
	ide_write(ch, IDE_DEVICE, (u8)(IDE_DEVICE_FIXED | (d->index != 0 ? ATA_DEV1 : 0)));
	time_spin_ns(SETTLE_NS);
	return ide_wait(ch, ATA_BSY | ATA_DRQ, 0, SELECT_NS);
}

/* What was written before stays, as the upper half. */
static void write_upper(const struct ide_channel *ch, const struct ata_taskfile *t)
{
	ide_write(ch, IDE_FEATURES, (u8)(t->features >> 8));
	ide_write(ch, IDE_COUNT, (u8)(t->count >> 8));
	ide_write(ch, IDE_LBA_LOW, (u8)(t->lba >> 24));
	ide_write(ch, IDE_LBA_MID, (u8)(t->lba >> 32));
	ide_write(ch, IDE_LBA_HIGH, (u8)(t->lba >> 40));
}

void ide_issue(struct ide_device *d, const struct ata_taskfile *t)
{
	struct ide_channel *ch = d->channel;

	if (t->ext)
		write_upper(ch, t);
	ide_write(ch, IDE_FEATURES, (u8)t->features);
	ide_write(ch, IDE_COUNT, (u8)t->count);
	ide_write(ch, IDE_LBA_LOW, (u8)t->lba);
	ide_write(ch, IDE_LBA_MID, (u8)(t->lba >> 8));
	ide_write(ch, IDE_LBA_HIGH, (u8)(t->lba >> 16));
	ide_write(ch, IDE_DEVICE,
		(u8)(IDE_DEVICE_FIXED | t->device | (d->index != 0 ? ATA_DEV1 : 0)));
	ide_write(ch, IDE_COMMAND, t->command);
	time_spin_ns(SETTLE_NS);
}

int ide_verdict(u8 status)
{
	return (status & (ATA_ERR | ATA_DF)) != 0 ? -EIO : 0;
}

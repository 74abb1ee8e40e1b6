/* SPDX-License-Identifier: MIT */
/*
 * Which devices are on a channel. Most channels have none, which is to be found
 * out quickly: a bus that floats, or registers that do not keep what is written.
 * ATA/ATAPI-6, 9.2, 9.12.
 */
#include "base/errno.h"
#include "rootpart/drivers/ata/ide.h"
#include "rootpart/errno_text.h"
#include "rootpart/log.h"
#include "rootpart/time.h"

#define SETTLE_NS 400u
#define BUSY_NS   (5 * NS_PER_S) /* of a disk that spins up */

static void select_now(struct ide_device *d)
{
	ide_write(d->channel, IDE_DEVICE, (u8)(IDE_DEVICE_FIXED | (d->index != 0 ? ATA_DEV1 : 0)));
	time_spin_ns(SETTLE_NS);
}

static bool keeps(const struct ide_channel *ch, u8 a, u8 b)
{
	ide_write(ch, IDE_COUNT, a);
	ide_write(ch, IDE_LBA_LOW, b);
	return ide_read(ch, IDE_COUNT) == a && ide_read(ch, IDE_LBA_LOW) == b;
}

/* One that is busy keeps nothing, and is worth waiting for. */
static bool responds(struct ide_device *d)
{
	u8 status;

	select_now(d);
	status = ide_status(d->channel);
	if (status == IDE_FLOATING || status == (IDE_FLOATING & ~ATA_BSY))
		return false;
	if ((status & ATA_BSY) != 0)
		return true;
	return keeps(d->channel, 0x55, 0xaa) && keeps(d->channel, 0xaa, 0x55);
}

enum kind { KIND_NONE, KIND_DISK, KIND_PACKET };

/* After a reset, and before anything is written, which both devices take. */
static enum kind read_signature(struct ide_device *d)
{
	struct ide_channel *ch = d->channel;
	u32 signature;

	select_now(d);
	if (ide_wait(ch, ATA_BSY, 0, BUSY_NS) != 0)
		return KIND_NONE;
	signature = ide_read(ch, IDE_LBA_MID) | (u32)ide_read(ch, IDE_LBA_HIGH) << 8;
	if (signature == ATA_SIGNATURE_PACKET)
		return KIND_PACKET;
	return signature == ATA_SIGNATURE_DISK ? KIND_DISK : KIND_NONE;
}

static void device_find(struct ide_device *d, enum kind kind)
{
	int error = -ENODEV;

	if (kind != KIND_NONE)
		error = ide_identify(d, kind == KIND_PACKET, &d->identity);
	if (error == 0)
		error = ide_describe(d);
	d->present = error == 0;
	if (error == 0)
		return;
	ide_forget(d);
	if (error != -ENODEV)
		log_printf("ata: channel %u, device %u: cannot be used: %s", d->channel->index,
			d->index, errno_text(error));
}

void ide_find(struct ide_channel *ch)
{
	enum kind kinds[2];
	bool there[2];

	ide_control(ch, IDE_NO_INTERRUPT);
	for (u32 i = 0; i < 2; i++)
		there[i] = responds(&ch->devices[i]);
	if (!there[0] && !there[1])
		return;
	/* Whoever stays busy then is waited for below. */
	select_now(&ch->devices[0]);
	(void)ide_reset(ch);
	for (u32 i = 0; i < 2; i++)
		kinds[i] = there[i] ? read_signature(&ch->devices[i]) : KIND_NONE;
	for (u32 i = 0; i < 2; i++)
		device_find(&ch->devices[i], kinds[i]);
}

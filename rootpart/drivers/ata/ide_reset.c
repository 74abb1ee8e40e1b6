/* SPDX-License-Identifier: MIT */
/*
 * Resetting a channel: both of its devices, which stay configured as they are.
 * ATA/ATAPI-6, 9.2.
 */
#include "base/errno.h"
#include "lib/string.h"
#include "rootpart/drivers/ata/ide.h"
#include "rootpart/task.h"
#include "rootpart/time.h"

#define PULSE_NS (10 * NS_PER_US)
#define AFTER_NS (2 * NS_PER_MS)
#define READY_NS (2 * NS_PER_S)

int ide_reset(struct ide_channel *ch)
{
	ide_control(ch, IDE_NO_INTERRUPT | IDE_RESET);
	time_spin_ns(PULSE_NS);
	ide_control(ch, IDE_NO_INTERRUPT);
	task_sleep_ns(AFTER_NS);
	return ide_wait(ch, ATA_BSY, 0, READY_NS);
}

int ide_revive(struct ide_device *d)
{
	struct ata_identity now;

	if (ide_reset(d->channel) != 0)
		return -ENODEV;
	if (ide_identify(d, d->identity.packet, &now) != 0)
		return -ENODEV;
	/* Another device than before is not what its users believe it to be. */
	if (strcmp(now.serial, d->identity.serial) != 0 ||
		strcmp(now.model, d->identity.model) != 0 || now.sectors != d->identity.sectors)
		return -ENODEV;
	return 0;
}

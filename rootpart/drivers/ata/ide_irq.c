/* SPDX-License-Identifier: MIT */
/*
 * Interrupts of a channel: an edge of its own ISA line, or a level that others may
 * share. The bus master tells whether the channel's device has one; reading the
 * device's status ends it.
 */
#include "rootpart/drivers/ata/ide.h"
#include "rootpart/log.h"
#include "x86/atomic.h"
#include "x86/io.h"

static void unexpected(struct ide_channel *ch)
{
	if (atomic_fetch_add(&ch->idle, 1u) != IDE_STORM)
		return;
	/* Until the next command. */
	ide_control(ch, IDE_NO_INTERRUPT);
	log_printf("ata: channel %u: interrupts without end", ch->index);
}

void ide_interrupt(void *ctx)
{
	struct ide_channel *ch = ctx;
	u16 port = (u16)(ch->master_port + MASTER_STATUS);
	u8 master = in8(port);
	u8 status;

	if ((master & MASTER_INTERRUPT) == 0)
		return;
	status = ide_read(ch, IDE_STATUS);
	out8(port, (master & MASTER_STATUS_KEEP) | MASTER_INTERRUPT);
	/* Pairs with the release where a command begins. */
	if ((status & ATA_BSY) != 0 || !load_acquire(&ch->expects) || ch->answered) {
		unexpected(ch);
		return;
	}
	ch->status = status;
	/* Pairs with the acquire in the task's wait. */
	store_release(&ch->answered, true);
	wait_wake_all(&ch->done);
}

/* SPDX-License-Identifier: MIT */
/*
 * A channel's task: takes what the two devices wait for, in turn, and does it.
 */
#include "base/errno.h"
#include "rootpart/drivers/ata/ide.h"
#include "rootpart/lock.h"
#include "rootpart/log.h"
#include "rootpart/time.h"
#include "x86/atomic.h"

#define LOG_EVERY_NS (5 * NS_PER_S)
#define TRIES        4u
#define SILENCES_MAX 3u

/* The device whose turn it is among those that wait; NULL: none does. */
static struct ide_device *take(struct ide_channel *ch)
{
	u64 flags = lock_irq(&ch->lock);
	struct ide_device *d = &ch->devices[ch->turn];

	if (!d->waiting)
		d = &ch->devices[ch->turn ^ 1];
	if (d->waiting) {
		d->running = true;
		ch->turn = d->index ^ 1;
	} else {
		d = NULL;
	}
	unlock_irq(&ch->lock, flags);
	return d;
}

static void say(struct ide_device *d, const char *what)
{
	if (time_ns() < d->log_after)
		return;
	d->log_after = time_ns() + LOG_EVERY_NS;
	log_printf("ata: %s: %s status=%02x error=%02x", d->block.name, what,
		ide_status(d->channel), ide_read(d->channel, IDE_ERROR));
}

/* The channel is as it was before; the device may be lost. */
static void silent(struct ide_device *d)
{
	say(d, "no answer");
	if (ide_revive(d) == 0 && ++d->silences < SILENCES_MAX)
		return;
	/* Pairs with the load in recover(). */
	store_release(&d->dead, true);
	log_printf("ata: %s: given up", d->block.name);
	block_ask_recover(&d->block);
}

static int do_once(struct ide_device *d)
{
	int error;

	if (d->identity.packet && !d->identity.dma)
		error = ide_packet_pio(d, &d->command, d->regions);
	else
		error = ide_dma(d, &d->command);
	if (error == 0 || error == -EIO) {
		d->silences = 0;
		return error;
	}
	silent(d);
	return -ETIMEDOUT;
}

static int work(struct ide_device *d)
{
	for (u32 i = 0; i < TRIES && !d->dead; i++) {
		int error = do_once(d);

		if (error != -EIO)
			return error;
		say(d, "error");
		if (d->identity.packet)
			error = atapi_failed(&d->drive);
		if (error != 0)
			return error;
	}
	return -EIO;
}

static void serve(struct ide_device *d)
{
	struct ide_channel *ch = d->channel;
	int error = work(d);
	u64 flags = lock_irq(&ch->lock);

	d->waiting = false;
	d->give_up = false;
	unlock_irq(&ch->lock, flags);
	block_piece_done(&d->block, 0, 0, error);
	/* Pairs with the acquire in recover(): the piece has ended then. */
	store_release(&d->running, false);
	wait_wake_all(&ch->done);
}

static bool is_empty(const struct ide_device *d)
{
	return d->present && d->identity.packet && !d->dead && atapi_empty(&d->drive);
}

/* When to look whether a drive has got a medium; now, if @look_at has come. */
static u64 next_look(struct ide_channel *ch, u64 look_at)
{
	bool now = time_ns() >= look_at;
	bool any = false;

	for (u32 i = 0; i < 2; i++) {
		if (!is_empty(&ch->devices[i]))
			continue;
		if (now)
			atapi_look(&ch->devices[i].drive);
		any = true;
	}
	if (!any)
		return TIME_NEVER;
	return now || look_at == TIME_NEVER ? time_ns() + ATAPI_LOOK_NS : look_at;
}

void ide_task(void *arg)
{
	struct ide_channel *ch = arg;
	u64 look_at = TIME_NEVER;

	for (;;) {
		struct ide_device *d;

		look_at = next_look(ch, look_at);
		if (wait_event_until(&ch->wake, (d = take(ch)) != NULL, look_at) == 0)
			serve(d);
	}
}

/* SPDX-License-Identifier: MIT */
/*
 * Media of a drive: whether there is one, and how large; see atapi.h. Tasks of the
 * drivers, with nothing else under way on the drive.
 */
#include "base/errno.h"
#include "rootpart/block/block.h"
#include "rootpart/drivers/ata_common/atapi.h"
#include "rootpart/log.h"
#include "rootpart/task.h"
#include "rootpart/time.h"
#include "x86/atomic.h"

#define READY_NS   (3 * NS_PER_S)
#define SOON_NS    (50 * NS_PER_MS)
#define ATTENTIONS 8u /* that a drive may have in a row */

static enum atapi_verdict ask(struct atapi_drive *d)
{
	const struct atapi_packet packet = atapi_request_sense();
	u8 sense[ATAPI_SENSE] = { 0 };

	if (d->send(d, &packet, sense, sizeof(sense)) != 0)
		return ATAPI_FAILED;
	return atapi_sense(sense);
}

/* 0; -EAGAIN: ask again; or what it is. */
static int test(struct atapi_drive *d)
{
	const struct atapi_packet packet = atapi_test_unit_ready();
	int error = d->send(d, &packet, NULL, 0);

	if (error != -EIO)
		return error;
	switch (ask(d)) {
	case ATAPI_FINE:
	case ATAPI_RESET:
	case ATAPI_CHANGED:
		return -EAGAIN;
	case ATAPI_SOON:
		task_sleep_ns(SOON_NS);
		return -EBUSY;
	case ATAPI_ABSENT:
		return -ENOMEDIUM;
	default:
		return -EIO;
	}
}

static int wait_ready(struct atapi_drive *d, u64 deadline_ns)
{
	u32 attentions = 0;

	for (;;) {
		int error = test(d);

		if (error == -EAGAIN && ++attentions > ATTENTIONS)
			return -EIO;
		if (error != -EAGAIN && error != -EBUSY)
			return error;
		if (time_ns() >= deadline_ns)
			return -ENOMEDIUM;
	}
}

static u32 be32(const u8 *p)
{
	return (u32)p[0] << 24 | (u32)p[1] << 16 | (u32)p[2] << 8 | p[3];
}

static int read_size(struct atapi_drive *d, u64 deadline_ns, u64 *sectors)
{
	const struct atapi_packet packet = atapi_read_capacity();
	u8 capacity[ATAPI_CAPACITY] = { 0 };
	int error = wait_ready(d, deadline_ns);

	if (error != 0)
		return error;
	error = d->send(d, &packet, capacity, sizeof(capacity));
	if (error != 0)
		return error;
	/* The last sector's number; drives that know no better say 2,352 or 0 for a size. */
	if (be32(capacity + 4) != ATAPI_SECTOR)
		return -EPROTO;
	*sectors = (u64)be32(capacity) + 1;
	return 0;
}

static void set_sectors(struct atapi_drive *d, u64 sectors)
{
	/* Pairs with the block layer's look at each request. */
	store_relaxed(&d->block->limits.sectors, sectors);
}

void atapi_open(struct atapi_drive *d, u64 timeout_ns)
{
	u64 sectors = 0;

	if (read_size(d, time_ns() + timeout_ns, &sectors) != 0)
		sectors = 0;
	set_sectors(d, sectors);
}

bool atapi_empty(const struct atapi_drive *d)
{
	return load_relaxed(&d->block->limits.sectors) == 0;
}

static void say_medium(const struct atapi_drive *d)
{
	log_printf("%s: %s: another medium: %llu sectors", d->block->driver, d->block->name,
		(unsigned long long)d->block->limits.sectors);
}

void atapi_look(struct atapi_drive *d)
{
	atapi_open(d, 0);
	if (!atapi_empty(d))
		say_medium(d);
}

static int changed(struct atapi_drive *d)
{
	atapi_open(d, READY_NS);
	say_medium(d);
	return -EIO;
}

static int gone(struct atapi_drive *d)
{
	set_sectors(d, 0);
	log_printf("%s: %s: no medium", d->block->driver, d->block->name);
	return -ENOMEDIUM;
}

int atapi_failed(struct atapi_drive *d)
{
	switch (ask(d)) {
	case ATAPI_SOON:
		atapi_open(d, READY_NS);
		return 0;
	case ATAPI_FINE:
	case ATAPI_RESET:
		return 0;
	case ATAPI_CHANGED:
		return changed(d);
	case ATAPI_ABSENT:
		return gone(d);
	default:
		return -EIO;
	}
}

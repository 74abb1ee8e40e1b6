/* SPDX-License-Identifier: MIT */
/*
 * What the block layer hears of a channel's devices.
 */
#include "base/errno.h"
#include "rootpart/drivers/ata/ide.h"
#include "rootpart/drivers/ata_common/ata_command.h"
#include "rootpart/log.h"
#include "rootpart/page_alloc.h"

#define MEDIUM_NS    (3 * NS_PER_S)
#define MEMORY_ORDER 1u /* regions; the driver's own data */

static int memory_get(struct ide_device *d)
{
	u8 *p = page_alloc_low(MEMORY_ORDER);

	if (p == NULL)
		return -ENOMEM;
	d->regions = (struct ide_region *)(void *)p;
	d->own = p + PAGE_SIZE;
	return 0;
}

static void limits_set(struct ide_device *d)
{
	struct block_limits *l = &d->block.limits;

	*l = (struct block_limits){
		.max_segments = REGIONS,
		.boundary = REGION_MAX,
		.address_mask = 0xffffffff,
		.align = 2,
	};
	ata_limits(&d->identity, l);
}

int ide_describe(struct ide_device *d)
{
	int error;

	if (!d->identity.packet && !d->identity.dma)
		return -ENOTSUP;
	error = memory_get(d);
	if (error != 0)
		return error;
	limits_set(d);
	if (d->identity.packet) {
		ide_drive_init(d);
		atapi_open(&d->drive, MEDIUM_NS);
	}
	return 0;
}

void ide_forget(struct ide_device *d)
{
	d->present = false;
	if (d->regions != NULL)
		(void)page_free(d->regions, MEMORY_ORDER);
	d->regions = NULL;
}

static int device_register(struct ide_device *d)
{
	struct block_device *b = &d->block;

	ata_names(&d->identity, b);
	b->driver = "ata";
	b->queue_count = 1;
	b->depth = 1;
	b->ops = &ide_ops;
	b->driver_data = d;
	return block_register(b, d->identity.packet);
}

void ide_register(struct ide_channel *ch)
{
	for (u32 i = 0; i < 2; i++) {
		struct ide_device *d = &ch->devices[i];

		if (!d->present || device_register(d) == 0)
			continue;
		log_printf("ata: channel %u, device %u: not registered", ch->index, i);
		ide_forget(d);
	}
}

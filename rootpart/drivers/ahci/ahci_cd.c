/* SPDX-License-Identifier: MIT */
/*
 * Drives with packets. A medium may go and come: without one the device has
 * no sectors, and is asked every few seconds.
 */
#include "base/errno.h"
#include "lib/string.h"
#include "rootpart/drivers/ahci/ahci.h"
#include "rootpart/lock.h"
#include "rootpart/log.h"
#include "rootpart/time.h"
#include "x86/atomic.h"

#define PACKET_NS (1500 * NS_PER_MS)
#define READY_NS  (3 * NS_PER_S)

static int send(struct atapi_drive *d, const struct atapi_packet *packet, void *data, u32 bytes)
{
	struct ahci_port *p = container_of(d, struct ahci_port, drive);
	const struct ahci_own own = {
		.taskfile = ahci_packet_taskfile(&p->identity),
		.packet = packet,
		.bytes = bytes,
		.timeout_ns = PACKET_NS,
	};
	int error = ahci_own_run(p, &own);

	if (error == 0 && bytes != 0)
		memcpy(data, p->memory->data, bytes);
	return error;
}

static void set_sectors(struct ahci_port *p, u64 sectors)
{
	/* Pairs with the block layer's look at each request. */
	store_relaxed(&p->block.limits.sectors, sectors);
}

void ahci_cd_open(struct ahci_port *p, u64 timeout_ns)
{
	u64 sectors = 0;

	p->drive.send = send;
	if (atapi_open(&p->drive, time_ns() + timeout_ns, &sectors) != 0)
		sectors = 0;
	set_sectors(p, sectors);
}

static int changed(struct ahci_port *p)
{
	ahci_cd_open(p, READY_NS);
	log_printf("ahci: %s: another medium: %llu sectors", p->block.name,
		(unsigned long long)p->block.limits.sectors);
	return -EIO;
}

static int gone(struct ahci_port *p)
{
	set_sectors(p, 0);
	log_printf("ahci: %s: no medium", p->block.name);
	return -ENOMEDIUM;
}

int ahci_cd_error(struct ahci_port *p)
{
	switch (atapi_ask(&p->drive)) {
	case ATAPI_FINE:
	case ATAPI_RESET:
		return 0;
	case ATAPI_SOON:
		ahci_cd_open(p, READY_NS);
		return 0;
	case ATAPI_CHANGED:
		return changed(p);
	case ATAPI_ABSENT:
		return gone(p);
	default:
		return -EIO;
	}
}

void ahci_cd_poll(struct ahci_port *p)
{
	mutex_lock(&p->mutex);
	ahci_halt(p);
	/* What runs, or has gone wrong, is first. */
	if (p->running == 0 && p->trouble == 0 && !p->dead) {
		ahci_cd_open(p, 0);
		if (p->block.limits.sectors != 0)
			log_printf("ahci: %s: a medium: %llu sectors", p->block.name,
				(unsigned long long)p->block.limits.sectors);
		ahci_resume(p, false);
	}
	mutex_unlock(&p->mutex);
}

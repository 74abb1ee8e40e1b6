/* SPDX-License-Identifier: MIT */
/*
 * Drives with packets: the driver's own ones.
 */
#include "lib/string.h"
#include "rootpart/drivers/ahci/ahci.h"
#include "rootpart/time.h"

#define PACKET_NS (1500 * NS_PER_MS)

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

void ahci_cd_init(struct ahci_port *p)
{
	p->drive = (struct atapi_drive){ .block = &p->block, .send = send };
}

void ahci_cd_poll(struct ahci_port *p)
{
	mutex_lock(&p->mutex);
	ahci_halt(p);
	/* What runs, or has gone wrong, is first. */
	if (p->running == 0 && p->trouble == 0 && !p->dead) {
		atapi_look(&p->drive);
		ahci_resume(p, false);
	}
	mutex_unlock(&p->mutex);
}

/* SPDX-License-Identifier: MIT */
/*
 * Silence: the block layer has waited long enough. All pieces end, the device is
 * reset, and is to be the same as before. A port whose engine does not stop
 * may still move data; then the whole adapter is reset, and other ports do again
 * what they were at.
 */
#include "base/errno.h"
#include "lib/string.h"
#include "rootpart/drivers/ahci/ahci.h"
#include "rootpart/errno_text.h"
#include "rootpart/lock.h"
#include "rootpart/log.h"
#include "rootpart/time.h"

#define REVIVALS 3u

static void adapter_reset_soon(struct ahci_port *p)
{
	u64 flags = lock_irq(&p->lock);

	ahci_trouble(p, EVENT_RESET);
	unlock_irq(&p->lock, flags);
}

static void adapter_reset(struct ahci_port *p)
{
	struct ahci *h = p->hba;

	for (u32 left = h->used; left != 0; left &= left - 1)
		if (h->ports[__builtin_ctz(left)] != p)
			adapter_reset_soon(h->ports[__builtin_ctz(left)]);
	if (ahci_hba_reset(h) != 0)
		/* Nothing that it still does reaches memory. */
		pci_command(h->pci, 0, PCI_COMMAND_MASTER);
	else
		ahci_hba_listen(h);
}

/* Another device than before is not what its users believe it to be. */
static int check_same(struct ahci_port *p)
{
	struct ata_identity now;
	int error = ahci_identify(p, p->identity.packet, &now);

	if (error != 0)
		return error;
	if (strcmp(now.serial, p->identity.serial) != 0 ||
		strcmp(now.model, p->identity.model) != 0 || now.sectors != p->identity.sectors)
		return -ENODEV;
	return 0;
}

/* An error is worth another try, silence is not. */
static int revive(struct ahci_port *p)
{
	int error = -EIO;

	for (u32 i = 0; i < REVIVALS && error == -EIO; i++) {
		error = ahci_port_reset(p);
		if (error == 0)
			error = check_same(p);
	}
	return error;
}

/* Not 0: it cannot be used any more. */
static int reset(struct ahci_port *p)
{
	int error = p->dead ? -ENODEV : revive(p);

	if (error == 0) {
		ahci_resume(p, false);
		return 0;
	}
	if (!p->dead)
		log_printf("ahci: %s: given up: %s", p->block.name, errno_text(error));
	p->dead = true;
	(void)ahci_port_stop(p);
	return -ENODEV;
}

int ahci_recover(struct block_device *d)
{
	struct ahci_port *p = d->driver_data;
	int error;

	mutex_lock(&p->mutex);
	ahci_halt(p);
	ahci_say(p, "no answer");
	if (ahci_port_stop(p) != 0)
		adapter_reset(p);
	ahci_end_all(p, -ETIMEDOUT);
	error = reset(p);
	mutex_unlock(&p->mutex);
	return error;
}

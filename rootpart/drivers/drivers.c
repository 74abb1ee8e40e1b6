/* SPDX-License-Identifier: MIT */
/*
 * Which driver has which device: the first of the table that takes it. A driver
 * that fails leaves the device as it was, and the next one may try.
 * At the end of boot, in a task of the boot VP.
 */
#include "rootpart/drivers/drivers.h"

#include "rootpart/block/block.h"
#include "rootpart/errno_text.h"
#include "rootpart/log.h"
#include "rootpart/panic.h"
#include "rootpart/task.h"
#include "rootpart/waitq.h"

/* Capability of power management: PCI Bus Power Management Interface 1.2, 3.2.4. */
#define POWER_CONTROL 4u
#define POWER_STATE   3u
/* From D3 to D0. */
#define POWER_ON_NS (10 * NS_PER_MS)

/* Who waits for the prompt does not wait longer. */
#define START_LIMIT_NS (30 * NS_PER_S)

static const struct pci_driver *const drivers[] = {
	&ahci_driver,
	&ata_driver,
	&e1000_driver,
	&nvme_driver,
	&virtio_blk_driver,
	&virtio_net_driver,
};

static struct wait_queue queue = WAIT_QUEUE_INIT(queue);
static bool done; /* under the queue's lock by way of its wake-up */

static void power_on(const struct pci_device *dev)
{
	u32 cap = pci_capability(dev, PCI_CAP_POWER, 0);
	u16 control = cap != 0 ? pci_read16(dev, cap + POWER_CONTROL) : 0;

	if ((control & POWER_STATE) == 0)
		return;
	pci_write16(dev, cap + POWER_CONTROL, (u16)(control & ~POWER_STATE));
	task_sleep_ns(POWER_ON_NS);
}

static bool try_driver(struct pci_device *dev, const struct pci_driver *driver)
{
	char name[PCI_NAME_SIZE];
	int error;

	if (!driver->match(dev))
		return false;
	power_on(dev);
	error = driver->probe(dev);
	if (error != 0) {
		log_printf("%s: %s: cannot be used: %s", driver->name, pci_name(dev, name),
			errno_text(error));
		return false;
	}
	dev->driver = driver;
	return true;
}

void drivers_start(void)
{
	for (u32 i = 0; i < pci_count(); i++) {
		struct pci_device *dev = pci_get(i);

		for (u32 d = 0; d < ARRAY_SIZE(drivers); d++)
			if (try_driver(dev, drivers[d]))
				break;
	}
	block_scan_partitions();
}

void drivers_shutdown(void)
{
	for (u32 i = 0; i < pci_count(); i++) {
		struct pci_device *dev = pci_get(i);

		if (dev->driver != NULL && dev->driver->shutdown != NULL)
			dev->driver->shutdown(dev);
	}
}

static void start_task(void *arg)
{
	(void)arg;
	drivers_start();
	done = true;
	wait_wake_all(&queue);
}

void drivers_start_bounded(void)
{
	if (task_create("drivers", start_task, NULL) == NULL)
		panic("no memory for the drivers' task");
	if (wait_event_timeout(&queue, done, START_LIMIT_NS) != 0)
		log_printf("drivers: some devices take long; the prompt does not wait for them");
}

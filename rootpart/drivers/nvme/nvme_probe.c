/* SPDX-License-Identifier: MIT */
/*
 * NVMe disks: from a PCI function to block devices. Each root VP has a queue pair
 * with an interrupt of its own, as far as the controller has both; the block
 * layer spreads the VPs over what there is.
 * NVM Express 1.4, 7.6.1.
 */
#include "base/errno.h"
#include "lib/string.h"
#include "rootpart/cpu.h"
#include "rootpart/drivers/drivers.h"
#include "rootpart/drivers/nvme/nvme.h"
#include "rootpart/heap.h"
#include "rootpart/log.h"
#include "rootpart/page_alloc.h"

#define CLASS_STORAGE  0x01u
#define SUBCLASS_NVM   0x08u
#define INTERFACE_NVME 0x02u

#define LIST_ENTRIES   (NVME_IDENTIFY_SIZE / 4)
/* Of a controller without a list of them. */
#define NAMESPACES_LOOKED_AT 64u

static bool match(const struct pci_device *dev)
{
	return dev->class_code == CLASS_STORAGE && dev->subclass == SUBCLASS_NVM &&
	       dev->interface == INTERFACE_NVME;
}

/* Off, then on with the admin queue alone. */
static int open_controller(struct nvme *n)
{
	int error = nvme_map(n);

	if (error == 0)
		error = nvme_disable(n);
	if (error == 0)
		error = nvme_queue_alloc(n, &n->admin, 0, NVME_ADMIN_ENTRIES);
	if (error == 0)
		error = nvme_enable(n);
	if (error == 0)
		error = nvme_identify(n, NVME_IDENTIFY_CONTROLLER, 0);
	if (error == 0)
		nvme_read_controller(n);
	return error;
}

static int open_pair(struct nvme *n, u32 i)
{
	int error = nvme_queue_alloc(n, &n->io[i], i + 1, NVME_IO_ENTRIES);

	if (error == 0)
		error = pci_irq_request(n->pci, i, i, nvme_interrupt, &n->io[i]);
	if (error == 0)
		error = nvme_create_pair(n, &n->io[i]);
	return error;
}

/* As many as can be had, and at least one. */
static int open_pairs(struct nvme *n)
{
	u32 count = MIN(cpu_count, pci_irq_count(n->pci));
	int error;

	if (count == 0)
		return -ENODEV;
	error = nvme_set_queues(n, count, &count);
	if (error != 0)
		return error;
	n->io = kzalloc(count * sizeof(*n->io));
	if (n->io == NULL)
		return -ENOMEM;
	while (n->io_count < count && error == 0) {
		error = open_pair(n, n->io_opened++);
		n->io_count += error == 0;
	}
	return n->io_count > 0 ? 0 : error;
}

static int add_namespace(struct nvme *n, u32 id, const struct block_limits *limits)
{
	struct nvme_namespace *ns = kzalloc(sizeof(*ns));

	if (ns == NULL)
		return -ENOMEM;
	ns->nvme = n;
	ns->id = id;
	ns->block = (struct block_device){
		.driver = "nvme",
		.limits = *limits,
		.queue_count = n->io_count,
		.ops = &nvme_block_ops,
		.driver_data = ns,
	};
	(void)str_copy(ns->block.model, n->model, sizeof(ns->block.model));
	(void)str_copy(ns->block.serial, n->serial, sizeof(ns->block.serial));
	n->namespaces[n->namespace_count++] = ns;
	return 0;
}

/* Ids that are not in use are told by a size of 0. */
static int open_namespace(struct nvme *n, u32 id)
{
	struct block_limits limits;
	char name[PCI_NAME_SIZE];
	int error = nvme_identify(n, NVME_IDENTIFY_NAMESPACE, id);

	if (error == -ETIMEDOUT || n->namespace_count == NVME_NAMESPACES_MAX)
		return error;
	if (error == 0 && nvme_read_namespace(n, &limits))
		return add_namespace(n, id, &limits);
	log_printf("nvme: %s: namespace %u is left out", pci_name(n->pci, name), id);
	return 0;
}

static int open_listed(struct nvme *n, const u32 *ids)
{
	int error = 0;

	for (u32 i = 0; i < LIST_ENTRIES && ids[i] != 0 && error == 0; i++)
		error = open_namespace(n, ids[i]);
	return error;
}

/* The list is copied: the page is needed for each of them. */
static int open_namespaces(struct nvme *n)
{
	u32 *ids = kzalloc(NVME_IDENTIFY_SIZE);
	int error;

	if (ids == NULL)
		return -ENOMEM;
	error = nvme_identify(n, NVME_IDENTIFY_ACTIVE, 0);
	if (error == 0)
		memcpy(ids, n->page, NVME_IDENTIFY_SIZE);
	for (u32 i = 0; error != 0 && i < MIN(n->namespace_ids, NAMESPACES_LOOKED_AT); i++)
		ids[i] = i + 1;
	if (error != -ETIMEDOUT)
		error = open_listed(n, ids);
	kfree(ids);
	return error;
}

/* The queues' slots are shared out; then the layer may use them. */
static int register_all(struct nvme *n)
{
	u32 depth = n->io[0].slot_count / MAX(n->namespace_count, 1u);
	u32 registered = 0;
	int error = 0;

	for (u32 i = 0; i < n->namespace_count; i++) {
		n->namespaces[i]->block.depth = depth;
		n->namespaces[i]->first_slot = i * depth;
	}
	nvme_go_live(n);
	for (u32 i = 0; i < n->namespace_count && error == 0; i++) {
		error = block_register(&n->namespaces[i]->block, false);
		registered += error == 0;
	}
	/* One that is there stays. */
	return registered > 0 ? 0 : error;
}

static void close_controller(struct nvme *n)
{
	if (n->regs != NULL)
		nvme_cut_off(n);
	pci_irq_release(n->pci);
	for (u32 i = 0; i < n->io_opened; i++) {
		work_drain(&n->io[i].work);
		nvme_queue_free(&n->io[i]);
	}
	for (u32 i = 0; i < n->namespace_count; i++)
		kfree(n->namespaces[i]);
	nvme_queue_free(&n->admin);
	kfree(n->io);
	if (n->page != NULL)
		(void)page_free(n->page, 0);
	kfree(n);
}

static int open_all(struct nvme *n)
{
	int error;

	n->page = page_alloc_zeroed(0);
	if (n->page == NULL)
		return -ENOMEM;
	error = open_controller(n);
	if (error == 0)
		error = open_pairs(n);
	if (error == 0)
		error = open_namespaces(n);
	return error != 0 ? error : register_all(n);
}

static int probe(struct pci_device *dev)
{
	struct nvme *n = kzalloc(sizeof(*n));
	int error;

	if (n == NULL)
		return -ENOMEM;
	n->pci = dev;
	n->pin = pci_irq_is_shared(dev);
	mutex_init(&n->mutex);
	pci_command(dev, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER, 0);
	error = open_all(n);
	if (error != 0) {
		close_controller(n);
		return error;
	}
	dev->driver_data = n;
	return 0;
}

static void shut_down(struct pci_device *dev)
{
	nvme_shutdown(dev->driver_data);
}

const struct pci_driver nvme_driver = {
	.name = "nvme",
	.match = match,
	.probe = probe,
	.shutdown = shut_down,
};

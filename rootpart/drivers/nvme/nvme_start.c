/* SPDX-License-Identifier: MIT */
/*
 * From off to work: at first, and again after each reset. Tasks.
 */
#include "base/errno.h"
#include "rootpart/drivers/nvme/nvme.h"
#include "rootpart/lock.h"
#include "x86/mmio.h"

static int create_pairs(struct nvme *n)
{
	int error = 0;

	for (u32 i = 0; i < n->io_count && error == 0; i++)
		error = nvme_create_pair(n, &n->io[i]);
	return error;
}

int nvme_start(struct nvme *n)
{
	u32 granted;
	int error = nvme_enable(n);

	if (error == 0)
		error = nvme_set_queues(n, n->io_count, &granted);
	if (error == 0 && granted < n->io_count)
		error = -EIO;
	return error != 0 ? error : create_pairs(n);
}

static void push_pending(struct nvme_queue *q)
{
	for (u32 i = 0; i < q->slot_count; i++) {
		if (q->slots[i].state != NVME_PENDING)
			continue;
		q->slots[i].state = NVME_BUSY;
		nvme_queue_push(q, &q->slots[i].command);
	}
	nvme_queue_ring(q);
}

void nvme_go_live(struct nvme *n)
{
	for (u32 i = 0; i < n->io_count; i++) {
		struct nvme_queue *q = &n->io[i];
		u64 flags = lock_irq(&q->lock);

		q->live = true;
		push_pending(q);
		unlock_irq(&q->lock, flags);
	}
	if (n->pin)
		mmio_write32(n->regs + NVME_INTMC, ~0u);
}

/* Also where it does not answer any more: then the bus keeps it from memory. */
void nvme_cut_off(struct nvme *n)
{
	(void)nvme_disable(n);
	pci_command(n->pci, 0, PCI_COMMAND_MASTER);
}

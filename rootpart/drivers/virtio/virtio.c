/* SPDX-License-Identifier: MIT */
/*
 * A device from reset to work and back. Each wait is bounded. VIRTIO 1.2, 2.1,
 * 2.2, 3.1.
 */
#include "base/errno.h"
#include "lib/string.h"
#include "rootpart/drivers/virtio/virtio_impl.h"
#include "rootpart/task.h"
#include "rootpart/time.h"

#define RESET_LIMIT_NS (2 * NS_PER_S)
#define LOOK_NS        (100 * NS_PER_US)

/* What the bus and the order of memory on it need is so on this machine in any case. */
#define ALWAYS (VIRTIO_F_VERSION_1 | VIRTIO_F_ACCESS_PLATFORM | VIRTIO_F_ORDER_PLATFORM)

static u8 status(const struct virtio *v)
{
	return mmio_read8(v->common + VIRTIO_STATUS);
}

static void status_add(const struct virtio *v, u8 bits)
{
	mmio_write8(v->common + VIRTIO_STATUS, status(v) | bits);
}

int virtio_reset(struct virtio *v)
{
	u64 deadline = time_ns() + RESET_LIMIT_NS;

	mmio_write8(v->common + VIRTIO_STATUS, 0);
	for (;;) {
		u8 now = status(v);

		if (now == 0)
			return 0;
		if (now == VIRTIO_GONE)
			return -ENODEV;
		if (time_ns() >= deadline)
			return -ETIMEDOUT;
		task_sleep_ns(LOOK_NS);
	}
}

int virtio_open(struct virtio *v, struct pci_device *pci, const char *name)
{
	const char *kind = pci_irq_kind(pci);
	int error;

	*v = (struct virtio){ .pci = pci, .name = name };
	v->msix = kind != NULL && strcmp(kind, "msi-x") == 0;
	error = virtio_map(v);
	if (error != 0)
		return error;
	pci_command(pci, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER, 0);
	return virtio_reset(v);
}

void virtio_cut_off(struct virtio *v)
{
	if (v->common != NULL)
		(void)virtio_reset(v);
	pci_command(v->pci, 0, PCI_COMMAND_MASTER);
}

void virtio_close(struct virtio *v)
{
	virtio_cut_off(v);
	pci_irq_release(v->pci);
	while (v->queue_count > 0)
		virtq_free(&v->queues[--v->queue_count]->q);
}

static u64 features_offered(const struct virtio *v)
{
	u64 features = 0;

	for (u32 i = 0; i < 2; i++) {
		mmio_write32(v->common + VIRTIO_DEVICE_FEATURE_SELECT, i);
		features |= (u64)mmio_read32(v->common + VIRTIO_DEVICE_FEATURE) << (32 * i);
	}
	return features;
}

static void features_accept(const struct virtio *v)
{
	for (u32 i = 0; i < 2; i++) {
		mmio_write32(v->common + VIRTIO_DRIVER_FEATURE_SELECT, i);
		mmio_write32(v->common + VIRTIO_DRIVER_FEATURE, (u32)(v->features >> (32 * i)));
	}
}

int virtio_negotiate(struct virtio *v, u64 wanted)
{
	status_add(v, VIRTIO_ACKNOWLEDGE);
	status_add(v, VIRTIO_DRIVER);
	v->features = features_offered(v) & ((v->first != 0 ? v->first : wanted) | ALWAYS);
	if (!virtio_has(v, VIRTIO_F_VERSION_1))
		return -ENOTSUP;
	features_accept(v);
	status_add(v, VIRTIO_FEATURES_OK);
	if (!(status(v) & VIRTIO_FEATURES_OK))
		return -ENOTSUP;
	if (v->first != 0 && v->first != v->features)
		return -EIO;
	v->first = v->features;
	return 0;
}

bool virtio_has(const struct virtio *v, u64 feature)
{
	return (v->features & feature) != 0;
}

int virtio_drive(struct virtio *v)
{
	status_add(v, VIRTIO_DRIVER_OK);
	return status(v) & VIRTIO_DRIVER_OK && !virtio_is_lost(v) ? 0 : -EIO;
}

bool virtio_is_lost(const struct virtio *v)
{
	return (status(v) & VIRTIO_NEEDS_RESET) != 0;
}

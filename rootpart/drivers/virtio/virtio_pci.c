/* SPDX-License-Identifier: MIT */
/*
 * Where a device's registers are. Its capabilities say so; of each kind the
 * first one counts that can be reached. VIRTIO 1.2, 4.1.4.
 */
#include "base/errno.h"
#include "lib/string.h"
#include "rootpart/drivers/virtio/virtio_impl.h"
#include "x86/mmio.h"

#define NOTIFY_SIZE_MAX MIB /* that much is mapped */

struct region {
	u32 cap;
	u32 bar;
	u32 offset;
	u32 size;
};

static struct region region_read(const struct pci_device *pci, u32 cap)
{
	return (struct region){
		.cap = cap,
		.bar = pci_read8(pci, cap + VIRTIO_CAP_BAR),
		.offset = pci_read32(pci, cap + VIRTIO_CAP_OFFSET),
		.size = pci_read32(pci, cap + VIRTIO_CAP_SIZE),
	};
}

/* A BAR that is none, or a capability that ends too early: the device may have another one. */
static bool region_is_valid(
	const struct pci_device *pci, const struct region *r, u32 length, u32 min_size, u32 align)
{
	return pci_read8(pci, r->cap + VIRTIO_CAP_LENGTH) >= length && r->bar < PCI_BARS &&
	       pci->bar[r->bar].kind == PCI_BAR_MEMORY && r->size >= min_size &&
	       r->offset % align == 0;
}

/* NULL: none. Its size is in *size. */
static volatile u8 *map(
	const struct pci_device *pci, u32 type, u32 min_size, u32 align, struct region *out)
{
	u32 length = type == VIRTIO_TYPE_NOTIFY ? VIRTIO_CAP_NOTIFY_MIN : VIRTIO_CAP_MIN;
	volatile u8 *p = NULL;
	u32 cap = 0;

	while (p == NULL && (cap = pci_capability(pci, PCI_CAP_VENDOR, cap)) != 0) {
		if (pci_read8(pci, cap + VIRTIO_CAP_TYPE) != type)
			continue;
		*out = region_read(pci, cap);
		if (!region_is_valid(pci, out, length, min_size, align))
			continue;
		out->size = MIN(out->size, (u32)NOTIFY_SIZE_MAX);
		p = pci_map(pci, out->bar, out->offset, out->size);
	}
	return p;
}

int virtio_map(struct virtio *v)
{
	struct region r = { 0 };

	v->common = map(v->pci, VIRTIO_TYPE_COMMON, VIRTIO_COMMON_SIZE, 4, &r);
	v->isr = map(v->pci, VIRTIO_TYPE_ISR, 1, 1, &r);
	v->notify = map(v->pci, VIRTIO_TYPE_NOTIFY, 2, 2, &r);
	if (v->common == NULL || v->isr == NULL || v->notify == NULL)
		return -ENOTSUP;
	v->notify_size = r.size;
	v->notify_multiplier = pci_read32(v->pci, r.cap + VIRTIO_CAP_MULTIPLIER);
	v->device = map(v->pci, VIRTIO_TYPE_DEVICE, 1, 4, &r);
	v->device_size = v->device != NULL ? r.size : 0;
	return 0;
}

int virtio_bell(const struct virtio *v, struct virtq *q)
{
	u64 at = (u64)virtio_read16(v, VIRTIO_QUEUE_NOTIFY_OFFSET) * v->notify_multiplier;

	if (at + 2 > v->notify_size || at % 2 != 0)
		return -ENODEV;
	q->bell = v->notify + at;
	return 0;
}

static u32 config_read32(const volatile u8 *p, u32 size)
{
	switch (size) {
	case 1:
		return mmio_read8(p);
	case 2:
		return mmio_read16(p);
	default:
		return mmio_read32(p);
	}
}

/* 64 bits are read in halves. */
u64 virtio_config_read(const struct virtio *v, u32 offset, u32 size)
{
	if (v->device == NULL || (u64)offset + size > v->device_size)
		return 0;
	if (size < 8)
		return config_read32(v->device + offset, size);
	return config_read32(v->device + offset, 4) | (u64)config_read32(v->device + offset + 4, 4)
							      << 32;
}

void virtio_config_write8(const struct virtio *v, u32 offset, u8 value)
{
	if (v->device != NULL && offset < v->device_size)
		mmio_write8(v->device + offset, value);
}

u8 virtio_config_generation(const struct virtio *v)
{
	return mmio_read8(v->common + VIRTIO_GENERATION);
}

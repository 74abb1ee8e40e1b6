/* SPDX-License-Identifier: MIT */
/*
 * What the files of the transport have from each other: virtio_pci.c finds the registers,
 * virtio.c is the device's life, virtio_queue.c its queues and interrupts.
 */
#pragma once

#include "rootpart/drivers/virtio/virtio.h"
#include "x86/mmio.h"

/* Fills in where v->pci's registers are. -ENOTSUP. */
[[nodiscard]] int virtio_map(struct virtio *v);
/* Fills in the bell of the queue that is selected. -ENODEV: it lies outside. */
[[nodiscard]] int virtio_bell(const struct virtio *v, struct virtq *q);

static inline u16 virtio_read16(const struct virtio *v, u32 reg)
{
	return mmio_read16(v->common + reg);
}

static inline void virtio_write16(const struct virtio *v, u32 reg, u16 value)
{
	mmio_write16(v->common + reg, value);
}

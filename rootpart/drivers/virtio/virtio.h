/* SPDX-License-Identifier: MIT */
/*
 * A virtio device on PCI, modern interface: its registers, its life from reset to work,
 * its interrupts. What it is for is the drivers': virtio_blk, virtio_net.
 *
 * Interrupts: one for each queue and one for changes of the configuration, where MSI-X has as
 * many; else one for all, by MSI-X or by the pin. A queue's asks for the work of the
 * queue. Tasks, unless it says otherwise. VIRTIO 1.2, 3.1, 4.1.
 */
#pragma once

#include "rootpart/drivers/virtio/virtq.h"
#include "rootpart/pci/pci.h"
#include "rootpart/work.h"

#define VIRTIO_QUEUES_MAX 64u

/* A queue, and who is told of what comes back. The driver embeds it. */
struct virtio_queue {
	struct virtq q;
	struct virtio *v;
	struct work work; /* the driver's function; on VP vp */
	u32 vp;
	bool silent; /* it has no interrupt: it is looked at */
};

struct virtio {
	struct pci_device *pci;
	const char *name; /* the driver's, for the log */
	volatile u8 *common;
	volatile u8 *isr;
	volatile u8 *device; /* NULL: it has none */
	volatile u8 *notify;
	u64 device_size;
	u64 notify_size;
	u32 notify_multiplier;
	bool msix;
	u64 features; /* that were agreed upon */
	u64 first;    /* those of the first time; 0: not yet */

	struct virtio_queue *queues[VIRTIO_QUEUES_MAX];
	u32 queue_count;
	bool vector_each;   /* else all queues are VP 0's */
	bool running;       /* interrupts ask for work; any VP, atomic */
	struct work config; /* the driver's function; on VP config_vp */
	u32 config_vp;      /* the driver sets it, where there is a vector for each */
};

/*
 * Finds the registers of @pci, enables its memory and bus mastering, and resets it.
 * -ENOTSUP: no modern interface, or one that makes no sense; -ENODEV; -ETIMEDOUT.
 */
[[nodiscard]] int virtio_open(struct virtio *v, struct pci_device *pci, const char *name);
/* Back to nothing; then it touches no memory. -ETIMEDOUT: it does not say so; -ENODEV. */
[[nodiscard]] int virtio_reset(struct virtio *v);
/* Resets it, and takes it from the bus, whether it answers or not. */
void virtio_cut_off(struct virtio *v);
/* The same where a probe fails; interrupts and the memory of queues are given back. Not once it runs. */
void virtio_close(struct virtio *v);

/*
 * Agrees upon what it has of @wanted; VERSION_1 and what the bus needs come by themselves. After a
 * reset upon the same as the first time, since all that was derived from it stays. -ENOTSUP; -EIO:
 * it has not got that any more.
 */
[[nodiscard]] int virtio_negotiate(struct virtio *v, u64 wanted);
bool virtio_has(const struct virtio *v, u64 feature);
/* The device works from here on. -EIO. */
[[nodiscard]] int virtio_drive(struct virtio *v);
/* It says that it cannot go on, or is gone. Any context. */
bool virtio_is_lost(const struct virtio *v);

/* How many queues it says to have. */
u32 virtio_queue_limit(const struct virtio *v);
/* Makes queue @index, of up to VIRTQ_SIZE_MAX entries. -ENODEV: no such queue; those of virtq_alloc(). */
[[nodiscard]] int virtio_queue_alloc(struct virtio *v, struct virtio_queue *q, u32 index, u32 slots,
	u32 chain, void (*run)(struct work *w));
/* Whether there is a vector for each of @queues queues, besides the configuration's. */
bool virtio_has_vectors(const struct virtio *v, u32 queues);
/*
 * Requests an interrupt for each queue that is not silent, those being the last ones, and for
 * the configuration. Until virtio_run() they are quieted, and that is all.
 */
[[nodiscard]] int virtio_irqs_request(struct virtio *v, void (*config)(struct work *w));
/* From here on interrupts ask for work; for ever, since work cannot be taken back from another VP. */
void virtio_run(struct virtio *v);
/* Empties all queues, and gives them to the device; after virtio_negotiate(). -EIO; -ENODEV. */
[[nodiscard]] int virtio_queues_start(struct virtio *v);

/* The device's own configuration, by offset; what lies outside reads as 0. */
u64 virtio_config_read(const struct virtio *v, u32 offset, u32 size);
void virtio_config_write8(const struct virtio *v, u32 offset, u8 value);
/* Changes whenever the configuration does; to be the same before and after reading of it. */
u8 virtio_config_generation(const struct virtio *v);

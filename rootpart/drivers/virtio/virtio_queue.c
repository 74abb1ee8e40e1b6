/* SPDX-License-Identifier: MIT */
/*
 * Queues of a device and their interrupts. VIRTIO 1.2, 4.1.5.1, 4.1.5.4.
 */
#include "base/errno.h"
#include "rootpart/drivers/virtio/virtio_impl.h"
#include "rootpart/page_alloc.h"
#include "x86/atomic.h"

u32 virtio_queue_limit(const struct virtio *v)
{
	return virtio_read16(v, VIRTIO_NUM_QUEUES);
}

/* The size that it has after a reset is the most that it can have. */
int virtio_queue_alloc(struct virtio *v, struct virtio_queue *q, u32 index, u32 slots, u32 chain,
	void (*run)(struct work *w))
{
	struct virtq_shape shape = {
		.slots = slots,
		.chain = chain,
		.tables = virtio_has(v, VIRTIO_F_INDIRECT_DESC),
		.event_idx = virtio_has(v, VIRTIO_F_EVENT_IDX),
	};
	int error;

	*q = (struct virtio_queue){ .v = v, .q.index = (u16)index };
	work_init(&q->work, run);
	if (v->queue_count == VIRTIO_QUEUES_MAX || index >= virtio_queue_limit(v))
		return -ENODEV;
	virtio_write16(v, VIRTIO_QUEUE_SELECT, (u16)index);
	shape.size = MIN(virtio_read16(v, VIRTIO_QUEUE_SIZE), VIRTQ_SIZE_MAX);
	if (shape.size == 0)
		return -ENODEV;
	error = virtio_bell(v, &q->q);
	if (error == 0)
		error = virtq_alloc(&q->q, &shape);
	if (error == 0)
		v->queues[v->queue_count++] = q;
	else
		virtq_free(&q->q);
	return error;
}

void virtio_run(struct virtio *v)
{
	/* Pairs with the acquire in the handlers: what work looks at is there. */
	store_release(&v->running, true);
}

static void queue_interrupt(void *ctx)
{
	struct virtio_queue *q = ctx;

	if (load_acquire(&q->v->running))
		work_ask(&q->work);
}

static void config_interrupt(void *ctx)
{
	struct virtio *v = ctx;

	if (load_acquire(&v->running))
		work_ask(&v->config);
}

static void all_queues_interrupt(struct virtio *v)
{
	for (u32 i = 0; i < v->queue_count; i++)
		if (!v->queues[i]->silent)
			queue_interrupt(v->queues[i]);
}

/* One vector for all says nothing. */
static void any_interrupt(void *ctx)
{
	all_queues_interrupt(ctx);
	config_interrupt(ctx);
}

/* Reading the byte ends the interrupt; 0: it is another device's. */
static void pin_interrupt(void *ctx)
{
	struct virtio *v = ctx;
	u8 why = mmio_read8(v->isr);

	if (why & VIRTIO_ISR_QUEUE)
		all_queues_interrupt(v);
	if (why & VIRTIO_ISR_CONFIG)
		config_interrupt(v);
}

/* Vector 0 is the configuration's, those behind it the queues'. */
static int request_each(struct virtio *v)
{
	int error = pci_irq_request(v->pci, 0, v->config_vp, config_interrupt, v);

	for (u32 i = 0; i < v->queue_count && error == 0; i++) {
		struct virtio_queue *q = v->queues[i];

		if (!q->silent)
			error = pci_irq_request(v->pci, i + 1, q->vp, queue_interrupt, q);
	}
	return error;
}

bool virtio_has_vectors(const struct virtio *v, u32 queues)
{
	return v->msix && pci_irq_count(v->pci) > queues;
}

static u32 loud_queues(const struct virtio *v)
{
	u32 count = 0;

	for (u32 i = 0; i < v->queue_count; i++)
		count += !v->queues[i]->silent;
	return count;
}

int virtio_irqs_request(struct virtio *v, void (*config)(struct work *w))
{
	work_init(&v->config, config);
	v->vector_each = virtio_has_vectors(v, loud_queues(v));
	if (v->vector_each)
		return request_each(v);
	return pci_irq_request(v->pci, 0, 0, v->msix ? any_interrupt : pin_interrupt, v);
}

static u16 vector_of(const struct virtio *v, u32 i)
{
	if (!v->msix || v->queues[i]->silent)
		return VIRTIO_NO_VECTOR;
	return v->vector_each ? (u16)(i + 1) : 0;
}

/* The device says so where it has no room for the vector. */
static int set_vector(const struct virtio *v, u32 reg, u16 vector)
{
	virtio_write16(v, reg, vector);
	return virtio_read16(v, reg) == vector ? 0 : -EIO;
}

static void write_address(const struct virtio *v, u32 reg, const void *p)
{
	u64 gpa = gpa_of(p).a;

	mmio_write32(v->common + reg, (u32)gpa);
	mmio_write32(v->common + reg + 4, (u32)(gpa >> 32));
}

static int queue_start(struct virtio *v, u32 i)
{
	struct virtq *q = &v->queues[i]->q;
	int error;

	virtq_reset(q);
	virtio_write16(v, VIRTIO_QUEUE_SELECT, q->index);
	if (virtio_read16(v, VIRTIO_QUEUE_SIZE) < q->size)
		return -ENODEV;
	error = virtio_bell(v, q);
	if (error == 0 && v->msix)
		error = set_vector(v, VIRTIO_QUEUE_VECTOR, vector_of(v, i));
	if (error != 0)
		return error;
	virtio_write16(v, VIRTIO_QUEUE_SIZE, q->size);
	write_address(v, VIRTIO_QUEUE_DESC, q->desc);
	write_address(v, VIRTIO_QUEUE_DRIVER, q->avail);
	write_address(v, VIRTIO_QUEUE_DEVICE, q->used);
	virtio_write16(v, VIRTIO_QUEUE_ENABLE, 1);
	return virtio_read16(v, VIRTIO_QUEUE_ENABLE) == 1 ? 0 : -EIO;
}

int virtio_queues_start(struct virtio *v)
{
	int error = v->msix ? set_vector(v, VIRTIO_CONFIG_VECTOR, 0) : 0;

	for (u32 i = 0; i < v->queue_count && error == 0; i++)
		error = queue_start(v, i);
	return error;
}

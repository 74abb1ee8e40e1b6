/* SPDX-License-Identifier: MIT */
/*
 * Lines (a vector of a VP, routed there by the hypervisor) and the handlers
 * on them. A line that was ever used keeps its struct, so that dispatch needs
 * no protection from its going away. Requests run in tasks under irq_lock,
 * dispatch in interrupts of the line's VP under the line's lock, which nests
 * inside irq_lock. TLFS: HvCallMapDeviceInterrupt; ACPI 6.5, 5.2.12.
 */
#include "rootpart/irq.h"

#include "base/errno.h"
#include "rootpart/apic.h"
#include "rootpart/cpu.h"
#include "rootpart/firmware.h"
#include "rootpart/heap.h"
#include "rootpart/hypercall.h"
#include "rootpart/lock.h"

#define NO_GSI    (~0u)
#define ISA_LINES 16u

struct irq_line {
	struct spinlock lock;
	struct irq *first; /* own lock */
	/* irq_lock: */
	bool used;
	bool level;
	bool low;
	u8 vector;
	u32 vp;
	u32 gsi; /* NO_GSI for an MSI */
	u64 device_id;
	struct hv_interrupt_entry entry;
};

struct irq {
	struct irq *next; /* the line's lock */
	struct irq_line *line;
	irq_handler handler;
	void *ctx;
};

/* What a request is for. */
struct request {
	u64 device_id;
	u32 gsi;
	u8 pin;
	bool level;
	bool low;
	u32 vp;
	irq_handler handler;
	void *ctx;
};

static struct spinlock irq_lock;

void irq_dispatch(u8 vector)
{
	struct irq_line *line = this_cpu()->lines[vector];

	if (line != NULL) {
		spin_lock(&line->lock);
		for (struct irq *irq = line->first; irq != NULL; irq = irq->next)
			irq->handler(irq->ctx);
		spin_unlock(&line->lock);
	}
	apic_eoi();
}

static void handler_add(struct irq_line *line, struct irq *irq)
{
	spin_lock(&line->lock);
	irq->line = line;
	irq->next = line->first;
	line->first = irq;
	spin_unlock(&line->lock);
}

static void handler_remove(struct irq_line *line, const struct irq *irq)
{
	struct irq **p = &line->first;

	spin_lock(&line->lock);
	while (*p != irq)
		p = &(*p)->next;
	*p = irq->next;
	spin_unlock(&line->lock);
}

/* A line with a free vector of the VP; irq_lock is held. */
static int line_get(u32 vp, struct irq_line **out)
{
	struct cpu *cpu = cpus[vp];

	for (u32 v = VECTOR_DEVICE_FIRST; v < VECTOR_DEVICE_END; v++) {
		struct irq_line *line = cpu->lines[v];

		if (line != NULL && line->used)
			continue;
		if (line == NULL) {
			line = kzalloc(sizeof(*line));
			if (line == NULL)
				return -ENOMEM;
			line->vp = vp;
			line->vector = (u8)v;
			/* Pairs with the load in irq_dispatch(), by the route made after. */
			store_release(&cpu->lines[v], line);
		}
		*out = line;
		return 0;
	}
	return -ENOSPC;
}

static int line_map(struct irq_line *line, const struct request *r)
{
	struct hv_map_device_interrupt_input in = {
		.partition_id = HV_PARTITION_SELF,
		.device_id = r->device_id,
		.logical_entry.source = HV_INTERRUPT_SOURCE_MSI,
		.interrupt_type = HV_INTERRUPT_TYPE_FIXED,
		.trigger_mode = r->level ? HV_INTERRUPT_TRIGGER_LEVEL : HV_INTERRUPT_TRIGGER_EDGE,
		.vector_count = 1,
		.target.vector = line->vector,
		.target.vp_mask = BIT(line->vp),
	};

	if (r->gsi != NO_GSI) {
		in.logical_entry.source = HV_INTERRUPT_SOURCE_IOAPIC;
		in.logical_entry.ioapic_rte = r->pin | (r->low ? HV_LOGICAL_ENTRY_LOW : 0);
	}
	return hypercall_map_device_interrupt(&in, &line->entry);
}

/* A pin's line that is there already; irq_lock is held. */
static struct irq_line *line_of_gsi(u32 gsi)
{
	for (u32 vp = 0; gsi != NO_GSI && vp < cpu_count; vp++) {
		for (u32 v = VECTOR_DEVICE_FIRST; v < VECTOR_DEVICE_END; v++) {
			struct irq_line *line = cpus[vp]->lines[v];

			if (line != NULL && line->used && line->gsi == gsi)
				return line;
		}
	}
	return NULL;
}

static int line_share(struct irq_line *line, const struct request *r, struct irq *irq)
{
	if (!line->level || !r->level || line->low != r->low)
		return -EBUSY;
	handler_add(line, irq);
	return 0;
}

/* The handler first: the interrupt may come as soon as it is routed. */
static int line_open(const struct request *r, struct irq *irq)
{
	struct irq_line *line;
	int error = line_get(r->vp, &line);

	if (error != 0)
		return error;
	line->gsi = r->gsi;
	line->level = r->level;
	line->low = r->low;
	line->device_id = r->device_id;
	handler_add(line, irq);
	error = line_map(line, r);
	if (error != 0) {
		handler_remove(line, irq);
		return error;
	}
	line->used = true;
	return 0;
}

static int request(const struct request *r, struct irq **out)
{
	struct irq *irq;
	struct irq_line *line;
	u64 flags;
	int error;

	if (r->vp >= cpu_count)
		return -EINVAL;
	irq = kzalloc(sizeof(*irq));
	if (irq == NULL)
		return -ENOMEM;
	irq->handler = r->handler;
	irq->ctx = r->ctx;
	flags = lock_irq(&irq_lock);
	line = line_of_gsi(r->gsi);
	error = line != NULL ? line_share(line, r, irq) : line_open(r, irq);
	unlock_irq(&irq_lock, flags);
	if (error != 0)
		kfree(irq);
	else
		*out = irq;
	return error;
}

/* The IOAPIC with the highest base that is not above @gsi. */
static const struct acpi_ioapic *ioapic_of(u32 gsi)
{
	const struct acpi_madt *madt = firmware_madt();
	const struct acpi_ioapic *best = NULL;

	for (u32 i = 0; madt != NULL && i < madt->ioapic_count; i++) {
		const struct acpi_ioapic *io = &madt->ioapics[i];

		if (io->gsi_base <= gsi && (best == NULL || io->gsi_base > best->gsi_base))
			best = io;
	}
	return best;
}

int irq_request_gsi(u32 gsi, bool level, bool active_low, u32 vp, irq_handler handler, void *ctx,
	struct irq **out)
{
	const struct acpi_ioapic *io = ioapic_of(gsi);
	struct request r = {
		.gsi = gsi,
		.level = level,
		.low = active_low,
		.vp = vp,
		.handler = handler,
		.ctx = ctx,
	};

	if (io == NULL || gsi - io->gsi_base > 0xff)
		return -ENODEV;
	r.device_id = HV_DEVICE_ID_IOAPIC(io->id);
	r.pin = (u8)(gsi - io->gsi_base);
	return request(&r, out);
}

int irq_request_isa(u32 line, u32 vp, irq_handler handler, void *ctx, struct irq **out)
{
	const struct acpi_madt *madt = firmware_madt();
	struct acpi_override o;

	if (madt == NULL || line >= ISA_LINES)
		return -ENODEV;
	o = acpi_isa_route(madt, (u8)line);
	return irq_request_gsi(o.gsi, o.line.level, o.line.low, vp, handler, ctx, out);
}

int irq_request_msi(u16 segment, u16 rid, u32 vp, irq_handler handler, void *ctx, struct irq **out,
	struct msi_message *message)
{
	const struct request r = {
		.device_id = HV_DEVICE_ID_PCI(segment, rid),
		.gsi = NO_GSI,
		.vp = vp,
		.handler = handler,
		.ctx = ctx,
	};
	int error = request(&r, out);

	if (error == 0) {
		message->address = (*out)->line->entry.msi.address;
		message->data = (*out)->line->entry.msi.data;
	}
	return error;
}

void irq_release(struct irq *irq)
{
	struct irq_line *line = irq->line;
	u64 flags = lock_irq(&irq_lock);

	if (line->first == irq && irq->next == NULL) {
		/* Fails only for a route that is not there: gone is gone. */
		(void)hypercall_unmap_device_interrupt(line->device_id, &line->entry);
		line->used = false;
	}
	handler_remove(line, irq);
	unlock_irq(&irq_lock, flags);
	kfree(irq);
}

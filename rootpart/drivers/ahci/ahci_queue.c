/* SPDX-License-Identifier: MIT */
/*
 * Which command goes when. They go in the order in which they came, so that a
 * flush is not left behind by a stream of queued commands: those that the device
 * queues run together, each other one alone. AHCI 1.3.1, 5.3.2, 5.5.
 */
#include "rootpart/drivers/ahci/ahci.h"

void ahci_queue_init(struct ahci_port *p)
{
	work_init(&p->work, ahci_work);
	mutex_init(&p->mutex);
	p->halted = true;
}

void ahci_push(struct ahci_port *p, u32 slot)
{
	p->order[(p->head + p->count++) % AHCI_SLOTS] = (u8)slot;
}

static u32 pop(struct ahci_port *p)
{
	u32 slot = p->order[p->head];

	p->head = (p->head + 1) % AHCI_SLOTS;
	p->count--;
	return slot;
}

/* Whether the first that waits may go now. */
static bool may_go(const struct ahci_port *p)
{
	if (p->halted || p->count == 0)
		return false;
	return p->running == 0 || (!p->alone && !p->slots[p->order[p->head]].alone);
}

void ahci_pump(struct ahci_port *p)
{
	u32 queued = 0;
	u32 all = 0;

	while (may_go(p)) {
		u32 slot = pop(p);

		ahci_slot_header(p, slot);
		p->running |= (u32)BIT(slot);
		p->alone = p->slots[slot].alone;
		queued |= p->slots[slot].queued ? (u32)BIT(slot) : 0;
		all |= (u32)BIT(slot);
	}
	/* What the device is to read is written before. */
	barrier();
	if (queued != 0)
		port_write(p, PORT_SACT, queued);
	if (all != 0)
		port_write(p, PORT_CI, all);
}

/* Of a command that is not queued: the registers tell whether it went well. */
static bool suspect(struct ahci_port *p, u32 slot)
{
	const struct ahci_slot *s = &p->slots[slot];

	if (s->queued)
		return false;
	if ((TFD_STATUS(port_read(p, PORT_TFD)) & (ATA_ERR | ATA_DF)) != 0)
		return true;
	return s->bytes != 0 && READ_ONCE(p->memory->headers[slot].bytes) != s->bytes;
}

u32 ahci_collect(struct ahci_port *p, u32 *events)
{
	/* The other bits of these registers are the device's to set as it likes. */
	u32 done = p->running & ~(port_read(p, PORT_SACT) | port_read(p, PORT_CI));

	barrier();
	if (p->alone && done != 0 && suspect(p, (u32)__builtin_ctz(done))) {
		*events |= EVENT_SUSPECT;
		return 0;
	}
	p->running &= ~done;
	return done;
}

void ahci_end(struct ahci_port *p, u32 slots, int error)
{
	while (slots != 0) {
		u32 slot = (u32)__builtin_ctz(slots);

		slots &= slots - 1;
		block_piece_done(&p->block, 0, slot, error);
	}
}

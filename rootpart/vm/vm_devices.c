/* SPDX-License-Identifier: MIT */
/*
 * The devices of a VM that is on, as others ask for them: what its bus and its disks look like, and
 * disks that come and go.
 */
#include "base/errno.h"
#include "lib/string.h"
#include "rootpart/vm/vm_impl.h"
#include "x86/atomic.h"

/* Calls @look under the lock with the machine of the VM called @name. -ENOENT; -EBUSY: it is off. */
static int with_machine(
	const char *name, int (*look)(struct vm_machine *m, u32 i, void *info), u32 i, void *info)
{
	struct vm *vm;
	int r = -ENOENT;

	mutex_lock(&vm_lock);
	vm = vm_find(name);
	if (vm != NULL)
		r = vm->on ? look(vm->machine, i, info) : -EBUSY;
	mutex_unlock(&vm_lock);
	return r;
}

/* ---- disks ---- */

static void disk_describe(const struct vm_disk *d, struct vm_disk_info *info)
{
	(void)str_copy(info->path, d->vdisk->path, sizeof(info->path));
	info->read_only = d->disk.read_only;
	info->sector_size = d->disk.sector_size;
	info->sectors = d->disk.sectors;
}

static int disk_next(struct vm_machine *m, u32 lun, void *out)
{
	struct vm_disk_info *info = out;

	for (; lun < VM_DISKS_MAX; lun++) {
		if (m->disks.disks[lun] == NULL)
			continue;
		info->lun = lun;
		disk_describe(m->disks.disks[lun], info);
		return 0;
	}
	return -ENOENT;
}

int vm_disk_next(const char *name, u32 lun, struct vm_disk_info *info)
{
	return with_machine(name, disk_next, lun, info);
}

int vm_machine_attach(struct vm *vm, u32 lun, char *why)
{
	return vm_disks_attach(&vm->machine->disks, &vm->config, lun, why);
}

int vm_machine_detach(struct vm *vm, u32 lun, char *why)
{
	int r = vm_disks_detach(&vm->machine->disks, lun);

	return r != 0 ? vm_because(why, r, "its machine has no such disk") : 0;
}

/* ---- the bus ---- */

static const char *const states[] = {
	[VMBUS_CHANNEL_NEW] = "new",
	[VMBUS_CHANNEL_OFFERED] = "offered",
	[VMBUS_CHANNEL_OPEN] = "open",
	[VMBUS_CHANNEL_CLOSING] = "closing",
	[VMBUS_CHANNEL_RESCINDED] = "rescinded",
};

/* What it says of itself, which the child may change meanwhile. */
static void ring_describe(const struct vmbus_ring *r, u32 *size, u32 *used)
{
	*size = r->size;
	*used = vmbus_ring_used(r);
}

static void channel_describe(const struct vmbus_channel *c, struct vm_channel_info *info)
{
	*info = (struct vm_channel_info){
		.relid = c->relid,
		.device = "scsi",
		.state = states[c->state],
		.subchannel = c->subchannel,
		.packets_in = load_relaxed(&c->packets_in),
		.packets_out = load_relaxed(&c->packets_out),
		.interrupts = load_relaxed(&c->interrupts),
		.signals = load_relaxed(&c->signals),
		.malformed = load_relaxed(&c->malformed),
	};
	if (c->state != VMBUS_CHANNEL_OPEN)
		return;
	info->vp = load_relaxed(&c->vp);
	ring_describe(&c->from_guest, &info->from_size, &info->from_used);
	ring_describe(&c->to_guest, &info->to_size, &info->to_used);
}

static const struct vmbus_channel *channel_at(const struct vmbus_server *s, u32 index)
{
	list_for_each(l, &s->channels)
	{
		if (index-- == 0)
			return list_entry(l, struct vmbus_channel, link);
	}
	return NULL;
}

static int channel_get(struct vm_machine *m, u32 index, void *info)
{
	const struct vmbus_channel *c;

	mutex_lock(&m->bus.lock);
	c = channel_at(&m->bus.server, index);
	if (c != NULL)
		channel_describe(c, info);
	mutex_unlock(&m->bus.lock);
	return c != NULL ? 0 : -ENOENT;
}

int vm_channel_get(const char *name, u32 index, struct vm_channel_info *info)
{
	return with_machine(name, channel_get, index, info);
}

static int bus_get(struct vm_machine *m, u32 i, void *out)
{
	const struct storvsp_stats *s = &m->disks.controller.stats;
	struct vm_bus_info *info = out;

	(void)i;
	mutex_lock(&m->bus.lock);
	*info = (struct vm_bus_info){
		.version = m->bus.server.version,
		.messages_in = m->bus.messages_in,
		.messages_out = m->bus.messages_out,
		.malformed = m->bus.server.malformed,
		.reads = load_relaxed(&s->reads),
		.writes = load_relaxed(&s->writes),
		.flushes = load_relaxed(&s->flushes),
		.discards = load_relaxed(&s->discards),
		.read_bytes = load_relaxed(&s->read_bytes),
		.written_bytes = load_relaxed(&s->written_bytes),
		.errors = load_relaxed(&s->errors),
		.stalls = load_relaxed(&s->stalls),
	};
	mutex_unlock(&m->bus.lock);
	return 0;
}

int vm_bus_get(const char *name, struct vm_bus_info *info)
{
	return with_machine(name, bus_get, 0, info);
}

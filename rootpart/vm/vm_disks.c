/* SPDX-License-Identifier: MIT */
/*
 * The controller and what it needs of the root.
 */
#include "rootpart/vm/vm_disks.h"

#include "base/errno.h"
#include "lib/string.h"
#include "rootpart/errno_text.h"
#include "rootpart/heap.h"
#include "rootpart/lock.h"
#include "rootpart/page_alloc.h"
#include "rootpart/vm/vm_disk_text.h"
#include "rootpart/vm/vm_impl.h"
#include "x86/atomic.h"

/* Of nobody's memory: who wakes may come after the machine has gone. */
static struct wait_queue leaving = WAIT_QUEUE_INIT(leaving);

/* ---- what the controller needs ---- */

static bool host_resolve(void *context, u64 pfn, gpa_t *gpa, void **address)
{
	const struct vm_disks *d = context;
	u8 *page = child_page(d->bus->child, pfn);

	if (page == NULL)
		return false;
	*gpa = gpa_of(page);
	*address = page;
	return true;
}

static struct spinlock *lock_of(struct vm_disks *d, struct vmbus_channel *c)
{
	return &d->locks[c->subchannel];
}

static u64 host_lock(void *context, struct vmbus_channel *c)
{
	return lock_irq(lock_of(context, c));
}

static void host_unlock(void *context, struct vmbus_channel *c, u64 state)
{
	unlock_irq(lock_of(context, c), state);
}

static void host_again(void *context, struct vmbus_channel *c)
{
	const struct vm_disks *d = context;

	vm_bus_again(d->bus, c);
}

static void host_look_later(void *context, struct vmbus_channel *c)
{
	const struct vm_disks *d = context;

	vm_bus_look_later(d->bus, c);
}

static void host_want_channels(void *context, struct storvsp *s, u32 count)
{
	struct vm_disks *d = context;

	(void)s;
	store_release(&d->wanted, count);
	vm_bus_attend(d->bus);
}

static void host_lun_left(void *context, struct storvsp *s, u32 lun)
{
	(void)context;
	(void)s;
	(void)lun;
	wait_wake_all(&leaving);
}

static const struct storvsp_host host_calls = {
	.alloc = kzalloc,
	.free = kfree,
	.resolve = host_resolve,
	.lock = host_lock,
	.unlock = host_unlock,
	.again = host_again,
	.look_later = host_look_later,
	.want_channels = host_want_channels,
	.lun_left = host_lun_left,
};

static void attend(struct vm_bus_device *device)
{
	struct vm_disks *d = container_of(device, struct vm_disks, device);
	u32 count = atomic_exchange(&d->wanted, 0u);

	if (count > 0)
		storvsp_offer_channels(&d->controller, count);
}

/* ---- disks ---- */

static int disk_open(const struct vm_config *config, u32 lun, struct vm_disk **disk, char *why)
{
	struct vm_disk_text text;
	const char *wrong = vm_disk_text_parse(&text, config->disks[lun]);
	const struct vm_disk_how how = {
		.vm = config->name,
		.path = text.path,
		.read_only = text.read_only,
		.sector_size = config->sector_size,
	};

	return wrong == NULL ? vm_disk_open(&how, disk, why, VM_WHY)
			     : vm_because(why, -EINVAL, wrong);
}

static int open_all(struct vm_disks *d, const struct vm_config *config, char *why)
{
	int r = 0;

	for (u32 lun = 0; lun < VM_DISKS_MAX && r == 0; lun++) {
		if (config->disks[lun][0] != '\0')
			r = disk_open(config, lun, &d->disks[lun], why);
	}
	return r;
}

static void close_all(struct vm_disks *d)
{
	for (u32 lun = 0; lun < VM_DISKS_MAX; lun++) {
		if (d->disks[lun] != NULL)
			vm_disk_close(d->disks[lun]);
		d->disks[lun] = NULL;
	}
}

/* The same at each start: the guest knows its disks by it, and no other controller has it. */
static struct guid instance_of(const struct vm_config *config)
{
	static const char what[] = "scsi";
	struct guid g;

	vm_disk_make_id(config->name, what, sizeof(what), g.b);
	return g;
}

static int offer(struct vm_disks *d, const struct vm_config *config)
{
	const struct guid instance = instance_of(config);
	int r;

	mutex_lock(&d->bus->lock);
	r = storvsp_create(&d->controller, &d->host, &d->bus->server, &instance,
		VM_DISK_REQUEST_BYTES, config->cpus - 1);
	for (u32 lun = 0; lun < VM_DISKS_MAX && r == 0; lun++) {
		if (d->disks[lun] != NULL)
			r = storvsp_set_lun(&d->controller, lun, &d->disks[lun]->disk);
	}
	mutex_unlock(&d->bus->lock);
	return r;
}

int vm_disks_start(
	struct vm_disks *d, struct vm_bus *bus, const struct vm_config *config, char *why)
{
	int r;

	memset(d, 0, sizeof(*d));
	d->bus = bus;
	d->device.attend = attend;
	d->host = host_calls;
	d->host.context = d;
	r = open_all(d, config, why);
	if (r == 0) {
		r = offer(d, config);
		if (r != 0)
			(void)str_copy(why, errno_text(r), VM_WHY);
	}
	if (r == 0) {
		mutex_lock(&bus->lock);
		vm_bus_add(bus, &d->device);
		mutex_unlock(&bus->lock);
		return 0;
	}
	close_all(d);
	d->bus = NULL;
	return r;
}

void vm_disks_stop(struct vm_disks *d)
{
	if (d->bus == NULL)
		return;
	close_all(d);
	d->bus = NULL;
}

int vm_disks_attach(struct vm_disks *d, const struct vm_config *config, u32 lun, char *why)
{
	struct vm_disk *disk;
	int r;

	if (d->disks[lun] != NULL) {
		(void)str_copy(why, "there is a disk of that number", VM_WHY);
		return -EBUSY;
	}
	r = disk_open(config, lun, &disk, why);
	if (r != 0)
		return r;
	mutex_lock(&d->bus->lock);
	r = storvsp_set_lun(&d->controller, lun, &disk->disk);
	if (r == 0)
		d->disks[lun] = disk;
	mutex_unlock(&d->bus->lock);
	if (r != 0) {
		vm_disk_close(disk);
		(void)str_copy(why, errno_text(r), VM_WHY);
	}
	return r;
}

int vm_disks_detach(struct vm_disks *d, u32 lun)
{
	struct vm_disk *disk;
	int r;

	mutex_lock(&d->bus->lock);
	disk = d->disks[lun];
	r = disk != NULL ? storvsp_set_lun(&d->controller, lun, NULL) : -ENOENT;
	if (r == 0)
		d->disks[lun] = NULL;
	mutex_unlock(&d->bus->lock);
	if (r != 0)
		return r;
	wait_event(&leaving, !storvsp_lun_busy(&d->controller, lun));
	vm_disk_close(disk);
	return 0;
}

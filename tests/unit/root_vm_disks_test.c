/* SPDX-License-Identifier: MIT */
/*
 * The disks of a machine: the real controller on the real server of a bus, virtual disks that the test plays. What the
 * configuration names is opened or nothing is; disks come and go while the machine is on; a request
 * goes down as it is.
 * sources: rootpart/vm/vm_disks.c rootpart/vm/vm_disk.c rootpart/vm/vm_disk_text.c rootpart/path.c
 * sources: rootpart/errno_text.c vsp/storvsp/storvsp.c vsp/storvsp/storvsp_slot.c
 * sources: vsp/storvsp/storvsp_packet.c vsp/storvsp/storvsp_control.c vsp/storvsp/storvsp_state.c
 * sources: vsp/storvsp/scsi.c vsp/storvsp/scsi_answers.c vmbus/server.c vmbus/server_messages.c vmbus/channel.c
 * sources: vmbus/gpadl.c vmbus/ring.c lib/sha256.c lib/format.c lib/string.c tests/unit/fake_root.c
 * cflags: -iquote tests/unit/fake/root
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/errno.h"
#include "rootpart/heap.h"
#include "rootpart/page_alloc.h"
#include "rootpart/vm/vm_disks.h"
#include "rootpart/vm/vm_impl.h"
#include "tests/unit/fake_root.h"

static struct vm_bus bus;
static struct child child = { .id = 7, .vps = 4 };
static struct vm_disks disks;
static struct vm_config config;
static char why[VM_WHY];
static u32 objects, opened, attends;

/* ---- the root ---- */

void *kmalloc(size_t size)
{
	objects++;
	return malloc(size);
}

void *kzalloc(size_t size)
{
	objects++;
	return calloc(1, size);
}

void kfree(void *p)
{
	objects -= p != NULL;
	free(p);
}

int vm_because(char *text, int error, const char *reason)
{
	snprintf(text, VM_WHY, "%s", reason);
	return error;
}

void mutex_lock(struct mutex *m)
{
	assert_false(m->held);
	m->held = true;
}

void mutex_unlock(struct mutex *m)
{
	assert_true(m->held);
	m->held = false;
}

static u32 wakes;

void wait_wake_all(struct wait_queue *q)
{
	(void)q;
	wakes++;
}

void wait_begin(struct wait_queue *q, struct waiter *w)
{
	(void)q;
	(void)w;
}

/* Who waits for a LUN to be left waits for the request that the test holds. */
static u32 held_lun;

int wait_step(struct wait_queue *q, struct waiter *w, u64 deadline_ns)
{
	(void)q;
	(void)w;
	(void)deadline_ns;
	assert_false(bus.lock.held);
	assert_int_equal(opened, 1);
	disks.controller.lun_users[held_lun]--;
	return 0;
}

void wait_end(struct wait_queue *q, struct waiter *w)
{
	(void)q;
	(void)w;
}

u8 *child_page(const struct child *c, u64 pfn)
{
	assert_ptr_equal(c, &child);
	return pfn == 5 ? (u8 *)gpa_ptr(GPA(0x5000)) : NULL;
}

void vm_bus_add(struct vm_bus *b, struct vm_bus_device *d)
{
	assert_ptr_equal(b, &bus);
	assert_ptr_equal(d, &disks.device);
}

void vm_bus_attend(struct vm_bus *b)
{
	assert_ptr_equal(b, &bus);
	attends++;
}

void vm_bus_again(struct vm_bus *b, const struct vmbus_channel *c)
{
	(void)b;
	(void)c;
}

void vm_bus_look_later(struct vm_bus *b, const struct vmbus_channel *c)
{
	(void)b;
	(void)c;
}

/* ---- virtual disks ---- */

static struct vdisk_request *submitted;
static u32 plugs;

int vdisk_open(const struct vdisk_how *how, char other[BLOCK_HOLDER_SIZE], struct vdisk **out)
{
	struct vdisk *v;

	assert_string_equal(how->holder, "VM web");
	if (strcmp(how->path, "/vm/busy.img") == 0) {
		strcpy(other, "VM db");
		return -EBUSY;
	}
	if (strcmp(how->path, "/vm/none.img") == 0)
		return -ENOENT;
	v = calloc(1, sizeof(*v));
	strcpy(v->path, how->path);
	v->sector_size = how->sector_size;
	v->sectors = 1000;
	v->read_only = !how->write;
	v->write_cache = true;
	*out = v;
	opened++;
	return 0;
}

void vdisk_close(struct vdisk *v)
{
	opened--;
	free(v);
}

void vdisk_submit(struct vdisk *v, struct vdisk_request *q)
{
	(void)v;
	submitted = q;
}

void vdisk_plug(struct vdisk *v)
{
	(void)v;
	plugs++;
}

void vdisk_unplug(struct vdisk *v)
{
	(void)v;
	plugs--;
}

/* ---- the bus ---- */

static void no_send(void *context, u32 vp, const void *message, u32 size)
{
	(void)context;
	(void)vp;
	(void)message;
	(void)size;
}

static void no_attend(void *context)
{
	(void)context;
}

static void *bus_alloc(size_t size)
{
	return kzalloc(size);
}

static const struct vmbus_host host = {
	.alloc = bus_alloc, .free = kfree, .send = no_send, .attend = no_attend
};

static int set_up(void **state)
{
	(void)state;
	memset(&bus, 0, sizeof(bus));
	bus.child = &child;
	vmbus_server_init(&bus.server, &host, 4);
	memset(&config, 0, sizeof(config));
	strcpy(config.name, "web");
	config.cpus = 4;
	config.sector_size = 512;
	why[0] = '\0';
	objects = opened = attends = wakes = plugs = 0;
	return 0;
}

static void stop(void)
{
	assert_true(vmbus_server_end(&bus.server));
	vm_disks_stop(&disks);
	assert_int_equal(opened, 0);
	assert_int_equal(objects, 0);
}

static void of_the_configuration(void **state)
{
	u8 id[16];

	(void)state;
	strcpy(config.disks[0], "/vm/a.img");
	strcpy(config.disks[3], "/vm/b.img,ro");
	assert_int_equal(vm_disks_start(&disks, &bus, &config, why), 0);
	assert_int_equal(opened, 2);
	assert_int_equal(bus.server.channel_count, 1);
	assert_ptr_equal(disks.controller.luns[0], &disks.disks[0]->disk);
	assert_ptr_equal(disks.controller.luns[3], &disks.disks[3]->disk);
	assert_null(disks.controller.luns[1]);
	assert_int_equal(disks.controller.max_subchannels, 3);
	assert_false(disks.disks[0]->disk.read_only);
	assert_true(disks.disks[3]->disk.read_only);
	assert_int_equal(disks.disks[0]->disk.sector_size, 512);
	assert_int_equal(disks.disks[0]->disk.sectors, 1000);
	assert_memory_not_equal(disks.disks[0]->disk.id, disks.disks[3]->disk.id, 16);
	memcpy(id, disks.disks[0]->disk.id, 16);
	stop();
	/* By another number it is the same disk; of another VM it is another. */
	strcpy(config.disks[2], config.disks[0]);
	config.disks[0][0] = '\0';
	assert_int_equal(vm_disks_start(&disks, &bus, &config, why), 0);
	assert_memory_equal(disks.disks[2]->disk.id, id, 16);
	stop();
}

static void all_or_nothing(void **state)
{
	(void)state;
	strcpy(config.disks[0], "/vm/a.img");
	strcpy(config.disks[1], "/vm/none.img");
	assert_int_equal(vm_disks_start(&disks, &bus, &config, why), -ENOENT);
	assert_non_null(strstr(why, "/vm/none.img: "));
	assert_int_equal(opened + objects + bus.server.channel_count, 0);
	strcpy(config.disks[1], "/vm/busy.img");
	assert_int_equal(vm_disks_start(&disks, &bus, &config, why), -EBUSY);
	assert_string_equal(why, "/vm/busy.img: VM db has it");
	assert_int_equal(opened + objects + bus.server.channel_count, 0);
	strcpy(config.disks[1], "no path");
	assert_int_equal(vm_disks_start(&disks, &bus, &config, why), -EINVAL);
	assert_string_not_equal(why, "");
	assert_int_equal(opened + objects + bus.server.channel_count, 0);
	vm_disks_stop(&disks);
}

static void come_and_go(void **state)
{
	(void)state;
	assert_int_equal(vm_disks_start(&disks, &bus, &config, why), 0);
	strcpy(config.disks[1], "/vm/none.img");
	assert_int_equal(vm_disks_attach(&disks, &config, 1, why), -ENOENT);
	assert_null(disks.controller.luns[1]);
	strcpy(config.disks[1], "/vm/a.img");
	assert_int_equal(vm_disks_attach(&disks, &config, 1, why), 0);
	assert_int_equal(vm_disks_attach(&disks, &config, 1, why), -EBUSY);
	assert_ptr_equal(disks.controller.luns[1], &disks.disks[1]->disk);
	assert_int_equal(vm_disks_detach(&disks, 2), -ENOENT);
	/* With a request under way it is open until that has ended. */
	held_lun = 1;
	disks.controller.lun_users[1] = 2;
	assert_int_equal(vm_disks_detach(&disks, 1), 0);
	assert_int_equal(disks.controller.lun_users[1], 0);
	assert_null(disks.controller.luns[1]);
	assert_int_equal(opened, 0);
	assert_int_equal(vm_disks_detach(&disks, 1), -ENOENT);
	disks.host.lun_left(disks.host.context, &disks.controller, 1);
	assert_int_equal(wakes, 1);
	stop();
}

static int ended;

static void done(struct vsp_disk_request *r, int error)
{
	(void)r;
	ended = error;
}

static void requests_go_down_as_they_are(void **state)
{
	struct vm_disk_request memory;
	const struct vsp_segment segments[2] = { { GPA(0x5000), 512 }, { GPA(0x7000), 1024 } };
	struct vsp_disk_request r = { .op = VSP_DISK_WRITE,
		.fua = true,
		.sector = 9,
		.bytes = 1536,
		.segments = segments,
		.segment_count = 2,
		.done = done,
		.private = &memory };
	struct vsp_disk *d;

	(void)state;
	strcpy(config.disks[0], "/vm/a.img");
	assert_int_equal(vm_disks_start(&disks, &bus, &config, why), 0);
	d = disks.controller.luns[0];
	assert_int_equal(d->request_bytes, sizeof(memory));
	d->ops->plug(d);
	assert_int_equal(plugs, 1);
	memset(&memory, 0xff, sizeof(memory));
	d->ops->submit(d, &r);
	d->ops->unplug(d);
	assert_int_equal(plugs, 0);
	assert_ptr_equal(submitted, &memory.q);
	assert_int_equal(submitted->r.op, BLOCK_WRITE);
	assert_int_equal(submitted->r.flags, BLOCK_FUA);
	assert_int_equal(submitted->r.sector, 9);
	assert_int_equal(submitted->r.bytes, 1536);
	assert_int_equal(submitted->r.segment_count, 2);
	assert_int_equal(submitted->r.segments[1].gpa.a, 0x7000);
	assert_int_equal(submitted->r.segments[1].len, 1024);
	submitted->r.error = -EIO;
	submitted->r.done(&submitted->r);
	assert_int_equal(ended, -EIO);
	r.op = VSP_DISK_FLUSH;
	r.fua = false;
	d->ops->submit(d, &r);
	assert_int_equal(submitted->r.op, BLOCK_FLUSH);
	assert_int_equal(submitted->r.flags, 0);
	stop();
}

static void memory_of_the_child(void **state)
{
	void *address;
	gpa_t gpa;

	(void)state;
	fake_memory(1 * MIB);
	assert_int_equal(vm_disks_start(&disks, &bus, &config, why), 0);
	assert_true(disks.host.resolve(disks.host.context, 5, &gpa, &address));
	assert_int_equal(gpa.a, 0x5000);
	assert_ptr_equal(address, gpa_ptr(gpa));
	assert_false(disks.host.resolve(disks.host.context, 6, &gpa, &address));
	stop();
}

/* Sub-channels are offered by the bus' task, once for each time that they are wanted. */
static void more_channels(void **state)
{
	(void)state;
	assert_int_equal(vm_disks_start(&disks, &bus, &config, why), 0);
	disks.host.want_channels(disks.host.context, &disks.controller, 2);
	assert_int_equal(attends, 1);
	/* The primary has been closed meanwhile. */
	disks.device.attend(&disks.device);
	assert_int_equal(bus.server.channel_count, 1);
	disks.controller.channels[0]->c.state = VMBUS_CHANNEL_OPEN;
	disks.device.attend(&disks.device);
	assert_int_equal(bus.server.channel_count, 1);
	disks.host.want_channels(disks.host.context, &disks.controller, 2);
	disks.device.attend(&disks.device);
	assert_int_equal(bus.server.channel_count, 3);
	disks.controller.channels[0]->c.state = VMBUS_CHANNEL_OFFERED;
	stop();
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(of_the_configuration),
		TEST(all_or_nothing),
		TEST(come_and_go),
		TEST(requests_go_down_as_they_are),
		TEST(memory_of_the_child),
		TEST(more_channels),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

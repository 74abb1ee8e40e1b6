/* SPDX-License-Identifier: MIT */
/*
 * Loads the bus with a SCSI controller from any bytes: two that say how long the state is, the state, and behind it the guest's memory.
 * What can be loaded goes on: packets in its rings are looked at, disks end what they were asked, the guest goes. Nothing
 * but the guest's memory is touched, and all that was allocated is given back.
 * sources: vsp/storvsp/storvsp.c vsp/storvsp/storvsp_slot.c vsp/storvsp/storvsp_packet.c
 * sources: vsp/storvsp/storvsp_control.c vsp/storvsp/storvsp_state.c vsp/storvsp/scsi.c vsp/storvsp/scsi_answers.c
 * sources: vmbus/server_state.c vmbus/server.c vmbus/server_messages.c vmbus/channel.c vmbus/gpadl.c vmbus/ring.c lib/string.c lib/guid.c
 */
#include <stdlib.h>
#include <string.h>

#include "vmbus/server_state.h"
#include "vsp/storvsp/storvsp.h"

#define PAGES     64u
#define VPS       2u
#define QUEUE_MAX 1024u
#define ROUNDS    4u

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

static u8 ram[PAGES][4096];
static struct vmbus_server server;
static struct storvsp controller;
static u32 objects, connections;
static bool made;

/* ---- the disk ---- */

static struct vsp_disk_request *queue[QUEUE_MAX];
static u32 queued;

static void disk_submit(struct vsp_disk *d, struct vsp_disk_request *r)
{
	(void)d;
	if (queued == QUEUE_MAX)
		__builtin_trap();
	queue[queued++] = r;
}

static void disk_plug(struct vsp_disk *d)
{
	(void)d;
}

static void disk_end_all(void)
{
	while (queued > 0) {
		struct vsp_disk_request *r = queue[--queued];

		for (u32 i = 0; i < r->segment_count; i++) {
			u8 *p = (u8 *)r->segments[i].gpa.a;

			if (p < (u8 *)ram || p + r->segments[i].len > (u8 *)ram + sizeof(ram))
				__builtin_trap();
			memset(p, 0x55, r->segments[i].len);
		}
		r->done(r, 0);
	}
}

static const struct vsp_disk_ops disk_ops = { disk_submit, disk_plug, disk_plug };
static struct vsp_disk disk = {
	.ops = &disk_ops, .sector_size = 512, .sectors = 2048, .id = { 1 }
};

/* ---- the hosts ---- */

static void *host_alloc(size_t bytes)
{
	objects++;
	return calloc(1, bytes);
}

static void host_free(void *p)
{
	objects--;
	free(p);
}

static void host_send(void *context, u32 vp, const void *message, u32 bytes)
{
	(void)context;
	(void)message;
	if (vp >= VPS || bytes > VMBUS_MESSAGE_MAX)
		__builtin_trap();
}

static u8 *host_page(void *context, u64 pfn)
{
	(void)context;
	return pfn < PAGES ? ram[pfn] : NULL;
}

static int host_connect(void *context, u32 connection, u32 relid)
{
	(void)context;
	if (connection != VMBUS_CONNECTION_FIRST + relid || relid == 0 ||
		relid > VMBUS_CHANNELS_MAX)
		__builtin_trap();
	connections++;
	return 0;
}

static void host_disconnect(void *context, u32 connection, u32 relid)
{
	(void)context;
	(void)connection;
	(void)relid;
	connections--;
}

static void host_interrupt(void *context, u32 vp, u32 relid)
{
	(void)context;
	if (vp >= VPS || relid == 0 || relid > VMBUS_CHANNELS_MAX)
		__builtin_trap();
}

static void host_attend(void *context)
{
	(void)context;
}

static const struct vmbus_host host = {
	.alloc = host_alloc,
	.free = host_free,
	.send = host_send,
	.page = host_page,
	.connect = host_connect,
	.disconnect = host_disconnect,
	.interrupt = host_interrupt,
	.attend = host_attend,
};

static bool resolve(void *context, u64 pfn, gpa_t *gpa, void **address)
{
	*address = host_page(context, pfn);
	*gpa = GPA((u64)*address);
	return *address != NULL;
}

static u64 take_lock(void *context, struct vmbus_channel *c)
{
	(void)context;
	(void)c;
	return 0;
}

static void drop_lock(void *context, struct vmbus_channel *c, u64 state)
{
	(void)context;
	(void)c;
	(void)state;
}

static void again(void *context, struct vmbus_channel *c)
{
	(void)context;
	(void)c;
}

static void want_channels(void *context, struct storvsp *s, u32 count)
{
	(void)context;
	(void)s;
	if (count > STORVSP_CHANNELS_MAX - 1)
		__builtin_trap();
}

static void lun_left(void *context, struct storvsp *s, u32 lun)
{
	(void)context;
	(void)s;
	(void)lun;
}

static const struct storvsp_host storvsp_host = {
	.alloc = host_alloc,
	.free = host_free,
	.resolve = resolve,
	.lock = take_lock,
	.unlock = drop_lock,
	.again = again,
	.want_channels = want_channels,
	.lun_left = lun_left,
};

/* ---- a server ---- */

static void make(void)
{
	static const struct guid instance = { { 1 } };

	vmbus_server_init(&server, &host, VPS);
	if (storvsp_create(&controller, &storvsp_host, &server, &instance, 16, 3) != 0 ||
		storvsp_set_lun(&controller, 0, &disk) != 0)
		__builtin_trap();
	made = true;
}

static void end(void)
{
	if (!vmbus_server_end(&server))
		vmbus_server_attend(&server);
	if (objects != 0 || connections != 0 || server.channel_count != 0)
		__builtin_trap();
	made = false;
}

static void go_on(void)
{
	vmbus_server_start(&server);
	for (u32 round = 0; round < ROUNDS; round++) {
		for (u32 i = 0; i < STORVSP_CHANNELS_MAX; i++) {
			struct storvsp_channel *ch = controller.channels[i];

			if (ch != NULL && ch->c.state == VMBUS_CHANNEL_OPEN)
				vmbus_server_signalled(&ch->c);
		}
		disk_end_all();
		storvsp_offer_channels(&controller, controller.wanted);
		vmbus_server_attend(&server);
	}
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	size_t state, rest;
	void *copy;

	if (size < 2)
		return 0;
	state = MIN(size - 2, (size_t)(data[0] | data[1] << 8));
	rest = MIN(size - 2 - state, sizeof(ram));
	memset(ram, 0, sizeof(ram));
	memcpy(ram, data + 2 + state, rest);
	/* A load that fails leaves a server that is new. */
	if (!made)
		make();
	copy = malloc(state > 0 ? state : 1);
	memcpy(copy, data + 2, state);
	if (vmbus_server_load(&server, copy, state) == 0) {
		go_on();
		end();
	} else if (objects != 4 || connections != 0 || server.channel_count != 1) {
		__builtin_trap();
	}
	free(copy);
	return 0;
}

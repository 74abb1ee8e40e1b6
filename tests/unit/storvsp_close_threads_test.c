/* SPDX-License-Identifier: MIT */
/*
 * A SCSI controller whose channel is signalled for ever on one thread, whose disk ends requests on another, and whose guest opens
 * and closes it on a third one, which is the server's: a channel's memory is used as long as the guest is not told that it is
 * its own again, and no longer.
 * sources: vsp/storvsp/storvsp.c vsp/storvsp/storvsp_slot.c vsp/storvsp/storvsp_packet.c
 * sources: vsp/storvsp/storvsp_control.c vsp/storvsp/storvsp_state.c vsp/storvsp/scsi.c vsp/storvsp/scsi_answers.c
 * sources: vmbus/server.c vmbus/server_messages.c vmbus/channel.c vmbus/gpadl.c vmbus/ring.c lib/string.c
 */
#include "tests/unit/vmbus_host.h"

#include <pthread.h>
#include <sched.h>

#include "vsp/storvsp/storvsp.h"
#include "x86/atomic.h"

#define ROUNDS     2000u
#define GPADL      5u
#define RINGS      100u /* the first page of two rings of 7 pages of data */
#define RING_PAGES 16u
#define DATA       200u
#define QUEUE_MAX  256u

static struct storvsp controller;
static struct vmbus_channel *channel;
static pthread_mutex_t channel_lock = PTHREAD_MUTEX_INITIALIZER;
static bool over;
static bool closed; /* atomic: the memory is the guest's own */

/* ---- the disk ---- */

static pthread_mutex_t disk_lock = PTHREAD_MUTEX_INITIALIZER;
static struct vsp_disk_request *queue[QUEUE_MAX];
static u32 queued, under_way; /* its lock's; atomic */
static u64 ended;

static void disk_submit(struct vsp_disk *d, struct vsp_disk_request *r)
{
	(void)d;
	if (load_acquire(&closed))
		abort();
	(void)atomic_fetch_add(&under_way, 1u);
	pthread_mutex_lock(&disk_lock);
	queue[queued++] = r;
	pthread_mutex_unlock(&disk_lock);
}

static void disk_plug(struct vsp_disk *d)
{
	(void)d;
}

static const struct vsp_disk_ops disk_ops = { disk_submit, disk_plug, disk_plug };

static struct vsp_disk disk = { .ops = &disk_ops, .sector_size = 512, .sectors = 2048 };

static struct vsp_disk_request *take_request(void)
{
	struct vsp_disk_request *r = NULL;

	pthread_mutex_lock(&disk_lock);
	if (queued > 0)
		r = queue[--queued];
	pthread_mutex_unlock(&disk_lock);
	return r;
}

static void *run_disk(void *arg)
{
	(void)arg;
	while (!load_acquire(&over)) {
		struct vsp_disk_request *r = take_request();

		if (r == NULL) {
			sched_yield();
			continue;
		}
		for (u32 i = 0; i < r->segment_count; i++)
			memset((void *)r->segments[i].gpa.a, 0x55, r->segments[i].len);
		if (load_acquire(&closed))
			abort();
		(void)atomic_fetch_add(&under_way, -1u);
		ended++;
		r->done(r, 0);
	}
	return NULL;
}

/* ---- the hosts ---- */

static bool resolve(void *context, u64 pfn, gpa_t *gpa, void **address)
{
	(void)context;
	if (pfn >= RAM_PAGES)
		return false;
	*gpa = GPA((u64)ram[pfn]);
	*address = ram[pfn];
	return true;
}

static u64 take_lock(void *context, struct vmbus_channel *c)
{
	(void)context;
	(void)c;
	pthread_mutex_lock(&channel_lock);
	return 0;
}

static void drop_lock(void *context, struct vmbus_channel *c, u64 state)
{
	(void)context;
	(void)c;
	(void)state;
	pthread_mutex_unlock(&channel_lock);
}

/* It is called all the time. */
static void again(void *context, struct vmbus_channel *c)
{
	(void)context;
	(void)c;
}

static void want_channels(void *context, struct storvsp *s, u32 count)
{
	(void)context;
	(void)s;
	(void)count;
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

static void attend_soon(void *context)
{
	(void)context;
	store_release(&attends, 1u);
}

static void nobody_is_told(void *context, u32 vp, u32 relid)
{
	(void)context;
	(void)vp;
	(void)relid;
}

static void *signal_for_ever(void *arg)
{
	(void)arg;
	while (!load_acquire(&over))
		vmbus_server_signalled(channel);
	return NULL;
}

/* ---- the guest, and its server ---- */

static struct vmbus_ring out, in;
static u8 *out_pages[RING_PAGES / 2 - 1], *in_pages[RING_PAGES / 2 - 1];

static void post(const void *message, u32 size)
{
	vmbus_server_message(&s, message, size);
	attend();
}

/* The newest message is of that type. */
static bool was_told(u32 type)
{
	return sent_count > 0 &&
	       ((const struct vmbus_header *)(const void *)sent[sent_count - 1].bytes)->type ==
		       type;
}

static void open_channel(void)
{
	const struct vmbus_open m = { .header.type = VMBUS_OPEN_CHANNEL,
		.relid = channel->relid,
		.gpadl = GPADL,
		.downstream = RING_PAGES / 2 };
	struct {
		struct vmbus_gpadl_header h;
		u64 pfns[RING_PAGES];
	} __packed g = { .h = { { .type = VMBUS_GPADL_HEADER }, channel->relid, GPADL,
				 8 + 8 * RING_PAGES, 1, RING_PAGES * 4096, 0 } };

	for (u64 i = 0; i < RING_PAGES; i++)
		g.pfns[i] = RINGS + i;
	memset(ram[RINGS], 0, RING_PAGES * 4096);
	for (u32 i = 0; i < RING_PAGES / 2 - 1; i++) {
		out_pages[i] = ram[RINGS + 1 + i];
		in_pages[i] = ram[RINGS + RING_PAGES / 2 + 1 + i];
	}
	assert_int_equal(
		vmbus_ring_init(&out, (void *)ram[RINGS], out_pages, RING_PAGES / 2 - 1), 0);
	assert_int_equal(vmbus_ring_init(&in, (void *)ram[RINGS + RING_PAGES / 2], in_pages,
				 RING_PAGES / 2 - 1),
		0);
	post(&g, sizeof(g));
	assert_true(was_told(VMBUS_GPADL_CREATED));
	store_release(&closed, false);
	post(&m, sizeof(m));
	assert_true(was_told(VMBUS_OPEN_RESULT) && channel->state == VMBUS_CHANNEL_OPEN);
}

static void put(u32 operation, u16 version)
{
	const struct vstor_packet p = { .operation = operation, .version = version };
	const struct vmbus_message m = {
		.type = VMBUS_PACKET_INBAND, .transaction = 1, .payload = { &p, sizeof(p) }
	};

	assert_true(vmbus_ring_write(&out, &m) >= 0);
}

static void put_read(u32 i)
{
	const u32 header[4] = { 0, 1, 1024, 0 };
	const u64 pfn = DATA + i;
	u8 bytes[24];
	const struct vstor_packet p = { .operation = VSTOR_EXECUTE_SRB,
		.srb = { .cdb_length = 10,
			.direction = VSTOR_READ,
			.transfer_length = 1024,
			.cdb_or_sense = { 0x28, 0, 0, 0, 0, (u8)i, 0, 0, 2 } } };
	const struct vmbus_message m = { .type = VMBUS_PACKET_GPA_DIRECT,
		.transaction = 2 + i,
		.header = { bytes, sizeof(bytes) },
		.payload = { &p, sizeof(p) } };

	memcpy(bytes, header, 16);
	memcpy(bytes + 16, &pfn, 8);
	assert_true(vmbus_ring_write(&out, &m) >= 0);
}

/* Returns whether the place was in the middle of something. */
static bool close_channel(void)
{
	const struct vmbus_relid m = { { .type = VMBUS_CLOSE_CHANNEL }, channel->relid };
	const struct vmbus_gpadl_teardown t = { { .type = VMBUS_GPADL_TEARDOWN }, channel->relid,
		GPADL };
	bool busy = load_acquire(&channel->gate) != 0;

	post(&m, sizeof(m));
	post(&t, sizeof(t));
	while (!was_told(VMBUS_GPADL_TORNDOWN)) {
		sched_yield();
		attend();
	}
	store_release(&closed, true);
	assert_int_equal(load_acquire(&under_way), 0);
	return busy;
}

static void closes_and_signals(void **state)
{
	pthread_t place, ends;
	u32 met = 0;

	(void)state;
	assert_int_equal(pthread_create(&place, NULL, signal_for_ever, NULL), 0);
	assert_int_equal(pthread_create(&ends, NULL, run_disk, NULL), 0);
	for (u32 round = 0; round < ROUNDS; round++) {
		sent_count = 0;
		open_channel();
		put(VSTOR_BEGIN_INITIALIZATION, 0);
		put(VSTOR_QUERY_PROTOCOL_VERSION, VSTOR_VERSION_6_2);
		put(VSTOR_QUERY_PROPERTIES, 0);
		put(VSTOR_END_INITIALIZATION, 0);
		for (u32 i = 0; i < 40; i++)
			put_read(i);
		for (u32 i = any(4); i > 0; i--)
			sched_yield();
		met += close_channel();
	}
	store_release(&over, true);
	assert_int_equal(pthread_join(place, NULL), 0);
	assert_int_equal(pthread_join(ends, NULL), 0);
	assert_true(met > 0 && ended > 0);
}

static int setup(void **state)
{
	static const struct guid instance = { { 1 } };
	static const struct vmbus_contact contact = { { .type = VMBUS_INITIATE_CONTACT },
		VMBUS_VERSION_5_3, 1, 2, 0, 0 };
	static const struct vmbus_header request = { .type = VMBUS_REQUEST_OFFERS };
	static struct vmbus_host threads_host;

	(void)state;
	threads_host = host;
	threads_host.attend = attend_soon;
	threads_host.interrupt = nobody_is_told;
	seed = 1;
	vmbus_server_init(&s, &threads_host, VPS);
	assert_int_equal(storvsp_create(&controller, &storvsp_host, &s, &instance, 64, 0), 0);
	assert_int_equal(storvsp_set_lun(&controller, 0, &disk), 0);
	channel = &controller.channels[0]->c;
	closed = true;
	post(&contact, sizeof(contact));
	post(&request, sizeof(request));
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	if (!vmbus_server_end(&s))
		attend();
	return objects == 0 && connections == 0 ? 0 : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(closes_and_signals, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/*
 * A SCSI controller with everything in threads of its own, under ThreadSanitizer: the guest, which is also the server's owner,
 * the channel's place, and two that end the disk's requests. I/O with the right data, closing in the middle of it, and a
 * disk that is taken away under it. Whoever waits is woken, or the runner's time-out ends it.
 * sources: tests/unit/bus_guest.c
 * sources: vsp/storvsp/storvsp.c vsp/storvsp/storvsp_slot.c vsp/storvsp/storvsp_packet.c
 * sources: vsp/storvsp/storvsp_control.c vsp/storvsp/storvsp_state.c vsp/storvsp/scsi.c
 * sources: vsp/storvsp/scsi_answers.c
 * sources: vmbus/server.c vmbus/server_messages.c vmbus/channel.c vmbus/gpadl.c vmbus/ring.c lib/string.c
 * sanitize: thread
 * cflags: -Wno-tsan -fno-builtin
 */
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>

#include "tests/unit/bus_guest.h"
#include "vsp/storvsp/storvsp.h"
#include "x86/atomic.h"

#include <cmocka.h>

#define RINGS   32u
#define DATA    64u /* a page for each job */
#define JOBS    32u
#define IO      20000u
#define ROUNDS  200u
#define ENDERS  2u
#define GPADL   1u
#define INIT_ID 0xfffffffffffffffdull

static struct bus_guest g;
static struct storvsp controller;
static struct bus_end end;            /* the guest's */
static struct vmbus_channel *channel; /* the place's */
static pthread_mutex_t channel_lock = PTHREAD_MUTEX_INITIALIZER;
static sem_t turns, interrupts, attends, left;
static bool stop;

/* ---- the disk ---- */

static pthread_mutex_t disk_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t disk_more = PTHREAD_COND_INITIALIZER;
static struct vsp_disk_request *queue[512];
static u32 queued;
static bool held; /* nothing ends; its lock's, as what stands above */
static u8 medium[JOBS * BUS_PAGE];

static void disk_submit(struct vsp_disk *d, struct vsp_disk_request *r)
{
	(void)d;
	pthread_mutex_lock(&disk_lock);
	queue[queued++] = r;
	pthread_cond_broadcast(&disk_more);
	pthread_mutex_unlock(&disk_lock);
}

static void disk_nothing(struct vsp_disk *d)
{
	(void)d;
}

static const struct vsp_disk_ops disk_ops = { disk_submit, disk_nothing, disk_nothing };
static struct vsp_disk disk = {
	.ops = &disk_ops, .request_bytes = 16, .sector_size = 512, .sectors = sizeof(medium) / 512
};

static struct vsp_disk_request *disk_next(void)
{
	struct vsp_disk_request *r = NULL;

	pthread_mutex_lock(&disk_lock);
	while ((queued == 0 || held) && !load_acquire(&stop))
		pthread_cond_wait(&disk_more, &disk_lock);
	if (queued > 0)
		r = queue[--queued];
	pthread_mutex_unlock(&disk_lock);
	return r;
}

static void disk_hold(bool hold)
{
	pthread_mutex_lock(&disk_lock);
	held = hold;
	pthread_cond_broadcast(&disk_more);
	pthread_mutex_unlock(&disk_lock);
}

/* One at least has come. */
static void disk_wait(void)
{
	pthread_mutex_lock(&disk_lock);
	while (queued == 0)
		pthread_cond_wait(&disk_more, &disk_lock);
	pthread_mutex_unlock(&disk_lock);
}

static void *end_requests(void *arg)
{
	struct vsp_disk_request *r;

	(void)arg;
	while ((r = disk_next()) != NULL) {
		u8 *at = medium + r->sector * 512, *page = (u8 *)r->segments[0].gpa.a;

		if (r->op == VSP_DISK_READ)
			memcpy(page, at, r->bytes);
		else
			memcpy(at, page, r->bytes);
		r->done(r, 0);
	}
	return NULL;
}

/* ---- hosts ---- */

static void *take_turns(void *arg)
{
	(void)arg;
	for (;;) {
		sem_wait(&turns);
		if (load_acquire(&stop))
			return NULL;
		vmbus_server_signalled(channel);
	}
}

static void host_interrupt(void *context, u32 vp, u32 relid)
{
	(void)context;
	(void)vp;
	(void)relid;
	sem_post(&interrupts);
}

static void host_attend(void *context)
{
	(void)context;
	sem_post(&attends);
}

static bool resolve(void *context, u64 pfn, gpa_t *gpa, void **address)
{
	(void)context;
	*gpa = GPA((u64)g.ram[pfn]);
	*address = g.ram[pfn];
	return pfn < BUS_PAGES;
}

static u64 lock(void *context, struct vmbus_channel *c)
{
	(void)context;
	(void)c;
	pthread_mutex_lock(&channel_lock);
	return 0;
}

static void unlock(void *context, struct vmbus_channel *c, u64 state)
{
	(void)context;
	(void)c;
	(void)state;
	pthread_mutex_unlock(&channel_lock);
}

static void again(void *context, struct vmbus_channel *c)
{
	(void)context;
	(void)c;
	sem_post(&turns);
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
	sem_post(&left);
}

static const struct storvsp_host storvsp_host = {
	.alloc = bus_alloc,
	.free = bus_free,
	.resolve = resolve,
	.lock = lock,
	.unlock = unlock,
	.again = again,
	.want_channels = want_channels,
	.lun_left = lun_left,
};

/* ---- the guest ---- */

/* Waits for room; how often it had to. */
static u32 put(const struct vmbus_message *m)
{
	u32 waits = 0;
	int r;

	while ((r = vmbus_ring_write(&end.out, m)) == -EAGAIN) {
		waits++;
		sem_wait(&interrupts);
	}
	assert_true(r >= 0);
	if (r == 1)
		sem_post(&turns);
	return waits;
}

static void send(u64 id, const struct vstor_packet *p, u64 pfn)
{
	const u64 head[3] = { 1ull << 32, BUS_PAGE, pfn };
	const struct vmbus_message m = { .type = pfn != 0 ? VMBUS_PACKET_GPA_DIRECT
							  : VMBUS_PACKET_INBAND,
		.transaction = id,
		.header = { head, pfn != 0 ? sizeof(head) : 0 },
		.payload = { p, sizeof(*p) } };

	(void)put(&m);
}

/* The next answer, which is waited for. */
static u64 receive(struct vstor_packet *p)
{
	struct vmbus_packet packet;
	_Alignas(8) u8 buf[80];
	int r;

	while ((r = vmbus_ring_read(&end.in, &packet, buf, sizeof(buf))) == 0)
		sem_wait(&interrupts);
	assert_int_equal(r, 1);
	memcpy(p, buf + packet.header, sizeof(*p));
	if (vmbus_ring_release(&end.in) == 1)
		sem_post(&turns);
	return packet.transaction;
}

static void ask(u32 operation, u16 value)
{
	const struct vstor_packet p = { .operation = operation, .version = value };
	struct vstor_packet answer;

	send(INIT_ID, &p, 0);
	assert_true(receive(&answer) == INIT_ID && answer.status == 0);
}

static void begin(void)
{
	assert_true(bus_end_open(&end, &g, channel, GPADL, 0, RINGS));
	ask(VSTOR_BEGIN_INITIALIZATION, 0);
	ask(VSTOR_QUERY_PROTOCOL_VERSION, VSTOR_VERSION_6_2);
	ask(VSTOR_QUERY_PROPERTIES, 0);
	ask(VSTOR_END_INITIALIZATION, 0);
}

static void attend(void)
{
	sem_wait(&attends);
	vmbus_server_attend(&g.server);
}

/* Writes or reads the job's eight sectors, by its page. */
static void start(u32 job, bool write)
{
	struct vstor_packet p = { .operation = VSTOR_EXECUTE_SRB,
		.srb = { .length = sizeof(p.srb),
			.cdb_length = 10,
			.sense_length = VSTOR_SENSE_ROOM,
			.direction = write ? VSTOR_WRITE : VSTOR_READ,
			.transfer_length = BUS_PAGE,
			.cdb_or_sense = {
				write ? 0x2a : 0x28, 0, 0, 0, 0, (u8)(8 * job), 0, 0, 8 } } };

	send(job + 1, &p, DATA + job);
}

static pthread_t place, enders[ENDERS];

static int setup(void **state)
{
	static const struct guid instance = { { 1 } };

	(void)state;
	sem_init(&turns, 0, 0);
	sem_init(&interrupts, 0, 0);
	sem_init(&attends, 0, 0);
	sem_init(&left, 0, 0);
	stop = false;
	bus_guest_make(&g, BUS_PAGES);
	g.host.interrupt = host_interrupt;
	g.host.attend = host_attend;
	assert_int_equal(
		storvsp_create(&controller, &storvsp_host, &g.server, &instance, 16, 0), 0);
	assert_int_equal(storvsp_set_lun(&controller, 0, &disk), 0);
	bus_connect(&g);
	channel = &controller.channels[0]->c;
	assert_int_equal(pthread_create(&place, NULL, take_turns, NULL), 0);
	for (u32 i = 0; i < ENDERS; i++)
		assert_int_equal(pthread_create(&enders[i], NULL, end_requests, NULL), 0);
	begin();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	store_release(&stop, true);
	sem_post(&turns);
	pthread_mutex_lock(&disk_lock);
	pthread_cond_broadcast(&disk_more);
	pthread_mutex_unlock(&disk_lock);
	pthread_join(place, NULL);
	for (u32 i = 0; i < ENDERS; i++)
		pthread_join(enders[i], NULL);
	if (!vmbus_server_end(&g.server))
		attend();
	bus_guest_end(&g);
	return bus_objects == 0 ? 0 : -1;
}

static void all_at_once(void **state)
{
	u32 round[JOBS] = { 0 }; /* even: it is written; odd: it is read */

	(void)state;
	for (u32 i = 0; i < JOBS; i++)
		start(i, true);
	for (u32 i = 0; i < IO; i++) {
		struct vstor_packet p;
		u64 id = receive(&p);
		u32 job = (u32)id - 1;
		u8 *page;

		assert_true(id >= 1 && id <= JOBS && p.srb.srb_status == SRB_SUCCESS);
		page = g.ram[DATA + job];
		for (u32 k = 0; k < BUS_PAGE; k += 61)
			assert_int_equal(page[k], (u8)(round[job] / 2));
		round[job]++;
		memset(page, round[job] % 2 ? 0xff : (int)(u8)(round[job] / 2), BUS_PAGE);
		if (i < IO - JOBS)
			start(job, round[job] % 2 == 0);
	}
	assert_true(load_relaxed(&channel->interrupts) > 0 && load_relaxed(&channel->signals) > 0);
	assert_int_equal(load_relaxed(&channel->packets_in), IO + 4);
}

/* Packets that cost nothing, until there is no room for more: the place has to tell of room, while others answer. */
static void a_ring_that_is_full(void **state)
{
	const struct vmbus_message m = { .type = VMBUS_PACKET_COMPLETION };
	struct vstor_packet p;
	u32 full = 0;

	(void)state;
	for (u32 i = 0; i < ROUNDS || full == 0; i++) {
		u32 answers = 0;

		for (u32 job = 0; job < JOBS; job++)
			start(job, job % 2);
		for (u32 k = 0; k < 3000; k++)
			full += put(&m);
		while (answers < JOBS)
			answers += receive(&p) != 0;
	}
}

/* The guest's memory is its own again only when the place has left, and the disk too. */
static void closing(void **state)
{
	(void)state;
	for (u32 i = 0; i < ROUNDS; i++) {
		for (u32 job = 0; job < i % JOBS; job++)
			start(job, job % 2);
		bus_relid(&g, VMBUS_CLOSE_CHANNEL, end.relid);
		bus_teardown(&g, end.relid, GPADL);
		while (!bus_torndown(&g, GPADL))
			attend();
		memset(g.ram[0], 0xff, (size_t)RINGS * BUS_PAGE);
		memset(g.ram[DATA], 0xff, (size_t)JOBS * BUS_PAGE);
		begin();
	}
}

/* Away with the disk under I/O: who takes it is told when nobody is at it any more. */
static void a_disk_that_goes(void **state)
{
	(void)state;
	for (u32 i = 0; i < ROUNDS; i++) {
		struct vstor_packet p;
		u32 answers = 0;

		disk_hold(true);
		for (u32 job = 0; job < JOBS; job++)
			start(job, job % 2);
		disk_wait();
		assert_int_equal(storvsp_set_lun(&controller, 0, NULL), 0);
		assert_true(storvsp_lun_busy(&controller, 0));
		disk_hold(false);
		while (storvsp_lun_busy(&controller, 0))
			sem_wait(&left);
		/* The disk may change now. */
		disk.sectors = sizeof(medium) / 512;
		assert_int_equal(storvsp_set_lun(&controller, 0, &disk), 0);
		while (answers < JOBS)
			answers += receive(&p) != 0;
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(all_at_once),
		TEST(a_ring_that_is_full),
		TEST(closing),
		TEST(a_disk_that_goes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

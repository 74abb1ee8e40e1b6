/* SPDX-License-Identifier: MIT */
/*
 * Double fetches: a thread changes what the host is just reading. First the descriptor of each packet, all the time, between
 * what makes sense and what does not; then anything in the rings of a SCSI controller's channel. What was copied
 * is as it was checked, nothing is asked of the disk that it does not have, and others' I/O goes on.
 * VERDIGRIS_SOAK makes it more: 10 million packets.
 * sources: tests/unit/bus_guest.c tests/unit/bus_disk.c
 * sources: vsp/storvsp/storvsp.c vsp/storvsp/storvsp_slot.c vsp/storvsp/storvsp_packet.c
 * sources: vsp/storvsp/storvsp_control.c vsp/storvsp/storvsp_state.c vsp/storvsp/scsi.c
 * sources: vsp/storvsp/scsi_answers.c
 * sources: vmbus/server.c vmbus/server_messages.c vmbus/channel.c vmbus/gpadl.c vmbus/ring.c lib/string.c
 */
#include <pthread.h>
#include <sched.h>

#include "tests/unit/storvsp_pair.h"
#include "x86/atomic.h"

#define RING_PAGES 4u
#define PACKETS    200000u
#define MANY       10000000u /* in a soak */

static bool stop;

static u32 times(u32 usual, u32 soak)
{
	return getenv("VERDIGRIS_SOAK") != NULL ? soak : usual;
}

/* ---- descriptors ---- */

static struct vmbus_ring_control control;
static u8 memory[RING_PAGES][BUS_PAGE] __attribute__((aligned(4096)));
static u8 *ring_pages[RING_PAGES];
static struct vmbus_ring out, in;
static u64 *target; /* atomic: the first half of the descriptor that is read next */
static u64 flips;

/* Type, units in front of the payload, units of all, flags: every second one as it was sent. */
#define HALF(type, header8, length8)                                 \
	((u64)(type) | (u64)(header8) << 16 | (u64)(length8) << 32 | \
		(u64)VMBUS_PACKET_WANTS_COMPLETION << 48)
#define SENT HALF(VMBUS_PACKET_INBAND, 2, 10)

static void *flip_descriptor(void *arg)
{
	static const u64 halves[] = { SENT, HALF(6, 2, 0xffff), SENT, HALF(9, 9, 10), SENT,
		HALF(6, 2, 0), SENT, HALF(6, 0xffff, 10), SENT, HALF(6, 0, 10), SENT,
		HALF(11, 2, 4), SENT, HALF(6, 10, 2), SENT, HALF(6, 2, 11) };

	(void)arg;
	for (u32 i = 0; !load_acquire(&stop); i++) {
		store_relaxed(load_acquire(&target), halves[i % ARRAY_SIZE(halves)]);
		store_relaxed(&flips, flips + 1);
	}
	return NULL;
}

static void rings_begin(void)
{
	memset(&control, 0, sizeof(control));
	assert_int_equal(vmbus_ring_init(&out, &control, ring_pages, RING_PAGES), 0);
	assert_int_equal(vmbus_ring_init(&in, &control, ring_pages, RING_PAGES), 0);
}

/* Whether it was whole. Whatever it was, the copy is what was checked. */
static bool one_packet(u64 id)
{
	static const u8 payload[64] = "flip";
	const struct vmbus_message m = { .type = VMBUS_PACKET_INBAND,
		.flags = VMBUS_PACKET_WANTS_COMPLETION,
		.transaction = id,
		.payload = { payload, sizeof(payload) } };
	_Alignas(8) u8 buf[80];
	struct vmbus_descriptor d;
	struct vmbus_packet p;
	u32 at = out.index;
	int r;

	store_release(&target, (u64 *)(void *)(ring_pages[at / BUS_PAGE] + at % BUS_PAGE));
	assert_true(vmbus_ring_write(&out, &m) >= 0);
	memset(buf, 0xee, sizeof(buf));
	r = vmbus_ring_read(&in, &p, buf, sizeof(buf));
	assert_true(r == 1 || r == -EPROTO);
	if (r != 1)
		return false;
	memcpy(&d, buf, sizeof(d));
	assert_true(d.type == p.type && d.header8 * 8u == p.header && d.length8 * 8u == p.length);
	assert_true(d.transaction == id && p.transaction == id);
	assert_true(p.header >= 16 && p.header <= p.length && p.length <= 80);
	for (u32 i = p.length; i < sizeof(buf); i++)
		assert_int_equal(buf[i], 0xee);
	return p.length == 80 && vmbus_ring_release(&in) >= 0 && in.index == out.index;
}

static void descriptors_that_flip(void **state)
{
	u32 most = times(PACKETS, MANY), whole = 0, broken = 0;
	pthread_t thread;

	(void)state;
	for (u32 i = 0; i < RING_PAGES; i++)
		ring_pages[i] = memory[RING_PAGES - 1 - i];
	rings_begin();
	stop = false;
	target = (u64 *)(void *)ring_pages[0];
	assert_int_equal(pthread_create(&thread, NULL, flip_descriptor, NULL), 0);
	/* Until both was met, however seldom the other thread had its turn. */
	for (u32 i = 0; i < most || whole == 0 || broken == 0; i++) {
		if (one_packet(i + 1)) {
			whole++;
		} else {
			broken++;
			rings_begin();
		}
	}
	store_release(&stop, true);
	pthread_join(thread, NULL);
	printf("note: double fetch: %u packets whole, %u not, %llu flips\n", whole, broken,
		(unsigned long long)flips);
}

/* ---- a controller's rings ---- */

static bool wanted; /* the thread is to leave memory alone; it does while this is locked */
static pthread_mutex_t quiet = PTHREAD_MUTEX_INITIALIZER;

/* Mostly data, of which most are packets; seldom an index, a mask or what is waited for. */
static void flip_any(u32 x)
{
	u32 page = x % 4093 != 0 ? 1 + (x >> 16) % (RINGS / 2 - 1) : (x >> 20) % 2 * (RINGS / 2);

	if (page % (RINGS / 2) != 0)
		store_relaxed(&offender.ram[page][(x >> 4) % BUS_PAGE], (u8)(x >> 24));
	else
		store_relaxed((u32 *)(void *)offender.ram[page] + (x >> 24) % 4,
			(x >> 3) % (8 * BUS_PAGE) & ~7u);
}

static void *flip_rings(void *arg)
{
	u64 x = 7;

	(void)arg;
	while (!load_acquire(&stop)) {
		if (load_acquire(&wanted)) {
			sched_yield();
			continue;
		}
		pthread_mutex_lock(&quiet);
		x = x * 6364136223846793005ull + 1442695040888963407ull;
		flip_any((u32)(x >> 32));
		pthread_mutex_unlock(&quiet);
	}
	return NULL;
}

static void open_quietly(void)
{
	store_release(&wanted, true);
	pthread_mutex_lock(&quiet);
	if (ends[0].c->state == VMBUS_CHANNEL_OPEN)
		bus_relid(&offender, VMBUS_CLOSE_CHANNEL, ends[0].relid);
	bus_controller_drain(&bad);
	assert_int_equal(ends[0].c->state, VMBUS_CHANNEL_OFFERED);
	bus_teardown(&offender, ends[0].relid, ends[0].gpadl);
	assert_true(bus_torndown(&offender, ends[0].gpadl));
	assert_true(open_end(&ends[0], &bad, 0));
	pthread_mutex_unlock(&quiet);
	store_release(&wanted, false);
}

/* A number that was changed may name any page of the guest's: its rings, and what is looked at below, are left out. */
static bool is_data(u64 pfn)
{
	return pfn >= DATA && pfn < PRIVATE;
}

static int send_any(u64 id)
{
	static const u64 pfn = DATA;
	struct vstor_packet p;

	switch (bus_any(4)) {
	case 0:
		p = bus_srb(0, VSTOR_READ, 36, (const u8[]){ 0x12, 0, 0, 0, 36, 0 }, 6);
		return bus_vstor_write(&ends[0], id, &p, &pfn, 1, 0, 36);
	case 1:
		p = bus_srb(
			0, VSTOR_WRITE, 24, (const u8[]){ 0x42, 0, 0, 0, 0, 0, 0, 0, 24, 0 }, 10);
		return bus_vstor_write(&ends[0], id, &p, &pfn, 1, 0, 24);
	default:
		return bus_io(&ends[0], id, bus_any(2), bus_any(200), 1 + bus_any(50), DATA);
	}
}

/* Some packets, and whatever became of their answers. False: the channel is of no use any more. */
static bool some_packets(u64 id)
{
	_Alignas(8) u8 buf[256];
	struct vmbus_packet p;
	bool good = true;

	for (u32 i = 0; i < 8; i++)
		good &= send_any(id + i) >= 0;
	good &= bus_end_signal(&ends[0]);
	bus_controller_drain(&bad);
	for (u32 i = 0; i < 16 && good; i++) {
		int r = bus_end_read(&ends[0], &p, buf, sizeof(buf));

		good = r >= 0 || r == -EMSGSIZE;
	}
	return good && ends[0].c->state == VMBUS_CHANNEL_OPEN;
}

static void rings_that_flip(void **state)
{
	u32 most = times(PACKETS / 10, MANY / 20), opened = 0, good = 0;
	pthread_t thread;

	(void)state;
	stop = wanted = false;
	bad.allows = is_data;
	assert_int_equal(pthread_create(&thread, NULL, flip_rings, NULL), 0);
	for (u32 i = 0; i < most || opened < 2 || good == 0; i += 8) {
		if (some_packets(i + 1)) {
			good++;
		} else {
			open_quietly();
			opened++;
		}
		if (i % 2048 == 0)
			others_work();
	}
	store_release(&stop, true);
	pthread_join(thread, NULL);
	bad.allows = NULL;
	open_quietly();
	all_work();
	printf("note: a controller's rings: %llu packets, %llu malformed, opened %u times\n",
		(unsigned long long)ends[0].c->packets_in,
		(unsigned long long)bad.s.stats.malformed, opened);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(descriptors_that_flip),
		cmocka_unit_test_setup_teardown(rings_that_flip, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/*
 * Double fetches, one by one: the memory that a guest shares changes right behind a look of the host's at it, behind the first
 * one, then behind the second one, and so on, to values of every kind. Whoever looks twice for one decision is found out,
 * each time. The rings by themselves, then a SCSI controller with all that it looks at.
 * sources: tests/unit/bus_guest.c tests/unit/bus_disk.c
 * sources: vsp/storvsp/storvsp.c vsp/storvsp/storvsp_slot.c vsp/storvsp/storvsp_packet.c
 * sources: vsp/storvsp/storvsp_control.c vsp/storvsp/storvsp_state.c vsp/storvsp/scsi.c
 * sources: vsp/storvsp/scsi_answers.c
 * sources: vmbus/server.c vmbus/server_messages.c vmbus/channel.c vmbus/gpadl.c vmbus/ring.c lib/string.c
 * cflags: -I tests/unit/fake_fetch
 */
#include "tests/unit/storvsp_pair.h"
#include "x86/atomic.h"

#define PAGES 2u
#define SIZE  (PAGES * BUS_PAGE)
#define WAYS  6u

void (*fetched)(const void *p, size_t size);

static u32 looks, when, way; /* looks since it began; the one behind which it changes, and how */

/* ---- the rings ---- */

static struct vmbus_ring_control control;
static u8 memory[PAGES][BUS_PAGE] __attribute__((aligned(4096)));
static u8 *const ring_pages[PAGES] = { memory[1], memory[0] };
static struct vmbus_ring out, in;

static bool is_in(const void *p, const void *begin, size_t size)
{
	return (const u8 *)p >= (const u8 *)begin && (const u8 *)p < (const u8 *)begin + size;
}

/* What stands there from now on. */
static void change(u8 *p, size_t size)
{
	static const u32 words[WAYS] = { 0, ~0u, 8, 4, SIZE - 8, SIZE };
	static const u64 halves[WAYS] = { 0, ~0ull, 0xffff00020006ull, 0x000400020006ull,
		0x000affff0006ull, 0x00020009000bull };

	if (size == sizeof(u32))
		memcpy(p, &words[way], sizeof(u32));
	else if (size >= sizeof(u64))
		memcpy(p, &halves[way], sizeof(u64));
}

static void ring_fetched(const void *p, size_t size)
{
	if (!is_in(p, &control, sizeof(control)) && !is_in(p, memory, sizeof(memory)))
		return;
	if (++looks == when) {
		fetched = NULL;
		change((u8 *)(uintptr_t)p, size);
	}
}

static const u8 payload[64] = "a packet that is looked at once";
static const struct vmbus_message message = {
	.type = VMBUS_PACKET_INBAND, .transaction = 7, .payload = { payload, sizeof(payload) }
};

/* A ring with two packets in it, of which the first one goes round the end. */
static void ring_begin(void)
{
	memset(&control, 0, sizeof(control));
	memset(memory, 0, sizeof(memory));
	control.features = VMBUS_RING_PENDING_SEND;
	control.read = control.write = SIZE - 40;
	assert_int_equal(vmbus_ring_init(&out, &control, ring_pages, PAGES), 0);
	assert_int_equal(vmbus_ring_init(&in, &control, ring_pages, PAGES), 0);
	assert_int_equal(vmbus_ring_write(&out, &message), 1);
	assert_int_equal(vmbus_ring_write(&out, &message), 0);
}

/* The packet was whole when it was looked at, and so it is read, whatever stands there now. */
static void read_one(void)
{
	_Alignas(8) u8 buf[96];
	struct vmbus_descriptor d;
	struct vmbus_packet p;
	int r;

	memset(buf, 0xee, sizeof(buf));
	r = vmbus_ring_read(&in, &p, buf, sizeof(buf));
	fetched = NULL;
	assert_int_equal(r, 1);
	memcpy(&d, buf, sizeof(d));
	assert_true(p.length == 80 && p.header == 16 && p.type == VMBUS_PACKET_INBAND);
	assert_true(d.length8 == 10 && d.header8 == 2 && d.type == p.type && d.transaction == 7);
	for (u32 i = 80; i < sizeof(buf); i++)
		assert_int_equal(buf[i], 0xee);
	assert_int_equal(in.index, 48);
}

static void release_one(void)
{
	int r = vmbus_ring_release(&in);

	fetched = NULL;
	assert_true(r == 0 || r == 1 || r == -EPROTO);
	assert_true(in.published == in.index || r == -EPROTO);
}

static void write_one(void)
{
	int r = vmbus_ring_write(&out, &message);

	fetched = NULL;
	assert_true(r == 0 || r == 1 || r == -EAGAIN || r == -EPROTO);
	assert_int_equal(out.index, r >= 0 ? 224 : 136);
}

static void each_look_at_a_ring(void **state)
{
	static void (*const steps[])(void) = { read_one, release_one, write_one };
	u32 most = 0;

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(steps) * WAYS * 20; i++) {
		way = i % WAYS;
		when = 1 + i / WAYS % 20;
		ring_begin();
		if (i / (WAYS * 20) == 1)
			read_one();
		looks = 0;
		fetched = ring_fetched;
		steps[i / (WAYS * 20)]();
		most = MAX(most, looks);
	}
	/* All of them were met. */
	assert_true(most >= 3 && most < 20);
}

/* ---- a controller ---- */

/* Rings, data, and what the guest names as lists. */
static void guest_fetched(const void *p, size_t size)
{
	u8 *at = (u8 *)(uintptr_t)p;

	if (!is_in(p, offender.ram[0], RINGS * BUS_PAGE) &&
		!is_in(p, offender.ram[DATA], (PRIVATE - DATA) * (size_t)BUS_PAGE))
		return;
	if (++looks != when)
		return;
	fetched = NULL;
	if (size == sizeof(u32))
		change(at, size);
	else
		/* All of a copy, by the half of a descriptor, or by what no number may be. */
		for (size_t i = 0; i < MIN(size, 128u); i += 8)
			change(at + i, MIN(size - i, sizeof(u64)));
}

static void send_kind(u32 kind)
{
	static const u64 pfns[2] = { DATA, DATA + 1 };
	struct vstor_packet p;
	int r;

	if (kind == 0) {
		p = bus_srb(0, VSTOR_READ, 36, (const u8[]){ 0x12, 0, 0, 0, 36, 0 }, 6);
		r = bus_vstor_write(&ends[0], 1, &p, pfns, 2, BUS_PAGE - 8, 36);
	} else if (kind == 1) {
		static const u8 list[24] = { 0, 22, 0, 16, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0,
			0, 8 };

		memcpy(offender.ram[DATA] + BUS_PAGE - 16, list, 16);
		memcpy(offender.ram[DATA + 1], list + 16, 8);
		p = bus_srb(
			0, VSTOR_WRITE, 24, (const u8[]){ 0x42, 0, 0, 0, 0, 0, 0, 0, 24, 0 }, 10);
		r = bus_vstor_write(&ends[0], 1, &p, pfns, 2, BUS_PAGE - 16, 24);
	} else {
		r = bus_io(&ends[0], 1, kind == 2, 8, 16, DATA);
	}
	assert_int_equal(r, 0);
}

/* True: it was answered, and the channel is open; else it is closed. */
static bool one_request(u32 kind)
{
	_Alignas(8) u8 buf[96];
	struct vmbus_packet p;
	u32 answers = 0;

	ends[0].out.control->interrupt_mask = 1;
	send_kind(kind);
	looks = 0;
	fetched = guest_fetched;
	vmbus_server_signalled(ends[0].c);
	bus_controller_drain(&bad);
	fetched = NULL;
	bus_attend(&offender);
	while (vmbus_ring_read(&ends[0].in, &p, buf, sizeof(buf)) == 1)
		answers++;
	/* The guest may have spoiled its own side of the ring, by which it reads. */
	return ends[0].c->state == VMBUS_CHANNEL_OPEN && answers == 1;
}

static void each_look_at_a_request(void **state)
{
	u32 most = 0, answered = 0, rounds = 0;

	(void)state;
	for (u32 i = 0; i < 4 * WAYS * 40; i++, rounds++) {
		u32 kind = i / (WAYS * 40);

		way = i % WAYS;
		when = 1 + i / WAYS % 40;
		answered += one_request(kind);
		most = MAX(most, looks);
		if (ends[0].c->state == VMBUS_CHANNEL_OPEN)
			bus_relid(&offender, VMBUS_CLOSE_CHANNEL, ends[0].relid);
		bus_controller_drain(&bad);
		assert_int_equal(ends[0].c->state, VMBUS_CHANNEL_OFFERED);
		bus_teardown(&offender, ends[0].relid, ends[0].gpadl);
		assert_true(bus_torndown(&offender, ends[0].gpadl));
		assert_true(open_end(&ends[0], &bad, 0));
		if (i % 40 == 0)
			others_work();
	}
	assert_true(most >= 8 && most < 40 && answered > rounds / 2);
	all_work();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_look_at_a_ring),
		cmocka_unit_test_setup_teardown(each_look_at_a_request, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

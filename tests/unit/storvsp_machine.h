/* SPDX-License-Identifier: MIT */
/*
 * A SCSI controller with a disk in memory, whose requests end when the test says so, behind a real server, and the
 * guest's side of its channel.
 */
#pragma once

#include "tests/unit/storvsp_host.h"
#include "tests/unit/vmbus_guest.h"

#include "vsp/storvsp/storvsp.h"
#include "vsp/storvsp/storvsp_impl.h"

#define GPADL     5u
#define RINGS     100u /* the first page of 16: two rings of 7 pages of data */
#define RING_HALF 8u
#define DATA      200u /* pages for data */
#define INIT_ID   0xfffffffffffffffdull

static struct vmbus_ring out, in;
static u8 *out_pages[RING_HALF - 1], *in_pages[RING_HALF - 1];
static u32 relid;

/* ---- the guest ---- */

static void signalled(void)
{
	if (controller.channels[0]->c.state == VMBUS_CHANNEL_OPEN)
		vmbus_server_signalled(&controller.channels[0]->c);
	attend();
}

static void run_again(void)
{
	while (agains > 0) {
		agains = 0;
		signalled();
	}
}

static int write_packet(
	u64 id, const struct vstor_packet *p, const u64 *pfns, u32 count, u32 offset, u32 length)
{
	u32 header[4] = { 0, 1, length, offset };
	u8 bytes[16 + 8 * 300];
	struct vmbus_message m = { .type = VMBUS_PACKET_INBAND,
		.flags = VMBUS_PACKET_WANTS_COMPLETION,
		.transaction = id,
		.payload = { p, sizeof(*p) } };

	if (count > 0) {
		memcpy(bytes, header, sizeof(header));
		memcpy(bytes + 16, pfns, count * 8ul);
		m.type = VMBUS_PACKET_GPA_DIRECT;
		m.header = (struct vmbus_part){ bytes, 16 + 8 * count };
	}
	return vmbus_ring_write(&out, &m);
}

/* The next answer: its id; 0: there is none. */
static u64 read_answer(struct vstor_packet *p)
{
	struct vmbus_packet packet;
	u8 buf[128];
	int r = vmbus_ring_read(&in, &packet, buf, sizeof(buf));

	assert_true(r >= 0);
	if (r == 1) {
		/* As much as Linux has room for. */
		assert_int_equal(packet.length, 80);
		memcpy(p, buf + packet.header, sizeof(*p));
		assert_int_equal(packet.type,
			packet.transaction == 0 ? VMBUS_PACKET_INBAND : VMBUS_PACKET_COMPLETION);
	}
	if (vmbus_ring_release(&in) == 1)
		signalled();
	return r == 1 ? (packet.transaction != 0 ? packet.transaction : ~0ull) : 0;
}

/* Asks, and has the answer at once. */
static struct vstor_packet control(u32 operation, u16 value)
{
	struct vstor_packet p = { .operation = operation, .flags = 1, .version = value }, answer;

	assert_true(write_packet(INIT_ID, &p, NULL, 0, 0, 0) >= 0);
	signalled();
	assert_true(read_answer(&answer) == INIT_ID);
	assert_int_equal(answer.operation, VSTOR_COMPLETE_IO);
	return answer;
}

static void begin(void)
{
	assert_int_equal(control(VSTOR_BEGIN_INITIALIZATION, 0).status, 0);
	assert_int_equal(control(VSTOR_QUERY_PROTOCOL_VERSION, VSTOR_VERSION_6_2).status, 0);
	assert_int_equal(control(VSTOR_QUERY_PROPERTIES, 0).status, 0);
	assert_int_equal(control(VSTOR_END_INITIALIZATION, 0).status, 0);
}

static struct vstor_packet srb(u8 lun, u8 direction, u32 length, const u8 *cdb, u8 size)
{
	struct vstor_packet p = { .operation = VSTOR_EXECUTE_SRB,
		.flags = 1,
		.srb = { .length = sizeof(p.srb),
			.lun = lun,
			.cdb_length = size,
			.sense_length = VSTOR_SENSE_ROOM,
			.direction = direction,
			.transfer_length = length } };

	memcpy(p.srb.cdb_or_sense, cdb, size);
	return p;
}

/* READ or WRITE of so many sectors, with the guest's pages from DATA + @page on, at @offset in the first. */
static int write_io(u64 id, bool write, u32 sector, u32 count, u32 page, u32 offset)
{
	const u8 cdb[10] = { write ? 0x2a : 0x28, 0, 0, 0, (u8)(sector >> 8), (u8)sector, 0,
		(u8)(count >> 8), (u8)count, 0 };
	struct vstor_packet p = srb(0, write ? VSTOR_WRITE : VSTOR_READ, count * 512, cdb, 10);
	u32 pages = (offset + count * 512 + 4095) / 4096;
	u64 pfns[300];

	/* Scattered: every second one. */
	for (u32 i = 0; i < pages; i++)
		pfns[i] = DATA + (page + 2 * i) % 300;
	return write_packet(id, &p, pfns, pages, offset, count * 512);
}

static u8 *guest_byte(u32 page, u32 offset, u32 i)
{
	u32 at = offset + i;

	return &ram[DATA + (page + 2 * (at / 4096)) % 300][at % 4096];
}

static void open_controller(void)
{
	memset(ram[RINGS], 0, 2 * RING_HALF * 4096);
	post_gpadl(relid, GPADL, RINGS, 2 * RING_HALF);
	expect_created(relid, GPADL, true);
	post_open(relid, GPADL, 1, RING_HALF);
	expect_opened(relid, true);
	for (u32 i = 0; i < RING_HALF - 1; i++) {
		out_pages[i] = ram[RINGS + 1 + i];
		in_pages[i] = ram[RINGS + RING_HALF + 1 + i];
	}
	assert_int_equal(vmbus_ring_init(&out, (void *)ram[RINGS], out_pages, RING_HALF - 1), 0);
	assert_int_equal(
		vmbus_ring_init(&in, (void *)ram[RINGS + RING_HALF], in_pages, RING_HALF - 1), 0);
	in.control->features = out.control->features = VMBUS_RING_PENDING_SEND;
}

static int setup(void **state)
{
	static const struct guid instance = { { 1 } };

	(void)state;
	sent_count = taken = connections = attends = interrupts = agains = wanted = 0;
	seed = 1;
	vmbus_server_init(&s, &host, VPS);
	assert_int_equal(storvsp_create(&controller, &storvsp_host, &s, &instance, 64, 3), 0);
	assert_int_equal(storvsp_set_lun(&controller, 0, disk_init(0)), 0);
	connect_with(VMBUS_VERSION_5_3);
	relid = expect_offer(&controller.channels[0]->c);
	expect(VMBUS_ALL_OFFERS_DELIVERED, sizeof(struct vmbus_header));
	open_controller();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	while (disk_step(&disks[0]) || disk_step(&disks[1]))
		;
	if (!vmbus_server_end(&s))
		attend();
	attends = 0;
	return objects == 0 && connections == 0 && locks == 0 ? 0 : -1;
}

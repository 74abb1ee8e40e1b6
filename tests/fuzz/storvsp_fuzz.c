/* SPDX-License-Identifier: MIT */
/*
 * A SCSI controller with a guest that does what the input says: requests well made and packets of any bytes, answers that it
 * reads when it likes, closing and opening, sub-channels, memory that it changes; disks that come and go, and end in any
 * order. Each packet has one answer or its channel is closed, nothing is asked of a disk that it does not have or
 * of memory that is not the guest's, and at the end nothing is left.
 * sources: tests/unit/bus_guest.c tests/unit/bus_disk.c
 * sources: vsp/storvsp/storvsp.c vsp/storvsp/storvsp_slot.c vsp/storvsp/storvsp_packet.c
 * sources: vsp/storvsp/storvsp_control.c vsp/storvsp/storvsp_state.c vsp/storvsp/scsi.c
 * sources: vsp/storvsp/scsi_answers.c
 * sources: vmbus/server.c vmbus/server_messages.c vmbus/channel.c vmbus/gpadl.c vmbus/ring.c lib/string.c
 */
#include "tests/fuzz/fuzz_input.h"
#include "tests/unit/bus_disk.h"

#define PAGES 40u
#define RINGS 8u  /* pages of a channel's, from its number times so many on */
#define ENDS  2u  /* the primary and a sub-channel */
#define DATA  16u /* up to the end; the last two are not the guest's */
#define IDS   256u

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

enum {
	REQUEST,
	CONTROL,
	RAW,
	END,
	ANSWER,
	TURN,
	OPEN,
	CLOSE,
	DISK,
	CHANNELS,
	MEMORY,
	WITHDRAW,
	STEPS
};

static struct bus_guest guest;
static struct bus_controller controller;
static struct bus_end ends[ENDS];
static struct fuzz_input input;
/* Of each end: it was opened; nobody has changed its rings since; packets that are to be answered, by number. */
static bool opened[ENDS], honest[ENDS];
static u16 due[ENDS][IDS];

static struct storvsp_channel *channel(u32 i)
{
	return controller.s.channels[i];
}

static bool is_open(u32 i)
{
	return opened[i] && channel(i) != NULL && channel(i)->c.state == VMBUS_CHANNEL_OPEN;
}

/* ---- packets ---- */

static void send(u32 i, const struct vmbus_message *m)
{
	int r = vmbus_ring_write(&ends[i].out, m);

	if (r >= 0 && m->type != VMBUS_PACKET_COMPLETION)
		due[i][m->transaction % IDS]++;
	if (r == 1)
		(void)bus_end_signal(&ends[i]);
}

/* A request with pages, nearly right: the command block is one of a disk's, or any. */
static void request(u32 i)
{
	static const u8 opcodes[] = { 0x28, 0x2a, 0x88, 0x8a, 0x12, 0x35, 0x42, 0x00, 0xa0, 0x25,
		0x9e, 0x1a };
	_Alignas(8) u8 header[16 + 8 * 8];
	u32 kind = input_u8(&input), sectors = input_u8(&input) % 20, count = kind % 9;
	u32 words[4] = { 0, 1, sectors * 512, kind & 16 ? input_u16(&input) % 5000 : 0 };
	struct vstor_packet p = { .operation = VSTOR_EXECUTE_SRB,
		.srb = { .lun = input_u8(&input) % 3,
			.cdb_length = 10,
			.sense_length = input_u8(&input) % 24,
			.direction = kind >> 6 & 3,
			.transfer_length = sectors * 512 } };
	struct vmbus_message m = { .type = count > 0 ? VMBUS_PACKET_GPA_DIRECT
						     : VMBUS_PACKET_INBAND,
		.transaction = 1u + input_u8(&input) % (IDS - 1),
		.header = { header, count > 0 ? 16 + 8 * (count - 1) : 0 },
		.payload = { &p, sizeof(p) } };

	p.srb.cdb_or_sense[0] = opcodes[input_u8(&input) % sizeof(opcodes)];
	p.srb.cdb_or_sense[8] = (u8)sectors;
	if (kind & 32) {
		p.srb.cdb_length = input_u8(&input) % 20;
		input_bytes(&input, p.srb.cdb_or_sense + 1, 15);
	} else {
		p.srb.cdb_or_sense[5] = input_u8(&input);
	}
	memcpy(header, words, sizeof(words));
	for (u32 k = 0; k < 8; k++) {
		u64 pfn = DATA + input_u8(&input) % (PAGES - DATA + 2);

		memcpy(header + 16 + 8 * k, &pfn, 8);
	}
	send(i, &m);
}

static void control(u32 i)
{
	static const u32 operations[] = { VSTOR_BEGIN_INITIALIZATION, VSTOR_QUERY_PROTOCOL_VERSION,
		VSTOR_QUERY_PROPERTIES, VSTOR_END_INITIALIZATION, VSTOR_CREATE_SUB_CHANNELS,
		VSTOR_RESET_BUS, VSTOR_RESET_LUN, 99 };
	const u32 n = input_u8(&input) % ARRAY_SIZE(operations);
	const struct vstor_packet p = { .operation = operations[n],
		.version = n == 1 ? VSTOR_VERSION_6_2 : input_u8(&input) % 5 };
	const struct vmbus_message m = {
		.type = VMBUS_PACKET_INBAND, .transaction = 255, .payload = { &p, sizeof(p) }
	};

	send(i, &m);
}

static void raw(u32 i)
{
	_Alignas(8) u8 header[64], payload[96];
	struct vmbus_message m = { .type = input_u8(&input) % 16,
		.transaction = 1u + input_u8(&input) % (IDS - 1),
		.header = { header, input_u8(&input) % 9 * 8 },
		.payload = { payload, input_u8(&input) % (sizeof(payload) + 1) } };

	input_bytes(&input, header, m.header.len);
	input_bytes(&input, payload, m.payload.len);
	send(i, &m);
}

/* Whether there was one. */
static bool answer(u32 i)
{
	_Alignas(8) u8 buf[80];
	struct vmbus_packet p;
	int r = bus_end_read(&ends[i], &p, buf, sizeof(buf));

	if (!honest[i])
		return r == 1;
	BUS_MUST(r == 0 || r == 1);
	if (r == 0)
		return false;
	BUS_MUST(p.length == 80 && p.header == 16);
	if (p.transaction == 0)
		return true;
	BUS_MUST(p.type == VMBUS_PACKET_COMPLETION && p.transaction < IDS);
	BUS_MUST(due[i][p.transaction] > 0);
	due[i][p.transaction]--;
	return true;
}

/* ---- channels ---- */

static void open_one(u32 i)
{
	if (channel(i) == NULL || channel(i)->c.state != VMBUS_CHANNEL_OFFERED ||
		channel(i)->c.relid == 0)
		return;
	bus_teardown(&guest, channel(i)->c.relid, i + 1);
	bus_skip(&guest);
	opened[i] = bus_end_open(&ends[i], &guest, &channel(i)->c, i + 1, i * RINGS, RINGS);
	BUS_MUST(opened[i]);
	honest[i] = true;
	memset(due[i], 0, sizeof(due[i]));
}

static void close_one(u32 i)
{
	if (is_open(i))
		bus_relid(&guest, VMBUS_CLOSE_CHANNEL, ends[i].relid);
}

/* What a packet of any bytes names may be any page; the rings stay as they are, so that answers can be counted. */
static bool is_no_ring(u64 pfn)
{
	return pfn >= DATA;
}

static void begin(void)
{
	open_one(0);
	BUS_MUST(bus_vstor_begin(&ends[0]));
}

static void disk(void)
{
	u32 lun = input_u8(&input) % 2;

	if (controller.s.luns[lun] != NULL)
		BUS_MUST(storvsp_set_lun(&controller.s, lun, NULL) == 0);
	else if (!storvsp_lun_busy(&controller.s, lun))
		BUS_MUST(storvsp_set_lun(&controller.s, lun, &controller.disks[lun].d) == 0);
}

static void end_request(void)
{
	static const int errors[] = { 0, 0, 0, -EIO, -ENOSPC, -ENODEV };
	struct bus_disk *d = &controller.disks[input_u8(&input) % BUS_DISKS];
	u32 n = input_u8(&input);

	if (d->count > 0)
		bus_disk_end(d, n % d->count, errors[n / 4 % ARRAY_SIZE(errors)]);
}

/* Rings as well as data. */
static void change_memory(void)
{
	u32 page = input_u8(&input) % (PAGES - 2), at = input_u16(&input) % BUS_PAGE;
	u32 size = 1 + input_u8(&input) % 16;

	if (page / RINGS < ENDS)
		honest[page / RINGS] = false;
	input_bytes(&input, guest.ram[page] + at, MIN(size, BUS_PAGE - at));
}

static void step(u32 kind)
{
	u32 i = kind / STEPS % ENDS;

	switch (kind % STEPS) {
	case REQUEST:
		if (is_open(i))
			request(i);
		break;
	case CONTROL:
		if (is_open(i))
			control(i);
		break;
	case RAW:
		if (is_open(i))
			raw(i);
		break;
	case END:
		end_request();
		break;
	case ANSWER:
		if (is_open(i))
			(void)answer(i);
		break;
	case TURN:
		if (is_open(i))
			(void)bus_end_signal(&ends[i]);
		bus_controller_run(&controller);
		break;
	case OPEN:
		open_one(i);
		break;
	case CLOSE:
		close_one(i);
		break;
	case DISK:
		disk();
		break;
	case CHANNELS:
		storvsp_offer_channels(&controller.s, controller.wanted);
		break;
	case MEMORY:
		change_memory();
		break;
	case WITHDRAW:
		if (channel(1) != NULL && input_u8(&input) == 1)
			vmbus_server_withdraw(&channel(1)->c);
		else if (channel(1) != NULL && channel(1)->c.state == VMBUS_CHANNEL_RESCINDED)
			bus_relid(&guest, VMBUS_RELID_RELEASED, channel(1)->c.relid);
		break;
	}
	bus_attend(&guest);
	for (u32 k = 0; k < ENDS; k++)
		opened[k] = is_open(k);
}

/* All that is under way ends, and all answers are read: none is missing. */
static void settle(void)
{
	bool any;

	bus_controller_let_go(&controller);
	do {
		any = false;
		for (u32 i = 0; i < ENDS; i++)
			while (is_open(i) && answer(i))
				any = true;
		bus_controller_drain(&controller);
	} while (any);
	for (u32 i = 0; i < ENDS; i++)
		for (u32 id = 0; is_open(i) && honest[i] && id < IDS; id++)
			BUS_MUST(due[i][id] == 0);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	input = (struct fuzz_input){ data, size };
	bus_objects = bus_fail_after = 0;
	memset(opened, 0, sizeof(opened));
	bus_guest_make(&guest, PAGES);
	bus_controller_make(&controller, &guest, 1, ENDS - 1);
	controller.allows = is_no_ring;
	if (input_u8(&input) & 1)
		bus_controller_look_later(&controller);
	bus_set_aside(&guest, PAGES - 1, BUS_FOREIGN);
	bus_set_aside(&guest, PAGES - 2, BUS_READ_ONLY);
	bus_connect(&guest);
	begin();
	while (input.left > 0)
		step(input_u8(&input));
	settle();
	bus_guest_end(&guest);
	for (u32 i = 0; i < STORVSP_LUNS; i++)
		BUS_MUST(!storvsp_lun_busy(&controller.s, i));
	BUS_MUST(bus_objects == 0);
	return 0;
}

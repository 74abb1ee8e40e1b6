/* SPDX-License-Identifier: MIT */
/*
 * Rings that make no sense, and packets that make none: the first cost a channel, the second are answered.
 */
#include "lib/string.h"
#include "tests/guest/disk/hostile.h"
#include "tests/guest/lib/guest.h"
#include "x86/atomic.h"

#define SIZE   ((STORVSC_RING_PAGES / 2 - 1) * 4096u) /* of a ring's data */
#define ID     0x1234567800000000ull
#define INBAND VMBUS_PACKET_INBAND
#define DIRECT VMBUS_PACKET_GPA_DIRECT

static struct storvsc *const s = &bus_disks[0];

/* The channel is gone; what is said of it then is answered as ever. */
static bool is_cut_off(void)
{
	return hostile_is_cut_off(s->channel.connection);
}

static void send_ready(u64 id)
{
	struct vstor_packet p = { .operation = VSTOR_EXECUTE_SRB,
		.flags = 1,
		.srb = { .length = sizeof(p.srb), .cdb_length = 6, .direction = VSTOR_NO_DATA } };
	const struct vmbus_message m = {
		.type = INBAND, .flags = 1, .transaction = id, .payload = { &p, sizeof(p) }
	};

	(void)vmbus_client_write(s->client, &s->channel, &m);
}

/* ---- indices ---- */

static const u32 bad_indices[] = { SIZE, SIZE + 8, 0xffffffff, 0xfffffff8, 0x80000000, 1, 4, 7,
	SIZE - 1 };

/* @write: of the ring to the host what was written; else of the ring from it what was read. */
static bool bad_index(u32 index, bool write)
{
	bool cut;

	if (!hostile_open())
		return false;
	if (write) {
		store_release(&s->channel.to_host.control->write, index);
		(void)hv_bus_signal(&bus_vps[0], s->channel.connection);
	} else {
		store_release(&s->channel.from_host.control->read, index);
		send_ready(ID);
	}
	cut = is_cut_off();
	/* It is opened again on the same connection. */
	bus_close_disks();
	if (bus_open_disks(1) != 0)
		return false;
	bus_close_disks();
	return cut;
}

/* Behind where the host is: all the ring would be full, of what never was a packet. */
static bool backwards(void)
{
	bool cut;

	if (!hostile_open())
		return false;
	store_release(&s->channel.to_host.control->write, s->channel.to_host.index - 8);
	(void)hv_bus_signal(&bus_vps[0], s->channel.connection);
	cut = is_cut_off();
	bus_close_disks();
	return cut;
}

void hostile_indices(void)
{
	u32 cut = 0;

	for (u32 i = 0; i < ARRAY_SIZE(bad_indices); i++)
		cut += bad_index(bad_indices[i], true);
	guest_check(cut == ARRAY_SIZE(bad_indices), "indices-written", "%u", cut);
	cut = 0;
	for (u32 i = 0; i < ARRAY_SIZE(bad_indices); i++)
		cut += bad_index(bad_indices[i], false);
	guest_check(cut == ARRAY_SIZE(bad_indices), "indices-read", "%u", cut);
	guest_check(backwards(), "indices-backwards");
}

/* ---- lengths ---- */

static const struct {
	u16 header8, length8;
} bad_lengths[] = { { 0, 0 }, { 2, 0 }, { 2, 1 }, { 0, 11 }, { 1, 11 }, { 12, 11 }, { 0xffff, 11 },
	{ 2, 12 }, { 2, 0xffff }, { 0xffff, 0xffff }, { 2, SIZE / 8 } };

/* In a packet of 88 bytes with its trailer. */
static bool bad_length(u16 header8, u16 length8)
{
	struct vmbus_ring *r = &s->channel.to_host;
	struct vmbus_descriptor d = {
		.type = INBAND, .header8 = header8, .length8 = length8, .flags = 1
	};
	bool cut;

	if (!hostile_open())
		return false;
	/* It has not come round yet: no descriptor lies on two pages. */
	memcpy(r->pages[r->index / 4096] + r->index % 4096, &d, sizeof(d));
	store_release(&r->control->write, r->index + 88);
	(void)hv_bus_signal(&bus_vps[0], s->channel.connection);
	cut = is_cut_off();
	bus_close_disks();
	return cut;
}

void hostile_lengths(void)
{
	u32 cut = 0;

	for (u32 i = 0; i < ARRAY_SIZE(bad_lengths); i++) {
		if (bad_length(bad_lengths[i].header8, bad_lengths[i].length8))
			cut++;
		else
			guest_print("length %u %u was taken\r\n", bad_lengths[i].header8,
				bad_lengths[i].length8);
	}
	guest_check(cut == ARRAY_SIZE(bad_lengths), "lengths", "%u", cut);
}

/* ---- packets ---- */

/* What a packet says of the guest's memory; a WRITE(16) of 8 sectors for whoever believes it. */
struct direct {
	u32 reserved, ranges, bytes, offset;
	u64 pfns[2];
};

static const struct odd {
	u16 type;
	bool answered;
	u32 payload; /* bytes */
	u32 header;  /* bytes of the list */
	struct direct direct;
} odd[] = {
	{ INBAND, true, 0, 0, { 0 } },
	{ INBAND, true, 8, 0, { 0 } },
	{ INBAND, true, 56, 0, { 0 } },
	{ INBAND, true, 64, 0, { 0 } },
	{ INBAND, true, 4096, 0, { 0 } },
	{ INBAND, true, 16384, 0, { 0 } },
	{ VMBUS_PACKET_COMPLETION, false, 64, 0, { 0 } },
	{ VMBUS_PACKET_TRANSFER_PAGES, true, 64, 0, { 0 } },
	{ 0, true, 64, 0, { 0 } },
	{ 0xff, true, 64, 0, { 0 } },
	{ DIRECT, true, 64, 0, { 0 } },
	{ DIRECT, true, 64, 8, { 0, 1, 0, 0, { 0 } } },
	{ DIRECT, true, 64, 16, { 0, 1, 4096, 0, { 0 } } },
	{ DIRECT, true, 64, 32, { 0, 0, 4096, 0, { 0 } } },
	{ DIRECT, true, 64, 32, { 0, 2, 4096, 0, { 0 } } },
	{ DIRECT, true, 64, 32, { 0, 0xffffffff, 4096, 0, { 0 } } },
	{ DIRECT, true, 64, 32, { 0, 1, 0, 0, { 0 } } },
	{ DIRECT, true, 64, 32, { 0, 1, 0xffffffff, 0, { 0 } } },
	{ DIRECT, true, 64, 32, { 0, 1, 0xfffff001, 4095, { 0 } } },
	{ DIRECT, true, 64, 32, { 0, 1, 4096, 4096, { 0 } } },
	{ DIRECT, true, 64, 32, { 0, 1, 4096, 0xffffffff, { 0 } } },
	{ DIRECT, true, 64, 32, { 0, 1, 8192, 1, { 0 } } },
	/* Pages that are not its, or are no RAM. */
	{ DIRECT, true, 64, 32, { 0, 1, 4096, 0, { 0xfee00, 0 } } },
	{ DIRECT, true, 64, 32, { 0, 1, 4096, 0, { 0x100000, 0 } } },
	{ DIRECT, true, 64, 32, { 0, 1, 4096, 0, { 1ull << 40, 0 } } },
	{ DIRECT, true, 64, 32, { 0, 1, 4096, 0, { 1ull << 52, 0 } } },
	{ DIRECT, true, 64, 32, { 0, 1, 4096, 0, { ~0ull, 0 } } },
	{ DIRECT, true, 64, 32, { 0, 1, 4096, 0, { ~0ull >> 12, 0 } } },
};

static int send_odd(const struct odd *o, u64 id)
{
	static struct vstor_packet p[16384 / sizeof(struct vstor_packet)];
	const struct vmbus_message m = { .type = o->type,
		.flags = 1,
		.transaction = id,
		.header = { &o->direct, o->header },
		.payload = { p, o->payload } };

	p[0] = (struct vstor_packet){ .operation = VSTOR_EXECUTE_SRB,
		.flags = 1,
		.srb = { .length = sizeof(p[0].srb),
			.lun = hostile_lun(),
			.cdb_length = 16,
			.sense_length = VSTOR_SENSE_ROOM,
			.direction = VSTOR_WRITE,
			.transfer_length = 4096,
			.cdb_or_sense = {
				0x8a, [13] = (u8)(4096 / hostile_disk()->sector_size) } } };
	return vmbus_client_write(s->client, &s->channel, &m);
}

static bool is_refused(const struct vstor_packet *p)
{
	return p->operation == VSTOR_COMPLETE_IO &&
	       (p->status != VSTOR_STATUS_OK || p->srb.srb_status != SRB_SUCCESS);
}

/* Its answer says that it was nothing, or there is none and the next packet has one. */
static bool try_odd(const struct odd *o, u64 id)
{
	struct vstor_packet p;

	if (send_odd(o, id) != 0)
		return false;
	if (o->answered)
		return hostile_answer(s, id, &p) && is_refused(&p);
	send_ready(id + 1);
	return hostile_answer(s, id + 1, &p) && !is_refused(&p);
}

void hostile_packets(void)
{
	u32 good = 0;

	if (!hostile_open() || hostile_disk() == NULL)
		return;
	for (u32 i = 0; i < ARRAY_SIZE(odd); i++) {
		if (try_odd(&odd[i], ID + 2 * i))
			good++;
		else
			guest_print("odd packet %u\r\n", i);
	}
	/* All on one channel, which is still there. */
	guest_check(good == ARRAY_SIZE(odd), "packets", "%u", good);
	bus_close_disks();
}

/* SPDX-License-Identifier: MIT */
/*
 * A packet with its list of pages goes out; what comes in with its number is the answer. Others are answers to
 * nobody, or the provider's word that disks have come or gone.
 */
#include "vsc/storvsc.h"

#include "base/errno.h"
#include "lib/string.h"

#define PAGE       4096u
#define PAGES_MAX  (STORVSC_BYTES_MAX / PAGE + 1)
#define BEGIN_ID   0xfffffffffffffffdull /* as Linux numbers what comes before the first command */
#define PACKET_MAX 80u
#define CDB_16     16u

/* ba6163d9-04a1-4d29-b605-72e2ffb1dc7f */
static const struct guid scsi_interface = { { 0xd9, 0x63, 0x61, 0xba, 0xa1, 0x04, 0x29, 0x4d, 0xb6,
	0x05, 0x72, 0xe2, 0xff, 0xb1, 0xdc, 0x7f } };

/* A GPA-direct packet's part behind the descriptor: one range. */
struct range {
	u32 reserved;
	u32 count;
	u32 bytes;
	u32 offset;
	u64 pfns[PAGES_MAX];
};

/* Waits for the answer with that number. */
static int answer(struct storvsc *s, u64 id, struct vstor_packet *p)
{
	for (;;) {
		struct vmbus_packet packet;
		u8 buf[PACKET_MAX];
		int r = vmbus_client_read(s->client, &s->channel, &packet, buf, sizeof(buf));

		if (r < 0)
			return r;
		if (r == 0) {
			s->wait(s->context);
			continue;
		}
		if (packet.transaction != id || packet.length - packet.header < sizeof(*p))
			continue;
		memcpy(p, buf + packet.header, sizeof(*p));
		return p->operation == VSTOR_COMPLETE_IO ? 0 : -EPROTO;
	}
}

/* The ring has room for one, as nothing else is under way. */
static int exchange(struct storvsc *s, struct vmbus_message *m, u64 id, struct vstor_packet *p)
{
	int r;

	m->flags = VMBUS_PACKET_WANTS_COMPLETION;
	m->transaction = id;
	m->payload = (struct vmbus_part){ p, sizeof(*p) };
	r = vmbus_client_write(s->client, &s->channel, m);
	return r != 0 ? r : answer(s, id, p);
}

/* A step of the beginning: its status must be good. */
static int step(struct storvsc *s, struct vstor_packet *p)
{
	struct vmbus_message m = { .type = VMBUS_PACKET_INBAND };
	int r;

	p->flags = 1;
	r = exchange(s, &m, BEGIN_ID, p);
	if (r != 0)
		return r;
	return p->status == VSTOR_STATUS_OK ? 0 : -ENOTSUP;
}

static int negotiate(struct storvsc *s)
{
	static const u16 versions[] = { VSTOR_VERSION_6_2, VSTOR_VERSION_6_0, VSTOR_VERSION_5_1 };

	for (u32 i = 0; i < ARRAY_SIZE(versions); i++) {
		struct vstor_packet p = { .operation = VSTOR_QUERY_PROTOCOL_VERSION,
			.version = versions[i] };
		int r = step(s, &p);

		if (r == 0)
			s->version = versions[i];
		if (r != -ENOTSUP)
			return r;
	}
	return -ENOTSUP;
}

static int begin(struct storvsc *s)
{
	struct vstor_packet p = { .operation = VSTOR_BEGIN_INITIALIZATION };
	int r = step(s, &p);

	if (r == 0)
		r = negotiate(s);
	if (r != 0)
		return r;
	p = (struct vstor_packet){ .operation = VSTOR_QUERY_PROPERTIES };
	r = step(s, &p);
	if (r != 0)
		return r;
	s->max_subchannels = p.properties.max_subchannels;
	s->max_transfer = p.properties.max_transfer;
	p = (struct vstor_packet){ .operation = VSTOR_END_INITIALIZATION };
	return step(s, &p);
}

int storvsc_open(struct storvsc *s, struct vmbus_client *client, u8 *memory, u32 vp)
{
	const struct vmbus_client_offer *offer = vmbus_client_find(client, &scsi_interface, 0);
	int r;

	s->client = client;
	s->next_id = 1;
	if (offer == NULL)
		return -ENODEV;
	r = vmbus_client_open(client, &s->channel, offer, memory, STORVSC_RING_PAGES, vp);
	if (r != 0)
		return r;
	r = begin(s);
	if (r != 0)
		storvsc_close(s);
	return r;
}

void storvsc_close(struct storvsc *s)
{
	vmbus_client_close(s->client, &s->channel);
}

/* The list of pages that [data, data + bytes) lies in. */
static u32 range_fill(const struct storvsc *s, struct range *range, void *data, u32 bytes)
{
	const struct vmbus_client_host *host = s->client->host;
	u32 offset = (u32)((u64)data & (PAGE - 1)), pages = (offset + bytes + PAGE - 1) / PAGE;
	u8 *at = (u8 *)data - offset;

	*range = (struct range){ .count = 1, .bytes = bytes, .offset = offset };
	for (u32 i = 0; i < pages; i++)
		range->pfns[i] = host->pfn(host->context, at + (size_t)i * PAGE);
	return pages;
}

static s64 result(struct storvsc *s, const struct vstor_packet *p)
{
	s->srb_status = p->srb.srb_status;
	memcpy(s->sense, p->srb.cdb_or_sense, sizeof(s->sense));
	if (p->srb.srb_status == SRB_SUCCESS)
		return p->srb.transfer_length;
	return p->srb.srb_status == SRB_INVALID_LUN ? -ENODEV : -EIO;
}

s64 storvsc_command(struct storvsc *s, u8 lun, const u8 *cdb, u8 cdb_size,
	enum storvsc_direction direction, void *data, u32 bytes)
{
	struct vstor_packet p = { .operation = VSTOR_EXECUTE_SRB,
		.flags = 1,
		.srb = { .length = sizeof(p.srb),
			.lun = lun,
			.cdb_length = cdb_size,
			.sense_length = VSTOR_SENSE_ROOM,
			.direction = direction == STORVSC_IN    ? VSTOR_READ
				     : direction == STORVSC_OUT ? VSTOR_WRITE
								: VSTOR_NO_DATA,
			.transfer_length = bytes } };
	struct vmbus_message m = { .type = VMBUS_PACKET_INBAND };
	struct range range;
	int r;

	if (bytes > STORVSC_BYTES_MAX || cdb_size > CDB_16)
		return -EINVAL;
	memcpy(p.srb.cdb_or_sense, cdb, cdb_size);
	if (bytes > 0) {
		m.type = VMBUS_PACKET_GPA_DIRECT;
		m.header =
			(struct vmbus_part){ &range, 16 + 8 * range_fill(s, &range, data, bytes) };
	}
	r = exchange(s, &m, s->next_id++, &p);
	return r != 0 ? r : result(s, &p);
}

static void put_be32(u8 *p, u32 v)
{
	v = __builtin_bswap32(v);
	memcpy(p, &v, sizeof(v));
}

static void put_be64(u8 *p, u64 v)
{
	v = __builtin_bswap64(v);
	memcpy(p, &v, sizeof(v));
}

int storvsc_capacity(struct storvsc *s, u8 lun, struct storvsc_disk *d)
{
	u8 cdb[CDB_16] = { 0x9e, 0x10 };
	u64 last;
	u32 size;
	s64 r;

	cdb[13] = sizeof(s->buffer);
	r = storvsc_command(s, lun, cdb, sizeof(cdb), STORVSC_IN, s->buffer, sizeof(s->buffer));
	if (r < 0)
		return (int)r;
	if (r < 12)
		return -EPROTO;
	memcpy(&last, s->buffer, sizeof(last));
	memcpy(&size, s->buffer + 8, sizeof(size));
	*d = (struct storvsc_disk){ __builtin_bswap64(last) + 1, __builtin_bswap32(size) };
	return 0;
}

/* All of it, or it failed. */
static int transfer(struct storvsc *s, u8 lun, const struct storvsc_disk *d, u8 opcode, u64 sector,
	enum storvsc_direction direction, void *data, u32 sectors)
{
	u8 cdb[CDB_16] = { opcode };
	u32 bytes = sectors * d->sector_size;
	s64 r;

	put_be64(cdb + 2, sector);
	put_be32(cdb + 10, sectors);
	r = storvsc_command(s, lun, cdb, sizeof(cdb), direction, data, bytes);
	if (r < 0)
		return (int)r;
	return r == bytes ? 0 : -EIO;
}

int storvsc_read(struct storvsc *s, u8 lun, const struct storvsc_disk *d, u64 sector, void *data,
	u32 sectors)
{
	return transfer(s, lun, d, 0x88, sector, STORVSC_IN, data, sectors);
}

int storvsc_write(struct storvsc *s, u8 lun, const struct storvsc_disk *d, u64 sector,
	const void *data, u32 sectors)
{
	return transfer(s, lun, d, 0x8a, sector, STORVSC_OUT, (void *)(uintptr_t)data, sectors);
}

int storvsc_flush(struct storvsc *s, u8 lun)
{
	const u8 cdb[CDB_16] = { 0x91 };
	s64 r = storvsc_command(s, lun, cdb, sizeof(cdb), STORVSC_NONE, NULL, 0);

	return r < 0 ? (int)r : 0;
}

/* SPDX-License-Identifier: MIT */
/*
 * A packet with its list of pages goes out under a number; what comes in with that number is the answer. Numbers
 * of commands are places in a table, counted from 1; the steps of the beginning have one of their own. What comes
 * with another is an answer to nobody, or the provider's word that disks have come or gone.
 */
#include "vsc/storvsc.h"

#include "base/errno.h"
#include "lib/string.h"

#define PAGE       4096u
#define PAGES_MAX  (STORVSC_BYTES_MAX / PAGE + 1)
#define STEP_ID    0xfffffffffffffffdull /* as Linux numbers what comes before the first command */
#define PACKET_MAX 80u

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

/* ---- answers ---- */

static s64 result(const struct vstor_packet *p)
{
	if (p->operation != VSTOR_COMPLETE_IO)
		return -EPROTO;
	if (p->srb.srb_status == SRB_SUCCESS)
		return p->srb.transfer_length;
	return p->srb.srb_status == SRB_INVALID_LUN ? -ENODEV : -EIO;
}

/* 1: a request is done. */
static int take_answer(struct storvsc *s, u64 id, const struct vstor_packet *p)
{
	struct storvsc_request *r;

	if (id == STEP_ID) {
		s->step = *p;
		s->stepped = true;
		return 0;
	}
	if (id == 0 && (p->operation == VSTOR_ENUMERATE_BUS || p->operation == VSTOR_REMOVE_DEVICE))
		s->look_again = true;
	if (id == 0 || id > STORVSC_DEPTH || s->under_way[id - 1] == NULL)
		return 0;
	r = s->under_way[id - 1];
	s->under_way[id - 1] = NULL;
	r->result = result(p);
	r->srb_status = p->srb.srb_status;
	memcpy(r->sense, p->srb.cdb_or_sense, sizeof(r->sense));
	r->done = true;
	return 1;
}

int storvsc_poll(struct storvsc *s)
{
	struct vmbus_packet packet;
	struct vstor_packet p;
	u8 buf[PACKET_MAX];
	int done = 0, r;

	while ((r = vmbus_client_read(s->client, &s->channel, &packet, buf, sizeof(buf))) != 0) {
		if (r < 0 && r != -EMSGSIZE)
			return r;
		if (r == -EMSGSIZE || packet.length - packet.header < sizeof(p))
			continue;
		memcpy(&p, buf + packet.header, sizeof(p));
		done += take_answer(s, packet.transaction, &p);
	}
	return done;
}

/* Takes what has come, or waits until something may have. */
static int poll_or_wait(struct storvsc *s, const bool *done)
{
	int r = storvsc_poll(s);

	if (r == 0 && !*done)
		s->wait(s->context);
	return r < 0 ? r : 0;
}

/* It is not waited for any more. */
static void forget(struct storvsc *s, const struct storvsc_request *r)
{
	for (u32 i = 0; i < STORVSC_DEPTH; i++) {
		if (s->under_way[i] == r)
			s->under_way[i] = NULL;
	}
}

s64 storvsc_finish(struct storvsc *s, struct storvsc_request *r)
{
	int error = 0;

	while (!r->done && error == 0)
		error = poll_or_wait(s, &r->done);
	if (r->done)
		return r->result;
	forget(s, r);
	return error;
}

/* ---- the beginning ---- */

/* Its status must be good. */
static int step(struct storvsc *s, struct vstor_packet *p)
{
	const struct vmbus_message m = { .type = VMBUS_PACKET_INBAND,
		.flags = VMBUS_PACKET_WANTS_COMPLETION,
		.transaction = STEP_ID,
		.payload = { p, sizeof(*p) } };
	int r;

	p->flags = 1;
	s->stepped = false;
	r = vmbus_client_write(s->client, &s->channel, &m);
	while (r == 0 && !s->stepped)
		r = poll_or_wait(s, &s->stepped);
	if (r != 0)
		return r;
	*p = s->step;
	if (p->operation != VSTOR_COMPLETE_IO)
		return -EPROTO;
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
	if (p.properties.flags & VSTOR_MULTI_CHANNEL)
		s->max_subchannels = p.properties.max_subchannels;
	s->max_transfer = p.properties.max_transfer;
	p = (struct vstor_packet){ .operation = VSTOR_END_INITIALIZATION };
	return step(s, &p);
}

/* But for what is the user's. */
static void init(struct storvsc *s, struct vmbus_client *client)
{
	*s = (struct storvsc){ .client = client, .wait = s->wait, .context = s->context };
}

int storvsc_open(struct storvsc *s, struct vmbus_client *client, u8 *memory, u32 vp)
{
	const struct vmbus_client_offer *offer = vmbus_client_find(client, &scsi_interface, 0);
	int r;

	init(s, client);
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

int storvsc_ask_subchannels(struct storvsc *s, u32 count)
{
	struct vstor_packet p = { .operation = VSTOR_CREATE_SUB_CHANNELS,
		.subchannels = (u16)count };

	return count > s->max_subchannels ? -ENOTSUP : step(s, &p);
}

int storvsc_open_subchannel(
	struct storvsc *s, const struct storvsc *primary, u16 index, u8 *memory, u32 vp)
{
	struct vmbus_client *client = primary->client;
	const struct vmbus_client_offer *offer =
		vmbus_client_wait_subchannel(client, primary->channel.offer, index);

	init(s, client);
	s->version = primary->version;
	s->max_transfer = primary->max_transfer;
	return vmbus_client_open(client, &s->channel, offer, memory, STORVSC_RING_PAGES, vp);
}

int storvsc_reset(struct storvsc *s)
{
	struct vstor_packet p = { .operation = VSTOR_RESET_BUS };

	return step(s, &p);
}

/* ---- commands ---- */

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

static enum vstor_direction direction_of(const struct storvsc_request *r)
{
	return r->direction == STORVSC_IN    ? VSTOR_READ
	       : r->direction == STORVSC_OUT ? VSTOR_WRITE
					     : VSTOR_NO_DATA;
}

static int send(struct storvsc *s, const struct storvsc_request *r, u64 id)
{
	struct vstor_packet p = { .operation = VSTOR_EXECUTE_SRB,
		.flags = 1,
		.srb = { .length = sizeof(p.srb),
			.lun = r->lun,
			.cdb_length = r->cdb_size,
			.sense_length = VSTOR_SENSE_ROOM,
			.direction = (u8)direction_of(r),
			.transfer_length = r->bytes } };
	struct vmbus_message m = { .type = VMBUS_PACKET_INBAND,
		.flags = VMBUS_PACKET_WANTS_COMPLETION,
		.transaction = id,
		.payload = { &p, sizeof(p) } };
	struct range range;

	memcpy(p.srb.cdb_or_sense, r->cdb, r->cdb_size);
	if (r->bytes > 0) {
		m.type = VMBUS_PACKET_GPA_DIRECT;
		m.header = (struct vmbus_part){ &range,
			16 + 8 * range_fill(s, &range, r->data, r->bytes) };
	}
	return vmbus_client_write(s->client, &s->channel, &m);
}

int storvsc_submit(struct storvsc *s, struct storvsc_request *r)
{
	u32 place = 0;
	int error;

	if (r->bytes > STORVSC_BYTES_MAX || r->cdb_size > STORVSC_CDB_MAX)
		return -EINVAL;
	while (place < STORVSC_DEPTH && s->under_way[place] != NULL)
		place++;
	if (place == STORVSC_DEPTH)
		return -EAGAIN;
	r->done = false;
	s->under_way[place] = r;
	error = send(s, r, place + 1);
	if (error != 0)
		s->under_way[place] = NULL;
	return error;
}

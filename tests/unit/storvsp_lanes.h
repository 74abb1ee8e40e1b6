/* SPDX-License-Identifier: MIT */
/*
 * A guest of a SCSI controller that does I/O by several channels, step by step: it finds them, opens them, and sends requests
 * whose data and answers are checked against a model. Nothing waits: what there is to be taken is taken when the test says so.
 */
#pragma once

#include "tests/unit/storvsp_host.h"
#include "vsp/storvsp/storvsp_impl.h"

#define LANES       3u
#define RINGS       8u  /* the first page of the first lane's */
#define RING_PAGES  30u /* one message has room for 26 of them */
#define SECOND      28u /* where the ring to the guest is, with one page of data: for 46 answers */
#define OUT_DATA    (SECOND - 1)
#define IN_ANSWERS  46u
#define JOBS        80u
#define JOB_SECTORS 16u
#define JOB_PAGES   3u
#define DATA        200u /* the first page of the first job's */
#define CONTROL_ID  1000000000ull
#define STATE_MAX   65536u

/* ---- the guest ---- */

enum lane_state {
	NONE,
	OFFERED,
	TELLING,
	TOLD,
	CREATED,
	OPENING,
	OPEN,
	CLOSING,
	REFUSED,
	RESCINDED
};

static struct lane {
	enum lane_state state;
	bool rescinded; /* while it closes */
	u32 relid, gpadl;
	bool signal_due;
	struct vmbus_ring out, in;
	u8 *out_pages[OUT_DATA], *in_pages[1];
} lanes[LANES];

static struct job {
	bool busy, write;
	u32 lane, count, offset; /* sectors; of the first byte in the first page */
	u64 id;
} jobs[JOBS];

static u8 model[SECTORS * 512];
static u32 taken, next_gpadl,
	step;      /* messages; the next number; how far the controller is set up */
static bool asked; /* for the next step */
static u64 next_id, answered, lost;

static void post(const void *message, u32 size)
{
	vmbus_server_message(&s, message, size);
	attend();
}

static void post_relid(u32 type, u32 relid)
{
	const struct vmbus_relid m = { { .type = type }, relid };

	post(&m, sizeof(m));
}

static u32 ring_page(const struct lane *l)
{
	return RINGS + (u32)(l - lanes) * 32;
}

static u8 *job_byte(const struct job *j, u32 i)
{
	u32 at = j->offset + i;

	return &ram[DATA + (u32)(j - jobs) * JOB_PAGES + at / 4096][at % 4096];
}

static u8 *model_byte(const struct job *j, u32 i)
{
	return &model[(u32)(j - jobs) * JOB_SECTORS * 512 + i];
}

/* What was under way by a lane that is closed may have been done or not. */
static void lose_jobs(const struct lane *l)
{
	for (u32 i = 0; i < JOBS; i++) {
		u32 at = i * JOB_SECTORS * 512;

		if (!jobs[i].busy || jobs[i].lane != (u32)(l - lanes))
			continue;
		jobs[i].busy = false;
		memcpy(model + at, disks[0].bytes + at, JOB_SECTORS * 512);
		lost++;
	}
}

static void tell_header(struct lane *l)
{
	u8 m[VMBUS_MESSAGE_MAX] = { 0 };
	struct vmbus_gpadl_header *h = (void *)m;

	memset(ram[ring_page(l)], 0, RING_PAGES * 4096);
	l->gpadl = next_gpadl++;
	*h = (struct vmbus_gpadl_header){ { .type = VMBUS_GPADL_HEADER }, l->relid, l->gpadl,
		8 + 8 * RING_PAGES, 1, RING_PAGES * 4096, 0 };
	for (u64 i = 0; i < 26; i++)
		memcpy(m + sizeof(*h) + 8 * i, &(u64){ ring_page(l) + i }, 8);
	post(m, sizeof(*h) + 8 * 26);
	l->state = TELLING;
}

static void tell_body(struct lane *l)
{
	u8 m[VMBUS_MESSAGE_MAX] = { 0 };
	struct vmbus_gpadl_body *b = (void *)m;

	*b = (struct vmbus_gpadl_body){ { .type = VMBUS_GPADL_BODY }, 0, l->gpadl };
	for (u64 i = 26; i < RING_PAGES; i++)
		memcpy(m + sizeof(*b) + 8 * (i - 26), &(u64){ ring_page(l) + i }, 8);
	/* The answer may come at once. */
	l->state = TOLD;
	post(m, sizeof(*b) + 8 * (RING_PAGES - 26));
}

static void post_open(struct lane *l)
{
	const struct vmbus_open m = { .header.type = VMBUS_OPEN_CHANNEL,
		.relid = l->relid,
		.open_id = l->relid,
		.gpadl = l->gpadl,
		.vp = (u32)(l - lanes),
		.downstream = SECOND };

	l->state = OPENING;
	post(&m, sizeof(m));
}

static void opened(struct lane *l)
{
	u32 page = ring_page(l);

	for (u32 i = 0; i < OUT_DATA; i++)
		l->out_pages[i] = ram[page + 1 + i];
	l->in_pages[0] = ram[page + SECOND + 1];
	assert_int_equal(vmbus_ring_init(&l->out, (void *)ram[page], l->out_pages, OUT_DATA), 0);
	assert_int_equal(vmbus_ring_init(&l->in, (void *)ram[page + SECOND], l->in_pages, 1), 0);
	l->out.control->features = l->in.control->features = VMBUS_RING_PENDING_SEND;
	l->state = OPEN;
	l->signal_due = false;
	if (l == &lanes[0]) {
		step = 0;
		asked = false;
	}
}

static void let_go(struct lane *l)
{
	lose_jobs(l);
	l->state = NONE;
	post_relid(VMBUS_RELID_RELEASED, l->relid);
}

/* The lane that has the number in the message, which is one of the bus's or of a GPADL. */
static struct lane *lane_of(u32 number, bool gpadl)
{
	for (u32 i = 0; i < LANES; i++) {
		if (lanes[i].state != NONE && (gpadl ? lanes[i].gpadl : lanes[i].relid) == number)
			return &lanes[i];
	}
	return NULL;
}

static void take_offer(const struct vmbus_offer *m)
{
	assert_true(m->subchannel < LANES);
	assert_int_equal(lanes[m->subchannel].state, NONE);
	lanes[m->subchannel].state = OFFERED;
	lanes[m->subchannel].relid = m->relid;
}

static void take_rescind(struct lane *l)
{
	assert_true(l != NULL && l != &lanes[0]);
	if (l->state == CLOSING)
		l->rescinded = true;
	else
		l->state = RESCINDED;
}

static void take_torndown(struct lane *l)
{
	if (l == NULL || l->state != CLOSING)
		return;
	lose_jobs(l);
	l->state = l->rescinded ? RESCINDED : OFFERED;
}

/* One for a lane that was rescinded meanwhile may say anything. */
static void take_result(struct lane *l, u32 status)
{
	if (l == NULL || l->state != OPENING)
		return;
	assert_true(status == 0 || l != &lanes[0]);
	if (status == 0)
		opened(l);
	else
		l->state = REFUSED;
}

static void take_created(struct lane *l)
{
	if (l != NULL && l->state == TOLD)
		l->state = CREATED;
}

static void take_message(void)
{
	const void *m;

	if (taken == sent_count)
		return;
	m = sent[taken++].bytes;
	switch (((const struct vmbus_header *)m)->type) {
	case VMBUS_OFFER_CHANNEL:
		take_offer(m);
		break;
	case VMBUS_RESCIND_OFFER:
		take_rescind(lane_of(((const struct vmbus_relid *)m)->relid, false));
		break;
	case VMBUS_GPADL_CREATED:
		take_created(lane_of(((const struct vmbus_gpadl_created *)m)->gpadl, true));
		break;
	case VMBUS_OPEN_RESULT:
		take_result(lane_of(((const struct vmbus_open_result *)m)->relid, false),
			((const struct vmbus_open_result *)m)->status);
		break;
	case VMBUS_GPADL_TORNDOWN:
		take_torndown(lane_of(((const struct vmbus_gpadl_torndown *)m)->gpadl, true));
		break;
	}
	if (taken == sent_count)
		taken = sent_count = 0;
}

/* ---- its packets ---- */

static int put(struct lane *l, const struct vmbus_message *m)
{
	int r = vmbus_ring_write(&l->out, m);

	assert_true(r == 0 || r == 1 || r == -EAGAIN);
	l->signal_due |= r == 1;
	return r;
}

static void put_control(struct lane *l, u64 id, u32 operation, u16 value)
{
	const struct vstor_packet p = { .operation = operation, .flags = 1, .version = value };
	const struct vmbus_message m = {
		.type = VMBUS_PACKET_INBAND, .transaction = id, .payload = { &p, sizeof(p) }
	};

	asked = put(l, &m) >= 0;
}

/* The next step of the beginning; later now and then once more for sub-channels. */
static void next_step(struct lane *l)
{
	static const struct {
		u32 operation;
		u16 value;
	} steps[] = { { VSTOR_BEGIN_INITIALIZATION, 0 },
		{ VSTOR_QUERY_PROTOCOL_VERSION, VSTOR_VERSION_6_2 }, { VSTOR_QUERY_PROPERTIES, 0 },
		{ VSTOR_END_INITIALIZATION, 0 }, { VSTOR_CREATE_SUB_CHANNELS, LANES - 1 } };
	u32 i = MIN(step, (u32)ARRAY_SIZE(steps) - 1);

	if (!asked)
		put_control(l, CONTROL_ID + step, steps[i].operation, steps[i].value);
}

static bool is_ready(void)
{
	return lanes[0].state == OPEN && step >= 4;
}

static void fill_io(const struct job *j, struct vstor_packet *p)
{
	u32 sector = (u32)(j - jobs) * JOB_SECTORS;
	const u8 cdb[10] = { j->write ? 0x2a : 0x28, 0, 0, 0, (u8)(sector >> 8), (u8)sector, 0, 0,
		(u8)j->count, 0 };

	*p = (struct vstor_packet){ .operation = VSTOR_EXECUTE_SRB,
		.flags = 1,
		.srb = { .length = sizeof(p->srb),
			.cdb_length = sizeof(cdb),
			.sense_length = VSTOR_SENSE_ROOM,
			.direction = j->write ? VSTOR_WRITE : VSTOR_READ,
			.transfer_length = j->count * 512 } };
	memcpy(p->srb.cdb_or_sense, cdb, sizeof(cdb));
}

static int put_io(struct lane *l, const struct job *j)
{
	u32 header[4] = { 0, 1, j->count * 512, j->offset };
	u32 pages = (j->offset + j->count * 512 + 4095) / 4096;
	struct vstor_packet p;
	u8 bytes[16 + 8 * JOB_PAGES];
	const struct vmbus_message m = { .type = VMBUS_PACKET_GPA_DIRECT,
		.transaction = j->id,
		.header = { bytes, 16 + 8 * pages },
		.payload = { &p, sizeof(p) } };

	assert_true(pages <= JOB_PAGES);
	memcpy(bytes, header, sizeof(header));
	for (u64 i = 0; i < pages; i++)
		memcpy(bytes + 16 + 8 * i, &(u64){ DATA + (u64)(j - jobs) * JOB_PAGES + i }, 8);
	fill_io(j, &p);
	return put(l, &m);
}

/* A reset has no data: it is a job of none, which waits for all others of its lane. */
static int put_reset(struct lane *l, const struct job *j)
{
	const struct vstor_packet p = { .operation = VSTOR_RESET_BUS, .flags = 1 };
	const struct vmbus_message m = {
		.type = VMBUS_PACKET_INBAND, .transaction = j->id, .payload = { &p, sizeof(p) }
	};

	return put(l, &m);
}

static void job_begin(struct job *j, struct lane *l, bool reset)
{
	u8 kept[JOB_SECTORS * 512];
	u32 from;

	if (j->busy || l->state != OPEN || !is_ready())
		return;
	*j = (struct job){ .write = any(2),
		.lane = (u32)(l - lanes),
		.count = reset ? 0 : 1 + any(JOB_SECTORS),
		.offset = any(8) * 512,
		.id = next_id };
	memcpy(kept, model_byte(j, 0), sizeof(kept));
	from = any(1 << 16);
	for (u32 i = 0; i < j->count * 512; i++) {
		*job_byte(j, i) = (u8)(from + i * (from >> 8) + i / 512);
		if (j->write)
			*model_byte(j, i) = *job_byte(j, i);
	}
	j->busy = (reset ? put_reset(l, j) : put_io(l, j)) >= 0;
	next_id += j->busy;
	if (!j->busy)
		memcpy(model_byte(j, 0), kept, sizeof(kept));
}

static void job_end(struct lane *l, u64 id, const struct vstor_packet *p)
{
	u32 wrong = 0;

	for (u32 i = 0; i < JOBS; i++) {
		struct job *j = &jobs[i];

		if (!j->busy || j->id != id)
			continue;
		assert_int_equal(j->lane, (u32)(l - lanes));
		assert_true(j->count == 0 || p->srb.srb_status == SRB_SUCCESS);
		assert_true(j->count == 0 || p->srb.transfer_length == j->count * 512);
		for (u32 k = 0; k < j->count * 512; k++)
			wrong += *job_byte(j, k) != *model_byte(j, k);
		assert_int_equal(wrong, 0);
		j->busy = false;
		answered++;
		return;
	}
	/* Of none that is under way: it was answered twice. */
	fail();
}

static void take_answer(struct lane *l)
{
	struct vmbus_packet packet;
	struct vstor_packet p;
	u8 buf[128];
	int r;

	if (l->state != OPEN)
		return;
	r = vmbus_ring_read(&l->in, &packet, buf, sizeof(buf));
	assert_true(r >= 0);
	l->signal_due |= vmbus_ring_release(&l->in) == 1;
	if (r == 0)
		return;
	assert_int_equal(packet.length, 80);
	memcpy(&p, buf + packet.header, sizeof(p));
	if (packet.transaction < CONTROL_ID) {
		job_end(l, packet.transaction, &p);
		return;
	}
	assert_true(asked && packet.transaction == CONTROL_ID + step && p.status == 0);
	asked = false;
	step += step < 5;
}

static void lane_step(struct lane *l)
{
	switch (l->state) {
	case OFFERED:
		if (l == &lanes[0] || is_ready())
			tell_header(l);
		break;
	case TELLING:
		tell_body(l);
		break;
	case CREATED:
		post_open(l);
		break;
	case OPEN:
		if (l == &lanes[0] && (step < 5 || any(200) == 0))
			next_step(l);
		break;
	case RESCINDED:
		let_go(l);
		break;
	default:
		break;
	}
}

/* SPDX-License-Identifier: MIT */
/*
 * Packets, and the SCSI requests among them. A packet is a copy; the data it points to is not looked at but
 * for parameters, which are copied once. Whatever it says, it is answered.
 */
#include "base/errno.h"
#include "lib/string.h"
#include "vsp/storvsp/storvsp_impl.h"
#include "x86/atomic.h"

#define PAGE 4096u
#define DIRECT_HEAD \
	16u /* of a GPA-direct packet: reserved, count of ranges, the range's length and offset */
#define COUNT(s, field, n) ((void)atomic_fetch_add(&(s)->stats.field, (u64)(n)))

/* The memory that the packet names, if that makes sense: one range. */
static bool find_pages(const struct storvsp_channel *ch, struct storvsp_pages *pages)
{
	const struct vmbus_packet *p = &ch->packet;
	const u8 *at = ch->packet_bytes + sizeof(struct vmbus_descriptor);
	u32 words[DIRECT_HEAD / 4], have;
	u64 count;

	*pages = (struct storvsp_pages){ .length = 0 };
	if (p->type == VMBUS_PACKET_INBAND)
		return true;
	if (p->type != VMBUS_PACKET_GPA_DIRECT ||
		p->header < sizeof(struct vmbus_descriptor) + DIRECT_HEAD)
		return false;
	memcpy(words, at, sizeof(words));
	have = (p->header - (u32)sizeof(struct vmbus_descriptor) - DIRECT_HEAD) / 8;
	count = ((u64)words[3] + words[2] + PAGE - 1) / PAGE;
	if (words[1] != 1 || words[3] >= PAGE || words[2] == 0 || count > have)
		return false;
	*pages = (struct storvsp_pages){ words[2], words[3], at + DIRECT_HEAD };
	return true;
}

static u64 pfn_at(const struct storvsp_pages *pages, u32 i)
{
	u64 pfn;

	memcpy(&pfn, pages->pfns + i * 8ull, sizeof(pfn));
	return pfn;
}

/* What of @length bytes from @offset on, counted from the first page's beginning, lies in one page. */
static u32 in_page(u32 offset, u32 length)
{
	return MIN(length, PAGE - offset % PAGE);
}

/* Between the guest's memory and ours. False: a page that is none of its. */
static bool copy(const struct storvsp *s, const struct storvsp_pages *pages, u8 *data, u32 length,
	bool to_guest)
{
	u32 at = pages->offset;

	while (length > 0) {
		u32 n = in_page(at, length);
		void *address;
		gpa_t gpa;

		if (!s->host->resolve(s->host->context, pfn_at(pages, at / PAGE), &gpa, &address))
			return false;
		if (to_guest)
			memcpy((u8 *)address + at % PAGE, data, n);
		else
			memcpy(data, (u8 *)address + at % PAGE, n);
		data += n;
		at += n;
		length -= n;
	}
	return true;
}

/* The guest's pages as a list, joined where they follow each other; 0: one is none of its. */
static u32 list_pages(const struct storvsp *s, const struct storvsp_pages *pages, u32 length,
	struct vsp_segment *to)
{
	u32 at = pages->offset, count = 0;

	while (length > 0) {
		u32 n = in_page(at, length);
		void *address;
		gpa_t gpa;

		if (!s->host->resolve(s->host->context, pfn_at(pages, at / PAGE), &gpa, &address))
			return 0;
		gpa.a += at % PAGE;
		if (count > 0 && to[count - 1].gpa.a + to[count - 1].len == gpa.a)
			to[count - 1].len += n;
		else
			to[count++] = (struct vsp_segment){ gpa, n };
		at += n;
		length -= n;
	}
	return count;
}

/* ---- SCSI ---- */

/* The answer by what the command came to. */
static void srb_answer(struct storvsp *s, struct vstor_packet *p, const struct scsi_result *r)
{
	struct vstor_srb *srb = &p->srb;
	u8 room = MIN(srb->sense_length, VSTOR_SENSE_ROOM);

	p->status = VSTOR_STATUS_OK;
	srb->scsi_status = r->status;
	srb->transfer_length = r->data_length;
	srb->sense_length = 0;
	memset(srb->cdb_or_sense, 0, sizeof(srb->cdb_or_sense));
	srb->srb_status = SRB_SUCCESS;
	if (r->status == SCSI_GOOD)
		return;
	COUNT(s, errors, 1);
	srb->srb_status = SRB_ERROR | SRB_SENSE_VALID;
	srb->sense_length = (u8)MIN(room, SCSI_SENSE_SIZE);
	memcpy(srb->cdb_or_sense, r->sense, srb->sense_length);
}

/* It was no command at all. */
static void srb_refuse(struct storvsp *s, struct vstor_packet *p, u8 status)
{
	COUNT(s, errors, 1);
	p->status = VSTOR_STATUS_OK;
	p->srb.srb_status = status;
	p->srb.scsi_status = SCSI_GOOD;
	p->srb.sense_length = 0;
	p->srb.transfer_length = 0;
}

static void account(struct storvsp *s, const struct vsp_disk_request *r)
{
	switch (r->op) {
	case VSP_DISK_READ:
		COUNT(s, reads, 1);
		COUNT(s, read_bytes, r->bytes);
		break;
	case VSP_DISK_WRITE:
		COUNT(s, writes, 1);
		COUNT(s, written_bytes, r->bytes);
		break;
	case VSP_DISK_FLUSH:
		COUNT(s, flushes, 1);
		break;
	case VSP_DISK_DISCARD:
		COUNT(s, discards, 1);
		break;
	}
}

/* Counted before the disk is looked for, as who takes it away does it the other way round: one of both sees it. */
static void lun_put(struct storvsp *s, u32 lun)
{
	if (atomic_fetch_add(&s->lun_users[lun], -1u) == 1 && load_acquire(&s->luns[lun]) == NULL)
		s->host->lun_left(s->host->context, s, lun);
}

static void request_done(struct vsp_disk_request *q, int error)
{
	struct storvsp_slot *slot = container_of(q, struct storvsp_slot, request);
	struct storvsp *s = slot->channel->s;
	struct scsi_result r = { .op = q->op, .bytes = q->bytes };

	scsi_end(&slot->command, error, &r);
	srb_answer(s, &slot->answer, &r);
	if (error == 0)
		account(s, q);
	lun_put(s, slot->lun);
	storvsp_answer(slot);
}

/* Counted before it is looked at, so that who takes it away sees either of both. */
static struct vsp_disk *lun_get(struct storvsp *s, u32 lun)
{
	struct vsp_disk *d;

	(void)atomic_fetch_add(&s->lun_users[lun], 1u);
	d = load_acquire(&s->luns[lun]);
	if (d == NULL)
		lun_put(s, lun);
	return d;
}

static u32 list_luns(struct storvsp *s, u8 luns[STORVSP_LUNS])
{
	u32 count = 0;

	for (u32 i = 0; i < STORVSP_LUNS; i++) {
		if (load_relaxed(&s->luns[i]) != NULL)
			luns[count++] = (u8)i;
	}
	return count;
}

static void take_command(const struct vstor_srb *srb, struct scsi_command *c)
{
	/* Without a direction there is no memory, whatever the length says. */
	*c = (struct scsi_command){
		.length = srb->direction == VSTOR_NO_DATA ? 0 : srb->transfer_length,
		.direction = srb->direction == VSTOR_READ    ? SCSI_DATA_IN
			     : srb->direction == VSTOR_WRITE ? SCSI_DATA_OUT
							     : SCSI_NO_DATA
	};
	memcpy(c->cdb, srb->cdb_or_sense, MIN(srb->cdb_length, SCSI_CDB_MAX));
}

/* Numbers that do not go together. */
static bool srb_makes_sense(const struct vstor_srb *srb, const struct storvsp_pages *pages)
{
	bool data = srb->direction == VSTOR_READ || srb->direction == VSTOR_WRITE;

	if (srb->cdb_length == 0 || srb->cdb_length > SCSI_CDB_MAX ||
		srb->direction > VSTOR_NO_DATA)
		return false;
	return data ? srb->transfer_length <= pages->length : true;
}

/* The disk stays until it is unplugged, even if the request for which it was plugged has ended by then. */
static void plug(struct storvsp_channel *ch, struct vsp_disk *d, u32 lun)
{
	if (ch->plugged == d)
		return;
	storvsp_unplug(ch);
	(void)atomic_fetch_add(&ch->s->lun_users[lun], 1u);
	ch->plugged = d;
	ch->plugged_lun = lun;
	d->ops->plug(d);
}

void storvsp_unplug(struct storvsp_channel *ch)
{
	struct vsp_disk *d = ch->plugged;

	if (d == NULL)
		return;
	ch->plugged = NULL;
	d->ops->unplug(d);
	lun_put(ch->s, ch->plugged_lun);
}

/* To the disk. False: no list for so many pages now. */
static bool submit(
	struct storvsp_slot *slot, const struct storvsp_pages *pages, const struct scsi_result *r)
{
	struct storvsp_channel *ch = slot->channel;
	struct vsp_disk_request *q = &slot->request;
	u32 length = r->op == VSP_DISK_READ || r->op == VSP_DISK_WRITE ? (u32)r->bytes : 0;
	u32 most = length > 0 ? (pages->offset + length + PAGE - 1) / PAGE : 0;
	struct vsp_segment *segments = storvsp_slot_segments(slot, most);

	if (segments == NULL)
		return false;
	q->op = r->op;
	q->fua = r->fua;
	q->sector = r->sector;
	q->bytes = r->bytes;
	q->segments = segments;
	q->segment_count = list_pages(ch->s, pages, length, segments);
	q->done = request_done;
	if (length > 0 && q->segment_count == 0) {
		lun_put(ch->s, slot->lun);
		srb_refuse(ch->s, &slot->answer, SRB_INVALID_REQUEST);
		storvsp_answer(slot);
		return true;
	}
	plug(ch, slot->disk, slot->lun);
	slot->disk->ops->submit(slot->disk, q);
	return true;
}

/* Parameters are looked at in a copy. */
static void take_parameters(struct storvsp *s, const struct scsi_unit *unit,
	const struct storvsp_slot *slot, const struct storvsp_pages *pages, struct scsi_result *r)
{
	u8 data[64];
	u32 size = MIN(slot->command.length, (u32)sizeof(data));

	if (!copy(s, pages, data, size, false))
		size = 0;
	scsi_parameters(unit, &slot->command, data, size, r);
}

/* The answer is at hand. */
static void answer_now(
	struct storvsp_slot *slot, const struct storvsp_pages *pages, struct scsi_result *r)
{
	struct storvsp *s = slot->channel->s;

	if (!copy(s, pages, r->data, r->data_length, true))
		srb_refuse(s, &slot->answer, SRB_INVALID_REQUEST);
	else
		srb_answer(s, &slot->answer, r);
	storvsp_answer(slot);
}

/* A unit of another target or path, or one that is not there, is told from what may remove one that is. */
static void answer_absent(
	struct storvsp_slot *slot, const struct storvsp_pages *pages, struct scsi_result *r)
{
	const struct vstor_srb *srb = &slot->answer.srb;

	if (r->status == SCSI_GOOD || srb->path != 0 || srb->target != 0) {
		answer_now(slot, pages, r);
		return;
	}
	srb_refuse(slot->channel->s, &slot->answer, SRB_INVALID_LUN);
	storvsp_answer(slot);
}

/* False: it waits. */
static bool execute(struct storvsp_slot *slot, const struct storvsp_pages *pages)
{
	struct storvsp *s = slot->channel->s;
	const struct vstor_srb *srb = &slot->answer.srb;
	bool here = srb->path == 0 && srb->target == 0;
	u8 luns[STORVSP_LUNS];
	struct scsi_unit unit = { .luns = luns };
	struct scsi_result r;

	if (!srb_makes_sense(srb, pages)) {
		COUNT(s, malformed, 1);
		srb_refuse(s, &slot->answer, SRB_INVALID_REQUEST);
		storvsp_answer(slot);
		return true;
	}
	take_command(srb, &slot->command);
	slot->lun = srb->lun;
	slot->disk = here && srb->lun < STORVSP_LUNS ? lun_get(s, srb->lun) : NULL;
	unit.disk = slot->disk;
	unit.lun_count = here ? list_luns(s, luns) : 0;
	scsi_begin(&unit, &slot->command, &r);
	if (r.next == SCSI_PARAMETERS)
		take_parameters(s, &unit, slot, pages, &r);
	if (r.next == SCSI_MEDIUM) {
		if (submit(slot, pages, &r))
			return true;
		lun_put(s, slot->lun);
		return false;
	}
	if (slot->disk == NULL) {
		answer_absent(slot, pages, &r);
		return true;
	}
	lun_put(s, slot->lun);
	answer_now(slot, pages, &r);
	return true;
}

/* A reset has nothing to undo: what is under way ends as it does. */
static bool is_reset(u32 operation)
{
	return operation == VSTOR_RESET_BUS || operation == VSTOR_RESET_LUN ||
	       operation == VSTOR_RESET_ADAPTER;
}

/* False: it waits. */
static bool perform(struct storvsp_slot *slot, const struct storvsp_pages *pages)
{
	struct storvsp_channel *ch = slot->channel;
	struct vstor_packet *p = &slot->answer;

	if (p->operation == VSTOR_EXECUTE_SRB && load_relaxed(&ch->s->step) == STORVSP_READY)
		return execute(slot, pages);
	if (is_reset(p->operation) && !storvsp_is_alone(slot))
		return false;
	p->status = is_reset(p->operation) ? VSTOR_STATUS_OK : storvsp_control(ch, p);
	if (p->status == VSTOR_STATUS_INVALID)
		COUNT(ch->s, malformed, 1);
	storvsp_answer(slot);
	return true;
}

bool storvsp_packet(struct storvsp_channel *ch)
{
	const struct vmbus_packet *p = &ch->packet;
	u32 size = p->length - p->header;
	struct storvsp_pages pages;
	struct storvsp_slot *slot;

	/* An answer to us, of which there are none to be had. */
	if (p->type == VMBUS_PACKET_COMPLETION)
		return true;
	slot = storvsp_slot_take(ch);
	if (slot == NULL) {
		COUNT(ch->s, stalls, 1);
		return false;
	}
	slot->transaction = p->transaction;
	memset(&slot->answer, 0, sizeof(slot->answer));
	memcpy(&slot->answer, ch->packet_bytes + p->header, MIN(size, (u32)sizeof(slot->answer)));
	if (!find_pages(ch, &pages) || size < sizeof(slot->answer)) {
		COUNT(ch->s, malformed, 1);
		memset(&slot->answer, 0, sizeof(slot->answer));
		slot->answer.status = VSTOR_STATUS_INVALID;
		slot->answer.srb.srb_status = SRB_INVALID_REQUEST;
		storvsp_answer(slot);
		return true;
	}
	if (perform(slot, &pages))
		return true;
	COUNT(ch->s, stalls, 1);
	storvsp_slot_give_back(slot);
	return false;
}

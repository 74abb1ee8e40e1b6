/* SPDX-License-Identifier: MIT */
/*
 * The SCSI controller behind a real server and rings, against a guest that the test plays: the beginning step by step,
 * I/O straight to the guest's pages with requests that end in any order, more than slots and rings take, disks
 * that come and go, closing with I/O under way, and packets of every kind at random.
 * sources: vsp/storvsp/storvsp.c vsp/storvsp/storvsp_slot.c vsp/storvsp/storvsp_packet.c
 * sources: vsp/storvsp/storvsp_control.c vsp/storvsp/storvsp_state.c vsp/storvsp/scsi.c
 * sources: vsp/storvsp/scsi_answers.c vmbus/server.c vmbus/server_messages.c vmbus/channel.c
 * sources: vmbus/gpadl.c vmbus/ring.c lib/string.c
 */
#include "tests/unit/storvsp_machine.h"

static void beginnings(void **state)
{
	struct vstor_packet p;

	(void)state;
	/* Not yet, or not in that order. */
	assert_int_not_equal(control(VSTOR_QUERY_PROTOCOL_VERSION, VSTOR_VERSION_6_2).status, 0);
	assert_int_not_equal(control(VSTOR_QUERY_PROPERTIES, 0).status, 0);
	assert_int_not_equal(control(VSTOR_END_INITIALIZATION, 0).status, 0);
	assert_int_not_equal(control(VSTOR_EXECUTE_SRB, 0).status, 0);
	assert_int_not_equal(control(VSTOR_CREATE_SUB_CHANNELS, 1).status, 0);
	assert_int_equal(control(VSTOR_BEGIN_INITIALIZATION, 0).status, 0);
	assert_int_equal(control(VSTOR_QUERY_PROTOCOL_VERSION, 0x0603).status,
		VSTOR_STATUS_REVISION_UNKNOWN);
	assert_int_equal(control(VSTOR_QUERY_PROTOCOL_VERSION, VSTOR_VERSION_6_0).status, 0);
	p = control(VSTOR_QUERY_PROPERTIES, 0);
	assert_true(p.status == 0 && p.properties.max_subchannels == 3 &&
		    p.properties.flags == VSTOR_MULTI_CHANNEL && p.properties.max_transfer == MIB);
	assert_int_equal(control(VSTOR_END_INITIALIZATION, 0).status, 0);
	assert_int_equal(control(VSTOR_CREATE_SUB_CHANNELS, 4).status, VSTOR_STATUS_INVALID);
	assert_int_equal(control(VSTOR_CREATE_SUB_CHANNELS, 2).status, 0);
	assert_int_equal(wanted, 2);
	storvsp_offer_channels(&controller, wanted);
	(void)expect_offer(&controller.channels[1]->c);
	(void)expect_offer(&controller.channels[2]->c);
	assert_int_equal(control(VSTOR_RESET_BUS, 0).status, 0);
	assert_int_equal(control(99, 0).status, VSTOR_STATUS_NOT_SUPPORTED);
	expect_none();
}

/* As the controller asked. */
static void offer_wanted(void)
{
	assert_int_equal(wanted, 2);
	wanted = 0;
	storvsp_offer_channels(&controller, 2);
}

/* Sub-channels of the last time are waited for, and then there are new ones in their place. */
static void subchannels_again(void **state)
{
	u32 old[2];

	(void)state;
	begin();
	assert_int_equal(control(VSTOR_CREATE_SUB_CHANNELS, 2).status, 0);
	offer_wanted();
	old[0] = expect_offer(&controller.channels[1]->c);
	old[1] = expect_offer(&controller.channels[2]->c);
	assert_int_equal(controller.wanted, 0);
	post_relid(VMBUS_CLOSE_CHANNEL, relid);
	expect(VMBUS_RESCIND_OFFER, sizeof(struct vmbus_relid));
	expect(VMBUS_RESCIND_OFFER, sizeof(struct vmbus_relid));
	post_teardown(relid, GPADL);
	expect_torndown(GPADL);
	open_controller();
	begin();
	assert_int_equal(control(VSTOR_CREATE_SUB_CHANNELS, 2).status, 0);
	offer_wanted();
	expect_none();
	for (u32 i = 0; i < 2; i++) {
		post_relid(VMBUS_RELID_RELEASED, old[i]);
		offer_wanted();
		(void)expect_offer(&controller.channels[1 + i]->c);
		expect_none();
	}
	assert_int_equal(controller.wanted, 0);
}

static void inquiry(void **state)
{
	struct vstor_packet p = srb(0, VSTOR_READ, 36, (const u8[]){ 0x12, 0, 0, 0, 36, 0 }, 6);
	const u64 pfns[2] = { DATA, DATA + 7 };

	(void)state;
	begin();
	/* Over two pages. */
	assert_true(write_packet(1, &p, pfns, 2, 4080, 36) >= 0);
	signalled();
	assert_true(read_answer(&p) == 1);
	assert_true(p.srb.srb_status == SRB_SUCCESS && p.srb.transfer_length == 36);
	assert_memory_equal(ram[DATA] + 4088, "VERDIGRS", 8);
	assert_memory_equal(ram[DATA + 7], "Virtual", 7);
	/* There is no such unit: success that says so; any other command removes it. */
	p = srb(5, VSTOR_READ, 36, (const u8[]){ 0x12, 0, 0, 0, 36, 0 }, 6);
	assert_true(write_packet(2, &p, pfns, 2, 0, 36) >= 0);
	signalled();
	assert_true(
		read_answer(&p) == 2 && p.srb.srb_status == SRB_SUCCESS && ram[DATA][0] == 0x7f);
	p = srb(5, VSTOR_NO_DATA, 0, (const u8[]){ 0, 0, 0, 0, 0, 0 }, 6);
	assert_true(write_packet(3, &p, NULL, 0, 0, 0) >= 0);
	p.srb.path = 1;
	assert_true(write_packet(4, &p, NULL, 0, 0, 0) >= 0);
	signalled();
	assert_true(read_answer(&p) == 3 && p.srb.srb_status == SRB_INVALID_LUN);
	/* Of another path never so: Linux would remove path 0's. */
	assert_true(read_answer(&p) == 4);
	assert_int_equal(p.srb.srb_status, SRB_ERROR | SRB_SENSE_VALID);
	assert_true(p.srb.scsi_status == 2 && p.srb.sense_length == 18 &&
		    p.srb.cdb_or_sense[12] == 0x25);
}

static u8 model[SECTORS * 512];
static struct job {
	bool busy;
	u32 sector, count, page, offset;
} jobs[64];
static bool taken_sectors[SECTORS], taken_pages[300];

static u32 pages_of(const struct job *j)
{
	return (j->offset + j->count * 512 + 4095) / 4096;
}

/* Whether nobody else is at its sectors and pages. */
static bool is_clear(const struct job *j)
{
	bool clear = pages_of(j) <= 140;

	for (u32 n = 0; n < j->count; n++)
		clear &= !taken_sectors[j->sector + n];
	for (u32 n = 0; n < pages_of(j); n++)
		clear &= !taken_pages[(j->page + 2 * n) % 300];
	return clear;
}

static void mark(struct job *j, bool busy)
{
	j->busy = busy;
	for (u32 n = 0; n < j->count; n++)
		taken_sectors[j->sector + n] = busy;
	for (u32 n = 0; n < pages_of(j); n++)
		taken_pages[(j->page + 2 * n) % 300] = busy;
}

static void job_begin(struct job *j)
{
	bool write = any(2);
	int r;

	j->count = 1 + any(any(4) ? 16 : 200);
	j->offset = any(8) * 512;
	j->sector = any(SECTORS - j->count);
	j->page = any(300);
	if (!is_clear(j))
		return;
	for (u32 n = 0; write && n < j->count * 512; n++)
		*guest_byte(j->page, j->offset, n) = model[j->sector * 512 + n] = (u8)any(256);
	r = write_io((u64)(j - jobs) + 1, write, j->sector, j->count, j->page, j->offset);
	if (r == -EAGAIN) {
		/* It was not written: the disk is as before. */
		memcpy(model + j->sector * 512, disks[0].bytes + j->sector * 512, j->count * 512);
		return;
	}
	mark(j, true);
	if (r == 1)
		signalled();
}

/* True: one has ended, and all is as it should be. */
static bool job_end(void)
{
	struct vstor_packet p;
	u64 id = read_answer(&p);
	struct job *j;

	if (id == 0)
		return false;
	assert_true(id <= ARRAY_SIZE(jobs));
	j = &jobs[id - 1];
	assert_true(j->busy);
	assert_int_equal(p.srb.srb_status, SRB_SUCCESS);
	assert_int_equal(p.srb.transfer_length, j->count * 512);
	for (u32 n = 0; n < j->count * 512; n++)
		assert_int_equal(*guest_byte(j->page, j->offset, n), model[j->sector * 512 + n]);
	mark(j, false);
	return true;
}

/* Random I/O against a model, with ends in any order, and a ring for answers that fills up. */
static void at_random(void **state)
{
	u32 done = 0;

	(void)state;
	begin();
	memset(model, 0, sizeof(model));
	memset(jobs, 0, sizeof(jobs));
	memset(taken_sectors, 0, sizeof(taken_sectors));
	memset(taken_pages, 0, sizeof(taken_pages));
	for (u32 i = 0; i < 60000; i++) {
		struct job *j = &jobs[any(64)];
		u32 kind = any(4);

		if (kind < 2 && !j->busy) {
			job_begin(j);
		} else if (kind == 2) {
			(void)disk_step(&disks[0]);
			run_again();
		} else {
			done += job_end();
		}
	}
	assert_true(done > 3000);
	while (disk_step(&disks[0]))
		;
	assert_memory_equal(disks[0].bytes, model, sizeof(model));
	assert_true(controller.stats.reads + controller.stats.writes >= done);
}

/* More than there are slots: the rest waits in the ring, and none is lost; the longest lists too. */
static void more_than_slots(void **state)
{
	u32 sent_ones = 0, answered = 0;
	struct vstor_packet p;

	(void)state;
	begin();
	while (write_io(sent_ones + 1, false, 0, 1, 0, 0) >= 0)
		sent_ones++;
	assert_true(sent_ones > STORVSP_SLOTS);
	signalled();
	assert_int_equal(disks[0].count, STORVSP_SLOTS);
	for (u32 i = 0; i < 10000 && answered < sent_ones; i++) {
		(void)disk_step(&disks[0]);
		run_again();
		if (any(3) == 0)
			answered += read_answer(&p) != 0;
	}
	assert_int_equal(answered, sent_ones);
	assert_true(controller.stats.stalls > 0);
	/* Lists that are longer than a slot's own. */
	for (u32 i = 0; i < STORVSP_LISTS + 2; i++)
		assert_true(write_io(i + 1, false, 0, 100, 0, 0) >= 0);
	signalled();
	assert_int_equal(disks[0].count, STORVSP_LISTS);
	answered = 0;
	for (u32 i = 0; i < 1000 && answered < STORVSP_LISTS + 2; i++) {
		(void)disk_step(&disks[0]);
		run_again();
		answered += read_answer(&p) != 0;
	}
	assert_int_equal(answered, STORVSP_LISTS + 2);
}

static void errors(void **state)
{
	struct vstor_packet p;

	(void)state;
	begin();
	disks[0].error = -ENOSPC;
	assert_true(write_io(1, true, 0, 4, 0, 0) >= 0);
	signalled();
	(void)disk_step(&disks[0]);
	assert_true(read_answer(&p) == 1);
	assert_true(p.srb.srb_status == (SRB_ERROR | SRB_SENSE_VALID) &&
		    p.srb.cdb_or_sense[2] == 7 && p.srb.cdb_or_sense[13] == 7 &&
		    p.srb.transfer_length == 0);
	assert_int_equal(controller.stats.errors, 1);
}

/* A reset is answered when what was under way has ended. */
static void reset(void **state)
{
	struct vstor_packet p = { .operation = VSTOR_RESET_BUS, .flags = 1 };

	(void)state;
	begin();
	assert_true(write_io(1, false, 0, 4, 0, 0) >= 0);
	assert_true(write_io(2, false, 8, 4, 0, 0) >= 0);
	assert_true(write_packet(3, &p, NULL, 0, 0, 0) >= 0);
	signalled();
	assert_int_equal(read_answer(&p), 0);
	(void)disk_step(&disks[0]);
	run_again();
	assert_int_not_equal(read_answer(&p), 0);
	assert_int_equal(read_answer(&p), 0);
	(void)disk_step(&disks[0]);
	run_again();
	assert_int_not_equal(read_answer(&p), 3);
	assert_int_equal(read_answer(&p), 3);
}

static void luns(void **state)
{
	struct vstor_packet p;

	(void)state;
	begin();
	assert_int_equal(storvsp_set_lun(&controller, 64, disk_init(1)), -EINVAL);
	assert_int_equal(storvsp_set_lun(&controller, 0, disk_init(1)), -EBUSY);
	assert_int_equal(storvsp_set_lun(&controller, 3, disk_init(1)), 0);
	assert_true(read_answer(&p) == ~0ull && p.operation == VSTOR_ENUMERATE_BUS);
	/* It goes with I/O under way: that ends, the next one finds nobody. */
	assert_true(write_io(1, true, 0, 4, 0, 0) >= 0);
	signalled();
	assert_int_equal(storvsp_set_lun(&controller, 0, NULL), 0);
	assert_true(storvsp_lun_busy(&controller, 0));
	memset(lefts, 0, sizeof(lefts));
	assert_true(write_io(2, true, 0, 4, 0, 0) >= 0);
	signalled();
	assert_true(read_answer(&p) == ~0ull);
	assert_true(read_answer(&p) == 2 && p.srb.srb_status == SRB_INVALID_LUN);
	assert_int_equal(lefts[0], 0);
	(void)disk_step(&disks[0]);
	assert_true(read_answer(&p) == 1 && p.srb.srb_status == SRB_SUCCESS);
	assert_false(storvsp_lun_busy(&controller, 0));
	assert_true(lefts[0] == 1 && lefts[3] == 0);
	/* Of one that stays nobody hears. */
	p = srb(3, VSTOR_NO_DATA, 0, (const u8[]){ 0, 0, 0, 0, 0, 0 }, 6);
	assert_true(write_packet(5, &p, NULL, 0, 0, 0) >= 0);
	signalled();
	assert_true(read_answer(&p) == 5 && p.srb.srb_status == SRB_SUCCESS);
	assert_int_equal(lefts[3], 0);
}

/* A guest that always has more does not keep the place for itself. */
static void turns(void **state)
{
	const u64 *packets = &controller.channels[0]->c.packets_in;
	struct vstor_packet p;
	u64 before;

	(void)state;
	begin();
	before = *packets;
	p = srb(0, VSTOR_NO_DATA, 0, (const u8[6]){ 0 }, 6);
	for (u32 i = 0; i < 300; i++)
		assert_true(write_packet(i + 1, &p, NULL, 0, 0, 0) >= 0);
	signalled();
	assert_true(*packets - before < 300);
	assert_int_equal(agains, 1);
	run_again();
	assert_int_equal(*packets - before, 300);
	for (u32 i = 0; i < 300; i++)
		assert_true(read_answer(&p) == i + 1);
}

static u32 laters;

static void look_later(void *context, struct vmbus_channel *c)
{
	(void)context;
	assert_ptr_equal(c, &controller.channels[0]->c);
	assert_int_equal(locks, 0);
	laters++;
}

static u32 mask(void)
{
	return ((const struct vmbus_ring_control *)(void *)ram[RINGS])->interrupt_mask;
}

/*
 * With several requests under way the guest need not signal: the place comes back when the next one has ended, and in
 * a while; with one, which the guest may wait for, it signals. The ring's room is the guest's in any case.
 */
static void busy(void **state)
{
	static struct storvsp_host with_later;
	const struct vmbus_ring_control *ring = (const void *)ram[RINGS];
	struct vstor_packet p;

	(void)state;
	with_later = storvsp_host;
	with_later.look_later = look_later;
	controller.host = &with_later;
	begin();
	assert_true(write_io(1, false, 0, 4, 0, 0) >= 0);
	signalled();
	assert_true(mask() == 0 && laters == 0);
	assert_int_equal(write_io(2, false, 4, 4, 4, 0), 1);
	signalled();
	assert_true(mask() == 1 && laters == 1);
	assert_int_equal(ring->read, ring->write);
	/* Nobody is to be told of these. */
	assert_int_equal(write_io(3, false, 8, 4, 8, 0), 0);
	assert_int_equal(agains, 0);
	assert_true(disk_step(&disks[0]));
	assert_int_equal(agains, 1);
	run_again();
	/* Two are under way again. */
	assert_true(mask() == 1 && laters == 2);
	assert_int_equal(disks[0].count, 2);
	/* Each end of a request is one reason to look, till it has looked. */
	while (disk_step(&disks[0]))
		;
	assert_int_equal(agains, 1);
	run_again();
	assert_int_equal(mask(), 0);
	for (u32 i = 0; i < 3; i++)
		assert_true(read_answer(&p) != 0);
	assert_int_equal(write_io(4, false, 0, 4, 0, 0), 1);
	signalled();
	assert_true(disk_step(&disks[0]));
	assert_int_equal(agains, 0);
	assert_true(read_answer(&p) == 4);
}

static bool was_busy;

static void all_ends(void)
{
	while (disk_step(&disks[0]))
		;
	was_busy = storvsp_lun_busy(&controller, 0);
}

/* A disk whose requests have all ended is still used by who plugged it. */
static void plugged(void **state)
{
	(void)state;
	begin();
	disks[0].unplugging = all_ends;
	assert_true(write_io(1, false, 0, 4, 0, 0) >= 0);
	was_busy = false;
	signalled();
	assert_true(was_busy);
	assert_false(storvsp_lun_busy(&controller, 0));
	disks[0].unplugging = NULL;
}

/* The guest's memory stays as long as a disk may write to it. */
static void closing(void **state)
{
	(void)state;
	for (u32 round = 0; round < 3; round++) {
		begin();
		assert_true(write_io(1, false, 0, 4, 0, 0) >= 0);
		assert_true(write_io(2, false, 8, 4, 0, 0) >= 0);
		signalled();
		post_relid(VMBUS_CLOSE_CHANNEL, relid);
		post_teardown(relid, GPADL);
		expect_none();
		(void)disk_step(&disks[0]);
		attend();
		expect_none();
		(void)disk_step(&disks[0]);
		attend();
		expect_torndown(GPADL);
		open_controller();
	}
}

static u32 locks_until_close;

/* The guest closes the channel when so many locks have been taken. */
static void close_meanwhile(void)
{
	if (locks_until_close-- > 0) {
		meanwhile = close_meanwhile;
		return;
	}
	post_relid(VMBUS_CLOSE_CHANNEL, relid);
	post_teardown(relid, GPADL);
	expect_none();
}

/* On another VP, while packets are looked at: what was begun is waited for, and nothing begins any more. */
static void closed_while_signalled(void **state)
{
	(void)state;
	for (u32 round = 0; round < 8; round++) {
		u32 under_way;

		begin();
		for (u32 i = 0; i < 4; i++)
			assert_true(write_io(i + 1, false, 8 * i, 4, 2 * i, 0) >= 0);
		locks_until_close = round;
		meanwhile = close_meanwhile;
		signalled();
		meanwhile = NULL;
		/* The first lock is for what waits, then each packet takes one. */
		under_way = round < 2 ? 0 : MIN(round - 1, 4u);
		assert_int_equal(disks[0].count, under_way);
		if (round > 4) {
			/* Nobody took so many. */
			post_relid(VMBUS_CLOSE_CHANNEL, relid);
			post_teardown(relid, GPADL);
		}
		while (under_way-- > 0) {
			expect_none();
			(void)disk_step(&disks[0]);
			attend();
		}
		expect_torndown(GPADL);
		open_controller();
	}
}

#define PACKETS 4000u

static u32 asked[PACKETS], answered[PACKETS];

/* Of anything, but often nearly right: a list of pages in front of 64 bytes. */
static void fill_header(u8 header[80])
{
	u32 words[4] = { any(3), any(4) ? 1 : any(5), any(4) ? any(9) * 512 : any(1 << 20),
		any(3) ? any(4096) : any(9000) };

	memcpy(header, words, 16);
	for (u32 k = 0; k < 8; k++) {
		u64 pfn = any(9) ? DATA + any(300) : (u64)any(1 << 20) << any(40);

		memcpy(header + 16 + 8 * k, &pfn, 8);
	}
}

static void fill_payload(u8 payload[80])
{
	static const u8 opcodes[] = { 0x12, 0x28, 0x2a, 0x42, 0x88, 0xa0 };
	struct vstor_packet *p = (void *)payload;

	for (u32 k = 0; k < 80; k++)
		payload[k] = any(3) ? 0 : (u8)any(256);
	p->operation = any(3) ? VSTOR_EXECUTE_SRB : any(15);
	if (any(4) == 0)
		return;
	p->srb.path = p->srb.target = p->srb.lun = 0;
	p->srb.cdb_length = 16;
	p->srb.direction = (u8)any(3);
	p->srb.transfer_length = any(9) * 512;
	p->srb.cdb_or_sense[0] = opcodes[any(sizeof(opcodes))];
	if (any(2))
		return;
	/* READ or WRITE of what there is. */
	p->srb.direction = any(2) ? VSTOR_WRITE : VSTOR_READ;
	memset(p->srb.cdb_or_sense, 0, sizeof(p->srb.cdb_or_sense));
	p->srb.cdb_or_sense[0] = p->srb.direction == VSTOR_WRITE ? 0x2a : 0x28;
	p->srb.cdb_or_sense[8] = (u8)(p->srb.transfer_length / 512);
}

/* False: the ring has no room. */
static bool post_nonsense(u32 i)
{
	_Alignas(8) u8 header[80], payload[80];
	struct vmbus_message m = { .type = (u16)(any(4) ? 6 + 3 * any(2) : any(16)),
		.transaction = i + 1,
		.header = { header, 8 * any(10) },
		.payload = { payload, any(5) ? 64 : any(11) * 8 } };

	fill_header(header);
	fill_payload(payload);
	if (vmbus_ring_write(&out, &m) < 0)
		return false;
	asked[i] = m.type != VMBUS_PACKET_COMPLETION;
	signalled();
	return true;
}

static void take_answer(void)
{
	struct vstor_packet p;
	u64 id = read_answer(&p);

	if (id != 0 && id <= PACKETS)
		answered[id - 1]++;
}

/* Packets that make no sense are answered, each once, and touch nobody's memory but the guest's. */
static void nonsense(void **state)
{
	u32 next = 0;

	(void)state;
	begin();
	memset(asked, 0, sizeof(asked));
	memset(answered, 0, sizeof(answered));
	for (u32 i = 0; i < 60000; i++) {
		if (any(2) && next < PACKETS) {
			/* As if it had begun anew, if it has begun to. */
			controller.step = STORVSP_READY;
			next += post_nonsense(next);
		} else if (any(2)) {
			(void)disk_step(&disks[0]);
			run_again();
		} else {
			take_answer();
		}
		assert_false(controller.channels[0]->c.broken);
	}
	for (u32 i = 0; i < 20000; i++) {
		(void)disk_step(&disks[0]);
		run_again();
		take_answer();
	}
	assert_int_equal(next, PACKETS);
	assert_memory_equal(asked, answered, sizeof(asked));
	assert_true(controller.stats.malformed > 100);
	assert_true(controller.stats.reads + controller.stats.writes > 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(beginnings, setup, teardown),
		cmocka_unit_test_setup_teardown(subchannels_again, setup, teardown),
		cmocka_unit_test_setup_teardown(inquiry, setup, teardown),
		cmocka_unit_test_setup_teardown(at_random, setup, teardown),
		cmocka_unit_test_setup_teardown(more_than_slots, setup, teardown),
		cmocka_unit_test_setup_teardown(errors, setup, teardown),
		cmocka_unit_test_setup_teardown(reset, setup, teardown),
		cmocka_unit_test_setup_teardown(luns, setup, teardown),
		cmocka_unit_test_setup_teardown(turns, setup, teardown),
		cmocka_unit_test_setup_teardown(busy, setup, teardown),
		cmocka_unit_test_setup_teardown(plugged, setup, teardown),
		cmocka_unit_test_setup_teardown(closing, setup, teardown),
		cmocka_unit_test_setup_teardown(closed_while_signalled, setup, teardown),
		cmocka_unit_test_setup_teardown(nonsense, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/*
 * The SCSI controller behind a real server and rings, against a guest that the test plays: the beginning step by step,
 * I/O straight to the guest's pages with requests that end in any order, more than slots and rings take, disks
 * that come and go, closing with I/O under way, and packets of every kind at random.
 * sources: vsp/storvsp/storvsp.c vsp/storvsp/storvsp_slot.c vsp/storvsp/storvsp_packet.c
 * sources: vsp/storvsp/scsi.c vsp/storvsp/scsi_answers.c
 * sources: vmbus/server.c vmbus/channel.c vmbus/gpadl.c vmbus/ring.c lib/string.c
 */
#include "tests/unit/vmbus_guest.h"

#include "vsp/storvsp/storvsp.h"
#include "vsp/storvsp/storvsp_impl.h"

#define SECTORS   2048u
#define GPADL     5u
#define RINGS     100u /* the first page of 16: two rings of 7 pages of data */
#define RING_HALF 8u
#define DATA      200u /* pages for data */
#define INIT_ID   0xfffffffffffffffdull
#define QUEUE_MAX 256u

static struct storvsp controller;
static struct vmbus_ring out, in;
static u8 *out_pages[RING_HALF - 1], *in_pages[RING_HALF - 1];
static u32 relid, agains, locks, wanted;

/* ---- a disk ---- */

struct mem_disk {
	struct vsp_disk d;
	u8 bytes[SECTORS * 512];
	struct vsp_disk_request *queue[QUEUE_MAX];
	u32 count, plugs, flushes, discards;
	bool plugged;
	int error; /* of all that end */
};

static struct mem_disk disks[2];

static void disk_submit(struct vsp_disk *d, struct vsp_disk_request *r)
{
	struct mem_disk *m = container_of(d, struct mem_disk, d);

	assert_true(m->plugged && m->count < QUEUE_MAX && locks == 0);
	/* The back end's own memory is its own. */
	memset(r->private, 0x77, d->request_bytes);
	m->queue[m->count++] = r;
}

static void disk_plug(struct vsp_disk *d)
{
	container_of(d, struct mem_disk, d)->plugged = true;
}

static void disk_unplug(struct vsp_disk *d)
{
	container_of(d, struct mem_disk, d)->plugged = false;
}

static const struct vsp_disk_ops disk_ops = { disk_submit, disk_plug, disk_unplug };

static void disk_do(struct mem_disk *m, struct vsp_disk_request *r)
{
	u8 *at = m->bytes + r->sector * 512;
	u64 done = 0;

	m->flushes += r->op == VSP_DISK_FLUSH;
	m->discards += r->op == VSP_DISK_DISCARD;
	assert_true(r->op == VSP_DISK_FLUSH || r->sector * 512 + r->bytes <= sizeof(m->bytes));
	if (r->op != VSP_DISK_READ && r->op != VSP_DISK_WRITE)
		return;
	for (u32 i = 0; i < r->segment_count; i++) {
		u8 *p = (u8 *)r->segments[i].gpa.a;

		assert_true(p >= ram[0] && p + r->segments[i].len <= ram[RAM_PAGES]);
		if (r->op == VSP_DISK_READ)
			memcpy(p, at + done, r->segments[i].len);
		else
			memcpy(at + done, p, r->segments[i].len);
		done += r->segments[i].len;
	}
	assert_int_equal(done, r->bytes);
}

/* One of those under way ends. */
static bool disk_step(struct mem_disk *m)
{
	u32 i;
	struct vsp_disk_request *r;

	if (m->count == 0)
		return false;
	i = any(m->count);
	r = m->queue[i];
	m->queue[i] = m->queue[--m->count];
	if (m->error == 0)
		disk_do(m, r);
	r->done(r, m->error);
	return true;
}

static struct vsp_disk *disk_init(u32 i)
{
	struct mem_disk *m = &disks[i];

	*m = (struct mem_disk){ .d = { .ops = &disk_ops,
					.request_bytes = 40,
					.sector_size = 512,
					.sectors = SECTORS,
					.write_cache = true,
					.max_discard = MIB,
					.depth = 64,
					.id = { (u8)(i + 1) } } };
	return &m->d;
}

/* ---- the controller's host ---- */

static bool resolve(void *context, u64 pfn, gpa_t *gpa, void **address)
{
	(void)context;
	if (pfn >= RAM_PAGES)
		return false;
	*gpa = GPA((u64)ram[pfn]);
	*address = ram[pfn];
	return true;
}

static u64 take_lock(void *context, struct vmbus_channel *c)
{
	(void)context;
	(void)c;
	assert_int_equal(locks, 0);
	locks++;
	return 42;
}

static void drop_lock(void *context, struct vmbus_channel *c, u64 state)
{
	(void)context;
	(void)c;
	assert_true(state == 42 && locks == 1);
	locks--;
}

static void again(void *context, struct vmbus_channel *c)
{
	(void)context;
	(void)c;
	assert_int_equal(locks, 1);
	agains++;
}

static void want_channels(void *context, struct storvsp *s, u32 count)
{
	(void)context;
	assert_ptr_equal(s, &controller);
	wanted = count;
}

static const struct storvsp_host storvsp_host = {
	.alloc = host_alloc,
	.free = host_free,
	.resolve = resolve,
	.lock = take_lock,
	.unlock = drop_lock,
	.again = again,
	.want_channels = want_channels,
};

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

/* Random I/O against a model, with ends in any order, and a ring for answers that fills up. */
static void at_random(void **state)
{
	static u8 model[SECTORS * 512];
	static struct {
		bool busy, write;
		u32 sector, count, page, offset;
	} jobs[64];
	static bool taken_sectors[SECTORS], taken_pages[300];
	u32 done = 0;

	(void)state;
	begin();
	memset(taken_sectors, 0, sizeof(taken_sectors));
	memset(taken_pages, 0, sizeof(taken_pages));
	for (u32 i = 0; i < 60000; i++) {
		u32 k = any(64), kind = any(4);
		struct vstor_packet p;
		u64 id;

		if (kind < 2 && !jobs[k].busy) {
			u32 count = 1 + any(any(4) ? 16 : 200), offset = any(8) * 512;
			u32 sector = any(SECTORS - count), page = any(300);
			u32 pages = (offset + count * 512 + 4095) / 4096;
			bool clear = pages <= 140;

			for (u32 n = 0; n < count; n++)
				clear &= !taken_sectors[sector + n];
			for (u32 n = 0; n < pages; n++)
				clear &= !taken_pages[(page + 2 * n) % 300];
			if (!clear)
				continue;
			jobs[k].write = any(2);
			for (u32 n = 0; jobs[k].write && n < count * 512; n++)
				*guest_byte(page, offset, n) = model[sector * 512 + n] =
					(u8)any(256);
			id = (u64)write_io(k + 1, jobs[k].write, sector, count, page, offset);
			if ((s64)id == -EAGAIN) {
				/* It was not written: the disk is as before. */
				memcpy(model + sector * 512, disks[0].bytes + sector * 512,
					count * 512);
				continue;
			}
			jobs[k].busy = true;
			jobs[k].sector = sector;
			jobs[k].count = count;
			jobs[k].page = page;
			jobs[k].offset = offset;
			for (u32 n = 0; n < count; n++)
				taken_sectors[sector + n] = true;
			for (u32 n = 0; n < pages; n++)
				taken_pages[(page + 2 * n) % 300] = true;
			if (id == 1)
				signalled();
		} else if (kind == 2) {
			(void)disk_step(&disks[0]);
			run_again();
		} else if ((id = read_answer(&p)) != 0) {
			u32 j = (u32)id - 1,
			    pages = (jobs[j].offset + jobs[j].count * 512 + 4095) / 4096;

			assert_true(j < 64 && jobs[j].busy);
			jobs[j].busy = false;
			assert_int_equal(p.srb.srb_status, SRB_SUCCESS);
			assert_int_equal(p.srb.transfer_length, jobs[j].count * 512);
			for (u32 n = 0; n < jobs[j].count * 512; n++)
				assert_int_equal(*guest_byte(jobs[j].page, jobs[j].offset, n),
					model[jobs[j].sector * 512 + n]);
			for (u32 n = 0; n < jobs[j].count; n++)
				taken_sectors[jobs[j].sector + n] = false;
			for (u32 n = 0; n < pages; n++)
				taken_pages[(jobs[j].page + 2 * n) % 300] = false;
			done++;
		}
	}
	assert_true(done > 3000);
	while (disk_step(&disks[0]))
		;
	assert_memory_equal(disks[0].bytes, model, sizeof(model));
	assert_true(controller.stats.reads + controller.stats.writes >= done);
	for (u32 k = 0; k < 64; k++)
		jobs[k].busy = false;
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
	assert_true(write_io(2, true, 0, 4, 0, 0) >= 0);
	signalled();
	assert_true(read_answer(&p) == ~0ull);
	assert_true(read_answer(&p) == 2 && p.srb.srb_status == SRB_INVALID_LUN);
	(void)disk_step(&disks[0]);
	assert_true(read_answer(&p) == 1 && p.srb.srb_status == SRB_SUCCESS);
	assert_false(storvsp_lun_busy(&controller, 0));
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

/* Packets that make no sense are answered, each once, and touch nobody's memory but the guest's. */
static void nonsense(void **state)
{
	static u32 asked[4000], answered[4000];
	u32 next = 0;
	struct vstor_packet p;
	u64 id;

	(void)state;
	begin();
	memset(asked, 0, sizeof(asked));
	memset(answered, 0, sizeof(answered));
	for (u32 i = 0; i < 60000; i++) {
		if (any(2) && next < 4000) {
			u8 header[16 + 64], payload[80];
			u32 words[4] = { any(3), any(4) ? 1 : any(5),
				any(4) ? any(9) * 512 : any(1 << 20),
				any(3) ? any(4096) : any(9000) };
			u32 count = any(8), len = any(5) ? 64 : any(11) * 8;
			struct vmbus_message m = { .type = (u16)(any(4) ? 6 + 3 * any(2) : any(16)),
				.transaction = next + 1,
				.header = { header, any(6) ? 16 + 8 * count : 8 * any(10) },
				.payload = { payload, len } };

			memcpy(header, words, 16);
			for (u32 k = 0; k < 8; k++) {
				u64 pfn = any(9) ? DATA + any(300) : (u64)any(1 << 20) << any(40);

				memcpy(header + 16 + 8 * k, &pfn, 8);
			}
			for (u32 k = 0; k < sizeof(payload); k++)
				payload[k] = any(3) ? 0 : (u8)any(256);
			payload[0] = (u8)(any(3) ? VSTOR_EXECUTE_SRB : any(15));
			payload[1] = payload[2] = payload[3] = 0;
			if (any(4)) {
				static const u8 opcodes[] = { 0x12, 0x28, 0x2a, 0x42, 0x88, 0xa0 };

				payload[12 + 7] = 0;
				payload[12 + 5] = payload[12 + 6] = 0;
				payload[12 + 8] = 16;
				payload[12 + 10] = (u8)any(3);
				memcpy(payload + 24, &(u32){ any(9) * 512 }, 4);
				payload[28] = opcodes[any(sizeof(opcodes))];
			}
			if (vmbus_ring_write(&out, &m) < 0)
				continue;
			asked[next++] = m.type != VMBUS_PACKET_COMPLETION;
			signalled();
		} else if (any(2)) {
			(void)disk_step(&disks[0]);
			run_again();
		} else if ((id = read_answer(&p)) != 0 && id <= 4000) {
			answered[id - 1]++;
		}
		assert_false(controller.channels[0]->c.broken);
	}
	for (u32 i = 0; i < 20000; i++) {
		(void)disk_step(&disks[0]);
		run_again();
		id = read_answer(&p);
		if (id != 0 && id <= 4000)
			answered[id - 1]++;
	}
	assert_int_equal(next, 4000);
	assert_memory_equal(asked, answered, sizeof(asked));
	assert_true(controller.stats.malformed > 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(beginnings, setup, teardown),
		cmocka_unit_test_setup_teardown(inquiry, setup, teardown),
		cmocka_unit_test_setup_teardown(at_random, setup, teardown),
		cmocka_unit_test_setup_teardown(more_than_slots, setup, teardown),
		cmocka_unit_test_setup_teardown(errors, setup, teardown),
		cmocka_unit_test_setup_teardown(reset, setup, teardown),
		cmocka_unit_test_setup_teardown(luns, setup, teardown),
		cmocka_unit_test_setup_teardown(closing, setup, teardown),
		cmocka_unit_test_setup_teardown(nonsense, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/*
 * Virtio disks on a made-up device: what it is asked, what the block layer hears, and
 * what becomes of a device that is silent, answers nonsense, or storms.
 * sources: rootpart/drivers/virtio/virtio.c rootpart/drivers/virtio/virtio_pci.c rootpart/drivers/virtio/virtio_queue.c rootpart/drivers/virtio/virtq.c
 * sources: rootpart/drivers/virtio/virtio_blk_probe.c rootpart/drivers/virtio/virtio_blk_start.c rootpart/drivers/virtio/virtio_blk_limits.c rootpart/drivers/virtio/virtio_blk_io.c
 * sources: rootpart/drivers/virtio/virtio_blk_complete.c rootpart/drivers/virtio/virtio_blk_recover.c rootpart/block/block_cut.c lib/string.c tests/unit/fake/fake.c tests/unit/fake_root.c
 * cflags: -iquote tests/unit/fake/root -Itests/unit/fake -fno-builtin
 */
#include "tests/unit/virtio_machine.h"

#include "rootpart/block/block_cut.h"
#include "rootpart/drivers/virtio/virtio_blk.h"

#define F_SIZE_MAX   BIT(1)
#define F_SEG_MAX    BIT(2)
#define F_RO         BIT(5)
#define F_BLK_SIZE   BIT(6)
#define F_FLUSH      BIT(9)
#define F_CONFIG_WCE BIT(11)
#define F_MQ         BIT(12)
#define F_DISCARD    BIT(13)
#define F_INDIRECT   BIT(28)
#define F_EVENT      BIT(29)
#define F_ALL \
	(F_SEG_MAX | F_BLK_SIZE | F_FLUSH | F_CONFIG_WCE | F_MQ | F_DISCARD | F_INDIRECT | F_EVENT)

#define DISK_BYTES MIB
#define PIECES     512u

static struct disk {
	u8 data[DISK_BYTES];
	u8 status; /* of all requests, if it is not 0 */
	bool no_id;
	bool held; /* takes requests, and keeps them */
	u32 requests, flushes;
	u64 discarded_from, discarded_count;
	struct chain kept[PIECES];
	u32 kept_queue[PIECES];
	u32 kept_count;
} disk;

static struct block_device *block;
static int register_answer;
static u32 asked_recover;
static struct {
	u32 queue, tag;
	int error;
} ended[PIECES];
static u32 ended_count;

int block_register(struct block_device *d, bool cd)
{
	assert_false(cd);
	assert_true(block_limits_check(&d->limits));
	assert_true(d->queue_count > 0 && d->depth > 0);
	if (register_answer == 0)
		block = d;
	return register_answer;
}

void block_ask_recover(struct block_device *d)
{
	assert_ptr_equal(d, block);
	asked_recover++;
}

void block_piece_done(struct block_device *d, u32 queue, u32 tag, int error)
{
	assert_ptr_equal(d, block);
	assert_true(fake_irq_on);
	ended[ended_count].queue = queue;
	ended[ended_count].tag = tag;
	ended[ended_count++].error = error;
}

/* Copies between the disk and the parts of a chain between header and status. */
static u32 transfer(struct chain *c, u64 at, bool to_disk)
{
	u32 bytes = 0;

	for (u32 i = 1; i + 1 < c->count; i++) {
		struct part *p = &c->parts[i];

		assert_true(at + bytes + p->len <= DISK_BYTES);
		assert_int_equal(p->writes, !to_disk);
		if (to_disk)
			memcpy(disk.data + at + bytes, p->p, p->len);
		else
			memcpy(p->p, disk.data + at + bytes, p->len);
		bytes += p->len;
	}
	return bytes;
}

/* Returns the bytes written besides the status. */
static u32 serve_request(struct chain *c)
{
	u64 header = (u64)c->parts[0].p;
	u32 type = (u32)ring_get(header, 4);
	u64 sector = ring_get(header + 8, 8);
	struct part *data = &c->parts[1];

	assert_int_equal(ring_get(header + 4, 4), 0);
	switch (type) {
	case 0:
		return transfer(c, sector * 512, false);
	case 1:
		(void)transfer(c, sector * 512, true);
		return 0;
	case 4:
		assert_int_equal(c->count, 2);
		assert_int_equal(sector, 0);
		disk.flushes++;
		return 0;
	case 8:
		assert_int_equal(data->len, 20);
		memcpy(data->p, "serial-17\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 20);
		return 20;
	case 11:
		assert_int_equal(data->len, 16);
		assert_false(data->writes);
		disk.discarded_from = ring_get((u64)data->p, 8);
		disk.discarded_count = ring_get((u64)data->p + 8, 8);
		return 0;
	}
	fail();
	return 0;
}

static void answer(u32 queue, struct chain *c)
{
	struct part *status = &c->parts[c->count - 1];
	u32 written;

	assert_int_equal(c->parts[0].len, 16);
	assert_false(c->parts[0].writes);
	assert_int_equal(status->len, 1);
	assert_true(status->writes);
	written = serve_request(c);
	*status->p = disk.status;
	if (disk.no_id && ring_get((u64)c->parts[0].p, 4) == 8)
		*status->p = 2;
	disk.requests++;
	device_give(queue, c->head, written + 1);
}

static void serve(u32 queue)
{
	struct chain c;

	while (device_take(queue, &c)) {
		if (!disk.held) {
			answer(queue, &c);
			continue;
		}
		disk.kept_queue[disk.kept_count] = queue;
		disk.kept[disk.kept_count++] = c;
	}
}

static void put32(u32 at, u32 v)
{
	memcpy(device.config + at, &v, 4);
}

static int setup(void **state)
{
	(void)state;
	machine_setup(0x1042, F_ALL, 4);
	memset(&disk, 0, sizeof(disk));
	device.on_bell = serve;
	put32(0, DISK_BYTES / 512);
	put32(12, 20);         /* seg_max */
	put32(20, 512);        /* blk_size */
	device.config[32] = 1; /* writeback */
	device.config[34] = 4; /* num_queues */
	put32(36, 64);         /* max_discard_sectors */
	put32(40, 1);
	block = NULL;
	register_answer = 0;
	asked_recover = ended_count = 0;
	return 0;
}

static int probe(void)
{
	int error = virtio_blk_driver.probe(&pci);

	assert_int_equal(error == 0, block != NULL);
	return error;
}

/* What the driver keeps for ever is taken from it. */
static void clean_up(void)
{
	struct virtio_blk *b = block->driver_data;

	virtio_close(&b->v);
	for (u32 i = 0; i < b->queue_count; i++)
		kfree(b->queues[i].commands);
	kfree(b->queues);
	kfree(b);
	assert_int_equal(objects, 0);
}

static void start_on(u32 queue, struct block_piece *p)
{
	u64 flags = fake_irq_on;

	fake_irq_on = false;
	block->ops->start(block, queue, p);
	block->ops->kick(block, queue);
	fake_irq_on = flags;
}

/* A piece on @segments parts of @len bytes of @data. */
static void start(enum block_op op, u32 queue, u32 tag, u64 sector, u8 *data, u32 segments, u32 len)
{
	struct block_segment list[300];
	struct block_piece p = {
		.op = op,
		.sector = sector,
		.bytes = (u64)segments * len,
		.segments = list,
		.segment_count = op == BLOCK_READ || op == BLOCK_WRITE ? segments : 0,
		.tag = tag,
	};

	for (u32 i = 0; i < segments; i++)
		list[i] = (struct block_segment){ gpa_of(data + (u64)i * len), len };
	start_on(queue, &p);
}

static void expect_ended(u32 i, u32 queue, u32 tag, int error)
{
	assert_true(i < ended_count);
	assert_int_equal(ended[i].queue, queue);
	assert_int_equal(ended[i].tag, tag);
	assert_int_equal(ended[i].error, error);
}

static void limits(void **state)
{
	const struct block_limits *l;

	(void)state;
	assert_true(virtio_blk_driver.match(&pci));
	assert_int_equal(probe(), 0);
	l = &block->limits;
	assert_int_equal(l->sector_size, 512);
	assert_int_equal(l->sectors, 2048);
	assert_int_equal(l->max_segments, 20);
	assert_int_equal(l->max_bytes, MIB);
	assert_true(l->write_cache);
	assert_false(l->fua);
	assert_false(l->read_only);
	assert_int_equal(l->max_discard, 64 * 512);
	assert_int_equal(block->queue_count, 2); /* a queue per VP */
	assert_int_equal(block->depth, 64);
	assert_string_equal(block->serial, "serial-17");
	assert_string_equal(block->driver, "virtio_blk");
	assert_int_equal(irqs[1].vp, 0);
	assert_int_equal(irqs[2].vp, 1);
	clean_up();
}

static void other_limits(void **state)
{
	(void)state;
	device.offered |= F_RO | F_SIZE_MAX;
	device.offered &= ~(F_INDIRECT | F_MQ | F_DISCARD);
	put32(20, 4096);
	put32(8, 10000);
	device.config[32] = 0;
	disk.no_id = true;
	assert_int_equal(probe(), 0);
	assert_int_equal(block->limits.sector_size, 4096);
	assert_int_equal(block->limits.sectors, 256);
	assert_int_equal(block->limits.max_segment, 8192);
	assert_int_equal(block->limits.max_segments, 14);
	assert_int_equal(block->limits.max_discard, 0);
	assert_true(block->limits.read_only);
	assert_false(block->limits.write_cache); /* it writes through */
	assert_int_equal(block->queue_count, 1);
	assert_int_equal(block->depth, 4);
	assert_string_equal(block->serial, "");
	clean_up();
}

/* Without the features nothing is read that is not there. */
static void fewest_features(void **state)
{
	(void)state;
	device.offered = BIT(32);
	put32(20, 77);
	assert_int_equal(probe(), 0);
	assert_int_equal(block->limits.sector_size, 512);
	assert_int_equal(block->limits.max_segments, 1);
	assert_false(block->limits.write_cache);
	clean_up();
}

static void impossible(void **state)
{
	static const u32 sizes[] = { 0, 1, 256, 513, 8192, 0xffffffff };

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(sizes); i++) {
		setup(NULL);
		put32(20, sizes[i]);
		assert_int_equal(probe(), -ENOTSUP);
		assert_int_equal(objects, 0);
	}
	setup(NULL);
	device.offered |= F_SIZE_MAX;
	put32(8, 511);
	assert_int_equal(probe(), -ENOTSUP);
	assert_int_equal(objects, 0);
	setup(NULL);
	device.queue_size[0] = device.queue_size[1] = 2; /* no room for data */
	assert_int_equal(probe(), -ENOTSUP);
	assert_int_equal(objects, 0);
}

/* The capacity changes while it is read. */
static u32 changes_left;

static void change_capacity(u32 offset)
{
	if (offset != 4 || changes_left == 0)
		return;
	changes_left--;
	put32(0, 2048);
	device.generation++;
}

static void changes_while_read(void **state)
{
	(void)state;
	put32(0, 0xffffffff);
	changes_left = 1;
	device.on_read = change_capacity;
	assert_int_equal(probe(), 0);
	assert_int_equal(block->limits.sectors, 2048);
	clean_up();
}

static void memory_runs_out(void **state)
{
	u32 i;

	(void)state;
	for (i = 0;; i++) {
		setup(NULL);
		memory_left = i;
		if (probe() == 0)
			break;
		assert_int_equal(objects, 0);
		assert_int_equal(command_register & 4, 0);
	}
	assert_true(i > 5);
	clean_up();
}

static void fewer_queues(void **state)
{
	(void)state;
	cpu_count = 8;
	assert_int_equal(probe(), 0);
	assert_int_equal(block->queue_count, 4);
	clean_up();
	setup(NULL);
	cpu_count = 8;
	device.vectors = 3;
	assert_int_equal(probe(), 0);
	assert_int_equal(block->queue_count, 2);
	clean_up();
	setup(NULL);
	device.vectors = 1;
	assert_int_equal(probe(), 0);
	assert_int_equal(block->queue_count, 1);
	clean_up();
	setup(NULL);
	device.vectors = 0;
	assert_int_equal(probe(), 0);
	assert_int_equal(block->queue_count, 1);
	clean_up();
}

/* Written in odd parts, read in other ones. */
static void writes_and_reads(u64 features, u32 vectors)
{
	u8 *out = malloc(20480), *in = malloc(20480);

	device.offered = features | BIT(32);
	device.vectors = vectors;
	assert_int_equal(probe(), 0);
	for (u32 round = 0; round < 300; round++) {
		u32 queue = round % block->queue_count, tag = round % block->depth;

		for (u32 i = 0; i < 5120; i++)
			out[i] = (u8)(i * 7 + round);
		ended_count = 0;
		start(BLOCK_WRITE, queue, tag, 5 + round, out, 10, 512);
		run_work();
		expect_ended(0, queue, tag, 0);
		start(BLOCK_READ, queue, tag, 5 + round, in, 2, 2560);
		run_work();
		expect_ended(1, queue, tag, 0);
		assert_int_equal(ended_count, 2);
		assert_memory_equal(in, out, 5120);
		assert_memory_equal(disk.data + (5 + round) * 512, out, 5120);
	}
	free(out);
	free(in);
	clean_up();
}

static void data_arrives(void **state)
{
	(void)state;
	writes_and_reads(F_ALL, 8);
	setup(NULL);
	writes_and_reads(F_ALL & ~F_EVENT, 8);
	setup(NULL);
	writes_and_reads(F_ALL & ~F_INDIRECT, 8);
	setup(NULL);
	writes_and_reads(F_ALL & ~(F_INDIRECT | F_EVENT), 0);
}

static void sectors_of_4096(void **state)
{
	u8 *data = calloc(1, 4096);

	(void)state;
	put32(20, 4096);
	assert_int_equal(probe(), 0);
	memset(disk.data + 3 * 4096, 0x5a, 4096);
	start(BLOCK_READ, 0, 0, 3, data, 1, 4096);
	run_work();
	assert_memory_equal(data, disk.data + 3 * 4096, 4096);
	start(BLOCK_DISCARD, 1, 9, 2, data, 3, 4096);
	run_work();
	expect_ended(1, 1, 9, 0);
	assert_int_equal(disk.discarded_from, 16);
	assert_int_equal(disk.discarded_count, 24);
	start(BLOCK_FLUSH, 0, 1, 0, NULL, 0, 0);
	run_work();
	expect_ended(2, 0, 1, 0);
	assert_int_equal(disk.flushes, 1);
	free(data);
	clean_up();
}

static void errors(void **state)
{
	static const struct {
		u8 status;
		int error;
	} rows[] = { { 1, -EIO }, { 2, -ENOTSUP }, { 3, -EIO }, { 255, -EIO } };
	u8 *data = calloc(1, 512);

	(void)state;
	assert_int_equal(probe(), 0);
	for (u32 i = 0; i < ARRAY_SIZE(rows); i++) {
		disk.status = rows[i].status;
		start(BLOCK_READ, 0, i, 0, data, 1, 512);
		run_work();
		expect_ended(i, 0, i, rows[i].error);
	}
	assert_int_equal(asked_recover, 0);
	free(data);
	clean_up();
}

/* A device that writes no status did not do it. */
static void no_status(void **state)
{
	u8 *data = calloc(1, 512);

	(void)state;
	assert_int_equal(probe(), 0);
	disk.held = true;
	start(BLOCK_READ, 0, 3, 0, data, 1, 512);
	device_give(0, disk.kept[0].head, 0);
	run_work();
	expect_ended(0, 0, 3, -EIO);
	free(data);
	clean_up();
}

static void out_of_order(void **state)
{
	u8 *data = calloc(64, 512);

	(void)state;
	assert_int_equal(probe(), 0);
	disk.held = true;
	for (u32 i = 0; i < 64; i++)
		start(BLOCK_WRITE, 0, i, i, data + i * 512, 1, 512);
	assert_int_equal(disk.kept_count, 64);
	for (u32 i = 0; i < 64; i++)
		answer(0, &disk.kept[(i * 29 + 7) % 64]);
	run_work();
	assert_int_equal(ended_count, 64);
	for (u32 i = 0; i < 64; i++)
		expect_ended(i, 0, (i * 29 + 7) % 64, 0);
	free(data);
	clean_up();
}

/* A wrong answer ends nothing; all ends by the reset that it causes. */
static void nonsense(u32 id, u32 len, bool twice, const char *word)
{
	u8 *data = calloc(4, 512);

	setup(NULL);
	assert_int_equal(probe(), 0);
	disk.held = true;
	start(BLOCK_READ, 0, 1, 0, data, 1, 512);
	start(BLOCK_READ, 0, 2, 1, data + 512, 1, 512);
	start(BLOCK_READ, 1, 2, 2, data + 1024, 1, 512);
	if (twice)
		device_give(0, id, 1);
	device_give(0, id, len);
	run_work();
	run_work();
	assert_int_equal(ended_count, twice);
	assert_int_equal(asked_recover, 1);
	assert_int_equal(log_lines, 1);
	assert_non_null(strstr(logged, word));
	interrupt(1);
	run_work();
	assert_int_equal(log_lines, 1);
	ended_count = 0;
	assert_int_equal(block->ops->recover(block), 0);
	assert_int_equal(ended_count, twice ? 2 : 3);
	for (u32 i = 0; i < ended_count; i++)
		assert_int_equal(ended[i].error, -ETIMEDOUT);
	/* And it works again. */
	disk.held = false;
	start(BLOCK_READ, 0, 1, 0, data, 1, 512);
	run_work();
	expect_ended(ended_count - 1, 0, 1, 0);
	free(data);
	clean_up();
}

static void nonsense_is_reset(void **state)
{
	(void)state;
	nonsense(5, 1, false, "not given");
	nonsense(64, 1, false, "not given");
	nonsense(0xffffffff, 1, false, "not given");
	nonsense(1, 514, false, "room");
	nonsense(1, 0xffffffff, false, "room");
	nonsense(1, 1, true, "not given");
}

/* Nothing comes; what was under way ends, and late answers change nothing. */
static void silent(void **state)
{
	u8 *data = calloc(8, 512);
	u32 resets;

	(void)state;
	assert_int_equal(probe(), 0);
	device.on_bell = NULL;
	start(BLOCK_WRITE, 0, 0, 0, data, 1, 512);
	start(BLOCK_WRITE, 1, 7, 0, data + 512, 1, 512);
	resets = device.resets;
	assert_int_equal(block->ops->recover(block), 0);
	assert_int_equal(device.resets, resets + 1);
	assert_int_equal(ended_count, 2);
	expect_ended(0, 0, 0, -ETIMEDOUT);
	expect_ended(1, 1, 7, -ETIMEDOUT);
	/* An interrupt from before. */
	interrupt(1);
	interrupt(2);
	run_work();
	assert_int_equal(ended_count, 2);
	device.on_bell = serve;
	start(BLOCK_WRITE, 1, 7, 0, data, 1, 512);
	run_work();
	expect_ended(2, 1, 7, 0);
	free(data);
	clean_up();
}

static void cache_mode_survives(void **state)
{
	(void)state;
	device.config[32] = 0;
	assert_int_equal(probe(), 0);
	assert_false(block->limits.write_cache);
	device.config[32] = 1; /* what a reset brings back */
	assert_int_equal(block->ops->recover(block), 0);
	assert_int_equal(device.config[32], 0);
	clean_up();
}

/* Not even a reset helps: it is kept from memory, then all ends. */
static void dead(void **state)
{
	u8 *data = calloc(1, 512);

	(void)state;
	for (u32 i = 0; i < 5; i++) {
		setup(NULL);
		assert_int_equal(probe(), 0);
		disk.held = true;
		start(BLOCK_WRITE, 0, 0, 0, data, 1, 512);
		device.never_reset = i == 0;
		device.gone = i == 1;
		device.refuses_start = i == 2;
		device.refuses_features = i == 3;
		if (i == 4)
			device.offered &= ~F_FLUSH;
		now = 0;
		assert_int_not_equal(block->ops->recover(block), 0);
		assert_true(now < 10 * NS_PER_S);
		assert_int_equal(command_register & 4, 0);
		assert_int_equal(ended_count, 1);
		expect_ended(0, 0, 0, -ETIMEDOUT);
		device.gone = false;
		clean_up();
	}
	free(data);
}

static void silent_from_the_start(void **state)
{
	(void)state;
	device.on_bell = NULL;
	assert_int_equal(probe(), -ETIMEDOUT);
	assert_true(now < 10 * NS_PER_S);
	assert_int_equal(command_register & 4, 0);
	assert_null(irqs[0].handler);
	assert_int_equal(objects, 0);
}

static void cannot_be_registered(void **state)
{
	(void)state;
	register_answer = -ENOMEM;
	assert_int_equal(probe(), -ENOMEM);
	assert_int_equal(work_count + objects, 0);
	assert_int_equal(command_register & 4, 0);
	register_answer = 0;
	for (u32 i = 0; i < 3; i++) {
		setup(NULL);
		irq_requests_left = i;
		assert_int_equal(probe(), -ENOSPC);
		assert_int_equal(work_count + objects, 0);
	}
}

static void answers_at_once_with_nonsense(u32 queue)
{
	device_give(queue, 77, 5);
}

static void nonsense_from_the_start(void **state)
{
	(void)state;
	device.on_bell = answers_at_once_with_nonsense;
	assert_int_equal(probe(), -EIO);
	assert_int_equal(work_count + objects, 0);
}

static void changes(void **state)
{
	(void)state;
	assert_int_equal(probe(), 0);
	device_change();
	run_work();
	assert_int_equal(log_lines, 0);
	put32(0, 4096);
	device_change();
	device_change();
	run_work();
	assert_int_equal(log_lines, 1);
	assert_int_equal(block->limits.sectors, 2048);
	device.status |= 64;
	device_change();
	run_work();
	assert_int_equal(asked_recover, 1);
	device_change();
	run_work();
	assert_int_equal(asked_recover, 1);
	assert_int_equal(block->ops->recover(block), 0);
	device.status |= 64;
	device_change();
	run_work();
	assert_int_equal(asked_recover, 2);
	clean_up();
}

static void storm(void **state)
{
	u8 *data = calloc(1, 512);

	(void)state;
	assert_int_equal(probe(), 0);
	disk.held = true;
	start(BLOCK_READ, 0, 5, 0, data, 1, 512);
	for (u32 i = 0; i < 10000; i++) {
		interrupt(1);
		(void)run_work_once();
	}
	assert_int_equal(ended_count, 0);
	assert_int_equal(work_count, 0);
	answer(0, &disk.kept[0]);
	run_work();
	assert_int_equal(ended_count, 1);
	free(data);
	clean_up();
}

/* Only what it interrupts for is looked at. */
static void pin_of_another(void **state)
{
	u8 *data = calloc(1, 512);

	(void)state;
	device.vectors = 0;
	assert_int_equal(probe(), 0);
	for (u32 i = 0; i < 10; i++)
		interrupt(0);
	assert_int_equal(work_count, 0);
	start(BLOCK_READ, 0, 5, 0, data, 1, 512);
	assert_int_equal(work_count, 1);
	run_work();
	assert_int_equal(ended_count, 1);
	assert_int_equal(device.isr, 0);
	free(data);
	clean_up();
}

/* Pieces of random sizes on random queues, answered in random order; the disk has it all. */
static void random_requests(void **state)
{
	static u8 shadow[DISK_BYTES];
	u8 *data = malloc(64 * 4096);
	bool busy[2][64] = { 0 };
	u32 seed = 5, done = 0;

	(void)state;
	device.offered &= ~(u64)F_EVENT;
	assert_int_equal(probe(), 0);
	disk.held = true;
	for (u32 step = 0; step < 20000; step++) {
		u32 queue, tag, n;

		seed = seed * 1664525 + 1013904223;
		queue = seed >> 8 & 1;
		tag = seed >> 10 & 63;
		if (seed >> 30 != 0 && !busy[queue][tag]) {
			/* Each tag has a place of its own. */
			u64 sector = (queue * 64 + tag) * 8;
			u8 *p = data + tag * 4096;

			n = 1 + (seed >> 17 & 7);
			memset(p, (int)(seed >> 20), n * 512);
			memcpy(shadow + sector * 512, p, n * 512);
			start(BLOCK_WRITE, queue, tag, sector, p, n, 512);
			answer(queue, &disk.kept[--disk.kept_count]);
			busy[queue][tag] = true;
		} else {
			run_work();
			for (u32 i = 0; i < ended_count; i++) {
				assert_int_equal(ended[i].error, 0);
				assert_true(busy[ended[i].queue][ended[i].tag]);
				busy[ended[i].queue][ended[i].tag] = false;
				done++;
			}
			ended_count = 0;
		}
	}
	assert_true(done > 5000);
	assert_memory_equal(disk.data, shadow, DISK_BYTES);
	free(data);
	clean_up();
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(limits),
		TEST(other_limits),
		TEST(fewest_features),
		TEST(impossible),
		TEST(changes_while_read),
		TEST(memory_runs_out),
		TEST(fewer_queues),
		TEST(data_arrives),
		TEST(sectors_of_4096),
		TEST(errors),
		TEST(no_status),
		TEST(out_of_order),
		TEST(nonsense_is_reset),
		TEST(silent),
		TEST(cache_mode_survives),
		TEST(dead),
		TEST(silent_from_the_start),
		TEST(nonsense_from_the_start),
		TEST(cannot_be_registered),
		TEST(changes),
		TEST(storm),
		TEST(pin_of_another),
		TEST(random_requests),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

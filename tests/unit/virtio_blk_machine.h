/* SPDX-License-Identifier: MIT */
/*
 * A made-up virtio disk, and the block layer above its driver, for host tests. It does what
 * it is asked, or keeps it until the test answers. Included by one source of a program.
 */
#pragma once

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
static u32 layer_flushes;
static int flush_answer;
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

int block_flush(struct block_device *d)
{
	assert_ptr_equal(d, block);
	layer_flushes++;
	return flush_answer;
}

const char *errno_text(int error)
{
	(void)error;
	return "";
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
static inline u32 transfer(struct chain *c, u64 at, bool to_disk)
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
static inline u32 serve_request(struct chain *c)
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

static inline void answer(u32 queue, struct chain *c)
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

static inline void serve(u32 queue)
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

static inline void put32(u32 at, u32 v)
{
	memcpy(device.config + at, &v, 4);
}

static inline int setup(void **state)
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
	asked_recover = ended_count = layer_flushes = 0;
	flush_answer = 0;
	return 0;
}

static inline int probe(void)
{
	int error = virtio_blk_driver.probe(&pci);

	assert_int_equal(error == 0, block != NULL);
	return error;
}

/* What the driver keeps for ever is taken from it. */
static inline void clean_up(void)
{
	struct virtio_blk *b = block->driver_data;

	virtio_close(&b->v);
	for (u32 i = 0; i < b->queue_count; i++)
		page_give_back(b->queues[i].commands);
	kfree(b->queues);
	kfree(b);
	assert_int_equal(objects + pages, 0);
}

static inline void start_on(u32 queue, struct block_piece *p)
{
	u64 flags = fake_irq_on;

	fake_irq_on = false;
	block->ops->start(block, queue, p);
	block->ops->kick(block, queue);
	fake_irq_on = flags;
}

/* A piece on @segments parts of @len bytes of @data. */
static inline void start(
	enum block_op op, u32 queue, u32 tag, u64 sector, u8 *data, u32 segments, u32 len)
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

static inline void expect_ended(u32 i, u32 queue, u32 tag, int error)
{
	assert_true(i < ended_count);
	assert_int_equal(ended[i].queue, queue);
	assert_int_equal(ended[i].tag, tag);
	assert_int_equal(ended[i].error, error);
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

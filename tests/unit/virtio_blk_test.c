/* SPDX-License-Identifier: MIT */
/*
 * Virtio disks on a made-up device: what it is asked, and what the block layer hears.
 * sources: rootpart/drivers/virtio/virtio.c rootpart/drivers/virtio/virtio_pci.c rootpart/drivers/virtio/virtio_queue.c rootpart/drivers/virtio/virtq.c
 * sources: rootpart/drivers/virtio/virtio_blk_probe.c rootpart/drivers/virtio/virtio_blk_start.c rootpart/drivers/virtio/virtio_blk_limits.c rootpart/drivers/virtio/virtio_blk_io.c
 * sources: rootpart/drivers/virtio/virtio_blk_complete.c rootpart/drivers/virtio/virtio_blk_recover.c rootpart/block/block_cut.c lib/string.c tests/unit/fake/fake.c tests/unit/fake_root.c
 * cflags: -iquote tests/unit/fake/root -Itests/unit/fake -fno-builtin
 */
#include "tests/unit/virtio_blk_machine.h"

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

/* A cache is flushed before the machine goes off; without one there is nothing to do. */
static void goes_off(void **state)
{
	(void)state;
	assert_int_equal(probe(), 0);
	virtio_blk_driver.shutdown(&pci);
	assert_int_equal(layer_flushes, 1);
	assert_int_equal(log_lines, 0);
	flush_answer = -EIO;
	virtio_blk_driver.shutdown(&pci);
	assert_int_equal(log_lines, 1);
	clean_up();
	setup(NULL);
	device.config[32] = 0;
	assert_int_equal(probe(), 0);
	virtio_blk_driver.shutdown(&pci);
	assert_int_equal(layer_flushes, 0);
	clean_up();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(limits),
		TEST(other_limits),
		TEST(fewest_features),
		TEST(changes_while_read),
		TEST(fewer_queues),
		TEST(data_arrives),
		TEST(sectors_of_4096),
		TEST(out_of_order),
		TEST(random_requests),
		TEST(goes_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

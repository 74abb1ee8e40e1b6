/* SPDX-License-Identifier: MIT */
/*
 * The NVMe driver on a controller that works: what it finds, data of every size
 * in odd lists, all commands, rings that wrap, pins and few interrupts.
 * sources: rootpart/drivers/nvme/nvme_admin.c rootpart/drivers/nvme/nvme_complete.c rootpart/drivers/nvme/nvme_controller.c rootpart/drivers/nvme/nvme_identify.c rootpart/drivers/nvme/nvme_io.c rootpart/drivers/nvme/nvme_probe.c rootpart/drivers/nvme/nvme_queue.c rootpart/drivers/nvme/nvme_recover.c rootpart/drivers/nvme/nvme_start.c lib/string.c tests/unit/fake/fake.c tests/unit/fake_root.c
 * cflags: -iquote tests/unit/fake/root -Itests/unit/fake -fno-builtin
 */
#include "tests/unit/nvme_machine.h"

static void probe(void)
{
	assert_true(nvme_driver.match(&pci));
	assert_int_equal(nvme_driver.probe(&pci), 0);
}

static void what_is_found(void **state)
{
	const struct block_device *d;

	(void)state;
	probe();
	assert_int_equal(block_count, 1);
	d = blocks[0];
	assert_string_equal(d->model, "A made-up controller?");
	assert_string_equal(d->serial, "SERIAL-1");
	assert_string_equal(d->driver, "nvme");
	assert_int_equal(d->queue_count, 2);
	assert_int_equal(d->depth, 255);
	assert_int_equal(d->limits.sector_size, 512);
	assert_int_equal(d->limits.sectors, DISK_BYTES / 512);
	assert_int_equal(d->limits.max_bytes, 512 * KIB);
	assert_int_equal(d->limits.max_segments, 129);
	assert_true(d->limits.page_list && d->limits.fua && d->limits.write_cache);
	assert_int_equal(d->limits.align, 4);
	assert_false(d->limits.read_only);
	assert_true(d->limits.max_discard != 0);
	/* Each VP's pair has its own interrupt there. */
	for (u32 i = 0; i < 2; i++) {
		assert_int_equal(irqs[i].vp, i);
		assert_int_equal(device.cq[device.sq[i + 1].cq].vector, i);
	}
	assert_null(irqs[2].handler);
	assert_true(command_register & PCI_COMMAND_MASTER);
	assert_int_equal(log_lines, 0);
}

static void other_devices(void **state)
{
	(void)state;
	pci.interface = 1;
	assert_false(nvme_driver.match(&pci));
	pci.interface = 2;
	pci.subclass = 6;
	assert_false(nvme_driver.match(&pci));
}

/* Where there is less: 1 MiB pieces, 4096-byte sectors, no cache, no discard. */
static void other_sizes(void **state)
{
	(void)state;
	device.mdts = 0;
	device.vwc = 0;
	device.oncs = 0;
	device.format = 12 << 16;
	device.cap = (device.cap & ~0xffffull) | 15;
	probe();
	assert_int_equal(blocks[0]->limits.max_bytes, MIB);
	assert_int_equal(blocks[0]->limits.max_segments, 257);
	assert_int_equal(blocks[0]->limits.sector_size, 4096);
	assert_int_equal(blocks[0]->limits.sectors, DISK_BYTES / 4096);
	assert_int_equal(blocks[0]->depth, 15);
	assert_false(blocks[0]->limits.write_cache);
	assert_int_equal(blocks[0]->limits.max_discard, 0);
}

/* Formats that it cannot use; ids without a namespace; a controller without a list. */
static void namespaces(void **state)
{
	(void)state;
	device.namespaces[1] = 7;
	device.namespaces[2] = 9;
	device.admin_fails = BIT(31);
	probe();
	assert_int_equal(block_count, 3);
	assert_int_equal(blocks[0]->depth, 85);
	flush(blocks[2], 1, 84);
	serve();
	assert_int_equal(device.io_nsid, 9);
	assert_ptr_equal(ended[0].d, blocks[2]);
	assert_int_equal(ended[0].queue, 1);
	assert_int_equal(ended[0].tag, 84);
}

/* With metadata, of another sector size, of none: the controller stays, without disks. */
static void namespaces_left_out(void **state)
{
	static const u32 formats[] = { 9 << 16 | 8, 11 << 16, 0, 63 << 16 };

	for (u32 i = 0; i < ARRAY_SIZE(formats); i++) {
		device.format = formats[i];
		probe();
		assert_int_equal(block_count, 0);
		assert_string_equal(logged, "nvme: 0000:00:02.0: namespace 1 is left out");
		(void)teardown(state);
		(void)setup(state);
	}
}

#define PAGES (MIB / 4096 + 2)

/* Segments as the layer cuts them: pages of @base in a mixed order, the first begins inside. */
static u32 make_segments(struct block_segment *s, u8 *base, u64 offset, u64 bytes)
{
	u32 n = 0;

	for (u64 done = 0; done < bytes; n++) {
		u64 page = n * 7 % PAGES;
		u64 len = MIN(bytes - done, 4096 - (n == 0 ? offset : 0));

		s[n] = (struct block_segment){ GPA((u64)base + page * 4096 + (n == 0 ? offset : 0)),
			(u32)len };
		done += len;
	}
	return n;
}

static void fill(const struct block_segment *s, u32 n, u8 seed, bool check)
{
	u64 at = 0;

	for (u32 i = 0; i < n; i++) {
		for (u32 j = 0; j < s[i].len; j++, at++) {
			u8 v = (u8)(at * 13 + (at >> 9) + seed);
			u8 *p = (u8 *)s[i].gpa.a + j;

			if (check && *p != v)
				fail();
			*p = check ? 0 : v;
		}
	}
}

static void one_size(u64 bytes, u64 offset, u64 sector)
{
	static struct block_segment s[PAGES];
	u8 *base = aligned_alloc(4096, PAGES * 4096);
	u32 n = make_segments(s, base, offset, bytes);
	struct block_piece p = { .op = BLOCK_WRITE,
		.sector = sector,
		.bytes = bytes,
		.segments = s,
		.segment_count = n };

	fill(s, n, (u8)bytes, false);
	assert_int_equal(transfer_piece(blocks[0], &p), 0);
	memset(base, 0, PAGES * 4096);
	p.op = BLOCK_READ;
	assert_int_equal(transfer_piece(blocks[0], &p), 0);
	fill(s, n, (u8)bytes, true);
	free(base);
}

static void data(void **state)
{
	(void)state;
	device.mdts = 0;
	probe();
	for (u64 bytes = 512; bytes <= 64 * KIB; bytes += 512)
		one_size(bytes, bytes * 3 % 4096 & ~3ull, bytes / 512);
	one_size(MIB, 0, 77);
	one_size(MIB, 4092, 78);
	one_size(MIB - 512, 4, 79);
	assert_int_equal(device.fuas, 0);
}

/* A segment of many pages is one for the layer. */
static void long_segment(void **state)
{
	u8 *base = aligned_alloc(4096, 64 * KIB);
	struct block_segment s = { GPA((u64)base + 512), 32 * KIB };
	struct block_piece p = { .op = BLOCK_WRITE,
		.fua = true,
		.bytes = 32 * KIB,
		.segments = &s,
		.segment_count = 1 };

	(void)state;
	probe();
	fill(&s, 1, 1, false);
	assert_int_equal(transfer_piece(blocks[0], &p), 0);
	assert_int_equal(device.fuas, 1);
	p.op = BLOCK_READ;
	p.fua = false;
	assert_int_equal(transfer_piece(blocks[0], &p), 0);
	fill(&s, 1, 1, true);
	assert_int_equal(device.fuas, 1);
	free(base);
}

static void other_commands(void **state)
{
	struct block_piece p = { .op = BLOCK_FLUSH };

	(void)state;
	probe();
	assert_int_equal(transfer_piece(blocks[0], &p), 0);
	assert_int_equal(device.flushes, 1);
	p = (struct block_piece){ .op = BLOCK_DISCARD, .sector = 0x123456789, .bytes = 512 * 1000 };
	assert_int_equal(transfer_piece(blocks[0], &p), 0);
	assert_int_equal(device.dropped.first, 0x123456789);
	assert_int_equal(device.dropped.blocks, 1000);
	assert_int_equal(device.dropped.attributes, 0);
}

static void errors(void **state)
{
	static const struct {
		u16 status;
		int error;
	} rows[] = {
		{ 0x001, -ENOTSUP },
		{ 0x002, -EIO },
		{ 0x006, -EIO },
		{ 0x020, -EROFS },
		{ 0x080, -EINVAL },
		{ 0x081, -ENOSPC },
		{ 0x182, -EROFS },
		{ 0x281, -EIO },
		{ 0x380, -EIO },
		{ 0x7ff, -EIO },
	};
	struct block_piece p = { .op = BLOCK_FLUSH };

	(void)state;
	probe();
	for (u32 i = 0; i < ARRAY_SIZE(rows); i++) {
		device.status = rows[i].status;
		assert_int_equal(transfer_piece(blocks[0], &p), rows[i].error);
	}
	device.status = 0;
	assert_int_equal(transfer_piece(blocks[0], &p), 0);
}

/* Full queues, many times around, answered in any order. */
static void rings_wrap(void **state)
{
	u32 sum = 0;

	(void)state;
	probe();
	srand(1);
	device.held = true;
	for (u32 round = 0; round < 40; round++) {
		u32 count = 255 - round % 3;

		sum += count;
		ended_count = device.kept_count = 0;
		for (u32 tag = 0; tag < count; tag++) {
			struct block_piece p = { .op = BLOCK_FLUSH };

			start(blocks[0], 1, tag, &p);
		}
		serve();
		assert_int_equal(device.kept_count, 0); /* it was not told */
		kick(blocks[0], 1);
		serve();
		assert_int_equal(device.kept_count, count);
		for (u32 left = count; left > 0; left--) {
			u32 i = (u32)rand() % left;

			io(2, &device.kept[i]);
			device.kept[i] = device.kept[left - 1];
		}
		serve();
		assert_int_equal(ended_count, count);
		assert_int_equal(device.cq[2].bell, device.cq[2].at);
	}
	assert_int_equal(device.flushes, sum);
	assert_int_equal(asked_recover, 0);
}

static void few_interrupts(void **state)
{
	(void)state;
	device.vectors = 1;
	probe();
	assert_int_equal(blocks[0]->queue_count, 1);
}

static void few_queues(void **state)
{
	(void)state;
	cpu_count = 8;
	device.vectors = 8;
	device.queues_granted = 3;
	probe();
	assert_int_equal(blocks[0]->queue_count, 3);
}

/* A pin is masked by the handler, and free again when the answers are read. */
static void pin(void **state)
{
	(void)state;
	device.vectors = 1;
	device.pin = true;
	probe();
	assert_int_equal(device.intms, 0);
	interrupt(0); /* another device's */
	assert_int_equal(device.intms, 0);
	assert_int_equal(work_count, 0);
	flush(blocks[0], 0, 3);
	device_run();
	interrupt(0);
	assert_int_equal(device.intms, 1);
	assert_int_equal(ended_count, 0);
	run_work();
	assert_int_equal(device.intms, 0);
	assert_int_equal(ended_count, 1);
}

/* It is told, and waited for. */
static void shutdown(void **state)
{
	(void)state;
	probe();
	nvme_driver.shutdown(&pci);
	assert_int_equal(device.cc & 3 << 14, 1 << 14);
	assert_int_equal(device.csts & 3 << 2, 2 << 2);
	assert_true(now < NS_PER_S);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_found),
		TEST(other_devices),
		TEST(other_sizes),
		TEST(namespaces),
		TEST(namespaces_left_out),
		TEST(data),
		TEST(long_segment),
		TEST(other_commands),
		TEST(errors),
		TEST(rings_wrap),
		TEST(few_interrupts),
		TEST(few_queues),
		TEST(pin),
		TEST(shutdown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

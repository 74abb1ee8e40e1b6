/* SPDX-License-Identifier: MIT */
/*
 * The AHCI driver against a fake adapter: finding disks, data, queued commands that
 * end in any order, errors of one among many, silence, resets, storms.
 * sources: tests/unit/ahci_fake.c tests/unit/ata_fake.c tests/unit/disk_machine.c tests/unit/fake_root.c tests/unit/fake/fake.c rootpart/waitq.c rootpart/mutex.c rootpart/errno_text.c lib/bitmap.c lib/string.c rootpart/drivers/ahci/ahci_cd.c rootpart/drivers/ahci/ahci_disk.c rootpart/drivers/ahci/ahci_error.c rootpart/drivers/ahci/ahci_halt.c rootpart/drivers/ahci/ahci_hba.c rootpart/drivers/ahci/ahci_irq.c rootpart/drivers/ahci/ahci_memory.c rootpart/drivers/ahci/ahci_own.c rootpart/drivers/ahci/ahci_port.c rootpart/drivers/ahci/ahci_probe.c rootpart/drivers/ahci/ahci_queue.c rootpart/drivers/ahci/ahci_recover.c rootpart/drivers/ahci/ahci_slot.c rootpart/drivers/ata_common/ata_command.c rootpart/drivers/ata_common/ata_identity.c rootpart/drivers/ata_common/atapi.c rootpart/drivers/ata_common/atapi_medium.c
 * cflags: -iquote tests/unit/fake/root -I tests/unit/fake
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/errno.h"
#include "rootpart/drivers/ahci/ahci_regs.h"
#include "rootpart/drivers/drivers.h"
#include "rootpart/page_alloc.h"
#include "rootpart/time.h"
#include "tests/unit/ahci_fake.h"
#include "tests/unit/disk_machine.h"

#define SECTORS 4096u
#define BUFFER  (64 * KIB)

static struct ahci_fake *const h = &ahci_fake;
static struct ahci_fake_port *const port0 = &ahci_fake.port[0];

static int setup(void **state)
{
	(void)state;
	ahci_fake_reset();
	return 0;
}

static struct ata_fake *add(u32 port, u32 queue_depth)
{
	struct ata_fake *d = &h->port[port].disk;

	ata_fake_init(d, SECTORS, port + 1);
	d->queue_depth = queue_depth;
	return d;
}

static int call_probe(void *arg)
{
	(void)arg;
	assert_true(ahci_driver.match(&machine_pci));
	return ahci_driver.probe(&machine_pci);
}

static void probe(void)
{
	assert_int_equal(machine_call(call_probe, NULL), 0);
	machine_run(NS_PER_S);
}

static u8 *at(gpa_t gpa)
{
	return gpa_ptr(gpa);
}

/* A piece of one segment. */
static struct machine_piece *go(
	u32 disk, u32 tag, enum block_op op, u64 sector, gpa_t buffer, u32 bytes)
{
	const struct block_segment segment = { buffer, bytes };

	return machine_start(disk, tag, op, sector, bytes, &segment, bytes != 0, false);
}

static const u8 *on_disk(u32 port, u64 sector)
{
	return ata_fake_at(&h->port[port].disk, sector);
}

static void finds_disks(void **state)
{
	(void)state;
	add(0, 32)->trim = true;
	add(2, 0)->lba48 = false;
	add(3, 8)->write_cache = false;
	probe();
	assert_int_equal(machine_disk_count, 3);
	assert_string_equal(machine_disks[0].block->model, "FAKE DISK");
	assert_string_equal(machine_disks[0].block->serial, "SN-0001");
	assert_int_equal(machine_disks[0].block->depth, 32);
	assert_int_equal(machine_disks[0].block->limits.sectors, SECTORS);
	assert_true(machine_disks[0].block->limits.write_cache);
	assert_int_equal(machine_disks[0].block->limits.max_discard, 64ull * 65535 * 512);
	assert_int_equal(machine_disks[1].block->depth, 2);
	assert_int_equal(machine_disks[1].block->limits.max_bytes, 256 * 512);
	assert_int_equal(machine_disks[2].block->depth, 8);
	assert_false(machine_disks[2].block->limits.write_cache);
	assert_int_equal(machine_disks[2].block->limits.max_discard, 0);
}

/* Nobody, somebody who says nothing, and somebody who talks nonsense, in bounded time. */
static void others_than_disks(void **state)
{
	u64 before;

	(void)state;
	add(0, 32)->garbage = true;
	add(1, 32);
	h->port[1].silent = true;
	add(3, 32);
	h->port[3].forget_resets = true;
	before = machine_now();
	probe();
	assert_int_equal(machine_disk_count, 0);
	assert_true(machine_now() - before < 16 * NS_PER_S);
	assert_int_equal(machine_pages(), 0);
	assert_true(machine_logs >= 3);
}

static void empty_adapter_is_quick(void **state)
{
	u64 before;

	(void)state;
	before = machine_now();
	assert_int_equal(machine_call(call_probe, NULL), 0);
	assert_true(machine_now() - before < 100 * NS_PER_MS);
	assert_int_equal(machine_pages(), 0);
}

static void adapter_that_is_stuck_or_gone(void **state)
{
	(void)state;
	add(0, 32);
	h->reset_sticks = true;
	assert_int_equal(machine_call(call_probe, NULL), -ETIMEDOUT);
	h->gone = true;
	assert_int_equal(machine_call(call_probe, NULL), -ENODEV);
	assert_int_equal(machine_pages(), 0);
}

static void one_write_and_read(u64 sector, u32 bytes, u32 tag)
{
	gpa_t out = machine_buffer(bytes), in = machine_buffer(bytes);
	struct machine_piece *p;

	for (u32 i = 0; i < bytes; i++)
		at(out)[i] = (u8)rand();
	p = go(0, tag, BLOCK_WRITE, sector, out, bytes);
	machine_run(NS_PER_MS);
	assert_true(p->ended == 1 && p->error == 0);
	assert_memory_equal(on_disk(0, sector), at(out), bytes);
	p = go(0, tag, BLOCK_READ, sector, in, bytes);
	machine_run(NS_PER_MS);
	assert_true(p->ended == 1 && p->error == 0);
	assert_memory_equal(at(in), at(out), bytes);
}

static void reads_and_writes(void **state)
{
	(void)state;
	add(0, 32);
	probe();
	one_write_and_read(0, 512, 0);
	one_write_and_read(SECTORS - 1, 512, 31);
	one_write_and_read(7, 65536, 5);
	one_write_and_read(100, MIB, 9);
	assert_int_equal(machine_strays, 0);
}

static void reads_and_writes_without_queue(void **state)
{
	(void)state;
	add(0, 0);
	probe();
	one_write_and_read(0, 512, 0);
	one_write_and_read(100, MIB, 1);
}

static void large_sectors(void **state)
{
	(void)state;
	add(0, 32)->sector_size = 4096;
	h->port[0].disk.sectors = SECTORS / 4;
	probe();
	assert_int_equal(machine_disks[0].block->limits.sector_size, 4096);
	one_write_and_read(0, 4096, 0);
	one_write_and_read(SECTORS / 4 - 2, 8192, 31);
}

static struct machine_piece *pieces[32];
static gpa_t buffers[32];

/* Pieces 0 to @n - 1 read 4 KiB each from sector @sector + 8 * tag on. */
static void start_reads_at(u32 disk, u32 n, u64 sector)
{
	for (u32 i = 0; i < n; i++) {
		buffers[i] = machine_buffer(4096);
		pieces[i] = go(disk, i, BLOCK_READ, sector + 8 * i, buffers[i], 4096);
	}
}

static void start_reads(u32 disk, u32 n)
{
	start_reads_at(disk, n, 0);
}

static void far_sectors(void **state)
{
	(void)state;
	add(0, 32)->base = 0x123456789abc;
	port0->disk.sectors += port0->disk.base;
	add(1, 0)->base = 0x23456789abcd;
	h->port[1].disk.sectors += h->port[1].disk.base;
	probe();
	one_write_and_read(0x123456789abc, 65536, 7);
	one_write_and_read(0x123456789abc + SECTORS - 1, 512, 7);
	start_reads_at(1, 1, 0x23456789abcd);
	machine_run(NS_PER_MS);
	assert_int_equal(pieces[0]->error, 0);
	assert_memory_equal(at(buffers[0]), on_disk(1, 0x23456789abcd), 4096);
}

/* 248 pieces of odd sizes, at odd places. */
static void scattered(void **state)
{
	struct block_segment segments[TABLE_ENTRIES];
	struct machine_piece *p;
	u32 bytes = 0;

	(void)state;
	add(0, 32);
	probe();
	assert_int_equal(machine_disks[0].block->limits.max_segments, TABLE_ENTRIES);
	for (u32 i = 0; i < TABLE_ENTRIES; i++) {
		u32 len = i == TABLE_ENTRIES - 1 ? 512 - bytes % 512 : 2 + 2 * (u32)(rand() % 700);

		segments[i] =
			(struct block_segment){ { machine_buffer(4096).a + 2 * (i % 300) }, len };
		bytes += len;
	}
	p = machine_start(0, 3, BLOCK_READ, 10, bytes, segments, TABLE_ENTRIES, false);
	machine_run(NS_PER_MS);
	assert_true(p->ended == 1 && p->error == 0);
	for (u32 i = 0, done = 0; i < TABLE_ENTRIES; done += segments[i++].len)
		assert_memory_equal(at(segments[i].gpa), on_disk(0, 10) + done, segments[i].len);
}

static void check_reads(u32 port, u32 n, u32 but, int error)
{
	for (u32 i = 0; i < n; i++) {
		assert_int_equal(pieces[i]->ended, 1);
		assert_int_equal(pieces[i]->error, i == but ? error : 0);
		if (i != but)
			assert_memory_equal(at(buffers[i]), on_disk(port, 8 * i), 4096);
	}
}

static void queued_out_of_order(void **state)
{
	(void)state;
	add(0, 32);
	port0->backwards = true;
	port0->hold = true;
	probe();
	start_reads(0, 32);
	machine_run(NS_PER_MS);
	assert_int_equal(port0->queued, ~0u);
	port0->hold = false;
	machine_run(NS_PER_MS);
	check_reads(0, 32, ~0u, 0);
	assert_int_equal(pieces[31]->order, 1);
	assert_int_equal(pieces[0]->order, 32);
}

/* The fake fails the test if a flush runs beside queued commands. */
static void flush_among_queued(void **state)
{
	struct machine_piece *flush, *later;

	(void)state;
	add(0, 32);
	port0->hold = true;
	probe();
	start_reads(0, 8);
	flush = go(0, 8, BLOCK_FLUSH, 0, GPA(0), 0);
	later = go(0, 9, BLOCK_READ, 0, machine_buffer(512), 512);
	machine_run(NS_PER_MS);
	assert_int_equal(port0->queued, 0xff);
	assert_true(flush->busy && later->busy);
	port0->hold = false;
	machine_run(NS_PER_MS);
	check_reads(0, 8, ~0u, 0);
	assert_int_equal(port0->disk.flushes, 1);
	assert_int_equal(flush->order, 9);
	assert_int_equal(later->order, 10);
}

static void trims(void **state)
{
	struct machine_piece *p;
	u8 before[512];

	(void)state;
	add(0, 32)->trim = true;
	probe();
	memcpy(before, on_disk(0, 99), 512);
	p = machine_start(0, 4, BLOCK_DISCARD, 100, 1000 * 512, NULL, 0, false);
	machine_run(NS_PER_MS);
	assert_true(p->ended == 1 && p->error == 0);
	assert_int_equal(port0->disk.trims, 1);
	for (u32 i = 0; i < 1000 * 512; i++)
		assert_int_equal(on_disk(0, 100)[i], 0);
	assert_memory_equal(on_disk(0, 99), before, 512);
}

static void one_of_many_fails(void **state)
{
	(void)state;
	add(0, 32)->bad_sector = 8 * 11 + 3;
	probe();
	start_reads(0, 32);
	machine_run(NS_PER_S);
	check_reads(0, 32, 11, -EIO);
	assert_int_equal(port0->log_reads, 1);
	assert_int_equal(port0->resets, 1);
	one_write_and_read(2000, 4096, 2);
}

/* Without a log all are done again, one after the other. */
static void one_fails_and_nobody_says_who(void **state)
{
	(void)state;
	add(0, 32)->bad_sector = 8 * 11 + 3;
	port0->no_log = true;
	probe();
	start_reads(0, 32);
	machine_run(NS_PER_S);
	check_reads(0, 32, 11, -EIO);
	one_write_and_read(2000, 4096, 2);
}

static void log_names_another(void **state)
{
	(void)state;
	add(0, 32)->bad_sector = 3;
	port0->bad_log = true;
	probe();
	start_reads(0, 16);
	machine_run(NS_PER_S);
	check_reads(0, 16, 0, -EIO);
}

static void many_bad_sectors(void **state)
{
	(void)state;
	add(0, 32)->bad_sector = 0;
	probe();
	for (u32 i = 0; i < 100; i++) {
		struct machine_piece *p = go(0, i % 32, BLOCK_READ, 0, machine_buffer(512), 512);

		machine_run(NS_PER_S);
		assert_true(p->ended == 1 && p->error == -EIO);
	}
	assert_false(machine_disks[0].asked);
	one_write_and_read(2000, 4096, 2);
	/* A line each few seconds, no more. */
	assert_true(machine_logs < 30);
}

static void error_without_queue(bool clears_ci)
{
	add(0, 0)->bad_sector = 5;
	port0->clears_ci = clears_ci;
	probe();
	start_reads(0, 2);
	machine_run(NS_PER_S);
	check_reads(0, 2, 0, -EIO);
	one_write_and_read(2000, 4096, 1);
}

static void error_of_a_plain_command(void **state)
{
	(void)state;
	error_without_queue(false);
}

static void error_of_a_command_that_seems_done(void **state)
{
	(void)state;
	error_without_queue(true);
}

static void less_data_than_asked_for(void **state)
{
	(void)state;
	add(0, 0);
	probe();
	port0->short_data = true;
	start_reads(0, 1);
	machine_run(NS_PER_S);
	assert_true(pieces[0]->ended == 1 && pieces[0]->error == -EIO);
}

static void link_errors_pass(void **state)
{
	(void)state;
	add(0, 32);
	probe();
	port0->link_errors = 2;
	start_reads(0, 32);
	machine_run(NS_PER_S);
	check_reads(0, 32, ~0u, 0);
	assert_int_equal(port0->resets, 3);
}

/* A command that does not get through is given up, others are not. */
static void link_errors_of_one(void **state)
{
	(void)state;
	add(0, 32);
	probe();
	port0->link_errors = 6;
	start_reads(0, 4);
	machine_run(5 * NS_PER_S);
	check_reads(0, 4, 0, -EIO);
	assert_int_equal(port0->link_errors, 0);
	assert_false(machine_disks[0].asked);
}

static void link_errors_without_end(void **state)
{
	(void)state;
	add(0, 32);
	add(1, 32);
	probe();
	port0->link_errors = 1000000;
	start_reads(0, 4);
	machine_run(20 * NS_PER_S);
	for (u32 i = 0; i < 4; i++)
		assert_true(
			pieces[i]->ended == 1 ? pieces[i]->error == -EIO : machine_disks[0].asked);
	start_reads(1, 32);
	machine_run(NS_PER_S);
	check_reads(1, 32, ~0u, 0);
}

static void silence(void **state)
{
	(void)state;
	add(0, 32);
	add(1, 32);
	probe();
	port0->mute = true;
	start_reads(0, 32);
	machine_run(5 * NS_PER_S);
	assert_true(pieces[0]->busy);
	assert_int_equal(machine_recover(0), 0);
	for (u32 i = 0; i < 32; i++)
		assert_true(pieces[i]->ended == 1 && pieces[i]->error == -ETIMEDOUT);
	assert_int_equal(port0->queued | port0->ci, 0);
	one_write_and_read(2000, 4096, 2);
	start_reads(1, 32);
	machine_run(NS_PER_S);
	check_reads(1, 32, ~0u, 0);
}

static void silent_for_good(void **state)
{
	u64 before;

	(void)state;
	add(0, 32);
	probe();
	port0->silent = true;
	start_reads(0, 3);
	before = machine_now();
	assert_int_equal(machine_recover(0), -ENODEV);
	assert_true(machine_now() - before < 5 * NS_PER_S);
	for (u32 i = 0; i < 3; i++)
		assert_true(pieces[i]->ended == 1 && pieces[i]->error == -ETIMEDOUT);
}

static void gone_after_reset(void **state)
{
	(void)state;
	add(0, 32);
	port0->dead_on_reset = true;
	probe();
	port0->silent = true;
	start_reads(0, 3);
	assert_int_equal(machine_recover(0), -ENODEV);
	assert_int_equal(pieces[2]->error, -ETIMEDOUT);
}

static void another_disk_after_reset(void **state)
{
	(void)state;
	add(0, 32);
	probe();
	port0->disk.sectors--;
	assert_int_equal(machine_recover(0), -ENODEV);
}

/* The other port loses what ran, and does it again. */
static void engine_that_does_not_stop(void **state)
{
	struct machine_piece *other[4];
	gpa_t buffer = machine_buffer(4 * 4096);

	(void)state;
	add(0, 32);
	add(1, 32);
	probe();
	port0->mute = port0->stuck = true;
	h->port[1].hold = true;
	start_reads(0, 3);
	for (u32 i = 0; i < 4; i++)
		other[i] = go(1, i, BLOCK_READ, 100 * i, GPA(buffer.a + 4096 * i), 4096);
	machine_run(NS_PER_MS);
	assert_int_equal(machine_recover(0), 0);
	assert_int_equal(h->adapter_resets, 2);
	assert_int_equal(pieces[0]->error, -ETIMEDOUT);
	h->port[1].hold = false;
	machine_run(NS_PER_S);
	for (u32 i = 0; i < 4; i++) {
		assert_true(other[i]->ended == 1 && other[i]->error == 0);
		assert_memory_equal(at(buffer) + 4096 * i, on_disk(1, 100 * i), 4096);
	}
	one_write_and_read(2000, 4096, 2);
}

static void answers_twice(void **state)
{
	(void)state;
	add(0, 32);
	probe();
	port0->answer_twice = 5;
	start_reads(0, 4);
	machine_run(NS_PER_MS);
	port0->answer_twice = 5;
	machine_run(NS_PER_MS);
	check_reads(0, 4, ~0u, 0);
	assert_int_equal(machine_strays, 0);
}

/* Bits that nobody set are not believed. */
static void answers_garbage(void **state)
{
	(void)state;
	add(0, 32);
	probe();
	port0->hold = true;
	start_reads(0, 2);
	machine_run(NS_PER_MS);
	port0->sact |= 0xfff0;
	port0->hold = false;
	port0->answer_twice = 1;
	machine_run(NS_PER_MS);
	check_reads(0, 2, ~0u, 0);
	assert_int_equal(machine_strays, 0);
}

static void storm(void **state)
{
	(void)state;
	add(0, 32);
	add(1, 32);
	probe();
	h->storm = 1;
	machine_run(NS_PER_S);
	assert_true(machine_disks[0].asked);
	assert_true(machine_logs < 20);
	start_reads(1, 32);
	machine_run(NS_PER_S);
	check_reads(1, 32, ~0u, 0);
	assert_int_equal(machine_recover(0), -ENODEV);
}

static void interrupt_of_another(void **state)
{
	(void)state;
	add(0, 32);
	probe();
	port0->hold = true;
	start_reads(0, 1);
	machine_run(NS_PER_MS);
	for (u32 i = 0; i < 2 * 10000; i++)
		machine_foreign_interrupt();
	machine_run(NS_PER_MS);
	assert_false(machine_disks[0].asked);
	port0->hold = false;
	machine_run(NS_PER_MS);
	check_reads(0, 1, ~0u, 0);
}

static void adapter_vanishes(void **state)
{
	(void)state;
	add(0, 32);
	probe();
	h->gone = true;
	start_reads(0, 4);
	machine_run(5 * NS_PER_S);
	assert_int_equal(machine_recover(0), -ENODEV);
	for (u32 i = 0; i < 4; i++)
		assert_true(pieces[i]->ended == 1 && pieces[i]->error == -ETIMEDOUT);
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(finds_disks),
		TEST(others_than_disks),
		TEST(empty_adapter_is_quick),
		TEST(adapter_that_is_stuck_or_gone),
		TEST(reads_and_writes),
		TEST(reads_and_writes_without_queue),
		TEST(large_sectors),
		TEST(far_sectors),
		TEST(scattered),
		TEST(queued_out_of_order),
		TEST(flush_among_queued),
		TEST(trims),
		TEST(one_of_many_fails),
		TEST(one_fails_and_nobody_says_who),
		TEST(log_names_another),
		TEST(many_bad_sectors),
		TEST(error_of_a_plain_command),
		TEST(error_of_a_command_that_seems_done),
		TEST(less_data_than_asked_for),
		TEST(link_errors_pass),
		TEST(link_errors_of_one),
		TEST(link_errors_without_end),
		TEST(silence),
		TEST(silent_for_good),
		TEST(gone_after_reset),
		TEST(another_disk_after_reset),
		TEST(engine_that_does_not_stop),
		TEST(answers_twice),
		TEST(answers_garbage),
		TEST(storm),
		TEST(interrupt_of_another),
		TEST(adapter_vanishes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

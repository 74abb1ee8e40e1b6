/* SPDX-License-Identifier: MIT */
/*
 * The driver of PCI IDE controllers against a fake one: finding devices, data by
 * bus master, two devices in turn, errors, silence, resets, storms, lost interrupts, a
 * CD with and without DMA.
 * sources: tests/unit/ide_fake.c tests/unit/ata_fake.c tests/unit/disk_machine.c tests/unit/fake_root.c tests/unit/fake/fake.c rootpart/waitq.c rootpart/mutex.c rootpart/errno_text.c lib/string.c rootpart/drivers/ata/ide_bus.c rootpart/drivers/ata/ide_disk.c rootpart/drivers/ata/ide_dma.c rootpart/drivers/ata/ide_find.c rootpart/drivers/ata/ide_irq.c rootpart/drivers/ata/ide_pio.c rootpart/drivers/ata/ide_probe.c rootpart/drivers/ata/ide_queue.c rootpart/drivers/ata/ide_reset.c rootpart/drivers/ata/ide_task.c rootpart/drivers/ata_common/ata_command.c rootpart/drivers/ata_common/ata_identity.c rootpart/drivers/ata_common/atapi.c rootpart/drivers/ata_common/atapi_medium.c
 * cflags: -iquote tests/unit/fake/root -I tests/unit/fake
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/errno.h"
#include "rootpart/drivers/drivers.h"
#include "rootpart/page_alloc.h"
#include "rootpart/time.h"
#include "tests/unit/disk_machine.h"
#include "tests/unit/ide_fake.h"

#define SECTORS 4096u

static struct ide_fake *const f = &ide_fake;
static struct ide_fake_device *const first = &ide_fake.channel[0].device[0];

static int setup(void **state)
{
	(void)state;
	ide_fake_reset();
	return 0;
}

static struct ide_fake_device *add(u32 channel, u32 index)
{
	struct ide_fake_device *d = &f->channel[channel].device[index];

	ata_fake_init(&d->disk, SECTORS, 10 * channel + index + 1);
	return d;
}

static int call_probe(void *arg)
{
	(void)arg;
	assert_true(ata_driver.match(&machine_pci));
	return ata_driver.probe(&machine_pci);
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

static struct machine_piece *go(u32 disk, enum block_op op, u64 sector, gpa_t buffer, u32 bytes)
{
	struct block_segment segments[32];
	u32 n = 0;

	/* As the block layer does it: no segment crosses 64 KiB. */
	for (u32 done = 0; done < bytes; n++) {
		u64 a = buffer.a + done;
		u32 len = (u32)MIN((u64)bytes - done, 65536 - a % 65536);

		segments[n] = (struct block_segment){ GPA(a), len };
		done += len;
	}
	return machine_start(disk, 0, op, sector, bytes, segments, n, false);
}

static void ends(struct machine_piece *p, int error)
{
	assert_int_equal(p->ended, 1);
	assert_int_equal(p->error, error);
}

static const u8 *on_disk(const struct ide_fake_device *d, u64 sector)
{
	return ata_fake_at(&d->disk, sector);
}

static void write_and_read(u32 disk, struct ide_fake_device *d, u64 sector, u32 bytes)
{
	gpa_t out = machine_buffer(bytes), in = machine_buffer(bytes);
	struct machine_piece *p;

	for (u32 i = 0; i < bytes; i++)
		at(out)[i] = (u8)rand();
	p = go(disk, BLOCK_WRITE, sector, out, bytes);
	machine_run(10 * NS_PER_MS);
	ends(p, 0);
	assert_memory_equal(on_disk(d, sector), at(out), bytes);
	p = go(disk, BLOCK_READ, sector, in, bytes);
	machine_run(10 * NS_PER_MS);
	ends(p, 0);
	assert_memory_equal(at(in), at(out), bytes);
}

static void finds_devices(void **state)
{
	(void)state;
	add(0, 0)->disk.trim = true;
	add(0, 1)->disk.lba48 = false;
	add(1, 0)->disk.packet = true;
	add(1, 1);
	probe();
	assert_int_equal(machine_disk_count, 4);
	assert_string_equal(machine_disks[0].block->model, "FAKE DISK");
	assert_int_equal(machine_disks[0].block->limits.boundary, 65536);
	assert_int_equal(machine_disks[0].block->limits.address_mask, 0xffffffff);
	assert_int_equal(machine_disks[0].block->limits.max_bytes, MIB);
	assert_true(machine_disks[0].block->limits.max_discard > 0);
	assert_int_equal(machine_disks[1].block->limits.max_bytes, 256 * 512);
	assert_true(machine_disks[2].cd && !machine_disks[3].cd);
	assert_true(machine_isa[0] == 1 && machine_isa[1] == 1);
}

static void empty_is_quick(bool zero)
{
	u64 before = machine_now();

	f->empty_zero = zero;
	probe();
	assert_true(machine_now() - before < NS_PER_S + NS_PER_MS);
	assert_int_equal(machine_disk_count, 0);
	assert_int_equal(machine_pages(), 0);
	assert_int_equal(machine_isa[0] + machine_isa[1], 0);
}

static void floating_bus(void **state)
{
	(void)state;
	empty_is_quick(false);
}

static void bus_of_zeros(void **state)
{
	(void)state;
	empty_is_quick(true);
}

static void only_the_second(void **state)
{
	(void)state;
	add(1, 1);
	probe();
	assert_int_equal(machine_disk_count, 1);
	write_and_read(0, &f->channel[1].device[1], 9, 8192);
}

static void not_disks(void **state)
{
	u64 before = machine_now();

	(void)state;
	add(0, 0)->disk.garbage = true;
	add(0, 1)->silent = true;
	add(1, 0)->disk.dma = false;
	probe();
	assert_int_equal(machine_disk_count, 0);
	assert_int_equal(machine_pages(), 0);
	assert_true(machine_now() - before < 10 * NS_PER_S);
	assert_int_equal(machine_logs, 3);
}

static void reads_and_writes(void **state)
{
	(void)state;
	add(0, 0);
	probe();
	write_and_read(0, first, 0, 512);
	write_and_read(0, first, SECTORS - 1, 512);
	write_and_read(0, first, 300, MIB);
	assert_int_equal(machine_strays, 0);
}

static void reads_and_writes_lba28(void **state)
{
	(void)state;
	add(0, 0)->disk.lba48 = false;
	probe();
	write_and_read(0, first, 0, 512);
	write_and_read(0, first, 300, 256 * 512);
}

static void far_sectors(void **state)
{
	struct ide_fake_device *second = add(0, 1);

	(void)state;
	add(0, 0)->disk.base = 0x123456789abc;
	first->disk.sectors += first->disk.base;
	second->disk.lba48 = false;
	second->disk.base = 0xabcdef0;
	second->disk.sectors += second->disk.base;
	probe();
	write_and_read(0, first, 0x123456789abc, 65536);
	write_and_read(0, first, 0x123456789abc + SECTORS - 1, 512);
	write_and_read(1, second, 0xabcdef1, 65536);
}

static void native_mode(void **state)
{
	(void)state;
	f->native = true;
	machine_pci.interface = 0x85;
	add(0, 0);
	add(1, 0);
	probe();
	assert_int_equal(machine_isa[0] + machine_isa[1], 0);
	write_and_read(0, first, 17, 4096);
	write_and_read(1, &f->channel[1].device[0], 17, 4096);
}

static void flush_and_trim(void **state)
{
	struct machine_piece *p;

	(void)state;
	add(0, 0)->disk.trim = true;
	probe();
	p = go(0, BLOCK_FLUSH, 0, GPA(0), 0);
	machine_run(NS_PER_MS);
	ends(p, 0);
	assert_int_equal(first->disk.flushes, 1);
	p = machine_start(0, 0, BLOCK_DISCARD, 100, 1000 * 512, NULL, 0, false);
	machine_run(NS_PER_MS);
	ends(p, 0);
	assert_int_equal(first->disk.trims, 1);
	for (u32 i = 0; i < 1000 * 512; i++)
		assert_int_equal(on_disk(first, 100)[i], 0);
}

/* Neither waits for more than one command of the other. */
static void both_in_turn(void **state)
{
	gpa_t buffer = machine_buffer(8192);
	struct machine_piece *a, *b;

	(void)state;
	add(0, 0);
	add(0, 1);
	probe();
	for (u32 i = 0; i < 20; i++) {
		f->channel[0].hold = true;
		a = go(0, BLOCK_READ, i, buffer, 512);
		machine_run(NS_PER_MS);
		b = go(1, BLOCK_READ, i, GPA(buffer.a + 4096), 512);
		machine_run(NS_PER_MS);
		assert_true(a->busy && b->busy);
		f->channel[0].hold = false;
		machine_run(NS_PER_MS);
		ends(a, 0);
		ends(b, 0);
		assert_int_equal(b->order, a->order + 1);
		assert_memory_equal(at(buffer), on_disk(first, i), 512);
		assert_memory_equal(at(buffer) + 4096, on_disk(&f->channel[0].device[1], i), 512);
	}
}

static u32 again; /* pieces that the first device has done */

static void ask_again(struct block_device *d)
{
	if (d == machine_disks[0].block && ++again < 100)
		(void)go(0, BLOCK_READ, again, machine_buffer(512), 512);
}

/* One that always has something to do. */
static void busy_beside_another(void **state)
{
	struct machine_piece *b;

	(void)state;
	add(0, 0);
	add(0, 1);
	probe();
	machine_on_done = ask_again;
	again = 0;
	f->channel[0].hold = true;
	(void)go(0, BLOCK_READ, 0, machine_buffer(512), 512);
	machine_run(NS_PER_MS);
	b = go(1, BLOCK_READ, 0, machine_buffer(512), 512);
	f->channel[0].hold = false;
	machine_run(NS_PER_S);
	assert_int_equal(again, 100);
	ends(b, 0);
	assert_int_equal(b->order, 2);
}

static void bad_sector(void **state)
{
	gpa_t buffer = machine_buffer(4096);
	struct machine_piece *p;

	(void)state;
	add(0, 0)->disk.bad_sector = 50;
	probe();
	for (u32 i = 0; i < 20; i++) {
		p = go(0, BLOCK_READ, 48, buffer, 4096);
		machine_run(NS_PER_MS);
		ends(p, -EIO);
	}
	assert_int_equal(machine_logs, 1);
	assert_false(machine_disks[0].asked);
	write_and_read(0, first, 100, 4096);
}

static void less_data_than_asked_for(void **state)
{
	struct machine_piece *p;

	(void)state;
	add(0, 0);
	probe();
	first->short_data = true;
	p = go(0, BLOCK_READ, 0, machine_buffer(4096), 4096);
	machine_run(NS_PER_MS);
	ends(p, -EIO);
}

static void lost_interrupt(void **state)
{
	struct machine_piece *p;
	gpa_t buffer = machine_buffer(4096);

	(void)state;
	add(0, 0);
	probe();
	first->lost_irq = true;
	p = go(0, BLOCK_READ, 0, buffer, 4096);
	machine_run(5 * NS_PER_S);
	ends(p, 0);
	assert_memory_equal(at(buffer), on_disk(first, 0), 4096);
}

/* The driver's own patience, so that the other device has its turn. */
static void silence(void **state)
{
	struct machine_piece *p, *other;
	gpa_t buffer = machine_buffer(8192);

	(void)state;
	add(0, 0);
	add(0, 1);
	probe();
	first->mute = true;
	p = go(0, BLOCK_READ, 0, buffer, 4096);
	machine_run(NS_PER_MS);
	other = go(1, BLOCK_READ, 0, GPA(buffer.a + 4096), 4096);
	machine_run(2 * NS_PER_S);
	assert_true(p->busy && other->busy);
	machine_run(2 * NS_PER_S);
	ends(p, -ETIMEDOUT);
	ends(other, 0);
	assert_int_equal(first->resets, 2);
	write_and_read(0, first, 100, 4096);
}

static void recovered_while_it_runs(void **state)
{
	struct machine_piece *p, *other;
	gpa_t buffer = machine_buffer(8192);

	(void)state;
	add(0, 0);
	add(0, 1);
	probe();
	first->mute = true;
	p = go(0, BLOCK_READ, 0, buffer, 4096);
	machine_run(NS_PER_MS);
	other = go(1, BLOCK_READ, 0, GPA(buffer.a + 4096), 4096);
	/* The one that waits only is taken back at once. */
	assert_int_equal(machine_recover(1), 0);
	ends(other, -ETIMEDOUT);
	assert_true(p->busy);
	assert_int_equal(machine_recover(0), 0);
	ends(p, -ETIMEDOUT);
	write_and_read(0, first, 100, 4096);
}

static void silent_for_good(void **state)
{
	struct machine_piece *p;
	u64 before;

	(void)state;
	add(0, 0);
	probe();
	first->silent = true;
	p = go(0, BLOCK_READ, 0, machine_buffer(512), 512);
	machine_run(NS_PER_MS);
	before = machine_now();
	assert_int_equal(machine_recover(0), -ENODEV);
	assert_true(machine_now() - before < 4 * NS_PER_S);
	ends(p, -ETIMEDOUT);
	assert_int_equal(machine_recover(0), -ENODEV);
}

static void gone_after_reset(void **state)
{
	struct machine_piece *p;

	(void)state;
	add(0, 0)->gone_on_reset = true;
	probe();
	first->mute = true;
	p = go(0, BLOCK_READ, 0, machine_buffer(512), 512);
	machine_run(6 * NS_PER_S);
	ends(p, -ETIMEDOUT);
	assert_true(machine_disks[0].asked);
	assert_int_equal(machine_recover(0), -ENODEV);
}

static void lost_after_reset(struct ide_fake_device *d)
{
	u32 disk = d == first ? 0 : 1;
	struct machine_piece *p;

	d->mute = true;
	p = go(disk, BLOCK_READ, 0, machine_buffer(512), 512);
	machine_run(6 * NS_PER_S);
	ends(p, -ETIMEDOUT);
	assert_int_equal(machine_recover(disk), -ENODEV);
}

/* One that is not what it was. */
static void another_after_reset(void **state)
{
	(void)state;
	add(0, 0);
	add(1, 0);
	probe();
	first->disk.sectors--;
	lost_after_reset(first);
	f->channel[1].device[0].disk.garbage = true;
	lost_after_reset(&f->channel[1].device[0]);
}

static void answers_twice(void **state)
{
	struct machine_piece *p;

	(void)state;
	add(0, 0);
	probe();
	p = go(0, BLOCK_READ, 0, machine_buffer(512), 512);
	machine_run(NS_PER_MS);
	ends(p, 0);
	for (u32 i = 0; i < 3; i++) {
		f->channel[0].master_status |= 4;
		f->channel[0].edge = true;
		machine_run(NS_PER_MS);
	}
	ends(p, 0);
	assert_int_equal(machine_strays, 0);
	write_and_read(0, first, 100, 4096);
}

/* An interrupt while the device is busy is none. */
static void answers_too_early(void **state)
{
	struct machine_piece *p;

	(void)state;
	add(0, 0);
	probe();
	f->channel[0].hold = true;
	p = go(0, BLOCK_READ, 0, machine_buffer(512), 512);
	machine_run(NS_PER_MS);
	f->channel[0].master_status |= 4;
	f->channel[0].edge = true;
	machine_run(NS_PER_MS);
	assert_true(p->busy);
	f->channel[0].hold = false;
	machine_run(NS_PER_MS);
	ends(p, 0);
}

static void storm(void **state)
{
	(void)state;
	add(0, 0);
	add(1, 0);
	probe();
	write_and_read(0, first, 100, 4096);
	f->storm = true;
	machine_run(NS_PER_S);
	assert_true(machine_irqs < 12000 && machine_logs == 1);
	f->storm = false;
	write_and_read(1, &f->channel[1].device[0], 100, 4096);
	write_and_read(0, first, 100, 4096);
}

static void interrupt_of_another(void **state)
{
	struct machine_piece *p;

	(void)state;
	add(0, 0);
	probe();
	f->channel[0].hold = true;
	p = go(0, BLOCK_READ, 0, machine_buffer(512), 512);
	machine_run(NS_PER_MS);
	for (u32 i = 0; i < 20000; i++)
		machine_foreign_interrupt();
	machine_run(NS_PER_MS);
	assert_true(p->busy && machine_logs == 0);
	f->channel[0].hold = false;
	machine_run(NS_PER_MS);
	ends(p, 0);
}

static void add_cd(bool dma)
{
	add(0, 0);
	first->disk.packet = true;
	first->disk.dma = dma;
	first->disk.sector_size = 2048;
	first->disk.sense_key = 6;
	first->disk.asc = 0x29;
}

static int read_cd(u64 sector, gpa_t buffer, u32 bytes)
{
	struct machine_piece *p = go(0, BLOCK_READ, sector, buffer, bytes);

	machine_run(2 * NS_PER_S);
	assert_int_equal(p->ended, 1);
	return p->error;
}

static void cd_reads(bool dma)
{
	gpa_t buffer = machine_buffer(MIB);

	add_cd(dma);
	probe();
	assert_true(machine_disk_count == 1 && machine_disks[0].cd);
	assert_int_equal(machine_disks[0].block->limits.sectors, SECTORS);
	assert_int_equal(read_cd(3, buffer, MIB), 0);
	assert_memory_equal(at(buffer), on_disk(first, 3), MIB);
	first->disk.bad_sector = 100;
	assert_int_equal(read_cd(99, buffer, 4096), -EIO);
	assert_int_equal(read_cd(101, buffer, 2048), 0);
	assert_memory_equal(at(buffer), on_disk(first, 101), 2048);
}

static void cd_by_dma(void **state)
{
	(void)state;
	cd_reads(true);
}

static void cd_by_processor(void **state)
{
	(void)state;
	cd_reads(false);
}

static void cd_gives_too_much(void **state)
{
	gpa_t buffer = machine_buffer(4096);

	(void)state;
	add_cd(false);
	probe();
	first->pours = true;
	memset(at(buffer), 0x11, 4096);
	assert_int_equal(read_cd(3, buffer, 2048), 0);
	for (u32 i = 2048; i < 4096; i++)
		assert_int_equal(at(buffer)[i], 0x11);
}

static void cd_has_nothing(void **state)
{
	gpa_t buffer = machine_buffer(4096);

	(void)state;
	add_cd(false);
	probe();
	first->nothing = true;
	assert_int_equal(read_cd(3, buffer, 2048), -ETIMEDOUT);
	first->nothing = false;
	assert_int_equal(read_cd(3, buffer, 2048), 0);
}

static void cd_changes(void **state)
{
	gpa_t buffer = machine_buffer(4096);

	(void)state;
	add_cd(true);
	probe();
	first->disk.sense_key = 6;
	first->disk.asc = 0x29;
	assert_int_equal(read_cd(3, buffer, 2048), 0);
	first->disk.sense_key = 6;
	first->disk.asc = 0x28;
	first->disk.sectors = 1000;
	assert_int_equal(read_cd(3, buffer, 2048), -EIO);
	assert_int_equal(machine_disks[0].block->limits.sectors, 1000);
	assert_int_equal(read_cd(3, buffer, 2048), 0);
}

static void cd_comes_and_goes(void **state)
{
	gpa_t buffer = machine_buffer(4096);

	(void)state;
	add_cd(true);
	first->disk.no_medium = true;
	probe();
	assert_int_equal(machine_disks[0].block->limits.sectors, 0);
	first->disk.no_medium = false;
	machine_run(3 * NS_PER_S);
	assert_int_equal(machine_disks[0].block->limits.sectors, SECTORS);
	assert_int_equal(read_cd(3, buffer, 2048), 0);
	assert_memory_equal(at(buffer), on_disk(first, 3), 2048);
	first->disk.no_medium = true;
	assert_int_equal(read_cd(3, buffer, 2048), -ENOMEDIUM);
	assert_int_equal(machine_disks[0].block->limits.sectors, 0);
	first->disk.no_medium = false;
	machine_run(3 * NS_PER_S);
	assert_int_equal(machine_disks[0].block->limits.sectors, SECTORS);
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(finds_devices),
		TEST(floating_bus),
		TEST(bus_of_zeros),
		TEST(only_the_second),
		TEST(not_disks),
		TEST(reads_and_writes),
		TEST(reads_and_writes_lba28),
		TEST(far_sectors),
		TEST(native_mode),
		TEST(flush_and_trim),
		TEST(both_in_turn),
		TEST(busy_beside_another),
		TEST(bad_sector),
		TEST(less_data_than_asked_for),
		TEST(lost_interrupt),
		TEST(silence),
		TEST(recovered_while_it_runs),
		TEST(silent_for_good),
		TEST(gone_after_reset),
		TEST(another_after_reset),
		TEST(answers_twice),
		TEST(answers_too_early),
		TEST(storm),
		TEST(interrupt_of_another),
		TEST(cd_by_dma),
		TEST(cd_by_processor),
		TEST(cd_gives_too_much),
		TEST(cd_has_nothing),
		TEST(cd_changes),
		TEST(cd_comes_and_goes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

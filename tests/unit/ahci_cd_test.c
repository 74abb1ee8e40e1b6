/* SPDX-License-Identifier: MIT */
/*
 * CD drives behind the fake AHCI adapter: reading, media that change, come and go, silence.
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

static struct ahci_fake_port *const port0 = &ahci_fake.port[0];

static int setup(void **state)
{
	(void)state;
	ahci_fake_reset();
	return 0;
}

static int call_probe(void *arg)
{
	(void)arg;
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

static struct ata_fake *add_cd(void)
{
	struct ata_fake *d = &port0->disk;

	ata_fake_init(d, SECTORS, 1);
	d->packet = true;
	d->sector_size = 2048;
	d->sense_key = 6;
	d->asc = 0x29;
	return d;
}

static struct machine_piece *go(u64 sector, gpa_t buffer, u32 bytes)
{
	const struct block_segment segment = { buffer, bytes };

	return machine_start(0, 0, BLOCK_READ, sector, bytes, &segment, 1, false);
}

static int read_cd(u64 sector, gpa_t buffer, u32 bytes)
{
	struct machine_piece *p = go(sector, buffer, bytes);

	machine_run(NS_PER_S);
	assert_int_equal(p->ended, 1);
	return p->error;
}

static void cd(void **state)
{
	gpa_t buffer = machine_buffer(MIB);

	(void)state;
	add_cd();
	probe();
	assert_true(machine_disk_count == 1 && machine_disks[0].cd);
	assert_true(machine_disks[0].block->limits.read_only);
	assert_int_equal(machine_disks[0].block->limits.sector_size, 2048);
	assert_int_equal(machine_disks[0].block->limits.sectors, SECTORS);
	assert_int_equal(read_cd(3, buffer, MIB), 0);
	assert_memory_equal(at(buffer), ata_fake_at(&port0->disk, 3), MIB);
	port0->disk.bad_sector = 100;
	assert_int_equal(read_cd(100, buffer, 2048), -EIO);
	assert_int_equal(read_cd(101, buffer, 2048), 0);
}

/* A reset of the drive is not the reader's concern, another medium is. */
static void cd_changes(void **state)
{
	gpa_t buffer = machine_buffer(4096);

	(void)state;
	add_cd();
	probe();
	port0->disk.sense_key = 6;
	port0->disk.asc = 0x29;
	assert_int_equal(read_cd(3, buffer, 2048), 0);
	port0->disk.sense_key = 6;
	port0->disk.asc = 0x28;
	port0->disk.sectors = 1000;
	assert_int_equal(read_cd(3, buffer, 2048), -EIO);
	assert_int_equal(machine_disks[0].block->limits.sectors, 1000);
	assert_int_equal(read_cd(3, buffer, 2048), 0);
}

static void cd_comes_and_goes(void **state)
{
	gpa_t buffer = machine_buffer(4096);

	(void)state;
	add_cd()->no_medium = true;
	probe();
	assert_int_equal(machine_disks[0].block->limits.sectors, 0);
	port0->disk.no_medium = false;
	machine_run(3 * NS_PER_S);
	assert_int_equal(machine_disks[0].block->limits.sectors, SECTORS);
	assert_int_equal(read_cd(3, buffer, 2048), 0);
	assert_memory_equal(at(buffer), ata_fake_at(&port0->disk, 3), 2048);
	port0->disk.no_medium = true;
	assert_int_equal(read_cd(3, buffer, 2048), -ENOMEDIUM);
	assert_int_equal(machine_disks[0].block->limits.sectors, 0);
}

static void cd_silent(void **state)
{
	gpa_t buffer = machine_buffer(4096);
	struct machine_piece *p;

	(void)state;
	add_cd();
	probe();
	port0->mute = true;
	p = go(0, buffer, 2048);
	machine_run(5 * NS_PER_S);
	assert_int_equal(machine_recover(0), 0);
	assert_true(p->ended == 1 && p->error == -ETIMEDOUT);
	assert_int_equal(read_cd(3, buffer, 2048), 0);
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(cd),
		TEST(cd_changes),
		TEST(cd_comes_and_goes),
		TEST(cd_silent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

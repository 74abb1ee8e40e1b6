/* SPDX-License-Identifier: MIT */
/*
 * Two disks behind the fake AHCI adapter, of which one misbehaves at random: each piece
 * ends once, in the time that the block layer gives it or by recovery, data is what it has
 * to be where no error is told, and the other disk is as if alone.
 * sources: tests/unit/ahci_fake.c tests/unit/ata_fake.c tests/unit/disk_machine.c tests/unit/fake_root.c tests/unit/fake/fake.c rootpart/waitq.c rootpart/mutex.c rootpart/errno_text.c lib/bitmap.c lib/string.c rootpart/drivers/ahci/ahci_cd.c rootpart/drivers/ahci/ahci_disk.c rootpart/drivers/ahci/ahci_error.c rootpart/drivers/ahci/ahci_halt.c rootpart/drivers/ahci/ahci_hba.c rootpart/drivers/ahci/ahci_irq.c rootpart/drivers/ahci/ahci_memory.c rootpart/drivers/ahci/ahci_own.c rootpart/drivers/ahci/ahci_port.c rootpart/drivers/ahci/ahci_probe.c rootpart/drivers/ahci/ahci_queue.c rootpart/drivers/ahci/ahci_recover.c rootpart/drivers/ahci/ahci_slot.c rootpart/drivers/ata_common/ata_command.c rootpart/drivers/ata_common/ata_identity.c rootpart/drivers/ata_common/atapi.c rootpart/drivers/ata_common/atapi_medium.c
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
#include "tests/unit/ahci_fake.h"
#include "tests/unit/disk_machine.h"

#define SECTORS 4096u
#define AREA    64u /* sectors that a tag has for itself */
#define ROUNDS  40u
#define SEEDS   30u
#define TAGS    32u

static struct ahci_fake_port *const bad = &ahci_fake.port[0];

struct job {
	struct machine_piece *piece;
	gpa_t buffer;
	u64 sector;
	u32 bytes;
	enum block_op op;
};
static struct job jobs[2][TAGS];
static gpa_t memory;
static bool lost; /* the first disk is off line */

static u32 pick(u32 n)
{
	return (u32)rand() % n;
}

static int call_probe(void *arg)
{
	(void)arg;
	return ahci_driver.probe(&machine_pci);
}

static void misbehave(void)
{
	bad->disk.bad_sector = pick(2) ? pick(SECTORS) : ATA_FAKE_NO_SECTOR;
	bad->backwards = pick(2);
	bad->no_log = pick(4) == 0;
	bad->bad_log = pick(8) == 0;
	bad->link_errors = pick(6) == 0 ? pick(12) : 0;
	bad->mute = pick(12) == 0;
	bad->stuck = pick(24) == 0;
	bad->clears_ci = pick(2);
	bad->answer_twice = pick(3);
	ahci_fake.storm = pick(300) == 0;
}

static void behave(void)
{
	bad->link_errors = 0;
	bad->stuck = bad->mute = false;
	ahci_fake.storm = 0;
}

static u8 *memory_of(const struct job *j)
{
	return gpa_ptr(j->buffer);
}

static void start(u32 disk, u32 tag)
{
	struct job *j = &jobs[disk][tag];
	u32 sectors = 1 + pick(AREA - 1);
	struct block_segment segment;

	j->op = pick(8) == 0 ? BLOCK_FLUSH : pick(2) ? BLOCK_READ : BLOCK_WRITE;
	j->sector = tag * AREA + pick(AREA - sectors);
	j->bytes = j->op == BLOCK_FLUSH ? 0 : sectors * 512;
	j->buffer = GPA(memory.a + (disk * TAGS + tag) * AREA * 512);
	for (u32 i = 0; j->op == BLOCK_WRITE && i < j->bytes; i++)
		memory_of(j)[i] = (u8)rand();
	segment = (struct block_segment){ j->buffer, j->bytes };
	j->piece = machine_start(
		disk, tag, j->op, j->sector, j->bytes, &segment, j->bytes != 0, pick(3) == 0);
}

static void kick(u32 disk)
{
	struct block_device *d = machine_disks[disk].block;

	d->ops->kick(d, 0);
}

static u32 busy(u32 disk)
{
	u32 n = 0;

	for (u32 tag = 0; tag < TAGS; tag++)
		n += jobs[disk][tag].piece != NULL && jobs[disk][tag].piece->busy;
	return n;
}

static void check(u32 disk)
{
	for (u32 tag = 0; tag < TAGS; tag++) {
		struct job *j = &jobs[disk][tag];

		if (j->piece == NULL)
			continue;
		assert_int_equal(j->piece->ended, 1);
		if (disk == 1)
			assert_int_equal(j->piece->error, 0);
		if (j->piece->error == 0 && j->bytes != 0)
			assert_memory_equal(memory_of(j),
				ata_fake_at(&ahci_fake.port[disk].disk, j->sector), j->bytes);
		j->piece = NULL;
	}
}

static void one_round(void)
{
	misbehave();
	for (u32 tag = 0; tag < TAGS; tag++)
		for (u32 disk = lost ? 1 : 0; disk < 2; disk++)
			if (pick(2))
				start(disk, tag);
	for (u32 disk = lost ? 1 : 0; disk < 2; disk++)
		kick(disk);
	machine_run(5 * NS_PER_S);
	assert_int_equal(busy(1), 0);
	if (!lost && (busy(0) > 0 || machine_disks[0].asked))
		lost = machine_recover(0) != 0;
	check(0);
	machine_run(NS_PER_S);
	check(1);
}

static void random_rounds(void **state)
{
	u32 survived = 0;

	(void)state;
	for (u32 seed = 1; seed <= SEEDS; seed++) {
		srand(seed);
		ahci_fake_reset();
		for (u32 i = 0; i < 2; i++) {
			ata_fake_init(&ahci_fake.port[i].disk, SECTORS, seed + i);
			ahci_fake.port[i].disk.queue_depth = 32;
		}
		assert_int_equal(machine_call(call_probe, NULL), 0);
		memory = machine_buffer(2 * TAGS * AREA * 512);
		lost = false;
		for (u32 i = 0; i < ROUNDS; i++)
			one_round();
		behave();
		survived += !lost;
		assert_int_equal(machine_strays, 0);
	}
	/* Storms, and links that do not work for long, may lose a disk; not all of them. */
	assert_true(survived >= SEEDS / 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(random_rounds) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}

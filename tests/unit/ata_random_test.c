/* SPDX-License-Identifier: MIT */
/*
 * Three disks on the fake IDE controller, of which one misbehaves at random: each piece
 * ends once, data is what it has to be where no error is told, the other device of its
 * channel may have to wait, and the one on the other channel does not notice.
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
#define BYTES   (64 * KIB)
#define DISKS   3u
#define ROUNDS  150u
#define SEEDS   20u

static struct ide_fake_device *const bad = &ide_fake.channel[0].device[0];
static struct ide_fake_device *const devices[DISKS] = {
	&ide_fake.channel[0].device[0],
	&ide_fake.channel[0].device[1],
	&ide_fake.channel[1].device[0],
};

struct job {
	struct machine_piece *piece;
	gpa_t buffer;
	u64 sector;
	u32 bytes;
	enum block_op op;
};
static struct job jobs[DISKS];
static gpa_t memory;
static bool lost[DISKS];

static u32 pick(u32 n)
{
	return (u32)rand() % n;
}

static int call_probe(void *arg)
{
	(void)arg;
	return ata_driver.probe(&machine_pci);
}

static void misbehave(void)
{
	bad->disk.bad_sector = pick(2) ? pick(SECTORS) : ATA_FAKE_NO_SECTOR;
	bad->mute = pick(8) == 0;
	bad->lost_irq = pick(10) == 0;
	bad->disk.garbage = pick(40) == 0;
	ide_fake.storm = pick(100) == 0;
	if (pick(4) == 0) {
		ide_fake.channel[0].edge = true;
		ide_fake.channel[0].master_status |= 4;
	}
}

static u8 *memory_of(const struct job *j)
{
	return gpa_ptr(j->buffer);
}

static void start(u32 disk)
{
	struct job *j = &jobs[disk];
	u32 sectors = 1 + pick(BYTES / 512 - 1);
	struct block_segment segment;

	j->op = pick(8) == 0 ? BLOCK_FLUSH : pick(2) ? BLOCK_READ : BLOCK_WRITE;
	j->sector = pick(SECTORS - sectors);
	j->bytes = j->op == BLOCK_FLUSH ? 0 : sectors * 512;
	j->buffer = GPA(memory.a + disk * BYTES);
	for (u32 i = 0; j->op == BLOCK_WRITE && i < j->bytes; i++)
		memory_of(j)[i] = (u8)rand();
	segment = (struct block_segment){ j->buffer, j->bytes };
	j->piece =
		machine_start(disk, 0, j->op, j->sector, j->bytes, &segment, j->bytes != 0, false);
}

static void check(u32 disk)
{
	struct job *j = &jobs[disk];

	if (j->piece == NULL)
		return;
	assert_int_equal(j->piece->ended, 1);
	if (disk == 1)
		assert_true(j->piece->error == 0 || j->piece->error == -ETIMEDOUT);
	if (disk == 2)
		assert_int_equal(j->piece->error, 0);
	if (j->piece->error == 0 && j->bytes != 0)
		assert_memory_equal(
			memory_of(j), ata_fake_at(&devices[disk]->disk, j->sector), j->bytes);
	j->piece = NULL;
}

static void one_round(void)
{
	misbehave();
	for (u32 disk = 0; disk < DISKS; disk++)
		if (!lost[disk] && pick(3) != 0)
			start(disk);
	machine_run(5 * NS_PER_S);
	for (u32 disk = 0; disk < DISKS; disk++) {
		struct job *j = &jobs[disk];

		if (machine_disks[disk].asked || (j->piece != NULL && j->piece->busy))
			lost[disk] = machine_recover(disk) != 0;
		check(disk);
	}
}

static void random_rounds(void **state)
{
	u32 survived = 0;

	(void)state;
	for (u32 seed = 1; seed <= SEEDS; seed++) {
		srand(seed);
		ide_fake_reset();
		for (u32 i = 0; i < DISKS; i++) {
			ata_fake_init(&devices[i]->disk, SECTORS, seed + i);
			lost[i] = false;
		}
		assert_int_equal(machine_call(call_probe, NULL), 0);
		memory = machine_buffer(65536 + DISKS * BYTES);
		memory.a = ALIGN_UP(memory.a, 65536);
		for (u32 i = 0; i < ROUNDS; i++)
			one_round();
		assert_false(lost[1] || lost[2]);
		survived += !lost[0];
		assert_int_equal(machine_strays, 0);
	}
	assert_true(survived > 0 && survived < SEEDS);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(random_rounds) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/*
 * The NVMe driver on a controller that fails: silent, refusing, answering twice,
 * or garbage, or without end; resets that work and resets that do not.
 * sources: rootpart/drivers/nvme/nvme_admin.c rootpart/drivers/nvme/nvme_complete.c rootpart/drivers/nvme/nvme_controller.c rootpart/drivers/nvme/nvme_identify.c rootpart/drivers/nvme/nvme_io.c rootpart/drivers/nvme/nvme_probe.c rootpart/drivers/nvme/nvme_queue.c rootpart/drivers/nvme/nvme_recover.c rootpart/drivers/nvme/nvme_start.c lib/string.c tests/unit/fake/fake.c tests/unit/fake_root.c
 * cflags: -iquote tests/unit/fake/root -Itests/unit/fake -fno-builtin
 */
#include "tests/unit/nvme_machine.h"

static void probe(void)
{
	assert_int_equal(nvme_driver.probe(&pci), 0);
}

/* In bounded time, and nothing of it is left. */
static void probe_fails(int error)
{
	assert_int_equal(nvme_driver.probe(&pci), error);
	assert_true(now <= 30 * NS_PER_S);
	assert_int_equal(block_count, 0);
	assert_int_equal(objects, 0);
	assert_int_equal(pages, 0);
	assert_null(irqs[0].handler);
	assert_false(command_register & PCI_COMMAND_MASTER);
	assert_false(fake_irq_on == false);
	now = 0;
}

static void never_ready(void **state)
{
	(void)state;
	device.never_ready = true;
	probe_fails(-ETIMEDOUT);
}

static void never_off(void **state)
{
	(void)state;
	device.cc = device.csts = 1;
	device.never_off = true;
	probe_fails(-ETIMEDOUT);
}

static void fatal(void **state)
{
	(void)state;
	device.never_ready = true;
	device.csts = 2;
	probe_fails(-EIO);
}

static void gone(void **state)
{
	(void)state;
	device.cap = ~0ull;
	probe_fails(-ENODEV);
	(void)setup(state);
	device.csts = ~0u;
	probe_fails(-ENODEV);
}

static void not_for_us(void **state)
{
	(void)state;
	device.cap |= 1ull << 48; /* pages of 8 KiB */
	probe_fails(-ENOTSUP);
	(void)setup(state);
	device.cap &= ~BIT(37);
	probe_fails(-ENOTSUP);
	(void)setup(state);
	pci.bar[0].size = 0x1000; /* no room for bells */
	probe_fails(-ENODEV);
	(void)setup(state);
	device.vectors = 0;
	probe_fails(-ENODEV);
}

static void silent_at_once(void **state)
{
	(void)state;
	device.silent = true;
	probe_fails(-ETIMEDOUT);
}

static void refuses(void **state)
{
	static const u8 opcodes[] = { 1, 5, 6, 9 };

	for (u32 i = 0; i < ARRAY_SIZE(opcodes); i++) {
		device.admin_fails = BIT(opcodes[i]);
		probe_fails(-EIO);
		(void)setup(state);
	}
}

/* Each allocation fails once. */
static void out_of_memory(void **state)
{
	u32 left = 0;

	for (;; left++) {
		memory_left = left;
		if (nvme_driver.probe(&pci) == 0)
			break;
		assert_int_equal(objects, 0);
		assert_int_equal(pages, 0);
		(void)setup(state);
	}
	assert_true(left > 8);
	memory_left = ~0u;
}

static void not_registered(void **state)
{
	(void)state;
	register_answer = -ENOMEM;
	probe_fails(-ENOMEM);
}

static int recover(struct block_device *d)
{
	u64 before = now;
	int r = d->ops->recover(d);

	assert_true(now - before <= 30 * NS_PER_S);
	return r;
}

/* It interrupts while it is set up; what that asked for ends before its memory goes. */
static void on_setup(void)
{
	if (irqs[0].handler != NULL)
		interrupt(0);
}

static void interrupts_and_fails(void **state)
{
	(void)state;
	on_sleep = on_setup;
	register_answer = -ENOMEM;
	device.namespaces[1] = 2;
	probe_fails(-ENOMEM);
	assert_int_equal(work_count, 0);
	on_sleep = NULL;
}

/* The second pair is refused: one has to do. */
static void second_pair_fails(void **state)
{
	(void)state;
	device.pairs_left = 1;
	probe();
	assert_int_equal(blocks[0]->queue_count, 1);
	flush(blocks[0], 0, 1);
	serve();
	assert_int_equal(ended_count, 1);
	device.held = true;
	flush(blocks[0], 0, 1);
	assert_int_equal(recover(blocks[0]), 0);
}

/* What was under way ends; what comes then works. */
static void silent(void **state)
{
	(void)state;
	probe();
	device.silent_io = true;
	flush(blocks[0], 0, 3);
	flush(blocks[0], 0, 200);
	flush(blocks[0], 1, 3);
	serve();
	assert_int_equal(ended_count, 0);
	device.silent_io = false;
	assert_int_equal(recover(blocks[0]), 0);
	assert_int_equal(ended_count, 3);
	for (u32 i = 0; i < 3; i++)
		assert_int_equal(ended[i].error, -ETIMEDOUT);
	assert_int_equal(ended[2].queue, 1);
	serve();
	assert_int_equal(ended_count, 3);
	assert_int_equal(device.flushes, 0);
	flush(blocks[0], 0, 3);
	serve();
	assert_int_equal(ended_count, 4);
	assert_int_equal(ended[3].error, 0);
	assert_true(device.cc & 1);
}

/* Nothing is under way any more: no reason for a reset. */
static void nothing_to_recover(void **state)
{
	u32 resets;

	(void)state;
	probe();
	resets = device.resets;
	assert_int_equal(recover(blocks[0]), 0);
	assert_int_equal(device.resets, resets);
}

/* The other namespace's commands are given to the controller once more. */
static void innocent_namespace(void **state)
{
	(void)state;
	device.namespaces[1] = 2;
	probe();
	device.held = true;
	flush(blocks[0], 0, 1);
	flush(blocks[1], 0, 1);
	flush(blocks[1], 1, 2);
	serve();
	assert_int_equal(recover(blocks[0]), 0);
	assert_int_equal(ended_count, 1);
	assert_ptr_equal(ended[0].d, blocks[0]);
	assert_int_equal(ended[0].error, -ETIMEDOUT);
	device.held = false;
	serve();
	assert_int_equal(ended_count, 3);
	for (u32 i = 1; i < 3; i++) {
		assert_ptr_equal(ended[i].d, blocks[1]);
		assert_int_equal(ended[i].error, 0);
	}
	/* It recovered with the first one. */
	assert_int_equal(recover(blocks[1]), 0);
}

/* Neither goes off: then the bus keeps it from memory. */
static void not_to_be_reset(void **state)
{
	(void)state;
	device.namespaces[1] = 2;
	probe();
	device.silent = device.never_off = true;
	flush(blocks[0], 0, 1);
	flush(blocks[1], 0, 1);
	serve();
	assert_int_equal(recover(blocks[0]), -EIO);
	assert_int_equal(ended_count, 1);
	assert_int_equal(ended[0].error, -ETIMEDOUT);
	assert_false(command_register & PCI_COMMAND_MASTER);
	/* What the other one starts meanwhile is not lost. */
	flush(blocks[1], 1, 7);
	assert_int_equal(recover(blocks[1]), -EIO);
	assert_int_equal(ended_count, 3);
}

static void does_not_come_back(void **state)
{
	(void)state;
	probe();
	device.silent_io = true;
	flush(blocks[0], 0, 1);
	device.never_ready = true;
	assert_int_equal(recover(blocks[0]), -EIO);
	assert_int_equal(ended_count, 1);
	assert_false(command_register & PCI_COMMAND_MASTER);
}

/* After the reset it refuses what it did before. */
static void other_after_reset(void **state)
{
	(void)state;
	probe();
	device.held = true;
	flush(blocks[0], 0, 1);
	device.queues_granted = 1;
	assert_int_equal(recover(blocks[0]), -EIO);
	assert_int_equal(ended_count, 1);
}

static void check_broken(u32 good)
{
	assert_int_equal(ended_count, good);
	assert_int_equal(asked_recover, 1);
	assert_int_equal(log_lines, 1);
	assert_int_equal(recover(blocks[0]), 0);
	flush(blocks[0], 0, 1);
	serve();
	assert_int_equal(ended[ended_count - 1].error, 0);
}

static void answers_twice(void **state)
{
	struct nvme_command c;

	(void)state;
	probe();
	device.held = true;
	flush(blocks[0], 0, 1);
	serve();
	c = device.kept[0];
	post(1, c.id, 0, 0);
	post(1, c.id, 0, 0);
	device.held = false;
	serve();
	check_broken(1);
}

/* The tag is in use again: the answer is of the command before. */
static void answers_late(void **state)
{
	u16 id;

	(void)state;
	probe();
	device.held = true;
	flush(blocks[0], 0, 1);
	serve();
	id = device.kept[0].id;
	post(1, id, 0, 0);
	serve();
	assert_int_equal(ended_count, 1);
	flush(blocks[0], 0, 1);
	serve();
	post(1, id, 0, 0);
	serve();
	device.held = false;
	assert_int_equal(ended_count, 1);
	assert_int_equal(asked_recover, 1);
	assert_int_equal(recover(blocks[0]), 0);
	assert_int_equal(ended_count, 2);
	assert_int_equal(ended[1].error, -ETIMEDOUT);
}

static void answers_garbage(void **state)
{
	(void)state;
	probe();
	device.held = true;
	flush(blocks[0], 0, 0);
	flush(blocks[0], 1, 1);
	serve();
	post(1, 0xffff, 0, 0);
	post(1, (u16)(device.kept[0].id | 0xff), 0, 0);
	post(1, (u16)(device.kept[0].id + 1), 0, 0);
	post(1, (u16)(device.kept[0].id ^ 0x8000), 0, 0);
	device.sq[2].cq = 1; /* of the other pair */
	post(2, device.kept[1].id, 0, 0);
	for (u32 i = 0; i < 1000; i++) {
		post(1, (u16)(i * 251 | 0x80), (u16)i, i);
		serve();
	}
	device.held = false;
	check_broken(0);
}

/* Every entry is new, always: a round ends all the same, and recovery too. */
static void answers_without_end(void **state)
{
	struct nvme_queue *q;

	(void)state;
	probe();
	q = irqs[0].ctx;
	flush(blocks[0], 0, 1);
	for (u32 i = 0; i < q->entries; i++)
		q->cq[i] = (struct nvme_completion){ .id = 0xffff, .status = 1 };
	interrupt(0);
	run_work();
	/* The phase changed; it goes on with the new one. */
	for (u32 round = 0; round < 10; round++) {
		assert_int_equal(work_count, 1);
		for (u32 i = 0; i < q->entries; i++)
			q->cq[i].status = q->phase;
		run_work();
	}
	assert_int_equal(ended_count, 0);
	assert_int_equal(asked_recover, 1);
	assert_int_equal(log_lines, 1);
	assert_int_equal(recover(blocks[0]), 0);
	assert_int_equal(ended_count, 1);
}

static void interrupts_without_end(void **state)
{
	(void)state;
	probe();
	flush(blocks[0], 0, 1);
	for (u32 i = 0; i < 100000; i++) {
		interrupt(0);
		interrupt(1);
		if (i % 100 == 0)
			run_work();
	}
	assert_int_equal(ended_count, 0);
	assert_int_equal(asked_recover, 0);
	serve();
	assert_int_equal(ended_count, 1);
}

static struct nvme_queue *busy_queue;
static u32 sleeps, resets_before;

static void on_other_vp(void)
{
	if (++sleeps > 4)
		return;
	assert_false(busy_queue->live);
	assert_int_equal(device.resets, resets_before);
	if (sleeps == 4)
		busy_queue->completing = false;
}

/* A piece that another VP took and did not end yet is nobody's; recovery waits for it. */
static void recovery_waits(void **state)
{
	(void)state;
	probe();
	busy_queue = irqs[0].ctx;
	device.silent_io = true;
	flush(blocks[0], 1, 1);
	busy_queue->completing = true;
	sleeps = 0;
	resets_before = device.resets;
	on_sleep = on_other_vp;
	assert_int_equal(recover(blocks[0]), 0);
	assert_true(sleeps >= 4);
	on_sleep = NULL;
	device.silent_io = false;
	flush(blocks[0], 0, 1);
	serve();
	assert_int_equal(ended_count, 2);
	assert_false(busy_queue->completing);
}

static void shutdown_is_bounded(void **state)
{
	(void)state;
	probe();
	device.never_shut = true;
	nvme_driver.shutdown(&pci);
	assert_in_range(now, NS_PER_S, 10 * NS_PER_S);
	now = 0;
	device.csts = device.cc = ~0u; /* gone */
	nvme_driver.shutdown(&pci);
	assert_true(now < NS_PER_S);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(never_ready),
		TEST(never_off),
		TEST(fatal),
		TEST(gone),
		TEST(not_for_us),
		TEST(silent_at_once),
		TEST(refuses),
		TEST(out_of_memory),
		TEST(not_registered),
		TEST(interrupts_and_fails),
		TEST(second_pair_fails),
		TEST(silent),
		TEST(nothing_to_recover),
		TEST(innocent_namespace),
		TEST(not_to_be_reset),
		TEST(does_not_come_back),
		TEST(other_after_reset),
		TEST(answers_twice),
		TEST(answers_late),
		TEST(answers_garbage),
		TEST(answers_without_end),
		TEST(interrupts_without_end),
		TEST(recovery_waits),
		TEST(shutdown_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/*
 * Virtio disks that are silent, answer nonsense or errors, storm, change, or cannot be
 * used; and memory that runs out.
 * sources: rootpart/drivers/virtio/virtio.c rootpart/drivers/virtio/virtio_pci.c rootpart/drivers/virtio/virtio_queue.c rootpart/drivers/virtio/virtq.c
 * sources: rootpart/drivers/virtio/virtio_blk_probe.c rootpart/drivers/virtio/virtio_blk_start.c rootpart/drivers/virtio/virtio_blk_limits.c rootpart/drivers/virtio/virtio_blk_io.c
 * sources: rootpart/drivers/virtio/virtio_blk_complete.c rootpart/drivers/virtio/virtio_blk_recover.c rootpart/block/block_cut.c lib/string.c tests/unit/fake/fake.c tests/unit/fake_root.c
 * cflags: -iquote tests/unit/fake/root -Itests/unit/fake -fno-builtin
 */
#include "tests/unit/virtio_blk_machine.h"

static void impossible(void **state)
{
	static const u32 sizes[] = { 0, 1, 256, 513, 8192, 0xffffffff };

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(sizes); i++) {
		setup(NULL);
		put32(20, sizes[i]);
		assert_int_equal(probe(), -ENOTSUP);
		assert_int_equal(objects + pages, 0);
	}
	setup(NULL);
	device.offered |= F_SIZE_MAX;
	put32(8, 511);
	assert_int_equal(probe(), -ENOTSUP);
	assert_int_equal(objects + pages, 0);
	setup(NULL);
	device.queue_size[0] = device.queue_size[1] = 2; /* no room for data */
	assert_int_equal(probe(), -ENOTSUP);
	assert_int_equal(objects + pages, 0);
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
		assert_int_equal(objects + pages, 0);
		assert_int_equal(command_register & 4, 0);
	}
	assert_true(i > 5);
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
	assert_int_equal(objects + pages, 0);
}

static void cannot_be_registered(void **state)
{
	(void)state;
	register_answer = -ENOMEM;
	assert_int_equal(probe(), -ENOMEM);
	assert_int_equal(work_count + objects + pages, 0);
	assert_int_equal(command_register & 4, 0);
	register_answer = 0;
	for (u32 i = 0; i < 3; i++) {
		setup(NULL);
		irq_requests_left = i;
		assert_int_equal(probe(), -ENOSPC);
		assert_int_equal(work_count + objects + pages, 0);
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
	assert_int_equal(work_count + objects + pages, 0);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(impossible),
		TEST(memory_runs_out),
		TEST(errors),
		TEST(no_status),
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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

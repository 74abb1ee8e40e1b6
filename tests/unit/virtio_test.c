/* SPDX-License-Identifier: MIT */
/*
 * The virtio transport: capabilities that lie, features, resets that do not end,
 * interrupts of every kind.
 * sources: rootpart/drivers/virtio/virtio.c rootpart/drivers/virtio/virtio_pci.c rootpart/drivers/virtio/virtio_queue.c rootpart/drivers/virtio/virtq.c lib/string.c tests/unit/fake/fake.c tests/unit/fake_root.c
 * cflags: -iquote tests/unit/fake/root -Itests/unit/fake -fno-builtin
 */
#include "tests/unit/virtio_machine.h"

#define FEATURES (BIT(3) | BIT(28) | BIT(29) | BIT(33))

static struct virtio v;
static struct virtio_queue queues[3];
static u32 ran[3], configured;

static void run(struct work *w)
{
	ran[container_of(w, struct virtio_queue, work) - queues]++;
}

static void configure(struct work *w)
{
	assert_ptr_equal(w, &v.config);
	configured++;
}

static int setup(void **state)
{
	(void)state;
	machine_setup(0x1042, FEATURES, 3);
	memset(ran, 0, sizeof(ran));
	configured = 0;
	memset(&v, 0, sizeof(v));
	return 0;
}

static int open_it(void)
{
	return virtio_open(&v, &pci, "test");
}

static void open_to_interrupts(bool last_silent)
{
	assert_int_equal(open_it(), 0);
	assert_int_equal(virtio_negotiate(&v, FEATURES), 0);
	for (u32 i = 0; i < 3; i++) {
		assert_int_equal(virtio_queue_alloc(&v, &queues[i], i, 8, 2, run), 0);
		queues[i].vp = i % 2;
	}
	queues[2].silent = last_silent;
	assert_int_equal(virtio_irqs_request(&v, configure), 0);
}

static void drive(void)
{
	assert_int_equal(virtio_queues_start(&v), 0);
	assert_int_equal(virtio_drive(&v), 0);
	assert_int_equal(device.status, 1 | 2 | 4 | 8);
	/* Until it runs no work is asked for. */
	device.isr = 3;
	for (u32 i = 0; i <= RINGS; i++)
		interrupt(i);
	assert_int_equal(work_count, 0);
	assert_int_equal(device.isr, device.vectors != 0 ? 3 : 0);
	device.isr = 0;
	virtio_run(&v);
}

static void clean_up(void)
{
	virtio_close(&v);
	assert_int_equal(objects + pages, 0);
	assert_int_equal(command_register & 4, 0);
	assert_null(irqs[0].handler);
}

static void comes_up(void **state)
{
	(void)state;
	open_to_interrupts(false);
	drive();
	assert_int_equal(device.accepted, (FEATURES & ~BIT(3)) | BIT(3) | BIT(32));
	assert_true(virtio_has(&v, BIT(29)));
	assert_false(virtio_has(&v, BIT(4)));
	assert_int_equal(command_register & 6, 6);
	for (u32 i = 0; i < 3; i++) {
		assert_true(device.rings[i].enabled);
		assert_int_equal(device.rings[i].size, 64);
		assert_int_equal(device.rings[i].vector, i + 1);
		assert_ptr_equal((void *)device.rings[i].used, queues[i].q.used);
	}
	assert_int_equal(device.config_vector, 0);
	clean_up();
}

static void only_what_is_wanted(void **state)
{
	(void)state;
	assert_int_equal(open_it(), 0);
	assert_int_equal(virtio_negotiate(&v, BIT(3) | BIT(5)), 0);
	assert_int_equal(device.accepted, BIT(3) | BIT(32) | BIT(33));
	clean_up();
}

static void old_devices(void **state)
{
	(void)state;
	device.offered &= ~BIT(32);
	assert_int_equal(open_it(), 0);
	assert_int_equal(virtio_negotiate(&v, FEATURES), -ENOTSUP);
	device.offered |= BIT(32);
	device.refuses_features = true;
	assert_int_equal(virtio_reset(&v), 0);
	assert_int_equal(virtio_negotiate(&v, FEATURES), -ENOTSUP);
	clean_up();
}

/* Each in turn: nothing outside of a BAR is ever touched. */
static void capabilities(void **state)
{
	(void)state;
	for (u32 i = 0; i < 4; i++) {
		if (i == 2)
			continue; /* a device without a configuration may be one */
		machine_setup(0x1042, FEATURES, 3);
		put_config(CAPS + i * CAP_SIZE + 3, 1, 9); /* no such kind */
		assert_int_equal(open_it(), -ENOTSUP);
		machine_setup(0x1042, FEATURES, 3);
		put_config(CAPS + i * CAP_SIZE + 2, 1, 15); /* too short */
		assert_int_equal(open_it(), -ENOTSUP);
		machine_setup(0x1042, FEATURES, 3);
		put_config(CAPS + i * CAP_SIZE + 4, 1, 6); /* no BAR */
		assert_int_equal(open_it(), -ENOTSUP);
		put_config(CAPS + i * CAP_SIZE + 4, 1, 255);
		assert_int_equal(open_it(), -ENOTSUP);
		put_config(CAPS + i * CAP_SIZE + 4, 1, 1); /* not there */
		assert_int_equal(open_it(), -ENOTSUP);
		pci.bar[1].kind = PCI_BAR_IO;
		assert_int_equal(open_it(), -ENOTSUP);
		machine_setup(0x1042, FEATURES, 3);
		put_config(CAPS + i * CAP_SIZE + 8, 4, 0x4000); /* behind it */
		assert_int_equal(open_it(), -ENOTSUP);
		put_config(CAPS + i * CAP_SIZE + 8, 4, 0xfffffffc);
		assert_int_equal(open_it(), -ENOTSUP);
		machine_setup(0x1042, FEATURES, 3);
		put_config(CAPS + i * CAP_SIZE + 12, 4, 0); /* too small */
		assert_int_equal(open_it(), -ENOTSUP);
		put_config(CAPS + i * CAP_SIZE + 12, 4, 0xffffffff);
		assert_int_equal(open_it(), -ENOTSUP);
		assert_int_equal(device.resets, 0);
	}
	machine_setup(0x1042, FEATURES, 3);
	put_config(CAPS + 8, 4, 2); /* odd */
	assert_int_equal(open_it(), -ENOTSUP);
	machine_setup(0x1042, FEATURES, 3);
	put_config(CAPS + 3 * CAP_SIZE + 2, 1, 19); /* without its multiplier */
	assert_int_equal(open_it(), -ENOTSUP);
}

/* The first that can be reached counts. */
static void a_second_capability(void **state)
{
	(void)state;
	put_cap(4, 1, 4, COMMON, 0x38);
	put_config(CAPS + 4, 1, 7);
	assert_int_equal(open_it(), 0);
	clean_up();
}

static void no_configuration(void **state)
{
	(void)state;
	put_config(CAPS + 2 * CAP_SIZE + 3, 1, 9);
	assert_int_equal(open_it(), 0);
	assert_int_equal(virtio_config_read(&v, 0, 8), 0);
	virtio_config_write8(&v, 0, 1);
	clean_up();
}

static void configuration(void **state)
{
	(void)state;
	for (u32 i = 0; i < CONFIG_SIZE; i++)
		device.config[i] = (u8)(i + 1);
	assert_int_equal(open_it(), 0);
	assert_int_equal(virtio_config_read(&v, 0, 8), 0x0807060504030201);
	assert_int_equal(virtio_config_read(&v, 60, 4), 0x403f3e3d);
	assert_int_equal(virtio_config_read(&v, 62, 2), 0x403f);
	assert_int_equal(virtio_config_read(&v, 63, 1), 0x40);
	assert_int_equal(virtio_config_read(&v, 64, 1), 0);
	assert_int_equal(virtio_config_read(&v, 60, 8), 0);
	assert_int_equal(virtio_config_read(&v, ~0u, 4), 0);
	clean_up();
}

static void resets_end(void **state)
{
	u64 before;

	(void)state;
	device.never_reset = true;
	device.status = 15;
	assert_int_equal(open_it(), -ETIMEDOUT);
	assert_in_range(now, 1, 10 * NS_PER_S);
	before = now;
	device.gone = true;
	assert_int_equal(virtio_reset(&v), -ENODEV);
	assert_int_equal(now, before);
	clean_up();
}

static void does_not_start(void **state)
{
	(void)state;
	open_to_interrupts(false);
	device.refuses_vectors = true;
	assert_int_equal(virtio_queues_start(&v), -EIO);
	device.refuses_vectors = false;
	device.refuses_enable = true;
	assert_int_equal(virtio_queues_start(&v), -EIO);
	device.refuses_enable = false;
	assert_int_equal(virtio_reset(&v), 0);
	assert_int_equal(virtio_negotiate(&v, FEATURES), 0);
	device.refuses_start = true;
	assert_int_equal(virtio_queues_start(&v), 0);
	assert_int_equal(virtio_drive(&v), -EIO);
	assert_true(virtio_is_lost(&v));
	clean_up();
}

static void queues_that_lie(void **state)
{
	(void)state;
	assert_int_equal(open_it(), 0);
	assert_int_equal(virtio_negotiate(&v, FEATURES), 0);
	assert_int_equal(virtio_queue_alloc(&v, &queues[0], 3, 8, 2, run), -ENODEV);
	device.rings[1].size = 0;
	assert_int_equal(virtio_queue_alloc(&v, &queues[0], 1, 8, 2, run), -ENODEV);
	device.rings[1].size = 48;
	assert_int_equal(virtio_queue_alloc(&v, &queues[0], 1, 8, 2, run), -EINVAL);
	device.rings[1].size = 0x8000;
	assert_int_equal(virtio_queue_alloc(&v, &queues[0], 1, 8, 2, run), 0);
	assert_int_equal(queues[0].q.size, 256);
	device.notify_offset = RINGS - 1;
	assert_int_equal(virtio_queue_alloc(&v, &queues[1], 0, 8, 2, run), 0);
	assert_int_equal(virtio_queue_alloc(&v, &queues[2], 1, 8, 2, run), -ENODEV);
	device.notify_offset = 0xfff0;
	assert_int_equal(virtio_queue_alloc(&v, &queues[2], 2, 8, 2, run), -ENODEV);
	clean_up();
}

/* After a reset it has less room than before. */
static void shrinks(void **state)
{
	(void)state;
	open_to_interrupts(false);
	drive();
	device.queue_size[1] = 32;
	assert_int_equal(virtio_reset(&v), 0);
	assert_int_equal(virtio_negotiate(&v, FEATURES), 0);
	assert_int_equal(virtio_queues_start(&v), -ENODEV);
	clean_up();
}

static void vector_for_each(void **state)
{
	(void)state;
	open_to_interrupts(false);
	drive();
	assert_int_equal(irqs[1].vp, 0);
	assert_int_equal(irqs[2].vp, 1);
	interrupt(2);
	run_work();
	assert_int_equal(ran[0] * 100 + ran[1] * 10 + ran[2], 10);
	interrupt(0);
	run_work();
	assert_int_equal(configured, 1);
	clean_up();
}

static void silent_queues(void **state)
{
	(void)state;
	device.vectors = 3;
	open_to_interrupts(true);
	drive();
	assert_true(v.vector_each);
	assert_int_equal(device.rings[2].vector, 0xffff);
	assert_int_equal(device.rings[1].vector, 2);
	clean_up();
}

static void vector_for_all(void **state)
{
	(void)state;
	device.vectors = 3; /* one too few */
	open_to_interrupts(false);
	drive();
	assert_null(irqs[1].handler);
	assert_int_equal(device.rings[2].vector, 0);
	interrupt(0);
	run_work();
	assert_int_equal(ran[0] + ran[1] + ran[2], 3);
	assert_int_equal(configured, 1);
	clean_up();
}

static void no_vector_left(void **state)
{
	(void)state;
	irq_requests_left = 2;
	assert_int_equal(open_it(), 0);
	assert_int_equal(virtio_negotiate(&v, FEATURES), 0);
	assert_int_equal(virtio_queue_alloc(&v, &queues[0], 0, 8, 2, run), 0);
	assert_int_equal(virtio_queue_alloc(&v, &queues[1], 1, 8, 2, run), 0);
	queues[0].vp = queues[1].vp = 0;
	assert_int_equal(virtio_irqs_request(&v, configure), -ENOSPC);
	clean_up();
}

/* A pin that others have, too: the byte says whose it was, and why. */
static void shared_pin(void **state)
{
	(void)state;
	device.vectors = 0;
	open_to_interrupts(true);
	drive();
	interrupt(0);
	assert_int_equal(work_count, 0);
	device.isr = 1;
	interrupt(0);
	assert_int_equal(device.isr, 0);
	run_work();
	assert_int_equal(ran[0] + ran[1], 2);
	assert_int_equal(ran[2] + configured, 0);
	device.isr = 2;
	interrupt(0);
	run_work();
	assert_int_equal(ran[0] + ran[1], 2);
	assert_int_equal(configured, 1);
	assert_int_equal(device.config_vector, 0xffff);
	clean_up();
}

static void storm(void **state)
{
	(void)state;
	open_to_interrupts(false);
	drive();
	for (u32 i = 0; i < 100000; i++)
		interrupt(1);
	assert_int_equal(work_count, 1);
	run_work();
	assert_int_equal(ran[0], 1);
	clean_up();
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(comes_up),
		TEST(only_what_is_wanted),
		TEST(old_devices),
		TEST(capabilities),
		TEST(a_second_capability),
		TEST(no_configuration),
		TEST(configuration),
		TEST(resets_end),
		TEST(does_not_start),
		TEST(queues_that_lie),
		TEST(shrinks),
		TEST(vector_for_each),
		TEST(silent_queues),
		TEST(vector_for_all),
		TEST(no_vector_left),
		TEST(shared_pin),
		TEST(storm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

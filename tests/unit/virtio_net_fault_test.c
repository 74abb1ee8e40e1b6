/* SPDX-License-Identifier: MIT */
/*
 * Virtio NICs that talk nonsense or nothing, share their pin, or cannot be used; frames that
 * are nobody's; and memory that runs out.
 * sources: rootpart/drivers/virtio/virtio.c rootpart/drivers/virtio/virtio_pci.c rootpart/drivers/virtio/virtio_queue.c rootpart/drivers/virtio/virtq.c
 * sources: rootpart/drivers/virtio/virtio_net_probe.c rootpart/drivers/virtio/virtio_net_start.c rootpart/drivers/virtio/virtio_net_send.c rootpart/drivers/virtio/virtio_net_receive.c
 * sources: rootpart/drivers/virtio/virtio_net_offload.c rootpart/drivers/virtio/virtio_net_control.c lib/string.c tests/unit/fake/fake.c tests/unit/fake_root.c
 * cflags: -iquote tests/unit/fake/root -Itests/unit/fake -fno-builtin
 */
#include "tests/unit/virtio_net_machine.h"

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

static void does_not_come_up(void **state)
{
	(void)state;
	no_commands = true;
	assert_int_equal(probe(), -ETIMEDOUT);
	assert_true(now < 10 * NS_PER_S);
	assert_int_equal(objects + pages + work_count, 0);
	setup(NULL);
	refuses_commands = true;
	assert_int_equal(probe(), -EIO);
	assert_int_equal(objects + pages, 0);
	setup(NULL);
	device.num_queues = 2; /* where is its control queue? */
	assert_int_equal(probe(), -ENODEV);
	assert_int_equal(objects + pages, 0);
	setup(NULL);
	device.queue_size[1] = 1;
	device.offered &= ~F_INDIRECT;
	assert_int_equal(probe(), -ENOTSUP);
	assert_int_equal(objects + pages, 0);
}

/* Headers that make no sense: nothing outside of them is touched. */
static void odd_headers(void **state)
{
	u8 *data = ramp(600);
	struct nic_segment s = { gpa_of(data), 600 };

	(void)state;
	assert_int_equal(probe(), 0);
	for (u32 i = 0; i < 4096; i++) {
		struct nic_frame f = { .segments = &s, .segment_count = 1, .bytes = 600 };

		f.offload = (struct nic_offload){ .checksum = true,
			.csum_start = (u16)(20 + i % 32 * 7),
			.csum_offset = (u16)(i / 32 % 8 * 5),
			.segment_size = 100,
			.ipv6 = i & 1,
			.ip_start = 14 };
		f.offload.header_size = (u16)(f.offload.csum_start + 20);
		assert_true(send(&f));
		run_work();
		sent_count = 0;
		assert_int_equal(wire_bytes, 600);
	}
	free(data);
	clean_up();
}

static void not_for_us(void **state)
{
	u8 *frame = ramp(20000), gso[HEADER] = { 0, 1 };

	(void)state;
	assert_int_equal(probe(), 0);
	put_frame(plain, frame, 1519, 2048, 0); /* longer than the MTU allows */
	put_frame(plain, frame, 20000, 2048, 0);
	put_frame(plain, frame, 13, 2048, 0);
	put_frame(gso, frame, 1000, 2048, 0);
	run_work();
	assert_int_equal(received_count, 0);
	assert_int_equal(nic->stats.receive_errors, 4);
	put_frame(plain, frame, 1518, 2048, 0);
	run_work();
	assert_int_equal(received_count, 1);
	assert_int_equal(asked_recover, 0);
	free(frame);
	clean_up();
}

/* One turn of the work does not go on for ever. */
static void bounded_turns(void **state)
{
	u8 *frame = ramp(60);
	u32 turns = 0;

	(void)state;
	device.queue_size[0] = 256;
	device.offered &= ~F_EVENT;
	assert_int_equal(probe(), 0);
	for (u32 i = 0; i < 200; i++)
		put_frame(plain, frame, 60, 2048, 0);
	while (run_work_once() > 0) {
		turns++;
		assert_true(received_count <= turns * 64);
	}
	assert_int_equal(received_count, 200);
	free(frame);
	clean_up();
}

static void fails_with(const char *why)
{
	u32 count = received_count;

	run_work();
	assert_int_equal(received_count, count);
	assert_int_equal(asked_recover, 1);
	assert_non_null(strstr(broken_why, why));
	/* It is left alone until it is reset; then all is as at first. */
	interrupt(0);
	interrupt(1);
	interrupt(2);
	run_work();
	assert_int_equal(asked_recover, 1);
	assert_int_equal(nic->ops->recover(nic), 0);
	put_frame(plain, wire, 60, 2048, 0);
	run_work();
	assert_int_equal(received_count, count + 1);
	clean_up();
	setup(NULL);
	assert_int_equal(probe(), 0);
}

static void nonsense(void **state)
{
	u8 *frame = ramp(6000);

	(void)state;
	assert_int_equal(probe(), 0);
	put_frame(plain, frame, 60, 2048, 2);
	fails_with("not whole");
	put_frame(plain, frame, 6000, 2048, 41);
	fails_with("number of buffers");
	ring_put(device.rings[0].desc, 8, ring_get(device.rings[0].desc, 8));
	device_give(0, 0, 12);
	fails_with("no header");
	device_give(0, 0, 0);
	fails_with("no header");
	device_give(0, 64, 60);
	fails_with("not given");
	device_give(0, 3, 2049);
	fails_with("room");
	device_give(1, 3, 0);
	fails_with("more than it was given");
	free(frame);
	clean_up();
}

/* Of what is sent, without an interrupt: noticed while something is received. */
static void noticed_on_the_way(void **state)
{
	u8 *frame = ramp(60);

	(void)state;
	assert_int_equal(probe(), 0);
	(void)ring_give(&device.rings[1], 3, 0);
	put_frame(plain, frame, 60, 2048, 0);
	(void)run_work_once();
	assert_int_equal(received_count, 1);
	assert_int_equal(asked_recover, 1);
	free(frame);
	clean_up();
}

static void recovers(void **state)
{
	u8 *data = ramp(60);
	struct nic_segment s = { gpa_of(data), 60 };
	struct nic_frame f[10];

	(void)state;
	keeps_sent = true;
	assert_int_equal(probe(), 0);
	assert_int_equal(nic->ops->filter(nic, true, false), 0);
	assert_int_equal(rx_mode[0] * 2 + rx_mode[1], 2);
	for (u32 i = 0; i < 10; i++) {
		f[i] = (struct nic_frame){ .segments = &s, .segment_count = 1, .bytes = 60 };
		assert_true(send(&f[i]));
	}
	memset(rx_mode, 9, sizeof(rx_mode));
	assert_int_equal(nic->ops->recover(nic), 0);
	assert_int_equal(sent_count, 10);
	for (u32 i = 0; i < 10; i++)
		assert_int_equal(sent_error[i], -ENETDOWN);
	assert_int_equal(rx_mode[0] * 2 + rx_mode[1], 2);
	keeps_sent = false;
	assert_true(send(&f[0]));
	run_work();
	assert_int_equal(sent_count, 11);
	assert_int_equal(sent_error[10], 0);
	free(data);
	clean_up();
}

static void dead(void **state)
{
	u8 *data = ramp(60);
	struct nic_segment s = { gpa_of(data), 60 };
	struct nic_frame f = { .segments = &s, .segment_count = 1, .bytes = 60 };

	(void)state;
	for (u32 i = 0; i < 4; i++) {
		setup(NULL);
		keeps_sent = true;
		assert_int_equal(probe(), 0);
		assert_true(send(&f));
		device.never_reset = i == 0;
		device.gone = i == 1;
		device.refuses_start = i == 2;
		no_commands = i == 3;
		now = 0;
		assert_int_not_equal(nic->ops->recover(nic), 0);
		assert_true(now < 10 * NS_PER_S);
		assert_int_equal(command_register & 4, 0);
		assert_int_equal(sent_count, 1);
		assert_false(send(&f));
		device.gone = false;
		clean_up();
	}
	free(data);
}

static void pin(void **state)
{
	u8 *frame = ramp(60);

	(void)state;
	device.vectors = 0;
	assert_int_equal(probe(), 0);
	interrupt(0); /* another device's */
	assert_int_equal(work_count, 0);
	put_frame(plain, frame, 60, 2048, 0);
	assert_int_equal(device.isr, 0);
	run_work();
	assert_int_equal(received_count, 1);
	device_change();
	run_work();
	assert_int_equal(links, 2);
	free(frame);
	clean_up();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(memory_runs_out),
		TEST(does_not_come_up),
		TEST(odd_headers),
		TEST(not_for_us),
		TEST(bounded_turns),
		TEST(nonsense),
		TEST(noticed_on_the_way),
		TEST(recovers),
		TEST(dead),
		TEST(pin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/*
 * Virtio NICs on a made-up device: frames both ways with all offloads, merged buffers,
 * the link, commands.
 * sources: rootpart/drivers/virtio/virtio.c rootpart/drivers/virtio/virtio_pci.c rootpart/drivers/virtio/virtio_queue.c rootpart/drivers/virtio/virtq.c
 * sources: rootpart/drivers/virtio/virtio_net_probe.c rootpart/drivers/virtio/virtio_net_start.c rootpart/drivers/virtio/virtio_net_send.c rootpart/drivers/virtio/virtio_net_receive.c
 * sources: rootpart/drivers/virtio/virtio_net_offload.c rootpart/drivers/virtio/virtio_net_control.c lib/string.c tests/unit/fake/fake.c tests/unit/fake_root.c
 * cflags: -iquote tests/unit/fake/root -Itests/unit/fake -fno-builtin
 */
#include "tests/unit/virtio_net_machine.h"

static void comes_up(void **state)
{
	(void)state;
	assert_true(virtio_net_driver.match(&pci));
	assert_int_equal(probe(), 0);
	assert_int_equal(device.accepted, (F_ALL & ~F_GUEST_TSO4) | BIT(32)); /* no LRO */
	assert_memory_equal(nic->mac, device.config, 6);
	assert_int_equal(nic->max_mtu, 9000);
	assert_true(nic->can_checksum && nic->can_segment && nic->can_segment_ipv6);
	assert_int_equal(nic->max_segments, 40);
	assert_true(link_is_up);
	assert_int_equal(rx_mode[0] + rx_mode[1], 0);
	assert_int_equal(device.rings[2].vector, 0xffff);
	assert_int_equal((u16)ring_get(device.rings[0].avail + 2, 2), 64);
	clean_up();
}

static void fewest_features(void **state)
{
	(void)state;
	device.offered = BIT(32);
	device.num_queues = 2;
	device.config[6] = 0;
	assert_int_equal(probe(), 0);
	assert_int_equal(nic->max_mtu, 1500);
	assert_false(nic->can_checksum || nic->can_segment || nic->can_segment_ipv6);
	assert_int_equal(nic->max_segments, 15);
	assert_true(link_is_up);
	assert_int_equal(nic->mac[0] & 3, 2); /* its own, for one */
	assert_int_equal(nic->ops->filter(nic, true, true), 0);
	clean_up();
}

/* Each version of IP has a feature of its own, and none is any good without checksums. */
static void cuts_what_the_device_cuts(void **state)
{
	static const struct {
		u64 lacks;
		bool ipv4, ipv6;
	} rows[] = {
		{ F_HOST_TSO4, false, true },
		{ F_HOST_TSO6, true, false },
		{ F_CSUM, false, false },
	};

	for (u32 i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_int_equal(setup(state), 0);
		device.offered &= ~rows[i].lacks;
		assert_int_equal(probe(), 0);
		assert_int_equal(nic->can_segment, rows[i].ipv4);
		assert_int_equal(nic->can_segment_ipv6, rows[i].ipv6);
		clean_up();
	}
}

static void mtu_and_speed(void **state)
{
	(void)state;
	device.offered |= F_MTU | F_SPEED;
	ring_put((u64)device.config + 10, 2, 4000);
	ring_put((u64)device.config + 12, 4, 25000);
	assert_int_equal(probe(), 0);
	assert_int_equal(nic->max_mtu, 4000);
	assert_int_equal(link_mbit, 25000);
	assert_int_equal(nic->ops->set_mtu(nic, 4000), 0);
	clean_up();
	setup(NULL);
	device.offered |= F_MTU | F_SPEED;
	ring_put((u64)device.config + 10, 2, 3); /* nonsense */
	ring_put((u64)device.config + 12, 4, 0xffffffff);
	assert_int_equal(probe(), 0);
	assert_int_equal(nic->max_mtu, 9000);
	assert_int_equal(link_mbit, 10000);
	clean_up();
}

/* Several hundred, so around the ring, of all sizes, in one to many pieces. */
static void frames_go_out(void **state)
{
	u8 *data = ramp(9018);

	(void)state;
	assert_int_equal(probe(), 0);
	for (u32 i = 0; i < 300; i++) {
		struct nic_segment segments[40];
		u32 bytes = 60 + i * 29, count = 1 + i % 40, at = 0;
		struct nic_frame f = {
			.segments = segments, .segment_count = count, .bytes = bytes
		};

		for (u32 k = 0; k < count; k++) {
			u32 n = k + 1 == count ? bytes - at : MAX(bytes / count, 1u);

			segments[k] = (struct nic_segment){ gpa_of(data + at), n };
			at += n;
		}
		sent_count = 0;
		assert_true(send(&f));
		assert_int_equal(wire_bytes, bytes);
		assert_memory_equal(wire, data, bytes);
		assert_memory_equal(wire_header, plain, 10);
		run_work();
		assert_int_equal(sent_count, 1);
		assert_ptr_equal(sent[0], &f);
		assert_int_equal(sent_error[0], 0);
	}
	free(data);
	clean_up();
}

static void room_runs_out(void **state)
{
	u8 *data = ramp(60);
	struct nic_segment s = { gpa_of(data), 60 };
	struct nic_frame f[65];

	(void)state;
	keeps_sent = true;
	assert_int_equal(probe(), 0);
	for (u32 i = 0; i < 65; i++) {
		f[i] = (struct nic_frame){ .segments = &s, .segment_count = 1, .bytes = 60 };
		assert_int_equal(send(&f[i]), i < 64);
	}
	/* In any order. */
	for (u32 i = 0; i < 64; i++)
		device_give(1, kept[(i * 13 + 5) % 64], 0);
	run_work();
	assert_int_equal(sent_count, 64);
	for (u32 i = 0; i < 64; i++)
		assert_ptr_equal(sent[i], &f[(i * 13 + 5) % 64]);
	assert_true(send(&f[64]));
	free(data);
	clean_up();
}

static void checksums_go_out(void **state)
{
	u8 *data = ramp(100);
	struct nic_segment s = { gpa_of(data), 100 };
	struct nic_frame f = { .segments = &s, .segment_count = 1, .bytes = 100 };
	static const u8 want[] = { 1, 0, 0, 0, 0, 0, 34, 0, 6, 0 };

	(void)state;
	f.offload = (struct nic_offload){ .checksum = true, .csum_start = 34, .csum_offset = 6 };
	assert_int_equal(probe(), 0);
	assert_true(send(&f));
	assert_memory_equal(wire_header, want, sizeof(want));
	assert_memory_equal(wire, data, 100);
	free(data);
	clean_up();
}

/* Headers are mended in a copy, and may lie in any pieces; all else is as it was. */
static void tcp_is_cut(bool ipv6, u32 first)
{
	u32 ip = ipv6 ? 40 : 20, tcp = 14 + ip, head = tcp + 20, bytes = 30014;
	u8 *data = ramp(bytes), *before = malloc(bytes);
	struct nic_segment s[3] = { { gpa_of(data), first }, { gpa_of(data + first), 1 },
		{ gpa_of(data + first + 1), bytes - first - 1 } };
	struct nic_frame f = { .segments = s, .segment_count = 3, .bytes = bytes };
	u32 pseudo = 0x1234;

	setup(NULL);
	data[14] = ipv6 ? 0x60 : 0x45;
	if (!ipv6)
		memset(data + 16, 0, 2);
	data[tcp + 16] = (u8)(pseudo >> 8);
	data[tcp + 17] = (u8)pseudo;
	memcpy(before, data, bytes);
	f.offload = (struct nic_offload){ .checksum = true,
		.csum_start = (u16)tcp,
		.csum_offset = 16,
		.segment_size = 1400,
		.ipv6 = ipv6,
		.ip_start = 14,
		.header_size = (u16)head };
	assert_int_equal(probe(), 0);
	assert_true(send(&f));
	assert_int_equal(wire_bytes, bytes);
	assert_memory_equal(data, before, bytes);
	assert_int_equal(wire_header[0], 1);
	assert_int_equal(wire_header[1], ipv6 ? 4 : 1);
	assert_int_equal(ring_get((u64)wire_header + 2, 2), head);
	assert_int_equal(ring_get((u64)wire_header + 4, 2), 1400);
	assert_int_equal(ring_get((u64)wire_header + 6, 2), tcp);
	assert_memory_equal(wire + head, before + head, bytes - head);
	if (ipv6) {
		assert_int_equal(wire[18] << 8 | wire[19], bytes - 54);
	} else {
		assert_int_equal(wire[16] << 8 | wire[17], bytes - 14);
		assert_int_equal(ones_sum(wire + 14, 20), 0xffff);
	}
	pseudo += bytes - tcp;
	pseudo = (pseudo & 0xffff) + (pseudo >> 16);
	assert_int_equal(wire[tcp + 16] << 8 | wire[tcp + 17], pseudo);
	free(before);
	free(data);
	clean_up();
}

static void tcp_goes_out(void **state)
{
	(void)state;
	tcp_is_cut(false, 14);
	tcp_is_cut(false, 53);
	tcp_is_cut(false, 54);
	tcp_is_cut(false, 2000);
	tcp_is_cut(true, 1);
	tcp_is_cut(true, 74);
}

static void frames_come_in(void **state)
{
	u8 *frame = ramp(9018);

	(void)state;
	assert_int_equal(probe(), 0);
	nic->mtu = 9000;
	for (u32 i = 0; i < 300; i++) {
		u32 bytes = 14 + i * 30, part = i % 3 != 0 ? 2048 : 300;

		if (part == 300)
			bytes = MIN(bytes, 5000u);
		put_frame(plain, frame, bytes, part, 0);
		run_work();
		assert_int_equal(received_count, i + 1);
		assert_int_equal(received_bytes, bytes);
		assert_memory_equal(received, frame, bytes);
		assert_false(received_good);
	}
	assert_int_equal(asked_recover, 0);
	free(frame);
	clean_up();
}

static void checksums_come_in(void **state)
{
	u8 *frame = ramp(1000), valid[HEADER] = { 2 },
	   partial[HEADER] = { 1, 0, 0, 0, 0, 0, 34, 0, 6 };

	(void)state;
	assert_int_equal(probe(), 0);
	put_frame(valid, frame, 1000, 2048, 0);
	run_work();
	assert_true(received_good);
	assert_memory_equal(received, frame, 1000);
	/* In one buffer, and in odd ones, one of which ends within the sum. */
	for (u32 part = 13; part < 80; part += 1) {
		u32 bytes = 61 + part;

		put_frame(partial, frame, bytes, part, 0);
		run_work();
		assert_int_equal(received_bytes, bytes);
		assert_true(received_good);
		assert_memory_equal(received, frame, 40);
		assert_memory_equal(received + 42, frame + 42, bytes - 42);
		/* What stood there is part of the sum. */
		assert_int_equal((received[40] << 8 | received[41]),
			0xffff & ~ones_sum(frame + 34, bytes - 34));
	}
	/* Outside of the frame. */
	received_count = 0;
	partial[6] = 255;
	put_frame(partial, frame, 100, 2048, 0);
	partial[6] = 34;
	partial[9] = 255;
	put_frame(partial, frame, 100, 2048, 0);
	partial[6] = partial[9] = 0;
	put_frame(partial, frame, 100, 2048, 0);
	run_work();
	assert_int_equal(received_count, 0);
	assert_int_equal(nic->stats.receive_errors, 3);
	free(frame);
	clean_up();
}

static void link(void **state)
{
	(void)state;
	assert_int_equal(probe(), 0);
	device.config[6] = 0;
	device_change();
	run_work();
	assert_false(link_is_up);
	device.config[6] = 1;
	device_change();
	run_work();
	assert_true(link_is_up);
	for (u32 i = 0; i < 1000; i++)
		device_change();
	assert_int_equal(work_count, 1);
	run_work();
	assert_int_equal(links, 4);
	device.status |= 64;
	device_change();
	run_work();
	assert_int_equal(asked_recover, 1);
	clean_up();
}

static void filters(void **state)
{
	(void)state;
	assert_int_equal(probe(), 0);
	for (u32 i = 0; i < 4; i++) {
		assert_int_equal(nic->ops->filter(nic, i & 1, i & 2), 0);
		assert_int_equal(rx_mode[0] | rx_mode[1] << 1, i);
	}
	no_commands = true;
	now = 0;
	assert_int_equal(nic->ops->filter(nic, true, true), -ETIMEDOUT);
	assert_true(now < 5 * NS_PER_S);
	assert_int_equal(asked_recover, 1);
	no_commands = false;
	assert_int_equal(nic->ops->recover(nic), 0);
	assert_int_equal(rx_mode[0] + rx_mode[1], 2);
	refuses_commands = true;
	assert_int_equal(nic->ops->filter(nic, false, false), -EIO);
	clean_up();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(comes_up),
		TEST(fewest_features),
		TEST(cuts_what_the_device_cuts),
		TEST(mtu_and_speed),
		TEST(frames_go_out),
		TEST(room_runs_out),
		TEST(checksums_go_out),
		TEST(tcp_goes_out),
		TEST(frames_come_in),
		TEST(checksums_come_in),
		TEST(link),
		TEST(filters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

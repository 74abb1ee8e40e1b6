/* SPDX-License-Identifier: MIT */
/*
 * Virtio NICs on a made-up device: frames both ways with all offloads, merged buffers,
 * the link, commands, and a device that talks nonsense or nothing.
 * sources: rootpart/drivers/virtio/virtio.c rootpart/drivers/virtio/virtio_pci.c rootpart/drivers/virtio/virtio_queue.c rootpart/drivers/virtio/virtq.c
 * sources: rootpart/drivers/virtio/virtio_net_probe.c rootpart/drivers/virtio/virtio_net_start.c rootpart/drivers/virtio/virtio_net_send.c rootpart/drivers/virtio/virtio_net_receive.c
 * sources: rootpart/drivers/virtio/virtio_net_offload.c rootpart/drivers/virtio/virtio_net_control.c lib/string.c tests/unit/fake/fake.c tests/unit/fake_root.c
 * cflags: -iquote tests/unit/fake/root -Itests/unit/fake -fno-builtin
 */
#include "tests/unit/virtio_machine.h"

#include "rootpart/drivers/virtio/virtio_net.h"

#define F_CSUM       BIT(0)
#define F_GUEST_CSUM BIT(1)
#define F_MTU        BIT(3)
#define F_MAC        BIT(5)
#define F_GUEST_TSO4 BIT(7)
#define F_HOST_TSO4  BIT(11)
#define F_HOST_TSO6  BIT(12)
#define F_MRG        BIT(15)
#define F_STATUS     BIT(16)
#define F_CTRL       BIT(17)
#define F_CTRL_RX    BIT(18)
#define F_SPEED      BIT(63)
#define F_INDIRECT   BIT(28)
#define F_EVENT      BIT(29)
#define F_ALL                                                                               \
	(F_CSUM | F_GUEST_CSUM | F_MAC | F_GUEST_TSO4 | F_HOST_TSO4 | F_HOST_TSO6 | F_MRG | \
		F_STATUS | F_CTRL | F_CTRL_RX | F_INDIRECT | F_EVENT)

#define FRAMES 400u
#define HEADER 12u

/* What the NIC layer hears. */
static struct nic *nic;
static u32 sent_count, links, asked_recover;
static int sent_error[FRAMES];
static struct nic_frame *sent[FRAMES];
static bool link_is_up;
static u32 link_mbit;
static const char *broken_why;
static u32 received_count;
static u8 received[70000];
static u32 received_bytes, received_segments;
static bool received_good;
static void (*live_entry)(void *arg);
static void *live_arg;

/* What the device saw. */
static u8 wire[70000];
static u32 wire_bytes;
static u8 wire_header[HEADER];
static u32 wire_count;
static bool keeps_sent; /* it takes frames, and does not say so */
static u16 kept[FRAMES];
static u32 kept_count;
static u8 rx_mode[2]; /* promiscuous, all multicast */
static u32 commands;
static bool no_commands, refuses_commands;

void nic_register(struct nic *n)
{
	nic = n;
	n->mtu = MIN(1500u, n->max_mtu);
}

void nic_sent(struct nic *n, struct nic_frame *f, int error)
{
	assert_ptr_equal(n, nic);
	assert_true(fake_irq_on);
	sent[sent_count] = f;
	sent_error[sent_count++] = error;
}

void nic_receive(struct nic *n, const struct nic_received *f)
{
	assert_ptr_equal(n, nic);
	received_bytes = 0;
	for (u32 i = 0; i < f->segment_count; i++) {
		memcpy(received + received_bytes, gpa_ptr(f->segments[i].gpa), f->segments[i].len);
		received_bytes += f->segments[i].len;
	}
	assert_int_equal(received_bytes, f->bytes);
	received_segments = f->segment_count;
	received_good = f->checksum_good;
	received_count++;
}

void nic_link(struct nic *n, bool up, u32 mbit)
{
	assert_ptr_equal(n, nic);
	link_is_up = up;
	link_mbit = mbit;
	links++;
}

void nic_ask_recover(struct nic *n, const char *why)
{
	assert_ptr_equal(n, nic);
	broken_why = why;
	asked_recover++;
}

struct task *task_create_on(u32 vp, const char *name, void (*entry)(void *arg), void *arg)
{
	static struct task task;

	(void)name;
	assert_int_equal(vp, nic->vp);
	live_entry = entry;
	live_arg = arg;
	return &task;
}

static void device_sends(const struct chain *c)
{
	u32 at = 0;

	assert_int_equal(c->writable, 0);
	assert_true(c->parts[0].len >= HEADER);
	memcpy(wire_header, c->parts[0].p, HEADER);
	for (u32 i = 0; i < c->count; i++) {
		u32 skip = i == 0 ? HEADER : 0;

		memcpy(wire + at, c->parts[i].p + skip, c->parts[i].len - skip);
		at += c->parts[i].len - skip;
	}
	wire_bytes = at;
	wire_count++;
}

static void device_commands(struct chain *c)
{
	u8 *class = c->parts[0].p;

	assert_int_equal(c->readable, 3);
	assert_int_equal(c->writable, 1);
	assert_int_equal(class[0], 0);
	assert_in_range(class[1], 0, 1);
	commands++;
	rx_mode[class[1]] = *c->parts[1].p;
	*c->parts[c->count - 1].p = refuses_commands;
	device_give(2, c->head, 1);
}

static void bell(u32 queue)
{
	struct chain c;

	while (queue == 1 && device_take(queue, &c)) {
		device_sends(&c);
		if (keeps_sent)
			kept[kept_count++] = c.head;
		else
			device_give(queue, c.head, 0);
	}
	while (queue == 2 && !no_commands && device_take(queue, &c))
		device_commands(&c);
}

static int setup(void **state)
{
	static const u8 mac[] = { 0x52, 0x54, 0, 0x12, 0x34, 0x56 };

	(void)state;
	machine_setup(0x1041, F_ALL, 3);
	cpu_count = 1;
	device.on_bell = bell;
	memcpy(device.config, mac, 6);
	device.config[6] = 1;
	nic = NULL;
	sent_count = links = asked_recover = received_count = wire_count = kept_count = 0;
	commands = 0;
	keeps_sent = no_commands = refuses_commands = false;
	memset(rx_mode, 9, sizeof(rx_mode));
	broken_why = NULL;
	live_entry = NULL;
	return 0;
}

static int probe(void)
{
	int error = virtio_net_driver.probe(&pci);

	assert_int_equal(error == 0, nic != NULL);
	if (error == 0) {
		assert_int_equal(links, 0);
		live_entry(live_arg);
	}
	return error;
}

static struct virtio_net *net(void)
{
	return nic->driver_data;
}

static void clean_up(void)
{
	struct virtio_net *n = net();

	virtio_close(&n->v);
	kfree(n->buffers);
	kfree(n->tx.heads);
	kfree(n->command);
	kfree(n);
	assert_int_equal(objects, 0);
}

static bool send(struct nic_frame *f)
{
	bool taken;

	fake_irq_on = false;
	taken = nic->ops->send(nic, f);
	nic->ops->kick(nic);
	fake_irq_on = true;
	return taken;
}

/* The device fills buffers with @bytes of @frame, each up to @part bytes, under @header. */
static void put_frame(const u8 *header, const u8 *frame, u32 bytes, u32 part, u32 buffers)
{
	struct ring *r = &device.rings[0];
	u32 at = 0, used = 0;
	u8 *count = NULL;
	struct chain c;

	do {
		u32 skip = used == 0 ? HEADER : 0;
		u32 n = MIN(bytes - at, MIN(part, 2048) - skip);

		assert_true(device_take(0, &c));
		assert_int_equal(c.count, 1);
		assert_int_equal(c.writable, 2048);
		if (used == 0) {
			memcpy(c.parts[0].p, header, HEADER);
			count = c.parts[0].p + 10;
		}
		memcpy(c.parts[0].p + skip, frame + at, n);
		ring_write(r, used++, c.head, n + skip);
		at += n;
	} while (at < bytes);
	ring_put((u64)count, 2, buffers != 0 ? buffers : used);
	if (ring_tell(r, used))
		raise(false, r->vector);
}

static const u8 plain[HEADER];

static u8 *ramp(u32 bytes)
{
	u8 *p = malloc(bytes);

	for (u32 i = 0; i < bytes; i++)
		p[i] = (u8)(i * 5 + 3);
	return p;
}

static u32 ones_sum(const u8 *p, u32 len)
{
	u32 sum = 0;

	for (u32 i = 0; i < len; i++)
		sum += i % 2 ? p[i] : (u32)p[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

static void comes_up(void **state)
{
	(void)state;
	assert_true(virtio_net_driver.match(&pci));
	assert_int_equal(probe(), 0);
	assert_int_equal(device.accepted, (F_ALL & ~F_GUEST_TSO4) | BIT(32)); /* no LRO */
	assert_memory_equal(nic->mac, device.config, 6);
	assert_int_equal(nic->max_mtu, 9000);
	assert_true(nic->can_checksum && nic->can_segment);
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
	assert_false(nic->can_checksum || nic->can_segment);
	assert_int_equal(nic->max_segments, 15);
	assert_true(link_is_up);
	assert_int_equal(nic->mac[0] & 3, 2); /* its own, for one */
	assert_int_equal(nic->ops->filter(nic, true, true), 0);
	clean_up();
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

static void memory_runs_out(void **state)
{
	u32 i;

	(void)state;
	for (i = 0;; i++) {
		setup(NULL);
		memory_left = i;
		if (probe() == 0)
			break;
		assert_int_equal(objects, 0);
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
	assert_int_equal(objects + work_count, 0);
	setup(NULL);
	refuses_commands = true;
	assert_int_equal(probe(), -EIO);
	assert_int_equal(objects, 0);
	setup(NULL);
	device.num_queues = 2; /* where is its control queue? */
	assert_int_equal(probe(), -ENODEV);
	assert_int_equal(objects, 0);
	setup(NULL);
	device.queue_size[1] = 1;
	device.offered &= ~F_INDIRECT;
	assert_int_equal(probe(), -ENOTSUP);
	assert_int_equal(objects, 0);
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

#define TEST(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(comes_up),
		TEST(fewest_features),
		TEST(mtu_and_speed),
		TEST(memory_runs_out),
		TEST(does_not_come_up),
		TEST(frames_go_out),
		TEST(room_runs_out),
		TEST(checksums_go_out),
		TEST(tcp_goes_out),
		TEST(odd_headers),
		TEST(frames_come_in),
		TEST(not_for_us),
		TEST(checksums_come_in),
		TEST(bounded_turns),
		TEST(nonsense),
		TEST(recovers),
		TEST(dead),
		TEST(link),
		TEST(filters),
		TEST(pin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/*
 * A made-up virtio NIC, and the NIC layer above its driver, for host tests. What is sent
 * and what is received is kept. Included by one source of a program.
 */
#pragma once

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

static inline void device_sends(const struct chain *c)
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

static inline void device_commands(struct chain *c)
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

static inline void bell(u32 queue)
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

static inline int setup(void **state)
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

static inline int probe(void)
{
	int error = virtio_net_driver.probe(&pci);

	assert_int_equal(error == 0, nic != NULL);
	if (error == 0) {
		assert_int_equal(links, 0);
		live_entry(live_arg);
	}
	return error;
}

static inline struct virtio_net *net(void)
{
	return nic->driver_data;
}

static inline void clean_up(void)
{
	struct virtio_net *n = net();

	virtio_close(&n->v);
	page_give_back(n->buffers);
	page_give_back(n->tx.heads);
	page_give_back(n->command);
	kfree(n);
	assert_int_equal(objects + pages, 0);
}

static inline bool send(struct nic_frame *f)
{
	bool taken;

	fake_irq_on = false;
	taken = nic->ops->send(nic, f);
	nic->ops->kick(nic);
	fake_irq_on = true;
	return taken;
}

/* The device fills buffers with @bytes of @frame, each up to @part bytes, under @header. */
static inline void put_frame(const u8 *header, const u8 *frame, u32 bytes, u32 part, u32 buffers)
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

static inline u8 *ramp(u32 bytes)
{
	u8 *p = malloc(bytes);

	for (u32 i = 0; i < bytes; i++)
		p[i] = (u8)(i * 5 + 3);
	return p;
}

static inline u32 ones_sum(const u8 *p, u32 len)
{
	u32 sum = 0;

	for (u32 i = 0; i < len; i++)
		sum += i % 2 ? p[i] : (u32)p[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

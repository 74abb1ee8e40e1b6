/* SPDX-License-Identifier: MIT */
/*
 * Rings: packets of every length at every place, against a queue of what was sent; when who is
 * signalled; indices and lengths that make no sense; and another end that changes bytes all
 * the time, from a thread.
 * sources: vmbus/ring.c lib/string.c
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/errno.h"
#include "vmbus/ring.h"
#include "x86/atomic.h"

#define PAGES 4u
#define SIZE  (PAGES * 4096u)

/* Two more than the ring has: nobody may touch them. */
static u8 memory[PAGES + 2][4096] __attribute__((aligned(4096)));
static struct vmbus_ring_control control;
static u8 *pages[PAGES];
static struct vmbus_ring out, in;
static u32 seed = 1;

static u32 any(u32 below)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 8) % below;
}

static int setup(void **state)
{
	(void)state;
	memset(memory, 0xcc, sizeof(memory));
	memset(&control, 0, sizeof(control));
	control.features = VMBUS_RING_PENDING_SEND;
	/* Scattered. */
	for (u32 i = 0; i < PAGES; i++)
		pages[i] = memory[PAGES - i];
	assert_int_equal(vmbus_ring_init(&out, &control, pages, PAGES), 0);
	assert_int_equal(vmbus_ring_init(&in, &control, pages, PAGES), 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	for (u32 i = 0; i < 4096; i++)
		if (memory[0][i] != 0xcc || memory[PAGES + 1][i] != 0xcc)
			return -1;
	return 0;
}

struct sent {
	u32 header, payload;
	u16 type, flags;
	u64 transaction;
	u8 first;
};

static u8 bytes[SIZE * 2];

static struct vmbus_message message(struct sent *s)
{
	for (u32 i = 0; i < s->header + s->payload; i++)
		bytes[i] = (u8)(s->first + i * 3);
	return (struct vmbus_message){ .type = s->type,
		.flags = s->flags,
		.transaction = s->transaction,
		.header = { bytes, s->header },
		.payload = { bytes + s->header, s->payload } };
}

static void check(const struct sent *s, const struct vmbus_packet *p, const u8 *buf)
{
	u32 len = s->header + s->payload, padded = (len + 7) & ~7u;

	assert_int_equal(p->type, s->type);
	assert_int_equal(p->flags, s->flags);
	assert_true(p->transaction == s->transaction);
	assert_int_equal(p->header, 16 + s->header);
	assert_int_equal(p->length, 16 + padded);
	for (u32 i = 0; i < len; i++)
		assert_int_equal(buf[16 + i], (u8)(s->first + i * 3));
	for (u32 i = len; i < padded; i++)
		assert_int_equal(buf[16 + i], 0);
}

/* A consumer that sleeps when it saw an empty ring, a producer that sleeps when it saw a full one: none for ever. */
static void at_random(void **state)
{
	static struct sent queue[1024];
	static u8 buf[SIZE];
	u32 head = 0, tail = 0, refused = 0, signals = 0;
	bool consumer_sleeps = true, producer_sleeps = false;

	(void)state;
	for (u32 i = 0; i < 200000; i++) {
		if (any(2) && !producer_sleeps) {
			struct sent s = { any(4) * 8, any(any(4) ? 200 : 6000), (u16)any(16),
				(u16)any(2), i, (u8)any(256) };
			struct vmbus_message m = message(&s);
			int r = vmbus_ring_write(&out, &m);

			if (r == -EAGAIN) {
				refused++;
				producer_sleeps = true;
				continue;
			}
			assert_true(r == 0 || r == 1);
			/* Told exactly when it has to be. */
			assert_int_equal(r, head == tail);
			signals += (u32)r;
			if (r == 1)
				consumer_sleeps = false;
			queue[head++ % 1024] = s;
			assert_true(head - tail < 1024);
		} else if (!consumer_sleeps) {
			struct vmbus_packet p;
			int r = vmbus_ring_read(&in, &p, buf, sizeof(buf));

			assert_int_equal(r, head != tail);
			if (r == 1)
				check(&queue[tail++ % 1024], &p, buf);
			else
				consumer_sleeps = true;
			r = vmbus_ring_release(&in);
			assert_true(r >= 0);
			if (r == 1)
				producer_sleeps = false;
		}
		assert_false(producer_sleeps && consumer_sleeps);
	}
	assert_true(refused > 100 && signals > 100);
}

/* While the consumer wants no signals it gets none; what came meanwhile it sees when it wants some. */
static void masked(void **state)
{
	struct sent s = { .payload = 8, .type = VMBUS_PACKET_INBAND };
	struct vmbus_message m = message(&s);
	struct vmbus_packet p;
	u8 buf[64];

	(void)state;
	vmbus_ring_want_signals(&in, false);
	assert_int_equal(vmbus_ring_write(&out, &m), 0);
	assert_int_equal(vmbus_ring_waiting(&in), 32);
	vmbus_ring_want_signals(&in, true);
	assert_int_equal(vmbus_ring_read(&in, &p, buf, sizeof(buf)), 1);
	assert_int_equal(vmbus_ring_release(&in), 0);
	assert_int_equal(vmbus_ring_write(&out, &m), 1);
}

static void lengths(void **state)
{
	struct sent s = { .payload = SIZE - 16 - 8, .type = VMBUS_PACKET_INBAND };
	struct vmbus_message m = message(&s);
	struct vmbus_packet p;
	static u8 buf[SIZE];

	(void)state;
	/* As large as the ring would be taken for an empty one. */
	assert_int_equal(vmbus_ring_write(&out, &m), -EMSGSIZE);
	m.payload.len -= 8;
	assert_int_equal(vmbus_ring_write(&out, &m), 1);
	assert_int_equal(vmbus_ring_read(&in, &p, buf, 100), -EMSGSIZE);
	assert_int_equal(p.length, SIZE - 16);
	assert_int_equal(vmbus_ring_read(&in, &p, buf, 100), 0);
	assert_int_equal(vmbus_ring_release(&in), 0);
	m.payload.len = ~0u;
	assert_int_equal(vmbus_ring_write(&out, &m), -EMSGSIZE);
	m.payload.len = 0;
	assert_int_equal(vmbus_ring_write(&out, &m), 1);
	assert_int_equal(vmbus_ring_read(&in, &p, buf, 16), 1);
}

static void indices(void **state)
{
	static const u32 bad[] = { SIZE, SIZE + 8, 4, 7, ~0u, ~0u - 7, 1u << 31 };
	struct sent s = { .payload = 8, .type = VMBUS_PACKET_INBAND };
	struct vmbus_message m = message(&s);
	struct vmbus_packet p;
	u8 buf[64];

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(bad); i++) {
		struct vmbus_ring r;

		control.write = bad[i];
		assert_int_equal(vmbus_ring_read(&in, &p, buf, sizeof(buf)), -EPROTO);
		assert_int_equal(vmbus_ring_waiting(&in), -EPROTO);
		assert_int_equal(vmbus_ring_init(&r, &control, pages, PAGES), -EPROTO);
		control.write = 0;
		control.read = bad[i];
		assert_int_equal(vmbus_ring_write(&out, &m), -EPROTO);
		assert_int_equal(vmbus_ring_init(&r, &control, pages, PAGES), -EPROTO);
		control.read = 0;
	}
	/* Less than any packet has. */
	control.write = 16;
	assert_int_equal(vmbus_ring_read(&in, &p, buf, sizeof(buf)), -EPROTO);
}

static void descriptors(void **state)
{
	static const u16 bad[][2] = { { 2, 0 }, { 2, 1 }, { 1, 3 }, { 0, 3 }, { 4, 3 }, { 2, 4 },
		{ 2, 0xffff }, { 0xffff, 0xffff } };
	struct sent s = { .payload = 8, .type = VMBUS_PACKET_INBAND };
	struct vmbus_message m = message(&s);
	struct vmbus_packet p;
	u8 buf[64];

	(void)state;
	assert_int_equal(vmbus_ring_write(&out, &m), 1);
	for (u32 i = 0; i < ARRAY_SIZE(bad); i++) {
		memcpy(pages[0] + 2, bad[i], 4);
		assert_int_equal(vmbus_ring_read(&in, &p, buf, sizeof(buf)), -EPROTO);
	}
	memcpy(pages[0] + 2, (const u16[]){ 2, 3 }, 4);
	assert_int_equal(vmbus_ring_read(&in, &p, buf, sizeof(buf)), 1);
}

static bool stop;

/* Anything to any byte that is shared. */
static void *disturb(void *arg)
{
	u32 state = 7;

	(void)arg;
	while (!load_acquire(&stop)) {
		u32 at;

		state = state * 1664525 + 1013904223;
		at = (state >> 4) % (SIZE + 16);
		/* Mostly what is plausible, so that more than the first check is met. */
		if (at < SIZE)
			store_relaxed(&pages[at / 4096][at % 4096], (u8)(state >> 28));
		else
			store_relaxed((u32 *)&control + at % 4, (state >> 8) % (SIZE + 64) & ~7u);
	}
	return NULL;
}

#define PACKETS 300000u

static void other_end_gone_mad(void **state)
{
	static u8 buf[SIZE];
	struct sent s = { .header = 8, .payload = 100, .type = VMBUS_PACKET_INBAND };
	struct vmbus_message m = message(&s);
	pthread_t thread;
	u32 read = 0, broken = 0;

	(void)state;
	stop = false;
	assert_int_equal(pthread_create(&thread, NULL, disturb, NULL), 0);
	for (u32 i = 0; i < PACKETS; i++) {
		struct vmbus_packet p;
		int r = vmbus_ring_read(&in, &p, buf, 512);

		if (r == 1) {
			/* What was copied is as it was checked. */
			assert_true(p.length <= 512 && p.header >= 16 && p.header <= p.length);
			assert_memory_equal(buf, &p.type, 2);
			read++;
		}
		broken += r == -EPROTO;
		(void)vmbus_ring_release(&in);
		r = vmbus_ring_write(&out, &m);
		assert_true(r == 0 || r == 1 || r == -EAGAIN || r == -EPROTO);
		assert_true(in.index < SIZE && in.index % 8 == 0);
		assert_true(out.index < SIZE && out.index % 8 == 0);
	}
	store_release(&stop, true);
	pthread_join(thread, NULL);
	assert_true(read > 0 && broken > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(at_random, setup, teardown),
		cmocka_unit_test_setup_teardown(masked, setup, teardown),
		cmocka_unit_test_setup_teardown(lengths, setup, teardown),
		cmocka_unit_test_setup_teardown(indices, setup, teardown),
		cmocka_unit_test_setup_teardown(descriptors, setup, teardown),
		cmocka_unit_test_setup_teardown(other_end_gone_mad, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

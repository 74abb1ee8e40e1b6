/* SPDX-License-Identifier: MIT */
/*
 * The two ends of a ring, each in a thread of its own, under ThreadSanitizer: both honest, so that every byte and every index
 * is handed over in order. Each sleeps until it is signalled: a signal that is missed ends in the runner's time-out.
 * sources: vmbus/ring.c lib/string.c
 * sanitize: thread
 * cflags: -Wno-tsan -fno-builtin
 */
#include <pthread.h>
#include <semaphore.h>
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

#define PAGE    4096u
#define PAGES   3u
#define MOST    3000u /* bytes of a payload */
#define PACKETS 60000u

static struct vmbus_ring_control control;
static u8 memory[PAGES][PAGE] __attribute__((aligned(4096)));
static u8 *pages[PAGES];
static sem_t packets, room;
static u32 sleeps; /* the producer's */

static u32 any(u32 *seed, u32 below)
{
	*seed = *seed * 1664525 + 1013904223;
	return (*seed >> 8) % below;
}

static u32 length_of(u32 i)
{
	u32 seed = i;

	return any(&seed, any(&seed, 8) ? 200 : MOST);
}

/* Packet @i has bytes that only it has. */
static void write_one(struct vmbus_ring *out, u32 i)
{
	static u8 payload[MOST];
	const struct vmbus_message m = { .type = VMBUS_PACKET_INBAND,
		.transaction = i + 1,
		.payload = { payload, length_of(i) } };
	int r;

	memset(payload, (int)(i % 251), length_of(i));
	while ((r = vmbus_ring_write(out, &m)) == -EAGAIN) {
		sleeps++;
		sem_wait(&room);
	}
	if (r < 0)
		abort();
	if (r == 1)
		sem_post(&packets);
}

static void *produce(void *arg)
{
	struct vmbus_ring out;

	(void)arg;
	if (vmbus_ring_init(&out, &control, pages, PAGES) != 0)
		abort();
	for (u32 i = 0; i < PACKETS; i++)
		write_one(&out, i);
	return NULL;
}

static void check_one(const struct vmbus_packet *p, const u8 *buf, u32 i)
{
	u32 length = length_of(i);

	assert_true(p->transaction == i + 1 && p->length == 16 + ((length + 7) & ~7u));
	for (u32 k = 0; k < length; k++)
		assert_int_equal(buf[16 + k], i % 251);
}

/* All that there is, with signals off; they are on when it returns. */
static u32 consume(struct vmbus_ring *in, u32 got)
{
	static _Alignas(8) u8 buf[16 + MOST + 8];
	struct vmbus_packet p;

	do {
		int r;

		vmbus_ring_want_signals(in, false);
		while ((r = vmbus_ring_read(in, &p, buf, sizeof(buf))) == 1)
			check_one(&p, buf, got++);
		assert_int_equal(r, 0);
		r = vmbus_ring_release(in);
		assert_true(r >= 0);
		if (r == 1)
			sem_post(&room);
		vmbus_ring_want_signals(in, true);
	} while (vmbus_ring_waiting(in) > 0);
	return got;
}

static void two_ends(void **state)
{
	struct vmbus_ring in;
	pthread_t thread;
	u32 got = 0, waits = 0;

	(void)state;
	for (u32 i = 0; i < PAGES; i++)
		pages[i] = memory[PAGES - 1 - i];
	control.features = VMBUS_RING_PENDING_SEND;
	sem_init(&packets, 0, 0);
	sem_init(&room, 0, 0);
	assert_int_equal(vmbus_ring_init(&in, &control, pages, PAGES), 0);
	assert_int_equal(pthread_create(&thread, NULL, produce, NULL), 0);
	while (got < PACKETS) {
		got = consume(&in, got);
		if (got == PACKETS)
			break;
		waits++;
		sem_wait(&packets);
	}
	pthread_join(thread, NULL);
	assert_int_equal(got, PACKETS);
	/* Both have slept, and were woken. */
	assert_true(waits > 0 && sleeps > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(two_ends) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}

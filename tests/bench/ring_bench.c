/* SPDX-License-Identifier: MIT */
/*
 * What a ring carries on the host: two threads, of which one writes packets of one size and the other reads them, through a ring
 * of Linux' size, as fast as they can; beside it memcpy of as many blocks of that size by one thread, once. Neither
 * end sleeps, so that no system call is in it. Prints `BENCH name value` for each.
 */
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/errno.h"
#include "vmbus/ring.h"
#include "x86/atomic.h"

#define PAGE    4096u
#define PAGES   31u /* of data, with the control page 128 KiB */
#define BYTES   (1ull << 29)
#define PACKETS 2000000u
#define SPINS   200u /* before the other thread may be in need of this processor */
#define BLOCKS  8u   /* that memcpy goes round: as much as a ring of 16 KiB packets has */
#define LARGEST 16384u

static struct vmbus_ring_control control;
static u8 memory[PAGES][PAGE] __attribute__((aligned(4096)));
static u8 *pages[PAGES];
static struct vmbus_ring out, in;
static u32 payload, count;

static void must(bool it, const char *what)
{
	if (it)
		return;
	fprintf(stderr, "ring_bench: %s\n", what);
	exit(1);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void wait_a_little(u32 *spins)
{
	if (++*spins % SPINS == 0)
		sched_yield();
}

static void *produce(void *arg)
{
	static u8 data[LARGEST];
	struct vmbus_message m = { .type = VMBUS_PACKET_INBAND, .payload = { data, payload } };
	u32 spins = 0;

	(void)arg;
	for (u32 i = 0; i < count; i++) {
		int r;

		m.transaction = i + 1;
		while ((r = vmbus_ring_write(&out, &m)) == -EAGAIN)
			wait_a_little(&spins);
		must(r >= 0, "the ring is broken");
	}
	return NULL;
}

/* The room of what was read goes back when there is no more, as providers do it. */
static void consume(void)
{
	static _Alignas(8) u8 buf[LARGEST + 64];
	struct vmbus_packet p;
	u32 got = 0, spins = 0;

	vmbus_ring_want_signals(&in, false);
	while (got < count) {
		int r = vmbus_ring_read(&in, &p, buf, sizeof(buf));

		must(r >= 0, "the ring is broken");
		if (r == 1) {
			got++;
			must(p.transaction == got, "a packet is missing");
			continue;
		}
		must(vmbus_ring_release(&in) >= 0, "the ring is broken");
		wait_a_little(&spins);
	}
}

static double through_the_ring(void)
{
	pthread_t thread;
	double began;

	memset(&control, 0, sizeof(control));
	for (u32 i = 0; i < PAGES; i++)
		pages[i] = memory[i];
	must(vmbus_ring_init(&out, &control, pages, PAGES) == 0, "no ring");
	must(vmbus_ring_init(&in, &control, pages, PAGES) == 0, "no ring");
	began = now();
	must(pthread_create(&thread, NULL, produce, NULL) == 0, "no thread");
	consume();
	pthread_join(thread, NULL);
	return now() - began;
}

static double by_memcpy(void)
{
	static u8 from[BLOCKS][LARGEST], to[BLOCKS][LARGEST];
	double began = now();

	for (u32 i = 0; i < count; i++) {
		memcpy(to[i % BLOCKS], from[i % BLOCKS], payload);
		/* It is needed, whatever the compiler thinks. */
		__asm__ volatile("" ::: "memory");
	}
	return now() - began;
}

static void print(const char *size, const char *what, double value)
{
	printf("BENCH ring-%s-%s %.0f\n", size, what, value);
}

static void measure(const char *size, u32 bytes)
{
	double ring, copy;

	payload = bytes;
	count = (u32)MIN(BYTES / bytes, (u64)PACKETS);
	ring = through_the_ring();
	copy = by_memcpy();
	print(size, "packets-per-second", count / ring);
	print(size, "mb-per-second", (double)count * bytes / ring / 1e6);
	print(size, "memcpy-mb-per-second", (double)count * bytes / copy / 1e6);
}

int main(void)
{
	measure("64", 64);
	measure("1k", 1024);
	measure("16k", 16384);
	return 0;
}

/* SPDX-License-Identifier: MIT */
/*
 * Senders, a reader, and whoever ends ports, connections and VPs, on threads of
 * their own: nothing is lost, out of order, or left behind.
 * sources: hypervisor/port.c hypervisor/port_send.c hypervisor/id_table.c
 * sources: hypervisor/deposit.c hypervisor/synic.c hypervisor/synic_events.c
 * sources: tests/unit/host_assert.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <pthread.h>
#include <time.h>
#include <unistd.h>

#include "port_machine.h"

#define SENDERS 3u
#define RACE_MS 400u

static bool over;
static u64 posted[SENDERS], refused[SENDERS];

/* Whatever happens, a sender gets one of these. */
static void *send(void *arg)
{
	u64 n = (u64)arg;

	while (!load_acquire(&over)) {
		enum hv_status status = post(sender, CONN, n);

		if (status == HV_STATUS_SUCCESS)
			posted[n]++;
		else if (status == HV_STATUS_INVALID_CONNECTION_ID ||
			 status == HV_STATUS_INVALID_PORT_ID ||
			 status == HV_STATUS_INSUFFICIENT_BUFFERS ||
			 status == HV_STATUS_INVALID_VP_INDEX)
			refused[n]++;
		else
			abort();
		if (posted[n] % 16 == 0)
			usleep(0);
	}
	return NULL;
}

/* Empties slot 0 of the receiver for ever; its VP is the reader's to look at. */
static void *drain(void *arg)
{
	struct hv_message *slot = slot_of(receiver, 0);

	(void)arg;
	while (!load_acquire(&over)) {
		if (load_acquire(&slot->header.type)) {
			(void)atomic_exchange(&slot->header.type, 0u);
			/* A VP's own look: it is not ended meanwhile. */
			if (receiver == &root)
				again(&root, 0);
		}
		usleep(0);
	}
	return NULL;
}

static u64 now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (u64)t.tv_sec * 1000 + (u64)t.tv_nsec / 1000000;
}

/* Ends and makes again, each with what may be in the way. */
static void change(u32 n)
{
	switch (n % 4) {
	case 0:
		end_port();
		assert_int_equal(port_create(receiver, PORT, &message_target, sender->id),
			HV_STATUS_SUCCESS);
		break;
	case 1:
		end_connection();
		assert_int_equal(port_connect(sender, CONN, receiver, PORT, HV_PORT_MESSAGE),
			HV_STATUS_SUCCESS);
		break;
	case 2:
		end_vp();
		break;
	default:
		usleep(100);
	}
}

static void race(void)
{
	u64 end = now_ms() + RACE_MS, total = 0;
	pthread_t senders[SENDERS], reader;

	over = false;
	memset(posted, 0, sizeof(posted));
	open_to(receiver, sender, &message_target);
	for (u64 i = 0; i < SENDERS; i++)
		assert_int_equal(pthread_create(&senders[i], NULL, send, (void *)i), 0);
	assert_int_equal(pthread_create(&reader, NULL, drain, NULL), 0);
	for (u32 n = 0; now_ms() < end; n++)
		change(n);
	store_release(&over, true);
	for (u32 i = 0; i < SENDERS; i++) {
		assert_int_equal(pthread_join(senders[i], NULL), 0);
		total += posted[i];
	}
	assert_int_equal(pthread_join(reader, NULL), 0);
	assert_int_not_equal(total, 0);
	end_connection();
	end_port();
	paid_back();
	assert_int_equal(receiver->vps[0]->synic.waiting_sints, 0);
}

static void test_race_to_root(void **state)
{
	(void)state;
	receiver = &root;
	sender = &child;
	race();
}

static void test_race_to_child(void **state)
{
	(void)state;
	receiver = &child;
	sender = &root;
	race();
}

/* A VP ends behind those who have found it and are about to send to it. */
static bool ended;

static void *drop_vp(void *arg)
{
	(void)arg;
	vp_drop(&child, 0);
	store_release(&ended, true);
	return NULL;
}

static void test_end_waits(void **state)
{
	struct spinlock *l = &child.port_space.vps_lock;
	pthread_t thread;

	(void)state;
	sends_locked = true;
	ended = false;
	open_to(&child, &root, &message_target);
	assert_int_equal(post(&root, CONN, 1), HV_STATUS_SUCCESS);
	spin_lock(l);
	assert_int_equal(pthread_create(&thread, NULL, drop_vp, NULL), 0);
	/* Until it stands in line, or did not care to. */
	while (load_acquire(&l->next) != l->owner + 2 && !load_acquire(&ended))
		usleep(0);
	assert_false(load_acquire(&ended));
	assert_null(load_acquire(&child.vps[0]));
	spin_unlock(l);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_true(ended);
}

/* Back-pressure only: each sender's own arrive in order, and all of them. */
#define ORDERED 2000u

static void *send_ordered(void *arg)
{
	u64 n = (u64)arg;

	for (u64 i = 0; i < ORDERED;) {
		enum hv_status status = post(&child, CONN, n << 32 | i);

		if (status == HV_STATUS_SUCCESS)
			i++;
		else if (status != HV_STATUS_INSUFFICIENT_BUFFERS)
			abort();
		else
			usleep(0);
	}
	return NULL;
}

static void test_order_of_senders(void **state)
{
	struct hv_message *slot = slot_of(&root, 0);
	u64 next[SENDERS] = { 0 }, end = now_ms() + 20000;
	pthread_t senders[SENDERS];
	u32 wrong = 0;

	(void)state;
	open_to(&root, &child, &message_target);
	for (u64 i = 0; i < SENDERS; i++)
		assert_int_equal(pthread_create(&senders[i], NULL, send_ordered, (void *)i), 0);
	for (u32 seen = 0; seen < SENDERS * ORDERED && now_ms() < end;) {
		u64 v;

		if (!load_acquire(&slot->header.type)) {
			usleep(0);
			continue;
		}
		v = slot->payload[0];
		(void)atomic_exchange(&slot->header.type, 0u);
		if (load_acquire(&slot->header.flags) & 1)
			again(&root, 0);
		wrong += v >> 32 >= SENDERS || next[v >> 32]++ != (u32)v;
		seen++;
	}
	assert_int_equal(wrong, 0);
	for (u32 i = 0; i < SENDERS; i++) {
		assert_int_equal(next[i], ORDERED);
		assert_int_equal(pthread_join(senders[i], NULL), 0);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(end_waits),
		TEST(race_to_root),
		TEST(race_to_child),
		TEST(order_of_senders),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/*
 * The hypervisor's log: whole lines in the ring, its wrap, its move to shared
 * pages, levels, limits, and the tail that the dying print.
 * sources: hypervisor/log.c lib/format.c lib/string.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "hypervisor/clock.h"
#include "hypervisor/console.h"
#include "hypervisor/die.h"
#include "hypervisor/log.h"

#define RING_SIZE 1024u

u64 clock_tsc_hz = ~0ull >> 1; /* a second never ends by itself */

static char said[65536];
static size_t said_len;
static bool is_dying;

void console_write(const char *text, size_t len)
{
	assert_true(said_len + len < sizeof(said));
	memcpy(said + said_len, text, len);
	said_len += len;
	said[said_len] = '\0';
}

bool dying(void)
{
	return is_dying;
}

static struct log_ring *ring;

/* Each test has a ring of its own; the early one is behind the first move. */
static int setup(void **state)
{
	(void)state;
	ring = calloc(1, sizeof(*ring) + RING_SIZE);
	log_ring_move(ring, RING_SIZE);
	log_level_set(LOG_INFO);
	is_dying = false;
	said_len = 0;
	return 0;
}

/* The old ring stays until the next move has copied from it. */
static struct log_ring *last;

static int teardown(void **state)
{
	(void)state;
	free(last);
	last = ring;
	return 0;
}

static void test_line(void **state)
{
	u64 before = ring->head;

	(void)state;
	log_info("irq: p%u.v%u: vector=%x", 1, 2, 0x30);
	assert_string_equal(said, "irq: p1.v2: vector=30\n");
	assert_int_equal(ring->head - before, strlen(said));
	for (size_t i = 0; i < said_len; i++)
		assert_int_equal(ring->text[(before + i) % RING_SIZE], said[i]);
}

static void test_levels(void **state)
{
	u64 before = ring->head;

	(void)state;
	log_debug("not shown");
	assert_int_equal(ring->head, before);
	log_level_set(LOG_ERROR);
	log_warn("not shown");
	assert_int_equal(ring->head, before);
	log_error("shown");
	assert_string_equal(said, "shown\n");
	log_level_set(LOG_DEBUG);
	log_debug("this too");
	assert_string_equal(said, "shown\nthis too\n");
}

/* A line that does not fit is cut, and still ends. */
static void test_long_line(void **state)
{
	char text[1000];

	(void)state;
	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	log_info("%s", text);
	assert_in_range(said_len, 200, 256);
	assert_int_equal(said[said_len - 1], '\n');
	assert_int_equal(strchr(said, '\n') - said, said_len - 1);
}

static void test_wrap(void **state)
{
	(void)state;
	for (u32 i = 0; i < 200; i++)
		log_info("line %u", i);
	assert_true(ring->head > RING_SIZE);
	for (u64 i = ring->head - RING_SIZE; i < ring->head; i++)
		assert_int_equal(
			ring->text[i % RING_SIZE], said[said_len - (size_t)(ring->head - i)]);
}

static void test_move_keeps_text(void **state)
{
	struct log_ring *larger = calloc(1, sizeof(*larger) + 4 * RING_SIZE);
	u64 head;

	(void)state;
	for (u32 i = 0; i < 20; i++)
		log_info("line %u", i);
	head = ring->head;
	log_ring_move(larger, 4 * RING_SIZE);
	free(ring);
	ring = larger;
	assert_int_equal(larger->magic, LOG_RING_MAGIC);
	assert_int_equal(larger->size, 4 * RING_SIZE);
	assert_int_equal(larger->head, head);
	for (size_t i = 0; i < said_len; i++)
		assert_int_equal(larger->text[(head - said_len + i) % (4 * RING_SIZE)], said[i]);
	log_info("behind");
	assert_int_equal(larger->head, head + strlen("behind\n"));
}

static void test_limit(void **state)
{
	struct log_limit limit = { 0 };
	u64 dropped = ring->dropped;

	(void)state;
	for (u32 i = 0; i < 10; i++)
		assert_true(log_allowed(&limit));
	assert_false(log_allowed(&limit));
	assert_false(log_allowed(&limit));
	assert_int_equal(ring->dropped, dropped + 2);
	assert_int_equal(limit.suppressed, 2);
	/* A new second. */
	clock_tsc_hz = 0;
	assert_true(log_allowed(&limit));
	assert_string_equal(said, "log: 2 lines like the next were left out\n");
	assert_int_equal(limit.suppressed, 0);
	clock_tsc_hz = ~0ull >> 1;
}

/* From the beginning of a line, not more than was asked for. */
static void test_tail(void **state)
{
	(void)state;
	log_info("first line");
	log_info("second line");
	log_info("third line");
	said_len = 0;
	log_tail(26);
	assert_string_equal(said, "second line\nthird line\n");
	said_len = 0;
	log_tail(11);
	assert_string_equal(said, "third line\n");
}

/* Asked for more than there is, and where the ring has cut a line in two. */
static void test_tail_of_all(void **state)
{
	(void)state;
	for (u32 i = 0; i < 300; i++)
		log_info("number %03u", i);
	said_len = 0;
	log_tail(~0u);
	assert_in_range(said_len, RING_SIZE - 2 * 11, RING_SIZE);
	assert_int_equal(said_len % 11, 0);
	assert_memory_equal(said, "number ", 7);
	said_len = 0;
	log_tail(0);
	assert_int_equal(said_len, 0);
}

/* The dying do not wait for whoever holds the lock: nobody will let it go. */
static void test_dying_speak(void **state)
{
	(void)state;
	is_dying = true;
	log_error("last words");
	assert_string_equal(said, "last words\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_line, setup, teardown),
		cmocka_unit_test_setup_teardown(test_levels, setup, teardown),
		cmocka_unit_test_setup_teardown(test_long_line, setup, teardown),
		cmocka_unit_test_setup_teardown(test_wrap, setup, teardown),
		cmocka_unit_test_setup_teardown(test_move_keeps_text, setup, teardown),
		cmocka_unit_test_setup_teardown(test_limit, setup, teardown),
		cmocka_unit_test_setup_teardown(test_tail, setup, teardown),
		cmocka_unit_test_setup_teardown(test_tail_of_all, setup, teardown),
		cmocka_unit_test_setup_teardown(test_dying_speak, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/*
 * Deferred work on two VPs: order, asking while it waits and while it runs, from the other VP,
 * rounds that other tasks come between, cancelling.
 * sources: rootpart/work.c tests/unit/fake_root.c
 * cflags: -iquote tests/unit/fake/root
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rootpart/cpu.h"
#include "rootpart/panic.h"
#include "rootpart/task.h"
#include "rootpart/time.h"
#include "rootpart/work.h"
#include "tests/unit/fake_root.h"

static struct cpu vps[2];
static struct task tasks[2];
static void (*entries[2])(void *arg);
static void *args[2];
static u32 running; /* VP */
static u32 wakes[2];
static u32 yields;
static jmp_buf idle;
static char trail[64];

u32 cpu_count = 2;

struct cpu *this_cpu(void)
{
	return &vps[running];
}

_Noreturn void panic(const char *fmt, ...)
{
	(void)fmt;
	abort();
}

struct task *task_create_on(u32 vp, const char *name, void (*entry)(void *arg), void *arg)
{
	assert_string_equal(name, "work");
	entries[vp] = entry;
	args[vp] = arg;
	return &tasks[vp];
}

void task_wake(struct task *t)
{
	assert_false(fake_irq_on);
	wakes[t - tasks]++;
}

/* The task's turn ends here; a wake-up that came before lets it go on. */
int task_wait(u64 deadline_ns)
{
	assert_int_equal(deadline_ns, TIME_NEVER);
	if (wakes[running] == 0)
		longjmp(idle, 1);
	wakes[running] = 0;
	return 0;
}

static void mark(char c)
{
	size_t n = strlen(trail);

	trail[n] = c;
	trail[n + 1] = '\0';
}

void task_yield(void)
{
	yields++;
	mark('|');
}

static const struct work *drained; /* what the other VP waits for */

/* The other VP, while this one's task comes to its work. */
void task_sleep_ns(u64 ns)
{
	assert_true(ns > 0);
	longjmp(idle, 2);
}

/* True: there was no reason to wait. */
static bool drain(const struct work *w)
{
	jmp_buf task;
	bool waited;

	memcpy(&task, &idle, sizeof(task));
	waited = setjmp(idle) != 0;
	if (!waited)
		work_drain(w);
	memcpy(&idle, &task, sizeof(task));
	return !waited;
}

/* Runs the work task of @vp until it waits. */
static void run(u32 vp)
{
	running = vp;
	if (setjmp(idle) == 0)
		entries[vp](args[vp]);
}

struct marker {
	struct work work;
	char name;
	u32 again; /* asks for itself so often */
	struct marker *other;
};

static void run_marker(struct work *w)
{
	struct marker *m = container_of(w, struct marker, work);

	assert_true(fake_irq_on);
	mark(m->name);
	if (drained != NULL)
		mark(drain(drained) ? '+' : '-');
	if (m->again > 0) {
		m->again--;
		work_ask(w);
		work_ask(w);
	}
	if (m->other != NULL)
		work_ask(&m->other->work);
}

static struct marker a, b, c;

static int setup(void **state)
{
	(void)state;
	for (u32 vp = 0; vp < 2; vp++) {
		vps[vp] = (struct cpu){ .vp = vp };
		wakes[vp] = 0;
	}
	a = (struct marker){ .name = 'a' };
	b = (struct marker){ .name = 'b' };
	c = (struct marker){ .name = 'c' };
	work_init(&a.work, run_marker);
	work_init(&b.work, run_marker);
	work_init(&c.work, run_marker);
	trail[0] = '\0';
	yields = 0;
	running = 0;
	work_start();
	return 0;
}

static void in_order_and_once(void **state)
{
	(void)state;
	work_ask(&b.work);
	work_ask(&a.work);
	work_ask(&b.work);
	assert_string_equal(trail, "");
	assert_int_equal(wakes[0], 2);
	run(0);
	assert_string_equal(trail, "ba");
	run(0);
	assert_string_equal(trail, "ba");
	work_ask(&b.work);
	run(0);
	assert_string_equal(trail, "bab");
	assert_true(fake_irq_on);
}

static void of_each_vp(void **state)
{
	(void)state;
	work_ask(&a.work);
	running = 1;
	work_ask(&b.work);
	run(1);
	assert_string_equal(trail, "b");
	run(0);
	assert_string_equal(trail, "ba");
}

/* Asked for while it runs it runs again, and others of the VP between. */
static void again_after_others(void **state)
{
	(void)state;
	a.again = 2;
	work_ask(&a.work);
	work_ask(&b.work);
	run(0);
	assert_string_equal(trail, "ab|a|a");
	assert_int_equal(yields, 2);
}

/* Behind what its own VP has asked for; once, until it runs. */
static void from_elsewhere(void **state)
{
	(void)state;
	work_ask_on(&a.work, 1);
	work_ask_on(&a.work, 1);
	assert_int_equal(wakes[0], 0);
	assert_int_equal(wakes[1], 1);
	running = 1;
	work_ask_on(&b.work, 1);
	work_ask(&c.work);
	assert_false(drain(&a.work));
	run(0);
	assert_string_equal(trail, "");
	run(1);
	assert_string_equal(trail, "cab");
	assert_true(drain(&a.work));
	running = 0;
	work_ask_on(&a.work, 1);
	run(1);
	assert_string_equal(trail, "caba");
	assert_true(fake_irq_on);
}

static void one_asks_for_another(void **state)
{
	(void)state;
	a.other = &b;
	b.other = &c;
	work_ask(&a.work);
	work_ask(&c.work);
	run(0);
	assert_string_equal(trail, "ac|b|c");
}

static void in_an_interrupt(void **state)
{
	(void)state;
	irq_disable();
	work_ask(&a.work);
	assert_false(fake_irq_on);
	irq_enable();
	run(0);
	assert_string_equal(trail, "a");
}

static void cancel(void **state)
{
	(void)state;
	work_ask(&a.work);
	work_ask(&b.work);
	work_cancel(&a.work);
	work_cancel(&c.work);
	run(0);
	assert_string_equal(trail, "b");
	work_ask(&a.work);
	run(0);
	assert_string_equal(trail, "ba");
}

/* Not while it waits, nor while it runs; also in the middle of another's run. */
static void drain_waits(void **state)
{
	(void)state;
	assert_true(drain(&a.work));
	work_ask(&a.work);
	assert_false(drain(&a.work));
	drained = &a.work;
	run(0);
	assert_string_equal(trail, "a-");
	assert_true(drain(&a.work));
	work_ask(&b.work);
	run(0);
	assert_string_equal(trail, "a-b+");
	a.again = 1;
	work_ask(&a.work);
	run(0);
	assert_string_equal(trail, "a-b+a-|a-");
	drained = NULL;
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(in_order_and_once),
		TEST(of_each_vp),
		TEST(from_elsewhere),
		TEST(again_after_others),
		TEST(one_asks_for_another),
		TEST(in_an_interrupt),
		TEST(cancel),
		TEST(drain_waits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

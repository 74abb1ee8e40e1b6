/* SPDX-License-Identifier: MIT */
/*
 * Tasks on two VPs: switching, sleeping, wait queues with time limits, mutexes,
 * wake-ups from the other VP, ends.
 * sources: rootpart/task.c rootpart/task_switch.S rootpart/run_queue.c rootpart/waitq.c rootpart/mutex.c rootpart/timer.c rootpart/timer_queue.c rootpart/time.c lib/string.c tests/unit/fake_root.c
 * cflags: -iquote tests/unit/fake/root -fno-sanitize=address
 * (the address sanitizer does not know stacks that are switched by hand)
 */
#include "tests/unit/root_task_machine.h"

static void three_steps(void *arg)
{
	for (u32 i = 0; i < 3; i++) {
		assert_true(fake_irq_on);
		mark(*(char *)arg);
		task_yield();
	}
}

static void yield_round_robin(void **state)
{
	(void)state;
	trail[0] = '\0';
	assert_non_null(task_create("a", three_steps, "a"));
	assert_non_null(task_create("b", three_steps, "b"));
	assert_non_null(task_create("c", three_steps, "c"));
	assert_string_equal(trail, "");
	run(0);
	assert_string_equal(trail, "abcabcabc");
}

static u64 woke_at[3];

static void sleeper(void *arg)
{
	u64 *at = arg;

	task_sleep_ns(1000 * (u64)(1 + at - woke_at));
	*at = time_ns();
}

static void sleeping(void **state)
{
	(void)state;
	for (u32 i = 3; i-- > 0;)
		assert_non_null(task_create("sleeper", sleeper, &woke_at[i]));
	run(0);
	for (u32 i = 0; i < 3; i++)
		assert_in_range(woke_at[i], 1000 * (i + 1), 1000 * (i + 1) + 5);
}

static struct wait_queue queue;
static u32 value;
static int outcome;

static void wait_for_value(void *arg)
{
	outcome = wait_event_timeout(&queue, value >= 3, *(u64 *)arg);
	mark('w');
}

static void set_value(void *arg)
{
	(void)arg;
	for (value = 1; value < 3; value++) {
		wait_wake_all(&queue);
		task_yield();
		mark('s');
	}
	task_sleep_ns(10);
	wait_wake_all(&queue);
}

static void wait_rechecks_condition(void **state)
{
	static u64 limit = 1000;

	(void)state;
	trail[0] = '\0';
	value = 0;
	wait_queue_init(&queue);
	assert_non_null(task_create("waiter", wait_for_value, &limit));
	assert_non_null(task_create("setter", set_value, NULL));
	run(0);
	assert_string_equal(trail, "ssw");
	assert_int_equal(outcome, 0);
	assert_true(list_empty(&queue.waiters));
	assert_true(list_empty(&vps[0].timers.head));
}

static void wait_times_out(void **state)
{
	static u64 limit = 500;

	(void)state;
	trail[0] = '\0';
	value = 0;
	wait_queue_init(&queue);
	assert_non_null(task_create("waiter", wait_for_value, &limit));
	run(0);
	assert_int_equal(outcome, -ETIMEDOUT);
	assert_in_range(time_ns(), 500, 505);
	assert_true(list_empty(&queue.waiters));
}

/* The condition counts more than the clock. */
static void wait_late_but_true(void **state)
{
	static u64 limit;

	(void)state;
	trail[0] = '\0';
	value = 3;
	wait_queue_init(&queue);
	assert_non_null(task_create("waiter", wait_for_value, &limit));
	run(0);
	assert_int_equal(outcome, 0);
}

static u32 tokens;

static void take_token(void *arg)
{
	wait_event(&queue, tokens > 0);
	tokens--;
	mark(*(char *)arg);
}

static void give_tokens(void *arg)
{
	(void)arg;
	for (u32 i = 0; i < 3; i++) {
		tokens++;
		wait_wake_one(&queue);
		task_yield();
		assert_int_equal(tokens, 0);
	}
}

static void wake_one_in_order(void **state)
{
	(void)state;
	trail[0] = '\0';
	tokens = 0;
	wait_queue_init(&queue);
	assert_non_null(task_create("a", take_token, "a"));
	assert_non_null(task_create("b", take_token, "b"));
	assert_non_null(task_create("c", take_token, "c"));
	assert_non_null(task_create("give", give_tokens, NULL));
	run(0);
	assert_string_equal(trail, "abc");
}

static struct mutex mutex = MUTEX_INIT(mutex);

/* Waits and yields while it holds the lock, and takes it again at once. */
static void hold_mutex(void *arg)
{
	for (u32 i = 0; i < 2; i++) {
		mutex_lock(&mutex);
		mark(*(char *)arg);
		task_yield();
		task_sleep_ns(10);
		mark(*(char *)arg);
		mutex_unlock(&mutex);
	}
	mark('.');
}

static void one_holds_a_mutex(void **state)
{
	(void)state;
	trail[0] = '\0';
	assert_non_null(task_create("a", hold_mutex, "a"));
	assert_non_null(task_create("b", hold_mutex, "b"));
	assert_non_null(task_create("c", hold_mutex, "c"));
	run(0);
	/* Whoever lets go may be the next, but nobody comes between. */
	assert_int_equal(strlen(trail), 15);
	for (const char *t = trail; *t != '\0'; t += *t == '.' ? 1 : 2)
		assert_true(*t == '.' || t[0] == t[1]);
	assert_false(mutex.held);
	assert_true(list_empty(&mutex.waiters.waiters));
	assert_true(fails_assert(mutex_unlock(&mutex)));
}

static void a_mutex_crosses_vps(void **state)
{
	(void)state;
	trail[0] = '\0';
	mutex_lock(&mutex); /* free: also the idle task may */
	assert_non_null(task_create_on(1, "b", hold_mutex, "b"));
	run(1);
	assert_string_equal(trail, "");
	running = &vps[0];
	ipis = 0;
	mutex_unlock(&mutex);
	assert_int_equal(ipis, 1);
	run(1);
	assert_string_equal(trail, "bbbb.");
}

static void wake_from_other_vp(void **state)
{
	static u64 limit = TIME_NEVER / 2;

	(void)state;
	trail[0] = '\0';
	value = 0;
	wait_queue_init(&queue);
	assert_non_null(task_create_on(1, "waiter", wait_for_value, &limit));
	hardware[1] = TIME_NEVER;
	/* VP 1 was never halted: it looks at its queue by itself. */
	assert_int_equal(ipis, 0);
	running = &vps[1];
	vps[1].timers.programmed = 0; /* the limit shall not fire here */
	run(1);
	assert_true(vps[1].run_queue.kick);
	running = &vps[0];
	value = 3;
	wait_wake_all(&queue);
	assert_int_equal(ipis, 1);
	/* The VP is as good as awake: nobody kicks it twice. */
	assert_non_null(task_create_on(1, "b", three_steps, "b"));
	assert_int_equal(ipis, 1);
	run(1);
	assert_string_equal(trail, "wbbb");
}

static struct task *waiting;
static u32 returns;

static void wait_twice(void *arg)
{
	(void)arg;
	waiting = task_current();
	task_wake(waiting); /* before the wait: must not be lost */
	assert_int_equal(task_wait(TIME_NEVER), 0);
	returns++;
	assert_int_equal(task_wait(TIME_NEVER), 0);
	returns++;
}

static void early_wake_is_kept(void **state)
{
	(void)state;
	returns = 0;
	assert_non_null(task_create("twice", wait_twice, NULL));
	run(0);
	assert_int_equal(returns, 1);
	task_wake(waiting);
	run(0);
	assert_int_equal(returns, 2);
}

/* Woken by an interrupt on its own VP between deciding and switching. */
static void wake_by_timer_and_by_hand(void *arg)
{
	(void)arg;
	for (u32 i = 0; i < 100; i++) {
		u64 until = time_ns() + (u64)i * 7;

		task_sleep_until(until);
		assert_true(time_ns() >= until);
		task_wake(task_current());
	}
	returns = 100;
}

static void stray_wakes_end_no_sleep_early(void **state)
{
	(void)state;
	returns = 0;
	assert_non_null(task_create("sleep", wake_by_timer_and_by_hand, NULL));
	run(0);
	assert_int_equal(returns, 100);
}

static void create_and_end(void *arg)
{
	u32 depth = *(u32 *)arg;

	if (depth > 0) {
		--*(u32 *)arg;
		assert_non_null(task_create("next", create_and_end, arg));
	}
	returns++;
}

static void many_tasks_end(void **state)
{
	static u32 depth;

	(void)state;
	returns = 0;
	depth = 1000;
	assert_non_null(task_create("first", create_and_end, &depth));
	run(0);
	assert_int_equal(returns, 1001);
	/* Their memory is checked in teardown. */
}

static void snapshot(void **state)
{
	struct task_info info[4];

	(void)state;
	assert_non_null(task_create_on(1, "a name that is far too long", three_steps, "x"));
	assert_int_equal(task_snapshot(info, 4), 3);
	assert_string_equal(info[0].name, "idle");
	assert_int_equal(info[0].state, RUN_RUNNING);
	assert_int_equal(info[2].vp, 1);
	assert_int_equal(info[2].state, RUN_READY);
	assert_string_equal(info[2].name, "a name that is far too ");
	assert_int_equal(task_snapshot(info, 1), 3);
	run(1);
	assert_int_equal(task_snapshot(info, 4), 2);
}

/* Names may be the same, as those of a VM's task and its worker. */
static void namesakes(void **state)
{
	struct task_info info[4], later[4];

	(void)state;
	assert_non_null(task_create_on(1, "web", three_steps, "x"));
	assert_non_null(task_create_on(1, "web", three_steps, "y"));
	assert_int_equal(task_snapshot(info, 4), 4);
	assert_true(info[2].id != info[3].id);
	run(1);
	assert_non_null(task_create_on(1, "web", three_steps, "z"));
	assert_int_equal(task_snapshot(later, 4), 3);
	assert_true(later[0].id == info[0].id && later[1].id == info[1].id);
	assert_true(later[2].id != info[2].id && later[2].id != info[3].id);
	run(1);
}

static void misuse(void **state)
{
	(void)state;
	/* The idle task may not wait, nor anybody with interrupts off. */
	assert_true(fails_assert((void)task_wait(TIME_NEVER)));
	assert_true(fails_assert((void)!task_create_on(VPS, "x", three_steps, "x")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(yield_round_robin),
		TEST(sleeping),
		TEST(wait_rechecks_condition),
		TEST(wait_times_out),
		TEST(wait_late_but_true),
		TEST(wake_one_in_order),
		TEST(one_holds_a_mutex),
		TEST(a_mutex_crosses_vps),
		TEST(wake_from_other_vp),
		TEST(early_wake_is_kept),
		TEST(stray_wakes_end_no_sleep_early),
		TEST(many_tasks_end),
		TEST(snapshot),
		TEST(namesakes),
		TEST(misuse),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

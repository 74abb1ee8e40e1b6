/* SPDX-License-Identifier: MIT */
/*
 * Tasks on two VPs that take turns on the host's one thread: switching,
 * sleeping, wait queues with time limits, wake-ups from the other VP, ends,
 * and processes, which give way in ring 3. The real task_switch() runs; halting advances a clock.
 * sources: rootpart/task.c rootpart/task_switch.S rootpart/run_queue.c rootpart/waitq.c rootpart/mutex.c rootpart/timer.c rootpart/timer_queue.c rootpart/time.c lib/string.c tests/unit/fake_root.c
 * cflags: -iquote tests/unit/fake/root -fno-sanitize=address
 * (the address sanitizer does not know stacks that are switched by hand)
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/errno.h"
#include "rootpart/apic.h"
#include "rootpart/cpu.h"
#include "rootpart/heap.h"
#include "rootpart/layout.h"
#include "rootpart/mutex.h"
#include "rootpart/paging.h"
#include "rootpart/stack.h"
#include "rootpart/task.h"
#include "rootpart/time.h"
#include "rootpart/waitq.h"
#include "tests/unit/fake_root.h"

#define VPS        2
#define KERNEL_CR3 0x1000ull

static struct cpu vps[VPS];
static struct cpu *running;
static u64 hardware[VPS];
static void *idle[VPS][5]; /* where fake_wait() leaves a VP with nothing to do */
static u64 loaded[VPS];    /* CR3 */
static u32 loads;
static u32 ipis;
static u32 stacks;
static u32 objects;

struct cpu *cpus[HV_MAX_PROCESSORS];
u32 cpu_count = VPS;

struct cpu *this_cpu(void)
{
	return running;
}

u64 paging_cr3(void)
{
	return KERNEL_CR3;
}

void paging_switch(u64 root)
{
	loaded[running->vp] = root;
	loads++;
}

void apic_timer_set(u64 tsc)
{
	hardware[running->vp] = tsc;
}

void apic_send_ipi(u32 target, u8 vector)
{
	assert_int_equal(vector, VECTOR_WAKE);
	assert_int_equal(target, 1 - running->vp);
	ipis++;
}

void *kmalloc(size_t size)
{
	objects++;
	return malloc(size);
}

void *kzalloc(size_t size)
{
	objects++;
	return calloc(1, size);
}

void kfree(void *p)
{
	objects--;
	free(p);
}

/* Stacks stay on a list, so that the one just left is not unmapped. */
static u64 spare;

u64 stack_alloc(void)
{
	u64 base = spare;

	stacks++;
	spare = 0;
	return base != 0 ? base : (u64)aligned_alloc(16, ROOT_STACK_SIZE);
}

void stack_free(u64 base)
{
	stacks--;
	free((void *)spare);
	spare = base;
}

/* HLT: the time of the VP's timer comes, else it stays halted for now. */
void fake_wait(void)
{
	u64 at = hardware[running->vp];

	assert_true(load_relaxed(&running->run_queue.kick));
	if (at == TIME_NEVER)
		__builtin_longjmp(idle[running->vp], 1);
	hardware[running->vp] = TIME_NEVER;
	fake_tsc = MAX(fake_tsc, at);
	timer_interrupt();
}

/* Runs @vp until it has nothing to do and no timer. */
static void run(u32 vp)
{
	running = &vps[vp];
	fake_irq_on = false;
	if (__builtin_setjmp(idle[vp]) == 0)
		task_idle_loop();
	fake_irq_on = true;
}

static void end_vp(struct cpu *cpu)
{
	list_remove(&cpu->idle->all);
	kfree(cpu->idle);
}

static int setup(void **state)
{
	(void)state;
	fake_tsc = 0;
	time_init(NS_PER_S, 0);
	ipis = 0;
	for (u32 vp = 0; vp < VPS; vp++) {
		vps[vp] = (struct cpu){ .vp = vp, .apic_id = vp };
		cpus[vp] = &vps[vp];
		run_queue_init(&vps[vp].run_queue);
		timer_queue_init(&vps[vp].timers);
		hardware[vp] = TIME_NEVER;
		loaded[vp] = KERNEL_CR3;
		running = &vps[vp];
		task_init_vp();
	}
	running = &vps[0];
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	for (u32 vp = 0; vp < VPS; vp++)
		end_vp(&vps[vp]);
	assert_int_equal(objects, 0);
	assert_int_equal(stacks, 0);
	return 0;
}

static char trail[64];

static void mark(char c)
{
	size_t n = strlen(trail);

	trail[n] = c;
	trail[n + 1] = '\0';
}

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

#define PROCESS(n) ((struct process *)(u64)(n))
#define CR3(n)     (0x10000ull * (n))

static struct task *process_task(u32 vp, void (*entry)(void *arg), u64 n)
{
	struct task *t = task_create_ring3(vp, "process", entry, PROCESS(n), CR3(n));

	assert_non_null(t);
	assert_ptr_equal(t->process, PROCESS(n));
	return t;
}

/* What trap.S does behind an interrupt of ring 3. */
static void back_to_ring3(void)
{
	fake_irq_on = false;
	while (running->run_queue.attention)
		(void)task_give_way();
	/* Others may have run: what is this task's must be there again. */
	assert_int_equal(loaded[running->vp], running->current->cr3);
	assert_int_equal(running->tss.rsp[0], running->current->stack_base + ROOT_STACK_SIZE);
	assert_true(running->run_queue.kick);
	fake_irq_on = true;
}

static u64 own_time(const struct task *t)
{
	return t->run_tsc + fake_tsc - t->since_tsc;
}

/* In ring 3 for @ns of its own time, interrupted by the timer only. */
static void in_ring3(u64 ns)
{
	struct task *t = running->current;
	u64 end = own_time(t) + ns;

	while (own_time(t) < end) {
		fake_tsc += 10 * NS_PER_US;
		if (fake_tsc < hardware[running->vp])
			continue;
		hardware[running->vp] = TIME_NEVER;
		fake_irq_on = false;
		timer_interrupt();
		back_to_ring3();
	}
}

static void alone(void *arg)
{
	(void)arg;
	back_to_ring3();
	in_ring3(50 * NS_PER_MS);
	assert_int_equal(hardware[0], TIME_NEVER);
	assert_false(running->slice.armed);
	task_leave_ring3();
	assert_int_equal(loaded[0], KERNEL_CR3);
	assert_null(task_current()->process);
	mark('a');
}

static void process_alone_has_no_timer(void **state)
{
	(void)state;
	trail[0] = '\0';
	loads = 0;
	(void)process_task(0, alone, 1);
	run(0);
	assert_string_equal(trail, "a");
	assert_int_equal(loads, 2);
}

static struct task *helper;

static void helper_waits(void *arg)
{
	(void)arg;
	for (u32 i = 0; i < 3; i++) {
		assert_int_equal(task_wait(TIME_NEVER), 0);
		mark('h');
	}
}

static void interrupted(void *arg)
{
	(void)arg;
	back_to_ring3();
	for (u32 i = 0; i < 3; i++) {
		in_ring3(NS_PER_MS);
		mark('p');
		task_wake(helper);
		assert_true(running->run_queue.attention);
		back_to_ring3();
	}
	task_leave_ring3();
}

/* Without a timer, and without new tables: they are the same for everybody in the kernel. */
static void woken_task_interrupts_ring3(void **state)
{
	(void)state;
	trail[0] = '\0';
	loads = 0;
	helper = task_create("helper", helper_waits, NULL);
	assert_non_null(helper);
	(void)process_task(0, interrupted, 1);
	run(0);
	assert_string_equal(trail, "phphph");
	assert_int_equal(loads, 2);
	assert_int_equal(hardware[0], TIME_NEVER);
}

static void endless(void *arg)
{
	back_to_ring3();
	for (u32 i = 0; i < 6; i++) {
		in_ring3(5 * NS_PER_MS);
		mark((char)('0' + (u64)arg));
	}
	task_leave_ring3();
}

static void processes_take_turns(void **state)
{
	(void)state;
	trail[0] = '\0';
	(void)process_task(0, endless, 1);
	(void)process_task(0, endless, 2);
	run(0);
	/* The new one first; then slices of 10 ms, and who has less than one left runs it out. */
	assert_string_equal(trail, "221122112211");
	assert_false(vps[0].slice.armed);
}

/* Whoever is made to give way within its slice goes on with it before the others. */
static void interrupted_slice_goes_on(void **state)
{
	(void)state;
	trail[0] = '\0';
	helper = task_create("helper", helper_waits, NULL);
	assert_non_null(helper);
	(void)process_task(0, interrupted, 1);
	(void)process_task(0, endless, 2);
	run(0);
	assert_string_equal(trail, "22phphph2222");
}

static void blocks_within_slice(void *arg)
{
	(void)arg;
	back_to_ring3();
	in_ring3(NS_PER_MS);
	assert_true(running->slice.armed);
	helper = task_current();
	(void)task_wait(TIME_NEVER);
	mark('b');
	task_leave_ring3();
}

static void left_alone(void *arg)
{
	(void)arg;
	back_to_ring3();
	assert_non_null(helper);
	assert_false(running->slice.armed);
	task_wake(helper);
	back_to_ring3();
	task_leave_ring3();
}

static void slice_timer_stops_with_its_process(void **state)
{
	(void)state;
	trail[0] = '\0';
	helper = NULL;
	(void)process_task(0, left_alone, 1);
	(void)process_task(0, blocks_within_slice, 2);
	run(0);
	assert_string_equal(trail, "b");
}

static u64 greedy_ns, endless_ns;

/*
 * In the kernel when its slices end, and asleep for next to no time, again and
 * again, so that it is woken for ever and no slice timer finds it.
 */
static void greedy(void *arg)
{
	(void)arg;
	back_to_ring3();
	while (time_ns() < 400 * NS_PER_MS) {
		fake_tsc += 3 * NS_PER_MS;
		greedy_ns += 3 * NS_PER_MS;
		(void)task_wait(time_ns() + 1);
		back_to_ring3();
	}
	task_leave_ring3();
}

static void endless_until(void *arg)
{
	(void)arg;
	back_to_ring3();
	while (time_ns() < 400 * NS_PER_MS) {
		in_ring3(NS_PER_MS);
		endless_ns += NS_PER_MS;
	}
	task_leave_ring3();
}

static void who_sleeps_does_not_get_it_all(void **state)
{
	(void)state;
	greedy_ns = endless_ns = 0;
	(void)process_task(0, endless_until, 1);
	(void)process_task(0, greedy, 2);
	run(0);
	assert_true(endless_ns > 130 * NS_PER_MS);
	assert_true(greedy_ns > 130 * NS_PER_MS);
}

static void yielder(void *arg)
{
	(void)arg;
	for (u32 i = 0; i < 3; i++) {
		task_yield();
		mark('y');
	}
}

/* The kernel is not preempted, but who yields lets ring 3 have its slice. */
static void yield_lets_ring3_run(void **state)
{
	(void)state;
	trail[0] = '\0';
	(void)process_task(0, endless, 1);
	assert_non_null(task_create("yielder", yielder, NULL));
	run(0);
	assert_string_equal(trail, "11y11y11y");
}

/* Twice for each time that two wake-ups come. */
static void waits_on_vp_1(void *arg)
{
	(void)arg;
	for (u32 i = 0; i < 6; i++) {
		assert_int_equal(task_wait(TIME_NEVER), 0);
		mark('w');
	}
}

/* What another VP does meanwhile. */
static void on_vp_0(void (*what)(struct task *t), struct task *t)
{
	struct cpu *here = running;

	running = &vps[0];
	what(t);
	running = here;
}

static void woken_from_vp_0(void *arg)
{
	(void)arg;
	back_to_ring3();
	for (u32 i = 1; i <= 3; i++) {
		on_vp_0(task_wake, helper);
		assert_int_equal(ipis, i);
		/* The interrupt is on its way: once is enough. */
		on_vp_0(task_wake, helper);
		assert_int_equal(ipis, i);
		back_to_ring3();
	}
	on_vp_0(task_alert, task_current());
	assert_int_equal(ipis, 4);
	assert_true(running->run_queue.attention);
	back_to_ring3();
	task_leave_ring3();
}

static void ring3_is_kicked_from_other_vp(void **state)
{
	(void)state;
	trail[0] = '\0';
	helper = task_create_on(1, "helper", waits_on_vp_1, NULL);
	assert_non_null(helper);
	(void)process_task(1, woken_from_vp_0, 1);
	ipis = 0;
	run(1);
	assert_string_equal(trail, "wwwwww");
}

static struct task *alerted;

static void waits_until_alert(void *arg)
{
	(void)arg;
	alerted = task_current();
	back_to_ring3();
	(void)task_wait(TIME_NEVER);
	/* Every time that it comes back from now on. */
	assert_true(running->run_queue.attention);
	back_to_ring3();
	task_yield();
	assert_true(running->run_queue.attention);
	mark('a');
	task_leave_ring3();
}

static void alert_wakes(void **state)
{
	(void)state;
	trail[0] = '\0';
	(void)process_task(0, waits_until_alert, 1);
	run(0);
	assert_string_equal(trail, "");
	task_alert(alerted);
	run(0);
	assert_string_equal(trail, "a");
}

static void misuse(void **state)
{
	(void)state;
	/* The idle task may not wait, nor anybody with interrupts off. */
	assert_true(fails_assert((void)task_wait(TIME_NEVER)));
	assert_true(fails_assert((void)!task_create_on(VPS, "x", three_steps, "x")));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

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
		TEST(process_alone_has_no_timer),
		TEST(woken_task_interrupts_ring3),
		TEST(processes_take_turns),
		TEST(interrupted_slice_goes_on),
		TEST(slice_timer_stops_with_its_process),
		TEST(who_sleeps_does_not_get_it_all),
		TEST(yield_lets_ring3_run),
		TEST(ring3_is_kicked_from_other_vp),
		TEST(alert_wakes),
		TEST(misuse),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

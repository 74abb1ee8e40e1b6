/* SPDX-License-Identifier: MIT */
/*
 * Life and death of processes without a processor: kills, deadlines, reasons,
 * and what is given back in which order. Ring 3 is a function of the test.
 * sources: rootpart/process.c rootpart/timer.c rootpart/timer_queue.c rootpart/time.c lib/format.c lib/string.c tests/unit/fake_root.c
 * cflags: -iquote tests/unit/fake_root_paging -iquote tests/unit/fake/root
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/errno.h"
#include "rootpart/address_space.h"
#include "rootpart/apic.h"
#include "rootpart/cpu.h"
#include "rootpart/heap.h"
#include "rootpart/process.h"
#include "rootpart/process_image.h"
#include "rootpart/syscall.h"
#include "rootpart/task.h"
#include "rootpart/time.h"
#include "rootpart/trap.h"
#include "rootpart/waitq.h"
#include "tests/unit/fake_root.h"
#include "worker/abi.h"
#include "x86/desc.h"
#include "x86/paging.h"

#define ENTRY 0x401000ull

static struct cpu cpu;
static struct task task;
static struct process *process;
static void (*task_entry)(void *arg);
static jmp_buf gone;
static u64 hardware;
static u64 cr2;
static u32 objects, spaces, programs, alerts;
static bool no_task, image_bad;
static char trail[32];
static void (*in_ring3)(void);

static void mark(char c)
{
	size_t n = strlen(trail);

	trail[n] = c;
	trail[n + 1] = '\0';
}

struct cpu *this_cpu(void)
{
	return &cpu;
}

void apic_timer_set(u64 tsc)
{
	hardware = tsc;
	programs++;
}

void *kzalloc(size_t size)
{
	objects++;
	return calloc(1, size);
}

void kfree(void *p)
{
	objects -= p != NULL;
	free(p);
}

int address_space_create(struct address_space *as)
{
	as->root = 0x1000;
	spaces++;
	return 0;
}

void address_space_destroy(struct address_space *as)
{
	if (as->root != 0) {
		spaces--;
		mark('d');
	}
	as->root = 0;
}

int process_image_load(
	struct address_space *as, const void *file, size_t size, u64 *entry, const char **why)
{
	assert_int_equal(as->root, 0x1000);
	assert_string_equal(file, "image");
	assert_int_equal(size, 6);
	*entry = ENTRY;
	*why = "it is bad";
	return image_bad ? -EINVAL : 0;
}

struct task *task_create_ring3(
	u32 vp, const char *name, void (*entry)(void *arg), struct process *p, u64 cr3)
{
	if (no_task)
		return NULL;
	assert_int_equal(cr3, 0x1000);
	assert_string_equal(name, "worker");
	task = (struct task){ .vp = vp, .process = p, .arg = p };
	task_entry = entry;
	return &task;
}

struct task *task_current(void)
{
	return &task;
}

void task_alert(struct task *t)
{
	assert_ptr_equal(t, &task);
	alerts++;
}

bool task_give_way(void)
{
	assert_false(fake_irq_on);
	return false;
}

void task_leave_ring3(void)
{
	mark('l');
	task.process = NULL;
}

void task_exit(void)
{
	mark('x');
	longjmp(gone, 1);
}

void wait_wake_all(struct wait_queue *q)
{
	(void)q;
	mark('w');
}

void wait_begin(struct wait_queue *q, struct waiter *w)
{
	(void)q;
	(void)w;
}

int wait_step(struct wait_queue *q, struct waiter *w, u64 deadline_ns)
{
	(void)q;
	(void)w;
	(void)deadline_ns;
	fail_msg("nobody would wake it");
	return 0;
}

void wait_end(struct wait_queue *q, struct waiter *w)
{
	(void)q;
	(void)w;
}

const char *trap_name(u64 vector)
{
	return vector == VEC_DE ? "divide error" : "general protection fault";
}

u64 cr2_read(void)
{
	return cr2;
}

/* Ring 3: what the test does there, and then it is interrupted, for ever. */
void syscall_enter_ring3(u64 rip, u64 rsp)
{
	assert_int_equal(rip, ENTRY);
	assert_int_equal(rsp, WORKER_STACK_TOP);
	assert_false(fake_irq_on);
	mark('3');
	for (;;) {
		fake_irq_on = true;
		in_ring3();
		fake_irq_on = false;
		process_attend();
	}
}

static s64 no_syscall(struct process *p, u64 number, u64 a, u64 b, u64 c, u64 d)
{
	(void)p;
	(void)number;
	(void)a;
	(void)b;
	(void)c;
	(void)d;
	return 0;
}

static void ended(struct process *p)
{
	assert_ptr_equal(p, process);
	assert_ptr_equal(process_owner(p), &gone);
	assert_true(fake_irq_on);
	mark('e');
}

static const struct process_ops ops = { .syscall = no_syscall, .ended = ended };

static int create(void)
{
	const struct process_config c = {
		.name = "worker",
		.vp = 0,
		.image = "image",
		.image_size = 6,
		.ops = &ops,
		.owner = &gone,
	};
	const char *why;
	int r = process_create(&c, &process, &why);

	if (r != 0)
		assert_string_equal(why, "it is bad");
	return r;
}

/* Runs its task until that is over. */
static void run(void (*ring3)(void))
{
	in_ring3 = ring3;
	assert_int_equal(process_start(process), 0);
	if (setjmp(gone) == 0)
		task_entry(task.arg);
	assert_int_equal(spaces, 0);
	assert_true(list_empty(&cpu.timers.head));
	process_wait_end(process);
}

static int set_up(void **state)
{
	(void)state;
	fake_tsc = 1000;
	fake_irq_on = true;
	time_init(NS_PER_S, 0);
	cpu = (struct cpu){ .vp = 0 };
	timer_queue_init(&cpu.timers);
	hardware = TIME_NEVER;
	programs = alerts = 0;
	trail[0] = '\0';
	assert_int_equal(create(), 0);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	process_free(process);
	assert_int_equal(objects, 0);
	assert_int_equal(spaces, 0);
	return 0;
}

static void pass(u64 ns)
{
	fake_tsc += ns;
	if (fake_tsc >= hardware) {
		hardware = TIME_NEVER;
		fake_irq_on = false;
		timer_interrupt();
		fake_irq_on = true;
	}
}

static void kill_once(void)
{
	assert_false(process_killed(process));
	assert_string_equal(process_why(process), "");
	process_kill(process, "enough");
	process_kill(process, "again");
	assert_int_equal(alerts, 1);
	assert_true(process_killed(process));
}

static void test_kill(void **state)
{
	(void)state;
	run(kill_once);
	assert_string_equal(process_why(process), "enough");
	/* Tables before the owner hears of it; nothing of it after the waiters do. */
	assert_string_equal(trail, "3ldewx");
	process_kill(process, "too late");
	assert_int_equal(alerts, 1);
	assert_string_equal(process_why(process), "enough");
}

static void never(void)
{
	fail_msg("it was in ring 3");
}

static void test_kill_before_start(void **state)
{
	(void)state;
	process_kill(process, "never");
	run(never);
	assert_string_equal(trail, "ldewx");
	assert_int_equal(alerts, 0);
}

static void test_never_started(void **state)
{
	(void)state;
	no_task = true;
	assert_int_equal(process_start(process), -ENOMEM);
	no_task = false;
	/* tear_down() frees it. */
}

static void test_bad_image(void **state)
{
	struct process *good = process;

	(void)state;
	image_bad = true;
	assert_int_equal(create(), -EINVAL);
	image_bad = false;
	assert_ptr_equal(process, good);
	assert_int_equal(objects, 1);
	assert_int_equal(spaces, 1);
}

static void long_reason(void)
{
	char why[2 * PROCESS_WHY];

	memset(why, 'y', sizeof(why));
	why[sizeof(why) - 1] = '\0';
	process_kill(process, why);
	assert_int_equal(strlen(process_why(process)), PROCESS_WHY - 1);
}

static void test_long_reason(void **state)
{
	(void)state;
	run(long_reason);
}

static u64 loops;

static void loop_10ms(void)
{
	loops++;
	pass(10 * NS_PER_MS);
}

/* From the call on, although it starts later. */
static void test_deadline_of_start(void **state)
{
	(void)state;
	loops = 0;
	process_deadline_set(process, 2 * NS_PER_S);
	assert_int_equal(hardware, TIME_NEVER);
	fake_tsc += NS_PER_S;
	run(loop_10ms);
	assert_string_equal(process_why(process), "did not answer for 2 s");
	assert_in_range(loops, 99, 101);
}

static void answer_every_10ms(void)
{
	process_deadline_clear(process);
	pass(10 * NS_PER_MS);
	process_deadline_set(process, NS_PER_S);
	if (++loops == 1000)
		in_ring3 = loop_10ms;
}

static void test_deadline_is_cheap(void **state)
{
	(void)state;
	loops = 0;
	run(answer_every_10ms);
	assert_string_equal(process_why(process), "did not answer for 1 s");
	assert_in_range(loops, 1099, 1102);
	/* Ten seconds of a thousand answers each moved the timer once a second. */
	assert_in_range(programs, 10, 14);
}

static void sooner(void)
{
	if (loops++ == 0) {
		process_deadline_set(process, 10 * NS_PER_S);
		process_deadline_set(process, 250 * NS_PER_MS);
	}
	pass(10 * NS_PER_MS);
}

static void test_deadline_moves_nearer(void **state)
{
	(void)state;
	loops = 0;
	run(sooner);
	assert_string_equal(process_why(process), "did not answer for 250 ms");
	assert_in_range(loops, 25, 27);
}

static void clear_and_wait(void)
{
	process_deadline_set(process, NS_PER_S);
	process_deadline_clear(process);
	for (u32 i = 0; i < 100; i++)
		pass(100 * NS_PER_MS);
	assert_false(process_killed(process));
	/* It looked once, and found nothing to wait for. */
	assert_int_equal(hardware, TIME_NEVER);
	process_kill(process, "done");
}

static void test_deadline_cleared(void **state)
{
	(void)state;
	run(clear_and_wait);
	assert_string_equal(process_why(process), "done");
}

static struct trap_frame fault;

static void make_fault(void)
{
	fake_irq_on = false;
	process_exception(&fault);
}

static void check_fault(u64 vector, u64 error, const char *why)
{
	fault = (struct trap_frame){ .vector = vector, .error = error, .rip = 0x401234 };
	run(make_fault);
	assert_string_equal(process_why(process), why);
	process_free(process);
	trail[0] = '\0';
	assert_int_equal(create(), 0);
}

static void test_exceptions(void **state)
{
	(void)state;
	cr2 = 0xffff800000001000;
	check_fault(VEC_PF, PF_U, "page fault reading 0xffff800000001000 at 0x401234");
	check_fault(
		VEC_PF, PF_U | PF_W | PF_P, "page fault writing 0xffff800000001000 at 0x401234");
	check_fault(VEC_PF, PF_U | PF_FETCH, "page fault executing 0xffff800000001000 at 0x401234");
	check_fault(VEC_DE, 0, "divide error at 0x401234");
	check_fault(VEC_GP, 0, "general protection fault at 0x401234");
	check_fault(VEC_GP, 0x18, "general protection fault at 0x401234");
	check_fault(VEC_GP, 0x402, "software interrupt at 0x401234");
}

static void free_while_running(void)
{
	assert_true(fails_assert(process_free(process)));
	process_kill(process, "done");
}

static void test_misuse(void **state)
{
	(void)state;
	assert_true(fails_assert(process_wait_end(process)));
	run(free_while_running);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_kill),
		TEST(test_kill_before_start),
		TEST(test_never_started),
		TEST(test_bad_image),
		TEST(test_long_reason),
		TEST(test_deadline_of_start),
		TEST(test_deadline_is_cheap),
		TEST(test_deadline_moves_nearer),
		TEST(test_deadline_cleared),
		TEST(test_exceptions),
		TEST(test_misuse),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

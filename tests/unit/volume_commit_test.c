/* SPDX-License-Identifier: MIT */
/*
 * Commit by time on a made-up volume: when it is due, what wakes the task, what
 * errors do. Time passes only while the task sleeps.
 * sources: rootpart/volume_commit.c rootpart/errno_text.c lib/format.c lib/string.c
 * sources: tests/unit/image_disk.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/errno.h"
#include "rootpart/ext4/ext4.h"
#include "rootpart/heap.h"
#include "rootpart/task.h"
#include "rootpart/volume_commit.h"
#include "rootpart/waitq.h"
#include "tests/unit/image_disk.h"

/* The made-up volume. */
static struct ext4_info volume;
static void (*hook)(void *context);
static void *hook_context;
static u32 syncs;
static u64 synced_at;
static int answer;
static bool gives_up; /* an error makes it read-only */

/* The task, and the world that it waits for. */
static void (*entry)(void *arg);
static void *entry_arg;
static char name[TASK_NAME_SIZE];
static u64 now;
static u32 sleeps;
static jmp_buf at_rest;
static void (*meanwhile)(void);
static bool no_task;

u64 time_ns(void)
{
	return now;
}

struct task *task_create(const char *task, void (*run)(void *arg), void *arg)
{
	snprintf(name, sizeof(name), "%s", task);
	entry = run;
	entry_arg = arg;
	return no_task ? NULL : (struct task *)(void *)&now;
}

void task_sleep_until(u64 deadline_ns)
{
	sleeps++;
	now = deadline_ns > now ? deadline_ns : now;
	if (meanwhile != NULL)
		meanwhile();
}

void wait_queue_init(struct wait_queue *q)
{
	list_init(&q->waiters);
}

void wait_wake_all(struct wait_queue *q)
{
	(void)q;
}

void wait_begin(struct wait_queue *q, struct waiter *w)
{
	(void)q;
	(void)w;
}

void wait_end(struct wait_queue *q, struct waiter *w)
{
	(void)q;
	(void)w;
}

/* It sleeps without a limit: the test goes on. */
int wait_step(struct wait_queue *q, struct waiter *w, u64 deadline_ns)
{
	(void)q;
	(void)w;
	assert_int_equal(deadline_ns, TIME_NEVER);
	longjmp(at_rest, 1);
}

static void run(void)
{
	if (setjmp(at_rest) == 0)
		entry(entry_arg);
}

static void change(void)
{
	volume.uncommitted = true;
	hook(hook_context);
}

void ext4_info_get(struct ext4 *fs, struct ext4_info *info)
{
	assert_ptr_equal(fs, &volume);
	*info = volume;
}

int ext4_sync(struct ext4 *fs)
{
	assert_ptr_equal(fs, &volume);
	syncs++;
	synced_at = now;
	if (answer == 0)
		volume.uncommitted = false;
	else
		volume.read_only = gives_up;
	return answer;
}

void ext4_on_change(struct ext4 *fs, void (*changed)(void *context), void *context)
{
	assert_ptr_equal(fs, &volume);
	hook = changed;
	hook_context = context;
}

static int begin(void **state)
{
	(void)state;
	volume = (struct ext4_info){ 0 };
	syncs = sleeps = 0;
	now = 1000;
	answer = 0;
	gives_up = no_task = false;
	meanwhile = NULL;
	hook = NULL;
	entry = NULL;
	image_log[0] = '\0';
	volume_commit_start((struct ext4 *)(void *)&volume, "disk0p1");
	return 0;
}

static int end(void **state)
{
	(void)state;
	kfree(hook_context);
	return 0;
}

static void nothing_happens_without_a_change(void **state)
{
	(void)state;
	assert_string_equal(name, "commit disk0p1");
	run();
	assert_int_equal(sleeps, 0);
	assert_int_equal(syncs, 0);
}

static void a_change_is_committed_in_time(void **state)
{
	(void)state;
	change();
	run();
	assert_int_equal(syncs, 1);
	assert_int_equal(synced_at, 1000 + 5 * NS_PER_S);
	assert_int_equal(sleeps, 1);
	run();
	assert_int_equal(sleeps, 1);
	now += NS_PER_S;
	change();
	run();
	assert_int_equal(syncs, 2);
	assert_int_equal(synced_at, 1000 + 11 * NS_PER_S);
}

static void somebody_commits(void)
{
	volume.uncommitted = false;
	meanwhile = NULL;
}

static void what_is_committed_already_is_left(void **state)
{
	(void)state;
	change();
	meanwhile = somebody_commits;
	run();
	assert_int_equal(syncs, 0);
	assert_int_equal(sleeps, 1);
}

/* Committed, and changed again, while the first change was to come due. */
static void somebody_commits_and_changes(void)
{
	volume.uncommitted = false;
	meanwhile = NULL;
	change();
}

static void a_later_change_waits_no_longer(void **state)
{
	(void)state;
	change();
	meanwhile = somebody_commits_and_changes;
	run();
	assert_int_equal(syncs, 1);
	assert_int_equal(synced_at, 1000 + 5 * NS_PER_S);
}

/* Good again in the fourth round; there is a line behind the first one only. */
static void device_recovers(void)
{
	if (sleeps == 2)
		assert_string_equal(image_log, "volume: disk0p1: what was changed last is not "
					       "on the medium yet: timed out");
	else
		assert_string_equal(image_log, "");
	image_log[0] = '\0';
	if (sleeps == 4)
		answer = 0;
}

static void what_fails_is_tried_again(void **state)
{
	(void)state;
	meanwhile = device_recovers;
	/* A new trouble is told anew. */
	for (u64 turn = 1; turn <= 2; turn++) {
		answer = -ETIMEDOUT;
		sleeps = 0;
		change();
		run();
		assert_int_equal(syncs, 4 * turn);
		assert_int_equal(synced_at, 1000 + turn * 20 * NS_PER_S);
		assert_string_equal(image_log, "");
		assert_false(volume.uncommitted);
	}
}

/* It says so itself. */
static void who_writes_no_more_is_left_alone(void **state)
{
	(void)state;
	answer = -EIO;
	gives_up = true;
	change();
	run();
	assert_int_equal(syncs, 1);
	assert_int_equal(sleeps, 1);
	assert_string_equal(image_log, "");
}

static void a_volume_that_is_only_read_has_no_task(void **state)
{
	(void)state;
	entry = NULL;
	hook = NULL;
	volume.read_only = true;
	volume_commit_start((struct ext4 *)(void *)&volume, "disk1");
	assert_null(entry);
	assert_null(hook);
}

static void without_memory_there_is_a_line(void **state)
{
	(void)state;
	hook = NULL;
	no_task = true;
	volume_commit_start((struct ext4 *)(void *)&volume, "disk1");
	assert_string_equal(image_log, "volume: disk1: no memory to commit by time");
	assert_null(hook);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(nothing_happens_without_a_change, begin, end),
		cmocka_unit_test_setup_teardown(a_change_is_committed_in_time, begin, end),
		cmocka_unit_test_setup_teardown(what_is_committed_already_is_left, begin, end),
		cmocka_unit_test_setup_teardown(a_later_change_waits_no_longer, begin, end),
		cmocka_unit_test_setup_teardown(what_fails_is_tried_again, begin, end),
		cmocka_unit_test_setup_teardown(who_writes_no_more_is_left_alone, begin, end),
		cmocka_unit_test_setup_teardown(a_volume_that_is_only_read_has_no_task, begin, end),
		cmocka_unit_test_setup_teardown(without_memory_there_is_a_line, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

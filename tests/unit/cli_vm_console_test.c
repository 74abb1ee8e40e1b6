/* SPDX-License-Identifier: MIT */
/*
 * vm console with a made-up VM and keyboard. The task that it starts is a
 * thread that runs only while the CLI waits, as tasks of one VP do.
 * sources: rootpart/cli/cmd_vm_console.c rootpart/cli/out.c lib/format.c lib/string.c
 */
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/errno.h"
#include "rootpart/cli/cmd_vm.h"
#include "rootpart/console.h"
#include "rootpart/console_input.h"
#include "rootpart/heap.h"
#include "rootpart/task.h"
#include "rootpart/time.h"
#include "rootpart/waitq.h"

#define CTRL_C  0x03
#define LEAVE   0x1d
#define FAILS   (-100) /* a key that is none: the VM fails, or is switched off */
#define IS_OFF  (-101)
#define NOTHING (-102) /* no key until the time limit */
#define READS   (-103) /* the same, and the VM took all that it was given */

/* What the VM says: pieces, then nothing more until it is off. */
static const char *const *says;
static bool says_on; /* and on: there is always more */
static struct vm_info vm;
static int console_error; /* of vm_console_read() */
static u32 room;          /* bytes that it takes at once */
static char typed[8192];
static size_t typed_len;
static u32 nudges_lost;
static bool vm_nudged;

/* What is typed. */
static const int *keys;
static bool cli_nudged;
static u32 fresh_lines;
static u32 tries; /* waits for a key that had a limit */

static char text[16384];
static size_t text_len;

/* The other task. */
static pthread_t thread;
static sem_t run_task, run_cli;
static void (*entry)(void *arg);
static void *entry_arg;
static bool task_running; /* it has begun, and has not ended */
static bool no_task;

static void *task_thread(void *arg)
{
	(void)arg;
	sem_wait(&run_task);
	entry(entry_arg);
	task_running = false;
	sem_post(&run_cli);
	return NULL;
}

struct task *task_create(const char *name, void (*fn)(void *arg), void *arg)
{
	static struct task task;

	(void)name;
	if (no_task)
		return NULL;
	entry = fn;
	entry_arg = arg;
	task_running = true;
	assert_int_equal(pthread_create(&thread, NULL, task_thread, NULL), 0);
	return &task;
}

/* Called by the CLI as it waits, and by the task. */
static void let_task_run(void)
{
	if (!task_running)
		return;
	sem_post(&run_task);
	sem_wait(&run_cli);
}

static void let_cli_run(void)
{
	sem_post(&run_cli);
	sem_wait(&run_task);
}

void task_yield(void)
{
	if (says_on)
		let_cli_run();
}

void *kmalloc(size_t size)
{
	return malloc(size);
}

void kfree(void *p)
{
	free(p);
}

u64 time_ns(void)
{
	return 1000;
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
	assert_true(deadline_ns != TIME_NEVER);
	let_task_run();
	return -ETIMEDOUT;
}

void wait_end(struct wait_queue *q, struct waiter *w)
{
	(void)q;
	(void)w;
}

void wait_wake_all(struct wait_queue *q)
{
	(void)q;
}

void console_fresh_line(void)
{
	fresh_lines++;
}

void console_nudge(void)
{
	cli_nudged = true;
}

int console_read(u64 deadline_ns)
{
	let_task_run();
	if (cli_nudged) {
		cli_nudged = false;
		return -EINTR;
	}
	if (*keys == FAILS || *keys == IS_OFF) {
		vm.state = *keys++ == FAILS ? VM_FAILED : VM_OFF;
		let_task_run();
		return -EINTR;
	}
	if (deadline_ns != TIME_NEVER) {
		assert_true(deadline_ns > 1000 && deadline_ns < 1000 + NS_PER_S);
		tries++;
	}
	if (*keys == NOTHING || *keys == READS) {
		if (*keys++ == READS)
			room = sizeof(typed);
		assert_true(deadline_ns != TIME_NEVER);
		return -ETIMEDOUT;
	}
	/* A wait for ever. */
	assert_true(*keys > 0);
	return *keys++;
}

const char *vm_state_name(enum vm_state state)
{
	return state == VM_OFF ? "off" : "on";
}

int vm_get(const char *name, struct vm_info *info)
{
	if (strcmp(name, "web") != 0)
		return -ENOENT;
	*info = vm;
	return 0;
}

struct vm_info *vm_look_up(struct cli *cli, const char *name, int *error)
{
	struct vm_info *info = malloc(sizeof(*info));

	(void)cli;
	*error = vm_get(name, info);
	assert_int_equal(*error, 0);
	return info;
}

int vm_failed(struct cli *cli, int error, const char *name, const char *why)
{
	assert_string_equal(why, "");
	cli_printf(cli, "error: %s %d\n", name, error);
	return error;
}

int vm_console_read(
	const char *name, u64 *position, char *buffer, size_t size, u64 deadline_ns, bool *off)
{
	assert_string_equal(name, "web");
	assert_true(deadline_ns == TIME_NEVER);
	for (;; let_cli_run()) {
		if (console_error != 0)
			return console_error;
		if (says_on) {
			buffer[0] = 'y';
			return 1;
		}
		if (*says != NULL) {
			size_t len = strlen(*says);

			assert_true(len <= size);
			memcpy(buffer, *says++, len);
			*position += len;
			return (int)len;
		}
		*off = vm.state == VM_OFF || vm.state == VM_FAILED;
		if (*off || vm_nudged)
			return 0;
	}
}

int vm_console_type(const char *name, const u8 *bytes, size_t count)
{
	assert_string_equal(name, "web");
	if (vm.state == VM_OFF)
		return -EBUSY;
	count = MIN(count, room);
	assert_true(typed_len + count < sizeof(typed));
	memcpy(typed + typed_len, bytes, count);
	typed_len += count;
	typed[typed_len] = '\0';
	room -= (u32)count;
	return (int)count;
}

void vm_console_nudge(const char *name)
{
	assert_string_equal(name, "web");
	if (nudges_lost > 0)
		nudges_lost--;
	else
		vm_nudged = true;
}

static void capture_write(struct out *out, const char *t, size_t len)
{
	(void)out;
	assert_true(text_len + len < sizeof(text));
	memcpy(text + text_len, t, len);
	text_len += len;
	text[text_len] = '\0';
}

void cli_text(struct cli *cli, const char *t)
{
	out_text(&cli->out, t);
}

void cli_printf(struct cli *cli, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	out_vprintf(&cli->out, fmt, args);
	va_end(args);
}

int cli_error_errno(struct cli *cli, int error, const char *what)
{
	cli_printf(cli, "error: %s %d\n", what, error);
	return error;
}

void complete_vm(struct completion *c, const char *t)
{
	(void)c;
	(void)t;
}

#define NOTE "note: this is the console of web; Ctrl-] leaves it\n"

/* The last key is LEAVE, or the VM ends it. */
static int talk(const int *what_is_typed, const char *const *what_it_says)
{
	static struct cli cli = { .out = { capture_write } };
	static char *words[] = { "web" };
	static struct cli_args args = { .count = 1, .words = words };
	bool starts = !no_task;
	int r;

	keys = what_is_typed;
	says = what_it_says;
	text_len = typed_len = 0;
	text[0] = typed[0] = '\0';
	vm_nudged = cli_nudged = false;
	r = command_vm_console.run(&cli, &args);
	if (starts)
		assert_int_equal(pthread_join(thread, NULL), 0);
	assert_false(task_running);
	return r;
}

static int setup(void **state)
{
	(void)state;
	sem_init(&run_task, 0, 0);
	sem_init(&run_cli, 0, 0);
	memset(&vm, 0, sizeof(vm));
	vm.state = VM_RUNNING;
	room = sizeof(typed);
	console_error = 0;
	nudges_lost = fresh_lines = tries = 0;
	says_on = false;
	no_task = false;
	return 0;
}

static void keys_go_to_the_vm(void **state)
{
	static const int what[] = { 'l', 's', '\r', CTRL_C, 4, 0x1b, '[', 'A', 0xc3, LEAVE };
	static const char *const said[] = { "login: ", NULL };

	(void)state;
	assert_int_equal(talk(what, said), 0);
	assert_string_equal(text, NOTE "login: ");
	assert_string_equal(typed, "ls\r\003\004\033[A\303");
	assert_int_equal(tries, 0);
}

/* "\r\n" is one line's end, in whatever pieces it comes; a lone "\r" stays. */
static void output_is_shown(void **state)
{
	static const int what[] = { LEAVE };
	static const char *const said[] = { "one\r\ntwo\nthree\r", "\nfour\r", "five\r\r", "\n\r",
		"", "x", "\033[1m\r\n", NULL };

	(void)state;
	assert_int_equal(talk(what, said), 0);
	assert_string_equal(text, NOTE "one\ntwo\nthree\nfour\rfive\r\n\rx\033[1m\n");
}

static void it_ends_with_the_vm(void **state)
{
	static const int dies[] = { 'a', IS_OFF }, fails[] = { FAILS };
	static const char *const said[] = { "bye", NULL };

	(void)state;
	assert_int_equal(talk(dies, said), 0);
	assert_string_equal(text, NOTE "byenote: web is off\n");
	assert_string_equal(typed, "a");
	/* The note stands on a line of its own. */
	assert_int_equal(fresh_lines, 1);
	/* Off from the start: what it said is still there. */
	assert_int_equal(talk(dies, said), 0);
	assert_string_equal(text, NOTE "byenote: web is off\n");
	assert_string_equal(typed, "");
	vm.state = VM_RUNNING;
	strcpy(vm.why, "triple fault");
	assert_int_equal(talk(fails, said), 0);
	assert_string_equal(text, NOTE "byenote: web has failed: triple fault\n");
	console_error = -ENOENT;
	assert_int_equal(talk(dies, said), -ENOENT);
	assert_string_equal(text, NOTE "error: web -2\n");
}

/* Kept, in order, and offered again; what is too much rings the bell. */
static void a_vm_that_takes_nothing(void **state)
{
	static const char *const said[] = { NULL };
	static int what[5000];
	u32 n = 0, bells = 0;

	(void)state;
	room = 2;
	for (u32 i = 0; i < 4200; i++)
		what[n++] = 'a' + (int)(i % 26);
	what[n++] = NOTHING;
	what[n++] = NOTHING;
	what[n++] = LEAVE;
	assert_int_equal(talk(what, said), 0);
	assert_string_equal(typed, "ab");
	assert_true(tries > 4000);
	for (size_t i = 0; i < text_len; i++)
		bells += text[i] == '\a';
	assert_int_equal(bells, 4200 - 2 - 4096);
}

static void what_was_kept_follows(void **state)
{
	static const int what[] = { 'a', 'b', 'c', NOTHING, READS, 'd', 'e', LEAVE };
	static const char *const said[] = { NULL };

	(void)state;
	room = 1;
	assert_int_equal(talk(what, said), 0);
	assert_string_equal(typed, "abcde");
	/* Limits are for as long as something is kept. */
	assert_int_equal(tries, 3);
	/* What a session kept goes with it. */
	room = 0;
	assert_int_equal(talk(what + 6, said), 0);
	room = 1;
	assert_int_equal(talk(what + 6, said), 0);
	assert_string_equal(typed, "e");
}

static void a_lost_nudge_comes_again(void **state)
{
	static const int what[] = { LEAVE };
	static const char *const said[] = { NULL };

	(void)state;
	nudges_lost = 3;
	assert_int_equal(talk(what, said), 0);
	assert_int_equal(nudges_lost, 0);
	assert_string_equal(text, NOTE);
}

static void one_that_never_stops_talking(void **state)
{
	static const int what[] = { 'a', 'b', LEAVE };

	(void)state;
	says_on = true;
	assert_int_equal(talk(what, NULL), 0);
	assert_string_equal(typed, "ab");
	assert_string_equal(text, NOTE "yyy");
}

static void without_a_task(void **state)
{
	static const int what[] = { LEAVE };
	static const char *const said[] = { NULL };

	(void)state;
	no_task = true;
	assert_int_equal(talk(what, said), -ENOMEM);
	assert_string_equal(text, "error: vm console -12\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(keys_go_to_the_vm, setup),
		cmocka_unit_test_setup(output_is_shown, setup),
		cmocka_unit_test_setup(it_ends_with_the_vm, setup),
		cmocka_unit_test_setup(a_vm_that_takes_nothing, setup),
		cmocka_unit_test_setup(what_was_kept_follows, setup),
		cmocka_unit_test_setup(a_lost_nudge_comes_again, setup),
		cmocka_unit_test_setup(one_that_never_stops_talking, setup),
		cmocka_unit_test_setup(without_a_task, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/*
 * vm console: a VM's console on this one. Output and input are two waits that
 * neither may keep the other from, so there are two tasks: the CLI's reads
 * keys and types them at the VM, one of its own reads what the VM says and
 * prints it. Each ends the other: by `leaving` and a nudge of the VM's
 * console, by `ended` and a nudge of ours. Nobody polls, but for a VM that
 * does not take what is typed: that is tried again now and then.
 *
 * Both run on the CLI's VP and are cooperative, so plain fields do; there is
 * one CLI, so there is one session.
 */
#include "base/errno.h"
#include "lib/string.h"
#include "rootpart/cli/cmd_vm.h"
#include "rootpart/console.h"
#include "rootpart/console_input.h"
#include "rootpart/heap.h"
#include "rootpart/task.h"
#include "rootpart/time.h"
#include "rootpart/waitq.h"

#define LEAVE       0x1d /* Ctrl-] */
#define CHUNK       512u
#define TYPED_MAX   4096u
#define TRY_AGAIN   (20 * NS_PER_MS)
#define NUDGE_AGAIN (100 * NS_PER_MS)

static struct session {
	struct cli *cli;
	char name[VM_NAME_MAX + 1];
	bool leaving; /* said by the CLI's task */
	bool ended;   /* said by the other one, with error: its last word */
	int error;
	bool cr;   /* the VM said "\r", and it is not printed yet */
	u32 typed; /* bytes that the VM did not take yet */
	u8 bytes[TYPED_MAX];
} session;

static struct wait_queue ending = WAIT_QUEUE_INIT(ending);

/* Our console makes "\r\n" of "\n" by itself: a "\r" before it would be one too many. */
static void print(struct session *s, const char *text, size_t len)
{
	char out[CHUNK + 1];
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		if (s->cr && text[i] != '\n')
			out[n++] = '\r';
		s->cr = text[i] == '\r';
		if (!s->cr)
			out[n++] = text[i];
	}
	s->cli->out.write(&s->cli->out, out, n);
}

/* The task that shows what the VM says, from its start on. */
static void show_output(void *arg)
{
	struct session *s = arg;
	char text[CHUNK];
	u64 position = 0;
	bool off = false;
	int n = 0;

	while (!s->leaving && !off && n >= 0) {
		n = vm_console_read(s->name, &position, text, sizeof(text), TIME_NEVER, &off);
		if (n <= 0)
			continue;
		print(s, text, (size_t)n);
		/* A VM that never stops talking must not keep the CLI from hearing Ctrl-]. */
		task_yield();
	}
	s->error = MIN(n, 0);
	s->ended = true;
	console_nudge();
	wait_wake_all(&ending);
}

/* Types what is there. A VM that is off takes nothing, and needs nothing. */
static void type(struct session *s)
{
	int taken = vm_console_type(s->name, s->bytes, s->typed);

	if (taken < 0)
		taken = (int)s->typed;
	s->typed -= (u32)taken;
	memmove(s->bytes, s->bytes + taken, s->typed);
}

static void keep(struct session *s, u8 byte)
{
	if (s->typed < TYPED_MAX)
		s->bytes[s->typed++] = byte;
	else
		cli_text(s->cli, "\a");
}

/* Until Ctrl-], or the end of the other task. Ctrl-C is a key like others. */
static void take_keys(struct session *s)
{
	while (!s->ended) {
		int byte = console_read(s->typed > 0 ? time_ns() + TRY_AGAIN : TIME_NEVER);

		if (byte == LEAVE)
			return;
		if (byte >= 0)
			keep(s, (u8)byte);
		if (s->typed > 0)
			type(s);
	}
}

/* Once more and again: a nudge that came before the other task waits is lost. */
static void end_output(struct session *s)
{
	s->leaving = true;
	do
		vm_console_nudge(s->name);
	while (wait_event_timeout(&ending, s->ended, NUDGE_AGAIN) != 0);
}

static int tell_end(struct session *s, struct vm_info *info)
{
	int r = s->error != 0 ? s->error : vm_get(s->name, info);

	console_fresh_line();
	if (r != 0)
		return vm_failed(s->cli, r, s->name, "");
	if (info->state == VM_FAILED)
		cli_printf(s->cli, "note: %s has failed: %s\n", s->name, info->why);
	else
		cli_printf(s->cli, "note: %s is %s\n", s->name, vm_state_name(info->state));
	return 0;
}

static int talk(struct session *s, struct vm_info *info)
{
	if (task_create("vm console", show_output, s) == NULL)
		return cli_error_errno(s->cli, -ENOMEM, "vm console");
	cli_printf(s->cli, "note: this is the console of %s; Ctrl-] leaves it\n", s->name);
	take_keys(s);
	if (s->ended)
		return tell_end(s, info);
	end_output(s);
	return 0;
}

static int run_console(struct cli *cli, const struct cli_args *args)
{
	struct vm_info *info;
	int r;

	info = vm_look_up(cli, args->words[0], &r);
	if (info == NULL)
		return r;
	session = (struct session){ .cli = cli };
	(void)str_copy(session.name, args->words[0], sizeof(session.name));
	r = talk(&session, info);
	kfree(info);
	return r;
}

const struct cli_command command_vm_console = {
	.name = "vm console",
	.usage = "NAME",
	.help = "see and type what its console says and takes; Ctrl-] leaves",
	.more = "Shows what it said since its start, then what it says. All that is typed goes to\n"
		"the VM, Ctrl-C too, but for Ctrl-]. Ends by itself when the VM is off.",
	.min_words = 1,
	.max_words = 1,
	.run = run_console,
	.complete = complete_vm,
};

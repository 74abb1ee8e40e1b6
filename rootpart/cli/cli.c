/* SPDX-License-Identifier: MIT */
/*
 * The CLI's task: banner, prompt, line, command, again. Owns the line editor
 * of the console. Log lines that come while a line is typed are shown here,
 * so that they never mix with it.
 */
#include "rootpart/cli/cli.h"

#include "base/errno.h"
#include "base/version.h"
#include "lib/string.h"
#include "rootpart/boot_modules.h"
#include "rootpart/cli/command.h"
#include "rootpart/cli/lineedit.h"
#include "rootpart/console.h"
#include "rootpart/console_input.h"
#include "rootpart/cpu.h"
#include "rootpart/log.h"
#include "rootpart/panic.h"
#include "rootpart/task.h"
#include "rootpart/time.h"
#include "x86/cpu.h"

static void console_out(struct out *out, const char *text, size_t len)
{
	(void)out;
	console_write_wait(text, len);
}

static struct cli session = { .out = { console_out } };
static struct line_editor editor = {
	.out = &session.out,
	.prompt = "root> ",
	.complete = complete_line,
};

static u64 prompt_tsc;

u64 cli_prompt_tsc(void)
{
	return prompt_tsc;
}

static void show_log(void)
{
	if (!log_waiting())
		return;
	log_show();
	if (editor.len > 0)
		line_redraw(&editor);
}

/* True with a line in the editor, false if it was given up. */
static bool read_line(void)
{
	enum line_event event = LINE_MORE;

	console_fresh_line();
	line_begin(&editor);
	if (prompt_tsc == 0)
		prompt_tsc = rdtsc();
	log_defer(console_nudge);
	while (event == LINE_MORE) {
		int byte = console_read(TIME_NEVER);

		if (byte >= 0)
			event = line_input(&editor, (u8)byte);
		else
			show_log();
	}
	log_defer(NULL);
	return event == LINE_DONE;
}

static void banner(void)
{
	const struct bootinfo *info = boot_info();

	cli_printf(&session, "Verdigris %s on %s, %u processor%s. Type help for the commands.\n",
		VERDIGRIS_VERSION, info->vendor, info->processors,
		info->processors == 1 ? "" : "s");
}

static void cli_task(void *arg)
{
	(void)arg;
	console_start();
	banner();
	for (;;) {
		if (!read_line())
			continue;
		(void)cli_run_line(&session, editor.text);
		if (console_take_interrupt())
			cli_text(&session, "^C\n");
	}
}

void cli_start(void)
{
	if (task_create("cli", cli_task, NULL) == NULL)
		panic("no memory for the command line's task");
}

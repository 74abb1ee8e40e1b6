/* SPDX-License-Identifier: MIT */
/*
 * log: the rings of text that hypervisor and root keep.
 */
#include "base/errno.h"
#include "lib/string.h"
#include "rootpart/boot_modules.h"
#include "rootpart/cli/commands.h"
#include "rootpart/log.h"
#include "rootpart/log_reader.h"
#include "x86/atomic.h"

static const struct {
	const char *name;
	const struct log_ring *(*ring)(void);
} logs[] = {
	{ "hypervisor", boot_log_ring },
	{ "root", log_ring_own },
};

/* Calls for each line that was there at the start. */
static int for_each_line(
	const struct log_ring *ring, void (*use)(void *ctx, const char *line), void *ctx)
{
	u64 end = load_acquire(&ring->head);
	u64 at = log_reader_start(ring);
	char line[LOG_LINE];

	while (at < end && log_reader_next(ring, &at, line, sizeof(line))) {
		if (cli_interrupted())
			return -EINTR;
		use(ctx, line);
	}
	return 0;
}

static void print_line(void *cli, const char *line)
{
	cli_text(cli, line);
	cli_text(cli, "\n");
}

static int print_log(struct cli *cli, const struct log_ring *ring)
{
	u64 dropped = load_relaxed(&ring->dropped);
	int r;

	if (log_reader_start(ring) > 0)
		cli_text(cli, "(older lines are gone)\n");
	r = for_each_line(ring, print_line, cli);
	if (r == 0 && dropped > 0)
		cli_printf(cli, "(%llu lines were held back, too many at once)\n",
			(unsigned long long)dropped);
	return r;
}

static void json_line(void *json, const char *line)
{
	json_string(json, NULL, line);
}

static int json_log(struct json *j, const char *name, const struct log_ring *ring)
{
	int r;

	json_object(j, name);
	json_number(j, "dropped", load_relaxed(&ring->dropped));
	json_array(j, "lines");
	r = for_each_line(ring, json_line, j);
	json_close(j);
	json_close(j);
	return r;
}

/* @word NULL: all logs. */
static int show_logs(struct cli *cli, const char *word, struct json *j)
{
	int r = 0;

	for (u32 i = 0; i < ARRAY_SIZE(logs) && r == 0; i++) {
		const struct log_ring *ring = logs[i].ring();

		if ((word != NULL && strcmp(word, logs[i].name) != 0) || ring == NULL)
			continue;
		if (j != NULL) {
			r = json_log(j, logs[i].name, ring);
			continue;
		}
		if (word == NULL)
			cli_printf(cli, "--- %s\n", logs[i].name);
		r = print_log(cli, ring);
	}
	return r;
}

static int run_log(struct cli *cli, const struct cli_args *args)
{
	const char *word = args->count > 0 ? args->words[0] : NULL;
	struct json j;
	int r;

	if (word != NULL && strcmp(word, "hypervisor") != 0 && strcmp(word, "root") != 0)
		return cli_error(
			cli, -ENOENT, "no log \"%.64s\"; there are hypervisor and root", word);
	if (!args_has(args, "json"))
		return show_logs(cli, word, NULL);
	json_begin(&j, &cli->out);
	json_object(&j, NULL);
	r = show_logs(cli, word, &j);
	json_close(&j);
	json_end(&j);
	return r;
}

static void complete_log(struct completion *c, const char *typed)
{
	for (u32 i = 0; i < ARRAY_SIZE(logs); i++)
		completion_offer(c, typed, logs[i].name);
}

static const struct cli_option options[] = { CLI_OPTION_JSON };

const struct cli_command command_log = {
	.name = "log",
	.usage = "[--json] [hypervisor|root]",
	.help = "what hypervisor and root have to say",
	.max_words = 1,
	.options = options,
	.option_count = ARRAY_SIZE(options),
	.run = run_log,
	.complete = complete_log,
};

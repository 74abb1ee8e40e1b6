/* SPDX-License-Identifier: MIT */
/*
 * What a command is, and what it may use. A command is a const struct in the
 * file that implements it, named in commands.c's table; a group of commands,
 * as `vm`, is one with a table of its own. All run in the CLI's task, one at
 * a time.
 *
 * A command that fails prints one line by cli_error(), changes nothing, and
 * returns a negative errno. One that takes long looks at cli_interrupted().
 */
#pragma once

#include "base/types.h"
#include "rootpart/cli/args.h"
#include "rootpart/cli/completion.h"
#include "rootpart/cli/json.h"
#include "rootpart/cli/out.h"

#define CLI_ANY_NUMBER WORDS_MAX

/* A session: one line at a time. */
struct cli {
	struct out out;
	u32 depth;          /* of files that are run */
	const char *source; /* the file that is run, for error lines; NULL: typed */
	u32 line;           /* in it */
};

struct cli_command {
	const char *name;  /* within a group with the group's: "vm create" */
	const char *usage; /* its words: "[--json] [PATH]" */
	const char *help;  /* one line */
	const char *more;  /* further lines of its help, NULL if there are none */
	u32 min_words;     /* besides name and options */
	u32 max_words;
	const struct cli_option *options;
	u32 option_count;
	int (*run)(struct cli *cli, const struct cli_args *args);
	/* Offers candidates for the word @typed behind c->args; NULL: there are none. */
	void (*complete)(struct completion *c, const char *typed);
	/* A group: the word behind its name chooses one of these; it has no run(). */
	const struct cli_command *const *commands;
	u32 command_count;
};

/* All commands, sorted by name. */
extern const struct cli_command *const cli_commands[];
extern const u32 cli_command_count;
/* The one in cli_commands, or in @group's table, that @word names; or NULL. */
const struct cli_command *cli_find(const char *word);
const struct cli_command *cli_find_in(const struct cli_command *group, const char *word);
/* The last word of its name: what is typed for it within its group. */
const char *cli_command_word(const struct cli_command *c);

/* The option that every listing has. */
#define CLI_OPTION_JSON                                                       \
	{                                                                     \
		.name = "json", .help = "print one JSON document on one line" \
	}

/* Runs a line, which it takes apart. 0, or what the command returned. */
int cli_run_line(struct cli *cli, char *line);

void cli_text(struct cli *cli, const char *text);
/* At most 511 bytes. */
void cli_printf(struct cli *cli, const char *fmt, ...) __printf(2, 3);
/* Prints "error: ..." with where it happened, a newline at its end; returns @error. */
int cli_error(struct cli *cli, int error, const char *fmt, ...) __printf(3, 4);
/* The same, "WHAT: words for the errno". */
int cli_error_errno(struct cli *cli, int error, const char *what);

/* True once Ctrl-C was typed. Lets other tasks run. */
bool cli_interrupted(void);

/* The number that option --@name has; *@out stays if it was not given. Prints the error. */
[[nodiscard]] int cli_number(
	struct cli *cli, const struct cli_args *args, const char *name, u64 min, u64 max, u64 *out);

/* Candidates for Tab: paths; names of commands in no group, and in @group. */
void complete_path(struct completion *c, const char *typed);
void complete_command(struct completion *c, const char *typed);
void complete_command_in(struct completion *c, const struct cli_command *group, const char *typed);
/* For what stands before line[cursor]; line_editor.complete. */
void complete_line(void *ctx, const char *line, size_t cursor, struct completion *c);

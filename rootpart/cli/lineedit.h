/* SPDX-License-Identifier: MIT */
/*
 * The line editor: bytes of a terminal in, edited line and echo out. Knows no
 * device and never asks the terminal anything; it draws with printable
 * characters, "\b", "\n" and "\a" only. UTF-8 takes one column per character.
 *
 * Keys: Left, Right, Home, End or Ctrl-B, F, A, E; Backspace, Delete; Ctrl-U,
 * K, W delete to the beginning, the end, a word; Up, Down or Ctrl-P, N walk
 * the history; Tab completes, twice lists; Ctrl-C gives the line up. Others
 * do nothing.
 */
#pragma once

#include "base/types.h"
#include "rootpart/cli/completion.h"
#include "rootpart/cli/out.h"

#define LINE_MAX     1024u /* bytes of a line; more is refused with a bell */
#define LINE_HISTORY 32u

enum line_event {
	LINE_MORE,      /* the line goes on */
	LINE_DONE,      /* Enter: text holds it */
	LINE_ABANDONED, /* Ctrl-C: "^C" was printed */
};

enum line_escape { LINE_ESCAPE_NONE, LINE_ESCAPE_START, LINE_ESCAPE_CSI, LINE_ESCAPE_SS3 };

struct line_editor {
	/* Given before the first call; complete may be NULL. */
	struct out *out;
	const char *prompt;
	/* Candidates for what stands before text[cursor]; see completion.h. */
	void (*complete)(void *ctx, const char *text, size_t cursor, struct completion *c);
	void *ctx;

	char text[LINE_MAX + 1]; /* terminated */
	size_t len;
	size_t cursor;

	/* Its own. */
	enum line_escape escape;
	u32 escape_number;
	bool after_cr; /* "\r\n" is one Enter */
	bool after_tab;
	u32 entries; /* lines ever put into the history */
	u32 back;    /* how many lines back the history stands, 0: the new line */
	char kept[LINE_MAX + 1];
	char history[LINE_HISTORY][LINE_MAX + 1];
	struct completion completion;
};

/* Prints the prompt and begins an empty line. */
void line_begin(struct line_editor *e);
enum line_event line_input(struct line_editor *e, u8 byte);
/* Prints prompt, text and cursor once more, after something came between. */
void line_redraw(struct line_editor *e);

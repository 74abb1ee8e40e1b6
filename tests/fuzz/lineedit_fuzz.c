/* SPDX-License-Identifier: MIT */
/*
 * Any bytes typed into the line editor: the terminal never goes wrong, and
 * for printable input shows what the editor holds.
 * sources: rootpart/cli/lineedit.c rootpart/cli/completion.c lib/string.c
 */
#include "tests/unit/terminal.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

static struct terminal terminal;
static struct line_editor editor;

static void offer(void *ctx, const char *text, size_t cursor, struct completion *c)
{
	(void)ctx;
	(void)text;
	c->from = cursor / 2;
	completion_add(c, "candidate");
	if (cursor % 2)
		completion_add(c, "candy/");
}

static void check(bool ascii)
{
	static char shown[4 * TERMINAL_CELLS];
	size_t len = editor.len;

	if (strlen(editor.text) != editor.len && memchr(editor.text, '\0', editor.len) == NULL)
		__builtin_trap();
	if (editor.len > LINE_MAX || editor.cursor > editor.len || editor.text[editor.len] != '\0')
		__builtin_trap();
	if (!ascii)
		return;
	while (len > 0 && editor.text[len - 1] == ' ')
		len--;
	terminal_line(&terminal, shown);
	if (len > 0 && (strncmp(shown, "> ", 2) != 0 || strlen(shown + 2) != len ||
			       memcmp(shown + 2, editor.text, len) != 0))
		__builtin_trap();
	if (terminal.cursor != editor.cursor + 2)
		__builtin_trap();
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	bool ascii = true;

	memset(&terminal, 0, sizeof(terminal));
	memset(&editor, 0, offsetof(struct line_editor, history));
	terminal.out.write = terminal_write;
	editor.out = &terminal.out;
	editor.prompt = "> ";
	editor.complete = offer;
	line_begin(&editor);
	for (size_t i = 0; i < size; i++) {
		/* The terminal does not do stray bytes of UTF-8. */
		ascii = ascii && data[i] < 0x80;
		if (!ascii && data[i] >= 0x80 && (data[i] & 0xc0) == 0x80)
			continue;
		if (line_input(&editor, data[i]) != LINE_MORE)
			line_begin(&editor);
		check(ascii);
	}
	return 0;
}

/* SPDX-License-Identifier: MIT */
/*
 * The line editor. Every change of the line is one call of edit(), which
 * keeps text, cursor and screen in step. Called by the CLI's task only.
 * Control characters and sequences: ECMA-48, VT100.
 */
#include "rootpart/cli/lineedit.h"

#include "lib/string.h"

#define CTRL(c)    ((u8)((c) - 'A' + 1))
#define KEY_ESCAPE 0x1bu
#define KEY_DELETE 0x7fu

static void put(struct line_editor *e, const char *text, size_t len)
{
	if (len > 0)
		e->out->write(e->out, text, len);
}

static void put_many(struct line_editor *e, const char *same, size_t count)
{
	for (size_t n; count > 0; count -= n) {
		n = MIN(count, strlen(same));
		put(e, same, n);
	}
}

static void put_back(struct line_editor *e, size_t columns)
{
	put_many(e, "\b\b\b\b\b\b\b\b\b\b\b\b\b\b\b\b", columns);
}

static void bell(struct line_editor *e)
{
	put(e, "\a", 1);
}

static bool continues(char c)
{
	return ((u8)c & 0xc0) == 0x80;
}

static size_t columns(const struct line_editor *e, size_t from, size_t to)
{
	size_t n = 0;

	for (size_t i = from; i < to; i++)
		n += !continues(e->text[i]);
	return n;
}

static size_t char_before(const struct line_editor *e, size_t at)
{
	while (at > 0 && continues(e->text[--at]))
		;
	return at;
}

static size_t char_after(const struct line_editor *e, size_t at)
{
	if (at < e->len)
		at++;
	while (at < e->len && continues(e->text[at]))
		at++;
	return at;
}

static void move_to(struct line_editor *e, size_t to)
{
	if (to < e->cursor)
		put_back(e, columns(e, to, e->cursor));
	else
		put(e, e->text + e->cursor, to - e->cursor);
	e->cursor = to;
}

/* Puts @n bytes in the place of @remove bytes at @at, and the cursor behind. */
static bool edit(struct line_editor *e, size_t at, size_t remove, const char *text, size_t n)
{
	size_t before = columns(e, at, e->len);
	size_t now;

	if (e->len - remove + n > LINE_MAX) {
		bell(e);
		return false;
	}
	move_to(e, at);
	memmove(e->text + at + n, e->text + at + remove, e->len - at - remove);
	memcpy(e->text + at, text, n);
	e->len = e->len - remove + n;
	e->text[e->len] = '\0';
	put(e, e->text + at, e->len - at);
	now = columns(e, at, e->len);
	if (now < before) {
		put_many(e, "                ", before - now);
		put_back(e, before - now);
	}
	put_back(e, columns(e, at + n, e->len));
	e->cursor = at + n;
	return true;
}

static void erase(struct line_editor *e, size_t from, size_t to)
{
	if (from < to)
		(void)edit(e, from, to - from, "", 0);
}

static size_t word_before(const struct line_editor *e)
{
	size_t at = e->cursor;

	while (at > 0 && e->text[at - 1] == ' ')
		at--;
	while (at > 0 && e->text[at - 1] != ' ')
		at--;
	return at;
}

void line_begin(struct line_editor *e)
{
	e->len = 0;
	e->cursor = 0;
	e->text[0] = '\0';
	e->back = 0;
	e->after_tab = false;
	e->escape = LINE_ESCAPE_NONE;
	put(e, e->prompt, strlen(e->prompt));
}

void line_redraw(struct line_editor *e)
{
	put(e, e->prompt, strlen(e->prompt));
	put(e, e->text, e->len);
	put_back(e, columns(e, e->cursor, e->len));
}

static const char *history_line(const struct line_editor *e, u32 back)
{
	return back == 0 ? e->kept : e->history[(e->entries - back) % LINE_HISTORY];
}

static void history_add(struct line_editor *e)
{
	if (e->len == 0 || (e->entries > 0 && strcmp(history_line(e, 1), e->text) == 0))
		return;
	memcpy(e->history[e->entries++ % LINE_HISTORY], e->text, e->len + 1);
}

static void history_go(struct line_editor *e, u32 back)
{
	const char *line;

	if (back > MIN(e->entries, LINE_HISTORY)) {
		bell(e);
		return;
	}
	if (e->back == 0)
		memcpy(e->kept, e->text, e->len + 1);
	e->back = back;
	line = history_line(e, back);
	(void)edit(e, 0, e->len, line, strlen(line));
}

static void history_up(struct line_editor *e)
{
	history_go(e, e->back + 1);
}

static void history_down(struct line_editor *e)
{
	if (e->back > 0)
		history_go(e, e->back - 1);
	else
		bell(e);
}

static void show_candidates(struct line_editor *e, const struct completion *c)
{
	put(e, "\n", 1);
	put(e, c->list, strnlen(c->list, sizeof(c->list)));
	put(e, "\n", 1);
	line_redraw(e);
}

static void complete(struct line_editor *e)
{
	struct completion *c = &e->completion;
	size_t typed, len;
	bool again = e->after_tab;

	completion_begin(c);
	if (e->complete != NULL)
		e->complete(e->ctx, e->text, e->cursor, c);
	if (c->count == 0 || c->from > e->cursor) {
		bell(e);
		return;
	}
	typed = e->cursor - c->from;
	len = strlen(c->common);
	if (c->count == 1 || len > typed) {
		if (edit(e, c->from, typed, c->common, len) && c->count == 1 &&
			(len == 0 || c->common[len - 1] != '/'))
			(void)edit(e, e->cursor, 0, " ", 1);
	} else if (again) {
		show_candidates(e, c);
	} else {
		bell(e);
		e->after_tab = true;
	}
}

static void key_left(struct line_editor *e)
{
	move_to(e, char_before(e, e->cursor));
}

static void key_right(struct line_editor *e)
{
	move_to(e, char_after(e, e->cursor));
}

static void key_home(struct line_editor *e)
{
	move_to(e, 0);
}

static void key_end(struct line_editor *e)
{
	move_to(e, e->len);
}

static void key_backspace(struct line_editor *e)
{
	erase(e, char_before(e, e->cursor), e->cursor);
}

static void key_delete(struct line_editor *e)
{
	erase(e, e->cursor, char_after(e, e->cursor));
}

static void key_kill_start(struct line_editor *e)
{
	erase(e, 0, e->cursor);
}

static void key_kill_end(struct line_editor *e)
{
	erase(e, e->cursor, e->len);
}

static void key_kill_word(struct line_editor *e)
{
	erase(e, word_before(e), e->cursor);
}

struct key {
	u8 code;
	void (*act)(struct line_editor *e);
};

static const struct key control_keys[] = {
	{ CTRL('A'), key_home },
	{ CTRL('B'), key_left },
	{ CTRL('E'), key_end },
	{ CTRL('F'), key_right },
	{ CTRL('H'), key_backspace },
	{ CTRL('I'), complete },
	{ CTRL('K'), key_kill_end },
	{ CTRL('N'), history_down },
	{ CTRL('P'), history_up },
	{ CTRL('U'), key_kill_start },
	{ CTRL('W'), key_kill_word },
	{ KEY_DELETE, key_backspace },
};

/* ESC [ letter, and ESC O letter. */
static const struct key letter_keys[] = {
	{ 'A', history_up },
	{ 'B', history_down },
	{ 'C', key_right },
	{ 'D', key_left },
	{ 'F', key_end },
	{ 'H', key_home },
};

/* ESC [ number ~ */
static const struct key number_keys[] = {
	{ 1, key_home },
	{ 3, key_delete },
	{ 4, key_end },
	{ 7, key_home },
	{ 8, key_end },
};

static void act(struct line_editor *e, const struct key *keys, size_t count, u32 code)
{
	for (size_t i = 0; i < count; i++) {
		if (keys[i].code == code)
			keys[i].act(e);
	}
}

static void escape_csi(struct line_editor *e, u8 byte)
{
	if (byte >= '0' && byte <= '9') {
		e->escape_number = MIN(e->escape_number * 10 + byte - '0', 255u);
		return;
	}
	/* Further parameters, such as modifiers, are passed over. */
	if (byte >= 0x20 && byte < 0x40)
		return;
	e->escape = LINE_ESCAPE_NONE;
	if (byte == '~')
		act(e, number_keys, ARRAY_SIZE(number_keys), e->escape_number);
	else
		act(e, letter_keys, ARRAY_SIZE(letter_keys), byte);
}

/* True if @byte belonged to a sequence. */
static bool escape_input(struct line_editor *e, u8 byte)
{
	enum line_escape state = e->escape;

	if (byte == KEY_ESCAPE) {
		e->escape = LINE_ESCAPE_START;
		return true;
	}
	if (state == LINE_ESCAPE_NONE)
		return false;
	/* A control character ends whatever sequence was begun. */
	if (byte < 0x20 || (state == LINE_ESCAPE_START && byte != '[' && byte != 'O')) {
		e->escape = LINE_ESCAPE_NONE;
		return false;
	}
	if (state == LINE_ESCAPE_START) {
		e->escape = byte == '[' ? LINE_ESCAPE_CSI : LINE_ESCAPE_SS3;
		e->escape_number = 0;
	} else if (state == LINE_ESCAPE_CSI) {
		escape_csi(e, byte);
	} else {
		e->escape = LINE_ESCAPE_NONE;
		act(e, letter_keys, ARRAY_SIZE(letter_keys), byte);
	}
	return true;
}

static enum line_event enter(struct line_editor *e)
{
	put(e, "\n", 1);
	history_add(e);
	return LINE_DONE;
}

enum line_event line_input(struct line_editor *e, u8 byte)
{
	bool lf_of_cr = byte == '\n' && e->after_cr;
	char c = (char)byte;

	e->after_cr = byte == '\r';
	if (lf_of_cr || escape_input(e, byte))
		return LINE_MORE;
	if (byte != '\t')
		e->after_tab = false;
	if (byte == '\r' || byte == '\n')
		return enter(e);
	if (byte == CTRL('C')) {
		put(e, "^C\n", 3);
		return LINE_ABANDONED;
	}
	if (byte < 0x20 || byte == KEY_DELETE)
		act(e, control_keys, ARRAY_SIZE(control_keys), byte);
	else
		(void)edit(e, e->cursor, 0, &c, 1);
	return LINE_MORE;
}

/* SPDX-License-Identifier: MIT */
/*
 * vm.conf as text. Values of some keys are any text: these stand in double
 * quotes, in which \" and \\ are a quote and a backslash, and \xHH a byte;
 * control characters appear as \xHH only. All others are plain words. So `#`
 * outside of quotes always begins a comment, and a value is one line.
 * What a key and its value mean is vm_keys.c's. The CLI's task; boot.
 */
#include "rootpart/vm/vm_config.h"

#include <stdarg.h>

#include "base/errno.h"
#include "lib/format.h"
#include "lib/string.h"
#include "rootpart/vm/vm_keys.h"

#define KEY_MAX 24u

void vm_config_default(struct vm_config *c, const char *name)
{
	/* No value of all of it at once: that might be made on the stack first. */
	memset(c, 0, sizeof(*c));
	c->memory = 512 * MIB;
	c->cpus = 1;
	c->weight = 100;
	c->sector_size = 512;
	(void)str_copy(c->name, name, sizeof(c->name));
}

static bool is_alphanumeric(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

const char *vm_name_wrong(const char *name)
{
	if (name[0] == '\0')
		return "the VM's name is empty";
	for (u32 i = 0; name[i] != '\0'; i++) {
		if (i == VM_NAME_MAX)
			return "a VM's name has at most 63 characters";
		if (!is_alphanumeric(name[i]) && (i == 0 || strchr("-_.", name[i]) == NULL))
			return "a VM's name is letters, digits, '-', '_' and '.', "
			       "and begins with a letter or digit";
	}
	return NULL;
}

/* Reading: @at moves through the line that ends at @end. */
struct parser {
	struct vm_config *c;
	u32 line;
	u64 seen; /* bit per key of vm_keys */
	bool format_seen;
	const char *at;
	const char *end;
	char *why;
	size_t why_size;
	char value[VM_CMDLINE_MAX + 2]; /* one more than the longest that is right */
	size_t value_len;
};

__printf(2, 3) static int wrong(struct parser *p, const char *fmt, ...)
{
	size_t len = (size_t)format(p->why, p->why_size, "line %u: ", p->line);
	va_list args;

	va_start(args, fmt);
	if (len < p->why_size)
		(void)format_va(p->why + len, p->why_size - len, fmt, args);
	va_end(args);
	return -EINVAL;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static bool is_control(char c)
{
	return (u8)c < 0x20 || c == 0x7f;
}

/* True if something other than a comment is left of the line. */
static bool more(struct parser *p)
{
	while (p->at < p->end && is_blank(*p->at))
		p->at++;
	return p->at < p->end && *p->at != '#';
}

static int put_value(struct parser *p, char c)
{
	if (p->value_len == sizeof(p->value) - 1)
		return wrong(p, "the value is too long");
	p->value[p->value_len++] = c;
	p->value[p->value_len] = '\0';
	return 0;
}

static u32 hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return (u32)(c - '0');
	return c >= 'a' && c <= 'f' ? (u32)(c - 'a' + 10) : 16;
}

/* What follows a backslash. */
static int take_escape(struct parser *p)
{
	u32 high, low;

	if (p->at < p->end && (*p->at == '"' || *p->at == '\\'))
		return put_value(p, *p->at++);
	if (p->end - p->at >= 3 && *p->at == 'x') {
		high = hex_digit(p->at[1]);
		low = hex_digit(p->at[2]);
		p->at += 3;
		if (high < 16 && low < 16 && high + low > 0)
			return put_value(p, (char)(high << 4 | low));
	}
	return wrong(p, "behind \\ stands \", \\ or x with two digits 0-9, a-f, not 00");
}

static int take_quoted(struct parser *p)
{
	int r = 0;

	p->at++;
	while (r == 0 && p->at < p->end && *p->at != '"') {
		char c = *p->at++;

		if (c == '\\')
			r = take_escape(p);
		else if (is_control(c))
			r = wrong(p, "a control character; write it as \\x%02x", (u8)c);
		else
			r = put_value(p, c);
	}
	if (r != 0)
		return r;
	if (p->at == p->end)
		return wrong(p, "a quote is not closed");
	p->at++;
	return more(p) ? wrong(p, "something stands behind the closing quote") : 0;
}

static int take_plain(struct parser *p)
{
	int r = 0;

	while (r == 0 && p->at < p->end && *p->at != '#') {
		if (is_control(*p->at) && !is_blank(*p->at))
			return wrong(p, "a control character");
		r = put_value(p, *p->at++);
	}
	while (p->value_len > 0 && is_blank(p->value[p->value_len - 1]))
		p->value[--p->value_len] = '\0';
	return r;
}

/* The value behind the "=" into p->value. */
static int take_value(struct parser *p, const char *name, bool quoted)
{
	bool quote = more(p) && *p->at == '"';

	p->value_len = 0;
	p->value[0] = '\0';
	if (quoted && !quote)
		return wrong(p, "%s: text stands in quotes: %s = \"...\"", name, name);
	if (!quoted && quote)
		return wrong(p, "%s: this value stands without quotes", name);
	return quote ? take_quoted(p) : take_plain(p);
}

static int take_format(struct parser *p)
{
	u64 v;
	int r;

	if (p->format_seen)
		return wrong(p, "format stands here for the second time");
	r = take_value(p, "format", false);
	if (r != 0)
		return r;
	if (str_to_u64(p->value, false, &v) != 0 || v != VM_CONFIG_FORMAT)
		return wrong(p, "format \"%.16s\" is not known here, only %u is", p->value,
			VM_CONFIG_FORMAT);
	p->format_seen = true;
	return 0;
}

static int take_key(struct parser *p, const char *name)
{
	const struct vm_key *key = vm_key_find(name);
	char why[VM_KEY_WHY];
	int r;

	if (key == NULL)
		return wrong(p, "no key \"%s\"", name);
	if (p->seen & BIT(key - vm_keys))
		return wrong(p, "%s stands here for the second time", name);
	p->seen |= BIT(key - vm_keys);
	r = take_value(p, name, key->kind->quoted);
	if (r != 0)
		return r;
	if (vm_key_set(key, p->c, p->value, why) != 0)
		return wrong(p, "%s: %s", name, why);
	return 0;
}

/* The name in front of the "=", and moves behind it. */
static int take_name(struct parser *p, char name[static KEY_MAX])
{
	size_t len = 0;

	while (p->at < p->end && (is_alphanumeric(*p->at) || *p->at == '-') && len + 1 < KEY_MAX)
		name[len++] = *p->at++;
	name[len] = '\0';
	if (len == 0 || !more(p) || *p->at != '=')
		return wrong(p, "this is not KEY = VALUE");
	p->at++;
	return 0;
}

static int parse_line(struct parser *p)
{
	char name[KEY_MAX];
	int r;

	if (!more(p))
		return 0;
	r = take_name(p, name);
	if (r != 0)
		return r;
	if (strcmp(name, "format") == 0)
		return take_format(p);
	if (!p->format_seen)
		return wrong(p, "the first key is format, not %s", name);
	return take_key(p, name);
}

/* What only the whole file shows. */
static int check_whole(struct parser *p)
{
	const char *clash = vm_config_clash(p->c);
	u64 features = 0;

	if (!p->format_seen)
		return wrong(p, "format is missing: format = %u", VM_CONFIG_FORMAT);
	for (u32 i = 0; i < vm_key_count; i++)
		features |= vm_keys[i].feature ? BIT(i) : 0;
	if ((p->seen & features) != 0 && (p->seen & features) != features)
		return wrong(p, "processor-features, xsave-states and tsc-hz go together");
	p->c->has_features = (p->seen & features) != 0;
	return clash != NULL ? wrong(p, "%s", clash) : 0;
}

int vm_config_parse(struct vm_config *c, const char *text, size_t len, char *why, size_t why_size)
{
	struct parser p = { .c = c, .why = why, .why_size = why_size };
	const char *end = text + len;
	char name[VM_NAME_MAX + 1];
	int r;

	(void)str_copy(name, c->name, sizeof(name));
	vm_config_default(c, name);
	p.end = text;
	do {
		p.at = p.line++ > 0 ? p.end + 1 : text;
		for (p.end = p.at; p.end < end && *p.end != '\n';)
			p.end++;
		r = parse_line(&p);
	} while (r == 0 && p.end < end);
	return r != 0 ? r : check_whole(&p);
}

/* Writing. */
struct writer {
	char *text;
	size_t size;
	size_t len; /* of the whole text, whatever fits */
};

__printf(2, 3) static void put(struct writer *w, const char *fmt, ...)
{
	size_t room = w->len < w->size ? w->size - w->len : 0;
	va_list args;

	va_start(args, fmt);
	w->len += (size_t)format_va(room > 0 ? w->text + w->len : NULL, room, fmt, args);
	va_end(args);
}

static void put_quoted(struct writer *w, const char *value)
{
	put(w, "\"");
	for (; *value != '\0'; value++) {
		if (is_control(*value))
			put(w, "\\x%02x", (u8)*value);
		else
			put(w, "%s%c", *value == '"' || *value == '\\' ? "\\" : "", *value);
	}
	put(w, "\"");
}

static bool is_left_out(const struct vm_key *key, const struct vm_config *c)
{
	return (key->feature && !c->has_features) || (key->sparse && *vm_key_text(key, c) == '\0');
}

int vm_config_format(const struct vm_config *c, char *text, size_t size)
{
	struct writer w = { text, size, 0 };
	char value[VM_KEY_WORD];

	put(&w, "format = %u\n", VM_CONFIG_FORMAT);
	for (u32 i = 0; i < vm_key_count; i++) {
		const struct vm_key *key = &vm_keys[i];

		if (is_left_out(key, c))
			continue;
		put(&w, "%s = ", key->name);
		if (key->kind->quoted) {
			put_quoted(&w, vm_key_text(key, c));
		} else {
			vm_key_get(key, c, value);
			put(&w, "%s", value);
		}
		put(&w, "\n");
	}
	return w.len < size ? (int)w.len : -ENOSPC;
}

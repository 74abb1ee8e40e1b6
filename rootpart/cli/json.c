/* SPDX-License-Identifier: MIT */
/*
 * The JSON writer. Called by commands, in the CLI's task.
 */
#include "rootpart/cli/json.h"

#include "base/assert.h"
#include "lib/format.h"
#include "lib/string.h"

static void flush(struct json *j)
{
	if (j->held > 0)
		j->out->write(j->out, j->buffer, j->held);
	j->held = 0;
}

static void put(struct json *j, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (j->held == sizeof(j->buffer))
			flush(j);
		j->buffer[j->held++] = text[i];
	}
}

static void put_text(struct json *j, const char *text)
{
	put(j, text, strlen(text));
}

/* Least code point of a sequence of so many bytes, against overlong ones. */
static const u32 utf8_least[] = { 0, 0, 0x80, 0x800, 0x10000 };

/* Length of the UTF-8 sequence at @s, 0 if there is none. RFC 3629. */
static size_t utf8_length(const u8 *s, size_t len)
{
	size_t n = s[0] < 0x80 ? 1 : s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
	u32 code;

	if (n <= 1 || n > len || s[0] > 0xf4)
		return n == 1;
	code = s[0] & (0x7fu >> n);
	for (size_t i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (s[i] & 0x3fu);
	}
	if (code < utf8_least[n] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
		return 0;
	return n;
}

static void put_escaped(struct json *j, u8 c)
{
	char text[8];

	if (c == '"' || c == '\\')
		(void)format(text, sizeof(text), "\\%c", c);
	else if (c == '\n')
		(void)format(text, sizeof(text), "\\n");
	else if (c == '\t')
		(void)format(text, sizeof(text), "\\t");
	else
		(void)format(text, sizeof(text), "\\u%04x", c);
	put_text(j, text);
}

static void put_string(struct json *j, const char *text, size_t len)
{
	put(j, "\"", 1);
	for (size_t i = 0, n; i < len; i += n) {
		u8 c = (u8)text[i];

		n = utf8_length((const u8 *)text + i, len - i);
		if (n == 0) {
			put_text(j, "\\ufffd");
			n = 1;
		} else if (c < 0x20 || c == 0x7f || c == '"' || c == '\\') {
			put_escaped(j, c);
		} else {
			put(j, text + i, n);
		}
	}
	put(j, "\"", 1);
}

/* What stands before a value: a comma, a key. */
static void value_begin(struct json *j, const char *key)
{
	u32 bit = 1u << j->depth;

	assert(j->depth == 0 || (key == NULL) == ((j->arrays & bit) != 0));
	if (j->nonempty & bit)
		put(j, ",", 1);
	j->nonempty |= bit;
	if (key != NULL) {
		put_string(j, key, strlen(key));
		put(j, ":", 1);
	}
}

static void open(struct json *j, const char *key, bool array)
{
	value_begin(j, key);
	put(j, array ? "[" : "{", 1);
	j->depth++;
	assert(j->depth < JSON_DEPTH);
	j->nonempty &= ~(1u << j->depth);
	j->arrays &= ~(1u << j->depth);
	j->arrays |= (u32)array << j->depth;
}

void json_begin(struct json *j, struct out *out)
{
	j->out = out;
	j->depth = 0;
	j->arrays = 0;
	j->nonempty = 0;
	j->held = 0;
}

void json_end(struct json *j)
{
	assert(j->depth == 0);
	put(j, "\n", 1);
	flush(j);
}

void json_object(struct json *j, const char *key)
{
	open(j, key, false);
}

void json_array(struct json *j, const char *key)
{
	open(j, key, true);
}

void json_close(struct json *j)
{
	assert(j->depth > 0);
	put(j, j->arrays & 1u << j->depth ? "]" : "}", 1);
	j->depth--;
}

void json_string_len(struct json *j, const char *key, const char *value, size_t len)
{
	value_begin(j, key);
	put_string(j, value, len);
}

void json_string(struct json *j, const char *key, const char *value)
{
	if (value != NULL) {
		json_string_len(j, key, value, strlen(value));
		return;
	}
	value_begin(j, key);
	put_text(j, "null");
}

void json_number(struct json *j, const char *key, u64 value)
{
	json_decimal(j, key, value, 0);
}

void json_decimal(struct json *j, const char *key, u64 value, u32 decimals)
{
	char text[48];
	u64 unit = 1;

	for (u32 i = 0; i < decimals; i++)
		unit *= 10;
	if (decimals == 0)
		(void)format(text, sizeof(text), "%llu", (unsigned long long)value);
	else
		(void)format(text, sizeof(text), "%llu.%0*llu", (unsigned long long)(value / unit),
			(int)decimals, (unsigned long long)(value % unit));
	value_begin(j, key);
	put_text(j, text);
}

void json_bool(struct json *j, const char *key, bool value)
{
	value_begin(j, key);
	put_text(j, value ? "true" : "false");
}

/* SPDX-License-Identifier: MIT */
/*
 * The JSON writer: structure, numbers, escaping, text that is not UTF-8.
 * sources: rootpart/cli/json.c lib/format.c tests/unit/host_assert.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "rootpart/cli/json.h"

struct capture {
	struct out out;
	char text[4096];
	size_t len;
};

static void capture_write(struct out *out, const char *text, size_t len)
{
	struct capture *c = (struct capture *)out;

	assert_true(c->len + len < sizeof(c->text));
	memcpy(c->text + c->len, text, len);
	c->len += len;
	c->text[c->len] = '\0';
}

static struct capture capture;

static struct json begin(void)
{
	struct json j;

	capture = (struct capture){ .out = { capture_write } };
	json_begin(&j, &capture.out);
	return j;
}

static void documents(void **state)
{
	struct json j = begin();

	(void)state;
	json_object(&j, NULL);
	json_string(&j, "name", "a");
	json_number(&j, "n", ~0ull);
	json_array(&j, "list");
	json_number(&j, NULL, 0);
	json_object(&j, NULL);
	json_close(&j);
	json_array(&j, NULL);
	json_close(&j);
	json_string(&j, NULL, NULL);
	json_close(&j);
	json_bool(&j, "yes", true);
	json_bool(&j, "no", false);
	json_decimal(&j, "part", 1205, 2);
	json_decimal(&j, "small", 5, 3);
	json_close(&j);
	json_end(&j);
	assert_string_equal(capture.text,
		"{\"name\":\"a\",\"n\":18446744073709551615,\"list\":[0,{},[],null],"
		"\"yes\":true,\"no\":false,\"part\":12.05,\"small\":0.005}\n");
}

static const struct {
	const char *text;
	const char *json;
} strings[] = {
	{ "", "\"\"" },
	{ "a\"b\\c/", "\"a\\\"b\\\\c/\"" },
	{ "\n\t\r\001\177\033", "\"\\n\\t\\u000d\\u0001\\u007f\\u001b\"" },
	{ "gr\303\274n \342\202\254 \360\237\230\200",
		"\"gr\303\274n \342\202\254 \360\237\230\200\"" },
	{ "\200", "\"\\ufffd\"" },
	{ "a\303", "\"a\\ufffd\"" },
	{ "\303x", "\"\\ufffdx\"" },
	{ "\300\257", "\"\\ufffd\\ufffd\"" },
	{ "\340\200\257", "\"\\ufffd\\ufffd\\ufffd\"" },
	{ "\355\240\200", "\"\\ufffd\\ufffd\\ufffd\"" },
	{ "\364\220\200\200", "\"\\ufffd\\ufffd\\ufffd\\ufffd\"" },
	{ "\377\376", "\"\\ufffd\\ufffd\"" },
};

static void strings_are_escaped(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(strings); i++) {
		struct json j = begin();

		json_string(&j, NULL, strings[i].text);
		json_end(&j);
		capture.text[capture.len - 1] = '\0';
		assert_string_equal(capture.text, strings[i].json);
	}
}

static void zero_bytes_and_long_text(void **state)
{
	struct json j = begin();
	char text[1000];

	(void)state;
	memset(text, 'x', sizeof(text));
	text[0] = '\0';
	json_string_len(&j, NULL, text, sizeof(text));
	json_end(&j);
	assert_int_equal(capture.len, 1 + 6 + 999 + 2);
	assert_memory_equal(capture.text, "\"\\u0000xx", 9);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(documents),
		cmocka_unit_test(strings_are_escaped),
		cmocka_unit_test(zero_bytes_and_long_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

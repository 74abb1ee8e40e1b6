/* SPDX-License-Identifier: MIT */
/*
 * SHA-256: the vectors of FIPS 180-4's examples and of NIST's short-message tests, and
 * that it does not matter how a message is cut.
 * sources: lib/sha256.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/sha256.h"

static char text[SHA256_TEXT];

static const char *digest_of(const char *message, size_t repeat)
{
	struct sha256 s;
	u8 digest[SHA256_SIZE];

	sha256_begin(&s);
	for (size_t i = 0; i < repeat; i++)
		sha256_add(&s, message, strlen(message));
	sha256_end(&s, digest);
	sha256_text(digest, text);
	return text;
}

static void vectors(void **state)
{
	(void)state;
	assert_string_equal(digest_of("", 1),
		"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	assert_string_equal(digest_of("abc", 1),
		"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	assert_string_equal(
		digest_of("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 1),
		"248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
	assert_string_equal(digest_of("a", 1000000),
		"cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
	assert_string_equal(digest_of("\xbd", 1),
		"68325720aabd7c82f30f554b313d0570c95accbb7dc4b5aae11204c08ffe732b");
}

/* Every length around the padding's edge, cut at random. */
static void cuts(void **state)
{
	u8 message[300], whole[SHA256_SIZE], cut[SHA256_SIZE];
	struct sha256 s;

	(void)state;
	srand(2);
	for (size_t i = 0; i < sizeof(message); i++)
		message[i] = (u8)rand();
	for (size_t len = 0; len <= sizeof(message); len++) {
		sha256_begin(&s);
		sha256_add(&s, message, len);
		sha256_end(&s, whole);
		sha256_begin(&s);
		for (size_t at = 0; at < len;) {
			size_t n = (size_t)rand() % (len - at + 1);

			sha256_add(&s, message + at, n);
			at += n;
		}
		sha256_end(&s, cut);
		assert_memory_equal(whole, cut, SHA256_SIZE);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vectors),
		cmocka_unit_test(cuts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/*
 * SHA-256 (FIPS 180-4), in pieces of any length. For files and disks to be compared by;
 * nothing secret goes through it.
 */
#pragma once

#include "base/types.h"

#define SHA256_SIZE 32u
#define SHA256_TEXT 65u /* in hexadecimal, terminated */

struct sha256 {
	u32 state[8];
	u64 length;    /* bytes so far */
	u8 buffer[64]; /* length % 64 of them wait here */
};

void sha256_begin(struct sha256 *s);
void sha256_add(struct sha256 *s, const void *data, size_t len);
void sha256_end(struct sha256 *s, u8 digest[SHA256_SIZE]);
/* Lower case, as sha256sum prints it. */
void sha256_text(const u8 digest[SHA256_SIZE], char text[SHA256_TEXT]);

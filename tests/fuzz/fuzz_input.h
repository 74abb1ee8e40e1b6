/* SPDX-License-Identifier: MIT */
/*
 * An input as a row of small decisions: each takes as many bytes as it needs; behind the end all are zero.
 */
#pragma once

#include <string.h>

#include "base/types.h"

struct fuzz_input {
	const u8 *at;
	size_t left;
};

static inline void input_bytes(struct fuzz_input *in, void *to, size_t size)
{
	size_t n = MIN(size, in->left);

	memset(to, 0, size);
	memcpy(to, in->at, n);
	in->at += n;
	in->left -= n;
}

static inline u8 input_u8(struct fuzz_input *in)
{
	u8 v;

	input_bytes(in, &v, sizeof(v));
	return v;
}

static inline u16 input_u16(struct fuzz_input *in)
{
	u16 v;

	input_bytes(in, &v, sizeof(v));
	return v;
}

static inline u32 input_u32(struct fuzz_input *in)
{
	u32 v;

	input_bytes(in, &v, sizeof(v));
	return v;
}

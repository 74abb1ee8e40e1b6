/* SPDX-License-Identifier: MIT */
/*
 * A child of the calling kernel, in the root's place, that runs the fuzzer
 * (child_self.h). A second VP of it is there to be flushed and interrupted.
 */
#pragma once

#include "tests/guest/lib/child_self.h"
#include "tests/guest/lib/fuzz.h"

#define FUZZ_CHILD_PAGES 80u   /* of its deposit */
#define FUZZ_CHILD_PORT  0x80u /* its OUT there says that it is done */

struct fuzz_child {
	struct child_self self;
	const struct fuzz *fuzz; /* the child's */
};

/* Makes it and lets it go; the second VP runs too if @both. */
void fuzz_child_begin(struct fuzz_child *c, u64 seed, u64 count, bool both);
/* Ends it wherever it is; gives the pages of its deposit that came back. */
u64 fuzz_child_end(struct fuzz_child *c);

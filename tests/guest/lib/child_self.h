/* SPDX-License-Identifier: MIT */
/*
 * A child that runs a copy of the calling kernel's image at the same address, so
 * that its code is C of the same file. Its memory is that copy and nothing
 * else: what it finds in static variables is what they held when it was made.
 */
#pragma once

#include "base/types.h"

struct child_self {
	u64 id;
	u64 copy; /* of the image; page-aligned RAM of ours */
	u64 size;
};

/* Makes it with @pages deposited, with the privileges and flags that child_make() gives. */
void child_self_begin(struct child_self *c, u64 pages);
/* One of a copy that is there already. */
void child_self_of_copy(struct child_self *c, u64 copy, u64 pages);
/* Makes VP @vp, 0 or 1, which runs @fn on a stack of its own once it is released. */
void child_self_vp(const struct child_self *c, u32 vp, void (*fn)(void));
/* Where the child has what we have at @p, in our memory. */
void *child_self_at(const struct child_self *c, const void *p);
/* Suspends the two VPs and ends it; gives the pages of its deposit that came back. */
u64 child_self_end(const struct child_self *c);

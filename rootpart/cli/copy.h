/* SPDX-License-Identifier: MIT */
/*
 * Copying files for cp and mv. A copy grows under another name in the target's directory and
 * takes the target's place when it is whole and on the medium; only what cannot be made anew, as
 * a disk, is written where it is. CLI's task.
 */
#pragma once

#include "rootpart/cli/command.h"
#include "rootpart/cli/progress.h"

/* Of what grows. */
#define COPY_PART_NAME ".cp-part"

struct copy {
	struct cli *cli;
	struct progress progress;
	u8 *buf;
};

/* False: no memory. */
bool copy_begin(struct copy *c, struct cli *cli);
void copy_end(struct copy *c);
/* Paths are normal. Prints the error, but for -EINTR at Ctrl-C. */
[[nodiscard]] int copy_file(struct copy *c, const char *source, const char *target);
/* The same for a file or a directory with all that is in it; goes on after an error. */
[[nodiscard]] int copy_tree(struct copy *c, const char *source, const char *target);

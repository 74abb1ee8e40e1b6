/* SPDX-License-Identifier: MIT */
/*
 * What a command that takes long has done so far, on one line that is written over: a bar, the
 * bytes, and how many a second. Nothing is shown in the first second. CLI's task.
 */
#pragma once

#include "rootpart/cli/command.h"

struct progress {
	struct cli *cli;
	u64 total; /* bytes; what is done may be more */
	u64 done;
	u64 begin_ns;
	u64 shown_ns; /* when it was written last; 0: never */
};

void progress_begin(struct progress *p, struct cli *cli, u64 total);
/* @bytes more are done. */
void progress_add(struct progress *p, u64 bytes);
/* Ends the line, if there is one. */
void progress_end(struct progress *p);

/* SPDX-License-Identifier: MIT */
/*
 * The command line on the console: reads lines, runs commands. rootpart/cli/
 * command.h is for the commands.
 */
#pragma once

#include "base/types.h"

/* Starts console and command line as a task of this VP. Boot. Panics without memory. */
void cli_start(void);
/* TSC when the first prompt was written, 0 before. */
u64 cli_prompt_tsc(void);

/* SPDX-License-Identifier: MIT */
/*
 * The command line on the console: reads lines, runs commands. rootpart/cli/
 * command.h is for the commands.
 */
#pragma once

/* Starts console and command line as a task of this VP. Boot. Panics without memory. */
void cli_start(void);
